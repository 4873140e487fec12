"""The lattice of barrier sets as a picture: few barriers at the bottom, all of them at the top."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from xml.sax.saxutils import escape

from fencepost.analyses.barrier_results import Analysis
from fencepost.analyses.hasse import hasse_diagram
from fencepost.report.barrier_tables import broken_text

LETTER = 8.0
PILL_HEIGHT = 20.0
GAP = 8.0
ROW = 30.0
RANK = 46.0
MOST_IN_ROW = 24
MARGIN = 24.0
NARROWEST = 760.0
LEGEND_LINE = 24.0
FILLS = {
    # Colours of Okabe and Ito, which people tell apart who do not see red or green.
    "sufficient": ("#009e73", "#ffffff"),
    "unsafe": ("#d55e00", "#ffffff"),
    "blocked": ("#999999", "#000000"),
    "not live": ("#f0e442", "#000000"),
    "not decided": ("#ffffff", "#000000"),
}
MEANINGS = {
    "sufficient": "every property holds",
    "unsafe": "a bad state, a fault or a stuck state",
    "blocked": "safe, and something can never be reached",
    "not live": "safe, and something is lost or never comes",
    "not decided": "not decided",
}


def lattice_svg(analysis: Analysis, title: str) -> str:
    """The picture as SVG text: one pill a set, named by the letters of its barriers."""
    return "\n".join(_Picture(analysis, title).lines()) + "\n"


def in_rows(sets: list[frozenset[str]]) -> Iterator[list[frozenset[str]]]:
    """The sets of one size in as few rows as fit, all about as long."""
    rows = ceil(len(sets) / MOST_IN_ROW)
    long = ceil(len(sets) / rows)
    for start in range(0, len(sets), long):
        yield sets[start : start + long]


class _Picture:
    def __init__(self, analysis: Analysis, title: str) -> None:
        self.graph = hasse_diagram(analysis)
        self.varied, self.title = analysis.question.varied, title
        self.letters = dict(zip(self.varied, "abcdefghijklmnopqrstuvwxyz", strict=False))
        ranks: dict[int, list[frozenset[str]]] = {}
        for barriers, data in self.graph.nodes(data=True):
            ranks.setdefault(data["size"], []).append(barriers)
        self.ranks = [list(in_rows(sorted(ranks[size], key=self.label))) for size in sorted(ranks)]
        widths = [self.row_width(row) for rank in self.ranks for row in rank]
        self.width = max(*widths, NARROWEST) + 2 * MARGIN
        self.top = MARGIN + 2 * LEGEND_LINE
        rows = sum(len(rank) for rank in self.ranks)
        self.bottom = self.top + PILL_HEIGHT + (rows - 1) * ROW + (len(self.ranks) - 1) * RANK
        self.places = dict(self.placed())

    def label(self, barriers: frozenset[str]) -> str:
        return "".join(self.letters[n] for n in self.varied if n in barriers) or "none"

    def pill_width(self, barriers: frozenset[str]) -> float:
        return max(2.0, len(self.label(barriers))) * LETTER + 10

    def row_width(self, row: list[frozenset[str]]) -> float:
        return sum(self.pill_width(b) + GAP for b in row) - GAP

    def placed(self) -> Iterator[tuple[frozenset[str], tuple[float, float]]]:
        """The middle of each pill; rows are centred, the empty set is lowest."""
        y = self.bottom - PILL_HEIGHT / 2
        for rank in self.ranks:
            for row in reversed(rank):
                x = (self.width - self.row_width(row)) / 2
                for barriers in row:
                    wide = self.pill_width(barriers)
                    yield barriers, (x + wide / 2, y)
                    x += wide + GAP
                y -= ROW
            y -= RANK

    def lines(self) -> Iterator[str]:
        legend = LEGEND_LINE * (max(len(self.varied), len(FILLS) + 1) + 2)
        height = self.bottom + legend + MARGIN
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width:.0f} {height:.0f}" '
            f'width="{self.width:.0f}" height="{height:.0f}" '
            'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="13">'
        )
        yield f"<title>{escape(self.title)}</title>"
        yield '<rect width="100%" height="100%" fill="#ffffff"/>'
        yield _text(MARGIN, MARGIN + 8, self.title, weight="bold")
        yield '<g stroke="#d0d0d0" stroke-width="0.8">'
        for lower, upper in self.graph.edges:
            (x1, y1), (x2, y2) = self.places[lower], self.places[upper]
            yield f'<line x1="{x1:.1f}" y1="{y1 - 10:.1f}" x2="{x2:.1f}" y2="{y2 + 10:.1f}"/>'
        yield "</g>"
        for barriers, data in self.graph.nodes(data=True):
            x, y = self.places[barriers]
            names = ", ".join(n for n in self.varied if n in barriers) or "no barrier"
            told = f": {broken_text(data['broken'])}" if data["broken"] else ""
            status = data["status"]
            yield f"<g><title>{escape(f'{names} ({status}){told}')}</title>"
            yield from self.pill(x, y, self.label(barriers), status, minimal=data["minimal"])
            yield "</g>"
        yield from self.legend()
        yield "</svg>"

    def pill(self, x: float, y: float, text: str, status: str, *, minimal: bool) -> Iterator[str]:
        fill, ink = FILLS[status]
        wide = max(2, len(text)) * LETTER + 10
        border = "#000000" if minimal else "#555555"
        thick = 3.5 if minimal else 0.7
        dashed = ' stroke-dasharray="3 2"' if status == "not decided" else ""
        yield (
            f'<rect x="{x - wide / 2:.1f}" y="{y - PILL_HEIGHT / 2:.1f}" width="{wide:.1f}" '
            f'height="{PILL_HEIGHT:.0f}" rx="6" fill="{fill}" stroke="{border}" '
            f'stroke-width="{thick}"{dashed}/>'
        )
        yield _text(x, y + 4.5, text, anchor="middle", ink=ink)

    def legend(self) -> Iterator[str]:
        y = self.bottom + 2.2 * LEGEND_LINE
        for number, name in enumerate(self.varied):
            yield _text(MARGIN, y + number * LEGEND_LINE, f"{self.letters[name]}  {name}")
        x = max(MARGIN + 320.0, self.width / 2)
        for number, status in enumerate(FILLS):
            row = y + number * LEGEND_LINE
            yield from self.pill(x, row - 4, "  ", status, minimal=False)
            yield _text(x + 24, row, f"{status}: {MEANINGS[status]}".removeprefix("not decided: "))
        row = y + len(FILLS) * LEGEND_LINE
        yield from self.pill(x, row - 4, "  ", "sufficient", minimal=True)
        yield _text(x + 24, row, "minimal: no smaller set is sufficient")


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", ink: str = "#000000", weight: str = ""
) -> str:
    bold = f' font-weight="{weight}"' if weight else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{ink}"{bold}>'
        f"{escape(text)}</text>"
    )
