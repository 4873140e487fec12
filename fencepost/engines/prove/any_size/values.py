"""Values of expressions as solver terms.

A Boolean, a number, a member of an enum and a member of an Index are one term each. A value that
may be `NONE` is two: whether it is, and the value that counts where it is not. A set is a function
from a member to whether it is in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Term = Any
"""A z3 expression of the encoding's context."""


@dataclass(frozen=True)
class Optional:
    """A value of a `Maybe`."""

    absent: Term
    value: Term


@dataclass(frozen=True)
class Members:
    """A value of a `SetOf`."""

    has: Callable[[Term], Term]


Value = Any
"""A `Term`, an `Optional` or a `Members`, as the domain of the expression says."""
