"""Small plots as SVG."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from xml.etree.ElementTree import Element, SubElement, indent, tostring

WIDTH, HEIGHT, MARGIN = 560, 320, 60
TICKS, LINE = 5, 15
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
"""Told apart by the colour-blind (Okabe and Ito, "Color Universal Design", 2008)."""
Points = Sequence[tuple[float, float]]


def bars(title: str, x: str, y: str, points: Points) -> str:
    """A histogram."""
    ordered = sorted(at for at, _ in points)
    step = min((b - a for a, b in pairwise(ordered)), default=1.0)
    made = _Plot.of(title, x, y, [points], beside=step / 2)
    width = 0.8 * (made.place(step, 0)[0] - made.place(0, 0)[0])
    bottom = made.place(0, 0)[1]
    for at, value in points:
        middle, top = made.place(at, value)
        size = {"width": width, "height": bottom - top}
        made.add("rect", fill=COLOURS[0], x=middle - width / 2, y=top, **size)
    return made.text()


def curves(title: str, x: str, y: str, named: Mapping[str, Points]) -> str:
    """Lines, each with its name."""
    made = _Plot.of(title, x, y, list(named.values()), names=len(named))
    for number, (name, points) in enumerate(named.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in (made.place(*point) for point in points))
        made.add("polyline", points=path, fill="none", stroke=colour)
        if len(points) < 40:
            for point in points:
                a, b = made.place(*point)
                made.add("circle", fill=colour, cx=a, cy=b, r=3)
        made.write(name, WIDTH - MARGIN, MARGIN - LINE + LINE * number, "end", colour)
    return made.text()


def _round_up(value: float) -> float:
    """Where an axis ends: shares at one, counts at a number that its ticks divide."""
    return 1.0 if value <= 1 else ceil(value / TICKS) * float(TICKS)


@dataclass
class _Plot:
    root: Element
    place: Callable[[float, float], tuple[float, float]]
    """Where a value is in the picture."""

    @classmethod
    def of(
        cls,
        title: str,
        x: str,
        y: str,
        series: Sequence[Points],
        *,
        beside: float = 0.0,
        names: int = 0,
    ) -> _Plot:
        """Axes, from the least x to the greatest and from 0 to the greatest y, with so much space
        `beside` the values, and above them for `names`."""
        xs = [a for points in series for a, _ in points] or [0.0]
        most = _round_up(max((b for points in series for _, b in points), default=0.0))
        least, greatest = min(xs), max(xs)
        span = (greatest - least + 2 * beside) or 1.0
        top, left, bottom = MARGIN + LINE * max(0, names - 1), MARGIN, HEIGHT - MARGIN

        def place(a: float, b: float) -> tuple[float, float]:
            across = (a - least + beside) / span * (WIDTH - 2 * MARGIN)
            return left + across, bottom - b / most * (bottom - top)

        size = {"width": str(WIDTH), "height": str(HEIGHT), "viewBox": f"0 0 {WIDTH} {HEIGHT}"}
        made = cls(Element("svg", {"xmlns": "http://www.w3.org/2000/svg", **size}), place)
        made.root.set("font-family", "sans-serif")
        made.root.set("font-size", "12")
        made.add("rect", fill="white", width=WIDTH, height=HEIGHT)
        made.write(title, WIDTH / 2, 24, "middle")
        made.write(x, WIDTH / 2, HEIGHT - 16, "middle")
        made.write(y, 8, top - LINE, "start")
        made.add("path", d=f"M{left} {top}V{bottom}H{WIDTH - MARGIN}", fill="none", stroke="black")
        for number in range(TICKS + 1):
            at, value = least + (greatest - least) * number / TICKS, most * number / TICKS
            if number == 0 or greatest > least:
                made.write(f"{at:.4g}", place(at, 0)[0], bottom + 16, "middle")
            made.write(f"{value:.4g}", left - 6, place(least, value)[1] + 4, "end")
        return made

    def add(self, kind: str, **attributes: object) -> Element:
        """One shape."""
        return SubElement(self.root, kind, {name: str(value) for name, value in attributes.items()})

    def write(self, text: str, x: float, y: float, anchor: str, colour: str = "black") -> None:
        """A line of text."""
        made = self.add("text", x=x, y=y, fill=colour)
        made.set("text-anchor", anchor)
        made.text = text

    def text(self) -> str:
        """The whole picture."""
        indent(self.root)
        return tostring(self.root, encoding="unicode") + "\n"
