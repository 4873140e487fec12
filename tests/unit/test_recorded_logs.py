"""Logs as they are written, read and told: every way in which one can be wrong has its error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fencepost import EventLog
from fencepost.cli import run
from fencepost.conforming_logs import LogCheck, check_log
from fencepost.core.errors import InputError
from fencepost.core.limits import STATES_LIMIT, TIME_LIMIT, Limits
from fencepost.core.results import Verdict
from fencepost.loading import load_model
from fencepost.report.log_stories import LogStory

ROOT = Path(__file__).parents[2]
HEADER = {"log": "fencepost events", "version": 1, "model": "slot_lifecycle", "design": "safe"}
ALLOCATE = {"step": "allocate", "request": "r1", "slot": 3}
SERVED = [
    ALLOCATE,
    *({"step": step, "request": "r1", "chunk": c} for c in (0, 1) for step in ("post", "land")),
    *({"step": s, "request": "r1"} for s in ("succeed", "hear_success", "start_decoding")),
]


def end(events: int) -> dict[str, Any]:
    return {"end": True, "events": events}


def written(path: Path, *lines: Any) -> Path:
    file = path / "events.jsonl"
    text = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    file.write_text("".join(f"{line}\n" for line in text))
    return file


def checked(path: Path, *events: Any, header: Any = HEADER, **options: Any) -> LogCheck:
    file = written(path, header, *events, end(len(events)))
    return check_log(load_model("slot_lifecycle", ROOT), file, **options)


def claims(check: LogCheck) -> dict[str, Verdict]:
    return {claim.name: claim.verdict for claim in check.followed.claims}


def test_a_log_that_is_a_run_holds_at_the_sizes_that_it_names(tmp_path: Path):
    more = [{**event, "request": 7, "time": 0.5} for event in SERVED]
    done = {"step": "finish", "arguments": {"request": "r1"}}
    check = checked(tmp_path, *SERVED, done, *more)
    assert check.exit_code == 0
    assert dict(check.system.parameters) == {"requests": 2, "slots": 1, "chunks": 2}
    assert check.followed.explained == len(check.log.events) == 17
    assert set(claims(check).values()) == {Verdict.HOLDS}
    assert check.log.names == {"Request": ["r1", "7"], "Slot": ["3"], "Chunk": ["0", "1"]}


def test_the_first_event_that_no_run_explains_is_told_with_what_the_model_allows(tmp_path: Path):
    second = {"step": "allocate", "request": "r2", "slot": 3}
    other = {"step": "allocate", "request": "r3", "slot": 4}
    check = checked(tmp_path, ALLOCATE, second, other)
    story = LogStory(check)
    assert check.exit_code == 1
    assert story.headline() == (
        "NO RUN explains line 3, allocate(request=r2, slot=3); 1 of 3 events are explained"
    )
    reason, state = story.reasons()
    assert "slot_pool.py" in reason
    assert "asks for pool.owner[slot] == NONE" in reason
    assert "pool.owner[3] = r1" in state
    assert "phase[r2] = QUEUED" in state
    told = story.as_json()["unexplained"]
    assert told["line"] == 3
    assert "allocate(request=r2, slot=4)" in told["allowed"]
    assert told["reasons"][0]["line"] > 0


@pytest.mark.parametrize(
    ("seen", "fits"),
    [
        ({"phase[r1]": "TRANSFERRING", "pool.owner[3]": "r1", "abort_sent[r1]": False}, True),
        ({"bytes_of[3, 0]": None, "faults_are_over": False}, True),
        ({"phase[r1]": "DECODING"}, False),
        ({"pool.owner[3]": None}, False),
    ],
)
def test_what_was_seen_must_be_so_in_some_run(tmp_path: Path, seen: dict[str, Any], fits: bool):
    check = checked(tmp_path, {**ALLOCATE, "seen": seen})
    assert (check.followed.unexplained is None) == fits
    if not fits:
        story = LogStory(check)
        assert "what was seen at line 2" in story.headline()
        assert story.reasons()[0].startswith("seen: ")
        assert "in the model: " in story.reasons()[1]


def test_what_was_seen_before_the_first_event_must_be_a_start(tmp_path: Path):
    assert checked(tmp_path, header={**HEADER, "seen": {"phase[r1]": "QUEUED"}}).exit_code == 0
    check = checked(tmp_path, header={**HEADER, "seen": {"phase[r1]": "DECODING"}})
    assert check.exit_code == 1
    assert LogStory(check).headline() == "NO RUN starts so"


def test_unlogged_steps_happen_where_the_log_needs_them(tmp_path: Path):
    logged = [event for event in SERVED if event["step"] != "land"]
    without = checked(tmp_path, *logged)
    assert without.followed.unexplained is not None
    assert "succeed" in LogStory(without).headline()
    assert checked(tmp_path, *logged, unlogged=["land"]).exit_code == 0
    assert checked(tmp_path, *logged, header={**HEADER, "unlogged": ["land"]}).exit_code == 0


REUSED = [
    ALLOCATE,
    {"step": "post", "request": "r1", "chunk": 0},
    {"step": "abort", "request": "r1"},
    *({**event, "request": "r2"} for event in SERVED[:-1]),
]
LATE = {"step": "land", "request": "r1", "chunk": 0}
DECODES = {"step": "start_decoding", "request": "r2"}


def test_a_violated_property_is_told_with_its_event(tmp_path: Path):
    check = checked(tmp_path, *REUSED, LATE, DECODES, design="as_reported")
    assert check.exit_code == 1
    assert check.followed.unexplained is None
    assert claims(check)["decode_reads_own_bytes"] is Verdict.VIOLATED
    table = LogStory(check).as_json()["properties"]
    (told,) = [p for p in table if p["name"] == "decode_reads_own_bytes"]
    assert told["step"] == "start_decoding(request=r2)"
    assert told["instance"] == "request=r2"
    assert told["line"] == 1 + len(check.log.events)


def test_what_fails_in_some_runs_with_the_log_is_undecided(tmp_path: Path):
    """The late write is not logged: it may have landed before the slot was reused, or after."""
    check = checked(tmp_path, *REUSED, DECODES, design="as_reported", unlogged=["land"])
    assert check.exit_code == 3
    assert check.followed.unexplained is None
    assert claims(check)["decode_reads_own_bytes"] is Verdict.UNDECIDED


def test_what_was_seen_can_decide_it(tmp_path: Path):
    seen = {**DECODES, "seen": {"bytes_of[3,0]": "r1"}}
    check = checked(tmp_path, *REUSED, seen, design="as_reported", unlogged=["land"])
    assert claims(check)["decode_reads_own_bytes"] is Verdict.VIOLATED


def test_limits_leave_it_undecided(tmp_path: Path):
    logged = [event for event in SERVED if event["step"] != "land"]
    unlogged = ["land", "fail_write"]
    few = checked(tmp_path, *logged, unlogged=unlogged, limits=Limits(states=2))
    assert (few.exit_code, few.followed.stopped) == (3, STATES_LIMIT)
    assert "UNDECIDED" in LogStory(few).headline()
    late = checked(tmp_path, *logged, limits=Limits(seconds=0.0))
    assert (late.exit_code, late.followed.stopped) == (3, TIME_LIMIT)
    assert set(claims(late).values()) == {Verdict.UNDECIDED}


def test_thousands_of_requests_are_no_trouble(tmp_path: Path):
    """More steps and cells than a search would take."""
    events = []
    for number in range(3000):
        one = [{**event, "request": number, "slot": number % 300} for event in SERVED]
        events += [*one, {"step": "finish", "request": number}]
    check = checked(tmp_path, *events)
    assert check.exit_code == 0
    assert dict(check.system.parameters) == {"requests": 3000, "slots": 300, "chunks": 2}


MALFORMED: dict[str, tuple[str, int, list[Any]]] = {
    "empty": ("F270", 1, []),
    "a blank line": ("F270", 1, [""]),
    "no JSON": ("F271", 2, [HEADER, "{", end(1)]),
    "cut in a line": ("F271", 3, [HEADER, ALLOCATE, '{"step": "allo']),
    "a list": ("F271", 2, [HEADER, [1], end(1)]),
    "a blank line between": ("F271", 2, [HEADER, "", end(0)]),
    "no header": ("F272", 1, [ALLOCATE, end(1)]),
    "another version": ("F272", 1, [{**HEADER, "version": 2}, end(0)]),
    "no model": ("F273", 1, [{"log": "fencepost events", "version": 1}, end(0)]),
    "sizes of text": ("F273", 1, [{**HEADER, "sizes": {"chunks": "4"}}, end(0)]),
    "unlogged text": ("F273", 1, [{**HEADER, "unlogged": "land"}, end(0)]),
    "names twice": ("F273", 1, [{**HEADER, "names": {"Slot": [1, "1"]}}, end(0)]),
    "a wrong key": ("F273", 1, [{**HEADER, "desing": "safe"}, end(0)]),
    "names of nothing": ("F284", 1, [{**HEADER, "names": {"Slots": [1]}}, end(0)]),
    "design and barriers": ("F273", 1, [{**HEADER, "barriers": []}, end(0)]),
    "neither event nor end": ("F274", 2, [HEADER, {"request": 1}, end(1)]),
    "truncated": ("F275", 2, [HEADER, ALLOCATE]),
    "only a header": ("F275", 1, [HEADER]),
    "lost lines": ("F276", 3, [HEADER, ALLOCATE, end(2)]),
    "no count": ("F276", 3, [HEADER, ALLOCATE, {"end": True}]),
    "lines after the end": ("F276", 3, [HEADER, end(0), ALLOCATE]),
    "unknown action": ("F277", 2, [HEADER, {"step": "alocate"}, end(1)]),
    "unknown unlogged action": ("F277", 1, [{**HEADER, "unlogged": ["fly"]}, end(0)]),
    "no argument": ("F278", 2, [HEADER, {"step": "allocate", "request": 1}, end(1)]),
    "an argument too many": (
        "F278",
        2,
        [HEADER, {"step": "stop_faults", "arguments": {"request": 1}}, end(1)],
    ),
    "a member that is none": ("F279", 2, [HEADER, {**ALLOCATE, "slot": 1.5}, end(1)]),
    "a member not named": (
        "F279",
        2,
        [{**HEADER, "names": {"Slot": ["a"]}}, ALLOCATE, end(1)],
    ),
    "an unknown value": (
        "F279",
        2,
        [HEADER, {**ALLOCATE, "seen": {"phase[r1]": "SLEEPING"}}, end(1)],
    ),
    "an unknown field": ("F280", 2, [HEADER, {**ALLOCATE, "seen": {"fase[r1]": 1}}, end(1)]),
    "an index too few": ("F280", 2, [HEADER, {**ALLOCATE, "seen": {"phase": 1}}, end(1)]),
    "seen as a list": ("F280", 2, [HEADER, {**ALLOCATE, "seen": []}, end(1)]),
    "another model": ("F281", 1, [{**HEADER, "model": "layer_split"}, end(0)]),
    "too many members": (
        "F282",
        1,
        [{**HEADER, "sizes": {"slots": 1}}, ALLOCATE, {**ALLOCATE, "slot": 4}, end(2)],
    ),
    "an unknown design": ("F10", 1, [{**HEADER, "design": "save"}, end(0)]),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_log_that_is_at_fault_is_an_error_and_never_a_pass(case: str, tmp_path: Path):
    code, line, lines = MALFORMED[case]
    file = written(tmp_path, *lines)
    with pytest.raises(InputError) as caught:
        check_log(load_model("slot_lifecycle", ROOT), file)
    assert caught.value.code == code
    assert caught.value.why
    assert caught.value.write
    assert caught.value.at is not None
    if code != "F10":
        assert (caught.value.at.file, caught.value.at.line) == (str(file), line)


def test_members_of_an_ordered_index_keep_their_numbers(tmp_path: Path):
    source = load_model("layer_split", ROOT)
    header = {"log": "fencepost events", "version": 1, "model": "layer_split"}
    event = {"step": "finish_load", "turn": "second"}
    with pytest.raises(InputError) as caught:
        check_log(source, written(tmp_path, header, event, end(1)))
    assert caught.value.code == "F279"
    named = {**header, "names": {"Turn": ["first", "second"]}}
    check = check_log(source, written(tmp_path, named, event, end(1)))
    assert check.log.events[0].step.arguments == (1,)
    by_number = check_log(source, written(tmp_path, header, {**event, "turn": 1}, end(1)))
    assert by_number.log.events == check.log.events


RING = """
from fencepost import *


class Ring(Model):
    nodes = Parameter(3, low=1)
    Node = Index(nodes)
    up = Array(Node, of=bool, initial=False)

    @action(node=Node)
    def start(self, node):
        running = 0
        for other in self.Node:
            running = running + choose(self.up[other], 1, 0)
        require(running < 2)
        self.up[node] = True


@always(Ring)
def two_at_most(m):
    return count(m.Node, lambda node: m.up[node]) <= 2
"""


def test_a_model_that_reads_numbers_has_members_by_number(tmp_path: Path):
    model = tmp_path / "ring.py"
    model.write_text(RING)
    source = load_model(str(model), tmp_path)
    header = {"log": "fencepost events", "version": 1, "model": "ring"}

    def check(*nodes: object) -> LogCheck:
        events = [{"step": "start", "node": node} for node in nodes]
        return check_log(source, written(tmp_path, header, *events, end(len(events))))

    assert check(2, 0).exit_code == 0
    assert dict(check(2, 0).system.parameters) == {"nodes": 3}
    third = check(2, 0, 1)
    assert third.followed.unexplained is not None
    assert "ring.py" in LogStory(third).reasons()[0]
    with pytest.raises(InputError) as caught:
        check("a")
    assert caught.value.code == "F279"
    with pytest.raises(InputError) as caught:
        check(299)
    assert caught.value.code == "F285"


def test_the_writer_writes_what_the_reader_reads(tmp_path: Path):
    file = tmp_path / "events.jsonl"
    with EventLog(file, model="slot_lifecycle", design="safe", unlogged=["land"]) as log:
        log.step("allocate", request=17, slot=0, seen={"pool.owner[0]": 17})
    check = check_log(load_model("slot_lifecycle", ROOT), file)
    assert (check.design, check.exit_code, check.log.unlogged) == ("safe", 0, ("land",))


def test_the_writer_states_no_end_where_the_run_broke_off(tmp_path: Path):
    file = tmp_path / "events.jsonl"

    def serve() -> None:
        with EventLog(file, model="slot_lifecycle") as log:
            log.step("allocate", request=17, slot=0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        serve()
    with pytest.raises(InputError) as caught:
        check_log(load_model("slot_lifecycle", ROOT), file)
    assert caught.value.code == "F275"


def test_the_command_says_it_and_exits_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = written(tmp_path, HEADER, *SERVED, SERVED[-1], end(9))
    report = tmp_path / "report.json"
    command = ["conform", "slot_lifecycle", "--log", str(file)]
    assert run([*command, "--json", str(report)]) == 1
    said = capsys.readouterr().out
    assert "slot_lifecycle safe  requests=1 slots=1 chunks=2" in said
    assert "NO RUN explains line 10, start_decoding(request=r1)" in said
    assert "the model allows there: finish(request=r1)" in said
    assert json.loads(report.read_text())["explained"] == 8
    assert run([*command, "--design", "safe", "--design", "lease"]) == 2
    assert "F283" in capsys.readouterr().err
    assert run([*command, "--traces", "3"]) == 2
    assert "F258" in capsys.readouterr().err
    assert run(["conform", "slot_lifecycle", "--unlogged", "land"]) == 2
    assert "F258" in capsys.readouterr().err
    assert run(["conform", "slot_lifecycle", "--log", str(tmp_path / "none.jsonl")]) == 2
    assert "F04" in capsys.readouterr().err
