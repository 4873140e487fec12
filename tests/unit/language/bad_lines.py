"""Models with one mistake, in a line of a body."""

from __future__ import annotations

from bad_declarations import Case, declared

BAD_LINES: dict[str, Case] = {
    "word outside": declared(after="require(True)"),
    "unknown read": declared(
        methods="""\
@action
def f(self): self.v = self.w
"""
    ),
    "unknown write": declared(
        methods="""\
@action
def f(self): self.w = True
"""
    ),
    "assign param": declared(
        methods="""\
@action
def f(self): self.n = 3
"""
    ),
    "recursion": declared(
        "r = Var(Range(0,9), initial=0)",
        methods="""\
@action
def f(self): self.g(self.r)
def g(self, x): self.g(x + 1)
""",
    ),
    "recursion const": declared(
        "r = Var(Range(0,9), initial=0)",
        methods="""\
@action
def f(self): self.g(1)
def g(self, x): self.g(x + 1)
""",
    ),
    "endless": declared(
        methods="""\
@action
def f(self):
    while self.v: pass
"""
    ),
    "many": declared(
        "g = Array(A, of=bool)",
        methods="""\
@action
def f(self):
    for a in self.A: self.g[a] = 1 if self.g[a] else 2
""",
        parameters={"n": 14},
    ),
    "many2": declared(
        "g = Array(A, of=bool)",
        methods="""\
@action
def f(self):
    for a in self.A:
        if self.g[a]: self.v = not self.v
""",
        parameters={"n": 14},
    ),
    "mod var": declared(
        "r = Var(Range(0,9), initial=0)",
        methods="""\
@action
def f(self): self.r = 3 % self.r
""",
    ),
    "wide": declared(
        "r = Var(Range(0,1<<30), initial=0)",
        methods="""\
@action
def f(self): self.r = self.r * self.r * self.r
""",
    ),
    "require in q": declared(
        methods="""\
@action
def f(self): require(for_all(self.A, lambda a: require(self.v)))
"""
    ),
    "write in q": declared(
        methods="""\
@action
def f(self):
    def g(a):
        self.v = True
        return True
    require(for_all(self.A, g))
"""
    ),
    "q without fn": declared(
        methods="""\
@action
def f(self): require(for_all(self.A))
"""
    ),
    "q no domain": declared(
        methods="""\
@action
def f(self): require(for_all([0,1], lambda a: self.v))
"""
    ),
    "q args": declared(
        methods="""\
@action
def f(self): require(for_all(self.A, lambda a, b: self.v))
"""
    ),
    "assign var": declared(
        methods="""\
@action
def f(self): assign(self.v, to=True)
"""
    ),
    "idx many": declared(
        "g = Array(A, of=bool)",
        methods="""\
@action(a=A)
def f(self, a): self.g[a, a] = True
""",
    ),
    "row": declared(
        "g = Array(A, A, of=bool)",
        methods="""\
@action(a=A)
def f(self, a): self.g[a] = True
""",
    ),
    "two sorts": declared(
        """\
B = Index(2)
g = Array(A, of=bool)
""",
        methods="""\
@action(b=B)
def f(self, b): self.g[b] = True
""",
    ),
    "cmp sorts": declared(
        "B = Index(2)",
        methods="""\
@action(a=A, b=B)
def f(self, a, b): require(a == b)
""",
    ),
    "cmp enum idx": declared(
        methods="""\
@action(a=A)
def f(self, a): require(a == Phase.IDLE)
"""
    ),
    "NONE lt": declared(
        "o = Var(Maybe(A))",
        methods="""\
@action(a=A)
def f(self, a): require(self.o < NONE)
""",
    ),
    "NONE plus": declared(
        "o = Var(Maybe(A))",
        methods="""\
@action(a=A)
def f(self, a): self.o = NONE + 1
""",
    ),
    "maybe cond": declared(
        "o = Var(Maybe(A))",
        methods="""\
@action(a=A)
def f(self, a): require(self.o)
""",
    ),
    "idx cond": declared(
        methods="""\
@action(a=A)
def f(self, a): require(a)
"""
    ),
    "try": declared(
        methods="""\
@action
def f(self):
    try: self.v = True
    except Exception: pass
"""
    ),
    "with": declared(
        methods="""\
@action
def f(self):
    with open('x') as f: self.v = True
"""
    ),
    "isinstance": declared(
        methods="""\
@action
def f(self): require(isinstance(self.v, bool))
"""
    ),
    "case True": declared(
        methods="""\
@action
def f(self):
    match self.v:
        case True: self.v = False
"""
    ),
    "case class": declared(
        methods="""\
@action
def f(self):
    match self.v:
        case bool(): self.v = False
"""
    ),
    "case dict": declared(
        methods="""\
@action
def f(self):
    match self.v:
        case {'a': 1}: self.v = False
"""
    ),
    "case None": declared(
        methods="""\
@action
def f(self):
    match self.v:
        case None: self.v = False
"""
    ),
    "is in helper": declared(
        methods="""\
@action
def f(self): self.v = helper(self.v)
""",
        after="def helper(x): return x is True",
    ),
    "and amp": declared(
        methods="""\
@action
def f(self): require(self.v & self.v)
"""
    ),
    "set member": declared(
        "r = Var(Range(0,3), initial=0)",
        methods="""\
@action
def f(self): require(self.r in {1, 2})
""",
    ),
    "dict look": declared(
        "r = Var(Range(0,3), initial=0)",
        methods="""\
@action
def f(self): self.r = {0:1}[self.r]
""",
    ),
    "int called": declared(
        "r = Var(Range(0,3), initial=0)",
        methods="""\
@action
def f(self): self.r = int(self.r)
""",
    ),
    "raises": declared(
        "r = Var(Range(0,3), initial=0)",
        methods="""\
@action
def f(self): self.r = [1][3]
""",
    ),
    "raises name": declared(
        methods="""\
@action
def f(self): self.v = undefined
"""
    ),
    "no action": declared(
        after="""\
class M(Model):
    v = Var(bool)
"""
    ),
    "assign barrier": declared(methods="@action\ndef f(self): self.bar = True"),
    "assign domain": declared(methods="@action\ndef f(self): self.A = 1"),
}
