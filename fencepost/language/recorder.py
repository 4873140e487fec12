"""The recorder: runs a body with symbols until every way through it has been seen.

Each time Python asks a symbolic condition for its truth, the recorder answers from a script; the
body is run again with another script until none is left. The answers are the inner nodes of a
decision tree and what each run did are its leaves.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from fencepost.core import expressions as x
from fencepost.core.domains import NONE_VALUE, Domain, Index, Maybe, Range, SetOf
from fencepost.core.errors import InputError, Location
from fencepost.core.expressions import Expression, QuantifierKind, Variable
from fencepost.core.system import Field
from fencepost.core.trees import (
    BulkWrite,
    Fault,
    FaultKind,
    Tree,
    Update,
    Write,
)
from fencepost.language.decorators import source_of
from fencepost.language.machine import (
    StepDisabled,
    StepFaults,
    Value,
    asked_at,
    caller,
    running,
)
from fencepost.language.paths import Path, PathFinder, faults_of, tree_of, truth_of_paths, value_of
from fencepost.language.refusals import check_body, check_element
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
from fencepost.language.views import Elaboration, Helper, View

_NOT_WRITTEN = object()


class Recorder(PathFinder):
    """Records the bodies of one model at given sizes."""

    def __init__(self, elaboration: Elaboration) -> None:
        super().__init__()
        self.elaboration = elaboration
        self.finite: dict[tuple[Location | None, str], None] = {}
        self.used_conditions: set[Location] = set()
        self._conditions: dict[Location, None] = {}
        self._scope: list[str] = []

    # What callers ask for.

    def action(
        self,
        name: str,
        body: Callable[..., Any],
        owner: Any,
        prefix: str,
        arguments: tuple[Variable, ...],
    ) -> Tree:
        """The decision tree of an action."""

        def run() -> Update:
            given = body(View(self, self.elaboration, owner, prefix), *self._symbols(arguments))
            if given is not None:
                raise _gives(name, given, self.place)
            return Update(_without_overwritten(self.run.writes))

        with self._recording(name, body, owner, arguments):
            return tree_of(self.paths(run, nested=False))

    def condition_of(
        self,
        name: str,
        body: Callable[..., Any],
        owner: Any,
        prefix: str,
        arguments: tuple[Variable, ...],
    ) -> tuple[Expression, Expression]:
        """A condition on states, and where it cannot be evaluated."""

        def run() -> Expression:
            view = View(self, self.elaboration, owner, prefix)
            given = body(view, *self._symbols(arguments))
            return self._truth_value(given, f"`{name}` returns", self.place)

        with self._recording(name, body, owner, arguments):
            paths = self.paths(run, nested=True)
        return truth_of_paths(paths), faults_of(paths)

    @contextmanager
    def _recording(
        self,
        name: str,
        body: Callable[..., Any],
        owner: Any,
        arguments: tuple[Variable, ...],
    ) -> Iterator[None]:
        self.name, self.place = name, source_of(body)
        self._conditions.clear()
        self.used_conditions.clear()
        self._scope = [a.name for a in arguments]
        check_body(body, owner)
        with running(self):
            yield
        for location in self._conditions:
            if location not in self.used_conditions:
                raise InputError(
                    "F49",
                    f"`{name}` computes a condition and uses it on no path",
                    why="a comparison that stands alone does nothing",
                    write="`require(...)` or `assert ...` around it, or leave it out",
                    at=location,
                )

    def _symbols(self, variables: Sequence[Variable]) -> list[Symbol]:
        return [Symbol(self, variable) for variable in variables]

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
                x.equal(value, x.Constant(-1, NOTHING))
                if optional
                else x.less(value, _number(domain.low))
            )
            self._check(x.negate(below), kind, what)
        if high > domain.high:
            self._check(x.negate(x.less(_number(domain.high), value)), kind, what)

    # What symbols and views ask for.

    def condition(self, expression: Expression) -> Symbol:
        """A condition that a body has computed."""
        at = caller()
        if at is not None and not isinstance(expression, x.Constant):
            self._conditions[at] = None
        return Symbol(self, expression, at)

    def finite_only(self, reason: str) -> None:
        """Note what keeps the model from being read for any size."""
        self.finite[(caller(), reason)] = None

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
            absent = x.equal(value, x.Constant(-1, NOTHING))
            self._check(x.negate(absent), "none", "NONE is used as a number")
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
        result = x.arithmetic(operator, left, right, caller())
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

    # What words ask for.

    def require(self, condition: Value) -> None:
        if self.run.nested:
            raise InputError(
                "F85",
                "`require` inside a condition or a quantifier",
                why="only a whole step can be disabled",
                write="`require(for_all(...))` around the quantifier",
                at=caller(),
            )
        if not isinstance(condition, Symbol):
            self._truth_value(condition, "`require` is given")
        if not condition:
            raise StepDisabled(caller())

    def choose(self, condition: Value, then: Value, otherwise: Value) -> Value:
        chosen = self._truth_value(condition, "`choose` is given")
        sides = [self._lifted(side, "a side of `choose`") for side in (then, otherwise)]
        check_comparable(sides[0], sides[1], "a choice between {} and {}")
        if isinstance(chosen, x.Constant):
            return Symbol(self, sides[0] if chosen.value else sides[1])
        of = _common(sides[0].domain, sides[1].domain)
        return Symbol(self, x.choose(chosen, sides[0], sides[1], of, caller()))

    def quantify(
        self, kind: QuantifierKind, domains: Sequence[Domain], body: Callable[..., Value]
    ) -> Value:
        at, returns = caller(), f"the function of `{kind}` returns"
        variables = self._variables(domains, body)
        with self._bound(variables):
            paths = self.paths(
                lambda: self._truth_value(body(*self._symbols(variables)), returns), nested=True
            )
        check_element(body)
        self._check_elements(variables, paths, kind)
        return self.condition(x.quantified(kind, variables, truth_of_paths(paths), at))

    def write_all(
        self,
        field: Field,
        indices: tuple[Value, ...],
        to: Value | Callable[..., Value],
        where: Callable[..., Value] | None,
    ) -> None:
        at = caller()
        prefix = self._indices(field, indices)
        open_domains = field.indices[len(prefix) :]
        named = where if where is not None else to if callable(to) else None
        variables = self._variables(open_domains, named)

        def element() -> Any:
            symbols = self._symbols(variables)
            if where is not None and not self._chosen(where(*symbols)):
                return _NOT_WRITTEN
            return self._storable(field, to(*symbols) if callable(to) else to)

        with self._bound(variables):
            paths = self.paths(element, nested=True)
        for function in (where, to):
            check_element(function)
        self._check_elements(variables, paths, "assign")
        chosen = [Path(p.asked, x.TRUE if isinstance(p.leaf, x.Node) else x.FALSE) for p in paths]
        self._forbid_nested_write()
        self.run.writes.append(
            BulkWrite(
                field.name,
                prefix,
                variables,
                truth_of_paths(chosen),
                value_of(paths, field.domain) or _number(field.domain.low),
                location=at,
            )
        )

    def _chosen(self, condition: Value) -> bool:
        """What `where` says of an element."""
        if not isinstance(condition, Symbol):
            self._truth_value(condition, "the function `where` of `assign` returns")
        return bool(condition)

    def _check_elements(
        self, variables: tuple[Variable, ...], paths: list[Path], what: str
    ) -> None:
        faulting = x.quantified("exists", variables, faults_of(paths), caller())
        if faulting != x.FALSE:
            first = next(p.leaf for p in paths if isinstance(p.leaf, Fault))
            self._check(x.negate(faulting), "element", f"in {what}: {first.message}")

    def _variables(
        self, domains: Sequence[Domain], body: Callable[..., Value] | None
    ) -> tuple[Variable, ...]:
        """Bound variables, named as the function names them and apart from those in scope."""
        names = [f"i{position}" for position in range(len(domains))]
        code = getattr(body, "__code__", None)
        if code is not None:
            taken_by_self = int(inspect.ismethod(body) or isinstance(body, Helper))
            optional = len(getattr(body, "__defaults__", None) or ())
            most = code.co_argcount - taken_by_self
            if not most - optional <= len(domains) <= most:
                raise InputError(
                    "F86",
                    f"a function of {most} arguments over {len(domains)} domains",
                    why="it gets one value of each domain",
                    write="as many arguments as there are domains (or open indices of the array)",
                    at=caller(),
                )
            names = list(code.co_varnames[taken_by_self : taken_by_self + len(domains)])
        variables: list[Variable] = []
        for name, domain in zip(names, domains, strict=True):
            taken = [*self._scope, *(v.name for v in variables)]
            unique, number = name, 2
            while unique in taken:
                unique, number = f"{name}_{number}", number + 1
            variables.append(Variable(unique, domain))
        return tuple(variables)

    @contextmanager
    def _bound(self, variables: tuple[Variable, ...]) -> Iterator[None]:
        depth = len(self._scope)
        self._scope.extend(v.name for v in variables)
        try:
            yield
        finally:
            del self._scope[depth:]

    def _truth_value(self, value: Value, what: str, at: Location | None = None) -> Expression:
        at = at or caller()
        lifted = lift(value)
        if lifted is None:
            raise InputError(
                "F87",
                f"{what} {describe_value(value)} where a condition is expected",
                why="it must be true or false of a state",
                write="a condition: a comparison, a Boolean of the state, a call that returns one",
                at=at,
            )
        condition = truth_of(lifted, at)
        known = self.run.knowledge.decide(condition)
        return condition if known is None else x.TRUE if known else x.FALSE

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

    # State.

    def read(self, field: Field, indices: tuple[Value, ...]) -> Value:
        return Symbol(self, self._read(field, self._indices(field, indices)))

    def _read(self, field: Field, indices: tuple[Expression, ...]) -> Expression:
        """The value a cell has after the writes so far, in terms of the state before."""
        result: Expression = x.Read(field.name, indices, field.domain, location=caller())
        for write in self.run.writes:
            if write.field != field.name:
                continue
            given = list(zip(write.indices, indices, strict=False))
            same = x.conjunction([self._equal(a, b) for a, b in given])
            value = write.value
            if isinstance(write, BulkWrite):
                rest = indices[len(write.indices) :]
                filled = {v.name: i for v, i in zip(write.variables, rest, strict=True)}
                same = x.conjunction([same, x.substitute(write.where, filled)])
                value = x.substitute(value, filled)
            result = x.choose(same, value, result, field.domain)
        return result

    def _equal(self, left: Expression, right: Expression) -> Expression:
        result = x.equal(left, right)
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
        return self.condition(x.contains(members, self._member(field, element), caller()))

    def update_set(
        self, field: Field, indices: tuple[Value, ...], element: Value, present: bool
    ) -> None:
        self._forbid_nested_write()
        places = self._indices(field, indices)
        members = self._read(field, places)
        changed = x.set_update(members, self._member(field, element), present, caller())
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


def _gives(name: str, given: Value, at: Location | None) -> InputError:
    yields = inspect.isgenerator(given) or inspect.isawaitable(given)
    return InputError(
        "F111",
        f"the action `{name}` " + ("yields" if yields else "returns a value"),
        why="what an action returns is lost: it writes the state, and `require` disables it",
        write="`require(condition)`; a plain `return` to stop early",
        at=at,
    )


def _number(value: int) -> Expression:
    return x.Constant(value, Range(value, value))


def _common(left: Domain, right: Domain) -> Domain:
    """The domain of a value that comes from either of two."""
    if left == right:
        return left
    if NOTHING in (left, right):
        other = right if left == NOTHING else left
        return other if isinstance(other, Maybe) else Maybe(other)
    a, b = sort_of(left), sort_of(right)
    inner = a if a == b else Range(min(a.low, b.low), max(a.high, b.high))
    if isinstance(a, SetOf) or isinstance(b, SetOf):
        inner = a if isinstance(a, SetOf) else b
    return Maybe(inner) if isinstance(left, Maybe) or isinstance(right, Maybe) else inner


def _without_overwritten(writes: list[Write | BulkWrite]) -> tuple[Write | BulkWrite, ...]:
    """The writes, less those to a cell that a later one certainly writes again."""
    kept: list[Write | BulkWrite] = []
    seen: set[tuple[str, tuple[Expression, ...]]] = set()
    for write in reversed(writes):
        if isinstance(write, Write):
            if (write.field, write.indices) in seen:
                continue
            seen.add((write.field, write.indices))
        kept.append(write)
    return tuple(reversed(kept))
