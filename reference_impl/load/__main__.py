"""`python -m reference_impl.load`: the command."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import click
from click.core import ParameterSource
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from reference_impl.adapters import load_events
from reference_impl.adapters.load_designs import Found, find, listed, reading
from reference_impl.adapters.luck import Luck
from reference_impl.barriers import SpeculationMonitor as Switches
from reference_impl.load.report import (
    SUMMARY_HEAD,
    SWEEP_HEAD,
    TIME_HEAD,
    Row,
    Served,
    as_json,
    plots,
    summary,
    sweep,
    times,
)
from reference_impl.load.running import NUMBERS, Run
from reference_impl.load.workload import INPUT_SCALE, Workload
from reference_impl.load.writing import Cases, Log

EPILOG = """\b
Examples:
  python -m reference_impl.load
      a design that is safe and one that is not, 500 requests each
  python -m reference_impl.load --design slot_lifecycle/as_reported --requests 10000 --out run
      many requests; run/ gets summary.json, plots, tokens.jsonl and postmortem/
  python -m reference_impl.load --design async_cache_load/by_streams --design layer_split/by_streams
      other protocols: a cache in two tiers, and one that is split by layers
  python -m reference_impl.load --monitor acts --rule as_published
      requests that the monitor suspects are aborted and retried
  python -m reference_impl.load --design slot_lifecycle/as_reported --events events.jsonl
      an event log for `fencepost conform slot_lifecycle --log events.jsonl`
  python -m reference_impl.load --designs
      the designs that there are

\b
Exit code: 0; 1 where a safe design had an abnormal output; 2 for wrong options; 130 after Ctrl-C,
which prints what was counted until then.
"""
SHARE = click.FloatRange(0, 1)
WORKLOAD = Workload()


@click.command(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--design",
    "names",
    metavar="MODEL/DESIGN",
    multiple=True,
    default=("slot_lifecycle/published_fix", "slot_lifecycle/as_reported"),
    show_default=True,
    help="May be given several times: each design serves the same requests.",
)
@click.option("--designs", is_flag=True, help="List designs and readings of the rule, and end.")
@click.option(
    "--requests", default=500, show_default=True, type=click.IntRange(1), help="For each design."
)
@click.option(
    "--seed", default=0, show_default=True, help="Of the workload and of all that goes wrong."
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder to write to.")
@click.option(
    "--events",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File for the steps of the protocol, one a line. For one design of slot_lifecycle.",
)
@click.option(
    "--hit-rate",
    default=WORKLOAD.hit_rate,
    show_default=True,
    type=SHARE,
    help="Share of prompt tokens that shared prefixes are to cover.",
)
@click.option(
    "--interval",
    type=click.FloatRange(0.1),
    help="Mean ticks between two arrivals: fewer is more load. By default as many as keep the "
    "protocol busy: 4.5, and 1 for async_cache_load.",
)
@click.option(
    "--cancelled",
    default=WORKLOAD.cancelled,
    show_default=True,
    type=SHARE,
    help="Share of users who leave before they have their answer.",
)
@click.option(
    "--late",
    default=Luck().late,
    show_default=True,
    type=SHARE,
    help="Share of writes that land long after they were posted.",
)
@click.option(
    "--rejected",
    default=Luck().rejected,
    show_default=True,
    type=SHARE,
    help="Share of handoffs that the prefill node rejects.",
)
@click.option(
    "--loses-node",
    default=Luck().loses_node,
    show_default=True,
    type=SHARE,
    help="Share of handoffs in which the prefill node is lost, where the design allows for that.",
)
@click.option(
    "--rule",
    default="safe",
    show_default=True,
    metavar="DESIGN",
    help="Reading of the monitor's rule: a design of speculation_monitor.",
)
@click.option(
    "--monitor",
    type=click.Choice(["watches", "acts"]),
    default="watches",
    show_default=True,
    help="One that watches counts what it would abort; one that acts aborts and retries.",
)
def main(
    names: tuple[str, ...],
    designs: bool,
    requests: int,
    seed: int,
    out: Path | None,
    events: Path | None,
    hit_rate: float,
    interval: float | None,
    cancelled: float,
    late: float,
    rejected: float,
    loses_node: float,
    rule: str,
    monitor: str,
) -> None:
    """Serve many requests with designs of a protocol, and compare each answer with the oracle.

    The cache runs on the virtual device. Time is in ticks, in each of which everybody has a turn.
    """
    if designs:
        for line in listed():
            click.echo(line)
        return
    try:
        chosen = [find(name) for name in names]
        on = reading(rule)
    except LookupError as error:
        raise click.UsageError(str(error.args[0])) from None
    if events is not None and [one.model for one in chosen] != [load_events.MODEL]:
        raise click.UsageError(f"--events is for one --design, of {load_events.MODEL}")
    workload = Workload(requests=requests, seed=seed, hit_rate=hit_rate, cancelled=cancelled)
    luck = Luck(late=late, rejected=rejected, loses_node=loses_node)
    if events is not None:
        luck = _logged(luck)
    load = _Load(workload, interval, luck, on, acts=monitor == "acts", out=out, events=events)
    served, interrupted = load.serve(chosen)
    load.print(served)
    if out is not None:
        load.write(served, out)
    if interrupted:
        click.echo("interrupted: this is what was served until then", err=True)
        sys.exit(130)
    sys.exit(int(any(one.is_safe and one.tally.abnormal_outputs for one in served)))


def _logged(luck: Luck) -> Luck:
    """The luck of a load of which the events are logged."""
    source = click.get_current_context().get_parameter_source
    for name in ("rejected", "loses_node"):
        if source(name) is ParameterSource.COMMANDLINE:
            option = name.replace("_", "-")
            raise click.UsageError(
                f"--events has no step for a rejected handoff or a lost node: leave out --{option}"
            )
    return replace(luck, rejected=0.0, loses_node=0.0)


@dataclass
class _Load:
    workload: Workload
    interval: float | None
    luck: Luck
    on: Switches
    acts: bool
    out: Path | None
    events: Path | None

    def serve(self, chosen: list[Found]) -> tuple[list[Served], bool]:
        """Each design, and whether Ctrl-C ended it."""
        served: list[Served] = []
        try:
            with ExitStack() as stack:
                bar = stack.enter_context(_progress())
                for found in chosen:
                    run = self._run(found, stack, alone=len(chosen) == 1)
                    scale = found.protocol.output_scale
                    served.append(Served(found.name, found.is_safe, run.tally, scale))
                    task = bar.add_task(found.name, total=self.workload.requests)
                    run.progress = partial(bar.update, task)
                    run.serve()
        except KeyboardInterrupt:
            return served, True
        return served, False

    def _run(self, found: Found, stack: ExitStack, *, alone: bool) -> Run:
        folder = self._folder(found.name, alone=alone)
        log = None
        if folder is not None:
            file = (folder / "tokens.jsonl").open("w", encoding="utf-8")
            log = Log(stack.enter_context(file))
        start = found.machine
        if self.events is not None:
            start = stack.enter_context(load_events.logged(self.events, found.design)).machine
        return Run(
            partial(start, self.luck),
            found.scaled(self.workload, self.interval),
            self.on,
            acts=self.acts,
            shift=found.protocol.shift,
            log=log,
            cases=Cases(folder / "postmortem") if folder else None,
        )

    def _folder(self, name: str, *, alone: bool) -> Path | None:
        """Where the files of a design go: into a folder of its own where there are several."""
        if self.out is None:
            return None
        folder = self.out if alone else self.out / name.replace("/", ".")
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def print(self, served: list[Served]) -> None:
        """The tables."""
        console = Console(width=None if sys.stdout.isatty() else 180)
        first = served[0].tally
        if first.mean_input is not None:
            longest = INPUT_SCALE * max(first.input_lengths) // 1024
            console.print(
                f"Inputs of {first.mean_input / 1024:.0f}K tokens on average and {longest}K at "
                f"most; one row of the cache stands for {INPUT_SCALE} tokens.",
                highlight=False,
            )
        _table(console, "What became of the requests", SUMMARY_HEAD, summary(served))
        _table(console, "Time", TIME_HEAD, times(served))
        judged = list(sweep(served, NUMBERS, self.on))
        if judged:
            _table(console, "The monitor", SWEEP_HEAD, judged)

    def write(self, served: list[Served], out: Path) -> None:
        """The summary and the plots."""
        text = json.dumps(as_json(served, NUMBERS, self.on), indent=1)
        (out / "summary.json").write_text(text + "\n", encoding="utf-8")
        for name, picture in plots(served, NUMBERS, self.on).items():
            (out / name).write_text(picture, encoding="utf-8")


def _progress() -> Progress:
    """A bar for each design, where somebody looks."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def _table(console: Console, title: str, head: Row, rows: Iterable[Row]) -> None:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for number, name in enumerate(head):
        table.add_column(name, justify="left" if number == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print()
    console.print(table, highlight=False)


if __name__ == "__main__":
    main(prog_name="python -m reference_impl.load")
