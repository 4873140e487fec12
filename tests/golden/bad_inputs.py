"""Inputs that are at fault: files to write, a command line, and a name for the golden message."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

GOOD = '''from fencepost import *

class Lamp(Model):
    """A lamp goes on and off."""
    lamps = Parameter(1)
    Lamps = Index(lamps)
    on = Array(Lamps, of=bool)

    @action(lamp=Lamps)
    def press(self, lamp):
        if self.on[lamp]:
            self.on[lamp] = False
        else:
            self.on[lamp] = True

    pressed = Design(expect=holds)

@reachable(Lamp)
def shines(m, lamp: Lamp.Lamps):
    """A lamp can be on."""
    return m.on[lamp]
'''
BARE = GOOD.partition("@reachable")[0]


@dataclass(frozen=True)
class Case:
    """`change` turns the stored trace of the sample project into one that is at fault."""

    name: str
    arguments: tuple[str, ...]
    files: dict[str, str | bytes] = field(default_factory=dict)
    folders: tuple[str, ...] = ()
    project: bool = True
    change: Callable[[dict[str, Any]], object] | None = None

    def lay_out(self, folder: Path) -> None:
        for name in self.folders:
            (folder / name).mkdir(parents=True)
        if self.project:
            (folder / "pyproject.toml").write_text("[tool.fencepost]\n")
        for name, text in self.files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text if isinstance(text, bytes) else text.encode())


def model(text: str) -> dict[str, str | bytes]:
    return {"models/lamp.py": text}


LAMP = model(GOOD)

COMMAND_LINE = [
    Case("no_such_option", ("check", "--desing", "x"), LAMP),
    Case("no_such_command", ("chekc",), LAMP),
    Case("no_model_to_show", ("show",), LAMP),
    Case("design_without_a_name", ("check", "--design"), LAMP),
    Case("export_to_nowhere", ("export", "lamp"), LAMP),
    Case("export_to_an_unknown_language", ("export", "lamp", "--to", "tla"), LAMP),
    Case("graph_of_another_form", ("graph", "lamp", "-o", "lamp.png"), LAMP),
    Case("show_two_things", ("show", "lamp", "--kernel", "--trace"), LAMP),
    Case("show_a_design_without_trace", ("show", "lamp", "--design", "pressed"), LAMP),
    Case("show_a_trace_that_is_not", ("show", "lamp", "--trace", "--property", "no_fault"), LAMP),
    Case("set_without_value", ("check", "--set", "lamps"), LAMP),
    Case("set_to_a_word", ("check", "--set", "lamps=many"), LAMP),
    Case("set_to_a_fraction", ("check", "--set", "lamps=1.5"), LAMP),
    Case("set_twice", ("check", "--set", "lamps=1", "--set", "lamps=2"), LAMP),
    Case("set_to_an_endless_number", ("check", "--set", "lamps=" + "9" * 40), LAMP),
    Case("no_states", ("check", "--max-states", "0"), LAMP),
    Case("negative_states", ("check", "--max-states", "-5"), LAMP),
    Case("states_in_words", ("check", "--max-states", "many"), LAMP),
    Case("no_time", ("check", "--timeout", "0"), LAMP),
    Case("time_in_words", ("check", "--timeout", "soon"), LAMP),
    Case("no_memory", ("check", "--max-memory", "0G"), LAMP),
    Case("memory_in_words", ("check", "--max-memory", "lots"), LAMP),
    Case("json_into_a_folder", ("check", "--json", "models"), LAMP),
    Case("junit_into_no_folder", ("check", "--junit", "no/such/junit.xml"), LAMP),
    Case("json_without_a_name", ("check", "--json", ""), LAMP),
]

NAMES_AND_SIZES = [
    Case("unknown_model", ("check", "lmap"), LAMP),
    Case("unknown_model_of_two", ("check", "lamp", "bulb"), {**LAMP, "models/_part.py": ""}),
    Case("unknown_design", ("check", "lamp", "--design", "presed"), LAMP),
    Case("unknown_property", ("check", "lamp", "--property", "shine"), LAMP),
    Case("unknown_parameter", ("check", "lamp", "--set", "lamp=2"), LAMP),
    Case("design_of_no_model", ("check", "--design", "presed"), {**LAMP, "models/b.py": GOOD}),
    Case("property_of_no_model", ("check", "--property", "x"), {**LAMP, "models/b.py": GOOD}),
    Case("parameter_of_no_model", ("check", "--set", "lamsp=2"), {**LAMP, "models/b.py": GOOD}),
    Case(
        "design_and_property_of_two_models",
        ("check", "--design", "calm", "--property", "shines"),
        {
            "models/b.py": GOOD.replace("pressed", "calm").replace("shines", "glows"),
            "models/lamp.py": GOOD,
        },
    ),
    Case("size_zero", ("check", "--set", "lamps=0"), LAMP),
    Case("size_negative", ("check", "--set", "lamps=-3"), LAMP),
    Case("size_absurd", ("check", "--set", "lamps=99999999999"), LAMP),
    Case("size_too_large_for_a_state", ("check", "--set", "lamps=1000000"), LAMP),
]

PROJECTS_AND_FILES = [
    Case("no_project", ("check",), project=False),
    Case("no_project_for_a_name", ("check", "lamp"), project=False),
    Case("no_models_folder", ("check",)),
    Case("models_folder_is_empty", ("check",), folders=("models",)),
    Case("project_file_is_not_toml", ("check",), {"pyproject.toml": "[tool.fencepost\n"}),
    Case("project_setting_unknown", ("check",), {"pyproject.toml": "tool.fencepost.modles = 'm'"}),
    Case("project_setting_no_folder", ("check",), {"pyproject.toml": "tool.fencepost.models = 3"}),
    Case("project_folder_outside", ("list",), {"pyproject.toml": "tool.fencepost.models = '../m'"}),
    Case("project_table_is_a_text", ("list",), {"pyproject.toml": "tool.fencepost = 'models'"}),
    Case("file_missing", ("check", "no/such/lamp.py")),
    Case("file_is_a_folder", ("check", "models/lamp.py"), folders=("models/lamp.py",)),
    Case("file_empty", ("check",), model("")),
    Case("file_binary", ("check",), {"models/lamp.py": bytes(range(256))}),
    Case("file_with_nul", ("check",), {"models/lamp.py": b"x = 1\0\n"}),
    Case("file_not_utf8", ("check",), {"models/lamp.py": b"name = '\xff\xfe'\n"}),
    Case("file_syntax", ("check",), model("class Lamp(Model)\n    pass\n")),
    Case("file_raises", ("check",), model(f"{GOOD}\nprint(1 // 0)\n")),
    Case("file_imports_what_is_not", ("check",), model("from fencepost import Modle\n")),
    Case("file_exits", ("check",), model("import sys\nsys.exit(3)\n")),
    Case("file_without_model", ("check",), model("from fencepost import *\n")),
    Case("file_with_two_models", ("check",), model(f"{GOOD}\nclass Bulb(Model):\n    pass\n")),
    Case("property_file_raises", ("check",), {**LAMP, "properties/lamp.py": "import no_such\n"}),
    Case("property_file_syntax", ("check",), {**LAMP, "properties/lamp.py": "def f(:\n"}),
    Case("no_property", ("check",), model(BARE)),
    Case(
        "no_property_in_a_lone_file",
        ("check", "l.py"),
        {"l.py": BARE},
    ),
    Case("new_with_a_bad_name", ("new", "my-protocol")),
    Case("new_with_a_keyword", ("new", "class")),
    Case("new_over_an_old_one", ("new", "lamp"), LAMP),
    Case("new_over_old_properties", ("new", "lamp"), {"properties/lamp.py": ""}),
    Case("new_below_a_file", ("new", "models/lamp.py/inner.py"), LAMP),
]


def first(trace: dict[str, Any]) -> Any:
    return trace["steps"][0]


def without_its_first_step(trace: dict[str, Any]) -> None:
    del trace["steps"][0]


REPLAY = ("replay", "trace.json")
TRACES = [
    Case("trace_missing", ("replay", "no.json"), LAMP),
    Case("trace_is_a_folder", ("replay", "models"), LAMP),
    Case("trace_not_json", ("replay", "t.json"), {"t.json": '{"format": '}),
    Case("trace_empty", ("replay", "t.json"), {"t.json": ""}),
    Case("trace_binary", ("replay", "t.json"), {"t.json": b"\x80\x81"}),
    Case("trace_a_list", ("replay", "t.json"), {"t.json": "[]"}),
    Case("trace_other_json", ("replay", "t.json"), {"t.json": json.dumps({"a": 1})}),
    Case("trace_of_a_later_format", REPLAY, change=lambda t: t.update(format_version=99)),
    Case("trace_without_steps", REPLAY, change=lambda t: t.pop("steps")),
    Case("trace_with_words_for_cells", REPLAY, change=lambda t: t.update(initial=["a"])),
    Case("trace_with_odd_arguments", REPLAY, change=lambda t: first(t).update(arguments=[1])),
    Case("trace_of_another_model", (*REPLAY, "--model", "lamp"), change=lambda _: None),
    Case("trace_of_another_version", REPLAY, change=lambda t: t.update(digest="0123")),
    Case("trace_of_other_sizes", REPLAY, change=lambda t: t.update(parameters={"buffers": 3})),
    Case("trace_of_no_parameter", REPLAY, change=lambda t: t.update(parameters={"wat": 3})),
    Case("trace_of_a_lost_file", REPLAY, change=lambda t: t.update(source="models/gone.py")),
    Case("trace_with_too_few_cells", REPLAY, change=lambda t: t["initial"].pop()),
    Case("trace_with_a_wild_cell", REPLAY, change=lambda t: t.update(initial=[9, 0, 0, 0, 0])),
    Case("trace_from_elsewhere", REPLAY, change=lambda t: t.update(initial=[1, 0, 0, 0, 0])),
    Case("trace_with_no_barrier", REPLAY, change=lambda t: t.update(barriers=["moat"])),
    Case("trace_with_no_step", REPLAY, change=lambda t: first(t).update(action="jump")),
    Case("trace_with_a_wild_step", REPLAY, change=lambda t: first(t)["arguments"].update(buffer=7)),
    Case("trace_with_a_gap", REPLAY, change=without_its_first_step),
]
