"""The one error a person sees when an input is at fault, and where in a source file it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a source file; columns count from 1 and are 0 where unknown."""

    file: str
    line: int
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class InputError(Exception):
    """A model, property, trace or option cannot be used as it stands.

    `code` is explained in `docs/reference/errors.md`; `what` is wrong, `why` it matters, and
    `write` says what to put instead.
    """

    def __init__(
        self, code: str, what: str, *, why: str = "", write: str = "", at: Location | None = None
    ) -> None:
        super().__init__(what)
        self.code = code
        self.what = what
        self.why = why
        self.write = write
        self.at = at

    def __str__(self) -> str:
        place = f"{self.at}: " if self.at else ""
        lines = [f"{place}error {self.code}: {self.what}"]
        if self.why:
            lines.append(f"  why:   {self.why}")
        if self.write:
            lines.append(f"  write: {self.write}")
        return "\n".join(lines)


class NoReading(InputError):
    """A model, or a part of it, has no reading for any size."""
