"""Small plots as SVG."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, indent, tostring

WIDTH, HEIGHT, MARGIN = 560, 320, 60
TICKS = 5
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
"""Told apart by the colour-blind (Okabe and Ito, "Color Universal Design", 2008)."""
Points = Sequence[tuple[float, float]]


def bars(title: str, x: str, y: str, points: Points) -> str:
    """A histogram."""
    made = _Plot.of(title, x, y, [points])
    width = 0.7 * (WIDTH - 2 * MARGIN) / max(1, len(points))
    for at, value in points:
        left, top = made.place(at, value)
        size = {"width": width, "height": HEIGHT - MARGIN - top}
        made.add("rect", fill=COLOURS[0], x=left - width / 2, y=top, **size)
    return made.text()


def curves(title: str, x: str, y: str, named: Mapping[str, Points]) -> str:
    """Lines, each with its name."""
    made = _Plot.of(title, x, y, list(named.values()))
    for number, (name, points) in enumerate(named.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in (made.place(*point) for point in points))
        made.add("polyline", points=path, fill="none", stroke=colour)
        if len(points) < 40:
            for point in points:
                a, b = made.place(*point)
                made.add("circle", fill=colour, cx=a, cy=b, r=3)
        made.write(name, WIDTH - MARGIN, MARGIN + 15 * number, "end", colour)
    return made.text()


@dataclass
class _Plot:
    root: Element
    place: Callable[[float, float], tuple[float, float]]
    """Where a value is in the picture."""

    @classmethod
    def of(cls, title: str, x: str, y: str, series: Sequence[Points]) -> _Plot:
        """Axes, from the least x to the greatest and from 0 to the greatest y."""
        xs = [a for points in series for a, _ in points] or [0.0]
        top = max((b for points in series for _, b in points), default=0.0) or 1.0
        least, span = min(xs), (max(xs) - min(xs)) or 1.0

        def place(a: float, b: float) -> tuple[float, float]:
            across = (a - least) / span * (WIDTH - 2 * MARGIN)
            return MARGIN + across, HEIGHT - MARGIN - b / top * (HEIGHT - 2 * MARGIN)

        size = {"width": str(WIDTH), "height": str(HEIGHT), "viewBox": f"0 0 {WIDTH} {HEIGHT}"}
        made = cls(Element("svg", {"xmlns": "http://www.w3.org/2000/svg", **size}), place)
        made.root.set("font-family", "sans-serif")
        made.root.set("font-size", "12")
        made.add("rect", fill="white", width=WIDTH, height=HEIGHT)
        made.write(title, WIDTH / 2, 24, "middle")
        made.write(x, WIDTH / 2, HEIGHT - 16, "middle")
        made.write(y, 8, MARGIN - 16, "start")
        left, bottom = place(least, 0)
        made.add(
            "path", d=f"M{left} {MARGIN}V{bottom}H{WIDTH - MARGIN}", fill="none", stroke="black"
        )
        for number in range(TICKS + 1):
            at, value = least + span * number / TICKS, top * number / TICKS
            made.write(f"{at:.4g}", place(at, 0)[0], bottom + 16, "middle")
            made.write(f"{value:.3g}", left - 6, place(least, value)[1] + 4, "end")
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
