"""Spin and Rumur on exported systems: how many states and transitions they count.

Both count in their own way and both end quietly when they were cut short; what they print is
converted to our N (reachable states) and E (pairs of a state and an enabled step), and anything
that is not a complete, clean search is an error.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from fencepost.core.semantics import initial_states
from fencepost.core.system import Design, System
from fencepost.export import murphi, promela

SECONDS = 250


class PeerFailed(Exception):
    """A peer did not compile the export, or did not finish the search."""


@dataclass(frozen=True)
class Counts:
    states: int
    transitions: int


def spin(system: System, design: Design, folder: Path, optimise: str = "-O0") -> Counts:
    """N and E as Spin counts them."""
    program = promela(system, design)
    (folder / "model.pml").write_text(program)
    # -o1 -o2: no dataflow analysis, which drops variables that are only written.
    said = _run(["spin", "-a", "-o1", "-o2", "model.pml"], folder)
    if re.search(r"error|warning", said, re.IGNORECASE):
        raise PeerFailed(f"spin -a says:\n{said}\n{program}")
    # No partial-order reduction, full states, no search for cycles.
    flags = ["-w", optimise, "-DSAFETY", "-DNOREDUCE", "-DVECTORSZ=65536"]
    _run(["gcc", *flags, "pan.c", "-o", "pan"], folder)
    said = _run(["./pan", "-E", "-m1000000", "-w20"], folder)
    return spin_counts(said, _starts(system, design) if "atomic {" in program else 0)


def spin_counts(said: str, chosen_starts: int) -> Counts:
    """The counts in the output of a verifier that first chose one of so many initial states."""
    if "max search depth too small" in said or "errors: 0" not in said or "out of memory" in said:
        raise PeerFailed(f"Spin's search is not complete:\n{said}")
    for forbidden in ("aborting", "Search not completed", "indexing", "VECTORSZ"):
        if forbidden in said:
            raise PeerFailed(f"Spin's search is not clean ({forbidden}):\n{said}")
    stored = _number(r"(\d+) states, stored", said)
    fired = _number(r"(\d+) transitions", said)
    root = 1 if chosen_starts else 0
    return Counts(stored - root, fired - chosen_starts - 1)


def rumur(system: System, design: Design, folder: Path, optimise: str = "-O0") -> Counts:
    """N and E as Rumur counts them."""
    program = murphi(system, design)
    (folder / "model.m").write_text(program)
    # A deadlock is no error; one thread; no wrapping in between.
    options = ["--deadlock-detection", "off", "--threads", "1", "--value-type", "int32_t"]
    said = _run(["rumur", *options, "model.m", "--output", "model.c"], folder)
    if said.strip():
        raise PeerFailed(f"rumur says:\n{said}\n{program}")
    flags = ["-w", optimise, "-std=c11", "-mcx16"]
    _run(["gcc", *flags, "model.c", "-o", "model", "-lpthread"], folder)
    return rumur_counts(_run(["./model"], folder))


def rumur_counts(said: str) -> Counts:
    """The counts in the output of a verifier."""
    if "No error found." not in said or re.search(r"\berror\b(?! found)", said):
        raise PeerFailed(f"Rumur's search is not clean:\n{said}")
    # On the way Rumur reports "states explored ..., with ... rules fired": not the end.
    states, fired = r"(\d+) states, \d+ rules fired", r"\d+ states, (\d+) rules fired"
    return Counts(_number(states, said), _number(fired, said))


def _starts(system: System, design: Design) -> int:
    return sum(1 for _ in initial_states(system, design.barriers))


def _number(pattern: str, said: str) -> int:
    found = re.search(pattern, said)
    if found is None:
        raise PeerFailed(f"nothing like {pattern!r} in:\n{said}")
    return int(found[1])


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    said = done.stdout + done.stderr
    if done.returncode != 0:
        raise PeerFailed(f"{' '.join(command)} exits {done.returncode}:\n{said}")
    return said
