"""Messages stored word by word, each under a title."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path


def stored(golden: Path) -> dict[str, str]:
    """The messages of a file by their titles."""
    if not golden.exists():
        return {}
    parts = re.split(r"^## (.*)\n", golden.read_text(), flags=re.MULTILINE)
    return {title: text.strip("\n") for title, text in zip(parts[1::2], parts[2::2], strict=True)}


def compare(golden: Path, titles: Iterable[str], title: str, said: str) -> None:
    """Hold a message against the stored one, which UPDATE_GOLDEN=1 writes anew."""
    if os.environ.get("UPDATE_GOLDEN"):
        known = {**stored(golden), title: said}
        golden.write_text("\n".join(f"## {t}\n{known[t]}\n" for t in titles if t in known))
    assert said == stored(golden)[title]
