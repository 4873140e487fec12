"""The cache is ordinary torch: it knows of checking nowhere but in its adapters."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CACHE = ROOT / "reference_impl"
FILES = sorted({*CACHE.glob("*.py"), *CACHE.glob("load/*.py")} - {CACHE / "load/__main__.py"})
"""All but the adapters, and the command that brings them together with a load."""


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
