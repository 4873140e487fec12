"""`fencepost list`: the models of the project and what can be said about each."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from fencepost.core.errors import InputError

EPILOG = """\b
Examples:
  fencepost list            models, sizes, designs with what is expected, properties
"""


@click.command("list", epilog=EPILOG, short_help="List models, designs and properties.")
def command() -> int:
    """List the models of the project with their sizes, designs and properties."""
    from fencepost.analyses.expectations import show_expectation
    from fencepost.checking import prepare
    from fencepost.cli import INPUT_AT_FAULT, print_error
    from fencepost.loading import load_models
    from fencepost.report.tables import Cell, Column, Table
    from fencepost.report.terminal import Terminal

    errors: list[InputError] = []
    terminal = Terminal(sys.stdout)
    columns = (
        Column("design"),
        Column("known bug"),
        Column("expected", flexible=True),
        Column("barriers on", flexible=True),
    )
    for source in load_models((), Path.cwd(), errors):
        try:
            system = prepare(source)
        except InputError as error:
            errors.append(error)
            continue
        sizes = " ".join(f"{name}={value}" for name, value in system.parameters)
        terminal.line(source.name, "strong")
        terminal.line(f"  {source.shown_path}  {sizes}".rstrip())
        terminal.line(f"  {_first_sentence(system.text)}")
        rows = tuple(
            (
                Cell(design.name),
                Cell(design.known_bug),
                Cell(show_expectation(design.expect)),
                Cell(", ".join(b.name for b in system.barriers if b.name in design.barriers)),
            )
            for design in system.designs
        )
        terminal.table(Table(columns, rows).without_empty_columns(), "  ")
        for prop in system.properties:
            terminal.line(f"  {prop.kind} {prop.name}: {_first_sentence(prop.text)}")
        terminal.line()
    terminal.flush()
    for problem in errors:
        print_error(problem, sys.stderr)
    return INPUT_AT_FAULT if errors else 0


def _first_sentence(text: str) -> str:
    words = " ".join(text.split())
    sentence, dot, _ = words.partition(". ")
    return sentence + dot.strip()
