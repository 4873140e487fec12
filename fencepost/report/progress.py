"""How far a long search is, on one line that is written again and again."""

from __future__ import annotations

from typing import TextIO

from fencepost.core.limits import Progress
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
        if name != self._design:
            self._design, self._next_s = name, QUIET_S
        if progress.seconds < self._next_s:
            return
        rate = progress.states / progress.seconds
        text = (
            f"{name}: {grouped(progress.states)} states, {grouped(int(rate))}/s, "
            f"depth {progress.depth}, {grouped(progress.frontier)} waiting, "
            f"{size(progress.bytes)}, {progress.seconds:.0f} s"
        )
        if self._living:
            self._stream.write(ERASE + text)
            self._shown = True
        else:
            self._next_s = progress.seconds + min(progress.seconds, LONGEST_PAUSE_S)
            self._stream.write(text + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Take the living line away before something else is printed."""
        if self._shown:
            self._stream.write(ERASE)
            self._stream.flush()
            self._shown = False


class CountedLine:
    """Reports what takes many searches: a living line on a terminal, one now and then elsewhere."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._living = stream.isatty()
        self._shown = False
        self._next_s = QUIET_S

    def __call__(self, text: str, seconds: float) -> None:
        """Tell how far it is, after so many seconds."""
        if seconds < self._next_s:
            return
        text = f"{text}, {seconds:.0f} s"
        if self._living:
            self._stream.write(ERASE + text)
            self._shown = True
            self._next_s = seconds + LIVING_PAUSE_S
        else:
            self._stream.write(text + "\n")
            self._next_s = seconds + min(seconds, LONGEST_PAUSE_S)
        self._stream.flush()

    def close(self) -> None:
        """Take the living line away before something else is printed."""
        if self._shown:
            self._stream.write(ERASE)
            self._stream.flush()
            self._shown = False
