"""Which source files are Python's own."""

from __future__ import annotations

import sysconfig

_FOLDERS = (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))


def is_standard_library(file: str) -> bool:
    """Whether a source file is of the standard library; installed packages may lie inside it."""
    return file.startswith(_FOLDERS) and "site-packages" not in file
