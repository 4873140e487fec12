"""An analysis of barriers as JSON; the answers are equal from run to run, without times."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fencepost.analyses.barrier_lattice import Conclusions, Facet
from fencepost.analyses.barrier_results import Analysis, Broken, Verdicts, Without
from fencepost.core.system import System
from fencepost.project import Source
from fencepost.report.barrier_tables import shortest
from fencepost.report.json_report import versions
from fencepost.report.trace_files import as_json

FORMAT = "fencepost barriers"
FORMAT_VERSION = 1


def barriers_as_json(
    source: Source, system: System, analyses: Sequence[Analysis], code: int
) -> dict[str, Any]:
    """The whole report: every question with the sets that were decided and what follows."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "versions": versions(),
        "exit_code": code,
        "model": source.name,
        "class": system.name,
        "file": source.shown_path,
        "digest": system.digest,
        "parameters": dict(system.parameters),
        "questions": [_question(source, system, analysis) for analysis in analyses],
    }


def _question(source: Source, system: System, analysis: Analysis) -> dict[str, Any]:
    question = analysis.question
    return {
        "title": question.title,
        "varied": list(question.varied),
        "on_in_all": _ordered(system, question.fixed_on),
        "every_set_searched": question.whole,
        "sets": analysis.sets,
        "counts": analysis.counts,
        "stopped": analysis.stopped,
        "sufficient": _conclusions(system, analysis.sufficient),
        "safe": _conclusions(system, analysis.safe),
        "live": None if analysis.live is None else _conclusions(system, analysis.live),
        "without": [_without(source, system, each) for each in analysis.without],
        "more_is_less": [
            {
                "barriers": _ordered(system, each.barriers),
                "added": each.added,
                "broken": _broken(each.broken),
            }
            for each in analysis.surprises
        ],
        "verdicts": [_verdicts(system, each) for each in analysis.verdicts],
    }


def _conclusions(system: System, found: Conclusions) -> dict[str, Any]:
    return {
        "minimal": [_ordered(system, barriers) for barriers in found.minimal],
        "perhaps_minimal": [_ordered(system, barriers) for barriers in found.perhaps_minimal],
        "needed": list(found.needed),
        "redundant": list(found.redundant),
        "not_settled": list(found.unsettled),
    }


def _without(source: Source, system: System, each: Without) -> dict[str, Any]:
    finding = shortest(each)
    trace = None
    if finding is not None and finding.trace is not None:
        trace = as_json(
            system,
            finding.trace,
            source=source.shown_path,
            property_name=finding.property,
            detail=finding.instance or finding.detail,
        )
    return {
        "barrier": each.barrier,
        "of": _ordered(system, each.of),
        "decided": each.answer is not None and each.answer.complete,
        "broken": _broken(each.broken),
        "trace": trace,
    }


def _verdicts(system: System, each: Verdicts) -> dict[str, Any]:
    return {
        "barriers": _ordered(system, each.barriers),
        **{facet.value: each.known[facet].name.lower() for facet in Facet},
        "broken": _broken(each.broken),
        "how": each.how,
    }


def _broken(broken: Iterable[Broken]) -> list[dict[str, Any]]:
    return [{"property": b.property, "kind": b.kind, "steps": b.steps} for b in broken]


def _ordered(system: System, barriers: Iterable[str]) -> list[str]:
    chosen = set(barriers)
    return [b.name for b in system.barriers if b.name in chosen]
