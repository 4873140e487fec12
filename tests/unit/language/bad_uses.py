"""Models with one mistake, in an action, a design or a property."""

from __future__ import annotations

from bad_declarations import Case, declared
from model_texts import declaring

BAD_USES: dict[str, Case] = {
    "action int": declared(
        methods="""\
@action(a=int)
def f(self, a): self.v = True
"""
    ),
    "action 3": declared(
        methods="""\
@action(a=3)
def f(self, a): self.v = True
"""
    ),
    "action str bad": declared(
        methods="""\
@action(a='Q')
def f(self, a): self.v = True
"""
    ),
    "action missing": declared(
        methods="""\
@action(a=A)
def f(self, a, b): self.v = True
"""
    ),
    "action extra": declared(
        methods="""\
@action(a=A, b=A)
def f(self, a): self.v = True
"""
    ),
    "action positional": declared(
        methods="""\
@action(A)
def f(self, a): self.v = True
"""
    ),
    "action none": declared(
        methods="""\
@action
def f(self, a): self.v = True
"""
    ),
    "action no self": declared(
        methods="""\
@action
def f(): pass
"""
    ),
    "actor below": declared(
        methods="""\
@action
@actor('x')
def f(self): self.v = True
"""
    ),
    "actor alone": declared(
        methods="""\
@actor('x')
def f(self): self.v = True
"""
    ),
    "actor nonstr": declared(
        methods="""\
@actor
@action
def f(self): self.v = True
"""
    ),
    "twice": declared(
        methods="""\
@action
def f(self): self.v = True
@action
def f(self): self.v = False
"""
    ),
    "twice final": declared(
        methods="""\
@final
def f(self): return self.v
@final
def f(self): return self.v
"""
    ),
    "initial arg": declared(
        methods="""\
@initial
def f(self, a): return self.v
"""
    ),
    "final none": declared(
        methods="""\
@final
def f(self): self.v
"""
    ),
    "final write": declared(
        methods="""\
@final
def f(self): self.v = True
"""
    ),
    "initial fault": declared(
        """\
r = Var(Maybe(A))
q = Array(A, of=bool)
""",
        methods="""\
@initial
def f(self): return self.q[self.r]
""",
    ),
    "initial on action": declared(
        methods="""\
@initial
@action
def f(self): return False
"""
    ),
    "model called": declared(after="x = M()"),
    "steps many": declared(
        "B = Index(400)",
        methods="""\
@action(a=B, b=B)
def f(self, a, b): self.v = True
""",
    ),
    "barrier kind": declared("q = Barrier('x', buys=[], kind='wall')"),
    "barrier buys unknown": declared(
        "q = Barrier('x', buys=['p'])",
        after="""\
@always(M)
def pp(m): return m.v
""",
    ),
    "design str": declared("d = Design('bar', expect=holds)"),
    "design expect str": declared("d = Design(bar, expect='holds')"),
    "design expect violates": declared("d = Design(bar, expect=violates)"),
    "design violates fn": declared("""\
def p(m): pass
d = Design(bar, expect=violates(p))
"""),
    "design steps": declared("d = Design(bar, expect=violates('p', steps=-1))"),
    "within str": declared("d = Design(bar, expect=holds.within('3'))"),
    "design other": declared("d = Design(Other.other_barrier, expect=holds)"),
    "without": declared("""\
d = Design(bar, expect=holds)
e = d.without(bar, expect=holds)
f = e.without(bar, expect=holds)
"""),
    "without other": declared("""\
d = Design(bar, expect=holds)
e = d.without(Other.other_barrier, expect=holds)
"""),
    "violates unknown": declared(
        "d = Design(bar, expect=violates('pq'))",
        after="""\
@always(M)
def pp(m): return m.v
""",
    ),
    "dup prop": declared(
        after="""\
@always(M)
def pp(m): return m.v
@reachable(M)
def pp(m): return m.v
"""
    ),
    "prop other": declared(
        after="""\
@always(Other)
def pp(m): return m.v
"""
    ),
    "prop none": declared(
        after="""\
@always
def pp(m): return m.v
"""
    ),
    "prop int": declared(
        after="""\
@always(3)
def pp(m): return m.v
"""
    ),
    "prop no domain": declared(
        after="""\
@always(M)
def pp(m, a): return m.v
"""
    ),
    "prop int dom": declared(
        after="""\
@always(M)
def pp(m, a: int): return m.v
"""
    ),
    "prop nothing": declared(
        after="""\
@always(M)
def pp(m): m.v
"""
    ),
    "prop lambda": declared(after="p = always(M)(lambda m: m.v)"),
    "prop stacked": declared(
        after="""\
@always(M)
@reachable(M)
def pp(m): return m.v
"""
    ),
    "prop write": declared(
        after="""\
@always(M)
def pp(m): m.v = True
"""
    ),
    "prop maybe": declared(
        "r = Var(Maybe(A))",
        after="""\
@always(M)
def pp(m): return m.r
""",
    ),
    "prop assert": declared(
        after="""\
@always(M)
def pp(m): assert m.v
"""
    ),
    "prop require": declared(
        after="""\
@always(M)
def pp(m):
    require(m.v)
    return True
"""
    ),
    "prop unknown": declared(
        after="""\
@always(M)
def pp(m): return m.vv
"""
    ),
    "param unknown": declared(parameters={"k": 1}),
    "param range": declared(parameters={"n": -1}),
    "param str again": declared(parameters={"n": "3"}),
    "prop bad name": Case(
        "from __future__ import annotations\n"
        + declaring(after="@always(M)\ndef pp(m, a: M.Q):\n    return m.v\n")
    ),
    "too many initial states": declared(
        "r = Array(A, of=Range(0, 9), initial=ANY)", parameters={"n": 7}
    ),
    "fair on a method": declared(
        methods="""\
@fair
def f(self): self.v = True
"""
    ),
    "fair below action": declared(
        methods="""\
@action
@fair
def f(self): self.v = True
"""
    ),
    "fair in a new way": declared(
        methods="""\
@fair("often")
@action
def f(self): self.v = True
"""
    ),
    "Fair of nothing": declared("delivers = Fair()"),
    "Fair of a kind": declared("delivers = Fair('g', kind='some')"),
    "Fair of an unknown action": declared("delivers = Fair('channel.deliver')"),
    "leads_to without a goal": declared(
        after="""\
@leads_to(M)
def ends(m): return m.v
"""
    ),
    "leads_to three": declared(
        after="""\
@leads_to(M)
def ends(m): return m.v, m.v, m.v
"""
    ),
    "eventually nothing": declared(
        after="""\
@eventually(M)
def ends(m): pass
"""
    ),
}
