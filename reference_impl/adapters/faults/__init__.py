"""Seeded faults of the cache: reversible patches, each with who must find it."""
