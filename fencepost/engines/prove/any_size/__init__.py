"""Proofs for any size; `oracle` says how questions are put and answered."""
