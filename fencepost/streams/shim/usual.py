"""The usual call of an operator: tensors of the device and plain values go in, and one tensor comes
out or is written in place.

What is queued then depends on the forms of the tensors and on the plain values alone, so it is made
out once for each and remembered. Every other call goes the long way, by the same rules.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from fencepost.streams.shim.aliases import Alias
from fencepost.streams.shim.declared import Declared
from fencepost.streams.shim.launches import Launch, result_into
from fencepost.streams.shim.remembered import Outlines
from fencepost.streams.shim.shapes import (
    NUMBERS,
    WITHOUT_TENSORS,
    Outline,
    default_dtype,
    freeze,
)

if TYPE_CHECKING:
    from fencepost.streams.shim.runtime import Runtime


class Usual:
    """One operator that reads all its tensors and returns one.

    `otherwise` performs a call that is none of the usual.
    """

    def __init__(
        self,
        runtime: Runtime,
        declared: Declared,
        otherwise: Callable[[tuple[Any, ...], dict[str, Any]], Any],
    ) -> None:
        self.runtime = runtime
        self.operator = declared.operator
        self.name = declared.name
        self.written = declared.written
        self.returned = declared.returned[0]
        self.otherwise = otherwise
        self.least = max(self.written, default=-1)
        self._of = runtime.aliases.of
        self._outlines = Outlines(runtime, declared.operator)
        self._known = self._outlines.known

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Queue a call."""
        if len(args) <= self.least:
            return self.otherwise(args, kwargs)
        key: list[Any] = [default_dtype()]
        raw: list[Any] = []
        aliases: list[Alias | None] = []
        for value in args:
            kind = type(value)
            alias = None
            if kind in WITHOUT_TENSORS:
                key.append((kind, value) if kind in NUMBERS else value)
                raw.append(value)
            elif isinstance(value, torch.Tensor):
                alias = self._of(value)
                if alias is None or not alias.there:
                    return self.otherwise(args, kwargs)
                key.append(alias.form)
                raw.append(alias.tensor)
            elif kind is list and all(type(each) in WITHOUT_TENSORS for each in value):
                key.append(freeze(value))
                raw.append(value)
            else:
                return self.otherwise(args, kwargs)
            aliases.append(alias)
        for name, value in kwargs.items():
            kind = type(value)
            if kind not in WITHOUT_TENSORS:
                return self.otherwise(args, kwargs)
            key += name, kind, value
        form = tuple(key)
        outline = self._known.get(form) or self._look(form, args, kwargs)
        if outline is None:
            return self.otherwise(args, kwargs)
        reads = [alias.bytes for alias in aliases if alias is not None]
        writes = [alias.bytes for place in self.written if (alias := aliases[place]) is not None]
        runtime = self.runtime
        if self.returned is not None:
            kernel = partial(self.operator, *raw, **kwargs)
            runtime.submit(Launch(self.name, reads, writes, kernel))
            return args[self.returned]
        result, made = runtime.allocate_known(outline)
        kernel = partial(result_into, made.tensor, self.operator, *raw, **kwargs)
        writes.append(made.bytes)
        runtime.submit(Launch(self.name, reads, writes, kernel))
        return result

    def _look(
        self, form: tuple[Any, ...], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Outline | None:
        """The outline of the result, where there is one; remembered."""
        if not any(isinstance(value, torch.Tensor) for value in args):
            return None
        return self._outlines.look(form, args, kwargs)
