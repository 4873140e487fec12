"""How many events of a log are checked in a second.

`python -m tests.benchmarks.logs` writes logs of random runs of the slot lifecycle at thousands of
requests, and checks each `--runs` times: once with every action logged, and once, a tenth as long,
without the lines of the writes that the NIC ends. It prints the median of all of it: the log read,
the model recorded at the sizes of the log, the events followed. Seconds are of the processor, not
of the clock.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fencepost import EventLog, conforming_logs
from fencepost.core.system import Step, System
from fencepost.engines.conform.logs.possible import States
from fencepost.engines.conform.logs.programs import Programs
from fencepost.language import build
from fencepost.loading import load_model

ROOT = Path(__file__).resolve().parents[2]
MODEL = "slot_lifecycle"
RARE = ("abort", "lose_abort", "lose_answer", "lose_report", "lose_node", "reject", "stop_faults")
LIVE, LIVE_FOR = 400, 25
ROW = "{:<16}{:>9}{:>9}{:>9}{:>10}"


def random_run(system: System, events: int, seed: int) -> Iterator[Step]:
    """A long run of a system that is far too large for the interpreter. Some requests are live at
    a time, as in a server, and make way for others."""
    cells: list[Any] = []
    programs = Programs(system, system.design("safe").barriers, cells, ())
    held: list[Any] = []
    for field in system.fields:
        cells.extend(values[0] for values in field.initial)
        held.extend([programs.cells_with.get(field.name)] * field.cells)
    states = States(cells, held, 1)
    rng = random.Random(seed)
    taken = 0
    while taken < events:
        action = rng.choice(system.actions)
        if action.name in RARE and rng.random() < 0.7:
            continue
        filling = tuple(
            (taken // LIVE_FOR + rng.randrange(LIVE)) % a.of.size
            if a.name == "request"
            else rng.randrange(a.of.size)
            for a in action.arguments
        )
        result = programs.actions[action.name].run(*filling)
        if isinstance(result, list):
            states.write(result)
            taken += 1
            yield Step(action.name, filling)


def write(path: Path, sizes: dict[str, int], events: int, unlogged: tuple[str, ...]) -> None:
    source = load_model(MODEL, ROOT)
    system = build(source.model, source.properties, sizes, searched=False)
    chunks = {"chunks": sizes["chunks"]}
    with EventLog(path, model=MODEL, design="safe", sizes=chunks, unlogged=unlogged) as log:
        for step in random_run(system, events, seed=1):
            if step.action not in unlogged:
                names = (a.name for a in system.action[step.action].arguments)
                log.step(step.action, **dict(zip(names, step.arguments, strict=True)))


def measure(path: Path, runs: int) -> tuple[int, str, float]:
    """Events, verdict, and the median seconds of the processor."""
    source = load_model(MODEL, ROOT)
    seconds = []
    for _ in range(runs):
        started = time.process_time()
        check = conforming_logs.check_log(source, path)
        seconds.append(time.process_time() - started)
    return len(check.log.events), check.followed.verdict.value, statistics.median(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--events", type=int, default=100_000)
    asked = parser.parse_args()
    print(ROW.format("log", "events", "verdict", "seconds", "events/s"))
    with tempfile.TemporaryDirectory() as folder:
        for unlogged, most in ((), asked.events), (("land",), asked.events // 10):
            sizes = {"requests": 4000, "slots": 300, "chunks": 4}
            path = Path(folder) / "events.jsonl"
            write(path, sizes, most, unlogged)
            events, verdict, seconds = measure(path, asked.runs)
            name = f"without {', '.join(unlogged)}" if unlogged else "every action"
            rate = f"{events / seconds:,.0f}".replace(",", " ")
            print(ROW.format(name, events, verdict, f"{seconds:.2f}", rate))


if __name__ == "__main__":
    main()
