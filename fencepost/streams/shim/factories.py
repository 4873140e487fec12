"""The usual call of an operator that makes a tensor of plain values, such as sizes and a number."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from fencepost.streams.shim.declared import Declared
from fencepost.streams.shim.devices import OF_THE_HOST
from fencepost.streams.shim.launches import Launch, result_into
from fencepost.streams.shim.remembered import Outlines
from fencepost.streams.shim.shapes import WITHOUT_TENSORS, default_dtype
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
        self.operator = declared.operator._op  # what a call of it calls
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
        key: list[Any] = [default_dtype(), *named]
        for value in (*args, *named.values()):
            kind = type(value)
            if kind in WITHOUT_TENSORS:
                key += kind, value
            elif kind is list and WITHOUT_TENSORS.issuperset(map(type, value)):
                key += tuple(map(type, value)), tuple(value)
            else:
                return self.otherwise(args, kwargs)
        form = tuple(key)
        outline = self._known.get(form) or self._outlines.look(
            form, args, {**named, "device": OF_THE_HOST}
        )
        if outline is None:
            return self.otherwise(args, kwargs)
        result, made = runtime.allocate_known(outline)
        if self.leaves_memory:
            return result
        kernel = partial(
            result_into, made.tensor, self.operator, *args, **named, device=OF_THE_HOST
        )
        runtime.submit(Launch(self.name, [], [made.bytes], kernel))
        return result
