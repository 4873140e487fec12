"""Lemmas for proofs for any size, found from nothing but a model and its properties."""

from fencepost.analyses.inference.inferring import Inferred, infer_lemmas

__all__ = ["Inferred", "infer_lemmas"]
