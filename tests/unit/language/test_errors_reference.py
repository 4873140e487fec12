"""`docs/reference/errors.md` has an entry for each number that the package uses, and no other."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
REFERENCE = (ROOT / "docs/reference/errors.md").read_text()


def used() -> set[str]:
    texts = (file.read_text() for file in sorted((ROOT / "fencepost").rglob("*.py")))
    return {code for text in texts for code in re.findall(r'"(F\d+)"', text)}


def explained() -> list[str]:
    return re.findall(r"^### (F\d+)$", REFERENCE, flags=re.MULTILINE)


def test_every_number_is_explained_once() -> None:
    assert sorted(explained()) == sorted(used())


def test_every_entry_says_what_to_write() -> None:
    entries = re.split(r"^### ", REFERENCE, flags=re.MULTILINE)[1:]
    assert [entry.split("\n")[0] for entry in entries if "**Write**" not in entry] == []
