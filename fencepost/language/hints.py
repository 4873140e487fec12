"""What to write instead of what Python itself refused: names and calls that are nearly right."""

from __future__ import annotations

import difflib
import inspect
import linecache
import re
from collections.abc import Mapping
from typing import Any

from fencepost.core.errors import Location
from fencepost.language.model import Model

_CALL = re.compile(r"^(?P<name>[\w.<>]+?)(?:\.__init__)?\(\) ")
_UNKNOWN = re.compile(r"unexpected keyword argument '(\w+)'")
_SIMPLE = (bool, int, str)


def of_body(error: BaseException, owner: Any, own: str, at: Location | None) -> str:
    """For what a body of a model or a property raised, which calls its state `own`."""
    if isinstance(error, NameError):
        name = error.name or ""
        return f"`{own}.{name}`" if name and own and hasattr(owner, name) else ""
    if isinstance(error, TypeError) and isinstance(owner, type) and at is not None:
        line = linecache.getline(at.file, at.line)
        for kind in owner.__mro__:
            called = re.search(rf"\b{kind.__name__}\.(\w+)\(", line)
            if called and hasattr(owner, called[1]):
                return f"`{own}.{called[1]}(...)`, which is about the state; a class has none"
    return ""


def of_domain(error: BaseException, model: type) -> str:
    """For what the annotation of a property's argument raised."""
    name = error.name if isinstance(error, NameError) else None
    return f"`{model.__name__}.{name}`" if name and hasattr(model, name) else ""


def of_loading(
    error: BaseException, names: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]
) -> str:
    """For what the file of a model raised, whose module has `names`.

    `known` has the names of each module that model files import from.
    """
    if isinstance(error, NameError):
        return _of_name(error, names, known)
    called = _CALL.match(str(error)) if isinstance(error, TypeError) else None
    if called is None:
        return ""
    first, *rest = called["name"].split(".")
    for words in known.values():
        function = words.get(first)
        for part in rest:
            function = getattr(function, part, None)
        if callable(function):
            return _of_call(called["name"], function, _UNKNOWN.search(str(error)))
    return ""


def _of_name(
    error: NameError, names: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]
) -> str:
    name = error.name or ""
    traceback = error.__traceback__
    seen = dict.fromkeys(names)
    while traceback is not None:
        local = traceback.tb_frame.f_locals
        if "__qualname__" in local and name in local:
            return (
                f"it out, without a comprehension or function: they do not see `{name}` of the "
                "class body around them"
            )
        if local.get("__qualname__") == name:
            return f"the name alone, without `{name}.`: inside its own body a class has no name yet"
        seen |= dict.fromkeys(local)
        traceback = traceback.tb_next
    models = [v for v in names.values() if isinstance(v, type) and issubclass(v, Model)]
    inside = {
        member: f"{model.__name__}.{member}" for model in reversed(models) for member in dir(model)
    }
    for module, words in known.items():
        if name in words and name not in inside:
            return f"`from {module} import {name}`"
    if name in inside:
        return f"`{inside[name]}`"
    near = difflib.get_close_matches(name, {**seen, **inside}, n=2)
    return " or ".join(f"`{inside.get(member, member)}`" for member in near)


def _of_call(name: str, function: Any, unknown: re.Match[str] | None) -> str:
    shown = f"`{name}{signature(function)}`"
    if name.partition(".")[0] == "Design" and unknown is not None:
        word = unknown[1]
        return (
            f"{shown}; a size is set by `--set {word}=2`, or by `{word} = Parameter(2)` in a model "
            "derived from this one, in a file of its own"
        )
    return shown


def signature(function: Any) -> str:
    """The arguments of a function or class, without their types."""
    shown = inspect.signature(function)
    parameters = [
        p.replace(annotation=p.empty, default=_default(p)) for p in shown.parameters.values()
    ]
    if parameters and parameters[0].name == "self":
        parameters = parameters[1:]
    text = str(shown.replace(parameters=parameters, return_annotation=inspect.Signature.empty))
    return text.replace("=Ellipsis", "=...")


def _default(parameter: inspect.Parameter) -> Any:
    given = parameter.default
    required = given is parameter.empty
    return given if required or given is None or isinstance(given, _SIMPLE) else ...
