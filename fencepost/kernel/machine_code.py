"""LLVM modules turned into machine code of this process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import llvmlite
import llvmlite.binding as llvm

CODE_EFFORT = 2
"""How hard LLVM's code generator works (0 to 3)."""

@cache
def _ready() -> bool:
    if tuple(int(n) for n in llvmlite.__version__.split(".")[:2]) < (0, 45):
        llvm.initialize()
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return True


def host_target(effort: int = CODE_EFFORT) -> llvm.TargetMachine:
    """This machine, with all its instructions."""
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
    """Optimise a module and load it."""
    machine = host_target()
    module = llvm.parse_assembly(text)
    module.triple = machine.triple
    module.data_layout = str(machine.target_data)
    optimise(module, machine)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    return Code(engine)


def optimise(module: llvm.ModuleRef, machine: llvm.TargetMachine) -> None:
    """The three passes that pay for code written without repetitions; more only cost time."""
    options = llvm.create_pipeline_tuning_options(speed_level=1)
    passes = llvm.create_pass_builder(machine, options)
    manager = llvm.create_new_function_pass_manager()
    manager.add_sroa_pass()
    manager.add_instruction_combine_pass()
    manager.add_simplify_cfg_pass()
    for function in module.functions:
        if not function.is_declaration:
            manager.run(function, passes)


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
