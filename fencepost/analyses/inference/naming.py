"""Candidates that were kept as lemmas of a design, with names a person can read."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from fencepost.analyses.inference.candidates import Candidate
from fencepost.core.expressions import Read, walk
from fencepost.core.system import Design, Lemma, System

MOST_FIELDS = 3
"""A name says no more fields than this."""


def named(
    system: System, found: Sequence[Candidate], design: Design, others: Collection[str] = ()
) -> tuple[Lemma, ...]:
    """Each as a `Lemma` named after the fields that it reads: `phase_and_target`; a number tells
    apart those that read the same, and from other names that are taken."""
    taken = {p.name for p in system.properties} | {lemma.name for lemma in system.lemmas}
    taken |= set(others)
    lemmas = []
    for each in found:
        fields = dict.fromkeys(n.field for n in walk(each.condition) if isinstance(n, Read))
        base = "_and_".join(f.replace(".", "_") for f in list(fields)[:MOST_FIELDS])
        name, number = base or "members", 1
        while name in taken:
            number += 1
            name = f"{base}_{number}"
        taken.add(name)
        lemmas.append(Lemma(name, each.arguments, each.condition, each.fault, (design.name,)))
    return tuple(lemmas)
