"""What an audit of streams found, as text and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fencepost.core.errors import Location
from fencepost.project import shown_path, with_shown_paths
from fencepost.streams.findings import Access, Audit, Finding

FORMAT = "fencepost audit"
FORMAT_VERSION = 1
MOST_CONSEQUENCES = 3
OF_ALL = "everything that conflicts"


def audit_text(audit: Audit, *, failed: bool = False) -> str:
    """The report as it is printed; paths are relative to the current folder. `failed`: the program
    ended before its end."""
    lines: list[str] = []
    for number, finding in enumerate(audit.findings, start=1):
        lines += _told(number, finding)
    ran = (
        f"{_counted(audit.operations, 'operation')} on {_counted(audit.streams, 'stream')}, "
        "on the path that this run took"
    )
    before = "until then " if failed else ""
    if audit.clean:
        what = "everything that was seen and conflicts" if audit.unseen else OF_ALL
        lines.append(f"{before}{what} is ordered: {ran}")
    else:
        lines.append(f"{before}{_counted(len(audit.findings), 'finding')}; {ran}")
    lines += _not_covered(audit)
    lines += map(with_shown_paths, audit.unseen)
    lines += audit.notes
    return "".join(f"{line}\n" for line in lines)


def audit_as_json(audit: Audit, code: int, problem: str = "") -> dict[str, Any]:
    """The audit for a program: its findings, what it covers, and how the audited program ended."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "exit_code": code,
        "problem": problem,
        **asdict(audit),
    }


def _told(number: int, finding: Finding) -> list[str]:
    size = _counted(finding.stop - finding.start, "byte")
    count = len(finding.occurrences)
    times = f", {count} times" if count > 1 else ""
    what = f"{finding.kind} of {size} that nothing orders{times}"
    lines = [
        f"finding {number}, {finding.severity}: {what}",
        f"  {_side(finding.first)}",
        f"  {_side(finding.second)}",
    ]
    if finding.block:
        where = f", allocated at {_place(finding.allocated)}" if finding.allocated.line else ""
        lines.append(f"  bytes:   {finding.start} to {finding.stop} of {finding.block}{where}")
    elif finding.first.label:
        lines.append(f"  bytes:   of {finding.first.label}")
    edge = finding.edge
    unsure = "" if edge.checked else " (this alone does not order all of them)"
    lines.append(f"  missing: {with_shown_paths(edge.text)}{unsure}")
    if finding.evidence:
        lines.append(f"  replay:  {finding.evidence}")
    lines += _consequences(finding)
    lines.append("")
    return lines


def _consequences(finding: Finding) -> list[str]:
    if not finding.consequences:
        return []
    lines = [f"  it also orders {_counted(len(finding.consequences), 'conflict')}:"]
    for other in finding.consequences[:MOST_CONSEQUENCES]:
        lines.append(f"    {_side(other.first)}")
        lines.append(f"    and {_side(other.second)}")
    left = len(finding.consequences) - MOST_CONSEQUENCES
    if left > 0:
        lines.append(f"    and {left} more")
    return lines


def _side(access: Access) -> str:
    if access.agent == access.host:
        by = f"by the host thread {access.host}"
    else:
        by = f"on {'the default stream' if access.agent == 'default' else access.agent}"
    return f"{access.name} {access.kind}s {by}, {_at(access.site)}"


def _at(site: Location) -> str:
    return f"at {_place(site)}" if site.line else "from no line of the program"


def _place(site: Location) -> str:
    return f"{shown_path(site.file)}:{site.line}"


def _not_covered(audit: Audit) -> list[str]:
    lines = []
    if audit.choices:
        pending = f", {audit.pending} of which found work pending" if audit.pending else ""
        lines.append(
            f"{_counted(audit.choices, 'query', 'queries')}{pending}: what the program does on "
            "another answer was not seen"
        )
    if audit.hosts > 1:
        lines.append(
            f"{_counted(audit.hosts, 'host thread')}: a value handed over in a plain variable "
            "orders nothing"
        )
    if audit.unordered_calls:
        calls = _counted(audit.unordered_calls, "call")
        lines.append(
            f"{calls} of several threads on one stream or event: the order of this run is assumed"
        )
    return lines


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
