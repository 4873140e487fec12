"""Bodies that are refused, each with one mistake."""

from __future__ import annotations

from functools import partial

from model_texts import with_body

body = partial(with_body, moves="")


LATE = """\
if self.flag:
    self.clock = 0
else:
    self.flag = helper(self.flag)
"""
"""What is refused stands on the second path only."""

BAD_BODIES: dict[str, str] = {
    "none store": body("self.phase[a] = self.owner[b]"),
    "dict comp": body("d = {i: self.cnt[i] for i in self.A}; self.clock = d[0]"),
    "star": body("""\
def f(*xs, **kw): return xs[0] and kw['z']
self.flag = f(*[self.flag, self.clock > 0], **{'z': self.clock > 1})
"""),
    "str": body("self.flag = str(self.clock) == '1'"),
    "fstr": body("self.flag = f'{self.clock}' == '1'"),
    "repr": body("self.flag = repr(self.clock) == '1'"),
    "percent": body("self.flag = '%s' % self.clock == '1'"),
    "percent r": body("self.flag = '%r' % self.clock == '1'"),
    "id": body("self.flag = id(self.clock) == 3"),
    "lru": body(
        "self.flag = h(self.clock)",
        before="""\
@functools.lru_cache
def h(x): return x > 1
""",
    ),
    "slice": body("self.grid[a, 0:2] = True"),
    "del": body("del self.cnt[a]"),
    "del attr": body("del self.clock"),
    "global": body("global G; G = globals().get('G',0)+1; self.clock = G % 4", before="G=0"),
    "global list": body("L.append(1); self.clock = len(L) % 4", before="L=[]"),
    "acc in quant": body(
        "acc=[]; for_all(self.B, lambda c: acc.append(c) or True) ; self.clock = len(acc)"
    ),
    "leak var": body(
        "acc=[]; for_all(self.B, lambda c: acc.append(c) or True) ; self.cur = acc[0]"
    ),
    "nonlocal": body("""\
n = 0
def f(c):
    nonlocal n
    n += 1
    return self.grid[a, c]
x = for_all(self.B, f)
self.flag = x
self.clock = n
"""),
    "yield": body("yield self.flag"),
    "return": body("return self.flag"),
    "return false": body("return False"),
    "require method": body(
        """\
require(self.ok)
self.flag=True
""",
        methods="def ok(self): return self.clock > 1",
    ),
    "if method": body("if self.ok: self.flag=True", methods="def ok(self): return self.clock > 1"),
    "require none": body("require(None)"),
    "array compared": body("self.flag = self.phase == Phase.IDLE"),
    "array compared from the right": body("self.flag = Phase.IDLE == self.phase"),
    "if array": body("if self.phase: self.flag = True"),
    "if domain": body("if self.A: self.flag = True"),
    "Model barrier": body("if M.bar: self.flag = True"),
    "Model field": body("if M.clock == 2: self.flag = True"),
    "Model param": body("if M.n == 2: self.flag = True"),
    "Model param2": body("if self.clock < M.n: self.flag = True"),
    "NONE on signed range": body("self.cnt[a] = NONE"),
    "cmp NONE signed": body("self.flag = self.cnt[a] == NONE"),
    "cmp NONE arith": body("self.flag = self.clock - self.cnt[a] == NONE"),
    "choose NONE signed": body("x = choose(self.flag, NONE, self.cnt[a]); self.flag = x == NONE"),
    "set compared with NONE": body("self.flag = self.s == NONE"),
    "number compared with EMPTY": body("self.flag = self.clock == EMPTY"),
    "number becomes EMPTY": body("self.clock = EMPTY"),
    "hasattr": body("self.flag = hasattr(self.clock, 'expression')"),
    "class": body("self.flag = self.clock.__class__ == int"),
    "abs": body("self.clock = abs(self.cnt[a])"),
    "pow": body("self.clock = self.clock ** 2"),
    "div": body("self.clock = self.clock / 2"),
    "pos": body("self.clock = +self.clock"),
    "divmod": body("self.clock = divmod(self.clock, 2)[0]"),
    "round": body("self.clock = round(self.clock)"),
    "invert": body("self.clock = ~self.clock"),
    "len set": body("self.clock = len(self.s)"),
    "for set": body("for x in self.s: self.flag = True"),
    "set discard": body("self.s.discard(a)"),
    "set union": body("self.s |= {a}"),
    "set lit": body("self.s = {0, 1}"),
    "in choose": body("self.flag = a in choose(self.flag, self.s, EMPTY)"),
    "list idx": body("self.clock = [0,1,2][b]"),
    "list idx loop": body("for i in self.A: self.cnt[i] = [1,2][i]"),
    "one_of body": body("self.clock = one_of(0, 1)"),
    "is None arg": body(
        "self.h()",
        methods="""\
def h(self, x=None):
    if x is None: self.flag = True
""",
    ),
    "assert msg": body("assert self.clock < 3, f'clock {self.clock}'"),
    "raise value": body("if self.clock == 3: raise ValueError('x')"),
    "compared with None": body("self.flag = self.owner[b] == None"),
    "enum called": body("self.flag = Phase(self.phase[a]) == Phase.IDLE"),
    "enum attr": body("self.flag = self.phase[a].name == 'IDLE'"),
    "no op cond": body("self.clock == 1"),
    "array assigned": body("self.cnt = self.cnt"),
    "where none": body("assign(self.grid[a], to=True, where=lambda j: None)"),
    "where not called": body(
        "assign(self.grid[a], to=True, where=lambda j: self.ok)",
        methods="def ok(self): return True",
    ),
    "element kept": body(
        "for_all(self.B, self.keep)\nself.cur = KEPT[-1]",
        methods="def keep(self, b):\n    KEPT.append(b)\n    return self.grid[0, b]",
        before="KEPT = []",
    ),
    "element kept and used": body(
        "require(for_all(self.B, lambda b: self.keep(b)))\nself.cur = KEPT[-1]",
        methods="def keep(self, b):\n    KEPT.append(b)\n    return self.grid[0, b]",
        before="KEPT = []",
    ),
    "value kept between runs": body(
        "self.clock = KEPT.setdefault('clock', self.clock)", before="KEPT = {}"
    ),
    "late helper": body(LATE, before="def helper(x): return x is True"),
    "late helper in a table": body(
        LATE.replace("helper", "TABLE['a']"),
        before="def same(x): return x is True\nTABLE = {'a': same}",
    ),
    "late method of an object": body(
        LATE.replace("helper", "KIT.same"),
        before="class Kit:\n    def same(self, x): return x is True\nKIT = Kit()",
    ),
    "late object": body(
        LATE.replace("helper", "KIT"),
        before="class Kit:\n    def __call__(self, x): return x is True\nKIT = Kit()",
    ),
    "late partial": body(
        LATE.replace("helper", "SAME"),
        before="def same(n, x): return x is True\nSAME = functools.partial(same, 1)",
    ),
    "late function inside": body(LATE.replace("helper", "(lambda x: x is True)")),
    "case NONE as a name": body(
        "match self.owner[b]:\n    case 0: self.flag = True\n    case NONE: self.flag = False"
    ),
}
