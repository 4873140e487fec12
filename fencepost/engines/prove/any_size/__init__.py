"""Proofs for any size; `oracle` says how questions are put and answered."""

from fencepost.engines.prove.any_size.counterexamples import Counterexample
from fencepost.engines.prove.any_size.formulas import Claim, claim
from fencepost.engines.prove.any_size.oracle import (
    Effort,
    Oracle,
    Outcome,
    Proved,
    Unknown,
)
from fencepost.engines.prove.any_size.proving import (
    blamed,
    not_decided,
    prove_any_size,
    scope_of,
)
from fencepost.engines.prove.any_size.smtlib import as_smtlib

__all__ = [
    "Claim",
    "Counterexample",
    "Effort",
    "Oracle",
    "Outcome",
    "Proved",
    "Unknown",
    "as_smtlib",
    "blamed",
    "claim",
    "not_decided",
    "prove_any_size",
    "scope_of",
]
