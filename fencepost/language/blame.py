"""Whose mistake an error is: one met inside a component is placed where the model calls it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

from fencepost.core.errors import InputError
from fencepost.language.component import Component
from fencepost.language.machine import _is_source, is_of_component, place
from fencepost.language.symbols import describe, lift
from fencepost.language.views import View


def place_in_model(error: InputError, raised: BaseException | None = None) -> None:
    """Move an error that a shipped component met to the call in the model, and name the call."""
    if not is_of_component(error.at):
        return
    found = _call(raised or error)
    if found is None:
        return
    calling, called = found
    code = called.tb_frame.f_code
    receiver = called.tb_frame.f_locals.get(code.co_varnames[0] if code.co_argcount else "")
    prefix = object.__getattribute__(receiver, "_prefix") if isinstance(receiver, View) else ""
    argument = _argument(error, called.tb_frame)
    error.what += f", in {prefix}{code.co_name}(...){argument}"
    error.at = place(calling.tb_frame.f_code, calling.tb_lasti, calling.tb_lineno)


def _call(error: BaseException) -> tuple[TracebackType, TracebackType] | None:
    """Where the model called a component, and the first frame of the component."""
    calling = called = None
    traceback = error.__traceback__
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if is_of_component(file):
            called = called or traceback
        elif _is_source(file):
            calling, called = traceback, None
        traceback = traceback.tb_next
    return None if calling is None or called is None else (calling, called)


def _argument(error: InputError, frame: FrameType) -> str:
    """Which argument of the call is of the sort that the message begins with, if one is."""
    code = frame.f_code
    names = code.co_varnames[1 : code.co_argcount]
    given = [(name, frame.f_locals.get(name)) for name in names]
    if code.co_flags & inspect.CO_VARARGS:
        name = code.co_varnames[code.co_argcount + code.co_kwonlyargcount]
        parts = frame.f_locals.get(name, ())
        one = len(parts) == 1
        given += [(name if one else f"{name}[{i}]", part) for i, part in enumerate(parts)]
    wrong = [name for name, value in given if error.what.startswith(f"{_sort(value)} as ")]
    return f", argument `{wrong[0]}`" if len(wrong) == 1 else ""


def _sort(value: Any) -> str:
    try:
        lifted = lift(value)
    except InputError:
        return ""
    return "" if lifted is None else describe(lifted.domain)


@contextmanager
def blaming(owner: Any, prefix: str) -> Iterator[None]:
    """Place errors of a component of a model, which no body calls, where it is declared."""
    try:
        yield
    except InputError as error:
        if isinstance(owner, Component) and (is_of_component(error.at) or error.at is None):
            error.at = owner.location
        if isinstance(owner, Component) and error.at == owner.location:
            error.what += f", in {prefix.rstrip('.')} = {type(owner).__name__}(...)"
        raise
