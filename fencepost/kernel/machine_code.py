"""LLVM modules turned into machine code of this process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import llvmlite
import llvmlite.binding as llvm

CODE_EFFORT = 1
"""How hard LLVM's code generator works (0 to 3). At 0 it takes half the time, and the code is a
tenth slower."""


@cache
def _ready() -> bool:
    if tuple(int(n) for n in llvmlite.__version__.split(".")[:2]) < (0, 45):
        llvm.initialize()
    # Reordering instructions takes a fifth of the compile time and does not make them faster.
    llvm.set_option("fencepost", "-enable-misched=false")
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return True


def host_target(effort: int = CODE_EFFORT) -> llvm.TargetMachine:
    """The machine at hand, with all its instructions."""
    _ready()
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=effort,
        jit=True,
    )


@cache
def has_wide_registers() -> bool:
    """Whether eight 64-bit integers fit into one register."""
    return bool(llvm.get_host_cpu_features().get("avx512f"))


@dataclass(frozen=True)
class Code:
    """Loaded machine code; its addresses are good while this object lives."""

    engine: llvm.ExecutionEngine

    def address(self, name: str) -> int:
        return int(self.engine.get_function_address(name))


def load(text: str) -> Code:
    """Compile a module and load it.

    No passes run before the code generator: text written without repetitions gains nothing by
    them, and they would double the time.
    """
    machine = host_target()
    module = llvm.parse_assembly(text)
    module.triple = machine.triple
    module.data_layout = str(machine.target_data)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    return Code(engine)


def object_code(text: str) -> bytes:
    """A module as an object file for this machine, already optimised."""
    machine = host_target(3)
    module = llvm.parse_assembly(text)
    return bytes(machine.emit_object(module))


def load_object(code: bytes) -> Code:
    """Load an object file made on this machine."""
    machine = host_target()
    empty = llvm.parse_assembly("")
    engine = llvm.create_mcjit_compiler(empty, machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return Code(engine)
