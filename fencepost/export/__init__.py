"""A system at one design, written for other model checkers."""

from fencepost.export.murphi import murphi
from fencepost.export.promela import promela

__all__ = ["murphi", "promela"]
