"""The architecture says which parts there are and who may import whom, as the law tests hold it."""

from __future__ import annotations

import re

from tests.docs.pages import ROOT, Page, pages
from tests.law.test_imports import MAY_IMPORT, ONLY_IN, modules, part_of

ARCHITECTURE = Page(ROOT / "docs" / "architecture.md")


def rows(heading: str) -> list[tuple[list[str], list[str]]]:
    """The names in the first and in the second column of the tables below a heading."""
    section = ARCHITECTURE.text.split(f"## {heading}\n")[1].split("\n## ")[0]
    found = re.findall(r"^\| (`.*?) \| (.*?) \|$", section, re.MULTILINE)
    return [(re.findall(r"`([^`]+)`", a), re.findall(r"`([^`]+)`", b)) for a, b in found]


def test_the_house_names_every_part():
    named = {name for names, _ in rows("The house") for name in names}
    there = {f"fencepost/{file.name}" for file in (ROOT / "fencepost").iterdir()}
    there = {name for name in there if not name.endswith(("__pycache__", "__init__.py"))}
    assert there | {"models", "properties", "reference_impl", "tests"} == named


def test_imports_are_as_the_law_says():
    told = {part: set(may) for (part, *_), may in rows("Who may import whom") if part in MAY_IMPORT}
    assert told == MAY_IMPORT


def test_packages_have_the_place_that_the_law_gives_them():
    parts = {part_of(module) for module, _ in modules()}
    there = {name: places & parts for name, places in ONLY_IN.items()}
    told = {
        name: set(places)
        for names, places in rows("Who may import whom")
        for name in names
        if name in ONLY_IN
    }
    assert told == {name: places for name, places in there.items() if places}


def test_every_page_is_linked_from_the_index():
    index = Page(ROOT / "docs" / "index.md")
    linked = set(re.findall(r"\]\(([^)#]+\.md)\)", index.text))
    for page in pages():
        name = page.file.relative_to(ROOT / "docs").as_posix() if page.name != "README.md" else ""
        assert not name or name == "index.md" or name.startswith("decisions/") or name in linked
