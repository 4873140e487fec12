"""The reference names everything there is: options, components, fields of reports."""

from __future__ import annotations

import inspect
import json
import re
import shutil
from typing import Any

import pytest

from fencepost.cli import COMMANDS, cli
from fencepost.language import components
from fencepost.language.declarations import ActionDeclaration, ConditionDeclaration
from tests.docs.pages import ROOT, Page

REFERENCE = ROOT / "docs" / "reference"
PLAIN = {
    "text": str,
    "number": (int, float),
    "boolean": bool,
    "object": dict,
}
RACE = """
import torch

x = torch.zeros(4, device="cuda")
torch.cuda.synchronize()
with torch.cuda.stream(torch.cuda.Stream()):
    x.fill_(1.0)
x.sum()
"""

FAILS = """
from fencepost import Adapter


class Fails(Adapter):
    @classmethod
    def can_be(cls, barriers):
        return "" if barriers else "there is no such cache"

    def perform(self, action, **arguments):
        raise KeyError(action)

    def observe(self):
        return {"locked": False}
"""


def sections(page: Page) -> dict[str, str]:
    """The text below each heading of the second level."""
    parts = re.split(r"^## (.*)$", page.text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_shows_its_options(name):
    text = sections(Page(REFERENCE / "commands.md"))[name]
    assert f"$ fencepost {name} --help" in text
    command = cli.get_command(None, name)  # type: ignore[arg-type]
    assert command is not None
    for parameter in command.params:
        for option in parameter.opts:
            assert not option.startswith("-") or re.search(rf"^ +.*{option}\b", text, re.MULTILINE)


@pytest.mark.parametrize("name", components.__all__)
def test_every_component_is_described(name):
    component = getattr(components, name)
    text = sections(Page(REFERENCE / "components.md"))[name]
    signature = re.search(rf"^`{name}\(([^`]*)\)`", text, re.MULTILINE)
    assert signature, "a section starts with how the component is declared"
    arguments = list(inspect.signature(component).parameters)
    assert re.findall(r"(\w+)(?:=[^,]*)?(?:,|$)", signature[1]) == arguments
    assert "**Abstracts**" in text
    assert re.search(r"\b[Ss]afe\b", text)
    for member, value in inspect.getmembers(component):
        if member.startswith("_"):
            continue
        if inspect.isfunction(value):
            taken = [p for p in inspect.signature(value).parameters if p != "self"]
            assert f"`{member}({', '.join(taken)})`" in text, member
        elif isinstance(value, ActionDeclaration):
            assert f"`{member}({', '.join(value.domains)})`" in text, member
        elif isinstance(value, ConditionDeclaration):
            assert f"`{member}`" in text, member


def described() -> dict[str, dict[str, str]]:
    """For each kind of object the fields that the reference names, with their types."""
    rows = re.compile(r"^\| `(\w+)` \| ([^|]+) \|", re.MULTILINE)
    found = sections(Page(REFERENCE / "results_json.md"))
    return {name.lower(): dict(rows.findall(text)) for name, text in found.items()}


def compare(kind: str, value: Any, seen: dict[str, set[str]]) -> None:
    """Hold an object against its description, and what lies in it."""
    fields = described()[kind]
    assert isinstance(value, dict)
    for key, content in value.items():
        assert key in fields, f"{kind}.{key} is not described"
        compare_value(f"{kind}.{key}", fields[key], content, seen)
        seen.setdefault(kind, set()).add(key)
    optional = {key for key, told in fields.items() if "only where" in told}
    assert set(fields) - set(value) <= optional, kind


def compare_value(place: str, told: str, content: Any, seen: dict[str, set[str]]) -> None:
    said = told.partition(", only where")[0].removesuffix(", or null")
    if content is None:
        assert told.endswith(", or null"), place
    elif said.startswith("list of "):
        assert isinstance(content, list), place
        for item in content:
            compare_value(place, said.removeprefix("list of "), item, seen)
    elif said in PLAIN:
        assert isinstance(content, PLAIN[said]), place
        assert said == "boolean" or not isinstance(content, bool), place
    else:
        compare(said, content, seen)


def test_every_field_of_a_report_is_described(workshop):
    shutil.copytree(ROOT / "tests/golden/project", workshop.folder, dirs_exist_ok=True)
    workshop.write("models/broken.py", "x =")
    assert workshop.run("check", "--json", "report.json").code == 2
    report = json.loads((workshop.folder / "report.json").read_text())
    seen: dict[str, set[str]] = {}
    compare("report", report, seen)
    assert seen["error"]
    assert "fault" in seen["step"]
    assert workshop.run("barriers", "handoff", "--json", "barriers.json").code == 0
    compare("barriers", json.loads((workshop.folder / "barriers.json").read_text()), seen)
    assert seen["without"]
    assert workshop.run("mutate", "handoff", "--json", "mutants.json").code in (0, 1)
    compare("mutants", json.loads((workshop.folder / "mutants.json").read_text()), seen)
    assert seen["counts"]
    workshop.write("program.py", RACE)
    assert workshop.run("audit", "--json", "audit.json", "program.py").code == 1
    compare("audit", json.loads((workshop.folder / "audit.json").read_text()), seen)
    assert seen["place"]
    workshop.write("adapters/handoff.py", FAILS)
    assert workshop.run("conform", "handoff", "--json", "conform.json").code == 1
    compare("conform", json.loads((workshop.folder / "conform.json").read_text()), seen)
    assert seen["cell side by side"]
    trace = next(
        file
        for file in (workshop.folder / ".fencepost/traces").iterdir()
        if "-conform" not in file.name
    )
    compare("trace", json.loads(trace.read_text()), seen)
