"""What a model itself asks of the state: the terms and conditions that its lemmas are made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fencepost.core.domains import Domain, Index, Maybe, SetOf
from fencepost.core.expressions import (
    And,
    Choose,
    Contains,
    Equal,
    Expression,
    Less,
    Quantified,
    Read,
    Variable,
    children,
    walk,
)
from fencepost.core.folding import conjunction, rebuild, substitute
from fencepost.core.system import System
from fencepost.core.trees import BulkWrite, Update, decisions, leaves

MOST_NESTED = 2
"""How deep reads may stand inside of reads: `owner[slot[r]]` is one level, `a[b[c[r]]]` two."""

LARGEST_CONDITION = 24
"""A quantified condition of more nodes is no attribute."""


@dataclass(frozen=True)
class Asked:
    """What a model asks, over variables named by Index and number: `Request.0`, `Chunk.0`.

    `terms` are reads; `conditions` are Boolean quantified expressions; `compared` are pairs of
    reads that are held against each other; `ordered` names the Index domains whose order steps or
    properties go by (an order that only numbers what is chosen at the start says nothing later);
    `addresses` are terms at whose members something is read or written.
    """

    terms: tuple[Expression, ...]
    conditions: tuple[Expression, ...]
    compared: tuple[tuple[Expression, Expression], ...]
    ordered: frozenset[str] = frozenset()
    addresses: frozenset[Expression] = frozenset()

    def terms_of(self, variable: Variable) -> list[Expression]:
        """The terms that speak of a member of an Index."""
        return [t for t in self.terms if any(v.of == variable.of for v in free_variables(t))]


def asked_by(system: System) -> Asked:
    """Everything that guards, writes and `always` properties of a system (at one design) ask."""
    terms: dict[Expression, None] = {}
    conditions: dict[Expression, None] = {}
    compared: dict[tuple[Expression, Expression], None] = {}
    ordered: set[str] = set()
    addresses: set[Expression] = set()
    for declared in system.fields:
        if all(isinstance(index, Index) for index in declared.indices):
            arguments = tuple(Variable(f"v{n}", of) for n, of in enumerate(declared.indices))
            terms[normal(Read(declared.name, arguments, declared.domain))] = None
    for root in _roots(system):
        for node in walk(root):
            if isinstance(node, Read) and _is_term(node):
                terms[normal(node)] = None
                addresses |= {normal(i) for i in node.indices if isinstance(i, Read)}
            elif isinstance(node, Contains) and isinstance(node.element, Read):
                addresses.add(normal(node.element))
            elif isinstance(node, Quantified) and _is_condition(node):
                conditions[normal(_bare(node))] = None
            if isinstance(node, Less):
                ordered |= {s.name for s in map(index_of, (node.left, node.right)) if s is not None}
            if isinstance(node, Equal | Less):
                pair = (node.left, node.right)
                if all(isinstance(side, Read) and _is_term(side) for side in pair):
                    both = Equal(*pair)
                    renamed = normal(both)
                    if isinstance(renamed, Equal) and index_of(pair[0]) is not None:
                        compared[renamed.left, renamed.right] = None
    for term in _before_writes(system, tuple(terms)):
        terms[term] = None
    every = tuple(terms), tuple(conditions), tuple(compared)
    return Asked(*every, frozenset(ordered), frozenset(addresses))


def _before_writes(system: System, terms: tuple[Expression, ...]) -> Iterator[Expression]:
    """What a nested term is of the state before a step that writes the place which it goes by:
    where `waits_for[r] = last` is written, `done[last]` for `done[waits_for[r]]`."""
    for action in system.actions:
        for leaf in leaves(action.tree):
            for write in leaf.writes if isinstance(leaf, Update) else ():
                value = write.value
                if isinstance(value, Read) and index_of(value) is not None and _is_term(value):
                    for term in terms:
                        before = _with(term, write.field, value)
                        if before != term and _is_term(before):
                            yield normal(before)


def _with(term: Expression, field: str, value: Expression) -> Expression:
    """A term with a value in place of each read of a field that is an index in it."""

    def index(node: Expression) -> Expression:
        return (
            value if isinstance(node, Read) and node.field == field else _with(node, field, value)
        )

    return rebuild(term, index)


def _roots(system: System) -> Iterator[Expression]:
    for prop in system.properties:
        if prop.kind == "always":
            yield prop.condition
    for action in system.actions:
        for decision in decisions(action.tree):
            yield decision.condition
        for leaf in leaves(action.tree):
            for write in leaf.writes if isinstance(leaf, Update) else ():
                yield write.value
                if isinstance(write, BulkWrite):
                    yield write.where
                    rest = write.variables
                else:
                    rest = ()
                yield Read(write.field, (*write.indices, *rest), system.field[write.field].domain)


def free_variables(node: Expression) -> tuple[Variable, ...]:
    """The variables of an expression that no quantifier in it binds, in order of appearance."""
    found: dict[Variable, None] = {}

    def note(current: Expression, bound: frozenset[str]) -> None:
        if isinstance(current, Variable) and current.name not in bound:
            found[current] = None
        if isinstance(current, Quantified):
            bound = bound | {v.name for v in current.variables}
        for child in children(current):
            note(child, bound)

    note(node, frozenset())
    return tuple(found)


def normal(node: Expression) -> Expression:
    """The same expression with its free variables named by their Index, in order of appearance."""
    counts: dict[str, int] = {}
    names: dict[str, Expression] = {}
    for variable in free_variables(node):
        sort = variable.of.of if isinstance(variable.of, Maybe) else variable.of
        name = sort.name if isinstance(sort, Index) else "?"
        number = counts.get(name, 0)
        counts[name] = number + 1
        names[variable.name] = Variable(f"{name}.{number}", variable.of)
    return substitute(node, names)


def index_of(node: Expression) -> Index | None:
    """The Index that an expression gives a member of, or nobody; None if there is none."""
    domain = node.domain
    inner: Domain = domain.of if isinstance(domain, Maybe) else domain
    return inner if isinstance(inner, Index) else None


def _is_term(node: Expression, depth: int = 0) -> bool:
    """Whether an expression is a read at members of an Index, or at reads of them."""
    if isinstance(node, Variable):
        return isinstance(node.of, Index)
    if not isinstance(node, Read) or depth > MOST_NESTED or not node.indices:
        return isinstance(node, Read) and depth <= MOST_NESTED
    return all(_is_term(index, depth + 1) for index in node.indices)


def _bare(node: Quantified) -> Quantified:
    """A quantified condition without the range checks in it, which are guards of its attribute."""
    names = {v.name for v in node.variables}
    parts = node.body.operands if isinstance(node.body, And) else (node.body,)
    kept = [p for p in parts if names & {v.name for v in free_variables(p)}]
    return Quantified(node.kind, node.variables, conjunction(kept))


def _is_condition(node: Quantified) -> bool:
    """Whether a quantified expression is a small condition about members of Index domains, in the
    state before a step."""
    inner = list(walk(node.body))
    names = {v.name for v in node.variables}
    return (
        node.kind != "count"
        and len(inner) <= LARGEST_CONDITION
        and bool(names & {v.name for v in free_variables(node.body)})
        and not any(isinstance(n, Quantified | Choose) for n in inner)
        and all(isinstance(v.of, Index) for v in free_variables(node))
        and all(isinstance(v.of, Index) for v in node.variables)
        and not any(isinstance(n.domain, SetOf) for n in inner)
    )
