"""Tables as data, and as aligned plain text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Style = Literal["", "good", "bad", "warn", "dim", "strong"]

GAP = "  "


@dataclass(frozen=True)
class Cell:
    """A text of one or more lines, with what it means."""

    text: str
    style: Style = ""


@dataclass(frozen=True)
class Column:
    """A named column; only a `flexible` one is folded where the terminal is narrow."""

    name: str
    right: bool = False
    flexible: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of cells under named columns; a row has one cell a column."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def without_empty_columns(self) -> Table:
        """The table less the columns that say nothing in any row."""
        kept = [
            i for i in range(len(self.columns)) if any(row[i].text.strip() for row in self.rows)
        ]
        columns = tuple(self.columns[i] for i in kept)
        return Table(columns, tuple(tuple(row[i] for i in kept) for row in self.rows))


def plain(table: Table, indent: str = "") -> str:
    """The table as aligned text without colours, one line a line of a cell."""
    grid = [[column.name.splitlines() or [""] for column in table.columns]]
    grid += [[cell.text.splitlines() or [""] for cell in row] for row in table.rows]
    widths = natural_widths(table)
    lines = []
    for row in grid:
        for height in range(max((len(cell) for cell in row), default=0)):
            parts = []
            for column, cell, width in zip(table.columns, row, widths, strict=True):
                text = cell[height] if height < len(cell) else ""
                parts.append(text.rjust(width) if column.right else text.ljust(width))
            lines.append((indent + GAP.join(parts)).rstrip())
    return "\n".join(lines)


def natural_widths(table: Table) -> list[int]:
    """How wide each column is when no cell is folded."""
    return [
        max(
            len(line)
            for text in (column.name, *(row[number].text for row in table.rows))
            for line in text.splitlines() or [""]
        )
        for number, column in enumerate(table.columns)
    ]


def seconds(duration: float) -> str:
    """A duration with the digits that matter: `5 ms`, `0.38 s`, `250 s`."""
    if round(duration * 1000) < 100:
        return f"{max(1, round(duration * 1000))} ms"
    return f"{duration:.2f} s" if duration < 100 else f"{duration:.0f} s"


def size(count: float) -> str:
    """A number of bytes in the unit that suits it."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
