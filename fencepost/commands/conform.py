"""`fencepost conform`: hold an implementation against a model."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fencepost.commands.options import (
    check_writable,
    parse_count,
    parse_memory,
    parse_seconds,
    parse_sizes,
    set_option,
    write_out,
)
from fencepost.commands.recorded_logs import check_log_file
from fencepost.core.errors import InputError
from fencepost.engines.conform.driving import EXAMPLES, FITTING, LENGTH, SEED, TRACES

if TYPE_CHECKING:
    from fencepost.adapter_files import AdapterFile
    from fencepost.conforming import ModelConformance, Options
    from fencepost.project import Source

EPILOG = """\b
Examples:
  fencepost conform slot_lifecycle                  every design, by the adapter of that name
  fencepost conform slot_lifecycle --design safe    one design
  fencepost conform lease my_cache/adapter.py       an adapter that lies elsewhere
  fencepost conform --all                           every adapter of the project, as a table
  fencepost conform lease --set slots=2 --traces 100 --length 1000 --seed 7
  fencepost conform lease --trace .fencepost/traces/lease-safe-conform.json
  fencepost conform --all --timeout 60 --json conform.json
  fencepost conform slot_lifecycle --log events.jsonl --design safe --unlogged land
"""


@click.command("conform", epilog=EPILOG, short_help="Hold an implementation against a model.")
@click.argument("model", required=False)
@click.argument("adapter", required=False)
@click.option("--all", "every", is_flag=True, help="Every adapter in the project's folder.")
@click.option("--design", "designs", multiple=True, help="Only this design; may be repeated.")
@set_option
@click.option("--seed", metavar="COUNT", help=f"Where random runs begin (default: {SEED}).")
@click.option("--traces", metavar="COUNT", help=f"How many random runs (default: {TRACES}).")
@click.option("--length", metavar="COUNT", help=f"How long each of them is (default: {LENGTH}).")
@click.option(
    "--examples", metavar="COUNT", help=f"How many runs Hypothesis draws (default: {EXAMPLES})."
)
@click.option("--steps", metavar="COUNT", help="Perform at most so many steps of a design.")
@click.option(
    "--fitting",
    metavar="COUNT",
    help=f"Most states of the model that may fit what is seen (default: {FITTING}).",
)
@click.option("--timeout", metavar="SECONDS", help="End a design after this long.")
@click.option("--max-memory", metavar="SIZE", help="End a design at this much memory, as in 4G.")
@click.option("--json", "json_path", metavar="FILE", help="Write the report as JSON; - is stdout.")
@click.option("--log", "log_path", metavar="FILE", help="Hold a recorded log against the model.")
@click.option(
    "--unlogged", multiple=True, metavar="ACTION", help="With --log: not logged; may be repeated."
)
@click.option("--trace", "trace_path", metavar="FILE", help="Try a difference again.")
def command(
    model: str | None,
    adapter: str | None,
    every: bool,
    designs: tuple[str, ...],
    sizes: tuple[str, ...],
    seed: str | None,
    traces: str | None,
    length: str | None,
    examples: str | None,
    steps: str | None,
    fitting: str | None,
    timeout: str | None,
    max_memory: str | None,
    json_path: str | None,
    log_path: str | None,
    unlogged: tuple[str, ...],
    trace_path: str | None,
) -> int:
    """Perform the steps of MODEL on an implementation, and compare what is seen after each.

    ADAPTER is the file of a class that performs steps and observes; without one, it is the one of
    the model's name in the folder of the project's setting `adapters`. Every step of the state
    graph is performed in every state, and every step that the model disables there is tried and
    must be refused; then come long random runs, and runs that Hypothesis draws and shrinks. The
    implementation of a broken design has to follow the model's counterexample to its end.

    With --log no implementation is driven: the events that a running system wrote down, as JSON
    lines, are held against the model. Are they a run of it, and what do its states violate?
    """
    check_writable("--json", json_path)
    if log_path is not None:
        named = _model_named(model, every, "--log", log_path)
        numbers = {"--seed": seed, "--traces": traces, "--length": length, "--steps": steps}
        others = {"ADAPTER": adapter, "--trace": trace_path, "--examples": examples, **numbers}
        _refuse_beside("--log", others, "a log is held against the model, and nothing is driven")
        return check_log_file(
            named,
            Path(log_path),
            designs=designs,
            sizes=sizes,
            unlogged=unlogged,
            limits=(fitting, timeout, max_memory),
            json_path=json_path,
        )
    _refuse_beside("no --log", {"--unlogged": unlogged}, "steps that are performed are known")
    if trace_path is not None:
        named = _model_named(model, every, "--trace", trace_path)
        _refuse_beside(
            "--trace",
            {"--design": designs, "--set": sizes, "--json": json_path},
            "a difference is tried again at the design and the sizes it was found at",
        )
        return _try_again(named, adapter, Path(trace_path))
    options = _options(
        designs=designs,
        sizes=sizes,
        counts={
            "traces": (traces, 0),
            "length": (length, 1),
            "examples": (examples, 0),
            "steps": (steps, 1),
            "fitting": (fitting, 1),
            "seed": (seed, 0),
        },
        timeout=timeout,
        max_memory=max_memory,
    )
    errors: list[InputError] = []
    with _only_the_report_on_stdout(json_path):
        if every and model is None:
            found = _conform(_every_adapter(options), options, errors)
        else:
            named = _model_named(model, every)
            found = _conform([_one(named, adapter, options)], options, errors)
    code = _code(found, errors)
    _print(found, errors, to_stderr=json_path == "-")
    if json_path is not None:
        from fencepost.report.conformance_json import conformances_as_json

        report = conformances_as_json(found, errors, code)
        write_out("--json", json_path, json.dumps(report, indent=1))
    return code


def _only_the_report_on_stdout(json_path: str | None) -> AbstractContextManager[Any]:
    """What an implementation prints goes to standard error where the report goes to the other."""
    return redirect_stdout(sys.stderr) if json_path == "-" else nullcontext()


def _model_named(model: str | None, every: bool, option: str = "", value: str = "") -> str:
    """The model that is named, beside nothing that it cannot be named beside."""
    if model is None or every:
        given = f"{option} {value}".strip()
        example = f"`fencepost conform lease {given}`" if given else "`fencepost conform lease`"
        raise InputError(
            "F258",
            "a model is named beside --all" if model is not None else "no model is named",
            why="--all drives every adapter of the project, and a name one of them",
            write=f"{example}, or `fencepost conform --all`",
        )
    return model


def _refuse_beside(option: str, others: Mapping[str, object], why: str) -> None:
    for name, given in others.items():
        if given:
            raise InputError(
                "F258",
                f"{name} is given beside {option}",
                why=why,
                write=f"{option} without {name}",
            )


def _options(
    *,
    designs: tuple[str, ...],
    sizes: Sequence[str],
    counts: dict[str, tuple[str | None, int]],
    timeout: str | None,
    max_memory: str | None,
) -> Options:
    from fencepost.conforming import Options
    from fencepost.core.limits import Limits
    from fencepost.engines.conform.driving import Driving

    parsed: dict[str, Any] = {
        name: parse_count(f"--{name}", text, least)
        for name, (text, least) in counts.items()
        if text is not None
    }
    limits = Limits(
        seconds=parse_seconds("--timeout", timeout),
        memory_bytes=parse_memory("--max-memory", max_memory),
    )
    return Options(designs, parse_sizes(sizes), Driving(limits=limits, **parsed))


Loaded = Callable[[], "tuple[Source, AdapterFile]"]
"""Loads a model with its adapter; what is at fault in them is an `InputError`."""


def _one(model: str, adapter: str | None, options: Options | None = None) -> Loaded:
    from fencepost.adapter_files import load_adapter
    from fencepost.conforming import check_asked
    from fencepost.loading import load_model

    def load() -> tuple[Source, AdapterFile]:
        source = load_model(model, Path.cwd())
        if options is not None:
            check_asked(source, options)
        return source, load_adapter(source, adapter, Path.cwd())

    return load


def _every_adapter(options: Options) -> list[Loaded]:
    from fencepost.adapter_files import all_adapter_files

    return [_one(file.stem, None, options) for file in all_adapter_files(Path.cwd())]


def _conform(
    loaded: Sequence[Loaded], options: Options, errors: list[InputError]
) -> list[ModelConformance]:
    """Drive what can be driven; what is at fault is set aside where there are several."""
    from fencepost.conforming import conform_model
    from fencepost.core.results import grouped
    from fencepost.report.progress import CountedLine

    line = CountedLine(sys.stderr)
    found: list[ModelConformance] = []
    for load in loaded:
        try:
            source, adapter = load()
            found.append(
                conform_model(
                    source,
                    adapter,
                    options,
                    lambda source, design, driven: line(
                        f"{source.name} {design.name}: {driven.doing}, "
                        f"{grouped(driven.taken)} of {grouped(driven.edges)} transitions, "
                        f"{grouped(driven.performed)} steps performed",
                        driven.seconds,
                        f"{source.name} {design.name}",
                    ),
                )
            )
        except InputError as error:
            errors.append(error)
        except KeyboardInterrupt:  # while a model and its adapter are loaded
            if not found:
                raise
            found[-1] = replace(found[-1], interrupted=True)
        finally:
            line.close()
        if found and found[-1].interrupted:
            break
    return found


def _code(found: list[ModelConformance], errors: Sequence[InputError]) -> int:
    from fencepost.cli import INPUT_AT_FAULT
    from fencepost.conforming import exit_code

    return INPUT_AT_FAULT if errors else exit_code(found)


def _print(
    found: Sequence[ModelConformance], errors: Sequence[InputError], *, to_stderr: bool
) -> None:
    from fencepost.cli import print_error
    from fencepost.report.conformances import ConformanceStories, matrix, summary
    from fencepost.report.difference_files import DifferenceFiles
    from fencepost.report.terminal import Terminal

    terminal = Terminal(sys.stderr if to_stderr else sys.stdout)
    if found:
        terminal.table(matrix(found))
        stories = ConformanceStories(terminal, DifferenceFiles(Path.cwd()))
        for one in found:
            stories.tell(one)
        terminal.line()
        terminal.line(*summary(found))
    terminal.flush()
    for error in errors:
        print_error(error, sys.stderr)


def _try_again(model: str, adapter: str | None, path: Path) -> int:
    """Try the steps of a difference on the implementation as it is now."""
    from fencepost.checking import prepare
    from fencepost.core.results import count_steps
    from fencepost.core.system import Design, Expectation
    from fencepost.engines.conform.driver import replay
    from fencepost.report.conformances import headline, tell_difference
    from fencepost.report.difference_files import FORMAT
    from fencepost.report.stored_traces import check_fits, check_names, load
    from fencepost.report.terminal import Terminal
    from fencepost.selection import parameter_names

    source, loaded = _one(model, adapter)()
    stored = load(path, FORMAT, "conform")
    check_names(stored, source.model.__name__, parameter_names(source), path)
    system = prepare(source, dict(stored.parameters))
    check_fits(stored, system, path)
    design = Design(stored.design, frozenset(stored.barriers), Expectation())
    found = replay(system, design, loaded.adapter, stored.initial, stored.steps, loaded.at)
    terminal = Terminal(sys.stdout)
    sizes = " ".join(f"{name}={value}" for name, value in system.parameters)
    terminal.line(f"{source.name} {design.name}  {sizes}".rstrip(), "strong")
    if found is None:
        told = count_steps(len(stored.steps))
        terminal.line(f"  the implementation follows the model: {told} tried, no difference")
    else:
        terminal.line(f"  {headline(found)}", "bad")
        tell_difference(terminal, system, design, found)
    terminal.flush()
    return 0 if found is None else 1
