"""Links between documents lead somewhere, and every document has one title."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def anchors(file: Path) -> set[str]:
    """The anchors that headings have, as they are made on code hosts."""
    text = FENCE.sub("", file.read_text(encoding="utf-8"))
    found = set()
    for heading in re.findall(r"^#+\s+(.*?)\s*$", text, re.MULTILINE):
        plain = re.sub(r"[`*]", "", heading).lower()
        found.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return found


def test_the_reference_exists():
    assert (ROOT / "docs" / "reference").is_dir(), "docs/reference describes the command and errors"


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda f: f.relative_to(ROOT).as_posix())
def test_links_resolve(file: Path):
    text = FENCE.sub("", file.read_text(encoding="utf-8"))
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (file.parent / path).resolve() if path else file
        assert linked.exists(), f"{file}: {target}"
        if anchor and linked.suffix == ".md":
            assert anchor in anchors(linked), f"{file}: {target}"


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda f: f.relative_to(ROOT).as_posix())
def test_one_title(file: Path):
    text = FENCE.sub("", file.read_text(encoding="utf-8"))
    titles = re.findall(r"^# .*$", text, re.MULTILINE)
    assert len(titles) == 1, f"{file} has {len(titles)} titles"
