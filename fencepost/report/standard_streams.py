"""Standard output and standard error that may be closed, broken or full."""

from __future__ import annotations

import io
import os
import sys
from typing import TextIO


class NotWritten(Exception):
    """Standard output takes no more text, though somebody still wants it; says why."""


class Output(io.FileIO):
    """A stream of the process that goes nowhere once it cannot be written to.

    Nobody wants what is written to a closed pipe, so that is no mistake; a full disk is one.
    """

    def __init__(self, number: int, *, strict: bool) -> None:
        super().__init__(number, "wb", closefd=False)
        self.strict = strict

    def write(self, data: object) -> int | None:  # type: ignore[override]  # any buffer
        try:
            return super().write(data)  # type: ignore[arg-type]
        except OSError as error:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            if self.strict and not isinstance(error, BrokenPipeError):
                raise NotWritten(error.strerror or str(error)) from error
            return memoryview(data).nbytes  # type: ignore[arg-type]


def replace_standard_streams() -> None:
    """Make both streams of the process such as no text and no reader can break."""
    sys.stdout = _safe(sys.stdout, strict=True)
    sys.stderr = _safe(sys.stderr, strict=False)


def is_closed(stream: TextIO) -> bool:
    """Whether the process was started without this stream, so that its text goes nowhere."""
    return getattr(stream, "name", "") == os.devnull


def _safe(stream: TextIO | None, *, strict: bool) -> TextIO:
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123  # open to the end
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(Output(stream.fileno(), strict=strict)),
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=not strict or stream.isatty(),
    )
