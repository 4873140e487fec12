"""Random runs of a system: drawn by Hypothesis, and compiled walks."""

from fencepost.engines.fuzz.campaign import fuzz
from fencepost.engines.fuzz.walks import walk

__all__ = ["fuzz", "walk"]
