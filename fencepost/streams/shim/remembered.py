"""What the results of an operator look like, remembered by the form of a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fencepost.streams.shim.shapes import NotKnownBefore, Outline

if TYPE_CHECKING:
    from fencepost.streams.shim.runtime import Runtime

MOST_REMEMBERED = 1 << 12
Form = tuple[Any, ...]
"""All that the outline of a result depends on."""


class Outlines:
    """The outlines of one operator's results."""

    def __init__(self, runtime: Runtime, operator: Any) -> None:
        self.runtime, self.operator = runtime, operator
        self.known: dict[Form, Outline] = {}

    def look(self, form: Form, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Outline | None:
        """The outline of the result of a call that is not known, where there is one; remembered."""
        try:
            outline = self.runtime.shapes.infer(self.operator, args, kwargs)
        except NotKnownBefore:
            return None
        if not isinstance(outline, Outline):
            return None
        if len(self.known) >= MOST_REMEMBERED:
            self.known.clear()
        self.known[form] = outline
        return outline
