"""What is found out once about a system and kept while the system lives."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

from fencepost.core.system import System

Found = TypeVar("Found")


class Remembered(Generic[Found]):
    """A function of a system that is called once for each; systems are told apart by identity,
    since the hash of a whole system takes longer than what is remembered."""

    def __init__(self, find: Callable[[System], Found]) -> None:
        self._find = find
        self._found: dict[int, tuple[weakref.ref[System], Found]] = {}

    def __call__(self, system: System) -> Found:
        key = id(system)
        held = self._found.get(key)
        if held is not None and held[0]() is system:
            return held[1]
        found = self._find(system)
        self._found[key] = weakref.ref(system, lambda _: self._found.pop(key, None)), found
        return found
