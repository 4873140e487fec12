"""One schedule of the matrix in full: who went on, what nothing ordered, and which tokens changed.

`python -m reference_impl.adapters.one_run BARRIER RUN` performs the cache without that barrier, on
the schedule of that number; `--with` leaves the barrier on.
"""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from fencepost.core.errors import Location
from reference_impl.adapters.matrix import Case, cases
from reference_impl.adapters.outcomes import Outcome

WIDTH = 110


def story(case: Case, run: int, outcome: Outcome, *, on: bool) -> Iterator[str]:
    """The lines that tell a run."""
    barrier = f"{'with' if on else 'without'} {case.barrier}"
    yield f"{case.model} {case.base} {barrier}, run {run}"
    steps = [
        f"{step} ({n})" if (n := len(list(same))) > 1 else step
        for step, same in groupby(outcome.log)
    ]
    yield from textwrap.wrap(
        " > ".join(steps), WIDTH, initial_indent="  ", subsequent_indent="    "
    )
    for race in outcome.races[:1]:
        made = f" of {_at(race.block.site)}" if race.block is not None else ""
        yield f"  race      {race.kind}: nothing orders {race.first.name} and {race.second.name}"
        yield f"            on {race.second_label}{made}"
    failed = [name for name in case.verdict if name in outcome.failed]
    yield f"  property  {', '.join(failed) or 'all hold'}"
    for changed in outcome.changed:
        wrong, right = (" ".join(map(str, t)) for t in (changed.tokens, changed.right))
        yield f"  tokens    request {changed.request} decoded {wrong}, and the oracle {right}"
    if not outcome.changed:
        yield "  tokens    those of the oracle"


def _at(site: Location) -> str:
    return f"{Path(site.file).name}:{site.line}"


def main(arguments: list[str] | None = None) -> int:
    """Print the story; the exit code is 1 where a token is not the oracle's."""
    parser = argparse.ArgumentParser(
        prog="python -m reference_impl.adapters.one_run",
        description="One schedule of the matrix in full.",
        epilog="example: python -m reference_impl.adapters.one_run abort_is_deferred 20",
    )
    parser.add_argument("barrier", help="as in the first column of `make matrix`")
    parser.add_argument("run", type=int, help="the number of a schedule, from 0")
    parser.add_argument("--with", dest="on", action="store_true", help="leave the barrier on")
    options = parser.parse_args(arguments)
    case = next(cases([options.barrier]), None)
    if case is None or options.run < 0:
        what = f"no barrier {options.barrier!r}" if case is None else "a run has a number from 0"
        parser.error(f"{what}; `make matrix` prints all")
    outcome = case.run(options.run, on=options.on)
    for line in story(case, options.run, outcome, on=options.on):
        print(line)  # noqa: T201  # the story is what was asked for
    return int(bool(outcome.changed))


if __name__ == "__main__":
    raise SystemExit(main())
