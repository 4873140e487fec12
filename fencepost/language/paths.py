"""Every way through a body: run it with a script of answers, until no script is left.

What comes out is one path for each run: the conditions it asked, with their answers, and the leaf
it ended in. Paths come with the answer True before False, so they fold into a tree.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, TypeGuard

from fencepost.core import expressions as x
from fencepost.core import folding
from fencepost.core.domains import BOOL, Domain
from fencepost.core.errors import InputError, Location
from fencepost.core.expressions import Expression
from fencepost.core.trees import BulkWrite, Decide, Disabled, Ending, Fault, Tree, Write
from fencepost.language import hints
from fencepost.language.blame import place_in_model
from fencepost.language.knowledge import Knowledge
from fencepost.language.machine import StepDisabled, StepFaults, raised_at
from fencepost.language.refusals import watching

MOST_LEAVES = 2000
MOST_DECISIONS = 200
MOST_REPEATS = 3
MOST_SETTLED = 100_000


@dataclass(frozen=True)
class Asked:
    """A condition and the answer that one run got."""

    condition: Expression
    location: Location | None
    check: bool
    answer: bool


@dataclass(eq=False)
class Run:
    """One run of a body: the answers it is to be given, and what it asked and wrote so far."""

    script: list[bool]
    before: list[Asked]
    """What the previous run asked: the same questions must come again."""
    knowledge: Knowledge
    writes: list[Write | BulkWrite]
    nested: bool
    asked: list[Asked] = field(default_factory=list)
    settled: list[tuple[Location, bool]] = field(default_factory=list)
    """The questions that the path had answered already."""
    finished: bool = False
    """Whether the body came to its end, and did not fault or end as disabled on the way."""


@dataclass(frozen=True)
class Path:
    """A way through a body: the conditions it asked with their answers, and its end."""

    asked: tuple[Asked, ...]
    leaf: Any


class PathFinder:
    """Runs bodies with scripts and answers the conditions that they ask."""

    def __init__(self) -> None:
        self.name = ""
        self.place: Location | None = None
        self.owner: Any = None
        """The model or component whose body is recorded."""
        self.own = ""
        """What the body calls the state: `self`, `m`."""
        self._runs: list[Run] = []

    @property
    def run(self) -> Run:
        """The run that is going on."""
        return self._runs[-1]

    @property
    def recording(self) -> bool:
        """Whether a run is going on."""
        return bool(self._runs)

    @property
    def is_condition(self) -> bool:
        """Whether a condition or property is recorded, and no action."""
        return self._runs[0].nested

    def is_live(self, run: Run) -> bool:
        """Whether a run is going on now, so that what was read in it may be used."""
        return run in self._runs  # compared by identity

    def paths(self, body: Callable[[], Any], *, nested: bool) -> list[Path]:
        """Run a body with every script; the paths come with True before False."""
        outermost = not self._runs
        found: list[Path] = []
        script: list[bool] = []
        before: list[Asked] = []
        while True:
            outer = self._runs[-1] if self._runs else None
            run = Run(
                script,
                before,
                Knowledge(outer.knowledge if outer else None),
                outer.writes if outer else [],
                nested,
            )
            with watching() if outermost and not found else nullcontext():
                found.append(self._path(body, run))
            if len(found) > MOST_LEAVES:
                raise self._too_many(found)
            before = run.asked
            while before and not before[-1].answer:
                before.pop()
            if not before:
                break
            script = [asked.answer for asked in before]
            script[-1] = False
        for _ in range(MOST_REPEATS if outermost else 0):
            self._repeat(body, found[0], nested=nested)
        return found

    def _path(self, body: Callable[[], Any], run: Run) -> Path:
        self._runs.append(run)
        try:
            leaf = self._leaf(body)
            run.finished = not isinstance(leaf, Disabled | Fault)
        finally:
            self._runs.pop()
        if len(run.asked) < len(run.script):
            raise self._unsteady(run.before[len(run.asked)].location)
        if isinstance(leaf, Ending):
            leaf = replace(leaf, settled=tuple(dict.fromkeys(run.settled)))
        return Path(tuple(run.asked), leaf)

    def _repeat(self, body: Callable[[], Any], first: Path, *, nested: bool) -> None:
        """Walk the first path again: a body that counts its own runs comes to another end."""
        script = [asked.answer for asked in first.asked]
        again = self._path(body, Run(script, list(first.asked), Knowledge(None), [], nested))
        if again.leaf != first.leaf or len(again.asked) != len(first.asked):
            raise self._unsteady(self.place)

    def _leaf(self, body: Callable[[], Any]) -> Any:
        try:
            return body()
        except StepDisabled as disabled:
            return Disabled(location=disabled.location)
        except StepFaults as fault:
            return Fault(fault.kind, fault.message, location=fault.location)
        except AssertionError as failed:
            said = failed.args[0] if failed.args else ""
            message = said.partition("\n")[0] if isinstance(said, str) else ""
            return Fault("assert", message, location=raised_at(failed))
        except InputError as error:
            place_in_model(error)
            raise
        except KeyboardInterrupt:
            raise
        except RecursionError:
            raise InputError(
                "F80",
                f"`{self.name}` calls itself without end",
                why="a recorded condition does not bound a recursion",
                write="a loop over an Index",
                at=self.place,
            ) from None
        except Exception as error:
            at = raised_at(error) or self.place
            said = InputError(
                "F48",
                f"`{self.name}` raises {type(error).__name__}: {error}",
                why="a body runs on symbols while it is recorded, and on integers to compare",
                write=hints.of_body(error, self.owner, self.own, at)
                or "only reads, writes, conditions and the words of the language",
                at=at,
            )
            place_in_model(said, error)
            raise said from error

    def _unsteady(self, at: Location | None) -> InputError:
        return InputError(
            "F81",
            f"`{self.name}` differs between two recordings of it",
            why="a body must do the same each time it sees the same answers",
            write="no randomness, clock, global that changes, or iteration over a Python set",
            at=at,
        )

    def _too_many(self, found: list[Path]) -> InputError:
        often: dict[Location, int] = {}
        for path in found:
            for asked in path.asked:
                if asked.location is not None:
                    line = replace(asked.location, column=0)
                    often[line] = often.get(line, 0) + 1
        most = sorted(often, key=lambda at: (-often[at], at))[:3]
        return InputError(
            "F82",
            f"`{self.name}` branches into more than {MOST_LEAVES} cases; most often at "
            + ", ".join(f"line {at.line}" for at in most),
            why="each condition that is asked doubles the cases",
            write="`choose(condition, a, b)` for a value, `assign(array, to=..., where=...)` for "
            "many cells, `for_all`/`exists` for a condition over many",
            at=most[0] if most else None,
        )

    def ask(self, condition: Expression, at: Location | None, *, check: bool) -> bool:
        run = self._runs[-1]
        known = run.knowledge.decide(condition)
        if known is not None:
            if not check and at is not None:
                run.settled.append((at, known))
            if len(run.settled) > MOST_SETTLED:
                raise InputError(
                    "F118",
                    f"`{self.name}` does not end: the path to here settles this condition, and "
                    f"it is asked more than {MOST_SETTLED} times",
                    why="a loop whose condition never changes goes on for ever",
                    write="a loop over an Index, or a step for each turn of the loop",
                    at=at,
                )
            return known
        position = len(run.asked)
        if position < len(run.script):
            if run.before[position].condition != condition:
                raise self._unsteady(at)
            answer = run.script[position]
        else:
            answer = True
        if position >= MOST_DECISIONS:
            raise self._too_many([Path(tuple(run.asked), None)])
        run.knowledge.learn(condition, answer)
        run.asked.append(Asked(condition, at, check, answer))
        return answer


def split(paths: list[Path], depth: int) -> tuple[Asked, list[Path], list[Path]]:
    """What paths ask at a depth where they part, those that answer yes, and the others."""
    asked = paths[0].asked[depth]
    yes = [p for p in paths if p.asked[depth].answer]
    return asked, yes, paths[len(yes) :]


def tree_of(paths: list[Path], depth: int = 0) -> Tree:
    """The decision tree of all paths through a body."""
    if len(paths) == 1:
        leaf: Tree = paths[0].leaf
        return leaf
    asked, yes, no = split(paths, depth)
    return Decide(
        asked.condition,
        tree_of(yes, depth + 1),
        tree_of(no, depth + 1),
        asked.check,
        location=asked.location,
    )


def truth_of_paths(paths: list[Path], depth: int = 0) -> Expression:
    """Whether the paths end in a condition that holds; those that fault count as false."""
    if len(paths) == 1:
        leaf = paths[0].leaf
        return leaf if is_value(leaf) else x.FALSE
    asked, yes, no = split(paths, depth)
    then, otherwise = truth_of_paths(yes, depth + 1), truth_of_paths(no, depth + 1)
    return folding.choose(asked.condition, then, otherwise, BOOL, asked.location)


def value_of(paths: list[Path], of: Domain, depth: int = 0) -> Expression | None:
    """The value that the paths end in; None where none of them ends in a value."""
    if len(paths) == 1:
        leaf = paths[0].leaf
        return leaf if is_value(leaf) else None
    asked, yes, no = split(paths, depth)
    then, otherwise = value_of(yes, of, depth + 1), value_of(no, of, depth + 1)
    if then is None or otherwise is None:
        return then if otherwise is None else otherwise
    return folding.choose(asked.condition, then, otherwise, of, asked.location)


def is_value(leaf: object) -> TypeGuard[Expression]:
    """Whether a path ended in an expression."""
    return isinstance(leaf, x.Node)


def faults_of(paths: list[Path], depth: int = 0) -> Expression:
    """Where the paths end in a fault."""
    if not any(isinstance(p.leaf, Fault) for p in paths):
        return x.FALSE
    if len(paths) == 1:
        return x.TRUE
    asked, yes, no = split(paths, depth)
    then, otherwise = faults_of(yes, depth + 1), faults_of(no, depth + 1)
    return folding.choose(asked.condition, then, otherwise, BOOL, asked.location)
