"""What an operator will return: sizes, strides and types, known before its kernel runs.

torch computes them on `meta` tensors, which have no data. The answer depends on sizes and plain
arguments only, so it is remembered; a program that runs the same layer a thousand times asks once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch._ops import OpOverload

from fencepost.streams.shim.arena import ALIGNMENT
from fencepost.streams.shim.errors import sparse

MOST_REMEMBERED = 100_000
default_dtype = torch.get_default_dtype
"""The type of what is made of Python's numbers, which a program may change."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A tensor less its data.

    `span` is the bytes from its first to its last element, `held` those of its storage, `block`
    those of the block that it is given, and `label` what a report calls it.
    """

    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: torch.dtype
    span: int = field(init=False, compare=False)
    held: int = field(init=False, compare=False)
    block: int = field(init=False, compare=False)
    label: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        last = sum((n - 1) * s for n, s in zip(self.shape, self.stride, strict=True))
        span = 0 if 0 in self.shape else (last + 1) * self.dtype.itemsize
        object.__setattr__(self, "span", span)
        # A storage has an element at least, because an address says where it is.
        object.__setattr__(self, "held", max(span, self.dtype.itemsize))
        object.__setattr__(self, "block", -(-self.held // ALIGNMENT) * ALIGNMENT)
        object.__setattr__(self, "label", shown(self.shape, self.dtype))


def shown(shape: tuple[int, ...], dtype: torch.dtype) -> str:
    """A tensor in a report, as `float32[8, 4]`."""
    return f"{str(dtype).removeprefix('torch.')}{list(shape)}"


class NotKnownBefore(Exception):
    """What an operator returns depends on the values it reads, or torch has no rule for it."""


def outline_of(tensor: torch.Tensor) -> Outline:
    """What is known of a tensor without its data.

    Raises `InputError` F220 for one that is not strided.
    """
    if tensor.layout is not torch.strided:
        raise sparse(tensor.layout)
    return Outline(tuple(tensor.shape), tensor.stride(), tensor.dtype)


NUMBERS = frozenset((bool, int, float))
WITHOUT_TENSORS = NUMBERS | {
    type(None),
    str,
    torch.dtype,
    torch.device,
    torch.layout,
    torch.memory_format,
}
"""Types of arguments that hold no tensor; `isinstance` of them asks torch, and takes its time."""


def freeze(value: Any) -> Any:
    """An argument as a key: tensors by what is known without their data, lists as tuples."""
    kind = type(value)
    if kind in WITHOUT_TENSORS:
        return (kind, value) if kind in NUMBERS else value
    if isinstance(value, torch.Tensor):
        return (tuple(value.shape), value.stride(), value.dtype, value.is_conj(), value.is_neg())
    if isinstance(value, list | tuple):
        return tuple(freeze(item) for item in value)
    if isinstance(value, torch.Generator):
        return None
    return (kind, value) if isinstance(value, int | float) else value


def map_tensors(value: Any, change: Callable[[torch.Tensor], Any]) -> Any:
    """The same nested arguments with each tensor replaced."""
    if type(value) in WITHOUT_TENSORS:
        return value
    if isinstance(value, torch.Tensor):
        return change(value)
    if isinstance(value, list | tuple):
        return type(value)(map_tensors(item, change) for item in value)
    return value


def tensors_in(value: Any, found: list[torch.Tensor]) -> None:
    """Collect the tensors among nested arguments."""
    if type(value) in WITHOUT_TENSORS:
        return
    if isinstance(value, torch.Tensor):
        found.append(value)
    elif isinstance(value, list | tuple):
        for item in value:
            tensors_in(item, found)


def map_outlines(value: Any, change: Callable[[Outline], Any]) -> Any:
    """The same nested results with each outline replaced."""
    if isinstance(value, Outline):
        return change(value)
    if isinstance(value, list | tuple):
        return type(value)(map_outlines(item, change) for item in value)
    return value


def _as_meta(tensor: torch.Tensor) -> torch.Tensor:
    made = torch.empty_strided(tensor.size(), tensor.stride(), dtype=tensor.dtype, device="meta")
    return made.conj() if tensor.is_conj() else made


def _without_generator(name: str, value: Any) -> Any:
    if name == "device" and value is not None:
        return torch.device("meta")
    if name == "pin_memory":
        return None
    return None if isinstance(value, torch.Generator) else map_tensors(value, _as_meta)


class ShapeRules:
    """Outlines of what operators return, computed once for each operator and arguments."""

    def __init__(self) -> None:
        self._known: dict[Any, Any] = {}

    def infer(self, operator: OpOverload[Any, Any], args: Any, kwargs: dict[str, Any]) -> Any:
        """The return value with an `Outline` for each tensor.

        Raises what torch raises for arguments that do not fit, and `NotKnownBefore`.
        """
        named = ((k, freeze(v)) for k, v in kwargs.items())
        key = (operator, default_dtype(), freeze(args), *named)
        try:
            found = self._known.get(key)
        except TypeError:  # an argument that is no key, such as a symbolic size
            return self._compute(operator, args, kwargs)
        if found is None:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            found = self._known[key] = (self._compute(operator, args, kwargs),)
        return found[0]

    def _compute(self, operator: OpOverload[Any, Any], args: Any, kwargs: dict[str, Any]) -> Any:
        meta_args = map_tensors(args, _as_meta)
        meta_kwargs = {name: _without_generator(name, value) for name, value in kwargs.items()}
        if "device" in {a.name for a in operator._schema.arguments}:
            meta_kwargs["device"] = torch.device("meta")
        try:
            result = operator(*meta_args, **meta_kwargs)
        except (
            NotImplementedError,
            torch._subclasses.fake_tensor.DynamicOutputShapeException,
        ) as e:
            raise NotKnownBefore(str(operator)) from e
        except RuntimeError as error:
            if "meta" in str(error).lower():
                raise NotKnownBefore(str(operator)) from error
            raise
        return map_tensors(result, outline_of)
