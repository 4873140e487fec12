"""What a recording knows about the state on the path it is on.

All facts are about the state before the step, which no write changes, so they stay true along a
path. They settle conditions that the path already decides, which keeps trees small and keeps
impossible branches out of them.
"""

from __future__ import annotations

from fencepost.core import expressions as x
from fencepost.core import folding
from fencepost.core.expressions import Expression

MOST_VALUES = 64


class Knowledge:
    """Facts gathered from the answers given so far."""

    def __init__(self, known: Knowledge | None = None) -> None:
        self._truth: dict[Expression, bool] = dict(known._truth) if known else {}
        self._values: dict[Expression, frozenset[int]] = dict(known._values) if known else {}
        self._limits: dict[Expression, tuple[int, int]] = dict(known._limits) if known else {}
        """What is known of nodes with too many values to list."""

    def values(self, node: Expression) -> frozenset[int] | None:
        """The values a node may have, or None where there are too many to list."""
        if isinstance(node, x.Constant):
            return frozenset((node.value,))
        known = self._values.get(node)
        if known is not None:
            return known
        low, high = self.bounds(node)
        return frozenset(range(low, high + 1)) if high - low < MOST_VALUES else None

    def bounds(self, node: Expression) -> tuple[int, int]:
        """The least and greatest value a node may have on this path."""
        low, high = self._bounds_of_parts(node)
        known = self._values.get(node)
        limits = (min(known), max(known)) if known else self._limits.get(node)
        if limits is not None:
            # What is known of the parts may have been learnt later, and tell more.
            both = max(low, limits[0]), min(high, limits[1])
            return both if both[0] <= both[1] else (low, high)
        return low, high

    def _bounds_of_parts(self, node: Expression) -> tuple[int, int]:
        match node:
            case x.Arithmetic():
                left, right = self.bounds(node.left), self.bounds(node.right)
                return _arithmetic_bounds(node.operator, left, right)
            case x.Choose():
                then, otherwise = self.bounds(node.then), self.bounds(node.otherwise)
                return min(then[0], otherwise[0]), max(then[1], otherwise[1])
            case _:
                return node.domain.low, node.domain.high

    def decide(self, node: Expression) -> bool | None:
        """Whether a condition holds on this path, or None where the path does not tell."""
        if node in self._truth:
            return self._truth[node]
        match node:
            case x.Constant():
                return bool(node.value)
            case x.Not():
                inner = self.decide(node.operand)
                return None if inner is None else not inner
            case x.And():
                parts = [self.decide(o) for o in node.operands]
                if False in parts:
                    return False
                return None if None in parts else True
            case x.Or():
                parts = [self.decide(o) for o in node.operands]
                if True in parts:
                    return True
                return None if None in parts else False
            case x.Equal():
                return self._decide_equal(node)
            case x.Less():
                return self._decide_less(node)
            case _:
                return None

    def _decide_equal(self, node: x.Equal) -> bool | None:
        (low, high), (least, most) = self.bounds(node.left), self.bounds(node.right)
        if high < least or most < low:
            return False
        if low == high == least == most:
            return True
        left, right = self.values(node.left), self.values(node.right)
        if left is not None and right is not None and not left & right:
            return False
        swapped = self._truth.get(x.Equal(node.right, node.left))
        if swapped is not None:
            return swapped
        if self._truth.get(x.Less(node.left, node.right)) or self._truth.get(
            x.Less(node.right, node.left)
        ):
            return False
        return None

    def _decide_less(self, node: x.Less) -> bool | None:
        (low, high), (least, most) = self.bounds(node.left), self.bounds(node.right)
        if high < least:
            return True
        if low >= most:
            return False
        if (
            self._truth.get(x.Less(node.right, node.left))
            or self._truth.get(x.Equal(node.left, node.right))
            or self._truth.get(x.Equal(node.right, node.left))
        ):
            return False
        return None

    def learn(self, node: Expression, outcome: bool) -> None:
        """Take in the answer to a condition."""
        self._truth[node] = outcome
        match node:
            case x.Not():
                self.learn(node.operand, not outcome)
            case x.And() if outcome:
                for operand in node.operands:
                    self.learn(operand, True)
            case x.Or() if not outcome:
                for operand in node.operands:
                    self.learn(operand, False)
            case x.Equal():
                self._learn_equal(node.left, node.right, outcome)
            case x.Less():
                self._learn_less(node.left, node.right, outcome)
            case _:
                pass

    def _narrow(self, node: Expression, kept: frozenset[int]) -> None:
        if not isinstance(node, x.Constant) and kept:
            self._values[node] = kept

    def _limit(self, node: Expression, low: int, high: int) -> None:
        least, most = self.bounds(node)
        if not isinstance(node, x.Constant) and max(low, least) <= min(high, most):
            self._limits[node] = max(low, least), min(high, most)

    def _learn_unequal(self, node: Expression, value: int) -> None:
        """A node with many values is not this one: that tells something at an end of its bounds."""
        low, high = self.bounds(node)
        if value == low:
            self._limit(node, low + 1, high)
        elif value == high:
            self._limit(node, low, high - 1)

    def _learn_equal(self, left: Expression, right: Expression, outcome: bool) -> None:
        of_left, of_right = self.values(left), self.values(right)
        if outcome:
            if of_left is not None and of_right is not None:
                self._narrow(left, of_left & of_right)
                self._narrow(right, of_left & of_right)
            elif of_right is not None:
                self._narrow(left, of_right)
            elif of_left is not None:
                self._narrow(right, of_left)
            return
        if of_right is not None and len(of_right) == 1:
            if of_left is None:
                self._learn_unequal(left, *of_right)
            else:
                self._narrow(left, of_left - of_right)
        if of_left is not None and len(of_left) == 1:
            if of_right is None:
                self._learn_unequal(right, *of_left)
            else:
                self._narrow(right, of_right - of_left)

    def _learn_less(self, left: Expression, right: Expression, outcome: bool) -> None:
        of_left, of_right = self.values(left), self.values(right)
        (low, high), (least, most) = self.bounds(left), self.bounds(right)
        if of_left is not None:
            kept = {v for v in of_left if (v < most if outcome else v >= least)}
            self._narrow(left, frozenset(kept))
        else:
            self._limit(left, *((low, most - 1) if outcome else (least, high)))
        if of_right is not None:
            kept = {v for v in of_right if (v > low if outcome else v <= high)}
            self._narrow(right, frozenset(kept))
        else:
            self._limit(right, *((low + 1, most) if outcome else (least, high)))


def _arithmetic_bounds(
    operator: x.Operator, left: tuple[int, int], right: tuple[int, int]
) -> tuple[int, int]:
    if operator == "%":
        return (0, min(left[1], right[0] - 1)) if left[0] >= 0 else (0, right[0] - 1)
    if operator == "-":
        return left[0] - right[1], left[1] - right[0]
    if operator == "//":
        return left[0] // right[0], left[1] // right[0]
    corners = [folding.calculate(operator, a, b) for a in left for b in right]
    return min(corners), max(corners)
