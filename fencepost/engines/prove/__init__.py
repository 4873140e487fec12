"""Solvers: bounded search and induction at given sizes, and proofs for any size."""

from fencepost.engines.prove.bounded import bounded
from fencepost.engines.prove.induction import k_induction

__all__ = ["bounded", "k_induction"]
