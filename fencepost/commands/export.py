"""`fencepost export`: a model in the language of another checker."""

from __future__ import annotations

from pathlib import Path

import click

from fencepost.commands.options import check_writable, parse_sizes, set_option, write_out

EPILOG = """\b
Examples:
  fencepost export slot_lifecycle --to promela -o slots.pml
  fencepost export slot_lifecycle --to murphi --design as_reported --set requests=3
"""


@click.command("export", epilog=EPILOG, short_help="Write a model for Spin or Rumur.")
@click.argument("model")
@click.option(
    "--to",
    "language",
    required=True,
    type=click.Choice(["promela", "murphi"]),
    help="For Spin, or for Rumur.",
)
@click.option("--design", help="The design to export (default: the first).")
@set_option
@click.option(
    "-o", "--output", metavar="FILE", help="Where to write it (default: standard output)."
)
def command(
    model: str, language: str, design: str | None, sizes: tuple[str, ...], output: str | None
) -> int:
    """Write MODEL for Spin or Rumur, named after the model's own names, without its properties.

    Both count the same states and transitions as `fencepost check`.
    """
    from fencepost.checking import prepare
    from fencepost.export import murphi, promela
    from fencepost.loading import load_model
    from fencepost.selection import pick_designs, pick_sizes

    check_writable("-o", output)
    source = load_model(model, Path.cwd())
    system = prepare(source, pick_sizes(source, parse_sizes(sizes)))
    chosen = pick_designs(source, system, [design] if design else [])[0]
    write = promela if language == "promela" else murphi
    write_out("-o", output, write(system, chosen))
    return 0
