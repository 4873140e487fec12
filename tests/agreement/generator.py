"""Random models, written as a person would write them: the text of a Model class and properties.

A seed always gives the same text. State spaces are small because the product of all domains is.
"""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import ModuleType

from random_bodies import INDENT, Body
from random_declarations import Cells, Helper, Sort, World, optional
from random_values import Values

from fencepost import Model
from fencepost.core.errors import InputError
from fencepost.core.system import System
from fencepost.language import PropertyDeclaration, build

MOST_STATES = (100, 400, 1000, 2000)
"""A model's product of domains stays below one of these; what is reached is far less."""

NOT_ASKED_OF_A_GENERATOR = ("F49", "F82")
"""A condition that nothing uses, since what follows always faults; and too many branches."""


@dataclass(frozen=True)
class Generated:
    """A random model, its text and the system recorded from it."""

    seed: int
    text: str
    model: type[Model]
    system: System


def generate(seed: int, folder: Path) -> Generated:
    """The model of a seed. A text that the language refuses for its shape is left for the next."""
    for attempt in range(20):
        text = source(seed, attempt)
        module = load(text, folder / f"model_{seed}_{attempt}.py")
        try:
            return Generated(seed, text, module.Random, recorded(module))
        except InputError as error:
            if error.code not in NOT_ASKED_OF_A_GENERATOR:
                raise
    raise AssertionError(f"no model for seed {seed}")


def load(text: str, path: Path) -> ModuleType:
    """The module with this text, which is on disk so that lines and columns mean something."""
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def recorded(module: ModuleType) -> System:
    """The system of the model and the properties in a module."""
    declared = [v for v in vars(module).values() if isinstance(v, PropertyDeclaration)]
    return build(module.Random, declared)


def source(seed: int, attempt: int = 0) -> str:
    """The text of a model; every third one asks what happens in the end."""
    return _Source(Random(f"{seed}/{attempt}"), lively=seed % 3 == 2).text()


class _Source:
    def __init__(self, random: Random, *, lively: bool) -> None:
        self.random = random
        self.lively = lively
        self.world = World()
        self.head: list[str] = []
        self.body: list[str] = []
        self.calm = self.chance(0.4)
        """Whether indices in actions are mostly in range, so that more states are reached."""

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def text(self) -> str:
        self.declare_sorts()
        self.declare_fields()
        self.declare_helpers()
        bodies = self.random.choice((1, 2, 2, 3))
        moved = [f for f in self.world.fields if self.chance(0.65)]
        for number, moving in enumerate([*[None] * bodies, *moved]):
            self.declare_action(number, moving)
        self.declare_ends()
        self.declare_designs()
        properties = [
            line for number in range(self.random.choice((1, 2, 3))) for line in self.prop(number)
        ]
        return "\n".join(
            [
                '"""A random model."""',
                "",
                "from enum import IntEnum",
                "",
                "from fencepost import *",
                "from fencepost.language import fault",
                "",
                "",
                *self.head,
                "class Random(Model):",
                *(INDENT + line if line else "" for line in self.body),
                *properties,
                "",
            ]
        )

    def declare_sorts(self) -> None:
        for number, name in enumerate(("Request", "Slot")[: self.random.choice((1, 2, 2))]):
            count = self.random.choice((1, 2, 2, 2, 3))
            ordered = ", ordered=True" if self.chance(0.2) else ""
            parameter = f"size_{number}"
            self.body.append(f"{parameter} = Parameter({count})")
            self.body.append(f"{name} = Index({parameter}{ordered})")
            values = tuple(str(i) for i in range(count))
            self.world.sorts.append(Sort("index", name, f"self.{name}", 0, count - 1, values))
        if self.chance(0.7):
            members = ("IDLE", "BUSY", "DONE")[: self.random.choice((2, 3))]
            first = self.random.choice((0, 0, 1))
            self.head += [
                "class Phase(IntEnum):",
                *(f"{INDENT}{name} = {value}" for value, name in enumerate(members, first)),
                "",
                "",
            ]
            names = tuple(f"Phase.{name}" for name in members)
            high = first + len(members) - 1
            self.world.sorts.append(Sort("enum", "Phase", "Phase", first, high, names))
        if self.chance(0.5):
            low = self.random.choice((0, 0, 0, 1, -1))
            high = low + self.random.choice((1, 2, 3))
            self.body.append(f"Level = Range({low}, {high})")
            values = tuple(str(i) for i in range(low, high + 1))
            self.world.sorts.append(Sort("range", "Level", "self.Level", low, high, values))
        self.world.sorts.append(Sort("bool", "bool", "bool", 0, 1, ("False", "True")))
        for number in range(self.random.choice((0, 1, 1, 2))):
            name = f"barrier_{number}"
            kind = ', kind="guard"' if self.chance(0.3) else ""
            self.body.append(f'{name} = Barrier("what it stands for", buys=["property_0"]{kind})')
            self.world.barriers.append(name)

    def declare_fields(self) -> None:
        self.body.append("")
        most = self.random.choices(MOST_STATES, (2, 6, 5, 1))[0]
        states = 1
        for number in range(12):
            indices = self.random.choice(((), (), 1, 1, 1, 2))
            if isinstance(indices, int):
                usable = [s for s in self.world.sorts if s.size <= 3]
                indices = tuple(
                    self.random.choices(usable, [1 + 5 * (s.kind == "index") for s in usable])[0]
                    for _ in range(indices)
                )
            sort = self.some_domain()
            field = Cells(f"f{number}", indices, sort, "")
            grown = states * sort.size**field.count
            if grown > most:
                continue
            states = grown
            field = Cells(field.name, indices, sort, self.initial(sort))
            self.world.fields.append(field)
            over = "".join(f"{index.declared}, " for index in indices)
            what = f"Array({over}of={sort.declared}" if indices else f"Var({sort.declared}"
            self.body.append(f"{field.name} = {what}{field.initial})")
            if len(self.world.fields) == 5:
                break
        if not any(f.of.kind != "set" for f in self.world.fields):
            boolean = self.world.named("bool")[0]
            self.world.fields.append(Cells("g", (), boolean, ", initial=False"))
            self.body.append("g = Var(bool, initial=False)")

    def some_domain(self) -> Sort:
        kind = self.random.choice(("bool", "enum", "range", "index", "maybe", "maybe", "set"))
        indices = self.world.named("index")
        if kind == "set":
            of = self.random.choice(indices)
            return Sort("set", f"SetOf({of.declared})", "", 0, 2**of.size - 1, ("EMPTY",), of)
        if kind == "maybe":
            fitting = [s for s in self.world.sorts if s.kind != "bool" and s.low == 0]
            weights = [1 + 3 * (s.kind == "index") for s in fitting]
            return optional(self.random.choices(fitting, weights)[0])
        if kind == "range":
            low = self.random.choice((0, 0, 0, 1, -2))
            high = low + self.random.choice((1, 2, 3))
            values = tuple(str(i) for i in range(low, high + 1))
            return Sort("range", f"Range({low}, {high})", "", low, high, values)
        return self.random.choice(self.world.named(kind) or indices)

    def initial(self, sort: Sort) -> str:
        choice = self.random.random()
        if choice < 0.08 and sort.size <= 4:
            return ", initial=ANY"
        if choice < 0.2 and sort.kind != "set":
            some = self.random.sample(sort.values, min(2, len(sort.values)))
            return f", initial=one_of({', '.join(some)})"
        if choice < 0.5 and sort.kind in ("bool", "maybe", "set"):
            return ""
        return f", initial={self.random.choice(sort.values)}"

    def values(self, arguments: tuple[tuple[str, Sort], ...], **how: object) -> Values:
        return Values(self.random, self.world, arguments, **how)  # type: ignore[arg-type]

    def arguments(self, most: int) -> tuple[tuple[str, Sort], ...]:
        sorts = [s for s in self.world.sorts if s.size <= 3]
        weights = [1 + 5 * (s.kind == "index") for s in sorts]
        count = self.random.randint(0, most)
        chosen = self.random.choices(sorts, weights, k=count)
        if chosen and self.chance(0.08):
            chosen[0] = optional(self.random.choice(self.world.named("index")))
        return tuple((f"a{number}", sort) for number, sort in enumerate(chosen))

    def declare_helpers(self) -> None:
        if self.chance(0.4):
            arguments = tuple((n, s) for n, s in self.arguments(1) if s.kind != "maybe")
            values = self.values(arguments, helpers=False)
            self.method("asks", arguments, [f"return {values.boolean(2)}"])
            self.world.conditions.append(Helper("asks", tuple(s for _, s in arguments)))
        if self.chance(0.4):
            arguments = tuple((n, s) for n, s in self.arguments(1) if s.kind != "maybe")
            values = self.values(arguments, helpers=False)
            lines = Body(self.random, self.world, values).statement(1)
            self.method("does", arguments, lines)
            self.world.effects.append(Helper("does", tuple(s for _, s in arguments)))

    def method(self, name: str, arguments: tuple[tuple[str, Sort], ...], lines: list[str]) -> None:
        named = "".join(f", {argument}" for argument, _ in arguments)
        self.body += ["", f"def {name}(self{named}):", *(INDENT + line for line in lines)]

    def declare_action(self, number: int, moving: Cells | None) -> None:
        """An action that does whatever comes to mind, or one that moves a cell on."""
        arguments = self.arguments(2) if moving is None else self.arguments_to_move(moving)
        self.body.append("")
        if self.chance(0.5):
            self.body.append('@actor("somebody")')
        if self.lively and self.chance(0.6):
            self.body.append(self.random.choice(("@fair", "@fair", '@fair("strong")')))
        domains = ", ".join(f"{name}={sort.declared}" for name, sort in arguments)
        self.body.append(f"@action({domains})" if arguments else "@action")
        body = Body(self.random, self.world, self.values(arguments, safe=self.calm))
        lines = body.action() if moving is None else body.move(moving)
        named = "".join(f", {argument}" for argument, _ in arguments)
        self.body.append(f"def step_{number}(self{named}):")
        self.body += [INDENT + line for line in lines]

    def arguments_to_move(self, chosen: Cells) -> tuple[tuple[str, Sort], ...]:
        """Arguments for the indices of a cell, and for its new value where that is small."""
        sorts = list(chosen.indices)
        value = chosen.of.of or chosen.of
        if value in self.world.sorts and value.kind != "bool" and value.size <= 3:
            sorts.append(value)
        return tuple((f"a{number}", sort) for number, sort in enumerate(sorts))

    def declare_ends(self) -> None:
        if self.chance(0.25):
            cell = self.random.choice(self.world.fields)
            values = self.values((), safe=True, helpers=False)
            condition = values.boolean(1)
            if cell.of.kind not in ("set", "range"):
                # Some start satisfies this, so there always is an initial state.
                first = cell.initial.partition("=")[2] or (
                    "False" if cell.of.kind == "bool" else "NONE"
                )
                if first[0].isupper() and "(" not in first and first != "ANY":
                    condition = f"{condition} or {values.place(cell)} == {first}"
                else:
                    condition = f"{condition} or True"
            else:
                condition = f"{condition} or True"
            self.body += ["", "@initial", "def begins(self):", f"{INDENT}return {condition}"]
        if self.chance(0.4):
            condition = self.values(()).boolean(1)
            if self.chance(0.5):
                condition = f"not ({condition})"
            self.body += ["", "@final", "def ends(self):", f"{INDENT}return {condition}"]

    def declare_designs(self) -> None:
        self.body += ["", "nothing = Design(expect=holds)"]
        if self.world.barriers:
            self.body.append(f"everything = Design({', '.join(self.world.barriers)}, expect=holds)")

    def prop(self, number: int) -> list[str]:
        kind = self.random.choice(("always", "always", "reachable", "always_possible"))
        if self.lively and self.chance(0.6):
            kind = self.random.choice(("leads_to", "leads_to", "eventually"))
        arguments = tuple((n, s) for n, s in self.arguments(2))
        declared = "".join(f", {name}: {self.outside(sort)}" for name, sort in arguments)
        values = self.values(arguments, me="m")
        condition = self.corner(values) if self.chance(0.5) else values.boolean(2)
        if kind == "always" and self.chance(0.5):
            condition = f"not {condition}"
        if kind == "leads_to":
            condition = (
                f"{self.corner(values) if self.chance(0.5) else values.boolean(2)}, {condition}"
            )
        return [
            "",
            "",
            f"@{kind}(Random)",
            f"def property_{number}(m{declared}):",
            f"{INDENT}return {condition}",
        ]

    def corner(self, values: Values) -> str:
        """Several cells with certain values at once, which takes a long way to reach."""
        some = self.random.sample(self.world.fields, min(3, len(self.world.fields)))
        safe = Values(self.random, self.world, values.scope, me="m", safe=True, helpers=False)
        parts = [
            safe.place(f) if f.of.kind == "bool" else f"{safe.place(f)} == {safe.literal(f.of)}"
            for f in some
        ]
        return f"({' and '.join(parts)})"

    def outside(self, sort: Sort) -> str:
        """The domain of a property's argument, where the class is not the scope."""
        if sort.kind == "maybe" and sort.of is not None:
            return f"Maybe({self.outside(sort.of)})"
        return sort.inside.replace("self.", "Random.") or sort.declared
