"""A system at one design as Murphi, for Rumur.

Each action is a rule under a ruleset over its arguments, so each filling is a rule of its own. A
step that would fault is no rule that fires.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fencepost.core import expressions as x
from fencepost.core import folding
from fencepost.core.domains import Domain, SetOf
from fencepost.core.expressions import Constant, Expression, Variable
from fencepost.core.semantics import initial_states
from fencepost.core.system import Action, Design, Field, State, System
from fencepost.core.trees import BulkWrite, Update
from fencepost.export import reserved
from fencepost.export.bodies import Body, body, guard
from fencepost.export.murphi_text import Types, Writer, loops, set_members
from fencepost.export.naming import Names, Vocabulary
from fencepost.export.starts import starts
from fencepost.export.statements import Block, If, statements
from fencepost.export.updates import Assign, Sequence, in_sequence


def murphi(system: System, design: Design) -> str:
    """The system at this design as a Murphi program without properties."""
    return _Program(system, design).text()


class _Program:
    def __init__(self, system: System, design: Design) -> None:
        self.system = system
        self.design = design
        self.vocabulary = Vocabulary(system, Names(reserved.MURPHI, set()))
        self.types = Types(self.vocabulary)
        self.writer = Writer(self.vocabulary, self.types, self.vocabulary.names, {})

    def text(self) -> str:
        states = starts(self.system, initial_states(self.system, self.design.barriers))
        lines = [*self._heading(), ""]
        for word, block in (
            ("const", list(self._constants())),
            ("type", self.types.declarations()),
            ("var", [self._variable(field) for field in self.system.fields]),
        ):
            if block:
                lines += [word, *(f"  {line}" for line in block), ""]
        lines += self._starts(states)
        for action in self.system.actions:
            lines += self._rule(action)
        if not self.system.actions:
            lines += ['rule "nothing" false ==> begin end;', ""]
        return "\n".join(lines)

    def _heading(self) -> Iterator[str]:
        sizes = ", ".join(f"{name}={value}" for name, value in self.system.parameters)
        at = f" at {sizes}" if sizes else ""
        yield f"-- {self.system.name}{at}, design {self.design.name}"

    def _constants(self) -> Iterator[str]:
        words = self.vocabulary
        for barrier in self.system.barriers:
            on = "true" if barrier.name in self.design.barriers else "false"
            yield f"{words.barriers[barrier.name]}: {on};"
        if words.maybes:
            yield f"{words.none}: -1;"
        for enum in words.enums:
            for value, name in enumerate(words.members[enum], enum.first):
                yield f"{name}: {value};"

    def _variable(self, field: Field) -> str:
        arrays = "".join(
            f"array [{self.types.of_index(index, field.location)}] of " for index in field.indices
        )
        name = self.vocabulary.fields[field.name]
        return f"{name}: {arrays}{self.types.of(field.domain, field.location)};"

    def _starts(self, states: list[State]) -> Iterator[str]:
        """A startstate for each initial state; what all have in common is a procedure."""
        shared = [f for f in self.system.fields if len({s[self._cells(f)] for s in states}) == 1]
        common = self.vocabulary.names.take("what_is_common")
        if len(states) > 1 and shared:
            yield f"procedure {common}();"
            yield from self._assigning(shared, states[0])
            yield ""
        for number, state in enumerate(states):
            yield f'startstate "start {number}"'
            if len(states) == 1:
                yield from self._assigning(shared, state)
            else:
                rest = [f for f in self.system.fields if f not in shared]
                call = f"{common}();" if shared else ""
                yield from self._assigning(rest, state, call)
            yield ""

    def _assigning(self, fields: list[Field], state: State, first: str = "") -> Iterator[str]:
        yield "begin"
        if first:
            yield f"  {first}"
        for field in fields:
            for line in self._set_field(field, state[self._cells(field)]):
                yield f"  {line}"
        yield "end;"

    def _cells(self, field: Field) -> slice:
        offset = self.system.offsets[field.name]
        return slice(offset, offset + field.cells)

    def _set_field(self, field: Field, values: State) -> Iterator[str]:
        if field.indices and len(set(values)) == 1:
            variables = [Variable(f"i{n}", index) for n, index in enumerate(field.indices)]
            inner = self.writer.inside(variables)
            assign = self._set_cell(inner, field, list(variables), values[0])
            yield loops(inner, variables, " ".join(assign))
            return
        for indices, value in zip(field.positions(), values, strict=True):
            constants = [Constant(i, d) for i, d in zip(indices, field.indices, strict=True)]
            yield from self._set_cell(self.writer, field, list(constants), value)

    def _set_cell(
        self, writer: Writer, field: Field, indices: list[Expression], value: int
    ) -> list[str]:
        cell = writer.cell(field, indices)
        if isinstance(field.domain, SetOf):
            return set_members(writer, cell, Constant(value, field.domain), field.domain)
        return [f"{cell} := {writer.constant(value, field.domain)};"]

    def _rule(self, action: Action) -> Iterator[str]:
        writer = self.writer.inside(action.arguments)
        arguments = "; ".join(
            f"{writer.variables[a.name]}: {self.types.of_index(a.of, action.location)}"
            for a in action.arguments
        )
        indent = "  " if arguments else ""
        if arguments:
            yield f"ruleset {arguments} do"
        by = f" -- by {action.actor}" if action.actor else ""
        yield f'{indent}rule "{action.name}"{by}'
        for line in writer.condition(guard(action.tree)):
            yield f"{indent}  {line}"
        effect = body(action.tree)
        block = _Block(self, writer)
        done = [] if effect is None else block.done(effect)
        yield f"{indent}==>"
        for line in block.locals:
            yield f"{indent}  {line}"
        yield f"{indent}begin"
        for line in done:
            yield f"{indent}  {line}"
        yield f"{indent}end;"
        if arguments:
            yield "end;"
        yield ""


class _Block:
    """The statements of one rule, and the local variables they need."""

    def __init__(self, program: _Program, writer: Writer) -> None:
        self.program = program
        self.system = program.system
        self.writer = writer
        self.locals: list[str] = []
        self.names = writer.names
        self.temporaries = 0

    def done(self, effect: Body) -> list[str]:
        block = statements(effect, lambda update: self._sequence(update, lambda: "held"))
        return self.statements(effect) if block is None else self._block(block)

    def _block(self, block: Block) -> list[str]:
        lines: list[str] = []
        for statement in block:
            if not isinstance(statement, If):
                lines += self._item(self.writer, statement)
                continue
            lines += [
                f"if {self.writer.boolean(statement.condition)} then",
                *_indented(self._block(statement.then)),
                *(["else"] if statement.otherwise else []),
                *_indented(self._block(statement.otherwise)),
                "end;",
            ]
        return lines

    def statements(self, tree: Body) -> list[str]:
        if isinstance(tree, Update):
            return self._assignments(tree)
        then, otherwise, condition = tree.then, tree.otherwise, tree.condition
        if then == Update(()):
            then, otherwise, condition = otherwise, then, folding.negate(condition)
        lines = [f"if {self.writer.boolean(condition)} then", *_indented(self.statements(then))]
        rest = self.statements(otherwise)
        if rest:
            lines += ["else", *_indented(rest)]
        return [*lines, "end;"]

    def _assignments(self, update: Update) -> list[str]:
        sequence = self._sequence(update, self._temporary)
        known = {variable.name: variable.name for variable, _ in sequence.held}
        writer = Writer(
            self.program.vocabulary, self.program.types, self.names, self.writer.variables | known
        )
        lines = []
        for variable, value in sequence.held:
            kind = self.program.types.of(variable.of)
            self.locals.append(f"var {variable.name}: {kind};")
            lines += self._assign(writer, variable.name, value, variable.of)
        for item in sequence.assignments:
            lines += self._item(writer, item)
        return lines

    def _temporary(self) -> str:
        self.temporaries += 1
        return self.names.take(f"held_{self.temporaries}")

    def _sequence(self, update: Update, temporary: Callable[[], str]) -> Sequence:
        return in_sequence(self.system, update, temporary, always_held=self._must_be_held)

    def _item(self, writer: Writer, item: Assign | BulkWrite) -> list[str]:
        field = self.system.field[item.field]
        if isinstance(item, BulkWrite):
            inner = writer.inside(item.variables)
            cell = inner.cell(field, (*item.indices, *item.variables))
            done = self._assign(inner, cell, item.value, field.domain)
            statement = " ".join(_only_where(inner, item.where, done))
            return [loops(inner, item.variables, statement)]
        cell = writer.cell(field, item.indices)
        return _only_where(writer, item.where, self._assign(writer, cell, item.value, field.domain))

    def _assign(self, writer: Writer, target: str, value: Expression, domain: Domain) -> list[str]:
        if not isinstance(domain, SetOf):
            return [f"{target} := {writer.value(value, domain)};"]
        if isinstance(value, x.SetUpdate) and self._reads_itself(writer, target, value.members):
            word = "true" if value.present else "false"
            return [f"{target}[{writer.number(value.element)}] := {word};"]
        return set_members(writer, target, value, domain)

    def _reads_itself(self, writer: Writer, target: str, value: Expression) -> bool:
        return isinstance(value, x.Read) and target == writer.cell(
            self.system.field[value.field], value.indices
        )

    def _must_be_held(self, item: Assign) -> bool:
        """A set is assigned member by member, so its new value may not depend on its old one,
        unless it is the same set with one element put in or taken out."""
        if not isinstance(self.system.field[item.field].domain, SetOf):
            return False
        value = item.value
        if isinstance(value, x.SetUpdate):
            same = value.members
            if isinstance(same, x.Read) and (same.field, same.indices) == (
                item.field,
                item.indices,
            ):
                return False
        return any(isinstance(n, x.Read) and n.field == item.field for n in x.walk(value))


def _only_where(writer: Writer, where: Expression, statements: list[str]) -> list[str]:
    if where == x.TRUE:
        return statements
    return [f"if {writer.boolean(where)} then", *_indented(statements), "end;"]


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines]
