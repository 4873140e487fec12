from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fencepost.core.errors import InputError
from fencepost.loading import load_model, load_models
from fencepost.project import Project, find_project, nearest, shown_path
from fencepost.starting_files import model_text, property_text, whole_text


@pytest.fixture
def project(workshop) -> Project:
    workshop.project()
    workshop.write("models/buffer.py", model_text("Buffer"))
    workshop.write("properties/buffer.py", property_text("Buffer", "models.buffer"))
    found = find_project(workshop.folder)
    assert found is not None
    return found


def test_the_project_is_found_by_walking_up(project, workshop):
    below = workshop.folder / "deep" / "down"
    below.mkdir(parents=True)
    assert find_project(below) == project
    assert project.root == workshop.folder


def test_a_pyproject_without_our_table_is_no_project(workshop):
    workshop.write("pyproject.toml", "[tool.other]\nmodels = 3\n")
    found = find_project(workshop.folder)
    assert found is None or found.root != workshop.folder


def test_the_folders_have_other_names_where_the_project_says_so(workshop):
    workshop.write(
        "pyproject.toml", '[tool.fencepost]\nmodels = "spec/protocols"\nproperties = "spec/rules"\n'
    )
    workshop.write("spec/protocols/buffer.py", model_text("Buffer"))
    workshop.write("spec/rules/buffer.py", property_text("Buffer", "spec.protocols.buffer"))
    source = load_model("buffer", workshop.folder)
    assert source.model.__module__ == "spec.protocols.buffer"
    assert [p.name for p in source.properties] == ["reads_what_is_written", "buffer_is_read"]
    for name in [m for m in sys.modules if m.split(".")[0] == "spec"]:
        del sys.modules[name]


def test_a_class_exists_once(project):
    by_name = load_model("buffer", project.root)
    by_path = load_model("models/buffer.py", project.root)
    from_below = load_model("../models/buffer.py", project.root / "models")
    assert by_name.model is by_path.model is from_below.model
    assert by_name.model.__module__ == "models.buffer"
    assert sys.modules["properties.buffer"].Buffer is by_name.model
    assert all(p.model is by_name.model for p in by_name.properties)


def test_the_project_root_is_first_on_the_path(project):
    sys.path.append(str(project.root))
    load_model("buffer", project.root)
    assert sys.path[0] == str(project.root)
    assert sys.path.count(str(project.root)) == 1


def test_another_project_in_the_same_process_is_kept_apart(project, tmp_path):
    first = load_model("buffer", project.root)
    other = tmp_path / "other"
    for name, text in {
        "pyproject.toml": "[tool.fencepost]\n",
        "models/buffer.py": model_text("Other"),
        "properties/buffer.py": property_text("Other", "models.buffer"),
    }.items():
        (other / name).parent.mkdir(parents=True, exist_ok=True)
        (other / name).write_text(text)
    second = load_model("buffer", other)
    assert (first.model.__name__, second.model.__name__) == ("Buffer", "Other")
    assert [p.model for p in second.properties] == [second.model] * 2


def test_a_model_may_import_its_neighbours(project, workshop):
    workshop.write("models/_sizes.py", "MANY = 3\n")
    text = model_text("Sized").replace("Parameter(2)", "Parameter(MANY)")
    workshop.write("models/sized.py", f"from models._sizes import MANY\n{text}")
    workshop.write("properties/sized.py", property_text("Sized", "models.sized"))
    assert load_model("sized", project.root).model.buffers.default == 3
    assert [file.stem for file in project.model_files()] == ["buffer", "sized"]


def test_a_file_outside_of_any_project_holds_its_own_properties(workshop):
    workshop.write("queue.py", whole_text("Queue"))
    source = load_model("queue.py", workshop.folder)
    assert len(source.properties) == 2
    assert source.project is None
    assert "queue" not in sys.modules or sys.modules["queue"].__file__ != str(source.file)


def test_a_file_of_a_project_outside_of_its_models_holds_its_own_properties(project, workshop):
    workshop.write("drafts/draft.py", whole_text("Draft"))
    source = load_model("drafts/draft.py", project.root)
    assert len(source.properties) == 2
    assert source.shown_path == "drafts/draft.py"


def test_a_model_may_hold_properties_beside_those_in_the_property_file(project, workshop):
    text = model_text("Both") + "\n\n@always(Both)\ndef more(m):\n    return True\n"
    workshop.write("models/both.py", text)
    workshop.write("properties/both.py", property_text("Both", "models.both"))
    names = [p.name for p in load_model("both", project.root).properties]
    assert names == ["more", "reads_what_is_written", "buffer_is_read"]


def test_a_property_that_is_imported_counts_once(project, workshop):
    workshop.write(
        "properties/buffer.py", "from models.buffer import *\nfrom models.buffer import _p"
    )
    text = model_text("Buffer") + "\n\n@always(Buffer)\ndef _p(m):\n    return True\n"
    workshop.write("models/buffer.py", text)
    assert [p.name for p in load_model("buffer", project.root).properties] == ["_p"]


def test_a_file_that_failed_is_loaded_anew(workshop):
    workshop.write("buffer.py", "boom\n")
    with pytest.raises(InputError, match="NameError"):
        load_model("buffer.py", workshop.folder)
    workshop.write("buffer.py", whole_text("Buffer"))
    assert load_model("buffer.py", workshop.folder).model.__name__ == "Buffer"


def test_a_model_named_twice_is_loaded_once_and_faults_are_set_aside(project, workshop):
    workshop.write("models/bad.py", "")
    errors: list[InputError] = []
    sources = load_models(["buffer", "models/buffer.py", "bad"], project.root, errors)
    assert [source.name for source in sources] == ["buffer"]
    assert [error.code for error in errors] == ["F07"]


def test_every_model_of_the_project_where_none_is_named(project, workshop):
    workshop.write("models/bad.py", "")
    errors: list[InputError] = []
    assert [s.name for s in load_models([], project.root, errors)] == ["buffer"]
    assert [error.code for error in errors] == ["F07"]


def test_nearest_names():
    assert nearest("slot_lifecyle", ["slot_lifecycle", "x"]) == " (did you mean slot_lifecycle?)"
    assert nearest("zzz", ["slot_lifecycle"]) == ""


def test_paths_are_shown_from_where_one_works(workshop):
    assert shown_path(workshop.folder / "models" / "a.py") == "models/a.py"
    assert shown_path(Path("/somewhere/else.py")) == "/somewhere/else.py"
