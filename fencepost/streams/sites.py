"""Where in the user's source a call of the device was made."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from fencepost.core.errors import Location
from fencepost.streams.calls import NOWHERE

_PACKAGE = f"{Path(__file__).parents[1]}{os.sep}"


def caller() -> Location:
    """The nearest line of a file outside of the package."""
    frame = sys._getframe(1)  # noqa: SLF001  # the only way to a caller without making a traceback
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(_PACKAGE):
            return Location(name, frame.f_lineno)
        if frame.f_back is None:
            break
        frame = frame.f_back
    return NOWHERE
