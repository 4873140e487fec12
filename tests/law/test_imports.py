"""Who may import whom, read from the source, and what a light start loads."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "fencepost"
HEAVY = ("numba", "llvmlite", "numpy", "z3", "hypothesis", "torch", "networkx", "rich")

# What each part of the package may import of the package, apart from itself. Parts that are not
# here are the top-level API and the command, which bring the others together.
MAY_IMPORT = {
    "core": set(),
    "language": {"core"},
    "kernel": {"core"},
    "export": {"core"},
    "engines.explore": {"core", "kernel"},
    "engines.prove": {"core"},
    "engines.seeded": set(),
    "engines.fuzz": {"core", "kernel", "engines.seeded"},
    "engines.conform": {"core", "kernel", "engines.seeded"},
    "analyses": {"core", "engines"},
    "streams": {"core"},
}

# Third-party packages, and the only parts that may import them.
ONLY_IN = {
    "numba": {"kernel"},
    "llvmlite": {"kernel"},
    "z3": {"engines.prove"},
    "hypothesis": {"engines.fuzz", "engines.conform", "engines.seeded"},
    "torch": {"streams"},
    "networkx": {"engines.explore", "analyses", "streams"},
    "rich": {"report"},
    "click": {"cli", "commands"},
    "junitparser": {"report"},
}


def modules() -> Iterator[tuple[str, Path]]:
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        yield ".".join(p for p in parts if p != "__init__"), file


def imported(file: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            assert node.module is not None
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def part_of(module: str) -> str:
    """`engines.explore.oracle` belongs to `engines.explore`, `core.system` to `core`."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "engines" else parts[0]


@pytest.mark.parametrize(("module", "file"), list(modules()))
def test_layers(module: str, file: Path):
    part = part_of(module)
    allowed = MAY_IMPORT.get(part)
    for name in imported(file):
        head, _, rest = name.partition(".")
        if head in ONLY_IN:
            assert part in ONLY_IN[head], f"{module} imports {head}"
        if head in ("models", "properties", "reference_impl"):
            pytest.fail(f"{module} imports the project folder {head}")
        if head != "fencepost" or allowed is None:
            continue
        target = part_of(rest)
        inside = target == part or rest.startswith(f"{part}.")
        known = target in allowed or target.split(".")[0] in allowed
        assert inside or known, f"{module} imports fencepost.{rest}"


def test_core_imports_only_the_standard_library():
    for module, file in modules():
        if part_of(module) != "core":
            continue
        heads = {name.split(".")[0] for name in imported(file)}
        assert heads <= {"fencepost", *sys.stdlib_module_names}, module


def test_only_the_shim_and_its_adapters_import_torch():
    for module, file in modules():
        if module.startswith(("streams.shim", "streams.adapters")):
            continue
        assert "torch" not in {name.split(".")[0] for name in imported(file)}, module


def test_every_part_is_placed():
    placed = {*MAY_IMPORT, "report", "commands"}
    for module, file in modules():
        if len(file.relative_to(PACKAGE).parts) > 1 and module != "engines":
            assert part_of(module) in placed, f"{module}: say in this file what it may import"


@pytest.mark.parametrize(
    "start",
    [
        "import fencepost",
        "import fencepost.cli; fencepost.cli.run(['--help'])",
        "import fencepost.cli; fencepost.cli.run(['check', '--help'])",
        "import fencepost.loading",
        "import fencepost.streams, fencepost.pytest_fixture",
        "import fencepost.cli; fencepost.cli.run(['audit', '--help'])",
    ],
)
def test_a_light_start_loads_nothing_heavy(start: str):
    code = f"{start}\nimport sys; print('loaded', *(m for m in {HEAVY!r} if m in sys.modules))"
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert ran.stdout.splitlines()[-1].strip() == "loaded"
