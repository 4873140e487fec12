"""The layer split by real processes, one a rank, over `torch.distributed` with gloo on loopback.

    python -m reference_impl.adapters.ranks --ranks 3 --design agreed_rounds

Each rank computes all tokens; they are held against a run without overlap. `--refuse` lets a rank
refuse a turn, and `--rank dies` or `--rank hangs` does so to the last rank in the middle of its
work, which shows how that is noticed. The exit code is 1 if a token differs or a process fails.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from reference_impl.adapters.device import device
from reference_impl.adapters.processes import ProcessError, together
from reference_impl.attention import Shape, SmallModel
from reference_impl.barriers import LayerSplit
from reference_impl.gloo_group import GlooGroup
from reference_impl.layer_split import Prompt, Rank, Stage
from reference_impl.load.oracle import oracle

SHAPE = Shape(layers=4)
COUNT, LAST = 3, 5
FAULTS = {"works": None, "dies": signal.SIGKILL, "hangs": signal.SIGSTOP}


@dataclass(frozen=True)
class Plan:
    """What is run. A rank that waits longer than `patience` seconds for the others gives up.

    `refuses` is a rank and the turn that it has no room for. `fault` is a signal that the last rank
    sends itself in its turn `fault_at`: SIGKILL and it dies, SIGSTOP and it hangs.
    """

    on: LayerSplit
    ranks: int = 3
    prompts: int = 2
    patience: float = 20.0
    refuses: tuple[int, int] | None = None
    fault: signal.Signals | None = None
    fault_at: int = 5

    def prefix(self, prompt: int) -> tuple[int, ...]:
        """The tokens whose rows the host has."""
        return tuple((11 * prompt + 5 * i * i + i) % SHAPE.vocabulary for i in range(6))


@dataclass(frozen=True)
class Report:
    """The tokens of each rank for each prompt, None for one that was dropped; and the oracle's."""

    tokens: tuple[tuple[tuple[int, ...] | None, ...], ...]
    right: tuple[tuple[int, ...], ...]

    @property
    def is_right(self) -> bool:
        """Whether all ranks have the oracle's tokens for every prompt that none has dropped."""
        return all(
            found in (None, right)
            for of_rank in self.tokens
            for found, right in zip(of_rank, self.right, strict=True)
        )


def rank_process(number: int, plan: Plan, store: Path) -> Report:
    """The whole life of a rank; its report holds its own tokens."""
    with device():
        model, prompts, right = SmallModel(SHAPE), [], []
        for prefix in map(plan.prefix, range(plan.prompts)):
            expected = oracle(model, (*prefix, LAST), COUNT, chunk=len(prefix))
            right.append(expected.tokens)
            n = len(prefix)
            index_keys = expected.index_keys[:, :n].clone().pin_memory()
            keys_values = expected.keys_values[:, :n].clone().pin_memory()
            prompts.append(Prompt(index_keys, keys_values, LAST, COUNT))
        group = GlooGroup(number, plan.ranks, SHAPE.layers, store, plan.on, plan.patience)
        rank = Rank(number, plan.ranks, model, prompts, group, plan.on)
        _until_over(rank, group, plan)
        torch.cuda.synchronize()
        tokens = tuple(
            None if prompt in rank.dropped else tuple(rank.results[prompt].tolist())
            for prompt in range(plan.prompts)
        )
        group.close()
        return Report((tokens,), tuple(right))


def _until_over(rank: Rank, group: GlooGroup, plan: Plan) -> None:
    """All loops of the rank in turn, until every rank has seen the end of every prompt."""
    moved = time.monotonic()
    while not group.all_finished(plan.prompts - 1):
        turn = next((t.number for t in rank.turns if t.stage < Stage.JOINED), None)
        if plan.fault is not None and rank.number == plan.ranks - 1 and turn == plan.fault_at:
            os.kill(os.getpid(), plan.fault)
        if plan.refuses == (rank.number, turn):
            rank.refuse()
        # Every loop gets its turn: a list, where `any` would stop at the first that moves.
        if any([group.progress(), rank.fetch(), rank.take_up(), rank.attend()]):
            moved = time.monotonic()
            continue
        torch.cuda.synchronize()
        time.sleep(0.001)
        if time.monotonic() - moved > 2 * plan.patience:
            raise TimeoutError(f"nothing to do in turn {turn}, which is not over")


def run(
    plan: Plan,
    timeout: float = 120.0,
    started: Callable[[Mapping[str, int]], object] = lambda _: None,
) -> Report:
    """Run a plan, one process a rank; the tokens of all ranks.

    Raises `ProcessError` if one of them fails or they are not done after `timeout` seconds; no
    process is left then, nor otherwise. `started` is told their process ids by name.
    """
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        tasks: dict[str, Callable[[], object]] = {
            f"rank {number}": partial(rank_process, number, plan, store)
            for number in range(plan.ranks)
        }
        returned = together(tasks, timeout, started)
    reports: list[Report] = [returned[name] for name in tasks]
    return Report(tuple(t for report in reports for t in report.tokens), reports[0].right)


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line asks for; the exit code."""
    from reference_impl.adapters.absent import ABSENT
    from reference_impl.adapters.designs import design

    parser = argparse.ArgumentParser(prog="reference_impl.adapters.ranks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--ranks", type=int, default=3)
    parser.add_argument("--design", default="agreed_rounds", help="of models/layer_split.py")
    parser.add_argument("--refuse", type=int, nargs=2, metavar=("RANK", "TURN"))
    parser.add_argument("--rank", choices=FAULTS, default="works", help="what the last rank does")
    parser.add_argument("--patience", type=float, default=20.0, metavar="SECONDS")
    parser.add_argument("--timeout", type=float, default=120.0, metavar="SECONDS")
    asked = parser.parse_args(arguments)
    on = LayerSplit.on(design("layer_split", asked.design) - set(ABSENT))
    refuses = tuple(asked.refuse) if asked.refuse else None
    plan = Plan(on, asked.ranks, 2, asked.patience, refuses, FAULTS[asked.rank])
    try:
        report = run(plan, asked.timeout)
    except ProcessError as error:
        sys.stderr.write(f"ranks: {error}\n")
        return 1
    for number, of_rank in enumerate(report.tokens):
        for prompt, (found, right) in enumerate(zip(of_rank, report.right, strict=True)):
            said = "dropped" if found is None else " ".join(map(str, found))
            verdict = "" if found in (None, right) else f"  WRONG: {' '.join(map(str, right))}"
            sys.stdout.write(f"rank {number}  prompt {prompt}  {said}{verdict}\n")
    return 0 if report.is_right else 1


if __name__ == "__main__":
    sys.exit(main())
