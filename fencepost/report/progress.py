"""How far a long search is, on one line that is written again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO

from fencepost.core.limits import Inferring, Progress, Proving
from fencepost.core.results import grouped
from fencepost.core.system import Design
from fencepost.project import Source
from fencepost.report.tables import size

QUIET_S = 1.0
LONGEST_PAUSE_S = 60.0
LIVING_PAUSE_S = 0.1
ERASE = "\r\x1b[2K"


class ProgressLine:
    """Reports searches that last: a living line on a terminal, a line now and then elsewhere."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._living = stream.isatty()
        self._shown = False
        self._design = ""
        self._next_s = QUIET_S

    def __call__(self, source: Source, design: Design, progress: Progress) -> None:
        name = f"{source.name} {design.name}"
        self._tell(
            name,
            progress.seconds,
            lambda: f"{name}: {_how_far(progress)}, {progress.seconds:.0f} s",
        )

    def _tell(self, name: str, seconds: float, text: Callable[[], str]) -> None:
        if name != self._design:
            self._design, self._next_s = name, QUIET_S
        if seconds < self._next_s:
            return
        if self._living:
            self._stream.write(ERASE + text())
            self._shown = True
        else:
            self._next_s = seconds + min(seconds, LONGEST_PAUSE_S)
            self._stream.write(text() + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Take the living line away before something else is printed."""
        if self._shown:
            self._stream.write(ERASE)
            self._stream.flush()
            self._shown = False


class ProofLine(ProgressLine):
    """The same for proofs, which count obligations."""

    def __call__(  # type: ignore[override]  # its progress is that of a proof
        self, source: Source, design: Design, progress: Proving
    ) -> None:
        name = f"{source.name} {design.name}"
        self._tell(
            name,
            progress.seconds,
            lambda: (
                f"{name}: {grouped(progress.decided)} of {grouped(progress.obligations)} "
                f"obligations, {progress.current}, {progress.seconds:.0f} s"
            ),
        )


class CountedLine(ProgressLine):
    """The same for what takes many searches, and says itself how far it is."""

    def __call__(  # type: ignore[override]  # as above
        self, text: str, seconds: float, of: str = ""
    ) -> None:
        """Tell how far it is, after so many seconds with this one of several."""
        self._tell(of, seconds, lambda: f"{text}, {seconds:.0f} s")


class InferenceLine(ProgressLine):
    """The same for a search for lemmas, which counts those it has and those it gave up."""

    def __call__(  # type: ignore[override]  # its progress is that of a search for lemmas
        self, source: Source, design: Design, progress: Inferring
    ) -> None:
        name = f"{source.name} {design.name}"
        self._tell(
            name,
            progress.seconds,
            lambda: (
                f"{name}: {grouped(progress.lemmas)} lemmas, {grouped(progress.dropped)} given up, "
                f"{progress.current}, {progress.seconds:.0f} s"
            ),
        )


def _how_far(progress: Progress) -> str:
    """What an engine has done; one that finds no states tells the depth alone."""
    if not progress.states:
        return f"depth {progress.depth}"
    return (
        f"{grouped(progress.states)} states, "
        f"{grouped(int(progress.states / progress.seconds))}/s, depth {progress.depth}, "
        f"{grouped(progress.frontier)} waiting, {size(progress.bytes)}"
    )
