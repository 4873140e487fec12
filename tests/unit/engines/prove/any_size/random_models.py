"""Random models that have a reading for any size, as a person would write them: as source text."""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random
from types import ModuleType

from fencepost import build
from fencepost.core.system import System
from fencepost.language import PropertyDeclaration

FIELDS = {
    "flag": ("A", "bool"),
    "both": ("A, B", "bool"),
    "link": ("A", "Maybe(B)"),
    "back": ("B", "Maybe(A)"),
    "level": ("B", "Range(0, 2)"),
    "mode": ("A", "Mode"),
    "group": ("B", "SetOf(A)"),
    "top": ("", "Maybe(A)"),
}
HEAD = """from enum import IntEnum
from fencepost import *

class Mode(IntEnum):
    OFF, ON, BAD = range(3)

class Random(Model):
    n, k = Parameter(2, low=1), Parameter(2, low=1)
    A, B = Index(n, ordered=True), Index(k)
    waits = Barrier("waits", buys=["p0"])
"""


class Writer:
    """Conditions and statements over the variables in scope."""

    def __init__(self, random: Random, me: str) -> None:
        self.random, self.me = random, me

    def pick(self, *choices: str) -> str:
        return self.random.choice(choices)

    def atom(self, a: list[str], b: list[str]) -> str:
        me, one, other = self.me, self.random.choice(a), self.random.choice(b)
        second = self.random.choice(a)
        return self.pick(
            f"{me}.flag[{one}]",
            f"{me}.both[{one}, {other}]",
            f"{me}.link[{one}] == {other}",
            f"{me}.link[{one}] == NONE",
            f"{me}.back[{other}] == {one}",
            f"{me}.level[{other}] < {self.pick('1', '2')}",
            f"{me}.mode[{one}] == Mode.{self.pick('OFF', 'ON', 'BAD')}",
            f"{me}.mode[{one}] <= Mode.ON",
            f"({one} in {me}.group[{other}])",
            f"{me}.top == {one}",
            f"{one} < {second}",
            f"{one} == {second}",
            f"({me}.link[{one}] != NONE and {me}.level[{me}.link[{one}]] == 0)",
            f"({me}.top != NONE and {me}.flag[{me}.top])",
            f"{me}.waits" if me == "self" else f"{me}.flag[{one}]",
        )

    def condition(self, a: list[str], b: list[str], depth: int = 2) -> str:
        if depth == 0 or self.random.random() < 0.3:
            atom = self.atom(a, b)
            return f"not {atom}" if self.random.random() < 0.4 else atom
        inner = f"x{depth}"
        match self.random.randrange(6):
            case 0:
                held = self.condition([*a, inner], b, depth - 1)
                word = self.pick("for_all", "exists")
                return f"{word}({self.me}.A, lambda {inner}: {held})"
            case 1:
                held = self.condition(a, [*b, inner], depth - 1)
                return f"exists({self.me}.B, lambda {inner}: {held})"
            case 2:
                held = self.condition([*a, inner], b, depth - 1)
                sign = self.pick("== 0", "== 1", "<= 1", ">= 2")
                return f"count({self.me}.A, lambda {inner}: {held}) {sign}"
            case _:
                left = self.condition(a, b, depth - 1)
                right = self.condition(a, b, depth - 1)
                return f"({left} {self.pick('and', 'or')} {right})"

    def statement(self) -> str:
        return self.pick(
            f"self.flag[a] = {self.pick('True', 'False')}",
            "self.both[a, b] = not self.flag[a]",
            f"self.link[a] = {self.pick('b', 'NONE')}",
            f"self.back[b] = {self.pick('a', 'NONE')}",
            "self.level[b] = min(self.level[b] + 1, 2)",
            "self.level[b] = choose(self.flag[a], 0, self.level[b])",
            f"self.mode[a] = Mode.{self.pick('OFF', 'ON', 'BAD')}",
            f"self.group[b].{self.pick('add', 'remove')}(a)",
            f"self.top = {self.pick('a', 'NONE', 'self.back[b]')}",
            f"assign(self.flag, to={self.pick('True', 'False')}, "
            f"where=lambda x: {self.condition(['a', 'x'], ['b'], 1)})",
            "assign(self.both[a], to=lambda y: self.both[a, y] and y != b)",
            "self.flag[self.top] = True" if self.random.random() < 0.3 else "self.flag[a] = True",
        )


def source(seed: int) -> str:
    """The text of a model and its properties."""
    random = Random(seed)
    lines = [HEAD]
    for name, (indices, of) in FIELDS.items():
        start = {"Mode": ", initial=Mode.OFF", "Range(0, 2)": ", initial=0"}.get(of, "")
        if of in ("bool", "Maybe(B)", "SetOf(A)") and random.random() < 0.15:
            start = ", initial=ANY"
        kind = f"Array({indices}, of={of}{start})" if indices else f"Var({of}{start})"
        lines.append(f"    {name} = {kind}")
    body = Writer(random, "self")
    for number in range(random.randint(1, 3)):
        lines += [f"\n    @action(a=A, b=B)\n    def act{number}(self, a, b):"]
        lines.append(f"        require({body.condition(['a'], ['b'])})")
        for _ in range(random.randint(1, 3)):
            if random.random() < 0.3:
                lines.append(f"        if {body.condition(['a'], ['b'], 1)}:")
                lines.append(f"            {body.statement()}")
            else:
                lines.append(f"        {body.statement()}")
    claim = Writer(random, "m")
    for number in range(4):
        held = claim.condition(["a", "c"], ["b"])
        lines.append(f"\n@always(Random)\ndef p{number}(m, a: Random.A, c: Random.A, b: Random.B):")
        lines.append(f"    return {held}")
    return "\n".join(lines) + "\n"


def load(seed: int, folder: Path, *, any_size: bool = True) -> tuple[str, System]:
    """The text of a seed and the model recorded from it, for any size or at its own."""
    text, name = source(seed), f"any_size_{seed}"
    path = folder / f"{name}.py"
    path.write_text(text)
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    exec(compile(text, str(path), "exec"), vars(module))
    properties = [v for v in vars(module).values() if isinstance(v, PropertyDeclaration)]
    return text, build(module.Random, properties, any_size=any_size)
