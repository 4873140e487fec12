"""The event log of a load is a run of the design that serves, and of no other that it breaks."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from fencepost.conforming_logs import LogCheck, check_log
from fencepost.core.errors import InputError
from fencepost.core.results import Verdict
from fencepost.loading import load_model
from reference_impl.adapters.faults.table import FAULTS
from reference_impl.adapters.load_events import logged
from reference_impl.adapters.luck import Luck
from reference_impl.load import __main__ as command
from reference_impl.load.counting import Tally
from reference_impl.load.running import Run
from reference_impl.load.workload import Workload
from tests.reference_impl.loads import ON

ROOT = Path(__file__).parents[2]
BAD = Luck(late=0.3, fails=0.01, lost=0.2)
LOAD = {"interval": 5.0, "cancelled": 0.4, "seed": 1}


def serve(path: Path, design: str, requests: int, shift: int = 250) -> Tally:
    with logged(path, design) as events:
        workload = Workload(requests=requests, **LOAD)
        run = Run(partial(events.machine, BAD), workload, ON, shift=shift)
        run.serve()
    return run.tally


def check(path: Path, design: str | None = None) -> LogCheck:
    return check_log(load_model("slot_lifecycle", ROOT), path, design=design)


@pytest.mark.parametrize("design", ["published_fix", "asks_again", "lease"])
def test_a_safe_load_is_a_run(tmp_path: Path, design: str):
    """With two machines, one after the other, each with slots of its own."""
    tally = serve(tmp_path / "log", design, 16, shift=10)
    found = check(tmp_path / "log")
    assert (found.design, found.followed.verdict) == (design, Verdict.HOLDS)
    taken = Counter(event.step.action for event in found.log.events)
    assert dict(found.system.parameters)["slots"] == 8
    assert taken["finish"] == tally.delivered > 5
    assert taken["abort"] > 0 < taken["fail_write"]


def test_a_broken_load_is_a_run_of_its_design_and_of_no_safe_one(tmp_path: Path):
    tally = serve(tmp_path / "log", "as_reported", 16)
    own = check(tmp_path / "log").followed
    assert own.unexplained is None
    assert tally.abnormal_outputs > 0
    violated = {c.name for c in own.claims if c.verdict is Verdict.VIOLATED}
    assert violated == {"decode_reads_own_bytes"}
    safe = check(tmp_path / "log", "published_fix").followed
    assert safe.unexplained is not None
    event = safe.unexplained.event
    assert event is not None
    assert event.step.action == "allocate"
    request, slot = event.step.arguments
    earlier = [one.step for one in check(tmp_path / "log").log.events if one.line < event.line]
    former = [s.arguments[0] for s in earlier if s.action == "allocate" and s.arguments[1] == slot]
    ends = {s.action for s in earlier if s.arguments[0] == former[-1]}
    assert ends & {"abort", "hear_failure"}
    assert "hear_answer" not in ends
    assert request not in former


def test_a_seeded_fault_leaves_a_log_that_no_run_explains(tmp_path: Path):
    fault = next(fault for fault in FAULTS if fault.name == "count_is_popped")
    with fault.apply():
        serve(tmp_path / "log", fault.design, 16)
    found = check(tmp_path / "log").followed
    assert found.unexplained is not None
    assert found.unexplained.event is not None
    assert found.unexplained.event.step.action in ("answer_late", "hear_answer")


def test_a_load_that_is_broken_off_leaves_a_log_that_is_cut_short(tmp_path: Path):
    with pytest.raises(KeyboardInterrupt), logged(tmp_path / "log", "safe"):
        raise KeyboardInterrupt
    with pytest.raises(InputError, match="cut short"):
        check(tmp_path / "log")


def test_events_are_of_one_design(tmp_path: Path):
    ran = CliRunner().invoke(command.main, ["--events", str(tmp_path / "log")])
    assert ran.exit_code == 2
    assert "--events is for one --design, of slot_lifecycle" in ran.output
