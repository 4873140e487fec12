"""Models with one mistake that a newcomer makes: the message says what was probably meant."""

from __future__ import annotations

from bad_declarations import Case, declared
from model_texts import with_body


def line(text: str, **more: str) -> Case:
    """A model of many fields whose action has this line."""
    return Case(with_body(text, **more))


def asking(text: str, argument: str = "", before: str = "") -> Case:
    """A model with a helper and a condition, and a property that returns this."""
    return declared(
        "at = Array(A, of=bool)",
        methods="""\
def is_at(self, a): return self.at[a]
@final
def is_over(self): return self.v
""",
        after=f"{before}@always(M)\ndef asked(m{argument}):\n    {text}",
    )


BAD_GUESSES: dict[str, Case] = {
    "name of the model in a body": line("self.flag = exists(A, lambda a: self.s == EMPTY)"),
    "name of the model in a comprehension": line("x = [self.cnt[i] for i in A]"),
    "name of the model in a property": asking("return for_all(A, lambda a: m.at[a])"),
    "helper of the class": asking("return M.is_at(0)"),
    "helper of the class with too much": asking("return M.is_at(m, 0, 1)"),
    "condition of the class": asking("return M.is_over()"),
    "domain in a text": asking("return m.at[a]", ", a: 'A'"),
    "require in a property": asking("require(m.v); return m.v"),
    "require in the quantifier of a property": asking(
        "return for_all(m.A, lambda a: require(m.at[a]))"
    ),
    "design with a text": declared("safe = Design('bar', expect=holds)"),
    "design with a sentence": declared("safe = Design('the bar', expect=holds)"),
    "no initial member": declared("level = Var(Phase)"),
    "actor without action": declared(methods="@actor('x')\ndef f(self): self.v = True"),
    "set equals its index": line("self.flag = self.s == self.A"),
    "index equals its set": line("self.flag = self.A == self.s"),
    "field equals an index": line("self.flag = self.owner[b] == self.A"),
    "array of components": declared(
        "from fencepost.language.components import Channel\nr = Array(A, of=Channel(A))"
    ),
    "array of a component class": declared(
        "from fencepost.language.components import Channel\nr = Array(A, of=Channel)"
    ),
    "quantifier over a size": line("self.flag = for_all(self.n, lambda i: self.grid[i, b])"),
    "lambda of none": line("self.flag = for_all(self.A, lambda: self.flag)"),
    "lambda of one of two": line("self.flag = for_all(self.A, self.B, lambda i: self.flag)"),
    "lambda of one of two alike": line("self.flag = for_all(self.A, self.A, lambda i: self.flag)"),
    "assign with one of two": line("assign(self.grid, to=lambda i: True)"),
    "two index sorts": line("self.flag = a == b"),
    "sort and enum": line("self.flag = a == self.phase[a]"),
}
