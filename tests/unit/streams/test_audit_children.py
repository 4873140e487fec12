"""Child processes of an audited program: CUDA in one is refused, and nothing else is changed."""

from __future__ import annotations

import json
import multiprocessing.process
import os
import subprocess
import sys
from pathlib import Path

import pytest

RACE = """
import os, subprocess, sys
import multiprocessing as mp
import torch

def use():
    print("in child:", torch.ones(4, device="cuda").sum().item())

def work(said="worked"):
    print(said, sum(range(10)), flush=True)

if __name__ == "__main__":
    x = torch.zeros(8, device="cuda")
    torch.cuda.synchronize()
    with torch.cuda.stream(torch.cuda.Stream()):
        x.fill_(1.0)
    x.sum()
    torch.cuda.synchronize()
"""
CLEAN = RACE.replace("x.fill_(1.0)", "pass")

FORK = """
    pid = os.fork()
    if pid == 0:
        {child}
    else:
        print("child:", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""
PROCESS = """
    child = mp.get_context("{how}").Process(target={child})
    child.start()
    child.join()
    print("child:", child.exitcode, flush=True)
"""
PYTHON = """
    child = subprocess.run([sys.executable, "-c", {child!r}])
    print("child:", child.returncode, flush=True)
"""
USE = "import torch; torch.ones(4, device='cuda')"
USING = {
    "fork": FORK.format(child="use()"),
    "multiprocessing, fork": PROCESS.format(how="fork", child="use"),
    "multiprocessing, spawn": PROCESS.format(how="spawn", child="use"),
    "multiprocessing, forkserver": PROCESS.format(how="forkserver", child="use"),
    "another Python": PYTHON.format(child=USE),
    "another Python, with an environment of its own": PYTHON.format(child=USE).replace(
        "])", "], env={'PATH': os.environ['PATH']})"
    ),
    "through a shell": '    subprocess.run(f"{sys.executable} -c \\"'
    + USE
    + '\\"; true", shell=True)\n',
    "caught by the child": FORK.format(child="exec('try: use()\\nexcept Exception: pass')"),
    "a stream alone": FORK.format(child="torch.cuda.Stream()"),
    "a synchronisation alone": FORK.format(child="torch.cuda.synchronize()"),
    "a tensor of the parent": FORK.format(child="x.tolist()"),
    "a child of a child": PYTHON.format(
        child=f"import subprocess, sys; subprocess.run([sys.executable, '-c', {USE!r}])"
    ),
}


def audit(folder: Path, text: str, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "program.py").write_text(text)
    return subprocess.run(
        [sys.executable, "-m", "fencepost", "audit", *options, "program.py"],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )


@pytest.mark.parametrize("how", USING)
def test_cuda_in_a_child_is_an_error_after_the_findings(workshop, monkeypatch, how: str):
    monkeypatch.setattr(multiprocessing.process, "ORIGINAL_DIR", str(workshop.folder))
    workshop.write("program.py", RACE + USING[how])
    ran = workshop.run("audit", "--json", "found.json", "program.py")
    assert ran.code == 2
    assert ran.err.count("finding 1") == 1
    told = [
        line for line in ran.err.splitlines() if "error F230: a child process uses CUDA" in line
    ]
    assert told[0].startswith(("program.py:", "<string>:1:"))
    written = json.loads((workshop.folder / "found.json").read_text())
    assert written["exit_code"] == 2
    assert len(written["findings"]) == 1
    assert any("a child process uses CUDA at" in text for text in written["unseen"])


def test_a_child_that_comes_to_the_end_of_the_program_reports_nothing(tmp_path: Path):
    ran = audit(tmp_path, RACE + USING["fork"], "--json", "found.json")
    assert ran.returncode == 2
    assert "in child:" not in ran.stdout
    assert ran.stdout == "child: 1\n"
    assert "program.py, line 7, in use" in ran.stderr.replace('"', ""), "the child's own traceback"
    assert ran.stderr.count("finding 1") == 1, "the parent reports, and nobody else"


def test_a_child_without_cuda_works_as_ever(tmp_path: Path):
    ways = [
        FORK.format(child="work(); sys.exit(5)"),
        PROCESS.format(how="fork", child="work"),
        PROCESS.format(how="spawn", child="work"),
        PYTHON.format(child="print('worked 45'); raise SystemExit(7)"),
        PYTHON.format(
            child="import torch; print('worked 45');torch.manual_seed(1); torch.ones(4).sum()"
        ),
        FORK.format(child="work(); raise ValueError('of the child')"),
    ]
    ran = audit(tmp_path, CLEAN + "".join(ways))
    assert ran.returncode == 0
    found = [line for line in ran.stdout.splitlines() if line.startswith("child:")]
    assert found == [f"child: {status}" for status in (5, 0, 0, 7, 0, 1)]
    assert ran.stdout.count("worked 45") == len(ways)
    assert ran.stderr.count("everything that conflicts is ordered") == 1
    assert ran.stderr.count("ValueError: of the child") == 1
    assert "not seen" not in ran.stderr


def test_a_program_that_tells_nothing_of_itself_is_named(tmp_path: Path):
    isolated = PYTHON.format(child=USE).replace('"-c"', '"-I", "-c"')
    ran = audit(tmp_path, CLEAN + '    subprocess.run(["true"])\n' + isolated)
    assert ran.returncode == 0
    assert "everything that was seen and conflicts is ordered" in ran.stderr
    line = len(CLEAN.splitlines()) + 1
    told = f"the program true was started at program.py:{line}; what it does on CUDA is not seen"
    assert told in ran.stderr
    assert f"the program {Path(sys.executable).name} was started at program.py:" in ran.stderr


def test_a_child_that_outlives_the_program_is_told_of(tmp_path: Path):
    ran = audit(
        tmp_path,
        CLEAN + "    if os.fork() == 0:\n        import time; time.sleep(3); os._exit(0)\n",
    )
    assert ran.returncode == 0
    assert "a child process was still running at the end; what came then is not seen" in ran.stderr


def test_replacing_the_audited_program_is_refused(tmp_path: Path):
    ran = audit(tmp_path, RACE + '    os.execvp("true", ["true"])\n')
    assert ran.returncode == 2
    assert "error F220: os.execv" in ran.stderr
    assert "finding 1" in ran.stderr


def test_leaving_at_once_is_reported_as_any_other_end(tmp_path: Path, monkeypatch):
    (tmp_path / "scratch").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    assert audit(tmp_path, RACE + "    os._exit(0)\n").returncode == 1
    ran = audit(tmp_path, CLEAN + "    os._exit(3)\n")
    assert ran.returncode == 2
    assert "exit status 3" in ran.stderr
    assert not list((tmp_path / "scratch").glob("fencepost-*")), "nothing is left behind"


def test_the_environment_is_as_it_was_afterwards(workshop, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "somewhere")
    workshop.write("program.py", "import os; assert os.environ['PYTHONPATH'].endswith('somewhere')")
    assert workshop.run("audit", "program.py").code == 0
    assert os.environ["PYTHONPATH"] == "somewhere"
    assert not [name for name in os.environ if name.startswith("FENCEPOST_AUDIT")]


def test_a_sitecustomize_of_the_users_still_runs(tmp_path: Path, monkeypatch):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text("import sys; sys.own = 'own'")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    ran = audit(tmp_path, CLEAN + PYTHON.format(child="import sys; print('worked', sys.own)"))
    assert "worked own" in ran.stdout


LOADER = """
import torch
from torch.utils.data import DataLoader, TensorDataset

data = TensorDataset(torch.arange(8.0))
loader = DataLoader(data, 4, num_workers=1, pin_memory=True, multiprocessing_context="fork")
print(sum(batch.to("cuda", non_blocking=True).sum().item() for (batch,) in loader))
"""


def test_the_workers_of_a_loader_use_no_cuda(workshop):
    workshop.write("program.py", LOADER)
    ran = workshop.run("audit", "program.py")
    assert (ran.code, ran.out) == (0, "28.0\n")
    assert "everything that conflicts is ordered" in ran.err
