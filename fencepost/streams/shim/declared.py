"""What is known of an operator of torch before it is called, by its schema and besides."""

from __future__ import annotations

from typing import Any

import torch
from torch._ops import OpOverload

from fencepost.streams.shim.indexing import INDEXING
from fencepost.streams.shim.randomness import draws_first
from fencepost.streams.shim.special import (
    INDEXED,
    KNOWN_LIBRARIES,
    MADE_ON_HOST,
    ON_HOST,
    UNDECLARED_WRITES,
)
from fencepost.streams.shim.unread import Unread


class Declared:
    """An operator that reads or writes data.

    Arguments and results are named by their places; `returned` is the argument that each result
    is, None where that is new.
    """

    def __init__(self, operator: OpOverload[Any, Any]) -> None:
        self.operator = operator
        schema = operator._schema
        self.name = operator.name().removeprefix("aten::").removesuffix(".default")
        self.arguments = [a.name for a in schema.arguments]
        self.takes_device = "device" in self.arguments
        self.written = [
            i for i, a in enumerate(schema.arguments) if a.alias_info and a.alias_info.is_write
        ]
        undeclared = UNDECLARED_WRITES.get(operator, ())
        self.written += [i for i, name in enumerate(self.arguments) if name in undeclared]
        on_host = ON_HOST.get(operator, ())
        self.on_host = [i for i, name in enumerate(self.arguments) if name in on_host]
        self.made_on_host = MADE_ON_HOST.get(operator, ())
        self.is_out = torch.Tag.out in operator.tags
        self.returned = [self._argument_returned(r) for r in schema.returns]
        self.uses = Unread(operator)
        self.reads_all = not (self.is_out or self.uses.by_call or self.uses.always)
        self.single = len(self.returned) == 1
        self.only_writes_arguments = None not in self.returned
        self.asks_host = bool(
            {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape} & set(operator.tags)
        )
        self.indexing = INDEXING.get(operator)
        self.indexed = self.indexing is not None or operator in INDEXED
        self.random = torch.Tag.nondeterministic_seeded in operator.tags
        self.draws_first = self.random and draws_first(operator)
        self.foreign = schema.name.partition("::")[0] not in KNOWN_LIBRARIES
        special = self.on_host or self.made_on_host or self.asks_host or self.random
        plain = self.single and not (special or self.foreign or operator in INDEXED)
        by_call = self.is_out or self.uses.by_call
        self.is_usual = plain and not (by_call or self.takes_device)
        """Whether what a call does is said by its arguments and the schema alone."""
        self.is_factory = plain and self.takes_device and not (self.written or self.indexing)
        """Whether a call without tensors makes one."""

    def _argument_returned(self, returned: Any) -> int | None:
        """Which argument a return value is, for operators that write into their arguments."""
        if not returned.alias_info or not returned.alias_info.is_write:
            return None
        for i, argument in enumerate(self.operator._schema.arguments):
            info = argument.alias_info
            if info and info.is_write and info.before_set == returned.alias_info.before_set:
                return i
        return None

    def argument(self, place: int, args: Any, kwargs: dict[str, Any]) -> Any:
        """An argument of a call; None where it is not given."""
        return args[place] if place < len(args) else kwargs.get(self.arguments[place])
