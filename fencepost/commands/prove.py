"""`fencepost prove`: prove designs for any size by their lemmas."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fencepost.commands.options import (
    cannot_write,
    check_writable,
    parse_memory,
    parse_seconds,
    parse_sizes,
    set_option,
    write_out,
)
from fencepost.core.errors import InputError

if TYPE_CHECKING:
    from fencepost.core.limits import Limits
    from fencepost.proving import ModelProof, Options

EPILOG = """\b
Examples:
  fencepost prove                                 every design of every model
  fencepost prove slot_lifecycle --design safe    one design, with what was proved by what
  fencepost prove slot_lifecycle --design as_reported     the step that breaks a lemma
  fencepost prove slot_lifecycle --design safe --lemma slot_belongs_to_its_request
  fencepost prove slot_lifecycle --set requests=3     lemmas are tried at these sizes before
  fencepost prove slot_lifecycle --smtlib out     every obligation for a second solver
  fencepost prove slot_lifecycle --design safe --infer    find the lemmas
  fencepost prove --timeout 60 --max-memory 2G --json proofs.json
"""


@click.command("prove", epilog=EPILOG, short_help="Prove designs for any size by their lemmas.")
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option("--design", "designs", multiple=True, help="Only this design; may be repeated.")
@click.option(
    "--property", "properties", multiple=True, help="Only this property; may be repeated."
)
@click.option("--lemma", "lemmas", multiple=True, help="By these lemmas alone; may be repeated.")
@set_option
@click.option("--timeout", metavar="SECONDS", help="End the proof of a design after this long.")
@click.option("--max-memory", metavar="SIZE", help="End a proof at this much memory, as in 4G.")
@click.option(
    "--smtlib", metavar="FOLDER", help="Write every obligation as an SMT-LIB file, to be refuted."
)
@click.option(
    "--infer",
    is_flag=True,
    help="Find the lemmas, and print them to be pasted; --lemma names the first candidates.",
)
@click.option("--json", "json_path", metavar="FILE", help="Write the report as JSON; - is stdout.")
@click.option("-q", "--quiet", is_flag=True, help="Print only what is not as expected.")
def command(
    models: tuple[str, ...],
    designs: tuple[str, ...],
    properties: tuple[str, ...],
    lemmas: tuple[str, ...],
    sizes: tuple[str, ...],
    timeout: str | None,
    max_memory: str | None,
    smtlib: str | None,
    infer: bool,
    json_path: str | None,
    quiet: bool,
) -> int:
    """Prove that `always` properties hold for any number of requests, slots, whatever there is.

    By induction: lemmas, which stand beside the properties, hold initially, every step keeps them,
    and with them no step faults. A design that is expected to hold has to be proved; one that is
    broken must not be, and the action that breaks a lemma has to be the one that it blames.
    """
    from fencepost.core.limits import Limits
    from fencepost.proving import Options

    check_writable("--json", json_path)
    if infer:
        _refuse_beside_infer(properties=properties, smtlib=smtlib, set=sizes)
        limits = Limits(
            seconds=parse_seconds("--timeout", timeout),
            memory_bytes=parse_memory("--max-memory", max_memory),
        )
        return _infer(models, designs, lemmas, limits, json_path, quiet=quiet)
    options = Options(
        designs=designs,
        properties=properties,
        lemmas=lemmas,
        parameters=parse_sizes(sizes),
        limits=Limits(
            seconds=parse_seconds("--timeout", timeout),
            memory_bytes=parse_memory("--max-memory", max_memory),
        ),
        smtlib=None if smtlib is None else _folder(smtlib),
    )
    proofs, errors = _prove(models, options)
    from fencepost.cli import INPUT_AT_FAULT
    from fencepost.proving import exit_code

    code = INPUT_AT_FAULT if errors else exit_code(proofs)
    _print(proofs, errors, full=bool(designs), quiet=quiet, to_stderr=json_path == "-")
    if json_path is not None:
        from fencepost.report.proofs import proofs_as_json

        write_out("--json", json_path, json.dumps(proofs_as_json(proofs, errors, code), indent=1))
    return code


def _refuse_beside_infer(**options: object) -> None:
    for name, given in options.items():
        if given:
            option = {"properties": "--property"}.get(name, f"--{name}")
            raise InputError(
                "F140",
                f"{option} is given beside --infer",
                why="lemmas are inferred for all `always` properties of a design together",
                write=f"--infer without {option}, or {option} without --infer",
            )


def _infer(
    models: Sequence[str],
    designs: tuple[str, ...],
    lemmas: tuple[str, ...],
    limits: Limits,
    json_path: str | None,
    *,
    quiet: bool,
) -> int:
    """Infer lemmas for what was named; models at fault are set aside."""
    from fencepost.checking import prepare_all
    from fencepost.cli import INPUT_AT_FAULT, print_error
    from fencepost.inferring import exit_code, infer_model
    from fencepost.loading import load_models
    from fencepost.report.inferences import inferences_as_json, print_inferences
    from fencepost.report.progress import InferenceLine
    from fencepost.report.terminal import Terminal
    from fencepost.selection import concerned, design_names, shared

    errors: list[InputError] = []
    systems = prepare_all(load_models(models, Path.cwd(), errors), {}, errors)
    if not errors:
        shared("F10", "design", [(s, design_names(y)) for s, y in systems], designs)
    watch, found = InferenceLine(sys.stderr), []
    for source, system in systems:
        chosen = concerned(designs, design_names, system)
        if chosen is None:
            continue
        try:
            found.append(infer_model(source, system, chosen, limits, lemmas=lemmas, watch=watch))
        except InputError as error:
            errors.append(error)
        finally:
            watch.close()
        if found and found[-1].interrupted:
            break
    code = INPUT_AT_FAULT if errors else exit_code(found)
    terminal = Terminal(sys.stderr if json_path == "-" else sys.stdout)
    if found and not quiet:
        print_inferences(found, terminal, full=bool(designs))
    terminal.flush()
    for at_fault in errors:
        print_error(at_fault, sys.stderr)
    if json_path is not None:
        write_out(
            "--json", json_path, json.dumps(inferences_as_json(found, errors, code), indent=1)
        )
    return code


def _folder(name: str) -> Path:
    folder = Path(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        write = "a folder: a new one, or one that you may write to"
        raise cannot_write("--smtlib", name, error.strerror or str(error), write) from error
    return folder


def _prove(models: Sequence[str], options: Options) -> tuple[list[ModelProof], list[InputError]]:
    """Prove what can be proved; models at fault are set aside."""
    from fencepost.checking import prepare_all
    from fencepost.loading import load_models
    from fencepost.proving import prove_model
    from fencepost.report.progress import ProofLine
    from fencepost.selection import concerned, design_names, property_names, shared

    errors: list[InputError] = []
    systems = prepare_all(load_models(models, Path.cwd(), errors), options.parameters, errors)
    if not errors:
        shared("F10", "design", [(s, design_names(y)) for s, y in systems], options.designs)
        shared("F11", "property", [(s, property_names(y)) for s, y in systems], options.properties)
    watch = ProofLine(sys.stderr)
    proofs: list[ModelProof] = []
    for source, system in systems:
        designs = concerned(options.designs, design_names, system)
        properties = concerned(options.properties, property_names, system)
        if designs is None or properties is None:
            continue
        narrowed = replace(options, designs=designs, properties=properties)
        try:
            proofs.append(prove_model(source, system, narrowed, watch=watch))
        except InputError as error:
            errors.append(error)
        finally:
            watch.close()
        if proofs and proofs[-1].interrupted:
            break
    if not proofs and not errors:
        raise InputError(
            "F03",
            "there is nothing to prove",
            why="no model has both a design and a property that were named",
            write="--design and --property of the same model",
        )
    return proofs, errors


def _print(
    proofs: Sequence[ModelProof],
    errors: Sequence[InputError],
    *,
    full: bool,
    quiet: bool,
    to_stderr: bool,
) -> None:
    from fencepost.cli import print_error
    from fencepost.report.proofs import ProofStories, proof_table
    from fencepost.report.terminal import Terminal

    terminal = Terminal(sys.stderr if to_stderr else sys.stdout)
    stories = ProofStories(terminal, full=full, only_unexpected=quiet)
    if any(proof.proofs for proof in proofs) and not quiet:
        terminal.table(proof_table(proofs))
    for proof in proofs:
        stories.tell(proof)
    if any(proof.interrupted for proof in proofs):
        terminal.line("interrupted: what comes after it was not proved", "warn")
    terminal.flush()
    for error in errors:
        print_error(error, sys.stderr)
