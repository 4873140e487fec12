"""What an audit says, as plain data."""

from __future__ import annotations

from dataclasses import dataclass

from fencepost.core.errors import Location
from fencepost.streams.calls import NOWHERE


@dataclass(frozen=True, slots=True)
class Access:
    """One side of a finding: an operation with what it did to the bytes.

    `agent` names the stream, NIC queue or host that performs it, `host` the thread that submitted
    it, `label` the tensor, `number` the operation's place in the trace.
    """

    number: int
    name: str
    kind: str  # "read" or "write"
    agent: str
    host: str
    label: str
    site: Location


@dataclass(frozen=True, slots=True)
class Edge:
    """What orders the two operations, put into the trace and checked before it is shown.

    `kind` is `wait_event`, `wait_stream`, `synchronize`, `record_stream`, `poll` or `message`;
    `text` is the advice in one line; `event` names the event to wait for where it is recorded
    already, at `recorded`. `checked` is False where applying it did not order every occurrence.
    """

    kind: str
    text: str
    event: str = ""
    checked: bool = True
    recorded: Location = NOWHERE


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One pair of operations of a finding, by number, and the first bytes that both touch."""

    first: int
    second: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Finding:
    """Conflicting accesses that nothing orders: one missing edge, however often it is missing.

    `kind` is `read after write`, `write after read` or `write after write`, in the order of
    submission. `start` and `stop` are relative to the block where it is known, which was allocated
    at `allocated`. `severity` is `confirmed` where a replay of both orders gave different bytes,
    else `latent`.
    """

    kind: str
    first: Access
    second: Access
    block: str
    start: int
    stop: int
    edge: Edge
    occurrences: tuple[Occurrence, ...]
    severity: str = "latent"
    evidence: str = ""
    """What the replay of the two orders showed."""
    consequences: tuple[Finding, ...] = ()
    """Other conflicts that the same edges order."""
    allocated: Location = NOWHERE


@dataclass(frozen=True, slots=True)
class Audit:
    """The findings of one run, and what the run covers."""

    findings: tuple[Finding, ...]
    operations: int
    calls: int
    streams: int
    hosts: int
    choices: int
    """Answers of queries and polls that could have been others: paths not taken."""
    unordered_calls: int
    """Calls of different hosts on one event or stream that nothing orders."""
    notes: tuple[str, ...] = ()
    pending: int = 0
    """Queries and polls, of those counted in `choices`, that found something not done."""
    unseen: tuple[str, ...] = ()
    """What the program did that nobody saw, as sentences: the findings say nothing of it."""

    @property
    def clean(self) -> bool:
        """Whether every conflicting pair that was seen is ordered on the path taken."""
        return not self.findings
