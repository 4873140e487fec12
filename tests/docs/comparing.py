"""Whether an output is the one that a page shows, and the lines to show where it is not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tests.docs.pages import ELIDED

DURATION = re.compile(r"\b\d+(\.\d+)? m?s\b")
VERSION = re.compile(r"\b\d+\.\d+\.\d+\b")
DIGEST = re.compile(r"\b[0-9a-f]{16}\b")
GAP = re.compile(r"(?<=\S)  +")


def output_lines(text: str, folder: Path) -> list[str]:
    """An output as it may stand in a page: paths below the page's folder are relative to it."""
    shown = text.replace(f"{folder}/", "").replace(str(folder), ".")
    return [line.rstrip() for line in shown.rstrip("\n").split("\n")] if shown.strip() else []


def masked(line: str) -> str:
    """A line without what differs between runs and releases; columns may be wider or narrower."""
    line = DIGEST.sub("digest", VERSION.sub("x.y.z", DURATION.sub("0.00 s", line)))
    return GAP.sub("  ", line).rstrip()


def fits(expected: Sequence[str], found: Sequence[str]) -> bool:
    """Whether the output is what the page shows; a line `...` stands for any lines."""
    parts = _parts([masked(line) for line in expected])
    lines = [masked(line) for line in found]
    if len(parts) == 1:
        return parts[0] == lines
    first, *middle, last = parts
    if len(lines) < len(first) + len(last) or lines[: len(first)] != first:
        return False
    end = len(lines) - len(last)
    if lines[end:] != last:
        return False
    position = len(first)
    for part in middle:
        starts = range(position, end - len(part) + 1)
        place = next((s for s in starts if lines[s : s + len(part)] == part), None)
        if place is None:
            return False
        position = place + len(part)
    return True


def _parts(lines: Sequence[str]) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for line in lines:
        if line.strip() == ELIDED:
            parts.append([])
        else:
            parts[-1].append(line)
    return parts


def anew(expected: Sequence[str], found: Sequence[str]) -> list[str]:
    """The lines that a page shows from now on.

    Around a single `...` as much is kept as was shown before: the same number of paragraphs where
    `...` is one of its own, the same number of lines where it is not. Around several, those lines
    are kept whose first two columns were shown before. Otherwise all is shown.
    """
    places = [i for i, line in enumerate(expected) if line.strip() == ELIDED]
    if len(places) > 1:
        return _selected(expected, found)
    if not places:
        return list(found)
    (place,) = places
    before, after = list(expected[:place]), list(expected[place + 1 :])
    if (not before or not before[-1]) and (not after or not after[0]):
        paragraphs = "\n".join(found).split("\n\n")
        head, tail = len(_paragraphs(before)), len(_paragraphs(after))
        if head + tail >= len(paragraphs):
            return list(found)
        kept = [*paragraphs[:head], expected[place], *paragraphs[len(paragraphs) - tail :]]
        return "\n\n".join(kept).split("\n")
    if len(before) + len(after) >= len(found):
        return list(found)
    return [*found[: len(before)], expected[place], *found[len(found) - len(after) :]]


def _selected(expected: Sequence[str], found: Sequence[str]) -> list[str]:
    """The lines that begin like a line shown before, with `...` for all between them.

    The first and the last line stay if they were shown, whatever they say now.
    """
    begins = {_columns(line) for line in expected if line.strip()}
    ends = {0: expected[0], len(found) - 1: expected[-1]}
    kept: list[str] = []
    for place, line in enumerate(found):
        if _columns(line) in begins or ends.get(place, ELIDED) != ELIDED:
            kept.append(line)
        elif kept[-1:] != [ELIDED]:
            kept.append(ELIDED)
    return kept


def _columns(line: str) -> tuple[str, ...]:
    return tuple(GAP.split(line.strip())[:2])


def _paragraphs(lines: Sequence[str]) -> list[str]:
    return [part for part in "\n".join(lines).strip("\n").split("\n\n") if part]
