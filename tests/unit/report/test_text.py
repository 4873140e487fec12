from __future__ import annotations

import io

import pytest

from fencepost.core.limits import Progress
from fencepost.core.results import grouped
from fencepost.core.system import Design, Expectation
from fencepost.report.progress import ERASE, ProgressLine
from fencepost.report.tables import Cell, Column, Table, plain, seconds, size


def test_a_plain_table_is_aligned_and_has_no_trailing_blanks():
    table = Table(
        (Column("name"), Column("n", right=True), Column("what")),
        ((Cell("a"), Cell("12"), Cell("one\ntwo")), (Cell("long"), Cell("3"), Cell(""))),
    )  # fmt: skip
    assert plain(table, "> ") == ("> name   n  what\n> a     12  one\n>           two\n> long   3")


def test_columns_that_say_nothing_are_left_out():
    table = Table((Column("a"), Column("b")), ((Cell("1"), Cell(" ")), (Cell(""), Cell(""))))
    assert table.without_empty_columns().columns == (Column("a"),)
    assert [len(row) for row in table.without_empty_columns().rows] == [1, 1]


@pytest.mark.parametrize(
    ("number", "shown"), [(0, "0"), (999, "999"), (1000, "1 000"), (1179927, "1 179 927")]
)
def test_thousands_stand_apart(number, shown):
    assert grouped(number) == shown


def test_durations_and_sizes():
    durations = (0.0001, 0.004, 0.0381, 0.0999, 0.38, 12.345, 250.4)
    shown = ["1 ms", "4 ms", "38 ms", "0.10 s", "0.38 s", "12.35 s", "250 s"]
    assert [seconds(duration) for duration in durations] == shown
    assert [size(5), size(2048), size(5 << 20), size(3 << 30)] == [
        "5 B",
        "2 KiB",
        "5 MiB",
        "3.0 GiB",
    ]


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


class Named:
    name = "slots"


def progress(elapsed: float) -> Progress:
    return Progress(
        states=2_000_000, transitions=1, depth=31, frontier=1234, seconds=elapsed, bytes=3 << 20
    )


DESIGN = Design("safe", frozenset(), Expectation())
TOLD = "slots safe: 2 000 000 states, 1 000 000/s, depth 31, 1 234 waiting, 3 MiB, 2 s"


def test_short_searches_report_nothing():
    screen = Screen()
    line = ProgressLine(screen)
    line(Named(), DESIGN, progress(0.9))
    line.close()
    assert screen.getvalue() == ""


def test_a_terminal_gets_one_living_line():
    screen = Screen()
    line = ProgressLine(screen)
    line(Named(), DESIGN, progress(2.0))
    assert screen.getvalue() == ERASE + TOLD
    line.close()
    line.close()
    assert screen.getvalue() == ERASE + TOLD + ERASE


def test_a_log_gets_fewer_and_fewer_lines():
    log = io.StringIO()
    line = ProgressLine(log)
    for tick in range(1, 161):
        line(Named(), DESIGN, progress(tick / 4))
    line.close()
    lines = log.getvalue().splitlines()
    assert 5 <= len(lines) <= 7
    assert TOLD in lines
    line(Named(), Design("other", frozenset(), Expectation()), progress(1.5))
    assert log.getvalue().splitlines()[-1].startswith("slots other: ")
