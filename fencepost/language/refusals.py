"""What Python decides without asking a value: refused, by the bytecode of whatever a body runs.

Identity tests, class patterns and type checks look at the symbol and not at the state, so they
would be recorded wrong in silence. While a body is recorded, every Python function that starts is
looked at once.
"""

from __future__ import annotations

import dis
import gc
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

from fencepost.core.errors import InputError
from fencepost.language.machine import PACKAGE, _is_source, place

_LIBRARY = tuple({sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")})
_TYPE_WORDS = frozenset({"isinstance", "issubclass", "type", "id", "hash", "callable", "getattr"})

_checked: set[CodeType] = set()


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
    before, collecting = sys.getprofile(), gc.isenabled()
    # The collector would run finalisers of other packages in here, and they are no part of a body.
    gc.disable()
    sys.setprofile(_on_event)
    try:
        yield
    finally:
        sys.setprofile(before)
        if collecting:
            gc.enable()


def _on_event(frame: FrameType, event: str, _: Any) -> None:
    code = frame.f_code
    if event == "call" and code not in _checked:
        _checked.add(code)
        name = code.co_filename
        library = name.startswith(_LIBRARY) and "site-packages" not in name
        if _is_source(name) and not library and not name.startswith(PACKAGE):
            try:
                check_code(code)
            except InputError:
                _checked.discard(code)
                raise


def check_code(code: CodeType) -> None:
    """Refuse a function whose bytecode decides something without asking."""
    for instruction in dis.get_instructions(code):
        found = _refused(instruction)
        if found is not None:
            what, why, write = found
            at = place(code, instruction.offset, code.co_firstlineno)
            raise InputError("F90", what, why=why, write=write, at=at)


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
    if name in ("LOAD_GLOBAL", "LOAD_NAME") and argument in _TYPE_WORDS:
        return (
            f"`{argument}` in a body",
            "it looks at the symbol, not at the state",
            "a comparison of values",
        )
    return None
