"""Models derived from another one: what they inherit, drop and declare anew."""

from __future__ import annotations

import pytest

from fencepost.core.errors import InputError
from fencepost.language import build
from fencepost.loading import load_model

BASE = """\
from fencepost import *


class Lease(Model):
    writers = Parameter(2)
    Writer, Turn = Index(writers), Range(0, 1)
    asks = Barrier("a writer asks first", buys=["one_writer"])
    writing = Array(Writer, of=bool)
    turn = Var(Turn, initial=0)

    @action(writer=Writer)
    def begin(self, writer):
        if self.asks:
            require(not self.somebody_writes())
        self.writing[writer] = True

    @action(turn=Turn)
    def turns(self, turn):
        self.turn = turn

    def somebody_writes(self):
        return exists(self.Writer, lambda other: self.writing[other])

    as_reported = Design(expect=violates("one_writer", steps=2))
    safe = Design(asks, expect=holds)
"""
PROPERTIES = """\
from fencepost import *
from models.lease import Lease


@always(Lease)
def one_writer(m):
    return count(m.Writer, lambda writer: m.writing[writer]) <= 1


@reachable(Lease)
def is_reached(m, turn: Lease.Turn):
    return m.turn == turn
"""
DERIVED = """\
from fencepost import *
from models.lease import Lease


class Three(Lease):
    writers = Parameter(3)
    as_reported = None
"""


@pytest.fixture
def project(workshop):
    workshop.project()
    workshop.write("models/lease.py", BASE)
    workshop.write("properties/lease.py", PROPERTIES)
    workshop.write("models/three.py", DERIVED)
    return workshop


def loaded(workshop, name="three"):
    source = load_model(name, workshop.folder)
    return build(source.model, source.properties)


def test_a_derived_model_has_the_properties_of_its_base(project):
    system = loaded(project)
    assert [p.name for p in system.properties] == ["one_writer", "is_reached"]
    assert system.field["writing"].cells == 3
    assert project.run("check").code == 0


def test_a_derived_model_drops_an_inherited_design(project):
    assert [d.name for d in loaded(project).designs] == ["safe"]
    assert [d.name for d in loaded(project, "lease").designs] == ["as_reported", "safe"]


def test_a_property_file_of_its_own_says_which_properties_a_derived_model_has(project):
    project.write(
        "properties/three.py",
        "from properties.lease import one_writer\n" + PROPERTIES.partition("\n\n\n")[0],
    )
    assert [p.name for p in loaded(project).properties] == ["one_writer"]


def test_an_own_property_file_without_what_a_barrier_buys_is_refused(project):
    project.write("properties/three.py", PROPERTIES.replace("one_writer", "two_writers"))
    with pytest.raises(InputError, match="names the property `one_writer`"):
        loaded(project)


def test_a_domain_declared_anew_is_the_one_that_a_property_of_the_base_ranges_over(project):
    project.write(
        "models/three.py",
        DERIVED
        + "    Turn = Range(0, 5)\n    turn = Var(Turn, initial=0)\n\n"
        + "    @action(turn=Turn)\n    def turns(self, turn): self.turn = turn\n",
    )
    (turn,) = next(p for p in loaded(project).properties if p.name == "is_reached").arguments
    assert turn.of.size == 6
    assert project.run("check").code == 0


def test_an_index_declared_anew_does_not_mix_with_that_of_the_base(project):
    project.write("models/three.py", DERIVED + "    Writer = Index(4)\n")
    with pytest.raises(InputError, match="F40") as raised:
        loaded(project)
    assert "Writer (4 members) as an index of writing" in raised.value.what


def test_properties_of_a_derived_model_are_not_those_of_the_base(project):
    text = PROPERTIES.replace("models.lease import Lease", "models.three import Three")
    project.write("properties/lease.py", text.replace("Lease", "Three"))
    with pytest.raises(InputError) as raised:
        loaded(project, "lease")
    assert raised.value.code == "F105"
    assert "properties `one_writer`, `is_reached` are about Three, not Lease" in raised.value.what
    assert "`@always(Lease)`" in raised.value.write


def test_siblings_are_told_of_their_base(project):
    project.write("models/two.py", DERIVED.replace("Three", "Two").replace("(3)", "(2)"))
    text = PROPERTIES.replace("models.lease import Lease", "models.three import Three")
    project.write("properties/two.py", text.replace("Lease", "Three"))
    with pytest.raises(InputError, match="F105") as raised:
        loaded(project, "two")
    assert "for both models, `@always(Lease)`" in raised.value.write
