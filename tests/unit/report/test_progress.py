"""Progress where no terminal is: lines ever further apart, anew for each of several searches."""

from __future__ import annotations

from io import StringIO

from fencepost.report.progress import CountedLine


def test_each_of_several_is_told_from_its_beginning():
    told = StringIO()
    line = CountedLine(told)
    for of, seconds in (("a", 0.5), ("a", 30.0), ("a", 50.0), ("b", 0.5), ("b", 2.0)):
        line(of, seconds, of)
    assert told.getvalue().splitlines() == ["a, 30 s", "b, 2 s"]
