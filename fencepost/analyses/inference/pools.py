"""The candidates of one template, read off the states that were seen."""

from __future__ import annotations

from collections.abc import Iterator

from fencepost.analyses.inference.attributes import Attribute, attributes
from fencepost.analyses.inference.boxes import MOST_LITERALS, maximal_empty_boxes
from fencepost.analyses.inference.candidates import Candidates, OnDemand, Pool
from fencepost.analyses.inference.harvest import Asked
from fencepost.analyses.inference.merged import merged, with_merged
from fencepost.analyses.inference.seen import Seen, table
from fencepost.analyses.inference.tables import Template
from fencepost.analyses.inference.templates import Shape, variables_of

MOST_COLUMNS, MOST_ROWS = 60, 4_000
"""Of a table that is larger than this, boxes are found on demand."""


def candidates_of(
    asked: Asked,
    shape: Shape,
    seen: list[Seen],
    known: dict[Attribute, Attribute],
    prefixes: set[str],
) -> Iterator[Candidates]:
    """Those found on demand; and all short ones, where the table is small enough. Of an attribute
    of several templates there is always one, which `known` keeps; names of candidates
    begin with what is added to `prefixes`, which is another for each template."""
    variables = variables_of(shape)
    plain = tuple(known.setdefault(a, a) for a in attributes(asked, variables))
    if not plain:
        return
    rows = table(variables, plain, seen)
    if not len(rows):
        return
    more = merged(plain, rows)
    template = Template(variables, (*plain, *more))
    rows = with_merged(rows, plain, more)
    prefix = "_".join(["?", *(v.name for v in variables), ""])  # as no other name begins
    while prefix in prefixes:  # two Index domains have one word for their members
        prefix += "_"
    prefixes.add(prefix)
    yield OnDemand(template, rows, prefix, MOST_LITERALS)
    if len(template.attributes) <= MOST_COLUMNS and len(rows) <= MOST_ROWS:
        yield Pool(template, maximal_empty_boxes(rows, template.sizes), f"{prefix}box_")
