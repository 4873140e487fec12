"""What the reading for any size has no words for, as errors with a line."""

from __future__ import annotations

from fencepost.core.errors import Location, NoReading


def counts(at: Location | None) -> NoReading:
    """A count that is not compared with a small number."""
    return NoReading(
        "F133",
        "a count is used as a number in a proof for any size",
        why="for any size only counts beside 0, 1, 2 or 3 have a meaning without arithmetic",
        write="`exists(...)`, `for_all(...)`, or `count(...)` compared with 0, 1, 2 or 3",
        at=at,
    )


def numbered(what: str, at: Location | None) -> NoReading:
    """An index that is a number, or a number that is an index."""
    return NoReading(
        "F134",
        f"{what} in a proof for any size",
        why="members of an Index are known only by what the state says of them",
        write="a comparison of two members, or with NONE",
        at=at,
    )
