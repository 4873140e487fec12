"""What a check found, as JUnit XML: a suite a model, a case a design.

A design that comes out as expected passes, also where it is expected to be broken. One that does
not is a failure, an undecided one an error.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence
from pathlib import Path

from junitparser import Error, Failure, JUnitXml, TestCase, TestSuite

from fencepost.analyses.expectations import Judgement, show_expectation
from fencepost.checking import DesignCheck, ModelCheck
from fencepost.core.errors import InputError
from fencepost.project import with_shown_paths
from fencepost.report.json_report import versions
from fencepost.report.terminal import Terminal
from fencepost.report.trace_files import as_json
from fencepost.report.trace_tables import trace_table
from fencepost.report.verdicts import broken, verdict_text

FORBIDDEN = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")


def write(checks: Sequence[ModelCheck], errors: Sequence[InputError], path: Path) -> None:
    """Write the report; OSError where that fails."""
    report = JUnitXml("fencepost")
    for model in checks:
        suite = TestSuite(model.source.name)
        for name, value in versions().items():
            suite.add_property(name, value)
        for name, size in model.system.parameters:
            suite.add_property(f"size {name}", str(size))
        suite.add_property("digest", model.system.digest)
        suite.add_testcases([_case(model, check) for check in model.designs])
        report.add_testsuite(suite)
    if errors:
        suite = TestSuite("input")
        for number, error in enumerate(errors, start=1):
            case = TestCase(f"{error.code} {number}", "input")
            case.result = [_told(Error, error.what, str(error))]
            suite.add_testcase(case)
        report.add_testsuite(suite)
    report.write(str(path), pretty=True)


def _told(kind: type[Error | Failure], message: str, text: str) -> Error | Failure:
    result = kind(FORBIDDEN.sub("?", message))
    result.text = FORBIDDEN.sub("?", text)
    return result


def _case(model: ModelCheck, check: DesignCheck) -> TestCase:
    cost = check.cost
    case = TestCase(check.design.name, model.source.name, cost.search_s + cost.compile_s)
    story = _story(model, check)
    reasons = "; ".join(check.judged.reasons)
    match check.judged.judgement:
        case Judgement.NOT_AS_EXPECTED:
            case.result = [_told(Failure, reasons, story)]
        case Judgement.UNDECIDED:
            case.result = [_told(Error, reasons, story)]
        case Judgement.AS_EXPECTED:
            pass
    case.system_out = FORBIDDEN.sub("?", story)
    return case


def _story(model: ModelCheck, check: DesignCheck) -> str:
    answer = check.answer
    coverage = answer.coverage
    lines = [
        f"verdict: {verdict_text(check)}",
        f"expected: {show_expectation(check.design.expect)}",
        f"known bug: {check.design.known_bug or 'none'}",
        f"states: {answer.states}",
        f"transitions: {answer.transitions}",
        f"depth: {answer.depth}",
        f"complete: {answer.complete}{f' ({answer.stopped})' if answer.stopped else ''}",
        f"steps taken: {len(coverage.steps)} of {coverage.steps_in_all}",
        f"branches taken: {len(coverage.branches)} of {len(coverage.branches_in_all)}",
    ]
    for finding in answer.findings:
        instance = f" ({finding.instance})" if finding.instance else ""
        detail = f" ({with_shown_paths(finding.detail)})" if finding.detail else ""
        lines.append(
            f"{finding.property}{instance}: {finding.verdict.value}, {finding.scope}{detail}"
        )
    for finding in broken(check):
        if finding.trace is None:
            continue
        text = io.StringIO()
        Terminal(text).table(trace_table(model.system, finding.trace), "  ")
        lines += ["", f"trace of {finding.property}:", text.getvalue().rstrip("\n")]
        content = as_json(
            model.system,
            finding.trace,
            source=model.source.shown_path,
            property_name=finding.property,
            detail=finding.instance or finding.detail,
        )
        lines.append("as JSON: " + json.dumps(content))
    return "\n".join(lines)
