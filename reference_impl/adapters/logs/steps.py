"""Steps of a run that are written down once the device has shown what came of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from fencepost import EventLog
from reference_impl.attention import Component, LayerCache


class Steps:
    """The steps of a run in their order. What a kernel has read is known when it is over, so each
    step has room for what was seen after it, and all is written at the end."""

    def __init__(self) -> None:
        self._taken: list[tuple[str, dict[str, Any], dict[str, object]]] = []

    def take(self, action: str, **arguments: Any) -> dict[str, object]:
        """A step is taken; the cells of the model that are seen after it, to be filled in."""
        seen: dict[str, object] = {}
        self._taken.append((action, arguments, seen))
        return seen

    def write(
        self,
        path: Path,
        model: str,
        design: str,
        *,
        sizes: Mapping[str, int],
        unlogged: Sequence[str],
        first: Mapping[str, object],
        last: Mapping[str, object],
    ) -> None:
        """The event log; `first` and `last` are cells as they were before the first step, and as
        they are after all of them."""
        self._taken[-1][2].update(last)
        with EventLog(
            path, model=model, design=design, sizes=sizes, unlogged=unlogged, seen=first
        ) as log:
            for action, arguments, seen in self._taken:
                log.step(action, seen=seen, **arguments)


def after(node: object, name: str, told: Callable[..., object]) -> None:
    """Tell of each call of a method of a node, once it is over, unless it says that it did nothing;
    `told` is given the arguments."""

    def performed(original: Callable[..., Any], *arguments: Any) -> Any:
        did = original(*arguments)
        if did is not False:
            told(*arguments)
        return did

    around(node, name, performed)


def around(node: object, name: str, method: Callable[..., Any]) -> None:
    """Give a node another method, which is told the one it replaces before the arguments."""
    setattr(node, name, partial(method, getattr(node, name)))


class Copied:
    """A `LayerCache` that is another one, and gives a copy of its rows; `keep` is given the same
    copy, with the component and the layer. So what was read can be looked at later."""

    def __init__(self, inner: LayerCache, keep: Callable[[Component, int, Tensor], object]) -> None:
        self._inner, self._keep = inner, keep

    def append(self, component: Component, layer: int, start: int, new: Tensor) -> Tensor:
        """As in `LayerCache`."""
        rows = self._inner.append(component, layer, start, new).clone()
        self._keep(component, layer, rows)
        return rows


def same(rows: Tensor, right: Tensor) -> bool:
    """Whether rows are as they should be, but for sums in another order."""
    return bool((rows.cpu() - right.cpu()).abs().max() < 1e-4)
