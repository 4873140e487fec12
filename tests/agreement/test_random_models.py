"""Random models: plain bodies, recorded trees, interpreter and compiled search tell one story."""

from __future__ import annotations

import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from comparing import Compared, compare, constructs
from generator import Generated, generate, source

from fencepost.language import PropertyDeclaration

SEEDS = range(200)
BLOCK = 20


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("random_models")


@cache
def compared(seed: int, folder: Path) -> tuple[Generated, tuple[Compared, ...]]:
    generated = generate(seed, folder)
    written = vars(sys.modules[generated.model.__module__]).values()
    properties = [value for value in written if isinstance(value, PropertyDeclaration)]
    results = (
        compare(generated.model, properties, generated.system, design)
        for design in generated.system.designs
    )
    return generated, tuple(results)


def hold_equal(seeds: range, folder: Path) -> None:
    for seed in seeds:
        generated, results = compared(seed, folder)
        differences = [line for result in results for line in result.differences]
        assert not differences, "\n".join([f"seed {seed}:", *differences[:5], "", generated.text])


@pytest.mark.parametrize("start", SEEDS[::BLOCK])
def test_every_step_in_every_reachable_state(start: int, folder: Path) -> None:
    hold_equal(range(start, start + BLOCK), folder)


@pytest.mark.slow
@pytest.mark.parametrize("start", range(1000, 1500, 50))
def test_every_step_in_every_reachable_state_of_many_more(start: int, folder: Path) -> None:
    hold_equal(range(start, start + 50), folder)


def test_a_seed_always_gives_the_same_text() -> None:
    assert [source(seed) for seed in range(30)] == [source(seed) for seed in range(30)]
    assert len({source(seed) for seed in range(30)}) == 30


NODES = (
    *("Constant", "Variable", "BarrierOn", "Read", "Not", "And", "Or", "Equal", "Less"),
    *("+", "-", "*", "//", "%", "Choose", "Contains", "set with", "set without"),
    *("for_all", "exists", "count", "nested quantifier", "quantifier over several domains"),
    *("Decide", "check", "Update", "Disabled", "Fault"),
    *("Write", "BulkWrite", "bulk write of a row"),
    *("always property", "reachable property", "always_possible property"),
    "property with arguments",
    *("Bool field", "Enum field", "Range field", "Index field", "Maybe field", "SetOf field"),
    *("0 indices", "1 indices", "2 indices"),
)


def test_every_kind_of_node_occurs(folder: Path) -> None:
    found: Counter[str] = Counter()
    for seed in SEEDS:
        found.update(set(+constructs(compared(seed, folder)[0].system)))
    rare = {node: found[node] for node in NODES if found[node] < 3}
    assert not rare


WORDS = (
    *("for_all(", "exists(", "count(", "choose(", "assign(", "where=", "all(", "any(", "sum("),
    *("min(", "max(", "match ", "case _:", " | ", "elif ", "else:", "for i in self.", "return"),
    *("assert ", "require(", ".add(", ".remove(", " in self.", " not in ", "EMPTY", "NONE"),
    *("one_of(", "initial=ANY", "@initial", "@final", "@actor", "self.does(", "self.asks("),
    *(" += ", "ordered=True", "Phase.IDLE", "lambda i, j", "seen_1", "fault("),
)


def test_every_word_of_the_language_occurs(folder: Path) -> None:
    found: Counter[str] = Counter()
    for seed in SEEDS:
        text = compared(seed, folder)[0].text
        found.update(word for word in WORDS if word in text)
    assert not {word: found[word] for word in WORDS if found[word] < 3}


BEHAVIOUR = (
    *("fault index", "fault domain", "fault none", "fault assert", "fault component"),
    *("fault element", "several initial states", "self-loop", "stuck state", "final state"),
    *("successor", "disabled", "unevaluable condition", "condition True", "condition False"),
    *("always HOLDS", "always VIOLATED", "reachable HOLDS", "reachable VIOLATED"),
    *("always_possible HOLDS", "always_possible VIOLATED"),
    *("leads_to HOLDS", "leads_to VIOLATED", "eventually HOLDS", "eventually VIOLATED"),
)


def test_every_behaviour_occurs(folder: Path) -> None:
    in_designs: Counter[str] = Counter()
    sizes: list[int] = []
    longest = 0
    for seed in SEEDS:
        for result in compared(seed, folder)[1]:
            in_designs.update(set(+result.met))
            sizes.append(result.states)
            longest = max(longest, result.met["longest trace"])
    assert not {what: in_designs[what] for what in BEHAVIOUR if in_designs[what] < 3}
    designs = in_designs["design"]
    assert in_designs["violating something"] >= designs / 5
    assert designs - in_designs["violating something"] >= designs / 20
    assert sum(size >= 10 for size in sizes) >= designs / 4
    assert max(sizes) >= 200
    assert longest >= 3
