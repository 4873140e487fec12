"""A Ctrl-C while the command is still being loaded is told in one line.

Loading takes most of the time before the command can look after its own interrupts. A program
that imports the package is left alone.
"""

from __future__ import annotations

import os
import sys
from itertools import pairwise
from types import TracebackType

INTERRUPTED = "interrupted before the end\n"
UNDECIDED = 3


def is_the_command() -> bool:
    """Whether this process was started as `fencepost` or `python -m fencepost`."""
    started = list(getattr(sys, "orig_argv", ()))
    as_module = any(pair == ("-m", "fencepost") for pair in pairwise(started))
    script = os.path.basename(sys.argv[0]) if sys.argv else ""  # noqa: PTH119  # loads pathlib
    return as_module or script in ("fencepost", "fencepost.exe")


def end_quietly(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """What becomes of an exception that nothing caught."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    if sys.stderr is not None:
        sys.stderr.write(INTERRUPTED)
        sys.stderr.flush()
    os._exit(UNDECIDED)


if is_the_command():
    sys.excepthook = end_quietly
