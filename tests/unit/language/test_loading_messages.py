"""What is said of a file that Python itself refuses to run, as it stands in `tests/golden/`."""

from __future__ import annotations

from pathlib import Path

import messages
import pytest

from fencepost.core.errors import InputError
from fencepost.loading import load_model

GOLDEN = Path(__file__).parents[3] / "tests/golden/language/loading.txt"
MODEL = """\
from fencepost import *
from fencepost.language.components import *


class Vote(Model):
    ranks = Parameter(2)
    Rank = Index(ranks)
    voted = Array(Rank, of=bool)
    {}

    @action(rank=Rank)
    def vote(self, rank):
        self.voted[rank] = True
"""
LINES = {
    "array without a domain": "more = Array(Rank)",
    "var without a domain": "more = Var(initial=0)",
    "index of two": "More = Index(2, 3)",
    "index with another argument": "More = Index(size=2)",
    "parameter without default": "more = Parameter()",
    "barrier without buys": "more = Barrier('orders two things')",
    "channel with another argument": "more = Channel(Rank, colour=True)",
    "streams without depth": "more = Streams(Rank, Rank, Rank)",
    "design with a size": "more = Design(expect=holds, ranks=3)",
    "design derived with a size": (
        "safe = Design(expect=holds); more = safe.without(expect=holds, ranks=3)"
    ),
    "design without expect": "more = Design()",
    "comprehension over a name": "more = [Index(ranks) for _ in range(2)]",
    "generator over a name": "more = tuple(Index(ranks) for _ in range(2))",
    "lambda over a name": "more = (lambda: Index(ranks))()",
    "name of the class in its body": "more = Array(Vote.Rank, of=bool)",
    "unknown name": "more = Inxed(2)",
    "field is called": "more = voted(2)",
}
PROPERTIES = {
    "domain without the model": "@always(Vote)\ndef holds_for(m, rank: Rank): return m.voted[rank]",
    "domain of nothing": "@always(Vote)\ndef holds_for(m, rank: Ranks): return m.voted[rank]",
}
NOT_IMPORTED = "from fencepost import Model\n\n\nclass Vote(Model):\n    voted = Index(2)\n"
CASES = {
    "word not imported": NOT_IMPORTED,
    "component not imported": NOT_IMPORTED.replace("Index", "Channel"),
    **{title: MODEL.format(line) for title, line in LINES.items()},
    **{title: f"{MODEL.format('')}\n\n{text}\n" for title, text in PROPERTIES.items()},
}


@pytest.mark.parametrize("title", CASES)
def test_message(title: str, tmp_path: Path) -> None:
    file = tmp_path / "model.py"
    file.write_text(CASES[title])
    with pytest.raises(InputError) as raised:
        load_model(str(file), tmp_path)
    assert raised.value.at
    quoted = CASES[title].splitlines()[raised.value.at.line - 1].strip()
    said = f"{quoted}\n{str(raised.value).replace(f'{tmp_path}/', '')}"
    messages.compare(GOLDEN, CASES, title, said)


def test_golden_file_has_no_stale_cases() -> None:
    assert list(messages.stored(GOLDEN)) == list(CASES)
