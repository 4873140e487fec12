"""What a model calls things: its actions, fields and sizes, without a recording of its bodies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fencepost.core.expressions import Variable
from fencepost.core.system import Field
from fencepost.language.declarations import ActionDeclaration, Index, Parameter
from fencepost.language.elaborate import arguments_of, elaborate, parts_of
from fencepost.language.model import Model


@dataclass(frozen=True)
class Vocabulary:
    """The names of a model at given parameters.

    `sized` are the Indexes of which a parameter is the count, each with the parameter's name; the
    other Indexes have counts that follow from parameters.
    """

    actions: Mapping[str, tuple[Variable, ...]]
    fields: Mapping[str, Field]
    parameters: Mapping[str, int]
    least: Mapping[str, int]
    sized: Mapping[str, str]


def vocabulary(model: type[Model], parameters: Mapping[str, int]) -> Vocabulary:
    """What a model calls things; an error where the parameters are not those of the model."""
    elaboration = elaborate(model, parameters, searched=False)
    parts = parts_of(model)
    actions = {
        part.prefix + declared.name: arguments_of(declared, part, elaboration)
        for part in parts
        for _, declared in part.of_kind(ActionDeclaration)
    }
    sized = {
        declared.name: declared.count.name
        for part in parts
        for _, declared in part.of_kind(Index)
        if isinstance(declared.count, Parameter)
    }
    declared_parameters: dict[str, Any] = dict(parts[0].of_kind(Parameter))
    return Vocabulary(
        actions,
        elaboration.fields,
        dict(elaboration.sizes),
        {name: declared.low for name, declared in declared_parameters.items()},
        sized,
    )
