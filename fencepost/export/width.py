"""What fits into the 32 bits that both targets calculate with."""

from __future__ import annotations

from fencepost.core.domains import Domain
from fencepost.core.errors import InputError
from fencepost.core.expressions import Arithmetic

LOWEST, HIGHEST = -(2**31), 2**31 - 1


def fits(domain: Domain) -> bool:
    """Whether every value of a domain fits the integers of both checkers."""
    return domain.low >= LOWEST and domain.high <= HIGHEST


def refuse_wide(node: Arithmetic) -> None:
    """Raise F61 where a result may need more than 32 bits."""
    if fits(node.domain):
        return
    raise InputError(
        "F61",
        f"a result of `{node.operator}` may go from {node.domain.low} to {node.domain.high}",
        why="Spin and Rumur calculate with 32 bits, and their results would wrap",
        write="smaller ranges, or smaller sizes for the export (`--set`)",
        at=node.location,
    )
