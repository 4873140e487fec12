"""Limits of the solver that proofs work around, each as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
import z3
from recycling import PROPERTIES, Recycling

from fencepost import build
from fencepost.engines.prove.any_size import Counterexample, Oracle, Proved, Unknown, claim
from fencepost.loading import load_model


def test_a_counterexample_comes_from_sizes():
    source = load_model("async_cache_load", Path(__file__).parents[5])
    system = build(source.model, source.properties, any_size=True)
    barriers = system.design("fork_without_wait").barriers
    oracle = Oracle(system, barriers)
    claims = [claim(m) for m in system.lemmas]
    own = claim(next(p for p in system.properties if p.name == "fork_copies_own_bytes"))
    obligation = oracle.for_any_size.preserved(own, "copy_fork", [*claims, own])
    assert isinstance(oracle._refute(obligation, oracle.effort.quick), Unknown)
    found = oracle.preserved(own, "copy_fork", claims)
    assert isinstance(found, Counterexample)
    assert max(count for _, count in found.sizes) <= 2


def test_an_enumeration_is_declared_once():
    context = z3.Context()
    z3.EnumSort("Phase", ["A", "B"], context)
    with pytest.raises(z3.Z3Exception):
        z3.EnumSort("Phase", ["A", "B"], context)
    z3.EnumSort("Phase", ["A", "B"], z3.Context())


def test_a_core_may_be_larger_than_needed():
    system = build(Recycling, PROPERTIES, any_size=True)
    oracle = Oracle(system, system.design("waiting").barriers)
    claims = [claim(m) for m in system.lemmas]
    reads = claim(next(p for p in system.properties if p.name == "reads_own"))
    larger = 0
    for each in [*claims, reads]:
        for action in system.actions:
            proved = oracle.preserved(each, action.name, [*claims, reads])
            if isinstance(proved, Proved):
                for name in proved.core:
                    rest = [c for c in [*claims, reads] if c.name in proved.core and c.name != name]
                    again = oracle.preserved(each, action.name, rest)
                    larger += name != each.name and isinstance(again, Proved)
    assert larger > 0
