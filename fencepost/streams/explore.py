"""What else could have happened: other orders of one trace, and other paths of the host.

`outcomes` and `interleavings` look at one recorded trace. `explore` runs a program again and again,
depth first, with other answers to its queries and polls, other arrivals of messages and other turns
of its threads, and audits each path.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from fencepost.streams.device import Device
from fencepost.streams.findings import Finding
from fencepost.streams.interleavings import interleavings
from fencepost.streams.outcomes import Outcome, Outcomes, outcomes
from fencepost.streams.recording import Choices
from fencepost.streams.turns import Threads

__all__ = ["Explored", "Outcome", "Outcomes", "Path", "explore", "interleavings", "outcomes"]


Ran = tuple[tuple[Finding, ...], str]
"""What one run found, and how it failed if it did."""


@dataclass(frozen=True, slots=True)
class Path:
    """The choices of one run: what was chosen, and in which place of how many."""

    choices: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Explored:
    """What the paths of a program have. `findings` are with the first path that shows each."""

    paths: int
    findings: tuple[tuple[Finding, Path], ...]
    failures: tuple[tuple[str, Path], ...]
    """Paths on which the program raised, once for each message."""
    complete: bool
    """Whether every path within the bounds was taken."""


class _Chooser:
    """Repeats a path up to its last choice, and then takes the first of everything.

    An answer is True first; after `patience` times False in a row it is True (fairness: what is
    queued runs at last).
    """

    def __init__(self, prefix: list[int], patience: int) -> None:
        self._prefix, self._patience = prefix, patience
        self._denied: dict[str, int] = {}
        self.made: list[tuple[str, int, int]] = []

    def choose(self, count: int, what: str) -> int:
        """The next choice; the highest number comes first."""
        if count == 2 and self._denied.get(what, 0) >= self._patience:
            self._denied[what] = 0
            return 1
        at = len(self.made)
        taken = min(self._prefix[at], count - 1) if at < len(self._prefix) else 0
        self.made.append((what, taken, count))
        chosen = count - 1 - taken
        self._denied[what] = 0 if chosen else self._denied.get(what, 0) + 1
        return chosen


def explore(
    program: Callable[[Device, Threads], object],
    *,
    most_paths: int = 1_000,
    patience: int = 2,
    preemptions: int | None = 2,
) -> Explored:
    """Every path of a program that its host may take, each audited.

    `program` is called with a new device and its threads and must do the same whenever it is given
    the same answers. After `patience` answers False in a row the next is True; threads are switched
    at most `preemptions` times where they need not be. Each path needs one run in one schedule.
    """

    def run(choices: Choices) -> Ran:
        device = Device(choices=choices)
        threads = Threads(device, choices, preemptions)
        failure = ""
        try:
            program(device, threads)
            threads.finish()
        except Exception as error:  # noqa: BLE001  # a path that fails is a result
            failure = failure_of(error)
            threads.stop()
        device.turns = None
        return device.audit().findings, failure

    return explore_runs(run, most_paths=most_paths, patience=patience)


def failure_of(error: BaseException) -> str:
    """What a path that raised says."""
    return f"{type(error).__name__}: {error}"


def explore_runs(run: Callable[[Choices], Ran], *, most_paths: int, patience: int) -> Explored:
    """Every path of what `run` runs, by the choices that it is given."""
    findings: dict[object, tuple[Finding, Path]] = {}
    failures: dict[str, Path] = {}
    prefix: list[int] | None = []
    paths = 0
    while prefix is not None and paths < most_paths:
        chooser = _Chooser(prefix, patience)
        found, failure = run(chooser)
        path = Path(tuple(chooser.made))
        paths += 1
        if failure:
            failures.setdefault(failure, path)
        for finding in found:
            findings.setdefault(_key(finding), (finding, path))
        prefix = _following(chooser.made)
    return Explored(
        paths, tuple(findings.values()), tuple(failures.items()), complete=prefix is None
    )


def _following(made: list[tuple[str, int, int]]) -> list[int] | None:
    """The path that is next, depth first; None after the last."""
    while made:
        *before, (_, taken, count) = made
        if taken + 1 < count:
            return [*(place for _, place, _ in before), taken + 1]
        made = before
    return None


def _key(finding: Finding) -> object:
    """The finding whatever its numbers and addresses are on a path."""
    first, second = (replace(side, number=0) for side in (finding.first, finding.second))
    return finding.kind, first, second, finding.block, finding.edge.kind
