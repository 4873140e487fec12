"""Names that only a model at fault knows are not blamed in its place."""

from __future__ import annotations

import pytest

MODEL = """
from fencepost import *

class Lamp(Model):
    on = Var(bool)
    size = Parameter(1)

    @action
    def switch(self):
        self.on = not self.on

    dark = Design(expect=holds)

@reachable(Lamp)
def lit(m):
    return m.on
"""


@pytest.mark.parametrize("named", [("--design", "dark"), ("--property", "lit")])
def test_a_model_at_fault_is_named_before_what_only_it_knows(workshop, named):
    workshop.project()
    workshop.write("models/lamp.py", MODEL.replace("expect=holds", "expect=4"))
    ran = workshop.run("check", "lamp", *named)
    assert ran.code == 2
    assert "a design expects 4" in ran.err
    assert "has a" not in ran.err


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (("--design", "dusk"), "has no design 'dusk'"),
        (("--property", "dim"), "has no property 'dim'"),
        (("--set", "sizes=2"), "has no parameter 'sizes'"),
    ],
)
def test_an_unknown_name_is_an_error_where_every_model_is_sound(workshop, named, said):
    workshop.project()
    workshop.write("models/lamp.py", MODEL)
    ran = workshop.run("check", *named)
    assert ran.code == 2
    assert said in ran.err
