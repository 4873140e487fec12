"""The recorder: runs a body with symbols until every way through it has been seen.

Each time Python asks a symbolic condition for its truth, the recorder answers from a script; the
body is run again with another script until none is left. The answers are the inner nodes of a
decision tree and what each run did are its leaves.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from fencepost.core import expressions as x
from fencepost.core import folding
from fencepost.core.domains import Domain, Maybe, Range, SetOf
from fencepost.core.errors import InputError, Location
from fencepost.core.expressions import Expression, QuantifierKind, Variable
from fencepost.core.system import Field
from fencepost.core.trees import (
    BulkWrite,
    Fault,
    Tree,
    Update,
    Write,
)
from fencepost.language.blame import blaming
from fencepost.language.decorators import argument_names, source_of
from fencepost.language.machine import (
    StepDisabled,
    Value,
    caller,
    running,
)
from fencepost.language.paths import Path, faults_of, tree_of, truth_of_paths, value_of
from fencepost.language.refusals import check_body, check_element
from fencepost.language.state_recorder import StateRecorder, number_of
from fencepost.language.symbols import (
    NOTHING,
    Symbol,
    argument_name,
    check_comparable,
    lift,
    sort_of,
    truth_of,
)
from fencepost.language.values import describe_value, premise_and_goal
from fencepost.language.views import Elaboration, Helper, View

_NOT_WRITTEN = object()


class Recorder(StateRecorder):
    """Records the bodies of one model at given sizes."""

    def __init__(self, elaboration: Elaboration) -> None:
        super().__init__(elaboration)
        self._scope: list[str] = []

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

        with self._recording(name, body, owner, prefix, arguments):
            return tree_of(self.paths(run, nested=False))

    def condition_of(
        self,
        name: str,
        body: Callable[..., Any],
        owner: Any,
        prefix: str,
        arguments: tuple[Variable, ...],
        part: int | None = None,
    ) -> tuple[Expression, Expression]:
        """A condition on states, and where it cannot be evaluated; perhaps one part of a pair."""

        def run() -> Expression:
            view = View(self, self.elaboration, owner, prefix)
            given = body(view, *self._symbols(arguments))
            if part is None:
                return self._truth_value(given, f"`{name}` returns", self.place)
            pair = premise_and_goal(given, name, self.place)
            both = [self._truth_value(one, f"`{name}` returns", self.place) for one in pair]
            return both[part]

        with self._recording(name, body, owner, prefix, arguments):
            paths = self.paths(run, nested=True)
        return truth_of_paths(paths), faults_of(paths)

    @contextmanager
    def _recording(
        self,
        name: str,
        body: Callable[..., Any],
        owner: Any,
        prefix: str,
        arguments: tuple[Variable, ...],
    ) -> Iterator[None]:
        self.name, self.place = name, source_of(body)
        self.owner, self.own = owner, next(iter(argument_names(body)), "")
        self._conditions.clear()
        self._called_from.clear()
        self.used_conditions.clear()
        self._scope = [a.name for a in arguments]
        check_body(body, owner)
        with blaming(owner, prefix), running(self):
            yield
        for location, runs in self._conditions.items():
            # A run that faults or ends as disabled may do so before it gets to use a condition.
            finished = any(run.finished for run in runs)
            if finished and location not in self.used_conditions:
                raise InputError(
                    "F49",
                    f"`{name}` computes a condition and uses it on no path",
                    why="a comparison that stands alone does nothing",
                    write="`require(...)` or `assert ...` around it, or leave it out",
                    at=self._called_from.get(location, location),
                )

    def _symbols(self, variables: Sequence[Variable]) -> list[Symbol]:
        return [Symbol(self, variable) for variable in variables]

    def require(self, condition: Value) -> None:
        if self.run.nested:
            raise InputError(
                "F85",
                "`require` inside a condition or a quantifier",
                why="only a whole step can be disabled",
                write="`return not a or b` for what must hold of b where a holds"
                if self.is_condition
                else "`require(for_all(...))` around the quantifier",
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
        return Symbol(self, folding.choose(chosen, sides[0], sides[1], of, caller()))

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
        return self.condition(folding.quantified(kind, variables, truth_of_paths(paths), at))

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
                value_of(paths, field.domain) or number_of(field.domain.low),
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
        faulting = folding.quantified("exists", variables, faults_of(paths), caller())
        if faulting != x.FALSE:
            first = next(p.leaf for p in paths if isinstance(p.leaf, Fault))
            self._check(folding.negate(faulting), "element", f"in {what}: {first.message}")

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
                    f"a function of {_many(most, 'argument')} over {_many(len(domains), 'domain')}",
                    why="it gets one value of each domain, or of each open index of the array",
                    write=f"`lambda {_arguments(domains)}: ...`" if domains else "no function",
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


def _many(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _arguments(domains: Sequence[Domain]) -> str:
    """Names for one argument of each domain."""
    named = [argument_name(domain) or f"i{position}" for position, domain in enumerate(domains)]
    return ", ".join(f"{n}{i}" if named.count(n) > 1 else n for i, n in enumerate(named, 1))


def _gives(name: str, given: Value, at: Location | None) -> InputError:
    yields = inspect.isgenerator(given) or inspect.isawaitable(given)
    return InputError(
        "F111",
        f"the action `{name}` " + ("yields" if yields else "returns a value"),
        why="what an action returns is lost: it writes the state, and `require` disables it",
        write="`require(condition)`; a plain `return` to stop early",
        at=at,
    )


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
