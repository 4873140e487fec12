"""Where in the program an operation was asked for: the nearest frame that is not a library's.

Where Python's own library calls for the program, as an executor does for a function of torch's that
it was given, and no frame of the program is there, it is that frame.
What runs the program is no part of it: behind the frame that runs a script whole, nothing is looked
at, and where all frames are fencepost's or torch's there is no place.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType

import torch

from fencepost.core.errors import Location
from fencepost.core.standard_library import is_standard_library
from fencepost.streams.calls import NOWHERE

_OWN = str(Path(__file__).parents[2])
_RUNNER = str(Path(__file__).parents[1] / "audit.py")
TORCH = str(Path(torch.__file__).parent)
"""The folder of torch."""
_SKIPPED = (_OWN, TORCH, "<")
_PASSED_THROUGH = ("threading.py", "contextlib.py", "runpy.py")
_PROGRAM, _PYTHON, _LIBRARY = range(3)
_KNOWN: dict[str, int] = {}
_PLACES: dict[tuple[str, int], Location] = {}


def site() -> Location:
    """The place of the call that the program made; `NOWHERE` where it made none."""
    return place_of(sys._getframe(1))


def place_of(frame: FrameType | None) -> Location:
    """The place in the program that a frame was reached from."""
    python, known = NOWHERE, _KNOWN.get
    while frame is not None:
        name = frame.f_code.co_filename
        whose = known(name)
        if whose is None:
            whose = _KNOWN[name] = _whose(name)
        if whose == _PROGRAM:
            place = name, frame.f_lineno
            return _PLACES.get(place) or _place(place)
        if whose == _PYTHON and python is NOWHERE:
            python = _place((name, frame.f_lineno))
        if name == _RUNNER:
            break
        frame = frame.f_back
    return python


def _whose(file: str) -> int:
    if file.startswith(_SKIPPED):
        return _LIBRARY
    if is_standard_library(file):
        return _LIBRARY if file.endswith(_PASSED_THROUGH) else _PYTHON
    return _PROGRAM


def _place(place: tuple[str, int]) -> Location:
    return _PLACES.setdefault(place, Location(*place))
