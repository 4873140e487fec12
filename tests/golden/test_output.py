"""What the command prints for the sample project, byte for byte."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree as ET

import pytest

PROGRESS = re.compile(r"^\w+: \d+ of \d+ .*\n", re.MULTILINE)
TRACE = ".fencepost/traces/handoff-early-reads_whole.json"


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("check_all", ("check",), 0),
        ("check_one_model", ("check", "handoff"), 0),
        ("check_quiet", ("check", "--quiet"), 0),
        ("check_traces", ("check", "--design", "repeated", "--traces"), 0),
        ("check_first", ("check", "handoff", "--design", "leaky", "--first"), 0),
        ("check_other_sizes", ("check", "handoff", "--set", "buffers=1"), 0),
        ("check_limited", ("check", "handoff", "--design", "safe", "--max-states", "5"), 3),
        ("check_property", ("check", "handoff", "--property", "lock_free_again"), 0),
        ("list", ("list",), 0),
        ("show", ("show", "handoff"), 0),
        ("show_trace", ("show", "handoff", "--trace"), 0),
        ("show_witness", ("show", "handoff", "--trace", "--design", "safe"), 0),
        ("help", ("--help",), 0),
        ("barriers", ("barriers", "handoff"), 0),
        ("barriers_traces", ("barriers", "handoff", "--design", "safe", "--traces"), 0),
        ("barriers_minimal", ("barriers", "handoff", "--minimal"), 0),
        ("barriers_limited", ("barriers", "handoff", "--max-states", "5"), 3),
        (
            "barriers_none",
            ("barriers", "handoff", "--barrier", "read_waits", "--design", "leaky"),
            1,
        ),
        ("mutate", ("mutate", "handoff", "--design", "safe"), 1),
    ],
)
def test_output(sample, golden, name, arguments, code):
    ran = sample.run(*arguments)
    assert (ran.code, PROGRESS.sub("", ran.err)) == (code, "")
    golden(f"{name}.txt", ran.out)


def test_the_lattice_is_drawn(sample, golden):
    assert sample.run("barriers", "handoff", "--svg", "lattice.svg").code == 0
    drawn = (sample.folder / "lattice.svg").read_text()
    golden("lattice.svg", drawn)
    root = ET.fromstring(drawn)  # noqa: S314  # drawn a line above
    told = [title.text for title in root.iter("{http://www.w3.org/2000/svg}title")]
    assert len(told) == 1 + 8
    assert "read_waits, lock_is_freed, one_reader (sufficient)" in told


@pytest.mark.parametrize(
    "command", ["check", "list", "show", "replay", "new", "graph", "export", "barriers", "mutate"]
)
def test_every_command_explains_itself_with_examples(sample, command):
    ran = sample.run(command, "--help")
    assert ran.code == 0
    assert "Examples:" in ran.out
    assert f"fencepost {command}" in ran.out.split("Examples:")[1]


def test_wrong_expectations_are_told_first(sample, golden):
    file = sample.folder / "models/handoff.py"
    text = file.read_text().replace("steps=2", "steps=3")
    text = text.replace('violates("no_fault", steps=5)', "holds")
    file.write_text(text.replace("expect=holds)", 'expect=violates("no_fault"))'))
    ran = sample.run("check")
    assert (ran.code, ran.err) == (1, "")
    golden("check_not_as_expected.txt", ran.out)
    ran = sample.run("check", "--quiet")
    assert ran.code == 1
    golden("check_not_as_expected_quiet.txt", ran.out)


def test_replay(sample, golden):
    sample.run("check")
    ran = sample.run("replay", TRACE)
    assert (ran.code, ran.err) == (0, "")
    golden("replay.txt", ran.out)


def test_stored_trace(sample, golden):
    sample.run("check", "--design", "early")
    golden("stored_trace.json", (sample.folder / TRACE).read_text())


def test_json_report_is_alone_on_standard_output(sample, golden):
    ran = sample.run("check", "--json", "-")
    assert ran.code == 0
    report = json.loads(ran.out)
    assert "5 designs of 2 models: 5 as expected" in ran.err
    report["versions"] = dict.fromkeys(report["versions"], "...")
    for model in report["models"]:
        for design in model["designs"]:
            for engine in design["engines"]:
                engine |= {"search_s": 0, "compile_s": 0, "bytes_peak": 0}
    golden("report.json", json.dumps(report, indent=1) + "\n")


def test_junit_report(sample, golden):
    ran = sample.run("check", "--junit", "junit.xml", "--set", "buffers=1")
    assert ran.code == 0
    text = (sample.folder / "junit.xml").read_text()
    ET.fromstring(text)  # noqa: S314  # written by the command above
    text = re.sub(r'time="[^"]*"', 'time="..."', text)
    golden("junit.xml", re.sub(r'(name="\w+" value=)"[0-9.]+"', r'\1"..."', text))
