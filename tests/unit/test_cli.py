"""What the command does, apart from the exact texts that tests/golden holds."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest

from fencepost.analyses.expectations import Judgement
from fencepost.report.json_report import versions
from fencepost.starting_files import model_text, property_text, whole_text

REPORT = ".fencepost/traces/buffer-without_waiting-reads_what_is_written.json"


@pytest.fixture
def buffer(workshop):
    workshop.project()
    workshop.write("models/buffer.py", model_text("Buffer"))
    workshop.write("properties/buffer.py", property_text("Buffer", "models.buffer"))
    return workshop


def changed(workshop, old: str, new: str) -> None:
    file = workshop.folder / "models/buffer.py"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


class TestExitCodes:
    def test_0_every_verdict_as_expected(self, buffer):
        ran = buffer.run("check")
        assert (ran.code, ran.err) == (0, "")
        assert "2 designs of 1 model: 2 as expected" in ran.out

    def test_1_a_verdict_not_as_expected(self, buffer):
        changed(buffer, "steps=2", "steps=5")
        ran = buffer.run("check")
        assert ran.code == 1
        assert "reads_what_is_written is violated in 2 steps, expected in 5 steps" in ran.out

    def test_2_some_input_at_fault_and_the_others_are_checked(self, buffer):
        buffer.write("models/empty.py", "")
        ran = buffer.run("check")
        assert ran.code == 2
        assert "2 designs of 1 model: 2 as expected" in ran.out
        assert ran.err.startswith("models/empty.py:1: error F07")

    def test_3_a_limit_before_an_expected_verdict(self, buffer):
        ran = buffer.run("check", "--design", "waiting", "--max-states", "2")
        assert ran.code == 3
        assert "UNDECIDED" in ran.out

    def test_a_contradiction_weighs_more_than_a_limit(self, buffer):
        changed(buffer, "expect=holds", 'expect=violates("buffer_is_read")')
        changed(buffer, "Parameter(2)", "Parameter(4)")
        assert buffer.run("check", "--max-states", "100").code == 1


class TestSelection:
    def test_first_is_no_limit(self, buffer):
        ran = buffer.run("check", "--first", "--design", "without_waiting")
        assert ran.code == 0
        assert "1 as expected" in ran.out

    def test_expectations_do_not_bind_at_other_sizes(self, buffer):
        changed(buffer, "steps=2", "steps=7")
        ran = buffer.run("check", "--set", "buffers=1")
        assert ran.code == 0
        assert "at default sizes" in ran.out

    def test_a_violation_of_holds_contradicts_at_any_size(self, buffer):
        changed(buffer, 'expect=violates("reads_what_is_written", steps=2)', "expect=holds")
        assert buffer.run("check", "--set", "buffers=1").code == 1

    def test_the_default_size_said_aloud_binds(self, buffer):
        changed(buffer, "steps=2", "steps=7")
        assert buffer.run("check", "--set", "buffers=2").code == 1

    def test_a_limit_is_not_green_at_other_sizes_either(self, buffer):
        ran = buffer.run("check", "--set", "buffers=3", "--max-states", "3")
        assert ran.code == 3

    def test_one_property_alone(self, buffer):
        ran = buffer.run("check", "--property", "buffer_is_read")
        assert ran.code == 0
        assert "VIOLATED" not in ran.out.replace("expect VIOLATED", "")

    def test_models_without_the_named_design_are_left_out(self, buffer):
        buffer.write("models/other.py", whole_text("Other").replace("waiting =", "calm ="))
        ran = buffer.run("check", "--design", "calm")
        assert ran.code == 0
        assert "1 design of 1 model" in ran.out

    def test_a_size_goes_to_the_models_that_have_it(self, buffer):
        buffer.write("models/other.py", whole_text("Other").replace("buffers", "others"))
        ran = buffer.run("check", "--set", "others=1")
        assert ran.code == 0
        sizes = [line for line in ran.out.splitlines() if "at default sizes" in line]
        assert len(sizes) == 2
        assert all(line.startswith("other ") for line in sizes)

    def test_a_model_by_path_outside_of_any_project(self, workshop):
        workshop.write("lone.py", whole_text("Lone"))
        ran = workshop.run("check", "lone.py")
        assert ran.code == 0
        assert (workshop.folder / ".fencepost/traces").is_dir()


class TestReports:
    def test_the_json_report_says_all_there_is(self, buffer):
        assert buffer.run("check", "--json", "report.json").code == 0
        report = json.loads((buffer.folder / "report.json").read_text())
        assert report["exit_code"] == 0
        assert report["versions"] == versions()
        assert {"fencepost", "python", "numba", "llvmlite"} <= set(report["versions"])
        (model,) = report["models"]
        assert model["parameters"] == {"buffers": 2}
        broken, waiting = model["designs"]
        assert (broken["verdict"], waiting["verdict"]) == ("VIOLATED", "HOLDS")
        assert broken["judgement"] == Judgement.AS_EXPECTED.value
        assert broken["hints"] == [
            {
                "property": "reads_what_is_written",
                "switch": "on",
                "barriers": ["read_waits_for_write"],
                "others": [],
                "breaks": [],
                "leaves": [],
                "doubtful": False,
            }
        ]
        (found,) = [f for f in broken["findings"] if f["verdict"] == "VIOLATED"]
        assert [step["text"] for step in found["trace"]["steps"]] == [
            "begin_write(buffer=0)",
            "read_buffer(buffer=0)",
        ]
        assert waiting["coverage"]["steps"] == waiting["coverage"]["steps_in_all"] == 6

    def test_the_trace_in_the_json_report_can_be_replayed(self, buffer):
        buffer.run("check", "--json", "report.json")
        report = json.loads((buffer.folder / "report.json").read_text())
        findings = report["models"][0]["designs"][0]["findings"]
        (trace,) = [f["trace"] for f in findings if f["verdict"] == "VIOLATED"]
        buffer.write("trace.json", json.dumps(trace))
        assert buffer.run("replay", "trace.json").code == 0

    def test_json_on_standard_output_is_nothing_but_json(self, buffer):
        buffer.write("models/empty.py", "")
        ran = buffer.run("check", "--json", "-", "--quiet")
        report = json.loads(ran.out)
        assert ran.code == report["exit_code"] == 2
        assert [error["code"] for error in report["errors"]] == ["F07"]
        assert report["errors"][0]["file"] == "models/empty.py"

    def test_junit_counts_what_is_not_as_expected(self, buffer):
        changed(buffer, "steps=2", "steps=5")
        buffer.write("models/empty.py", "")
        buffer.run("check", "--junit", "junit.xml")
        root = ET.parse(buffer.folder / "junit.xml").getroot()  # noqa: S314  # our own file
        suites = {suite.get("name"): suite for suite in root}
        assert suites["buffer"].get("failures") == "1"
        assert suites["input"].get("errors") == "1"
        (failure,) = root.iter("failure")
        assert "expected in 5 steps" in (failure.get("message") or "")

    def test_junit_reports_an_undecided_design_as_an_error(self, buffer):
        buffer.run("check", "--max-states", "2", "--junit", "junit.xml")
        root = ET.parse(buffer.folder / "junit.xml").getroot()  # noqa: S314  # our own file
        assert [suite.get("errors") for suite in root] == ["2"]

    def test_quiet_prints_nothing_when_all_is_as_expected(self, buffer):
        ran = buffer.run("check", "--quiet")
        assert (ran.code, ran.out, ran.err) == (0, "", "")


class TestTraces:
    def test_traces_stay_out_of_version_control(self, buffer):
        buffer.run("check")
        assert (buffer.folder / ".fencepost/.gitignore").read_text() == "*\n"
        assert (buffer.folder / REPORT).is_file()

    @pytest.mark.parametrize("obstacle", [".fencepost", ".fencepost/traces"])
    def test_a_folder_that_cannot_be_written_leaves_the_steps(self, buffer, obstacle):
        buffer.write(obstacle, "a file where a folder should be")
        ran = buffer.run("check")
        assert ran.code == 0
        assert "steps: begin_write(buffer=0); read_buffer(buffer=0)" in ran.out
        assert "replay:" not in ran.out

    def test_the_printed_command_replays_from_below_the_project(self, buffer, monkeypatch):
        below = buffer.folder / "models"
        monkeypatch.chdir(below)
        ran = buffer.run("check", "buffer")
        (line,) = [line for line in ran.out.splitlines() if "replay: " in line]
        command = line.split("replay: fencepost ")[1].split()
        ran = buffer.run(*command)
        assert ran.code == 0
        assert "reads_what_is_written is violated here for buffer=0" in ran.out

    def test_a_trace_is_replayed_on_the_model_it_is_given(self, buffer, tmp_path):
        buffer.run("check")
        stored = (buffer.folder / REPORT).read_text()
        buffer.write("models/renamed.py", (buffer.folder / "models/buffer.py").read_text())
        buffer.write(
            "properties/renamed.py",
            (buffer.folder / "properties/buffer.py").read_text().replace("s.buffer", "s.renamed"),
        )
        buffer.write("t.json", stored.replace("models/buffer.py", "models/gone.py"))
        assert buffer.run("replay", "t.json").code == 2
        assert buffer.run("replay", "t.json", "--model", "renamed").code == 0

    def test_a_trace_that_shows_nothing_is_not_confirmed(self, buffer):
        buffer.run("check")
        trace = json.loads((buffer.folder / REPORT).read_text())
        del trace["steps"][1]
        buffer.write("t.json", json.dumps(trace))
        ran = buffer.run("replay", "t.json")
        assert ran.code == 1
        assert "the trace shows no violation" in ran.out


class TestOtherCommands:
    @pytest.mark.parametrize("path", ["graph.graphml", "graph.dot"])
    def test_graph(self, buffer, path):
        ran = buffer.run("graph", "buffer", "--design", "waiting", "-o", path)
        assert (ran.code, ran.err) == (0, "")
        assert ran.out == f"{path}: all 16 states, 24 steps\n"
        text = (buffer.folder / path).read_text()
        assert "WRITTEN" in text
        assert "begin_write(buffer=1)" in text

    def test_a_graph_that_ends_early_says_so(self, buffer):
        ran = buffer.run("graph", "buffer", "--max-states", "4", "-o", "part.graphml")
        assert ran.code == 3
        assert "only" in ran.out
        assert "only" in (buffer.folder / "part.graphml").read_text()

    @pytest.mark.parametrize(("language", "word"), [("promela", "proctype"), ("murphi", "ruleset")])
    def test_export(self, buffer, language, word):
        printed = buffer.run("export", "buffer", "--to", language)
        assert printed.code == 0
        assert word in printed.out.lower()
        assert "begin_write" in printed.out
        ran = buffer.run("export", "buffer", "--to", language, "-o", "out.txt")
        assert (ran.code, ran.out) == (0, "")
        assert (buffer.folder / "out.txt").read_text() == printed.out

    def test_show_the_kernel(self, buffer):
        ran = buffer.run("show", "buffer", "--kernel")
        assert ran.code == 0
        assert "define" in ran.out

    def test_new_then_check(self, workshop):
        workshop.project()
        ran = workshop.run("new", "my_protocol")
        assert ran.code == 0
        assert ran.out.splitlines()[-1] == "next: fencepost check my_protocol"
        assert workshop.run("check", "my_protocol").code == 0
        assert workshop.run("new", "my_protocol").code == 2

    def test_new_outside_of_a_project_then_check(self, workshop):
        ran = workshop.run("new", "my_protocol")
        assert ran.out == "wrote my_protocol.py\nnext: fencepost check my_protocol.py\n"
        assert workshop.run("check", "my_protocol.py").code == 0

    def test_list_goes_on_after_a_model_at_fault(self, buffer):
        buffer.write("models/a.py", "")
        ran = buffer.run("list")
        assert ran.code == 2
        assert "buffer" in ran.out
        assert "models/a.py:1: error F07" in ran.err

    def test_version(self, workshop):
        assert workshop.run("--version").out == "fencepost 0.1.0\n"


class TestErrors:
    def test_a_recording_that_is_not_what_the_body_does_is_an_error(self, buffer, monkeypatch):
        from fencepost import plain_bodies

        def differs(_, design):
            return "they differ" if design.name == "waiting" else None

        monkeypatch.setattr(plain_bodies.Comparison, "first_difference", differs)
        ran = buffer.run("check", "--junit", "junit.xml")
        assert ran.code == 1
        (row,) = [line for line in ran.out.splitlines() if line.startswith("buffer  waiting")]
        assert row.split()[2] == "ERROR"
        assert "recording: they differ" in ran.out
        assert "recording: they differ" in (buffer.folder / "junit.xml").read_text()


class TestInterrupts:
    def test_what_was_covered_is_printed(self, buffer, monkeypatch):
        from fencepost.engines import explore

        searched = []
        search = explore.explore

        def interrupted(system, design, **options):
            searched.append(design.name)
            result = search(system, design, **options)
            return result if len(searched) == 1 else _stopped(result)

        def _stopped(result):
            from dataclasses import replace

            return replace(result, answer=replace(result.answer, stopped="interrupted"))

        monkeypatch.setattr(explore, "explore", interrupted)
        ran = buffer.run("check", "--property", "buffer_is_read")
        assert ran.code == 3
        assert "without_waiting" in ran.out
        assert searched == ["without_waiting", "waiting"]

    def test_a_design_that_was_not_compared_has_no_verdict(self, buffer, monkeypatch):
        from fencepost import plain_bodies

        def interrupted(_, design):
            if design.name == "waiting":
                raise KeyboardInterrupt

        monkeypatch.setattr(plain_bodies.Comparison, "first_difference", interrupted)
        ran = buffer.run("check")
        assert ran.code == 3
        (row,) = [line for line in ran.out.splitlines() if line.startswith("buffer  waiting")]
        assert row.split()[2].startswith("UNDECIDED")

    def test_before_anything_was_checked(self, buffer, monkeypatch):
        from fencepost import loading

        def interrupted(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(loading, "load_models", interrupted)
        ran = buffer.run("check")
        assert ran.code == 3
        assert ran.err.strip() == "interrupted before the end"
