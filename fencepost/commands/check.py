"""`fencepost check`: explore the designs and print what they do."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fencepost.commands.options import (
    cannot_write,
    check_writable,
    limit_options,
    parse_count,
    parse_memory,
    parse_seconds,
    parse_sizes,
    set_option,
    write_out,
)
from fencepost.core.errors import InputError
from fencepost.running import ENGINES, EXPLORE, SEED, STEPS

if TYPE_CHECKING:
    from fencepost.checking import ModelCheck, Options

ALL = "all"
EPILOG = """\b
Examples:
  fencepost check                                 every design of every model
  fencepost check slot_lifecycle                  one model
  fencepost check slot_lifecycle --traces         with what each step changes
  fencepost check slot_lifecycle --design as_reported --first
  fencepost check slot_lifecycle --set requests=3 --max-memory 4G
  fencepost check slot_lifecycle --engine all     every engine, whose answers have to agree
  fencepost check slot_lifecycle --set requests=5 --engine bounded --steps 15
  fencepost check --json report.json --junit junit.xml
  fencepost check drafts/my_protocol.py           a file, inside a project or not
"""


@click.command("check", epilog=EPILOG, short_help="Explore designs and compare their verdicts.")
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option("--design", "designs", multiple=True, help="Only this design; may be repeated.")
@click.option(
    "--property", "properties", multiple=True, help="Only this property; may be repeated."
)
@set_option
@click.option(
    "--engine",
    "engines",
    multiple=True,
    type=click.Choice([*ENGINES, ALL]),
    help="How to decide (default: explore); may be repeated.",
)
@click.option(
    "--steps",
    metavar="COUNT",
    help=f"How deep bounded search and k-induction look (default: {STEPS}; beside other engines as "
    "deep as a share of work lets them).",
)
@click.option("--seed", metavar="COUNT", help=f"Where fuzzing and walks begin (default: {SEED}).")
@click.option("--first", is_flag=True, help="Stop each search at its first violation.")
@limit_options
@click.option("--json", "json_path", metavar="FILE", help="Write the report as JSON; - is stdout.")
@click.option("--junit", "junit_path", metavar="FILE", help="Write the report as JUnit XML.")
@click.option(
    "--traces", is_flag=True, help="Print every trace whole, with what each step changes."
)
@click.option("-q", "--quiet", is_flag=True, help="Print only what is not as expected.")
def command(
    models: tuple[str, ...],
    designs: tuple[str, ...],
    properties: tuple[str, ...],
    sizes: tuple[str, ...],
    engines: tuple[str, ...],
    steps: str | None,
    seed: str | None,
    first: bool,
    max_states: str | None,
    timeout: str | None,
    max_memory: str | None,
    json_path: str | None,
    junit_path: str | None,
    traces: bool,
    quiet: bool,
) -> int:
    """Explore every reachable state of each design and compare its verdict with the expected one.

    MODEL is a name inside a project, or the path of a file anywhere; without one, every model of
    the project is checked.
    """
    from fencepost.checking import Options
    from fencepost.core.limits import Limits

    check_writable("--json", json_path)
    check_writable("--junit", junit_path)
    options = Options(
        designs=designs,
        properties=properties,
        parameters=parse_sizes(sizes),
        engines=_engines(engines),
        first=first,
        steps=parse_count("--steps", steps),
        seed=parse_count("--seed", seed, least=0) or SEED,
        limits=Limits(
            states=parse_count("--max-states", max_states),
            seconds=parse_seconds("--timeout", timeout),
            memory_bytes=parse_memory("--max-memory", max_memory),
        ),
    )
    checks, errors = _check(models, options)
    code = _code(checks, errors)
    stdout_is_for_json = json_path == "-"
    full = traces or bool(designs)
    _print(checks, errors, full=full, quiet=quiet, to_stderr=stdout_is_for_json)
    if json_path is not None:
        from fencepost.report.json_report import check_as_json

        write_out("--json", json_path, json.dumps(check_as_json(checks, errors, code), indent=1))
    if junit_path is not None:
        from fencepost.report.junit import write

        try:
            write(checks, errors, Path(junit_path))
        except OSError as error:
            raise cannot_write("--junit", junit_path, error.strerror or str(error)) from error
    return code


def _engines(named: Sequence[str]) -> tuple[str, ...]:
    """The engines that were asked for, each once, in the order in which they run."""
    if not named:
        return (EXPLORE,)
    return tuple(name for name in ENGINES if name in named or ALL in named)


def _check(models: Sequence[str], options: Options) -> tuple[list[ModelCheck], list[InputError]]:
    """Check what can be checked; models at fault are set aside."""
    from fencepost.checking import ModelCheck, check, prepare_all
    from fencepost.loading import load_models
    from fencepost.report.progress import ProgressLine
    from fencepost.selection import concerned, design_names, property_names, shared

    errors: list[InputError] = []
    systems = prepare_all(load_models(models, Path.cwd(), errors), options.parameters, errors)
    if not errors:
        shared("F10", "design", [(s, design_names(y)) for s, y in systems], options.designs)
        shared("F11", "property", [(s, property_names(y)) for s, y in systems], options.properties)
    watch = ProgressLine(sys.stderr)
    checks: list[ModelCheck] = []
    for source, system in systems:
        designs = concerned(options.designs, design_names, system)
        properties = concerned(options.properties, property_names, system)
        if designs is None or properties is None:
            continue
        narrowed = replace(options, designs=designs, properties=properties)
        try:
            checks.append(check(source, system, narrowed, watch=watch))
        except InputError as error:
            errors.append(error)
        except KeyboardInterrupt:
            checks.append(ModelCheck(source, system, None, (), interrupted=True))
        finally:
            watch.close()
        if checks and checks[-1].interrupted:
            break
    if not checks and not errors:
        raise InputError(
            "F03",
            "there is nothing to check",
            why="no model has both a design and a property that were named",
            write="--design and --property of the same model",
        )
    return checks, errors


def _code(checks: Sequence[ModelCheck], errors: Sequence[InputError]) -> int:
    from fencepost.checking import exit_code
    from fencepost.cli import INPUT_AT_FAULT

    return INPUT_AT_FAULT if errors else exit_code(checks)


def _print(
    checks: Sequence[ModelCheck],
    errors: Sequence[InputError],
    *,
    full: bool,
    quiet: bool,
    to_stderr: bool,
) -> None:
    from fencepost.cli import print_error
    from fencepost.report.stories import Stories
    from fencepost.report.terminal import Terminal
    from fencepost.report.trace_files import TraceFiles
    from fencepost.report.verdicts import ended_early, summary, verdict_table

    terminal = Terminal(sys.stderr if to_stderr else sys.stdout)
    stories = Stories(terminal, TraceFiles(Path.cwd()), full=full, only_unexpected=quiet)
    searched = any(check.designs for check in checks)
    if searched and not quiet:
        terminal.table(verdict_table(checks))
    for check in checks:
        stories.tell(check)
    if searched and not quiet:
        terminal.line()
        early = ended_early(checks)
        if early:
            terminal.line(early, "warn")
    if checks and not (searched and quiet):
        terminal.line(*summary(checks))
    terminal.flush()
    for error in errors:
        print_error(error, sys.stderr)
