"""Every message of the language, word by word, as it stands in `tests/golden/language/`.

Run with UPDATE_GOLDEN=1 to write what is said now, and read the difference.
"""

from __future__ import annotations

import re
from pathlib import Path

import messages
import pytest
from bad_bodies import BAD_BODIES
from bad_components import BAD_COMPONENTS
from bad_declarations import BAD_DECLARATIONS, Case
from bad_guesses import BAD_GUESSES
from bad_lines import BAD_LINES
from bad_uses import BAD_USES
from model_sources import built

from fencepost.core import semantics
from fencepost.core.errors import InputError

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests/golden/language/messages.txt"
CASES = {title: Case(source) for title, source in BAD_BODIES.items()}
PARTS = (CASES.copy(), BAD_DECLARATIONS, BAD_USES, BAD_LINES, BAD_COMPONENTS, BAD_GUESSES)
for part in PARTS:
    CASES |= part


def message_of(case: Case, folder: Path) -> str:
    def start() -> None:
        _, system = built(case.source, folder, case.parameters)
        list(semantics.initial_states(system, frozenset()))

    with pytest.raises(InputError) as raised:
        start()
    line = raised.value.at.line if raised.value.at and raised.value.at.file else 0
    quoted = case.source.splitlines()[line - 1].strip() if line else "(no line)"
    return f"{quoted}\n{str(raised.value).replace(str(folder) + '/', '')}"


def expected() -> dict[str, str]:
    return messages.stored(GOLDEN)


def test_no_case_is_named_twice() -> None:
    assert sum(len(part) for part in PARTS) == len(CASES) >= 150


@pytest.mark.parametrize("title", CASES)
def test_message(title: str, tmp_path: Path) -> None:
    said = message_of(CASES[title], tmp_path)
    messages.compare(GOLDEN, CASES, title, said)


def test_golden_file_has_no_stale_cases() -> None:
    assert list(expected()) == list(CASES)


def codes_in(folder: Path) -> set[str]:
    """The codes that the sources of a folder raise."""
    return {
        code
        for file in sorted(folder.rglob("*.py"))
        for code in re.findall(r'"(F\d+)"', file.read_text())
    }


def test_every_code_of_the_language_has_a_case() -> None:
    said = {
        found.group(1)
        for text in expected().values()
        if (found := re.search(r"error (F\d+)", text))
    }
    language = codes_in(ROOT / "fencepost/language")
    said_elsewhere = {
        "F89",  # Python with -O: `test_optimized_python_is_refused`
        *("F130", "F131", "F132"),  # lemmas and any size: `tests/unit/analyses/test_proofs.py`
    }
    assert language - said == said_elsewhere
