"""Documentation pages as data: their fenced blocks, and what a block asks to be done with it.

- `python`: run, in the order of the page and in one namespace. Where the first line is a comment
  with a path (`# models/lane.py`), the block is that file and is written instead.
- `diff`: a change of a file written before; its old lines occur there exactly once.
- `console`: lines that start with `$ ` are commands, the lines below each what it prints.
  Durations, paths, versions and digests are not compared, and a line `...` stands for any lines.
- `toml`, `json`: must parse; `toml` is written like `python` where it starts with a path.
- `yaml`: a pipeline; each command that it runs is also a command of a console block of its page.
- `text`: shown as it is, and without commands.

The comment `<!-- folder: ... -->` at the top of a page says where it runs: `empty`, `project` (an
empty project), `repository` (a copy of models, properties and project file), or `after PAGE`, which
starts with the files that another page leaves behind. `<!-- needs: spin rumur -->` names programs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^(?P<fence>`{3,})(?P<info>[^`]*)$")
DIRECTIVE = re.compile(r"^<!-- (?P<key>folder|needs): (?P<value>[^>]*) -->$", re.MULTILINE)
FILE_NAME = re.compile(r"^# (?P<path>[\w./-]+\.(?:py|toml|yml))$")
ELIDED = "..."


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its lines, and the number of its first line in the page."""

    language: str
    lines: tuple[str, ...]
    line: int

    @property
    def text(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)

    @property
    def file(self) -> str:
        """The file that the block is, or nothing."""
        named = FILE_NAME.match(self.lines[0]) if self.lines else None
        return named["path"] if named else ""

    def commands(self) -> tuple[Command, ...]:
        """The commands of a console block."""
        found: list[Command] = []
        for number, line in enumerate(self.lines):
            if line.startswith("$ "):
                found.append(Command(line[2:], (), self.line + number))
            elif found:
                last = found[-1]
                found[-1] = Command(last.text, (*last.expected, line), last.line)
            else:
                raise ValueError(f"line {self.line}: a console block starts with `$ `")
        return tuple(found)


@dataclass(frozen=True)
class Command:
    """A command as typed, with the lines that the page shows below it."""

    text: str
    expected: tuple[str, ...]
    line: int


@dataclass(frozen=True)
class Page:
    file: Path

    @property
    def name(self) -> str:
        return self.file.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        return self.file.read_text(encoding="utf-8")

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The fenced blocks in order; a fence that is never closed is an error."""
        found = []
        opened, info, lines, start = "", "", [], 0
        for number, line in enumerate(self.text.splitlines(), start=1):
            fence = FENCE.match(line)
            if not opened and fence:
                opened, info, lines, start = fence["fence"], fence["info"].strip(), [], number + 1
            elif opened and line == opened:
                found.append(Block(info, tuple(lines), start))
                opened = ""
            elif opened:
                lines.append(line)
        if opened:
            raise ValueError(f"{self.name}:{start}: this block is never closed")
        return tuple(found)

    @cached_property
    def prose(self) -> str:
        """The page without its blocks."""
        kept, inside = [], ""
        for line in self.text.splitlines():
            fence = FENCE.match(line)
            if fence and not inside:
                inside = fence["fence"]
            elif inside and line == inside:
                inside = ""
            elif not inside:
                kept.append(line)
        return "\n".join(kept)

    @cached_property
    def directives(self) -> dict[str, str]:
        return {found["key"]: found["value"].strip() for found in DIRECTIVE.finditer(self.text)}

    @property
    def folder(self) -> str:
        return self.directives.get("folder", "project")

    @property
    def needs(self) -> tuple[str, ...]:
        return tuple(self.directives.get("needs", "").split())


def pages() -> tuple[Page, ...]:
    """Every page of the documentation."""
    return tuple(
        Page(file) for file in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    )
