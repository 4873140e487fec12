"""Domains: gap-free intervals whose values a person reads by name."""

from __future__ import annotations

import pytest

from fencepost.core.domains import BOOL, Domain, Enum, Index, Maybe, Range, SetOf
from fencepost.core.errors import InputError, Location

PHASE = Enum("Phase", ("IDLE", "BUSY"), first=1)
SLOT = Index("Slot", 3)


@pytest.mark.parametrize(
    ("domain", "shown"),
    [
        (BOOL, ["False", "True"]),
        (PHASE, ["IDLE", "BUSY"]),
        (Range(-1, 1), ["-1", "0", "1"]),
        (SLOT, ["0", "1", "2"]),
        (Maybe(SLOT), ["NONE", "0", "1", "2"]),
        (Maybe(Enum("Phase", ("IDLE", "BUSY"))), ["NONE", "IDLE", "BUSY"]),
        (SetOf(Index("Slot", 2)), ["{}", "{0}", "{1}", "{0, 1}"]),
    ],
)
def test_values_as_a_person_reads_them(domain: Domain, shown: list[str]) -> None:
    assert [domain.show(value) for value in domain.values()] == shown
    assert domain.size == len(shown)


def test_an_error_says_where_what_why_and_what_to_write() -> None:
    error = InputError("F99", "a slip", why="it matters", write="this", at=Location("m.py", 3, 7))
    assert str(error) == "m.py:3: error F99: a slip\n  why:   it matters\n  write: this"
    assert str(InputError("F99", "a slip")) == "error F99: a slip"
