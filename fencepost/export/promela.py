"""A system at one design as Promela, for Spin.

One process takes one step at a time; each step is a `d_step`, so Spin sees it as one transition.
A step's guard says where it is enabled; a step that would fault has no transition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

from fencepost.core import expressions as x
from fencepost.core.domains import Bool, Domain, SetOf
from fencepost.core.errors import InputError
from fencepost.core.semantics import initial_states
from fencepost.core.system import Action, Design, Field, State, System
from fencepost.core.trees import Update
from fencepost.export import reserved
from fencepost.export.bodies import Body, body, guard
from fencepost.export.naming import Names, Vocabulary
from fencepost.export.promela_text import Writer
from fencepost.export.starts import starts
from fencepost.export.statements import Block, If, statements
from fencepost.export.updates import Assign, Sequence, cell_by_cell, in_sequence
from fencepost.export.width import HIGHEST, LOWEST

MOST_CHARACTERS_INLINE = 40_000
"""Spin keeps the text of an `inline` in a buffer of 65 536 characters."""


def promela(system: System, design: Design) -> str:
    """The system at this design as a Promela program without properties."""
    return _Program(system, design).text()


class _Program:
    def __init__(self, system: System, design: Design) -> None:
        self.system = system
        self.design = design
        self.vocabulary = Vocabulary(system, Names(reserved.PROMELA, set()))
        self.process = self.vocabulary.names.take("steps")
        self.held: list[str] = []

    def text(self) -> str:
        states = starts(self.system, initial_states(self.system, self.design.barriers))
        actions = [self._action(action) for action in self.system.actions]
        options = [option for _, called in actions for option in called]
        return "\n".join(
            [
                *self._heading(),
                *self._constants(),
                "",
                *(self._variable(field, states[0]) for field in self.system.fields),
                *(f"hidden int {name};" for name in self.held),
                "",
                *(line for lines, _ in actions for line in lines),
                f"active proctype {self.process}() {{",
                *self._choice_of_start(states),
                "    do",
                *(options or ["    :: d_step { false -> skip }"]),
                "    od",
                "}",
                "",
            ]
        )

    def _heading(self) -> Iterator[str]:
        sizes = ", ".join(f"{name}={value}" for name, value in self.system.parameters)
        at = f" at {sizes}" if sizes else ""
        yield f"/* {self.system.name}{at}, design {self.design.name} */"

    def _constants(self) -> Iterator[str]:
        words = self.vocabulary
        for barrier in self.system.barriers:
            on = int(barrier.name in self.design.barriers)
            yield f"#define {words.barriers[barrier.name]} {on}"
        if words.maybes:
            yield f"#define {words.none} (-1)"
        for enum in words.enums:
            for value, name in enumerate(words.members[enum], enum.first):
                yield f"#define {name} {value if value >= 0 else f'({value})'}"

    def _variable(self, field: Field, start: State) -> str:
        offset = self.system.offsets[field.name]
        values = set(start[offset : offset + field.cells])
        writer = Writer(self.vocabulary, {})
        name = self.vocabulary.fields[field.name]
        size = f"[{field.cells}]" if field.indices else ""
        kind = _type(field)
        if len(values) > 1:
            return f"{kind} {name}{size};"
        return f"{kind} {name}{size} = {writer.constant(values.pop(), field.domain)};"

    def _choice_of_start(self, states: list[State]) -> Iterator[str]:
        """A first transition to each initial state, where one set of initialisers cannot do."""
        settled = {
            field.name
            for field in self.system.fields
            if len(set(states[0][self._cells(field)])) == 1
            and len({state[self._cells(field)] for state in states}) == 1
        }
        if len(settled) == len(self.system.fields):
            return
        writer = Writer(self.vocabulary, {})
        yield "    atomic {"
        yield "        if"
        for state in states:
            assigns = [
                f"{writer.cell(field, indices)} = {writer.constant(value, field.domain)}"
                for (field, indices), value in zip(self.system.cells, state, strict=True)
                if field.name not in settled
            ]
            yield f"        :: d_step {{ {'; '.join(assigns)} }}"
        yield "        fi"
        yield "    }"

    def _cells(self, field: Field) -> slice:
        offset = self.system.offsets[field.name]
        return slice(offset, offset + field.cells)

    def _action(self, action: Action) -> tuple[list[str], list[str]]:
        """The text that defines an action, and the options of the process that take its steps."""
        fillings = list(product(*(a.of.values() for a in action.arguments)))
        writer = Writer(self.vocabulary, {})
        shown = [
            [writer.constant(v, a.of) for a, v in zip(action.arguments, values, strict=True)]
            for values in fillings
        ]
        names = self.vocabulary.names.inner()
        parameters = {a.name: names.take(a.name) for a in action.arguments}
        block = self._block(action, parameters)
        if sum(len(line) + 1 for line in block) > MOST_CHARACTERS_INLINE:
            return [], [line for values in shown for line in self._written_out(action, values)]
        name = self.vocabulary.actions[action.name]
        lines = [
            f"inline {name}({', '.join(parameters.values())}) {{{_by(action)}",
            *_indented(block),
            "}",
            "",
        ]
        return lines, [f"    :: {name}({', '.join(values)})" for values in shown]

    def _written_out(self, action: Action, values: list[str]) -> list[str]:
        """One step of an action too long for an `inline`, with its arguments as constants."""
        arguments = {a.name: v for a, v in zip(action.arguments, values, strict=True)}
        block = self._block(action, arguments)
        first = f"    :: /* {action.name}({', '.join(values)}) */ {block[0]}"
        return [first, *(f"       {line}" for line in block[1:])]

    def _block(self, action: Action, arguments: dict[str, str]) -> list[str]:
        """The `d_step` of an action, given the text that stands for each argument."""
        writer = Writer(self.vocabulary, arguments)
        asked = writer.condition(guard(action.tree))
        asked[-1] += " ->"
        effect = body(action.tree)
        done = ["skip"] if effect is None else self._done(writer, effect)
        return ["d_step {", *_indented([*asked, *done]), "}"]

    def _done(self, writer: Writer, effect: Body) -> list[str]:
        block = statements(effect, lambda update: self._sequence(update, lambda: "held"))
        return self._statements(writer, effect) if block is None else self._block_of(writer, block)

    def _block_of(self, writer: Writer, block: Block) -> list[str]:
        lines: list[str] = []
        for statement in block:
            if not isinstance(statement, If):
                lines += [self._assign(writer, cell) for cell in cell_by_cell([statement])]
                continue
            lines += [
                "if",
                f":: {writer.text(statement.condition)} ->",
                *_indented(self._block_of(writer, statement.then)),
                *([":: else ->"] if statement.otherwise else [":: else -> skip"]),
                *_indented(self._block_of(writer, statement.otherwise)),
                "fi",
            ]
            lines[-1] += ";"
        return lines or ["skip"] if block else []

    def _statements(self, writer: Writer, tree: Body) -> list[str]:
        if isinstance(tree, Update):
            return self._assignments(writer, tree)
        return [
            "if",
            f":: {writer.text(tree.condition)} ->",
            *_indented(self._statements(writer, tree.then)),
            ":: else ->",
            *_indented(self._statements(writer, tree.otherwise)),
            "fi",
        ]

    def _assignments(self, writer: Writer, update: Update) -> list[str]:
        used = 0

        def temporary() -> str:
            nonlocal used
            used += 1
            if used > len(self.held):
                self.held.append(self.vocabulary.names.take(f"held_{used}"))
            return self.held[used - 1]

        sequence = self._sequence(update, temporary)
        inner = writer.with_names({variable.name: variable.name for variable, _ in sequence.held})
        lines = [f"{variable.name} = {inner.text(value)};" for variable, value in sequence.held]
        lines += [self._assign(inner, cell) for cell in cell_by_cell(sequence.assignments)]
        return lines or ["skip"]

    def _sequence(self, update: Update, temporary: Callable[[], str]) -> Sequence:
        # Spin refuses to assign to an element that is found by indexing the same array.
        return in_sequence(self.system, update, temporary, hold_own_index=True)

    def _assign(self, writer: Writer, assign: Assign) -> str:
        field = self.system.field[assign.field]
        cell = writer.cell(field, assign.indices)
        value = writer.text(assign.value, field.domain)
        if assign.where != x.TRUE:
            value = f"({writer.text(assign.where)} -> {value} : {cell})"
        return f"{cell} = {value};"


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _by(action: Action) -> str:
    return f" /* by {action.actor} */" if action.actor else ""


def _type(field: Field) -> str:
    domain: Domain = field.domain
    if isinstance(domain, Bool):
        return "bool"
    for kind, low, high in (
        ("bit", 0, 1),
        ("byte", 0, 2**8 - 1),
        ("short", -(2**15), 2**15 - 1),
        ("int", LOWEST, HIGHEST),
    ):
        if low <= domain.low and domain.high <= high:
            return kind
    what = f"`{field.name}` holds values from {domain.low} to {domain.high}"
    if isinstance(domain, SetOf):
        what = f"`{field.name}` holds sets of {domain.of.count} members"
    raise InputError(
        "F60",
        what,
        why="Promela's widest variable has 32 bits: sets of at most 31 members",
        write="smaller sizes for the export (`--set`)",
        at=field.location,
    )
