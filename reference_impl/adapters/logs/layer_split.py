"""The event log of ranks, as `fencepost conform layer_split --log` reads it.

What the hosts of the ranks decide is logged, and at the end whose layer each attention has read.
Loads, broadcasts and attentions run when nobody sees it, and are not logged. A prompt is one step
of all layers, and no load fails.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from pathlib import Path
from typing import Any

from torch import Tensor

from reference_impl.adapters.logs.steps import Copied, Steps, after, around, same
from reference_impl.attention import Component, LayerCache
from reference_impl.layer_split import BUFFERS, Rank, Stage, Turn

MODEL = "layer_split"
UNLOGGED = ("finish_load", "send", "receive", "attend")


class LayerSplitSteps:
    """Takes down the steps of all ranks; `right` has the keys and values of each prompt as the
    oracle has them, [layers, n, ...]."""

    def __init__(self, ranks: Sequence[Rank], right: Sequence[Tensor]) -> None:
        self.ranks, self.right = ranks, right
        self.steps = Steps()
        self._stage = {(t.number, r.number): t.stage for r in ranks for t in r.turns}
        self._concluded: set[int] = set()
        self._read: dict[int, list[Tensor]] = {rank.number: [] for rank in ranks}
        for rank in ranks:
            after(rank, "take_up", lambda rank=rank: self._moved(rank))
            self._note(rank)

    def _moved(self, rank: Rank) -> None:
        for turn in rank.turns:
            cell = turn.number, rank.number
            before, self._stage[cell] = self._stage[cell], turn.stage
            if before is not turn.stage:
                self._step(before, turn, rank.number)

    def _step(self, before: Stage, turn: Turn, rank: int) -> None:
        if before is Stage.AHEAD:
            self.steps.take("take_up", turn=turn.number, rank=rank)
        elif turn.stage is Stage.JOINED:
            self.steps.take("join", turn=turn.number, rank=rank)
        elif turn.number not in self._concluded:  # all ranks are told, one after the other
            self._concluded.add(turn.number)
            self.steps.take("conclude", turn=turn.number)

    def _note(self, rank: Rank) -> None:
        """Keep what the attentions of a rank read, in the order of its turns."""
        noting = copy(rank.model)

        def keep(component: Component, _: int, rows: Tensor) -> None:
            if component is Component.KEYS_VALUES:
                self._read[rank.number].append(rows)

        def noted(
            original: Callable[..., Tensor], x: Tensor, number: int, start: int, cache: LayerCache
        ) -> Tensor:
            return original(x, number, start, Copied(cache, keep))

        around(noting, "layer", noted)
        rank.model = noting

    def write(self, path: Path, design: str) -> None:
        """The log of a run that is over."""
        turns, layers = self.ranks[0].turns, self.ranks[0].model.shape.layers
        owners = {t.number: next(r for r in self.ranks if r.owns(t)) for t in turns}
        loads = {t: o.needs_load(o.turns[t]) for t, o in owners.items()}
        first: dict[str, Any] = {f"layer[{t.number}]": t.layer for t in turns}
        first |= {f"buffer[{t.number}]": owners[t.number].buffer_of(t) for t in turns}
        first |= {f"owner[{t.layer}]": owners[t.number].number for t in turns}
        first |= {f"load[{t}]": "QUEUED" if needs else "NEEDLESS" for t, needs in loads.items()}
        self.steps.write(
            path,
            MODEL,
            design,
            sizes={
                "ranks": len(self.ranks),
                "layers": layers,
                "buffers": BUFFERS,
                "turns": len(turns),
            },
            unlogged=UNLOGGED,
            first=first,
            last={
                f"attention[{turn.number}, {rank.number}]": self._attention(rank, turn)
                for rank in self.ranks
                for turn in rank.turns
            },
        )

    def _attention(self, rank: Rank, turn: Turn) -> str:
        rows = self._read[rank.number][turn.number][: turn.start]
        return "OWN" if same(rows, self.right[turn.prompt][turn.layer]) else "FOREIGN"
