"""From a model class and its properties to a System."""

from __future__ import annotations

import difflib
import inspect
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache, partial
from typing import Any, cast

from fencepost.core import expressions as x
from fencepost.core import folding
from fencepost.core.errors import InputError, Location
from fencepost.core.semantics import Barriers, Outcome
from fencepost.core.system import (
    Action,
    Barrier,
    Design,
    Expectation,
    Fairness,
    Lemma,
    Property,
    Step,
    System,
)
from fencepost.core.trees import Fault
from fencepost.language import declarations, designs
from fencepost.language.any_size import AnySize
from fencepost.language.declarations import ActionDeclaration, ConditionDeclaration
from fencepost.language.elaborate import Part, arguments_of, elaborate, parts_of
from fencepost.language.fairness import Fair
from fencepost.language.model import Model
from fencepost.language.names import check_names
from fencepost.language.plain import PlainMachine, ask_body, run_body, shown
from fencepost.language.properties import PropertyDeclaration
from fencepost.language.recorder import Recorder
from fencepost.language.views import Elaboration

MOST_STEPS = 100_000
INITIAL = "@initial"
FINAL = "@final"


def build(
    model: type[Model],
    properties: Iterable[PropertyDeclaration] = (),
    parameters: Mapping[str, int] | None = None,
    *,
    any_size: bool = False,
    searched: bool = True,
) -> System:
    """Record a model at given parameters (defaults for those not named).

    A system whose states are not `searched` may have any number of cells and steps. With `any_size`
    no count of an Index has a say (see `System.any_size`); what has no such reading is an error
    (F130) that says what to write instead.
    """
    properties = tuple(properties)
    _check_properties(model, properties)
    elaboration = elaborate(
        model, parameters or {}, any_size=any_size, searched=searched and not any_size
    )
    parts = parts_of(model)
    recorder = Recorder(elaboration)
    actions = tuple(
        _action(recorder, part, declared)
        for part in parts
        for _, declared in part.of_kind(ActionDeclaration)
    )
    _check_actions(model, actions, searched and not any_size)
    actions = _with_fairness(model, parts[0], actions)
    claimed = [_claim(recorder, model, declared) for declared in properties]
    recorded = (
        *_component_properties(recorder, parts[1:]),
        *(claim for claim in claimed if isinstance(claim, Property)),
    )
    fixed = sizes.fixed() if isinstance(sizes := elaboration.sizes, AnySize) else sizes
    barriers = _barriers(parts[0])
    source = _file_of(model)
    system = System(
        name=model.__name__,
        parameters=tuple(fixed.items()),
        barriers=barriers,
        fields=tuple(elaboration.fields.values()),
        initial=_condition(recorder, parts, "initial"),
        actions=actions,
        properties=recorded,
        final=_condition(recorder, parts, "final"),
        designs=_designs(parts[0], barriers),
        finite_only=tuple((at, why) for at, why in recorder.finite if at is not None),
        file=source,
        default_parameters=tuple(
            (name, p.default)
            for name, p in parts[0].of_kind(declarations.Parameter)
            if name in fixed
        ),
        text=inspect.getdoc(model) or inspect.getdoc(inspect.getmodule(model)) or "",
        lemmas=tuple(claim for claim in claimed if isinstance(claim, Lemma)),
        any_size=any_size,
        record_for_any_size=None
        if any_size
        else cache(partial(build, model, properties, parameters, any_size=True)),
    )
    check_names(system)
    return system


def _file_of(model: type[Model]) -> str:
    """Where a model is written; its file's name alone where that is no longer importable."""
    module = sys.modules.get(model.__module__)
    named = getattr(module, "__file__", None)
    if named is not None:
        return str(named)
    for declared in vars(model).values():
        if isinstance(declared, ActionDeclaration):
            return declared.location.file
    return ""


def perform_plainly(
    model: type[Model], system: System, barriers: Barriers, state: Sequence[int], step: Step
) -> Outcome:
    """What the body itself does in a state, on plain integers; the recording must do the same."""
    elaboration, parts = _plain(cast("Any", model), system.parameters)
    declared, part, domains = parts[step.action]
    arguments = tuple(shown(d, v) for d, v in zip(domains, step.arguments, strict=True))
    machine = PlainMachine(system, elaboration, barriers, state)
    return run_body(machine, declared.body, part.owner, part.prefix, arguments)


def evaluate_plainly(
    model: type[Model],
    properties: Iterable[PropertyDeclaration],
    system: System,
    barriers: Barriers,
    state: Sequence[int],
    name: str,
    values: Mapping[str, int],
    part: int | None = None,
) -> bool | Fault:
    """What a property, a lemma, or all conditions named `INITIAL` or `FINAL` say on plain values.

    A property that is none of `properties` is one of a component. Of a `leads_to`, `part` is 0 for
    the premise and 1 for the goal.
    """
    elaboration, parts = _plain(cast("Any", model), system.parameters)
    machine = PlainMachine(system, elaboration, barriers, state)
    if name in (INITIAL, FINAL):
        asked = parts[name]
        given = [ask_body(machine, d.body, p.owner, p.prefix, ()) for d, p in asked]
        if not given:
            return name == INITIAL
        return all(answer is True for answer in given)
    for declared in properties:
        if declared.name == name:
            known: list[Property | Lemma] = [*system.properties, *system.lemmas]
            arguments = next(p.arguments for p in known if p.name == name)
            filled = tuple(shown(a.of, values[a.name]) for a in arguments)
            return ask_body(machine, declared.body, model, "", filled, part)
    condition, of = parts[name]
    return ask_body(machine, condition.body, of.owner, of.prefix, ())


@lru_cache(maxsize=64)
def _plain(
    model: Any, parameters: tuple[tuple[str, int], ...]
) -> tuple[Elaboration, dict[str, Any]]:
    """Actions with their part and domains, conditions with their part, by name or by role."""
    elaboration = elaborate(model, dict(parameters))
    named: dict[str, Any] = {INITIAL: [], FINAL: []}
    for part in parts_of(model):
        for name, declared in part.of_kind(ActionDeclaration):
            arguments = arguments_of(declared, part, elaboration)
            named[part.prefix + name] = declared, part, tuple(a.of for a in arguments)
        for name, declared in part.of_kind(ConditionDeclaration):
            if declared.role == "always":
                named[part.prefix + name] = declared, part
            else:
                named["@" + declared.role].append((declared, part))
    return elaboration, named


def _action(recorder: Recorder, part: Part, declared: ActionDeclaration) -> Action:
    name = part.prefix + declared.name
    arguments = arguments_of(declared, part, recorder.elaboration)
    tree = recorder.action(name, declared.body, part.owner, part.prefix, arguments)
    actor = declared.actor or getattr(part.owner, "actor", "") or part.prefix.rstrip(".")
    return Action(name, actor, arguments, tree, declared.fairness, location=declared.location)


def _check_actions(model: type[Model], actions: tuple[Action, ...], searched: bool) -> None:
    steps = 0
    for action in actions:
        fillings = 1
        for argument in action.arguments:
            fillings *= argument.of.size
        steps += fillings
        if steps > MOST_STEPS and searched:
            raise InputError(
                "F102",
                f"{model.__name__} has more than {MOST_STEPS} steps with `{action.name}`",
                why="every filling of an action's arguments is a step that each state tries",
                write="smaller parameters, or fewer arguments",
                at=action.location,
            )
    if not actions:
        raise InputError(
            "F103",
            f"{model.__name__} has no action",
            why="nothing can happen in it, so there is nothing to check",
            write="a method with @action",
            at=Location(_file_of(model), 1),
        )


def _with_fairness(
    model: type[Model], part: Part, actions: tuple[Action, ...]
) -> tuple[Action, ...]:
    """The actions with the fairness that is declared of them by name."""
    kinds: dict[str, Fairness] = {}
    for _, declared in part.of_kind(Fair):
        for name in declared.actions:
            known = [action.name for action in actions]
            if name not in known:
                near = difflib.get_close_matches(name, known, n=3)
                raise InputError(
                    "F153",
                    f"Fair names the action `{name}`, which {model.__name__} does not have",
                    why="fairness of nothing would be assumed without a word",
                    write=", ".join(f'"{one}"' for one in near or known),
                    at=declared.location,
                )
            kinds[name] = declared.kind
    return tuple(replace(a, fairness=kinds.get(a.name, a.fairness)) for a in actions)


def _condition(recorder: Recorder, parts: list[Part], role: str) -> x.Expression:
    """The conjunction of the conditions of one role; without any, `initial` is true and `final`
    false."""
    found = []
    for part in parts:
        for name, declared in part.of_kind(ConditionDeclaration):
            if declared.role != role:
                continue
            value, fault = recorder.condition_of(
                part.prefix + name, declared.body, part.owner, part.prefix, ()
            )
            if role == "initial" and fault != x.FALSE:
                raise InputError(
                    "F104",
                    f"@initial `{name}` cannot be evaluated in every state",
                    why="an index may be out of range, or NONE used as a number",
                    write="a comparison with NONE first",
                    at=declared.location,
                )
            found.append(folding.conjunction([folding.negate(fault), value]))
    if not found:
        return x.TRUE if role == "initial" else x.FALSE
    return folding.conjunction(found)


def _component_properties(recorder: Recorder, parts: list[Part]) -> list[Property]:
    recorded = []
    for part in parts:
        for name, declared in part.of_kind(ConditionDeclaration):
            if declared.role == "always":
                full = part.prefix + name
                value, fault = recorder.condition_of(
                    full, declared.body, part.owner, part.prefix, ()
                )
                text = inspect.getdoc(declared.body) or ""
                recorded.append(
                    Property(full, "always", (), value, fault, text, location=declared.location)
                )
    return recorded


def _check_properties(model: type[Model], properties: Sequence[PropertyDeclaration]) -> None:
    """A property is about the model, or about one that it is derived from."""
    wrong = [declared for declared in properties if not issubclass(model, declared.model)]
    if not wrong:
        return
    about = sorted({declared.model.__name__ for declared in wrong})
    names = ", ".join(f"`{declared.name}`" for declared in wrong)
    one, many = ("lemma", "lemmas") if wrong[0].kind == "lemma" else ("property", "properties")
    what = f"{one} {names} is" if len(wrong) == 1 else f"{many} {names} are"
    shared = next(c for c in model.__mro__ if all(issubclass(d.model, c) for d in wrong))
    both = (
        f"; for both models, `@{wrong[0].kind}({shared.__name__})`, from which they are derived"
        if issubclass(shared, Model) and shared is not Model
        else ""
    )
    raise InputError(
        "F105",
        f"{what} about {', '.join(about)}, not {model.__name__}",
        why="a property is checked on the model it was written for, and on those derived from it",
        write=f"each of them in the file of its model, and none of them imported here{both}",
        at=wrong[0].location,
    )


def _claim(
    recorder: Recorder, model: type[Model], declared: PropertyDeclaration
) -> Property | Lemma:
    """A property or lemma as it is recorded."""
    arguments = tuple(
        x.Variable(
            name,
            declarations.elaborate_domain(
                _as_derived(domain, declared.model, model),
                recorder.elaboration.sizes,
                declared.location,
            ),
        )
        for name, domain in declared.arguments().items()
    )
    premise: tuple[x.Expression, x.Expression] = x.TRUE, x.FALSE
    part = None
    if declared.kind == "leads_to":
        part = 1
        premise = recorder.condition_of(declared.name, declared.body, model, "", arguments, 0)
    value, fault = recorder.condition_of(declared.name, declared.body, model, "", arguments, part)
    text, at = inspect.getdoc(declared.body) or "", declared.location
    if declared.kind == "lemma":
        designs = declared.designs
        return Lemma(declared.name, arguments, value, fault, designs, text, location=at)
    return Property(
        declared.name, declared.kind, arguments, value, fault, text, *premise, location=at
    )


def _as_derived(domain: Any, base: type[Model], model: type[Model]) -> Any:
    """What a domain of a model is in one derived from it, which may declare the name anew."""
    for kind in base.__mro__:
        for name, member in vars(kind).items():
            if member is domain:
                return inspect.getattr_static(model, name)
    return domain


def _barriers(part: Part) -> tuple[Barrier, ...]:
    return tuple(
        Barrier(name, b.text, b.kind, b.buys, location=b.location)
        for name, b in part.of_kind(declarations.Barrier)
    )


def _designs(part: Part, barriers: tuple[Barrier, ...]) -> tuple[Design, ...]:
    made = tuple(
        Design(
            name,
            frozenset(_known(b, barriers, design.location) for b in design.barriers),
            design.expect,
            design.known_bug,
            design.text,
            design.blames,
            location=design.location,
        )
        for name, design in part.of_kind(designs.Design)
    )
    if made:
        return made
    everything = frozenset(b.name for b in barriers)
    return (Design("all_barriers", everything, Expectation(), text="every barrier is on"),)


def _known(
    barrier: declarations.Barrier, barriers: tuple[Barrier, ...], at: Location | None
) -> str:
    if barrier.name not in [b.name for b in barriers]:
        raise declarations.unnamed(barrier, 'acknowledged = Barrier("...", buys=[...])', at)
    return barrier.name
