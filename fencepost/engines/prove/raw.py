"""Terms made by the solver's C interface.

The Python binding looks at the sort of each part before it makes a term, and at the sort of the
term after; of the many small terms of a proof that takes longer than all the rest. Here the parts
have the right sorts already. Terms are told apart by where they are: a solver has each term once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import z3

Term = Any
"""A term of the solver."""


def identity(term: Term) -> int:
    """What tells a term apart from every other that is alive."""
    place: int = term.ast.value
    return place


def conjunction(parts: Sequence[Term]) -> Term:
    """That all of one or more conditions hold."""
    return z3.BoolRef(z3.Z3_mk_and(parts[0].ctx.ref(), len(parts), _all(parts)), parts[0].ctx)


def disjunction(parts: Sequence[Term]) -> Term:
    """That one of one or more conditions holds."""
    return z3.BoolRef(z3.Z3_mk_or(parts[0].ctx.ref(), len(parts), _all(parts)), parts[0].ctx)


def negation(part: Term) -> Term:
    """That a condition does not hold."""
    return z3.BoolRef(z3.Z3_mk_not(part.ctx.ref(), part.ast), part.ctx)


def implication(condition: Term, part: Term) -> Term:
    """That one condition holds where another does."""
    return z3.BoolRef(z3.Z3_mk_implies(part.ctx.ref(), condition.ast, part.ast), part.ctx)


def equality(left: Term, right: Term) -> Term:
    """That two terms of one sort are equal."""
    return z3.BoolRef(z3.Z3_mk_eq(left.ctx.ref(), left.ast, right.ast), left.ctx)


def choice(condition: Term, then: Term, otherwise: Term) -> Term:
    """One of two terms of one sort."""
    kind = z3.ArithRef if isinstance(then, z3.ArithRef) else type(then)
    made = z3.Z3_mk_ite(then.ctx.ref(), condition.ast, then.ast, otherwise.ast)
    return kind(made, then.ctx)


class Renaming:
    """Puts new constants for old ones in conditions."""

    def __init__(self, old: Sequence[Term], new: Sequence[Term]) -> None:
        if len(old) != len(new):
            raise ValueError(f"{len(old)} constants, and {len(new)} to put for them")
        self._kept = (tuple(old), tuple(new))  # while they are here, so is what they stand for
        self._count, self._old, self._new = len(old), _all(old), _all(new)

    def __call__(self, part: Term) -> Term:
        made = z3.Z3_substitute(part.ctx.ref(), part.ast, self._count, self._old, self._new)
        return z3.BoolRef(made, part.ctx)


class Function:
    """A function of the solver: called with terms of its sorts, it is a term."""

    def __init__(self, name: str, *sorts: Any) -> None:
        """`sorts` of the arguments, and last that of the value."""
        constants = [z3.Const(f"{n}", sort) for n, sort in enumerate(sorts)]
        self._context = sorts[-1].ctx
        self._declared = (
            z3.Function(name, *sorts) if len(sorts) > 1 else z3.Const(name, sorts[0]).decl()
        )
        self._kind = type(constants[-1])

    def __call__(self, *arguments: Term) -> Term:
        made = z3.Z3_mk_app(
            self._context.ref(), self._declared.ast, len(arguments), _all(arguments)
        )
        return self._kind(made, self._context)


def _all(terms: Sequence[Term]) -> Any:
    return (z3.Ast * len(terms))(*(term.ast for term in terms))
