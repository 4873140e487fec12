"""How fast the search is, against Spin and Rumur on the same transitions.

    python -m tests.benchmarks.search
    python -m tests.benchmarks.search --set requests=3 --set slots=2 --set chunks=1 --repeats 3

Without sizes it runs the two that are reported, of about one and about ten million states, and how
long small checks take. The tools run in turn on this machine, on one core, with our checks and
coverage on. The peers get the export of the same system without properties, compiled with -O3.
Times are medians; "search" is the search alone (for `always_possible` too), "whole" is the whole
command from a shell: for the peers, writing and compiling the verifier included. Counts must be
equal.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from fencepost.core.system import Design, System
from fencepost.engines.explore import explore
from fencepost.kernel.compiled import compile_system
from tests.benchmarks.peers import NotComparable, Peer, Rumur, Spin, Timed

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Row:
    """The medians of one checker."""

    name: str
    search_s: float
    whole_s: float
    states: int
    transitions: int
    runs: int


MILLION = {"requests": 2, "slots": 2, "chunks": 3}
TEN_MILLION = {"requests": 2, "slots": 1, "chunks": 5}
START, END = "<!-- benchmark -->", "<!-- end of benchmark -->"


def main() -> int:
    options = arguments()
    lines: list[str] = []
    equal = True
    for sizes in [dict(options.set)] if options.set else [MILLION, TEN_MILLION]:
        # Rumur takes minutes at ten million states, and its ratio is far from any doubt.
        rumur_runs = 1 if sizes == TEN_MILLION else options.repeats
        equal &= compare(options, sizes, 0 if options.no_rumur else rumur_runs, lines)
    if not options.set:
        lines += small_checks(options.repeats)
    if options.page is not None:
        write(options.page, lines)
    return 0 if equal else 1


def compare(
    options: argparse.Namespace, sizes: dict[str, int], rumur_runs: int, lines: list[str]
) -> bool:
    """Measure one size, print and keep what came out; False if the counts differ."""
    system, design = chosen(options, sizes)
    ours = Ours(system, design, options, sizes)
    with tempfile.TemporaryDirectory(prefix="fencepost-benchmark-") as name:
        folder = Path(name)
        first = ours.run()
        peers: list[tuple[Peer, int]] = [
            (Spin(system, design, folder / "spin", first.states), options.repeats)
        ]
        if rumur_runs:
            peers.append((Rumur(system, design, folder / "rumur"), rumur_runs))
        runs: dict[str, list[Timed]] = {ours.name: [], **{peer.name: [] for peer, _ in peers}}
        for turn in range(options.repeats):
            runs[ours.name].append(ours.run())
            for peer, most in peers:
                if turn < most:
                    runs[peer.name].append(peer.run())
    rows = [median(name, timed) for name, timed in runs.items()]
    shown = table(system, design, rows, ours)
    different = [r for r in rows if (r.states, r.transitions) != (first.states, first.transitions)]
    shown += [
        f"{row.name} counts {row.states} states and {row.transitions} steps: no comparison"
        for row in different
    ]
    print("\n".join([*shown, ""]), flush=True)
    lines += [*shown, ""]
    return not different


def small_checks(repeats: int) -> list[str]:
    """How long a small model and all models take, from the shell prompt to the verdict."""
    lines = []
    for title, words in (
        ("2 688 states", ["rdma_write_completion", "--design", "safe", "--quiet"]),
        ("all models, all designs", ["--quiet"]),
    ):
        taken = statistics.median(seconds_of(words) for _ in range(repeats))
        lines.append(f"fencepost check {' '.join(words)}: {taken:.2f} s ({title})")
    print("\n".join(lines), flush=True)
    return lines


def write(page: Path, lines: list[str]) -> None:
    """Put the figures between the marks of a page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(START)
    _, _, after = rest.partition(END)
    body = "\n".join(["", "```text", *lines, "```", ""])
    page.write_text(f"{before}{START}{body}{END}{after}", encoding="utf-8")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.search",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", default="slot_lifecycle", help="a model of this project")
    parser.add_argument("--design", default="safe", help="one of its designs")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=SIZE", type=size)
    parser.add_argument("--repeats", type=int, default=5, help="runs of each checker (5)")
    parser.add_argument("--no-rumur", action="store_true", help="compare with Spin only")
    parser.add_argument("--page", type=Path, help="a page to write the figures into")
    parser.add_argument(
        "--slot-protocol", action="store_true", help="the protocol built by hand for the tests"
    )
    return parser.parse_args()


def size(text: str) -> tuple[str, int]:
    """One `NAME=SIZE` of the command line."""
    name, _, value = text.partition("=")
    return name, int(value)


def chosen(options: argparse.Namespace, sizes: dict[str, int]) -> tuple[System, Design]:
    if options.slot_protocol:
        from tests.unit.kernel.slot_protocol import slot_protocol

        system = slot_protocol(**sizes)
    else:
        from fencepost.language import build
        from fencepost.loading import load_model

        source = load_model(options.model, ROOT)
        system = build(source.model, source.properties, sizes)
    return system, system.design(options.design)


class Ours:
    """Our own search, measured as the peers are."""

    name = "fencepost"

    def __init__(
        self, system: System, design: Design, options: argparse.Namespace, sizes: dict[str, int]
    ) -> None:
        self.system, self.design = system, design
        self.by_hand = options.slot_protocol
        self.words = [options.model, "--design", options.design, "--quiet"]
        self.words += [f"--set={name}={value}" for name, value in sizes.items()]
        self.forward_s: list[float] = []
        self.bytes_each = 0.0

    def run(self) -> Timed:
        result = explore(self.system, self.design)
        answer, searched = result.answer, result.cost.search_s
        names = [p.name for p in self.system.properties if p.kind != "always_possible"]
        forward = explore(self.system, self.design, properties=names)
        self.forward_s.append(forward.cost.search_s)
        self.bytes_each = result.cost.bytes_peak / answer.states
        built = searched + compile_system(self.system).seconds
        whole = built if self.by_hand else seconds_of(self.words)
        return Timed(searched, whole, answer.states, answer.transitions)


def seconds_of(words: list[str]) -> float:
    """The seconds of `fencepost check` in a process of its own."""
    began = time.perf_counter()
    ran = subprocess.run(
        [sys.executable, "-m", "fencepost", "check", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode not in {0, 1}:
        raise NotComparable(ran.stdout + ran.stderr)
    return time.perf_counter() - began


def median(name: str, runs: list[Timed]) -> Row:
    return Row(
        name,
        statistics.median(r.search_s for r in runs),
        statistics.median(r.whole_s for r in runs),
        runs[0].states,
        runs[0].transitions,
        len(runs),
    )


def table(system: System, design: Design, rows: list[Row], ours: Ours) -> list[str]:
    first = rows[0]
    at = " ".join(f"{name}={value}" for name, value in system.parameters)
    states, transitions = (f"{n:,}".replace(",", " ") for n in (first.states, first.transitions))
    head = f"{'':10}{'runs':>5}{'search s':>10}{'ratio':>8}{'whole s':>10}{'ratio':>8}"
    lines = [
        f"{system.name} {design.name} at {at}: {states} states, {transitions} transitions",
        f"{head}{'Mstates/s':>11}",
    ]
    lines += [
        f"{row.name:10}{row.runs:5}{row.search_s:10.3f}{row.search_s / first.search_s:8.1f}"
        f"{row.whole_s:10.3f}{row.whole_s / first.whole_s:8.1f}"
        f"{row.states / row.search_s / 1e6:11.2f}"
        for row in rows
    ]
    forward = statistics.median(ours.forward_s)
    lines.append(
        f"fencepost without always_possible: search {forward:.3f} s; "
        f"at most {ours.bytes_each:.1f} bytes a state"
    )
    return lines


if __name__ == "__main__":
    sys.exit(main())
