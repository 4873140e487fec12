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
    return (
        f"@lemma({model}{designs})\n{head}\n"
        f'{INDENT}"""{lemma.text or TEXT}"""\n{INDENT}return {_laid_out(lemma.condition)}'
    )


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


def _laid_out(node: Expression) -> str:
    """On one line if it fits; else one operand of the outermost `or` or `and` a line."""
    line = as_python(node)
    if len(INDENT) + len("return ") + len(line) <= WIDTH:
        return line
    if isinstance(node, x.Or | x.And):
        word = "or" if isinstance(node, x.Or) else "and"
        parts = _operands(node)
        lines = [
            f"{INDENT * 2}{part}" if not n else f"{INDENT * 2}{word} {part}"
            for n, part in enumerate(parts)
        ]
        return "(\n" + "\n".join(lines) + f"\n{INDENT})"
    return f"(\n{INDENT * 2}{line}\n{INDENT})"


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
            return " and ".join(_operands(node)), 2
        case x.Or():
            among = _among(node)
            if among is not None:
                return f"{among[0]} in ({among[1]})", 4
            return " or ".join(_operands(node)), 1
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
            domains = ", ".join(_of_state(v) for v in node.variables)
            names = ", ".join(v.name for v in node.variables)
            return f"{node.kind}({domains}, lambda {names}: {as_python(node.body)})", 6
        case x.SetUpdate():
            raise TypeError("a set after a write is not a part of any lemma")
        case _:
            assert_never(node)


def _operands(node: x.And | x.Or) -> list[str]:
    """What is joined by `or` or `and`; values of one term are gathered: `a in (A, B)`."""
    if isinstance(node, x.And):
        return [as_python(o, 3) for o in node.operands]
    of_term: dict[Expression, list[Expression]] = {}
    for operand in _alternatives(node):
        is_value = isinstance(operand, x.Equal) and isinstance(operand.right, x.Constant)
        key = operand.left if is_value and isinstance(operand, x.Equal) else operand
        of_term.setdefault(key, []).append(operand)
    return [
        as_python(x.Or(tuple(parts)), 3) if len(parts) > 1 else as_python(parts[0], 3)
        for parts in of_term.values()
    ]


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
