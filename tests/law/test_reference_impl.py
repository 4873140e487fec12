"""The cache is ordinary torch: it knows of checking nowhere but in its adapters."""

from __future__ import annotations

import ast
import sys
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CACHE = ROOT / "reference_impl"
FILES = sorted({*CACHE.glob("*.py"), *CACHE.glob("load/*.py")} - {CACHE / "load/__main__.py"})
"""All but the adapters, and the command that brings them together with a load."""


MOST_LINES = 1502
"""Lines of code of the cache, which is there to be read at a sitting and copied from."""
LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
LIBRARIES = {"nixl_transport.py": "nixl_cu12"}
"""What a file is there to wrap: the extra of its name."""


def imported(file: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None
            names.add(node.module)
    return names


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.name)
def test_the_cache_imports_torch_and_itself(file: Path):
    for name in imported(file):
        head = name.split(".")[0]
        known = ("torch", "reference_impl", LIBRARIES.get(file.name), *sys.stdlib_module_names)
        assert head in known, f"{file}: {name}"
        assert not name.startswith("reference_impl.adapters"), f"{file}: {name}"


def lines_of_code(file: Path) -> int:
    """Lines of a file that are no comment, no documentation and not blank."""
    with file.open("rb") as source:
        tokens = [token for token in tokenize.tokenize(source.readline) if token.string]
    code = {
        line
        for token in tokens[1:]  # behind the encoding
        if token.type not in LAYOUT
        for line in range(token.start[0], token.end[0] + 1)
    }
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.Expr(value=ast.Constant(value=str())):
                code -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(code)


def test_the_cache_is_small():
    assert sum(map(lines_of_code, CACHE.glob("*.py"))) <= MOST_LINES
