"""What an implementation needs to be held against a model: its steps performed, its state seen."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar


class Refused(Exception):
    """The implementation does not take this step now."""


class Adapter(ABC):
    """An implementation, set up anew for one run at given sizes and design.

    A step is performed by exactly the loops of the implementation that it stands for; any other
    exception than `Refused` is a finding: the implementation failed.
    """

    device: ClassVar[str] = ""
    """A word for the table of results ("virtual", "cuda", "processes"); "" is the host alone."""
    sizes: ClassVar[Mapping[str, int]] = {}
    """The sizes at which it is driven, unless others are asked for."""
    unseen: ClassVar[tuple[str, ...]] = ()
    """Actions that it takes by itself, when nobody sees it."""
    left_out: ClassVar[tuple[str, ...]] = ()
    """Actions that it does not have: they are never performed, and the report says so."""

    @classmethod
    def can_be(cls, barriers: frozenset[str]) -> str:  # noqa: ARG003  # for those that cannot
        """Why a design with these barriers on cannot be driven here, or "" where it can."""
        return ""

    def __init__(  # noqa: B027  # many need none of their own
        self, sizes: Mapping[str, int], barriers: frozenset[str]
    ) -> None:
        """Set the implementation up, in a state that the model may start in.

        `sizes` gives every parameter of the model its value; `barriers` are those that are on.
        """

    def start_in(self, state: Mapping[str, object]) -> None:  # noqa: B027  # most start in one state
        """Go to one of the states that the model may start in, before anything else is done.

        Only where a model has several of them, an adapter has this method: it is told each in turn.
        `state` has every field in the words of `observe`, an `Array` as a dict. `Refused` where the
        implementation cannot start there, always for the same states: they are left out. Without
        this method it starts where it does, and what is seen says where that is.
        """

    @abstractmethod
    def perform(self, action: str, **arguments: int) -> None:
        """Take a step of the model: its action by name, its arguments as the integers they are.

        `Refused` where the implementation does not take it in the state that it is in; then what
        can be seen of it is as before.
        """

    @abstractmethod
    def observe(self) -> Mapping[str, object]:
        """What can be seen now, by the names of the model's fields (`"phase"`, `"pool.owner"`).

        For a `Var` its value; for an `Array` a list, or a dict from an index (a tuple of them for
        several) to a value, of as many cells as can be seen. A value is an int, a bool, a member of
        an enumeration or its name, None for NONE, and a set of indices for a `SetOf`. Fields that
        are not named are not seen. Looking changes nothing.
        """

    def close(self) -> None:  # noqa: B027  # most have nothing to give back
        """Give back what the run holds: threads, processes, memory. Called once, at its end."""
