"""What an audit says: findings as data, and as text."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from fencepost.core.errors import Location
from fencepost.project import shown_path
from fencepost.streams.shim.orders import Access, Finding


@dataclass(frozen=True)
class Report:
    """What was found on one run, and how much of the program that run was.

    `polls_pending` is how often `query()` was asked of something still pending: a path that another
    machine may not take.
    """

    findings: tuple[Finding, ...]
    operations: int
    streams: int
    hosts: int
    polls_pending: int
    notes: tuple[str, ...]

    def text(self) -> str:
        """The report as it is printed."""
        lines: list[str] = []
        for number, finding in enumerate(self.findings, start=1):
            lines += _told(number, finding)
        ran = (
            f"{_counted(self.operations, 'operation')} on {_counted(self.streams, 'stream')}, "
            "on the path that this run took"
        )
        if not self.findings:
            lines.append(f"everything that conflicts is ordered: {ran}")
        else:
            lines.append(f"{_counted(len(self.findings), 'finding')}; {ran}")
        if self.polls_pending:
            lines.append(
                f"{_counted(self.polls_pending, 'query', 'queries')} found work pending: what the"
                " program does when it is done sooner was not seen"
            )
        if self.hosts > 1:
            lines.append(
                f"{_counted(self.hosts, 'host thread')}: a value handed over in a plain variable "
                "orders nothing"
            )
        lines += self.notes
        return "".join(f"{line}\n" for line in lines)

    def as_json(self) -> str:
        """The report for a program."""
        return json.dumps(asdict(self), indent=1)


def _told(number: int, finding: Finding) -> list[str]:
    times = f", {finding.occurrences} times" if finding.occurrences > 1 else ""
    return [
        f"finding {number}: {finding.nbytes} bytes, nothing orders{times}",
        f"  {_side(finding.first)}",
        f"  {_side(finding.second)}",
        f"  missing: {_with_paths(finding.remedy)}",
        "",
    ]


def _side(access: Access) -> str:
    return f"{access.operation} {access.does} on {access.actor}, at {_place(access.site)}"


def _place(site: Location) -> str:
    return f"{shown_path(site.file)}:{site.line}"


def _with_paths(text: str) -> str:
    return " ".join(
        f"{shown_path(word[: word.rindex(':')])}{word[word.rindex(':') :]}"
        if word.startswith("/") and ":" in word
        else word
        for word in text.split(" ")
    )


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
