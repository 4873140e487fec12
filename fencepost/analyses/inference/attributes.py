"""What can be said of a few members in a state: attributes, each with a few values.

An attribute is a list of cases, of which exactly one holds: the members of an enum, whether an
owner is nobody, this request or another, whether a layer is before, at or behind this one. A lemma
excludes combinations of values (`boxes`), so several cases of one attribute cost what one costs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from fencepost.analyses.inference.harvest import Asked, free_variables, index_of
from fencepost.core import folding
from fencepost.core.domains import NONE_VALUE, Bool, Enum, Index, Maybe, Range, SetOf
from fencepost.core.expressions import (
    And,
    Constant,
    Contains,
    Equal,
    Expression,
    Less,
    Quantified,
    Read,
    Variable,
    walk,
)

MOST_CASES = 12
"""An attribute with more cases is none: a Range of a hundred values is arithmetic."""

NONE = Constant(NONE_VALUE, Maybe(Range(-1, -1)))


@dataclass(frozen=True)
class Attribute:
    """Cases of which exactly one holds. The last one is what is left where `open_` is set: it is
    told as the negation of the others.

    `forbidden` are sets of cases, as bits, that a lemma may not exclude by itself: the positive
    form of an existential quantifier, which would make proofs undecidable.
    """

    cases: tuple[Expression, ...]
    open_: bool = False
    forbidden: frozenset[int] = frozenset()
    places: bool = False
    """Whether the last three cases are before, at and behind some member, so that "at it" is told
    as two lemmas: that two places are the same is seldom true of more members, that one is not
    before the other is."""

    @cached_property
    def size(self) -> int:
        return len(self.cases)

    @cached_property
    def variables(self) -> frozenset[str]:
        """The names of the variables it speaks of."""
        return frozenset(v.name for case in self.cases for v in free_variables(case))

    @cached_property
    def fields(self) -> frozenset[str]:
        """The fields it reads."""
        nodes = (node for case in self.cases for node in walk(case))
        return frozenset(node.field for node in nodes if isinstance(node, Read))

    def parts(self, mask: int) -> tuple[int, ...]:
        """The largest sets of cases within a mask that a lemma may exclude."""
        if mask in self.forbidden:
            return ()
        behind = 1 << self.size - 1
        before, at = behind >> 2, behind >> 1
        if self.places and mask & before and mask & behind and not mask & at:
            return mask & ~behind, mask & ~before
        return (mask,)

    def within(self, mask: int) -> Expression:
        """The condition that the case is one of those whose bits are set."""
        inside = [n for n in range(self.size) if mask >> n & 1]
        outside = [n for n in range(self.size) if not mask >> n & 1]
        if len(inside) > len(outside) or (self.open_ and self.size - 1 in inside):
            return _none_of([self.cases[n] for n in outside])
        return folding.disjunction([self.cases[n] for n in inside])


def _none_of(cases: Sequence[Expression]) -> Expression:
    """That no case holds; of a single conjunction, that some part of it does not."""
    if len(cases) == 1 and isinstance(cases[0], And):
        return folding.disjunction([folding.negate(part) for part in cases[0].operands])
    return folding.negate(folding.disjunction(list(cases)))


def attributes(asked: Asked, variables: Sequence[Variable]) -> tuple[Attribute, ...]:
    """Every attribute of these members, in a fixed order."""
    found: dict[Attribute, None] = {}
    for general in asked.terms:
        for term in instances(general, variables):
            for attribute in _of_term(term, variables, asked.ordered):
                found[attribute] = None
    for general in asked.conditions:
        for condition in instances(general, variables):
            if isinstance(condition, Quantified):
                found[_quantified(condition)] = None
    for pair in _comparisons(asked, variables):
        found[_compared(*pair, asked.ordered)] = None
    return tuple(a for a in found if 1 < a.size <= MOST_CASES)


def instances(general: Expression, variables: Sequence[Variable]) -> Iterator[Expression]:
    """An expression with each choice of the given variables for its own."""
    free = free_variables(general)
    fitting = [[v for v in variables if v.of == each.of] for each in free]
    for chosen in product(*fitting):
        yield folding.substitute(general, {v.name: c for v, c in zip(free, chosen, strict=True)})


def _ordered(variable: Expression, ordered: frozenset[str]) -> bool:
    """Whether an expression is a member of an Index whose order matters."""
    inner = index_of(variable)
    return inner is not None and inner.ordered and inner.name in ordered


def defined(term: Expression) -> list[Expression]:
    """What has to hold for a term to have a meaning: no index in it is `NONE`."""
    needed: list[Expression] = []
    if isinstance(term, Read):
        for index in term.indices:
            needed += defined(index)
            if isinstance(index.domain, Maybe):
                needed.append(folding.negate(Equal(index, NONE)))
    return needed


def _where_defined(term: Expression, cases: Sequence[Expression]) -> list[Expression]:
    """Cases of a term, and one more if it may have no meaning."""
    guards = defined(term)
    if not guards:
        return list(cases)
    undefined = folding.negate(folding.conjunction(guards))
    return [undefined, *(folding.conjunction([*guards, case]) for case in cases)]


def _of_term(
    term: Expression, variables: Sequence[Variable], ordered: frozenset[str]
) -> Iterator[Attribute]:
    domain = term.domain
    inner = domain.of if isinstance(domain, Maybe) else domain
    maybe: list[Expression] = [Equal(term, NONE)] if isinstance(domain, Maybe) else []
    match inner:
        case Bool() if not maybe:
            yield Attribute(tuple(_where_defined(term, (folding.negate(term), term))))
        case SetOf():
            for variable in variables:
                if variable.of == inner.of:
                    holds = Contains(term, variable)
                    yield Attribute(tuple(_where_defined(term, (folding.negate(holds), holds))))
        case Enum() | Range() | Bool():
            if inner.size <= MOST_CASES:
                values = [Equal(term, Constant(v, inner)) for v in inner.values()]
                yield Attribute(tuple(_where_defined(term, [*maybe, *values])))
        case Index():
            here = [v for v in variables if v.of == inner]
            if _ordered(term, ordered):
                there = [folding.negate(each) for each in maybe]
                for variable in here:
                    before = folding.conjunction([*there, Less(term, variable)])
                    behind = folding.conjunction([*there, Less(variable, term)])
                    cases = [*maybe, before, Equal(term, variable), behind]
                    yield Attribute(tuple(_where_defined(term, cases)), places=True)
                if maybe and not here:
                    yield Attribute(tuple(_where_defined(term, [*maybe, *there])))
                return
            named = [*maybe, *(Equal(term, v) for v in here)]
            if named:
                left = folding.negate(folding.disjunction(list(named)))
                yield Attribute(tuple(_where_defined(term, [*named, left])), open_=True)
        case _:
            return


def _quantified(condition: Quantified) -> Attribute:
    """Whether a quantified condition holds. Only what makes a universal lemma may be excluded."""
    guards: dict[Expression, None] = {}
    for node in walk(condition.body):
        if isinstance(node, Read):
            names = {v.name for v in condition.variables}
            for guard in defined(node):
                if not names & {v.name for v in free_variables(guard)}:
                    guards[guard] = None
    # Case 0 is "does not hold". A lemma that excludes {0} claims the condition.
    forbidden = 0b01 if condition.kind == "exists" else 0b10
    if not guards:
        return Attribute((folding.negate(condition), condition), forbidden=frozenset({forbidden}))
    there = folding.conjunction(list(guards))
    undefined = folding.negate(there)
    cases = (
        undefined,
        folding.conjunction([there, folding.negate(condition)]),
        folding.conjunction([there, condition]),
    )
    bit = forbidden << 1
    return Attribute(cases, forbidden=frozenset(m for m in range(1, 8) if m & bit))


def _comparisons(
    asked: Asked, variables: Sequence[Variable]
) -> Iterator[tuple[Expression, Expression]]:
    """Pairs of terms worth comparing: those the model compares, an address at two members, and what
    one member leads to. Members of the main Index are compared with the variables instead."""
    for left, right in asked.compared:
        for pair in instances(Equal(left, right), variables):
            if isinstance(pair, Equal) and pair.left != pair.right:
                yield pair.left, pair.right
    main = max(variables, key=lambda v: (len(asked.terms_of(v)), v.name)).of if variables else None
    spelt = [
        (g, t) for g in asked.terms if index_of(g) is not None for t in instances(g, variables)
    ]
    for position, (general, left) in enumerate(spelt):
        for other, right in spelt[position + 1 :]:
            sort = index_of(left)
            if sort is None or sort != index_of(right):
                continue
            at = [frozenset(v.name for v in free_variables(t)) for t in (left, right)]
            both = general == other and general in asked.addresses
            if both or (sort != main and (at[0] <= at[1] or at[1] <= at[0])):
                yield left, right


def _compared(left: Expression, right: Expression, ordered: frozenset[str]) -> Attribute:
    """Two values of one Index beside each other."""
    guards = [*defined(left), *defined(right)]
    there = [
        folding.negate(Equal(side, NONE))
        for side in (left, right)
        if isinstance(side.domain, Maybe)
    ]
    same = folding.conjunction([*guards, *there, Equal(left, right)])
    if _ordered(left, ordered):
        before = folding.conjunction([*guards, *there, Less(left, right)])
        behind = folding.conjunction([*guards, *there, Less(right, left)])
        if not guards and not there:
            return Attribute((before, same, behind))
        rest = folding.negate(folding.disjunction([before, same, behind]))
        return Attribute((before, same, behind, rest), open_=True)
    return Attribute((folding.negate(same), same))
