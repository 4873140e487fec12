"""Every error code stands for one kind of mistake, and is explained in the reference."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference" / "errors.md"
CODE = re.compile(r"F\d{2,3}")


def codes_used() -> dict[str, list[str]]:
    """Each code with the places that raise it."""
    used = defaultdict(list)
    for file in sorted((ROOT / "fencepost").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            value = node.value if isinstance(node, ast.Constant) else None
            if isinstance(value, str) and CODE.fullmatch(value):
                used[value].append(f"{file.relative_to(ROOT)}:{node.lineno}")
    return used


def codes_explained() -> list[str]:
    assert REFERENCE.exists(), "docs/reference/errors.md explains every error code; write it"
    text = REFERENCE.read_text(encoding="utf-8")
    return re.findall(r"^(?:#+\s*|\|\s*)`?(F\d{2,3})\b", text, re.MULTILINE)


def test_every_code_is_explained_once():
    explained = codes_explained()
    assert sorted(explained) == sorted(set(explained)), "a code is explained twice"
    used = codes_used()
    missing = {code: places for code, places in used.items() if code not in explained}
    assert not missing, "codes without an entry in docs/reference/errors.md"
    assert set(explained) <= set(used), "entries of codes that nothing raises"


def test_a_code_is_raised_by_one_part():
    """Two packages that raise one code mean two kinds of mistake by it."""
    shared_by_design = {
        "F04",  # a file that cannot be read: a model or a trace
        "F18",  # a file that cannot be written: a report or a new model
    }
    for code, places in codes_used().items():
        parts = {place.split("/")[1] if place.count("/") > 1 else "" for place in places}
        if code not in shared_by_design:
            assert len(parts - {""}) <= 1, f"{code} is raised by {places}"


def test_every_code_is_met_by_a_test():
    """A code in a test's source or in a golden text, this file aside."""
    texts = [
        file.read_text(encoding="utf-8", errors="replace")
        for file in (ROOT / "tests").rglob("*")
        if file.suffix in (".py", ".txt", ".json", ".md") and file != Path(__file__)
    ]
    met = set(re.findall(r"\bF\d{2,3}\b", "\n".join(texts)))
    assert not sorted(set(codes_used()) - met)
