"""Where in the program an operation was asked for: the nearest frame that is not a library's.

What runs the program is no part of it: behind the frame that runs a script whole, nothing is looked
at, and where all frames are fencepost's or torch's there is no place.
"""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path
from types import FrameType

import torch

from fencepost.core.errors import Location
from fencepost.streams.calls import NOWHERE

_OWN = str(Path(__file__).parents[2])
_RUNNER = str(Path(__file__).parents[1] / "audit.py")
TORCH = str(Path(torch.__file__).parent)
"""The folder of torch."""
_SKIPPED = (
    _OWN,
    TORCH,
    "<",
    str(Path(sysconfig.get_path("stdlib")) / "threading.py"),
    str(Path(sysconfig.get_path("stdlib")) / "contextlib.py"),
    str(Path(sysconfig.get_path("stdlib")) / "runpy.py"),
)
_KNOWN: dict[str, bool] = {}
_PLACES: dict[tuple[str, int], Location] = {}

OWN_FRAMES = 3  # of whoever asks


def site() -> Location:
    """The place of the call that the program made; `NOWHERE` where it made none."""
    return place_of(sys._getframe(OWN_FRAMES))


def place_of(frame: FrameType | None) -> Location:
    """The place in the program that a frame was reached from."""
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
        if name == _RUNNER:
            break
        frame = frame.f_back
    return NOWHERE
