"""Where text goes: a terminal with colours, or plain text for everything else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TextIO

from fencepost.report.tables import Style, Table, natural_widths, plain

if TYPE_CHECKING:
    from rich.console import Console

NARROWEST_FOLD = 24
COLUMN_GAP = 3
RICH_STYLES: dict[Style, str] = {
    "": "",
    "good": "green",
    "bad": "bold red",
    "warn": "yellow",
    "dim": "dim",
    "strong": "bold",
}


def is_colourful(stream: TextIO) -> bool:
    """Whether a person looks at this stream and has not asked for plain text."""
    return (
        stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "") != "dumb"
    )


def _narrowest(table: Table) -> int:
    """The width below which a table would lose text rather than fold it."""
    widths = zip(table.columns, natural_widths(table), strict=True)
    needed = (min(width, NARROWEST_FOLD) if c.flexible else width for c, width in widths)
    return sum(needed) + COLUMN_GAP * len(table.columns)


class Terminal:
    """Prints lines and tables; rich is loaded only where a person looks."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.colourful = is_colourful(stream)
        self._console: Console | None = None

    @property
    def console(self) -> Console:
        """The rich console, made when first needed."""
        if self._console is None:
            from rich.console import Console

            self._console = Console(file=self.stream, highlight=False, soft_wrap=True)
        return self._console

    def line(self, text: str = "", style: Style = "") -> None:
        """Print one line."""
        if self.colourful and style:
            self.console.print(text, style=RICH_STYLES[style], markup=False)
        else:
            self.stream.write(text + "\n")

    def table(self, table: Table, indent: str = "") -> None:
        """Print a table."""
        if not self.colourful:
            self.stream.write(plain(table, indent) + "\n")
            return
        from rich import box
        from rich.padding import Padding
        from rich.table import Table as RichTable
        from rich.text import Text

        drawn = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for column in table.columns:
            drawn.add_column(
                column.name,
                justify="right" if column.right else "left",
                no_wrap=not column.flexible,
                overflow="fold",
            )
        for row in table.rows:
            drawn.add_row(*(Text(cell.text, style=RICH_STYLES[cell.style]) for cell in row))
        padded = Padding(drawn, (0, 0, 0, len(indent)))
        console = self.console
        narrowest = len(indent) + _narrowest(table)
        if console.width < narrowest:
            console = type(console)(file=self.stream, highlight=False, width=narrowest)
        console.print(padded, soft_wrap=False)

    def flush(self) -> None:
        self.stream.flush()
