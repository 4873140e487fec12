"""Spin and Rumur, timed: writing the verifier, compiling it, and the search itself."""

from __future__ import annotations

import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from fencepost.core.semantics import initial_states
from fencepost.core.system import Design, System
from fencepost.export import murphi, promela


class NotComparable(Exception):
    """A peer did not finish a clean, complete search."""


@dataclass(frozen=True)
class Timed:
    """One run of a checker; `whole_s` is everything from its input to its answer."""

    search_s: float
    whole_s: float
    states: int
    transitions: int


class Peer:
    """A checker built once for a system; `run` searches."""

    name = ""

    def __init__(self, system: System, design: Design, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.build_s = self.build(system, design)

    def build(self, system: System, design: Design) -> float:
        raise NotImplementedError

    def run(self) -> Timed:
        raise NotImplementedError

    def timed(self, command: list[str]) -> tuple[str, float]:
        began = time.perf_counter()
        ran = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - began
        if ran.returncode != 0:
            raise NotComparable(f"{' '.join(command)}:\n{ran.stdout}\n{ran.stderr}")
        return ran.stdout + ran.stderr, seconds


class Spin(Peer):
    """Spin without partial-order reduction, its hash table sized to the states."""

    name = "Spin"

    def __init__(self, system: System, design: Design, folder: Path, states: int) -> None:
        self.table = max(18, (states - 1).bit_length())
        self.starts = sum(1 for _ in initial_states(system, design.barriers))
        super().__init__(system, design, folder)

    def build(self, system: System, design: Design) -> float:
        program = promela(system, design)
        self.rooted = "atomic {" in program
        (self.folder / "model.pml").write_text(program)
        # -o1 -o2: by default Spin drops variables that are only written, and states with them.
        _, written = self.timed(["spin", "-a", "-o1", "-o2", "model.pml"])
        flags = ["-w", "-O3", "-march=native", "-DSAFETY", "-DNOREDUCE", "-DVECTORSZ=65536"]
        _, compiled = self.timed(["gcc", *flags, "pan.c", "-o", "pan"])
        return written + compiled

    def run(self) -> Timed:
        said, seconds = self.timed(["./pan", "-E", "-m10000000", f"-w{self.table}"])
        if "max search depth too small" in said or "errors: 0" not in said:
            raise NotComparable(said)
        chosen = self.starts if self.rooted else 0
        states = _number(r"(\d+) states, stored", said) - (1 if chosen else 0)
        transitions = _number(r"(\d+) transitions", said) - chosen - 1
        elapsed = re.search(r"elapsed time ([\d.]+) seconds", said)
        search_s = float(elapsed[1]) if elapsed and float(elapsed[1]) > 0 else seconds
        return Timed(search_s, self.build_s + seconds, states, transitions)


class Rumur(Peer):
    """Rumur on one thread; a deadlock is no error."""

    name = "Rumur"

    def build(self, system: System, design: Design) -> float:
        (self.folder / "model.m").write_text(murphi(system, design))
        options = ["--deadlock-detection", "off", "--threads", "1"]
        _, written = self.timed(["rumur", *options, "model.m", "--output", "model.c"])
        flags = ["-w", "-O3", "-march=native", "-std=c11", "-mcx16"]
        _, compiled = self.timed(["gcc", *flags, "model.c", "-o", "model", "-lpthread"])
        return written + compiled

    def run(self) -> Timed:
        said, seconds = self.timed(["./model"])
        if "No error found." not in said:
            raise NotComparable(said)
        states = _number(r"(\d+) states, \d+ rules fired in", said)
        transitions = _number(r"\d+ states, (\d+) rules fired in", said)
        return Timed(seconds, self.build_s + seconds, states, transitions)


def _number(pattern: str, said: str) -> int:
    found = re.search(pattern, said)
    if found is None:
        raise NotComparable(said)
    return int(found[1])
