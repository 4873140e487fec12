"""What a plot shows lies within its axes, and apart."""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree as ET

from reference_impl.load.plots import HEIGHT, MARGIN, WIDTH, bars, curves

SVG = "{http://www.w3.org/2000/svg}"


def parts(picture: str, kind: str) -> list[ET.Element]:
    return list(ET.fromstring(picture).iter(SVG + kind))  # noqa: S314  # of our own making


def test_bars_neither_overlap_nor_leave_the_axes():
    # Far apart but for two: the width of a bar is not that of the average gap.
    picture = bars("title", "x", "y", [(16.0, 3.0), (32.0, 9.0), (640.0, 1.0)])
    _, *drawn = parts(picture, "rect")
    edges = [(float(r.get("x")), float(r.get("x")) + float(r.get("width"))) for r in drawn]
    assert edges[0][0] >= MARGIN
    assert edges[-1][1] <= WIDTH - MARGIN
    assert all(before[1] < after[0] for before, after in pairwise(edges))
    assert all(float(r.get("y")) >= MARGIN for r in drawn)


def test_names_stand_above_the_curves():
    named = {f"curve {n}": [(0.0, 0.2), (1.0, 1.0)] for n in range(4)}
    picture = curves("title", "x", "share", named)
    names = [float(t.get("y")) for t in parts(picture, "text") if t.text.startswith("curve")]
    highest = min(float(c.get("cy")) for c in parts(picture, "circle"))
    assert len(names) == 4
    assert max(names) < highest < HEIGHT - MARGIN


def test_counts_have_whole_ticks_and_shares_end_at_one():
    texts = {t.text for t in parts(bars("t", "x", "y", [(1.0, 9.0), (2.0, 3.0)]), "text")}
    assert {"0", "2", "4", "6", "8", "10"} <= texts
    shares = curves("t", "x", "y", {"one": [(0.0, 0.1), (1.0, 0.3)]})
    assert "1" in {t.text for t in parts(shares, "text")}
    assert parts(bars("t", "x", "y", [(1.0, 2.0)]), "rect")
