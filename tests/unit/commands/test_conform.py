"""`fencepost conform`: adapters found and loaded, what is printed, differences tried again."""

from __future__ import annotations

import json
import re
from pathlib import Path
from unittest.mock import patch

import pytest

from fencepost import checking
from tests.conftest import Ran, Workshop
from tests.docs.pages import Page

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "how_to" / "hold_your_own_cache_against_a_model.md"
FILES = {block.file: block.text for block in Page(PAGE).blocks if block.file}
MODEL, ADAPTER = "models/block_cache.py", "adapters/block_cache.py"
CACHE = FILES["toy_cache.py"].replace("ToyCache", "Cache")
MENDED = CACHE.replace("self.users.pop(block)", "self.users[block] -= 1")
QUICK = ("--traces", "1", "--length", "30", "--examples", "1")
STORED = ".fencepost/traces/block_cache-careful-conform.json"


def furnish(workshop: Workshop, cache: str = MENDED, **files: str) -> None:
    """A project with the cache and its adapter in one file, which is loaded anew for each test."""
    workshop.project()
    workshop.write(MODEL, FILES[MODEL])
    workshop.write(ADAPTER, adapter(cache))
    for name, text in files.items():
        workshop.write(name, text)


def adapter(cache: str = MENDED, old: str = "", new: str = "") -> str:
    """The adapter with the cache in the same file, and with a change."""
    text = FILES[ADAPTER].replace("from toy_cache import ToyCache\n", cache)
    text = text.replace("ToyCache", "Cache")
    assert old in text
    return text.replace(old, new)


def test_a_cache_that_follows_its_model(workshop: Workshop):
    furnish(workshop)
    ran = workshop.run("conform", "block_cache", *QUICK)
    assert ran.code == 0
    hasty, careful = (re.split(r"  +", line) for line in ran.out.splitlines()[1:3])
    assert hasty[1:7] == ["hasty", "host", "VIOLATED copies_what_is_cached", "yes", *hasty[5:7]]
    assert hasty[5:7] == ["724 of 724", "1 516"]
    assert careful[1:7] == ["careful", "host", "HOLDS", "yes", "504 of 504", "1 176"]
    assert ran.out.endswith("2 designs: 2 as the model\n")


def test_a_difference_is_stored_and_tried_again(workshop: Workshop):
    furnish(workshop, CACHE)
    ran = workshop.run("conform", "block_cache", "--design", "careful", *QUICK)
    assert ran.code == 1
    assert "careful: the implementation takes a step that the model disables" in ran.out
    assert re.search(r"cached\[0\] +0 +0 +NONE +differs", ran.out)
    assert "what is seen violates holds_what_is_cached (request=1, block=0)" in ran.out
    assert f"replay: fencepost conform block_cache --trace {STORED}" in ran.out
    again = workshop.run("conform", "block_cache", "--trace", STORED)
    assert again.code == 1
    assert "takes a step that the model disables" in again.out
    workshop.write("mended.py", adapter(MENDED))
    mended = workshop.run("conform", "block_cache", "mended.py", "--trace", STORED)
    assert mended.code == 0
    assert "follows the model: 4 steps tried, no difference" in mended.out


def test_json_says_the_same(workshop: Workshop):
    furnish(workshop, CACHE)
    ran = workshop.run("conform", "block_cache", *QUICK, "--json", "-")
    assert ran.code == 1
    report = json.loads(ran.out)
    assert report["exit_code"] == 1
    (model,) = report["models"]
    assert model["adapter"] == ADAPTER
    hasty, careful = model["designs"]
    assert [one["verdict"] for one in (hasty, careful)] == ["DIFFERS", "DIFFERS"]
    assert careful["found_by"] == "tour"
    assert careful["shown_again"] is True
    assert [s["taken"] for s in careful["difference"]["steps"]] == [True, True, True, True]
    assert careful["difference"]["steps"][-1]["text"] == "evict(block=0)"
    assert hasty["difference"]["detail"].startswith("KeyError: 0 (adapters/block_cache.py:")
    assert "not as the model" in ran.err


def test_what_the_implementation_prints_is_no_part_of_the_report(workshop: Workshop):
    furnish(workshop)
    workshop.write(
        ADAPTER,
        adapter(MENDED, "    def observe(self):", "    def observe(self):\n        print('x')"),
    )
    ran = workshop.run("conform", "block_cache", *QUICK, "--design", "careful", "--json", "-")
    assert json.loads(ran.out)["exit_code"] == ran.code == 0
    assert "x\n" in ran.err


def test_all_adapters_of_the_project_as_one_table(workshop: Workshop):
    furnish(workshop)
    workshop.write("adapters/_draft.py", "nonsense(")
    ran = workshop.run("conform", "--all", *QUICK)
    assert ran.code == 0
    assert [line.split()[0] for line in ran.out.splitlines()[1:3]] == ["block_cache"] * 2


def test_an_adapter_at_fault_is_set_aside_beside_others(workshop: Workshop):
    furnish(workshop)
    workshop.write("adapters/other.py", adapter())
    ran = workshop.run("conform", "--all", *QUICK)
    assert ran.code == 2
    assert "2 designs: 2 as the model" in ran.out
    assert "there is no model 'other'" in ran.err


def test_designs_that_cannot_be_are_told(workshop: Workshop):
    cannot = """    @classmethod
    def can_be(cls, barriers):
        return "" if barriers else "it always waits"

    def perform"""
    furnish(workshop)
    workshop.write(ADAPTER, adapter(MENDED, "    def perform", cannot))
    ran = workshop.run("conform", "block_cache", *QUICK)
    assert ran.code == 0
    assert "not driven: it always waits" in ran.out
    assert ran.out.endswith("1 design: 1 as the model\n")
    workshop.write(
        "never.py", adapter(MENDED, "    def perform", cannot.replace("barriers e", "0 e"))
    )
    none = workshop.run("conform", "block_cache", "never.py")
    assert none.code == 2
    assert "error F257: BlockCacheAdapter can be none of the designs of block_cache" in none.err


def test_sizes_of_the_adapter_and_of_the_command(workshop: Workshop):
    furnish(workshop)
    sizes = "class BlockCacheAdapter(Adapter):\n    sizes = {'requests': 1, 'blocks': 1}\n"
    workshop.write(ADAPTER, adapter(MENDED, "class BlockCacheAdapter(Adapter):\n", sizes))
    report = workshop.run("conform", "block_cache", *QUICK, "--set", "requests=2", "--json", "-")
    assert json.loads(report.out)["models"][0]["parameters"] == {
        "requests": 2,
        "blocks": 1,
        "prefixes": 2,
    }


def test_a_violation_by_what_is_left_out_is_told_as_beyond_the_implementation(
    workshop: Workshop,
):
    """What it cannot do cannot show the violation, and the row says so."""
    furnish(workshop)
    left_out = "class BlockCacheAdapter(Adapter):\n    left_out = ('copy',)\n"
    workshop.write(ADAPTER, adapter(MENDED, "class BlockCacheAdapter(Adapter):\n", left_out))
    ran = workshop.run("conform", "block_cache", *QUICK, "--design", "hasty")
    assert ran.code == 0
    row = next(line for line in ran.out.splitlines() if " hasty " in line)
    assert "HOLDS" in row
    assert "as far as it goes: VIOLATED copies_what_is_cached" in row
    assert "block_cache: copy: left out, and never performed" in ran.out


def test_a_limit_leaves_it_undecided(workshop: Workshop):
    furnish(workshop)
    ran = workshop.run("conform", "block_cache", "--design", "careful", "--steps", "100")
    assert ran.code == 3
    assert "UNDECIDED: limit of steps reached" in ran.out


def test_an_interrupt_prints_what_was_found(workshop: Workshop):
    furnish(workshop)
    interrupt = """    def evict(self, block):
        self.cache.evictions = getattr(self.cache, "evictions", 0) + 1
        if self.cache.evictions == 3:
            raise KeyboardInterrupt
"""
    workshop.write(
        ADAPTER,
        adapter(
            MENDED, "    def evict(self, block):\n        return", interrupt + "        return"
        ),
    )
    ran = workshop.run("conform", "block_cache", *QUICK)
    assert ran.code == 3
    assert "UNDECIDED: interrupted" in ran.out
    assert "careful" not in ran.out
    assert ran.out.endswith("1 design: 0 as the model, 1 undecided, interrupted\n")


def test_an_interrupt_while_a_design_is_set_up_keeps_the_rows_before_it(workshop: Workshop):
    furnish(workshop)
    can_be = """class BlockCacheAdapter(Adapter):
    @classmethod
    def can_be(cls, barriers):
        if barriers:
            raise KeyboardInterrupt
        return ""

"""
    workshop.write(ADAPTER, adapter(MENDED, "class BlockCacheAdapter(Adapter):\n", can_be))
    ran = workshop.run("conform", "--all", *QUICK)
    assert ran.code == 3
    assert re.search(r"hasty +host +VIOLATED copies_what_is_cached +yes", ran.out)
    assert re.search(r"careful +host +UNDECIDED: interrupted", ran.out)
    assert ran.out.endswith("2 designs: 1 as the model, 1 undecided, interrupted\n")


def test_an_interrupt_while_the_next_adapter_is_loaded_keeps_what_was_found(workshop: Workshop):
    furnish(workshop)
    workshop.write("models/lamp.py", FILES[MODEL].replace("BlockCache", "Lamp"))
    workshop.write("adapters/lamp.py", "raise KeyboardInterrupt\n")
    ran = workshop.run("conform", "--all", *QUICK, "--json", "report.json")
    assert ran.code == 3
    assert ran.out.endswith("2 designs: 2 as the model, interrupted\n")
    report = json.loads((workshop.folder / "report.json").read_text())
    assert (report["exit_code"], report["models"][0]["interrupted"]) == (3, True)


def test_a_model_is_recorded_once_where_a_design_is_named(workshop: Workshop):
    furnish(workshop)
    with patch.object(checking, "build", wraps=checking.build) as build:
        ran = workshop.run("conform", "block_cache", "--design", "careful", *QUICK)
    assert ran.code == 0
    assert build.call_count == 1


def wrong(workshop: Workshop, *arguments: str) -> Ran:
    ran = workshop.run("conform", *arguments)
    assert ran.code == 2
    return ran


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "error F258: no model is named"),
        (("block_cache", "--all"), "error F258: a model is named beside --all"),
        (("--trace", "x.json"), "error F258: no model is named"),
        (("block_cache", "--trace", "x", "--design", "careful"), "F258: --design is given beside"),
        (("block_cache", "--trace", "x.json"), "error F04: x.json cannot be read"),
        (("block_cache", "none.py"), "error F04: none.py cannot be read"),
        (("block_cash",), "error F09: there is no model 'block_cash' (did you mean block_cache?)"),
        (("block_cache", "--design", "carefull"), "error F10: the model block_cache has no design"),
        (("block_cache", "--set", "request=1"), "error F12: the model block_cache has no param"),
        (("block_cache", "--length", "0"), "error F19: --length '0'"),
        (("block_cache", "--timeout", "soon"), "error F19: --timeout 'soon'"),
        (("lamp",), "error F250: adapters/lamp.py is not there"),
    ],
)
def test_what_is_asked_wrongly(workshop: Workshop, arguments, message):
    furnish(workshop)
    workshop.write("models/lamp.py", FILES[MODEL].replace("BlockCache", "Lamp"))
    assert message in wrong(workshop, *arguments).err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--design", "carefull"), "error F10: the model block_cache has no design"),
        (("--set", "request=1"), "error F12: the model block_cache has no param"),
    ],
)
def test_what_is_asked_wrongly_is_told_before_the_adapter_is_loaded(workshop, arguments, message):
    furnish(workshop)
    workshop.write(ADAPTER, "raise RuntimeError('loaded')\n")
    assert message in wrong(workshop, "block_cache", *arguments).err


def test_a_trace_of_a_check_is_no_difference(workshop: Workshop):
    furnish(workshop)
    workshop.run("check")
    trace = ".fencepost/traces/block_cache-hasty-copies_what_is_cached.json"
    ran = wrong(workshop, "block_cache", "--trace", trace)
    assert 'why:   a trace says "format": "fencepost difference"' in ran.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\n", "adapters/block_cache.py:1: error F251: the file holds no adapter"),
        ("x = (\n", "adapters/block_cache.py:1: error F05: this is not Python"),
        ("import nowhere_at_all\n", "error F06: loading the file raises ModuleNotFoundError"),
        (
            adapter() + "\n\nclass Second(BlockCacheAdapter):\n    pass\n",
            "error F251: the file holds 2 adapters: BlockCacheAdapter, Second",
        ),
        (
            adapter(
                MENDED,
                "    def observe(self):",
                "    sizes = {'request': 1}\n\n    def observe(self):",
            ),
            "F252: BlockCacheAdapter.sizes names 'request', and block_cache has no such parameter",
        ),
        (
            adapter(
                MENDED,
                "    def observe(self):",
                "    sizes = {'requests': '1'}\n\n    def observe(self):",
            ),
            "F252: BlockCacheAdapter.sizes is {'requests': '1'}",
        ),
        (
            adapter(MENDED, '"held": [', '"hold": ['),
            "F254: `observe` shows 'hold', and BlockCache has no such field (did you mean held?)",
        ),
        (
            adapter(MENDED, "cache.contents,", "cache.contents[:1],"),
            "error F255: `observe` shows 1",
        ),
        (
            adapter(MENDED, "block in cache.copies for", "0 for"),
            "error F256: `observe` gives copying",
        ),
        (
            adapter(MENDED, 'sizes["blocks"]', 'sizes["block"]'),
            "F253: BlockCacheAdapter cannot be set",
        ),
    ],
)
def test_what_is_written_wrongly(workshop: Workshop, text, message):
    furnish(workshop)
    workshop.write(ADAPTER, text)
    assert message in wrong(workshop, "block_cache").err


def test_no_adapters_folder(workshop: Workshop):
    workshop.project()
    assert "error F250: there is nothing to drive" in wrong(workshop, "--all").err


def test_outside_of_a_project(workshop: Workshop):
    workshop.write("model.py", FILES[MODEL])
    workshop.write("driver.py", adapter())
    assert "error F250: there is no project to find an adapter" in wrong(workshop, "model.py").err
    assert workshop.run("conform", "model.py", "driver.py", *QUICK).code == 0
