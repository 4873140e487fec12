"""What an export looks like: named after the model's own names, readable, without properties."""

from __future__ import annotations

from enum import IntEnum
from textwrap import dedent

import pytest

from fencepost import *
from fencepost.core.domains import Index as IndexDomain
from fencepost.core.domains import SetOf as SetDomain
from fencepost.core.errors import InputError
from fencepost.core.expressions import FALSE, TRUE, Variable
from fencepost.core.system import Action, Expectation, Field, System
from fencepost.core.system import Design as CoreDesign
from fencepost.core.trees import Update
from fencepost.export import murphi, promela
from fencepost.export.naming import Names
from fencepost.language import build


class Phase(IntEnum):
    IDLE, WAITING, DONE = range(3)


class Reclaim(Model):
    requests = Parameter(2)
    Request, Slot = Index(requests), Index(1)
    waits = Barrier("the answer is waited for", buys=[])
    phase = Array(Request, of=Phase, initial=Phase.IDLE)
    slot = Array(Request, of=Maybe(Slot), initial=NONE)
    owner = Array(Slot, of=Maybe(Request), initial=NONE)
    landed = Array(Request, Slot, of=bool, initial=False)
    queued = Var(SetOf(Request), initial=EMPTY)

    @actor("decode")
    @action(request=Request, slot=Slot)
    def allocate(self, request, slot):
        require(self.phase[request] == Phase.IDLE and self.owner[slot] == NONE)
        self.phase[request] = Phase.WAITING
        self.owner[slot], self.slot[request] = request, slot
        self.queued.add(request)

    @action(request=Request)
    def abort(self, request):
        require(self.phase[request] == Phase.WAITING)
        require(not exists(self.Slot, lambda slot: self.landed[request, slot]))
        if self.waits:
            self.queued.remove(request)
        else:
            self.owner[self.slot[request]] = NONE
            assign(self.landed[request], to=True)
        self.phase[request] = Phase.DONE

    careless = Design(expect=holds)
    careful = Design(waits, expect=holds)


IN_PROMELA = """\
/* Reclaim at requests=2, design careful */
#define waits 1
#define NONE (-1)
#define IDLE 0
#define WAITING 1
#define DONE 2

byte phase[2] = IDLE;
short slot[2] = NONE;
short owner[1] = NONE;
bool landed[2] = false;
byte queued = 0;

inline allocate(request, slot_) { /* by decode */
    d_step {
        phase[request] == IDLE && owner[slot_] == NONE ->
        phase[request] = WAITING;
        owner[slot_] = request;
        slot[request] = slot_;
        queued = (queued | (1 << request));
    }
}

inline abort(request) {
    d_step {
        phase[request] == WAITING && !landed[request] && (waits || slot[request] != NONE) ->
        if
        :: waits ->
            queued = (queued & ~(1 << request));
        :: else ->
            owner[slot[request]] = NONE;
            landed[request] = true;
        fi;
        phase[request] = DONE;
    }
}

active proctype steps() {
    do
    :: allocate(0, 0)
    :: allocate(1, 0)
    :: abort(0)
    :: abort(1)
    od
}
"""

IN_MURPHI = """\
-- Reclaim at requests=2, design careful

const
  waits: true;
  NONE: -1;
  IDLE: 0;
  WAITING: 1;
  DONE: 2;

type
  Request: 0 .. 1;
  Phase: IDLE .. DONE;
  Slot: 0 .. 0;
  Slot_or_none: NONE .. 0;
  Request_or_none: NONE .. 1;

var
  phase: array [Request] of Phase;
  slot: array [Request] of Slot_or_none;
  owner: array [Slot] of Request_or_none;
  landed: array [Request] of array [Slot] of boolean;
  queued: array [Request] of boolean;

startstate "start 0"
begin
  for i0: Request do phase[i0] := IDLE; end;
  for i0: Request do slot[i0] := NONE; end;
  for i0: Slot do owner[i0] := NONE; end;
  for i0: Request do for i1: Slot do landed[i0][i1] := false; end; end;
  for i: Request do queued[i] := false; end;
end;

ruleset request: Request; slot_: Slot do
  rule "allocate" -- by decode
    phase[request] = IDLE & owner[slot_] = NONE
  ==>
  begin
    phase[request] := WAITING;
    owner[slot_] := request;
    slot[request] := slot_;
    queued[request] := true;
  end;
end;

ruleset request: Request do
  rule "abort"
    phase[request] = WAITING &
    !(exists slot_: Slot do landed[request][slot_] end) &
    (waits | slot[request] != NONE)
  ==>
  begin
    if waits then
      queued[request] := false;
    else
      owner[slot[request]] := NONE;
      for i0: Slot do landed[request][i0] := true; end;
    end;
    phase[request] := DONE;
  end;
end;
"""


def test_promela_reads_as_the_model_does() -> None:
    system = build(Reclaim)
    assert promela(system, system.design("careful")) == IN_PROMELA


def test_murphi_reads_as_the_model_does() -> None:
    system = build(Reclaim)
    assert murphi(system, system.design("careful")).rstrip("\n") + "\n" == IN_MURPHI


def test_designs_differ_in_their_constants_only() -> None:
    system = build(Reclaim)
    careless = promela(system, system.design("careless"))
    assert careless == IN_PROMELA.replace("careful", "careless").replace("waits 1", "waits 0")


def test_what_branches_have_in_common_is_written_once() -> None:
    class Branching(Model):
        one = Barrier("", buys=[])
        other = Barrier("", buys=[])
        a = Var(Range(0, 3), initial=0)
        b = Var(bool, initial=False)
        c = Var(bool, initial=False)

        @action
        def step(self):
            if self.one:
                self.b = True
            if self.other:
                self.c = True
            self.a = 1

        @action
        def back(self):
            self.b = False
            if self.b or self.c:
                self.c = False

    system = build(Branching)
    text = promela(system, system.designs[0])
    assert text.count("b = true;") == text.count("c = true;") == text.count("a = 1;") == 1
    assert ":: one ->\n            b = true;\n        :: else -> skip\n        fi;" in text
    assert text.count("b = false;") == 2, "its initial value, and one assignment"


def test_a_condition_is_not_asked_after_what_it_reads_is_written() -> None:
    class Late(Model):
        a = Var(Range(0, 3), initial=0)
        b = Var(bool, initial=False)

        @action
        def step(self):
            before = self.a
            self.a = 1
            if before == 2:
                self.b = True

    system = build(Late)
    text = promela(system, system.designs[0])
    assert text.index("if") < text.index("a = 1;")
    assert text.count("a = 1;") == 2


def test_names_avoid_reserved_and_taken_ones_in_a_fixed_way() -> None:
    names = Names(frozenset({"run"}), set())
    wanted = ["channel.send", "run", "Run", "channel_send", "_x", "1st", "run"]
    given = [names.take(name) for name in wanted]
    assert given == ["channel_send", "run_", "Run_", "channel_send_", "v_x", "v1st", "run__"]
    inner = names.inner()
    assert inner.take("run") == "run___"
    assert names.take("run") == "run___"


def system_with(field: Field, *, initial: object = TRUE) -> tuple[System, CoreDesign]:
    design = CoreDesign("only", frozenset(), Expectation())
    step = Action("step", "", (), Update(()))
    system = System(
        name="Small",
        parameters=(),
        barriers=(),
        fields=(field,),
        initial=initial,  # type: ignore[arg-type]
        actions=(step,),
        properties=(),
        final=FALSE,
        designs=(design,),
    )
    return system, design


def a_set(members: int) -> Field:
    return Field("members", (), SetDomain(IndexDomain("Member", members)), ((0,),))


def test_promela_has_sets_of_31_members_and_no_more() -> None:
    assert "int members = 0;" in promela(*system_with(a_set(31)))
    with pytest.raises(InputError, match="sets of 32 members") as raised:
        promela(*system_with(a_set(32)))
    assert raised.value.code == "F60"
    assert "members: array [Member] of boolean;" in murphi(*system_with(a_set(32)))


@pytest.mark.parametrize("export", [promela, murphi])
def test_results_wider_than_32_bits_are_refused(export) -> None:
    class Wide(Model):
        x = Var(Range(0, 2**20), initial=0)

        @action
        def square(self):
            require(self.x * self.x < 5)
            self.x = 1

    system = build(Wide)
    with pytest.raises(InputError, match=r"may go from 0 to 1099511627776") as raised:
        export(system, system.designs[0])
    assert raised.value.code == "F61"
    assert raised.value.at is not None
    assert raised.value.at.file == __file__


def test_murphi_has_no_set_for_an_argument() -> None:
    field = a_set(2)
    system, design = system_with(field)
    argument = Variable("some", field.domain)
    action_ = Action("step", "", (argument,), Update(()))
    system = System(**{**vars_of(system), "actions": (action_,)})
    assert ":: step(3)" in promela(system, design)
    with pytest.raises(InputError, match="a set is used as a number") as raised:
        murphi(system, design)
    assert raised.value.code == "F62"


def vars_of(system: System) -> dict[str, object]:
    return {name: getattr(system, name) for name in System.__dataclass_fields__}


@pytest.mark.parametrize("export", [promela, murphi])
def test_a_system_without_initial_states_is_refused(export) -> None:
    with pytest.raises(InputError, match="no initial state") as raised:
        export(*system_with(a_set(2), initial=FALSE))
    assert raised.value.code == "F63"


@pytest.mark.parametrize("export", [promela, murphi])
def test_too_many_initial_states_are_refused(export) -> None:
    field = Field("members", (), SetDomain(IndexDomain("Member", 13)), (tuple(range(2**13)),))
    with pytest.raises(InputError, match="more than 5000 initial states") as raised:
        export(*system_with(field))
    assert raised.value.code == "F64"


def test_several_initial_states_share_what_they_have_in_common() -> None:
    class Several(Model):
        Item = Index(2)
        fixed = Array(Item, of=bool, initial=True)
        free = Var(bool, initial=ANY)

        @action
        def step(self):
            self.free = False

    system = build(Several)
    in_promela, in_murphi = (e(system, system.designs[0]) for e in (promela, murphi))
    choice = """\
    atomic {
        if
        :: d_step { free = false }
        :: d_step { free = true }
        fi
    }
"""
    assert choice in in_promela
    starts = dedent(
        """\
        startstate "start 1"
        begin
          what_is_common();
          free := true;
        end;
        """
    )
    assert starts in in_murphi
    assert in_murphi.count("fixed[i0] := true") == 1
