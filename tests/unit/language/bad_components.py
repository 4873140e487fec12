"""Models with one mistake, in the use of a component: the line of the model is named."""

from __future__ import annotations

from bad_declarations import Case
from model_texts import HEAD

IMPORT = "from fencepost.language.components import *\n\n\n"


def using(declaration: str, line: str = "pass") -> Case:
    """A model with a component `c` whose action has one line of its own."""
    return Case(
        HEAD.rstrip("\n")
        + f"""

{IMPORT}class M(Model):
    n = Parameter(1)
    A, B = Index(2), Index(3)
    v = Var(bool)
    c = {declaration}

    @action(a=A, b=B)
    def go(self, a, b):
        {line}
        self.v = not self.v
"""
    )


BAD_COMPONENTS: dict[str, Case] = {
    "channel of one copy duplicates": using("Channel(A, duplicates=True)"),
    "channel of n copies duplicates": using("Channel(A, copies=n, duplicates=True)"),
    "fifo of one place duplicates": using("FifoChannel(A, capacity=n, duplicates=True)"),
    "channel full in other words": using("Channel(A, when_full='wait')"),
    "channel of a number": using("Channel(3)"),
    "channel of nothing": using("Channel()"),
    "channel by maybe": using("Channel(Maybe(A))"),
    "channel of text copies": using("Channel(A, copies='x')"),
    "channel too few parts": using("Channel(A, B)", "self.c.send(a)"),
    "channel parts swapped": using("Channel(A, B)", "self.c.send(b, a)"),
    "channel of another sort": using("Channel(A)", "self.c.send(b)"),
    "channel holds alone": using("Channel(A)", "self.c.holds(a)"),
    "channel sends nothing": using("Channel(A)", "self.c.send(None)"),
    "pool swapped": using("SlotPool(A, B)", "self.c.take(b, a)"),
    "pool half": using("SlotPool(A, B)", "self.c.take(a)"),
    "pool of another sort": using("SlotPool(A, B)", "self.c.take(a, Phase.IDLE)"),
    "pool of sets": using("SlotPool(A, SetOf(B))"),
    "references in a quantifier": using(
        "References(A, B)", "self.v = for_all(self.A, lambda x: self.c.is_held(b))"
    ),
    "fifo of negative capacity": using("FifoChannel(A, capacity=-1)"),
    "streams two of another sort": using(
        "Streams(A, B, A, depth=1, launches=1)", "self.c.launch(b, b)"
    ),
}
