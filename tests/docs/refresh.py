"""`python -m tests.docs.refresh [PAGE ...]` runs the pages and writes what the commands print now.

Only outputs that differ in more than durations, paths, versions and digests are written anew.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.docs.comparing import anew, fits, output_lines
from tests.docs.pages import Command, Page, pages
from tests.docs.running import missing_programs, perform


def refresh(page: Page) -> int:
    """Write the outputs of a page anew; how many of them were not true any more."""
    replaced: list[tuple[Command, list[str]]] = []

    def judge(_page: Page, command: Command, output: str, folder: Path) -> None:
        found = output_lines(output, folder)
        blank = command.expected[-1:] == ("",)
        expected = command.expected[:-1] if blank else command.expected
        if not fits(expected, found):
            replaced.append((command, [*anew(expected, found), *([""] if blank else [])]))

    with tempfile.TemporaryDirectory() as name:
        perform(page, Path(name).resolve(), judge)
    lines = page.text.split("\n")
    for command, output in reversed(replaced):
        lines[command.line : command.line + len(command.expected)] = output
    if replaced:
        page.file.write_text("\n".join(lines), encoding="utf-8")
    return len(replaced)


def main(names: list[str]) -> None:
    for page in pages():
        if names and not any(name in page.name for name in names):
            continue
        missing = missing_programs(page)
        if missing:
            sys.stdout.write(f"{page.name}: not run, {', '.join(missing)} not found\n")
            continue
        changed = refresh(page)
        if changed:
            sys.stdout.write(f"{page.name}: {changed} outputs written anew\n")


if __name__ == "__main__":
    main(sys.argv[1:])
