"""Every page of the documentation is performed: its code runs, its commands print what it shows."""

from __future__ import annotations

import difflib
import io
import os
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click import Command as ClickCommand

from fencepost.cli import COMMANDS, cli
from fencepost.core.limits import Inferring, Progress, Proving
from fencepost.core.system import Design, Expectation
from fencepost.report.progress import CountedLine, InferenceLine, ProgressLine, ProofLine
from tests.docs.comparing import anew, fits, masked, output_lines
from tests.docs.pages import ROOT, Command, Page, pages
from tests.docs.running import LANGUAGES, PROGRESS, WrongPage, missing_programs, perform

PAGES = pages()
IDS = [page.name for page in PAGES]


def compare(page: Page, command: Command, output: str, folder: Path) -> None:
    found = output_lines(output, folder)
    expected = command.expected[:-1] if command.expected[-1:] == ("",) else command.expected
    if not fits(expected, found):
        difference = difflib.unified_diff(
            [masked(line) for line in expected], [masked(line) for line in found], "page", "run"
        )
        pytest.fail(
            f"{page.name}:{command.line}: $ {command.text}\n"
            + "\n".join(difference)
            + "\nif this is right: python -m tests.docs.refresh",
            pytrace=False,
        )


@pytest.mark.timeout(900)  # a page may run `make check`
@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_page(page: Page, tmp_path: Path):
    missing = missing_programs(page)
    if missing and os.environ.get("CI"):
        pytest.fail(f"{', '.join(missing)} not found, and on CI they must be")
    if missing:
        pytest.skip(f"{', '.join(missing)} not found")
    perform(page, tmp_path.resolve(), compare)


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_commands_in_prose_exist(page: Page):
    """Options named in running text are options of the command they are named with.

    Where errors are explained, wrong commands are the examples.
    """
    if page.file.name == "errors.md":
        return
    for span in re.findall(r"`([^`\n]+)`", page.prose):
        words = span.split()
        if words[0] != "fencepost" or len(words) == 1 or words[1] not in COMMANDS:
            assert words[0] != "fencepost" or len(words) == 1 or words[1].startswith("-"), span
            continue
        known = options(cli.get_command(None, words[1]))  # type: ignore[arg-type]
        for word in words[2:]:
            option = word.partition("=")[0]
            assert not option.startswith("-") or option == "-" or option in known, span


def options(command: ClickCommand | None) -> set[str]:
    assert command is not None
    named = {name for parameter in command.params for name in parameter.opts}
    return named | {"-h", "--help"}


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_make_targets_in_prose_exist(page: Page):
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for target in re.findall(r"`make (\w+)", page.prose):
        assert target in targets


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_modules_in_prose_exist(page: Page):
    for module in re.findall(r"`python -m ([\w.]+)", page.prose):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_block_has_a_language(page: Page):
    for block in page.blocks:
        assert block.language in LANGUAGES, f"{page.name}:{block.line}"


@pytest.mark.parametrize(
    ("expected", "found", "equal"),
    [
        (["a", "b"], ["a", "b"], True),
        (["a  0.10 s"], ["a   12.00 s"], True),
        (["a  0.10 s"], ["a   5 ms"], True),
        (["a", "..."], ["a", "b", "c"], True),
        (["a", "...", "c"], ["a", "c"], True),
        (["a", "...", "b", "...", "c"], ["a", "x", "b", "c"], True),
        (["a", "...", "b", "...", "c"], ["a", "x", "c"], False),
        (["a", "...", "c"], ["a", "b"], False),
        (["a"], ["a", "b"], False),
        (["..."], [], True),
    ],
)
def test_comparing(expected, found, equal):
    assert fits(expected, found) is equal


@pytest.mark.parametrize(
    ("expected", "found", "shown"),
    [
        (["a", "b"], ["c"], ["c"]),
        (["a 1", "..."], ["a 2", "b", "c"], ["a 2", "..."]),
        (["a", "", "..."], ["b", "b", "", "c", "", "d"], ["b", "b", "", "..."]),
        (
            ["a  x  1", "...", "c  x  1", "...", "3 things"],
            ["a  x  2", "b  x  2", "", "c  x  2", "d  x  2", "c x: 4", "4 things"],
            ["a  x  2", "...", "c  x  2", "...", "4 things"],
        ),
    ],
)
def test_what_is_shown_anew(expected, found, shown):
    assert anew(expected, found) == shown
    assert fits(shown, found)


def write(tmp_path: Path, text: str) -> Page:
    file = tmp_path / "page.md"
    file.write_text(text)
    return Page(file)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("```sh\nls\n```\n", "a block is one of"),
        ("```\nls\n```\n", "a block is one of"),
        ("```text\n$ ls\n```\n", "a command stands in a console block"),
        ("```console\nls\n```\n", "a console block starts with"),
        ("```python\nls\n", "never closed"),
        ("<!-- folder: somewhere -->\n", "no page runs in"),
        ("```yaml\n- run: fencepost check\n```\n", "which the page never does"),
        (
            "```python\n# a.py\nx = 1\n```\n```diff\n--- a.py\n+++ a.py\n@@\n-y\n+z\n```\n",
            "0 times",
        ),
    ],
)
def test_pages_that_cannot_be_checked_fail(tmp_path, monkeypatch, text, problem):
    monkeypatch.setattr("tests.docs.pages.ROOT", tmp_path)
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises((WrongPage, ValueError), match=problem):
        perform(write(tmp_path, text), folder, compare)


def test_a_false_output_fails(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.docs.pages.ROOT", tmp_path)
    folder = tmp_path / "folder"
    folder.mkdir()
    page = write(tmp_path, "```console\n$ echo one\ntwo\n```\n")
    with pytest.raises(pytest.fail.Exception, match="echo one"):
        perform(page, folder, compare)


def test_false_code_fails(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.docs.pages.ROOT", tmp_path)
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(AssertionError):
        perform(write(tmp_path, "```python\nassert 1 == 2\n```\n"), folder, compare)


def test_progress_is_no_part_of_an_output():
    """However slow the machine, only what the command says in the end is compared."""
    told = io.StringIO()
    source: Any = SimpleNamespace(name="m")
    design = Design("d", frozenset(), Expectation())
    ProgressLine(told)(source, design, Progress(1200, 3400, 5, 67, 2.0, 1 << 20))
    ProgressLine(told)(source, design, Progress(0, 0, 7, 0, 2.0, 0))
    ProofLine(told)(source, design, Proving(3, 1200, "own_bytes by abort", 2.0))
    InferenceLine(told)(source, design, Inferring(1200, 4, "own_bytes by abort", 2.0))
    CountedLine(told)("m: 1 200 of 4 000 sets, 3 searched, 1 sufficient so far", 2.0)
    CountedLine(told)("m: 40 of 58 mutants, 40 killed", 2.0)
    assert told.getvalue().count("\n") == 6
    assert PROGRESS.sub("", told.getvalue()) == ""
    assert PROGRESS.sub("", "error F11: ...\n") == "error F11: ...\n"


def test_a_pipeline_that_reports_progress_compares_as_one_that_does_not(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.docs.pages.ROOT", tmp_path)
    folder = tmp_path / "folder"
    folder.mkdir()
    slow = "echo 'm: 40 of 58 mutants, 40 killed, 2 s' >&2; echo end | head -1"
    perform(write(tmp_path, f"```console\n$ {slow}\nend\n```\n"), folder, compare)
