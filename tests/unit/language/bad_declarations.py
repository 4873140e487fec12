"""Models with one mistake, in a declaration or in one line of a body."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from model_texts import declaring


@dataclass(frozen=True)
class Case:
    source: str
    parameters: dict[str, Any] = field(default_factory=dict)


def declared(
    fields: str = "",
    *,
    methods: str = "",
    after: str = "",
    parameters: dict[str, Any] | None = None,
) -> Case:
    return Case(declaring(fields, methods=methods, after=after), parameters or {})


BAD_DECLARATIONS: dict[str, Case] = {
    "if param": declared("if n: pass"),
    "if size equals": declared("if n == 2: pass"),
    "range of size": declared("for i in range(n): pass"),
    "size divided": declared("k = Index(n / 2)"),
    "size divided by zero": declared("k = Index(n // 0)"),
    "param str": declared("k = Parameter('x')"),
    "size str": declared("K = Index('3')"),
    "zero index": declared("K = Index(n - 2)"),
    "neg range": declared("r = Var(Range(3, n), initial=3)"),
    "huge range": declared("r = Var(Range(0, 1 << 40), initial=3)"),
    "maybe neg": declared("r = Var(Maybe(Range(-1,2)))"),
    "maybe with a gap": declared("r = Var(Maybe(Range(1, 2)))"),
    "maybe maybe": declared("r = Var(Maybe(Maybe(A)))"),
    "setof range": declared("r = Var(SetOf(Range(0,2)))"),
    "setof big": declared("""\
B = Index(63)
r = Var(SetOf(B))
"""),
    "gap enum": declared("r = Var(Gap, initial=Gap.FIRST)"),
    "int domain": declared("r = Var(int, initial=0)"),
    "value domain": declared("r = Var(3, initial=0)"),
    "array no index": declared("r = Array(of=bool)"),
    "array by maybe": declared("r = Array(Maybe(A), of=bool)"),
    "no initial": declared("r = Var(Range(0,3))"),
    "init out": declared("r = Var(Range(0,3), initial=4)"),
    "init float": declared("r = Var(Range(0,3), initial=1.0)"),
    "init str": declared("r = Var(Range(0,3), initial='1')"),
    "init list": declared("r = Var(Range(0,3), initial=[1,2])"),
    "init bool in range": declared("r = Var(Range(0,3), initial=True)"),
    "init 0 in bool": declared("r = Var(bool, initial=0)"),
    "init other enum": declared("r = Var(Range(-1,1), initial=NONE)"),
    "init enum class": declared("r = Array(A, of=Phase, initial=Phase)"),
    "init function args": declared("r = Array(A, of=Phase, initial=lambda: Phase.BUSY)"),
    "init set out": declared("r = Var(SetOf(A), initial={2})"),
    "init set as list": declared("r = Array(A, of=SetOf(A), initial=[0])"),
    "init set as none": declared("r = Var(SetOf(A), initial=NONE)"),
    "init set of a Boolean": declared("r = Var(SetOf(A), initial={True})"),
    "one_of empty": declared("r = Var(Maybe(A), initial=one_of())"),
    "any huge": declared("r = Var(Range(0, 1<<30), initial=ANY)"),
    "too many cells": declared("""\
B = Index(1000)
r = Array(B, B, of=bool)
"""),
    "underscore": declared("_r = Var(bool)"),
    "inline index": declared("r = Array(Index(3), of=bool)"),
    "inline param": declared("K = Index(Parameter(3))"),
    "other s param": declared("K = Index(Other.m)"),
    "other s index": declared("r = Array(Other.X, of=bool)"),
    "parameter of two names": declared("one = other = Parameter(2)"),
    "barrier of two names": declared("one = other = Barrier('x', buys=[])"),
    "parameter then design": declared("fresh = Parameter(2)\nfresh = Design(expect=holds)"),
    "field then barrier": declared("held = Var(bool)\nheld = Barrier('x', buys=[])"),
    "field then action": declared("go = Var(bool)"),
    "field twice": declared("held = Var(bool)\nheld = Var(Range(0, 1), initial=0)"),
    "design then nothing": declared("safe = Design(expect=holds)\nsafe = None"),
    "helper twice": declared("def of(self): return 1\ndef of(self): return 2"),
    "field hides holds": declared("holds = Var(bool)\nsafe = Design(expect=holds)"),
    "barrier hides holds": declared("holds = Barrier('x', buys=[])\nsafe = Design(expect=holds)"),
    "method hides holds": declared("def holds(self): return 1\nsafe = Design(expect=holds)"),
    "field hides a decorator": declared("action = Var(bool)"),
    "holds is called": declared("safe = Design(expect=holds())"),
}
