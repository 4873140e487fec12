"""How fast the search is, against Spin and Rumur on the same transitions.

    python -m tests.benchmarks.search --set requests=3 --set slots=2 --set chunks=1

Everything runs one after the other on this machine, on one core, with our checks and coverage on.
The peers get the export of the same system without properties, compiled with -O3. Times are
medians; "search" is the search alone (for `always_possible` too), "whole" is the whole command
from a shell: for the peers, writing and compiling the verifier included. Counts must be equal.
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


def main() -> int:
    options = arguments()
    system, design = chosen(options)
    ours, forward_s, bytes_each = measure_ours(system, design, options)
    rows = [ours]
    with tempfile.TemporaryDirectory(prefix="fencepost-benchmark-") as name:
        folder = Path(name)
        peers: list[Peer] = [Spin(system, design, folder / "spin", ours.states)]
        if not options.no_rumur:
            peers.append(Rumur(system, design, folder / "rumur"))
        for peer in peers:
            repeats = 1 if peer.name == "Rumur" and options.rumur_once else options.repeats
            rows.append(median(peer.name, [peer.run() for _ in range(repeats)]))
    show(system, design, rows, forward_s, bytes_each)
    different = [r for r in rows if (r.states, r.transitions) != (ours.states, ours.transitions)]
    for row in different:
        print(f"{row.name} counts {row.states} states and {row.transitions} steps: no comparison")
    return 1 if different else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.search",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", default="slot_lifecycle", help="a model of this project")
    parser.add_argument("--design", default="lease", help="one of its designs")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=SIZE")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each checker (5)")
    parser.add_argument("--no-rumur", action="store_true", help="compare with Spin only")
    parser.add_argument("--rumur-once", action="store_true", help="run Rumur once: it is slow")
    parser.add_argument(
        "--slot-protocol", action="store_true", help="the protocol built by hand for the tests"
    )
    return parser.parse_args()


def sizes(options: argparse.Namespace) -> dict[str, int]:
    return {name: int(size) for name, size in (pair.split("=") for pair in options.set)}


def chosen(options: argparse.Namespace) -> tuple[System, Design]:
    if options.slot_protocol:
        from tests.unit.kernel.slot_protocol import slot_protocol

        system = slot_protocol(**sizes(options))
    else:
        from fencepost.language import build
        from fencepost.loading import load_model

        source = load_model(options.model, ROOT)
        system = build(source.model, source.properties, sizes(options))
    return system, system.design(options.design)


def measure_ours(
    system: System, design: Design, options: argparse.Namespace
) -> tuple[Row, float, float]:
    """Our row, the seconds without looking back, and the most bytes a state."""
    runs, forward = [], []
    names = [p.name for p in system.properties if p.kind != "always_possible"]
    for _ in range(options.repeats):
        result = explore(system, design)
        whole_s = result.cost.search_s + compile_system(system).seconds
        if not options.slot_protocol:
            whole_s = command(options)
        answer = result.answer
        runs.append(Timed(result.cost.search_s, whole_s, answer.states, answer.transitions))
        forward.append(explore(system, design, properties=names).cost.search_s)
        each = result.cost.bytes_peak / max(1, answer.states)
    return median("fencepost", runs), statistics.median(forward), each


def command(options: argparse.Namespace) -> float:
    """The seconds of the whole command in a process of its own."""
    words = [sys.executable, "-m", "fencepost", "check", options.model, "--quiet"]
    words += ["--design", options.design]
    for pair in options.set:
        words += ["--set", pair]
    began = time.perf_counter()
    ran = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
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
    )


def show(
    system: System, design: Design, rows: list[Row], forward_s: float, bytes_each: float
) -> None:
    ours = rows[0]
    at = " ".join(f"{name}={size}" for name, size in system.parameters)
    print(f"{system.name} {design.name} at {at}: {ours.states} states, {ours.transitions} steps")
    print(f"{'':10}{'search s':>10}{'ratio':>8}{'whole s':>10}{'ratio':>8}{'Mstates/s':>11}")
    for row in rows:
        print(
            f"{row.name:10}{row.search_s:10.3f}{row.search_s / ours.search_s:8.1f}"
            f"{row.whole_s:10.3f}{row.whole_s / ours.whole_s:8.1f}"
            f"{row.states / row.search_s / 1e6:11.2f}"
        )
    print(f"without looking back {forward_s:.3f} s, {bytes_each:.1f} bytes a state at most")


if __name__ == "__main__":
    sys.exit(main())
