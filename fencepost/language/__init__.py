"""How a person writes a model, and how it becomes a System."""

from fencepost.language.build import FINAL, INITIAL, build, evaluate_plainly, perform_plainly
from fencepost.language.component import Component, component_always
from fencepost.language.declarations import (
    Array,
    Barrier,
    Index,
    Maybe,
    Parameter,
    Range,
    SetOf,
    Var,
)
from fencepost.language.decorators import action, actor, final, initial
from fencepost.language.designs import Design, holds, violates
from fencepost.language.fairness import Fair, fair
from fencepost.language.model import Model, Sized
from fencepost.language.properties import (
    PropertyDeclaration,
    always,
    always_possible,
    eventually,
    leads_to,
    lemma,
    reachable,
)
from fencepost.language.values import ANY, EMPTY, NONE, one_of
from fencepost.language.vocabulary import Vocabulary, vocabulary
from fencepost.language.words import assign, choose, count, exists, fault, for_all, require

__all__ = [
    "ANY",
    "EMPTY",
    "FINAL",
    "INITIAL",
    "NONE",
    "Array",
    "Barrier",
    "Component",
    "Design",
    "Fair",
    "Index",
    "Maybe",
    "Model",
    "Parameter",
    "PropertyDeclaration",
    "Range",
    "SetOf",
    "Sized",
    "Var",
    "Vocabulary",
    "action",
    "actor",
    "always",
    "always_possible",
    "assign",
    "build",
    "choose",
    "component_always",
    "count",
    "evaluate_plainly",
    "eventually",
    "exists",
    "fair",
    "fault",
    "final",
    "for_all",
    "holds",
    "initial",
    "leads_to",
    "lemma",
    "one_of",
    "perform_plainly",
    "reachable",
    "require",
    "violates",
    "vocabulary",
]
