"""What Python decides without asking a value: refused, by the bytecode of whatever a body runs.

Identity tests, class patterns and type checks look at the symbol and not at the state, so they
would be recorded wrong in silence. Every function that a body names is looked at before it is
recorded, and every function that starts on the first way through it: tracing all ways would make
recording three times slower.
"""

from __future__ import annotations

import builtins
import dis
import functools
import gc
import inspect
import operator
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import CellType, CodeType, FrameType, FunctionType, ModuleType
from typing import Any

from fencepost.core.errors import InputError
from fencepost.language.machine import _is_source, place

_TYPE_WORDS = frozenset(
    {"isinstance", "issubclass", "type", "id", "hash", "callable", "getattr", "hasattr"}
    | {"vars", "dir", "repr", "ascii", "eval", "exec"}
)
_COLLECTING = frozenset(
    {"append", "appendleft", "extend", "insert", "pop", "popleft", "update", "setdefault", "clear"}
)
_COMPREHENSIONS = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})

_LOOK_AT_SYMBOLS: tuple[Any, ...] = (
    *(getattr(builtins, word) for word in sorted(_TYPE_WORDS)),
    *(operator.is_, operator.is_not, functools.singledispatch, functools.singledispatchmethod),
)
_dispatching: Any = functools.singledispatch(callable)

_checked: set[CodeType] = set()
_collects_nothing: set[CodeType] = set()


@contextmanager
def watching() -> Iterator[None]:
    """Check the code of every function that starts inside."""
    if sys.flags.optimize:
        raise InputError(
            "F89",
            "Python runs with -O, which removes every assert",
            why="an assert in a body is part of the model",
            write="python without -O and without PYTHONOPTIMIZE",
        )
    before, collecting = sys.gettrace(), gc.isenabled()

    def on_call(frame: FrameType, event: Any, argument: Any) -> Any:
        if frame.f_code not in _checked:
            _check_frame(frame)
        # A debugger goes on debugging; without one, only calls are traced, which costs little.
        return before(frame, event, argument) if before is not None else None

    # The collector would run finalisers of other packages in here, and they are no part of a body.
    gc.disable()
    sys.settrace(on_call)
    try:
        yield
    finally:
        sys.settrace(before)
        if collecting:
            gc.enable()


def _check_frame(frame: FrameType) -> None:
    code = frame.f_code
    if code not in _checked:
        _checked.add(code)
        name = code.co_filename
        # Methods that dataclasses write have no file of their own, but the package's globals.
        ours = str(frame.f_globals.get("__name__", "")).startswith("fencepost.")
        if _is_source(name) and not ours:
            try:
                check_code(code)
            except InputError:
                _checked.discard(code)
                raise


def check_body(body: Callable[..., Any], owner: Any) -> None:
    """Check a body of a model or component, and every function that it names, however deep."""
    pending: list[Any] = [body]
    seen: set[int] = set()
    while pending:
        function = pending.pop()
        if id(function) in seen:
            continue
        seen.add(id(function))
        codes = list(_codes(function.__code__))
        for code in codes:
            if code not in _checked:
                check_code(code)
                _checked.add(code)
        names = {name for code in codes for name in (*code.co_names, *code.co_freevars)}
        _check_named(function, codes, names, owner)
        pending.extend(f for f in _named(function, names, owner) if _is_source(_file_of(f)))


def _codes(code: CodeType) -> Iterator[CodeType]:
    """A function's code and that of the functions written inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _check_named(
    function: FunctionType, codes: list[CodeType], names: set[str], owner: Any
) -> None:
    """Refuse what decides by identity or type under whatever name a function has for it."""
    found = next((v for v in _meant(function, names, owner) if _looks_at_symbols(v)), None)
    if found is None:
        return
    called = getattr(found, "__name__", "singledispatchmethod")
    places = (
        place(code, instruction.offset, code.co_firstlineno)
        for code in codes
        for instruction in dis.get_instructions(code)
        if instruction.argval == called
    )
    first = place(function.__code__, 0, function.__code__.co_firstlineno)
    raise InputError(
        "F90",
        f"`{called}` in a body",
        why="it looks at the symbol, not at the state",
        write="a comparison of values",
        at=next(places, first),
    )


def _looks_at_symbols(value: Any) -> bool:
    """Whether a callable asks for the identity or the type of what it is given."""
    if any(value is refused for refused in _LOOK_AT_SYMBOLS):
        return True
    if isinstance(value, functools.singledispatchmethod):
        return True
    if not isinstance(value, FunctionType):
        return False
    return value.__code__ is _dispatching.__code__ or (
        value.__module__ == "inspect" and value.__name__.startswith("is")
    )


def _named(function: FunctionType, names: set[str], owner: Any) -> Iterator[FunctionType]:
    """The functions that names may stand for, whatever is around them."""
    for value in _meant(function, names, owner):
        value = getattr(value, "body", value)  # an action, or a condition of the model
        value = value.fget if isinstance(value, property) else inspect.unwrap(value)
        value = value.__func__ if isinstance(value, staticmethod | classmethod) else value
        if isinstance(value, FunctionType):
            yield value


def _meant(function: FunctionType, names: set[str], owner: Any) -> list[Any]:
    """What names may stand for: globals, closures, defaults, methods, module attributes.

    Of an object, its class is looked at; of a table, what it holds.
    """
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=False)
    known = {
        name: function.__globals__[name] for name in sorted(names & function.__globals__.keys())
    }
    known |= {name: cell.cell_contents for name, cell in cells if _is_filled(cell)}
    defaults = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
    found = [held for value in (*known.values(), *defaults) for held in _held(value)]
    holders = [owner, *(v if isinstance(v, ModuleType | type) else type(v) for v in found)]
    for holder in holders:
        found += [
            inspect.getattr_static(holder, name, None) for name in sorted({*names, "__call__"})
        ]
    return found


def _held(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    return [value.func] if isinstance(value, partial) else [value]


def _is_filled(cell: CellType) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False


def _file_of(function: FunctionType) -> str:
    return function.__code__.co_filename


def check_code(code: CodeType) -> None:
    """Refuse a function whose bytecode decides something without asking."""
    instructions = list(dis.get_instructions(code))
    for position, instruction in enumerate(instructions):
        found = _refused(instruction)
        if found is not None:
            what, why, write = found
            # The start of an exception handler has no line of its own.
            following = (i.positions.lineno for i in instructions[position:] if i.positions)
            line = next((line for line in following if line), code.co_firstlineno)
            at = place(code, instruction.offset, line)
            raise InputError("F90", what, why=why, write=write, at=at)
        if _remembers(code, instruction):
            raise InputError(
                "F109",
                f"a body changes `{instruction.argval}`, which is not its own",
                why="a body is run many times, and for a quantifier once for all elements",
                write="a field of the model: `Var(...)`",
                at=place(code, instruction.offset, code.co_firstlineno),
            )


def check_element(body: Any) -> None:
    """Refuse the function of a quantifier or bulk write if it collects its elements in Python.

    It is recorded once for all elements, so what it collects would differ from a plain run. A
    write to the state in it has been refused before.
    """
    code = getattr(body, "__code__", None)
    if code is None or code in _collects_nothing:
        return
    for instruction in dis.get_instructions(code):
        name, argument = instruction.opname, instruction.argval
        called = name in ("LOAD_METHOD", "LOAD_ATTR") and argument in _COLLECTING
        if called or name in ("STORE_SUBSCR", "STORE_ATTR"):
            raise InputError(
                "F109",
                "a function of elements changes a Python object",
                why="it is recorded once for all elements, not once for each",
                write="a loop over the Index to collect; `count`, `exists` or `for_all` to ask",
                at=place(code, instruction.offset, code.co_firstlineno),
            )
    _collects_nothing.add(code)


def _remembers(code: CodeType, instruction: dis.Instruction) -> bool:
    """Whether an instruction changes a global, or a local of an enclosing function."""
    if instruction.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
        return True
    enclosing = instruction.argval in code.co_freevars and code.co_name not in _COMPREHENSIONS
    return instruction.opname in ("STORE_DEREF", "DELETE_DEREF") and enclosing


def _refused(instruction: dis.Instruction) -> tuple[str, str, str] | None:
    name, argument = instruction.opname, instruction.argval
    if name == "IS_OP" or ("JUMP" in name and name.endswith("NONE")):
        return (
            "`is`, `is not`, or `case True`, `case False`, `case None`",
            "identity looks at the symbol, not at the state",
            "`==`, `!=`, or `if condition:`; for nothing, `== NONE`",
        )
    if name in ("MATCH_CLASS", "MATCH_MAPPING", "MATCH_KEYS"):
        return (
            "a class or mapping pattern in `match`",
            "it looks at the type of the symbol, not at the state",
            "`case Phase.IDLE:` with values",
        )
    if name == "PUSH_EXC_INFO":
        return (
            "`try` or `with` in a body",
            "a fault or a failed `require` is no exception of the model",
            "`if` around what could go wrong",
        )
    if name in ("LOAD_ATTR", "LOAD_METHOD") and argument in ("__class__", "__dict__"):
        return (
            f"`.{argument}` in a body",
            "it looks at the symbol, not at the state",
            "a comparison of values",
        )
    if name.startswith("STORE_") and argument in ("NONE", "EMPTY", "ANY"):
        return (
            f"`case {argument}:`, or another assignment to `{argument}`",
            "a bare name in a pattern matches everything and is given the value",
            f"`if x == {argument}:` in front of the `match`",
        )
    if name in ("LOAD_GLOBAL", "LOAD_NAME") and argument in _TYPE_WORDS:
        return (
            f"`{argument}` in a body",
            "it looks at the symbol, not at the state",
            "a comparison of values",
        )
    return None
