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

from fencepost.streams.regions import Bytes
from fencepost.streams.shim.declared import Declared
from fencepost.streams.shim.launches import Launch, result_into
from fencepost.streams.shim.remembered import Outlines
from fencepost.streams.shim.shapes import (
    WITHOUT_TENSORS,
    default_dtype,
)

if TYPE_CHECKING:
    from fencepost.streams.shim.runtime import Runtime


class Usual:
    """One operator that returns one tensor.

    `otherwise` performs a call that is none of the usual, and `name` is what a report calls it.
    """

    def __init__(
        self,
        runtime: Runtime,
        declared: Declared,
        otherwise: Callable[[tuple[Any, ...], dict[str, Any]], Any],
        name: str = "",
    ) -> None:
        self.runtime = runtime
        self.operator = declared.operator._op  # what a call of it calls
        self.name = name or declared.name
        self.returned = declared.returned[0]
        self.indexing = declared.indexing
        self.otherwise = otherwise
        self.least = max(declared.written, default=-1)
        self._aliases = runtime.aliases
        self._outlines = Outlines(runtime, declared.operator)
        self._known = self._outlines.known
        unread = declared.uses.always
        self._uses = [
            (place not in unread, place in declared.written)
            for place in range(len(declared.arguments))
        ]
        """Of each argument, whether it is read and whether it is written."""
        if self.indexing is not None:  # which says more of the first
            self._uses[0] = True, False

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Queue a call."""
        if len(args) <= self.least:
            return self.otherwise(args, kwargs)
        key: list[Any] = [default_dtype()]
        raw: list[Any] = []
        reads: list[Bytes] = []
        writes: list[Bytes] = []
        known, tensors = self._aliases.known, False
        for value, (is_read, is_written) in zip(args, self._uses, strict=False):
            kind = type(value)
            if kind in WITHOUT_TENSORS:
                key += kind, value
                raw.append(value)
            elif isinstance(value, torch.Tensor):
                try:
                    alias = known.get((value.data_ptr(), value.size(), value.stride(), value.dtype))
                except RuntimeError:  # a tensor without a storage of its own
                    alias = None
                if alias is None or value.is_neg() or value.is_conj():
                    alias = self._aliases.of(value)
                if alias is None or not alias.there:
                    return self.otherwise(args, kwargs)
                tensors = True
                key.append(alias.form)
                raw.append(alias.tensor)
                if is_read:
                    reads.append(alias.bytes)
                if is_written:
                    writes.append(alias.bytes)
            elif kind is list and WITHOUT_TENSORS.issuperset(map(type, value)):
                key += tuple(map(type, value)), tuple(value)
                raw.append(value)
            elif kind is list and is_read and self._listed(value, key, raw, reads):
                tensors = True
            else:
                return self.otherwise(args, kwargs)
        for name, value in kwargs.items():
            kind = type(value)
            if kind not in WITHOUT_TENSORS:
                return self.otherwise(args, kwargs)
            key += name, kind, value
        form = tuple(key)
        outline = self._known.get(form)
        if outline is None:
            outline = self._outlines.look(form, args, kwargs) if tensors else None
        if outline is None:
            return self.otherwise(args, kwargs)
        if self.returned is None:
            result, made = self.runtime.allocate_known(outline)
            kernel = partial(result_into, made.tensor, self.operator, *raw, **kwargs)
            writes.append(made.bytes)
        else:
            result, kernel = args[self.returned], partial(self.operator, *raw, **kwargs)
        launch = Launch(self.name, reads, writes, kernel)
        if self.indexing is not None:
            self.indexing.narrow(launch, reads.pop(0), args, kwargs, raw)
        self.runtime.submit(launch)
        return result

    def _listed(
        self, values: list[Any], key: list[Any], raw: list[Any], reads: list[Bytes]
    ) -> bool:
        """Take a list of tensors and None; False if one is none of the device's."""
        of = self._aliases.of
        forms: list[Any] = []
        tensors: list[Any] = []
        for value in values:
            alias = of(value) if isinstance(value, torch.Tensor) else None
            if value is not None and (alias is None or not alias.there):
                return False
            forms.append(alias and alias.form)
            tensors.append(alias and alias.tensor)
            if alias is not None:
                reads.append(alias.bytes)
        key.append(tuple(forms))
        raw.append(tensors)
        return True
