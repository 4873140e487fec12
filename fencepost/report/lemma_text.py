"""Lemmas as the Python that a person pastes below the properties of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from fencepost.core import expressions as x
from fencepost.core import folding
from fencepost.core.domains import NONE_VALUE, Bool, Domain, Enum, Index, Maybe, Range
from fencepost.core.expressions import Expression, Variable, walk
from fencepost.core.system import Lemma

WIDTH = 100
INDENT = "    "
TEXT = "Found by `fencepost prove --infer`."


def lemmas_as_python(lemmas: Sequence[Lemma], model: str, module: str) -> str:
    """The text of a properties file for lemmas of the class `model` of a module, such as
    `models.slot_lifecycle`, or of the same file where that is empty: recorded again, they are the
    same lemmas."""
    names = sorted({model, *_enums(lemmas)})
    imports = f"\nfrom {module} import {', '.join(names)}" if module else ""
    parts = [f"from fencepost import *{imports}"]
    parts += [lemma_as_python(lemma, model) for lemma in lemmas]
    return "\n\n\n".join(parts) + "\n"


def lemma_as_python(lemma: Lemma, model: str) -> str:
    """One lemma as a decorated function."""
    designs = f", designs={_designs(lemma.designs)}" if lemma.designs else ""
    arguments = [f"{a.name}: {_domain(a.of, model)}" for a in lemma.arguments]
    head = f"def {lemma.name}({', '.join(['m', *arguments])}):"
    if len(head) > WIDTH:
        listed = "".join(f"{INDENT}{each},\n" for each in ["m", *arguments])
        head = f"def {lemma.name}(\n{listed}):"
    returned = f"{INDENT}return "
    returned += _laid_out(lemma.condition, INDENT, WIDTH - len(returned))
    return f'@lemma({model}{designs})\n{head}\n{INDENT}"""{lemma.text or TEXT}"""\n{returned}'


def _designs(names: Sequence[str]) -> str:
    return f'"{names[0]}"' if len(names) == 1 else "(" + ", ".join(f'"{n}"' for n in names) + ")"


def _enums(lemmas: Sequence[Lemma]) -> set[str]:
    found = set()
    for lemma in lemmas:
        for node in walk(lemma.condition):
            domain = node.domain.of if isinstance(node.domain, Maybe) else node.domain
            if isinstance(node, x.Constant) and isinstance(domain, Enum):
                found.add(domain.name)
            if isinstance(node, x.Equal):
                for side, other in ((node.left, node.right), (node.right, node.left)):
                    inner = side.domain.of if isinstance(side.domain, Maybe) else side.domain
                    if isinstance(inner, Enum) and isinstance(other, x.Constant):
                        found.add(inner.name)
    return found


def _domain(domain: Domain, model: str) -> str:
    match domain:
        case Index():
            return f"{model}.{domain.name}"
        case Enum():
            return domain.name
        case Bool():
            return "bool"
        case Range():
            return f"Range({domain.start}, {domain.stop})"
        case Maybe():
            return f"Maybe({_domain(domain.of, model)})"
        case _:
            raise TypeError(domain)


def _laid_out(node: Expression, pad: str, room: int, around: int = 0) -> str:
    """On one line if it fits into `room`; else one operand a line, or the arguments of a quantifier
    on lines of their own. `pad` is what the line begins with, `around` as in `as_python`."""
    line = as_python(node, around)
    if len(line) <= room:
        return line
    inner = pad + INDENT
    match node:
        case x.And() | x.Or() if len(parts := _parts(node)) > 1:
            word = "or " if isinstance(node, x.Or) else "and "
            leads = ["", *[word] * (len(parts) - 1)]
            lines = [
                inner + lead + _laid_out(part, inner, WIDTH - len(inner) - len(lead), 3)
                for lead, part in zip(leads, parts, strict=True)
            ]
            return "(\n" + "\n".join(lines) + f"\n{pad})"
        case x.Not(x.Quantified() | x.And() as operand):
            return "not " + _laid_out(operand, pad, room - len("not "), 3)
        case x.Quantified():
            domains, head = _bound(node)
            arguments = f"{inner}{domains}, {head}{as_python(node.body)}"
            if len(arguments) > WIDTH:
                body = _laid_out(node.body, inner, WIDTH - len(inner) - len(head) - 1)
                arguments = f"{inner}{domains},\n{inner}{head}{body},"
            return f"{node.kind}(\n{arguments}\n{pad})"
        case _:
            return line if around else f"(\n{inner}{line}\n{pad})"


def as_python(node: Expression, around: int = 0) -> str:
    """An expression as it is written in a body whose state is `m`; `around` is how strongly what is
    around it binds: 0 nothing, 1 `or`, 2 `and`, 3 `not`, 4 a comparison, 5 an operand."""
    text, strength = _written(node)
    return f"({text})" if strength < around else text


def _written(node: Expression) -> tuple[str, int]:
    match node:
        case x.Constant():
            return _constant(node, node.of), 6
        case x.Variable():
            return node.name, 6
        case x.BarrierOn():
            return f"m.{node.name}", 6
        case x.Read():
            at = ", ".join(as_python(index) for index in node.indices)
            return f"m.{node.field}[{at}]" if node.indices else f"m.{node.field}", 6
        case x.Not():
            return _negated(node.operand)
        case x.And():
            joined = _parts(node)
            if len(joined) == 1:
                return _written(joined[0])
            return " and ".join(as_python(part, 3) for part in joined), 2
        case x.Or():
            among = _among(node)
            if among is not None:
                return f"{among[0]} in ({among[1]})", 4
            return " or ".join(as_python(part, 3) for part in _parts(node)), 1
        case x.Equal():
            return _compared(node.left, "==", node.right), 4
        case x.Less():
            return _compared(node.left, "<", node.right), 4
        case x.Arithmetic():
            return f"{as_python(node.left, 6)} {node.operator} {as_python(node.right, 6)}", 5
        case x.Choose():
            parts = (node.condition, node.then, node.otherwise)
            return f"choose({', '.join(as_python(p) for p in parts)})", 6
        case x.Contains():
            return f"{as_python(node.element, 5)} in {as_python(node.members, 5)}", 4
        case x.Quantified():
            domains, head = _bound(node)
            return f"{node.kind}({domains}, {head}{as_python(node.body)})", 6
        case x.SetUpdate():
            raise TypeError("a set after a write is not a part of any lemma")
        case _:
            assert_never(node)


def _bound(node: x.Quantified) -> tuple[str, str]:
    """What a quantifier is over, and the head of its function: `m.Layer`, `lambda layer: `."""
    domains = ", ".join(_of_state(v) for v in node.variables)
    return domains, f"lambda {', '.join(v.name for v in node.variables)}: "


def _parts(node: x.And | x.Or) -> list[Expression]:
    """What is joined by `or` or `and`; values of one term are gathered: `a in (A, B)`."""
    if isinstance(node, x.And):
        return _without_guards_said_twice(node.operands)
    of_term: dict[Expression, list[Expression]] = {}
    for operand in _alternatives(node):
        is_value = isinstance(operand, x.Equal) and isinstance(operand.right, x.Constant)
        key = operand.left if is_value and isinstance(operand, x.Equal) else operand
        of_term.setdefault(key, []).append(operand)
    return [x.Or(tuple(parts)) if len(parts) > 1 else parts[0] for parts in of_term.values()]


def _without_guards_said_twice(operands: Sequence[Expression]) -> list[Expression]:
    """What is joined by `and`, without "it is not NONE" right before "it is this one", which says
    so too: `a == b` and not `a != NONE and a == b`, where `b` cannot be NONE."""
    kept: list[Expression] = []
    for operand in operands:
        if kept and isinstance(operand, x.Equal):
            for side, other in ((operand.left, operand.right), (operand.right, operand.left)):
                there = not isinstance(other.domain, Maybe) or other in map(_guarded, kept[:-1])
                if there and _guarded(kept[-1]) == side and side not in walk(other):
                    kept.pop()
                    break
        kept.append(operand)
    return kept


def _guarded(node: Expression) -> Expression | None:
    """The term that a condition says is not NONE, if that is what it says."""
    match node:
        case x.Not(x.Equal(term, x.Constant(value))) if value == NONE_VALUE:
            return term
        case _:
            return None


def _alternatives(node: x.Or) -> list[Expression]:
    """What is joined by `or`, without what is known where Python comes to it: that all before it is
    false. So it reads `a or b` and not `a or (not a and b)`."""
    found: list[Expression] = []
    known: list[Expression] = []
    for operand in node.operands:
        parts = operand.operands if isinstance(operand, x.And) else (operand,)
        left = [part for part in parts if part not in known] or list(parts)
        found.append(folding.conjunction(left))
        refuted = folding.negate(operand)
        known += refuted.operands if isinstance(refuted, x.And) else (refuted,)
    return found


def _of_state(variable: Variable) -> str:
    return f"m.{variable.of.name}" if isinstance(variable.of, Index) else _domain(variable.of, "m")


def _negated(node: Expression) -> tuple[str, int]:
    match node:
        case x.Equal():
            return _compared(node.left, "!=", node.right), 4
        case x.Or() if (among := _among(node)) is not None:
            return f"{among[0]} not in ({among[1]})", 4
        case x.Contains():
            return f"{as_python(node.element, 5)} not in {as_python(node.members, 5)}", 4
        case _:
            return f"not {as_python(node, 3)}", 3


def _among(node: x.Or) -> tuple[str, str] | None:
    """A disjunction of "it is this value" over one term, as the term and the values."""
    terms, values = [], []
    for operand in node.operands:
        if not (isinstance(operand, x.Equal) and isinstance(operand.right, x.Constant)):
            return None
        terms.append(operand.left)
        values.append(_constant(operand.right, operand.left.domain))
    if any(term != terms[0] for term in terms):
        return None
    return as_python(terms[0], 5), ", ".join(values)


def _compared(left: Expression, word: str, right: Expression) -> str:
    sides = []
    for side, other in ((left, right), (right, left)):
        if isinstance(side, x.Constant):
            sides.append(_constant(side, other.domain))
        else:
            sides.append(as_python(side, 5))
    return f"{sides[0]} {word} {sides[1]}"


def _constant(node: x.Constant, beside: Domain) -> str:
    """A value, named as the domain of what it is compared with names it."""
    inner = beside.of if isinstance(beside, Maybe) else beside
    if node.value == NONE_VALUE and (isinstance(beside, Maybe) or isinstance(node.of, Maybe)):
        return "NONE"
    if isinstance(inner, Enum):
        return f"{inner.name}.{inner.members[node.value - inner.first]}"
    return inner.show(node.value)
