"""Pages performed: their files written, their code run, their commands typed."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.docs.pages import ROOT, Block, Command, Page

LANGUAGES = ("python", "console", "diff", "toml", "json", "yaml", "text")
SHELL = re.compile(r"[|<>;&$`*]")
PROGRESS = re.compile(
    r"^.*(\d/s, depth \d.* waiting, |\d of [\d ]+ obligations, "
    r"|\d of [\d ]+ (sets|mutants), .*, \d+ s$|\d steps performed, \d+ s$).*\n",
    re.MULTILINE,
)
SECONDS = 120
MODULES = re.compile(r"(models|properties|(model|adapter)_file_\w+)(\.|$)")


class WrongPage(Exception):
    """A page says something that is not so."""


Judge = Callable[[Page, Command, str, Path], None]
"""What is done with the output of a command, which ran in a folder."""


class Session:
    """A folder in which a page is performed, inside this process where that is possible."""

    def __init__(self, page: Page, folder: Path, judge: Judge) -> None:
        self.page = page
        self.folder = folder
        self.judge = judge
        self.code = 0
        self.namespace: dict[str, Any] = {"__name__": "page"}

    def perform(self, *, only_files: bool = False) -> None:
        """Perform every block, or only those that leave files behind."""
        typed = [c.text for b in self.page.blocks if b.language == "console" for c in b.commands()]
        for block in self.page.blocks:
            match block.language:
                case "python" if block.file:
                    compile(block.text, block.file, "exec", dont_inherit=True)
                    self._write(block)
                case "toml" if block.file:
                    self._write(block)
                case "diff":
                    self._change(block)
                case "console" if only_files:
                    self._type_new(block)
                case _ if only_files:
                    pass
                case "python":
                    self._run(block)
                case "console":
                    for command in block.commands():
                        self.judge(self.page, command, self.type(command.text), self.folder)
                case "toml":
                    tomllib.loads(block.text)
                case "json":
                    json.loads(block.text)
                case "yaml":
                    self._check_pipeline(block, typed)
                case "text":
                    if any(line.startswith("$ ") for line in block.lines):
                        raise self._wrong(block, "a command stands in a console block")
                case _:
                    known = ", ".join(LANGUAGES)
                    raise self._wrong(block, f"a block is one of {known}, not {block.language!r}")

    def _wrong(self, block: Block, what: str) -> WrongPage:
        return WrongPage(f"{self.page.name}:{block.line}: {what}")

    def _type_new(self, block: Block) -> None:
        """Of the commands of an earlier page, those that leave files for later ones."""
        for command in block.commands():
            if command.text.startswith("fencepost new "):
                self.type(command.text)

    def _write(self, block: Block) -> None:
        file = self.folder / block.file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block.text)

    def _change(self, block: Block) -> None:
        if len(block.lines) < 3 or not block.lines[0].startswith("--- "):
            raise self._wrong(block, "a diff starts with `--- FILE` and `+++ FILE`")
        file = self.folder / block.lines[0][4:]
        text = file.read_text()
        for hunk in re.split(r"^@@.*\n", "\n".join(block.lines[2:]) + "\n", flags=re.MULTILINE)[1:]:
            lines = hunk.splitlines()
            if any(line and line[0] not in " +-" for line in lines):
                raise self._wrong(block, "a line of a diff starts with a space, + or -")
            old = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("+"))
            new = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("-"))
            times = f"\n{text}".count(f"\n{old}")
            if times != 1:
                raise self._wrong(block, f"the old lines occur {times} times:\n{old}")
            text = f"\n{text}".replace(f"\n{old}", f"\n{new}")[1:]
        compile(text, str(file), "exec", dont_inherit=True)
        file.write_text(text)

    def _run(self, block: Block) -> None:
        forget_models()
        code = compile("\n" * (block.line - 1) + block.text, str(self.page.file), "exec")
        exec(code, self.namespace)

    def _check_pipeline(self, block: Block, typed: list[str]) -> None:
        runs = re.findall(r"^\s*(?:- )?run: (.*)$", block.text, re.MULTILINE)
        for command in runs or ["nothing"]:
            if command not in typed:
                raise self._wrong(
                    block, f"the pipeline runs {command!r}, which the page never does"
                )

    def type(self, command: str) -> str:
        """What a command prints, on standard output and then on standard error."""
        words = shlex.split(command)
        if words[0] == "make":
            return "".join(self.type(line) for line in self._recipe(*words[1:]))
        if words[0] == "fencepost" and not SHELL.search(command):
            return self._fencepost(words[1:])
        if command == "echo $?":
            return f"{self.code}\n"
        ran = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=self.folder,
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        self.code = ran.returncode
        return ran.stdout + ran.stderr

    def _recipe(self, target: str) -> list[str]:
        """The commands of a target of the Makefile, of which the page runs `fencepost` alone."""
        makefile = (ROOT / "Makefile").read_text()
        found = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
        if found is None:
            raise WrongPage(f"{self.page.name}: the Makefile has no {target}")
        lines = [line.strip().removeprefix(".venv/bin/") for line in found[1].splitlines()]
        if not all(line.startswith("fencepost ") for line in lines):
            raise WrongPage(f"{self.page.name}: make {target} runs more than fencepost")
        return lines

    def _fencepost(self, arguments: list[str]) -> str:
        from fencepost.cli import run

        forget_models()
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            self.code = run(arguments)
        return out.getvalue() + PROGRESS.sub("", err.getvalue())


def forget_models() -> None:
    """Let the files of the folder that a page works in be loaded again, since it changes them."""
    here = f"{Path.cwd()}/"
    for name, module in list(sys.modules.items()):
        if MODULES.match(name) or str(getattr(module, "__file__", None)).startswith(here):
            del sys.modules[name]


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Work in a folder, with the search path and the models known before restored afterwards."""
    path, kept = list(sys.path), {k: m for k, m in sys.modules.items() if MODULES.match(k)}
    with contextlib.chdir(folder):
        sys.path.insert(0, str(folder))
        try:
            yield
        finally:
            sys.path[:] = path
            forget_models()
            sys.modules.update(kept)


def perform(page: Page, folder: Path, judge: Judge) -> None:
    """Perform a page in a folder that is still empty."""
    with working_in(folder):
        furnish(page, folder)
        Session(page, folder, judge).perform()


def furnish(page: Page, folder: Path) -> None:
    """Put into a folder what a page starts with."""
    kind, _, rest = page.folder.partition(" ")
    match kind:
        case "empty":
            pass
        case "project":
            (folder / "pyproject.toml").write_text("[tool.fencepost]\n")
        case "repository":
            for name in ("models", "properties"):
                shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__py*"))
            for name in ("pyproject.toml", "Makefile"):
                shutil.copy(ROOT / name, folder / name)
        case "after":
            before = Page((page.file.parent / rest).resolve())
            furnish(before, folder)
            Session(before, folder, _ignore).perform(only_files=True)
        case _:
            raise WrongPage(f"{page.name}: no page runs in {page.folder!r}")


def _ignore(_page: Page, _command: Command, _output: str, _folder: Path) -> None:
    """The output of an earlier page is compared when that page is performed itself."""


def missing_programs(page: Page) -> list[str]:
    """The programs that a page needs and this machine does not have."""
    return [name for name in page.needs if shutil.which(name) is None]
