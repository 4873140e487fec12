"""The rounds of ranks as an implementation of `models/layer_split.py`: one turn, in which a load
may fail, a rank may refuse, and may leave what was agreed.

    fencepost conform layer_split reference_impl/adapters/rounds.py
"""

from __future__ import annotations

from typing import ClassVar

from reference_impl.adapters.conformance.layer_split import Ranks
from reference_impl.layer_split import BUFFERS


class Rounds(Ranks):
    """Two ranks and the turn of one layer."""

    sizes = {"ranks": 2, "layers": 1, "buffers": BUFFERS, "turns": 1}  # noqa: RUF012
    left_out: ClassVar[tuple[str, ...]] = ()
