"""The usual call of an operator that makes a tensor of plain values, such as sizes and a number."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from fencepost.streams.shim.declared import Declared
from fencepost.streams.shim.devices import OF_THE_HOST
from fencepost.streams.shim.launches import Launch, result_into
from fencepost.streams.shim.remembered import Outlines
from fencepost.streams.shim.shapes import (
    WITHOUT_TENSORS,
    default_dtype,
    freeze,
)
from fencepost.streams.shim.special import UNINITIALISED

if TYPE_CHECKING:
    from fencepost.streams.shim.runtime import Runtime

WHERE = ("device", "pin_memory")


class Factory:
    """One such operator; `otherwise` performs a call for the host, or like another tensor."""

    def __init__(
        self,
        runtime: Runtime,
        declared: Declared,
        otherwise: Callable[[tuple[Any, ...], dict[str, Any]], Any],
    ) -> None:
        self.runtime = runtime
        self.operator = declared.operator
        self.name = declared.name
        self.leaves_memory = declared.operator in UNINITIALISED
        self.otherwise = otherwise
        self._outlines = Outlines(runtime, declared.operator)
        self._known = self._outlines.known

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Queue a call."""
        runtime = self.runtime
        if kwargs.get("pin_memory") or runtime.place_for(kwargs.get("device"), False) == "host":
            return self.otherwise(args, kwargs)
        named = {name: value for name, value in kwargs.items() if name not in WHERE}
        for value in (*args, *named.values()):
            kind = type(value)
            if kind not in WITHOUT_TENSORS and not (
                kind is list and all(type(each) in WITHOUT_TENSORS for each in value)
            ):
                return self.otherwise(args, kwargs)
        form = (default_dtype(), *map(freeze, args), *named, *map(freeze, named.values()))
        outline = self._known.get(form) or self._outlines.look(
            form, args, {**named, "device": OF_THE_HOST}
        )
        if outline is None:
            return self.otherwise(args, kwargs)
        if self.leaves_memory:
            return runtime.allocate(outline)
        result, made = runtime.allocate_known(outline)
        kernel = partial(
            result_into, made.tensor, self.operator, *args, **named, device=OF_THE_HOST
        )
        runtime.submit(Launch(self.name, [], [made.bytes], kernel))
        return result
