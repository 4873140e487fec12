"""Random numbers that are a function of a seed and a position, the same in Python and compiled.

SplitMix64 (G. Steele, D. Lea and C. Flood, "Fast splittable pseudorandom number generators",
2014): a counter that grows by a constant, and a mixing of its bits.
"""

from __future__ import annotations

GAMMA = 0x9E3779B97F4A7C15
FIRST, SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
MASK = (1 << 64) - 1


def mixed(seed: int, position: int) -> int:
    """The number of 64 bits at a position of the sequence of a seed."""
    z = (seed + (position + 1) * GAMMA) & MASK
    z = (z ^ (z >> 30)) * FIRST & MASK
    z = (z ^ (z >> 27)) * SECOND & MASK
    return z ^ (z >> 31)
