"""Memory that is not to be had: less is taken, or the person is told."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from fencepost.kernel.memory import Block

LAMP = """
from fencepost import *

class Lamp(Model):
    on = Var(bool)

    @action
    def switch(self):
        self.on = not self.on

    plain = Design(expect=holds)

@reachable(Lamp)
def lit(m):
    return m.on
"""

SEARCH = """
import resource
from fencepost.core.errors import InputError
from fencepost.engines.explore import explore
from fencepost.core.limits import Limits
from fencepost.language import build
from lamp import Lamp, lit

system = build(Lamp, [lit])
design = system.designs[0]
explore(system, design)
with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
more = {more}
resource.setrlimit(resource.RLIMIT_AS, (used + more, resource.RLIM_INFINITY))
try:
    print(explore(system, design, limits=Limits(memory_bytes={limit})).answer.verdict.value)
except InputError as error:
    print(error)
"""


def test_a_block_is_freed_twice_without_harm():
    block = Block(1)
    block.free()
    block.free()


def test_a_block_that_was_never_had_is_freed_without_harm():
    block = Block.__new__(Block)
    with pytest.raises(MemoryError):
        block.__init__(1 << 62)  # type: ignore[misc]  # a caller that keeps the failed block
    block.free()


def searched(folder: Path, **values: int) -> str:
    (folder / "lamp.py").write_text(LAMP)
    (folder / "search.py").write_text(SEARCH.format(**values))
    root = Path(__file__).parents[3]
    ran = subprocess.run(
        [sys.executable, "search.py"],
        cwd=folder,
        env={"PYTHONPATH": str(root), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stderr == ""
    return ran.stdout


def test_a_search_is_content_with_the_addresses_that_are_to_be_had(tmp_path):
    assert searched(tmp_path, more=1 << 28, limit=1 << 40) == "HOLDS\n"


def test_a_machine_without_memory_is_an_error_of_input(tmp_path):
    assert searched(tmp_path, more=1 << 20, limit=1 << 40).startswith(
        "error F79: the machine gives no memory"
    )


def test_a_limit_of_addresses_does_not_keep_the_command_from_a_verdict(tmp_path):
    (tmp_path / "lamp.py").write_text(LAMP)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (3_000_000 << 10, 3_000_000 << 10))

    ran = subprocess.run(
        [sys.executable, "-m", "fencepost", "check", "lamp.py", "--max-memory", "1T"],
        cwd=tmp_path,
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "1 as expected" in ran.stdout
