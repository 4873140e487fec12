"""Where in the program an operation was asked for: the nearest frame that is not a library's."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path
from types import FrameType

import torch

from fencepost.core.errors import Location

_OWN = str(Path(__file__).parents[1])
_SKIPPED = (
    _OWN,
    str(Path(torch.__file__).parent),
    "<",
    str(Path(sysconfig.get_path("stdlib")) / "threading.py"),
    str(Path(sysconfig.get_path("stdlib")) / "contextlib.py"),
    str(Path(sysconfig.get_path("stdlib")) / "runpy.py"),
)
_KNOWN: dict[str, bool] = {}
_PLACES: dict[tuple[str, int], Location] = {}

OWN_FRAMES = 3  # of whoever asks


def site() -> Location:
    """The place of the call that the program made."""
    last = sys._getframe(OWN_FRAMES)
    frame: FrameType | None = last
    while frame is not None:
        name = frame.f_code.co_filename
        skipped = _KNOWN.get(name)
        if skipped is None:
            skipped = _KNOWN[name] = name.startswith(_SKIPPED)
        if not skipped:
            place = name, frame.f_lineno
            found = _PLACES.get(place)
            if found is None:
                found = _PLACES[place] = Location(*place)
            return found
        last, frame = frame, frame.f_back
    return Location(last.f_code.co_filename, last.f_lineno)
