"""The table of what each barrier buys is true: each sign is seen on the schedule that it names, the
model says the same, and with the barrier on nothing is seen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reference_impl.adapters import one_run
from reference_impl.adapters.expectations import NO_RACE
from reference_impl.adapters.matrix import Case, cases, examine, main, wanted, with_it

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "what_each_barrier_buys.md"
RUN = re.compile(r"run (\d+): (.*)")
CASES = list(cases())


def shown() -> dict[tuple[str, str], list[str]]:
    """The cells of the table in the documentation, by model and barrier."""
    found, model = {}, ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if re.fullmatch(r"\w+:", line):
            model = line[:-1]
        cells = re.split(r"  +", line.strip())
        if model and len(cells) > 3:
            found[model, cells[0]] = cells
    return found


def name(case: Case) -> str:
    return f"{case.model}-{case.barrier}"


@pytest.mark.parametrize("case", CASES, ids=name)
def test_each_sign_is_seen_where_the_table_says(case: Case):
    cells = shown()[case.model, case.barrier]
    verdict = case.verdict
    properties, wants_race, wants_tokens = wanted(case, verdict)
    assert cells[1:4] == [case.kind, case.base, verdict[0]]
    signs = [RUN.fullmatch(cell) for cell in cells[4:]]
    seen = set()
    for sign in signs:
        assert sign is not None
        outcome, what = case.run(int(sign[1])), sign[2]
        if "after" in what:
            assert outcome.races[0].kind == what
            seen.add("race")
        elif " for " in what:
            assert str(outcome.changed[0]) == what
            seen.add("tokens")
        else:
            assert what in outcome.failed & properties
            seen.add("property")
    assert seen == {"property", *["race"] * wants_race, *["tokens"] * wants_tokens}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=name)
def test_the_table_has_the_first_schedule_of_each_sign(case: Case):
    assert [cell for cell in examine(case).cells if cell] == shown()[case.model, case.barrier]


@pytest.mark.parametrize(
    "case",
    {(c.model, c.base): c for c in CASES}.values(),
    ids=lambda c: f"{c.model}-{c.base}",
)
def test_with_its_barriers_a_design_shows_nothing(case: Case):
    failed, changed, raced = with_it(case)
    assert (failed, changed) == (frozenset(), 0)
    guards = case.kind == "guard" and case.barrier not in NO_RACE
    assert (raced > 0) == guards, "a guard leaves the race that it guards against"


def test_the_command_prints_the_table(capsys: pytest.CaptureFixture[str]):
    assert main(["reformat_waits_for_all_parts"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "rdma_write_completion:"
    assert re.split(r"  +", lines[2]) == shown()["rdma_write_completion", lines[2].split()[0]]


def test_the_command_says_that_nothing_was_asked(capsys: pytest.CaptureFixture[str]):
    assert main(["no_such_barrier"]) == 1


def test_a_run_is_told_with_its_barrier_and_without(capsys: pytest.CaptureFixture[str]):
    assert one_run.main(["abort_is_deferred", "20"]) == 1
    told = capsys.readouterr().out
    assert "race      write after write" in told
    assert "tokens    request 1 decoded 40 30 62, and the oracle 40 39 10" in told
    assert one_run.main(["abort_is_deferred", "20", "--with"]) == 0
    told = capsys.readouterr().out
    assert "race" not in told
    assert "all hold" in told


def test_a_barrier_that_is_not_there_is_no_story(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        one_run.main(["no_such_barrier", "20"])
    assert ended.value.code == 2
    assert "`make matrix` prints all" in capsys.readouterr().err
