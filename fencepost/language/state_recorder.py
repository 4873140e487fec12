"""The part of the recorder that reads, writes and calculates: every check in program order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fencepost.core import expressions as x
from fencepost.core import folding
from fencepost.core.domains import NONE_VALUE, Domain, Index, Maybe, Range, SetOf
from fencepost.core.errors import InputError, Location
from fencepost.core.expressions import Expression, Variable
from fencepost.core.system import Field
from fencepost.core.trees import (
    BulkWrite,
    FaultKind,
    Write,
)
from fencepost.language.any_size import MOST_COUNTED, AnySize, finite_only
from fencepost.language.machine import (
    StepFaults,
    Value,
    asked_at,
    caller,
    is_of_component,
)
from fencepost.language.paths import PathFinder, Run
from fencepost.language.symbols import (
    NO_MEMBERS,
    NOTHING,
    WIDEST,
    Symbol,
    check_comparable,
    lift,
    sort_of,
    truth_of,
    use,
)
from fencepost.language.values import Several, describe_value
from fencepost.language.views import Elaboration


class StateRecorder(PathFinder):
    """Turns reads, writes and operators on symbols into expressions, with the checks they need."""

    def __init__(self, elaboration: Elaboration) -> None:
        super().__init__()
        self.elaboration = elaboration
        self.finite: dict[tuple[Location | None, str], None] = {}
        self.used_conditions: set[Location] = set()
        self._conditions: dict[Location, list[Run]] = {}
        """Where conditions were computed, and in which runs."""
        self._called_from: dict[Location, Location] = {}
        """Where the model called the component that computed a condition."""

    def ask_truth(self, symbol: Symbol) -> bool:
        """Python asks a symbol for its truth."""
        expression = use(symbol)
        at = asked_at(symbol.born or expression.location)
        return self.ask(truth_of(expression, at), at, check=False)

    def _check(self, holds: Expression, kind: FaultKind, message: str) -> None:
        at = caller()
        if not self.ask(holds, at, check=True):
            raise StepFaults(kind, at, message)

    def _check_range(self, value: Expression, domain: Domain, kind: FaultKind, what: str) -> None:
        low, high = self.run.knowledge.bounds(value)
        if low < domain.low:
            optional = isinstance(value.domain, Maybe) and domain.low == 0
            below = (
                folding.equal(value, x.Constant(-1, NOTHING))
                if optional
                else folding.less(value, number_of(domain.low))
            )
            self._check(folding.negate(below), kind, what)
        if high > domain.high:
            self._check(folding.negate(folding.less(number_of(domain.high), value)), kind, what)

    def condition(self, expression: Expression) -> Symbol:
        """A condition that a body has computed."""
        at = caller()
        if at is not None and not isinstance(expression, x.Constant):
            self._conditions.setdefault(at, []).append(self.run)
            if is_of_component(at) and at not in self._called_from:
                self._called_from[at] = caller(outside_components=True) or at
        return Symbol(self, expression, at)

    def finite_only(self, reason: str) -> None:
        """Note what keeps the model from being read for any size."""
        if isinstance(self.elaboration.sizes, AnySize):
            raise finite_only(reason, caller(), self.elaboration.model.__name__)
        self.finite[(caller(), reason)] = None

    def check_count(self, counted: Expression, number: Expression) -> None:
        """Refuse, for any size, a count beside a number that it may or may not come to: the bounds
        of the count would settle it."""
        if not isinstance(self.elaboration.sizes, AnySize):
            return
        if not (isinstance(counted, x.Quantified) and counted.kind == "count"):
            return
        if not isinstance(number, x.Constant) or number.value > MOST_COUNTED:
            self.finite_only(f"a count beside a number that is not 0 to {MOST_COUNTED}")

    def none_as_number(self) -> None:
        """The literal `NONE` was used as a number, which is an error of the source."""

    def number(self, value: Expression, what: str) -> Expression:
        """An expression where a number is needed; `NONE` there is a fault."""
        if isinstance(value.domain, SetOf):
            raise InputError(
                "F40",
                f"{what} of a set",
                why="a set is no number",
                write="`count(self.Index, lambda i: i in self.members)`",
                at=caller(),
            )
        if value.domain == NOTHING:
            raise InputError(
                "F32",
                "NONE is used as a number",
                why="it has no order and no arithmetic; it can only be compared with == and !=",
                write="compare with NONE first: `if self.owner[slot] != NONE:`",
                at=caller(),
            )
        if isinstance(value.domain, Maybe):
            absent = folding.equal(value, x.Constant(-1, NOTHING))
            self._check(folding.negate(absent), "none", "NONE is used as a number")
        return value

    def arithmetic(self, operator: x.Operator, left: Expression, right: Expression) -> Symbol:
        """`left operator right`, which must stay within 63 bits."""
        left, right = self.number(left, "arithmetic"), self.number(right, "arithmetic")
        for side in (left, right):
            if isinstance(sort_of(side.domain), Index):
                self.finite_only("index arithmetic")
        bounds = self.run.knowledge.bounds
        if operator in ("//", "%"):
            constant = isinstance(right, x.Constant) and right.value > 0
            if not constant or bounds(left)[0] < 0:
                raise InputError(
                    "F83",
                    f"`{operator}` by something other than a positive constant, or of a number "
                    "that may be negative",
                    why="languages disagree on what it gives",
                    write=f"a left side that is never negative, and a constant: `x {operator} 2`",
                    at=caller(),
                )
        result = folding.arithmetic(operator, left, right, caller())
        low, high = bounds(result)
        if low <= -WIDEST or high >= WIDEST:
            raise InputError(
                "F84",
                f"a number that may be as large as {max(abs(low), abs(high))}",
                why="intermediate values never wrap, so they must fit 63 bits",
                write="smaller ranges",
                at=caller(),
            )
        return Symbol(self, result)

    def _lifted(self, value: Value, what: str) -> Expression:
        lifted = lift(value)
        if lifted is None:
            raise InputError(
                "F41",
                f"{describe_value(value)} as {what}",
                why="the state holds Booleans, integers, enum members, indices and sets only",
                write="an argument of the action, which takes every value of its domain"
                if isinstance(value, Several)
                else "NONE"
                if value is None
                else "a value of the state's domains",
                at=caller(),
            )
        return lifted

    def read(self, field: Field, indices: tuple[Value, ...]) -> Value:
        return Symbol(self, self._read(field, self._indices(field, indices)))

    def _read(self, field: Field, indices: tuple[Expression, ...]) -> Expression:
        """The value a cell has after the writes so far, in terms of the state before."""
        result: Expression = x.Read(field.name, indices, field.domain, location=caller())
        for write in self.run.writes:
            if write.field != field.name:
                continue
            given = list(zip(write.indices, indices, strict=False))
            same = folding.conjunction([self._equal(a, b) for a, b in given])
            value = write.value
            if isinstance(write, BulkWrite):
                rest = indices[len(write.indices) :]
                filled = {v.name: i for v, i in zip(write.variables, rest, strict=True)}
                same = folding.conjunction([same, folding.substitute(write.where, filled)])
                value = folding.substitute(value, filled)
            result = folding.choose(same, value, result, field.domain)
        return result

    def _equal(self, left: Expression, right: Expression) -> Expression:
        result = folding.equal(left, right)
        known = self.run.knowledge.decide(result)
        return result if known is None else x.TRUE if known else x.FALSE

    def _indices(self, field: Field, indices: tuple[Value, ...]) -> tuple[Expression, ...]:
        lifted = []
        for position, value in enumerate(indices):
            domain = field.indices[position]
            index = self._lifted(value, f"an index of {field.name}")
            self._check_member(index, domain, f"an index of {field.name}")
            lifted.append(index)
        return tuple(lifted)

    def _check_member(self, value: Expression, domain: Domain, what: str) -> None:
        stand_in = Variable("", domain)
        check_comparable(value, stand_in, f"{{}} as {what}, which is of {{}}")
        if isinstance(domain, Index) and isinstance(value.domain, Range):
            self.finite_only("a number as an index")
        self._check_range(value, domain, "index", f"{what} out of range")

    def _storable(self, field: Field, value: Value) -> Expression:
        lifted = self._lifted(value, f"a value of {field.name}")
        stand_in = Variable("", field.domain)
        check_comparable(lifted, stand_in, f"{{}} as a value of {field.name}, which holds {{}}")
        if isinstance(sort_of(field.domain), Index) and isinstance(lifted.domain, Range):
            self.finite_only("a number as an index")
        self._check_range(lifted, field.domain, "domain", f"{field.name} leaves its domain")
        if lifted.domain == NOTHING:
            # Read back, it is a value of the field: used as a number it faults, and is no slip.
            return x.Constant(NONE_VALUE, field.domain, location=lifted.location)
        if lifted.domain == NO_MEMBERS:
            return x.Constant(0, field.domain, location=lifted.location)
        return lifted

    def write(self, field: Field, indices: tuple[Value, ...], value: Value) -> None:
        self._forbid_nested_write()
        stored = self._storable(field, value)
        places = self._indices(field, indices)
        self.run.writes.append(Write(field.name, places, stored, location=caller()))

    def _forbid_nested_write(self) -> None:
        if self.run.nested:
            raise InputError(
                "F88",
                "a write inside a condition or a quantifier",
                why="a condition is asked of a state and does not change it",
                write="`assign(array, to=..., where=...)` for many cells",
                at=caller(),
            )

    def _member(self, field: Field, element: Value) -> Expression:
        domain = field.domain
        if not isinstance(domain, SetOf):
            raise TypeError(domain)
        lifted = self._lifted(element, f"a member of {field.name}")
        self._check_member(lifted, domain.of, f"a member of {field.name}")
        return lifted

    def contains(self, field: Field, indices: tuple[Value, ...], element: Value) -> Value:
        members = self._read(field, self._indices(field, indices))
        return self.condition(folding.contains(members, self._member(field, element), caller()))

    def update_set(
        self, field: Field, indices: tuple[Value, ...], element: Value, present: bool
    ) -> None:
        self._forbid_nested_write()
        places = self._indices(field, indices)
        members = self._read(field, places)
        changed = folding.set_update(members, self._member(field, element), present, caller())
        self.run.writes.append(Write(field.name, places, changed, location=caller()))

    def barrier(self, name: str) -> Value:
        return Symbol(self, x.BarrierOn(name, location=caller()))

    def size(self, text: str, value: int) -> int:
        if not text.isdigit():
            self.finite_only(f"the size `{text}`")
        return value

    def sizes(self) -> Mapping[str, int]:
        return self.elaboration.sizes

    def elements(self, domain: Domain) -> Iterator[Value]:
        if isinstance(domain, Index):
            self.finite_only(f"a loop over {domain.name}")
        return iter([Symbol(self, x.Constant(value, domain)) for value in domain.values()])


def number_of(value: int) -> Expression:
    """An integer as an expression."""
    return x.Constant(value, Range(value, value))
