"""Random runs of a system: by Hypothesis, and by compiled walks."""

from fencepost.engines.fuzz.campaign import fuzz

__all__ = ["fuzz"]
