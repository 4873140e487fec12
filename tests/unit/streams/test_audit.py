"""`fencepost audit`: exit codes, where its output goes, and programs that fail."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

RACE = """
import sys
import torch

x = torch.zeros(8, device="cuda")
s = torch.cuda.Stream()
torch.cuda.synchronize()
with torch.cuda.stream(s):
    x.fill_(1.0)
print(sys.argv[1:], __name__)
x.sum()
torch.cuda.synchronize()
"""


@pytest.fixture
def program(workshop):
    def write(text: str) -> str:
        workshop.write("program.py", text)
        return "program.py"

    return write


def test_nothing_unordered(workshop, program):
    ran = workshop.run("audit", program("import torch; print(torch.ones(2, device='cuda').sum())"))
    assert ran.code == 0
    assert "tensor(2., device='cuda:0')" in ran.out
    assert "everything that conflicts is ordered" in ran.err


def test_a_program_that_replaces_its_streams_does_not_swallow_the_report(
    workshop, program, monkeypatch
):
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, getattr(sys, name))
    text = (
        "import io, sys\nsys.stderr = io.StringIO()\nsys.stdout = io.StringIO()\nsys.stdout.close()"
    )
    ran = workshop.run("audit", program(text))
    assert ran.code == 0
    assert "everything that conflicts is ordered" in ran.err


def test_a_finding(workshop, program):
    ran = workshop.run("audit", program(RACE), "--flag", "value")
    assert ran.code == 1
    assert ran.out == "['--flag', 'value'] __main__\n"
    assert "fill_.Scalar writes on stream 1, at program.py:9" in ran.err
    assert "sum reads on the default stream, at program.py:11" in ran.err


REUSED = """
import torch

load = torch.cuda.Stream()
host = torch.arange(8, dtype=torch.float32).pin_memory()
cache = torch.zeros(8, device="cuda")
out = torch.zeros(8, device="cuda")
for layer in range(4):
    with torch.cuda.stream(load):
        cache.copy_(host, non_blocking=True)
    out += cache
torch.cuda.synchronize()
"""


def test_what_is_proposed_typed_as_it_stands_orders_all_that_it_is_said_to(workshop, program):
    found = workshop.run("audit", program(REUSED)).err
    before, after = "stream 1.wait_stream(default) before", "default.wait_stream(stream 1) before"
    assert f"missing: {before} copy to device (program.py:10)" in found
    assert f"missing: {after} add_.Tensor (program.py:11)" in found
    assert "and copy to device writes on stream 1, at program.py:10\n" in found, "the buffer reused"
    assert found.count("finding ") == 2
    default = "torch.cuda.default_stream()"
    mended = REUSED.replace(
        "        cache.copy_", f"        load.wait_stream({default})\n        cache.copy_"
    )
    half = workshop.run("audit", program(mended))
    assert half.code == 1
    assert half.err.count("finding ") == 1
    whole = mended.replace("    out +=", f"    {default}.wait_stream(load)\n    out +=")
    assert workshop.run("audit", program(whole)).code == 0


def test_findings_as_json(workshop, program):
    ran = workshop.run("audit", "--json", "found.json", program(RACE))
    assert ran.code == 1
    (finding,) = json.loads((workshop.folder / "found.json").read_text())["findings"][:1]
    assert finding["first"]["kind"] == "write"
    assert (finding["start"], finding["stop"]) == (0, 32)


def test_a_program_that_fails_is_told_after_its_findings_are_kept(workshop, program):
    ran = workshop.run("audit", program(RACE + "raise ValueError('no')"))
    assert ran.code == 2
    assert "ValueError: no" in ran.err
    assert "finding 1" in ran.err
    assert "fencepost/streams" not in ran.err.partition("finding 1")[0]


def test_the_exit_status_of_the_program_is_shown(workshop, program):
    ran = workshop.run("audit", program("import sys; sys.exit(7)"))
    assert ran.code == 2
    assert "exit status 7" in ran.err
    assert workshop.run("audit", program("import sys; sys.exit(0)")).code == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("torch.cuda.CUDAGraph()", "a CUDA graph"),
        ("torch.ones(2, device='cuda:1')", "cuda:1"),
        ("torch.ones(2).to('cuda:1')", "cuda:1"),
        ("torch.compile(lambda x: x)", "torch.compile"),
        ("torch.cuda.Event(interprocess=True)", "another process"),
        ("torch.cuda.ExternalStream(1)", "an external stream"),
        ("torch.ones(2, device='cuda').share_memory_()", "share_memory_"),
    ],
)
def test_what_is_not_supported_says_so(workshop, program, text, said):
    ran = workshop.run("audit", program(f"import torch\n{text}\n"))
    assert ran.code == 2
    assert "error F220" in ran.err
    assert said in ran.err


def test_a_module(workshop):
    workshop.write("package/__init__.py", "")
    workshop.write("package/main.py", "import sys; print(sys.argv[1:], __name__)")
    ran = workshop.run("audit", "-m", "package.main", "--own", "1")
    assert ran.code == 0
    assert ran.out == "['--own', '1'] __main__\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--jsn", "found.json", "program.py"), "'--jsn'. Did you mean '--json'?"),
        (("--polcy=random", "program.py"), "'--polcy'. Did you mean '--policy'?"),
        (("-x", "program.py"), "'-x'"),
        (("--seed", "3", "--own", "-m", "package.main"), "'--own'"),
    ],
)
def test_an_unknown_option_before_the_program_is_an_error(workshop, program, arguments, said):
    program("print('ran')")
    ran = workshop.run("audit", *arguments)
    assert ran.code == 2
    assert f"error F01: No such option {said}" in ran.err
    assert ran.out == ""


@pytest.mark.parametrize("options", [(), ("--policy", "eager"), ("--seed=3",)])
def test_what_follows_the_program_is_its_own(workshop, program, options):
    program("import sys; print(sys.argv[1:])")
    own = ("--json", "x", "-m", "y", "--", "-z")
    for named in (("program.py",), ("-m", "program"), ("-mprogram",)):
        ran = workshop.run("audit", *options, *named, *own)
        assert (ran.code, ran.out) == (0, f"{list(own)}\n")
    assert workshop.run("audit", *options, "--", "program.py", "-z").out == "['-z']\n"


ERRORS = {
    "F221": """
@torch.library.custom_op('own::kernel', mutates_args=())
def kernel(x: torch.Tensor) -> torch.Tensor:
    return x.clone()

kernel(torch.ones(2, device='cuda'))  # here
""",
    "F226": """
x = torch.ones(2, device='cuda', requires_grad=True)
with torch.cuda.stream(torch.cuda.Stream()):
    y = x * 2
(y * 2).sum().backward()  # here
""",
    "F220": """
def use(device):
    return torch.ones(2, device=device)  # here

torch.nn.Sequential()(use('cuda:1'))
""",
}


@pytest.mark.parametrize("code", ERRORS)
def test_an_error_is_at_the_line_of_the_program(workshop, program, code):
    text = f"import torch\n{ERRORS[code]}"
    line = next(n for n, t in enumerate(text.splitlines(), 1) if t.endswith("# here"))
    ran = workshop.run("audit", program(text))
    assert ran.code == 2
    told = ran.err.partition("the program ended there")[0]
    assert f"program.py:{line}: error {code}" in told
    frames = [shown for shown in told.splitlines() if shown.startswith("  File ")]
    assert all('"program.py"' in frame for frame in frames)
    assert f"line {line}," in frames[-1]


def test_an_error_of_torch_keeps_the_frames_of_torch(workshop, program):
    text = "import torch\ntorch.nn.Linear(2, 2).cuda()(torch.ones(3, device='cuda'))\n"
    ran = workshop.run("audit", program(text))
    assert ran.code == 2
    assert "nn/modules/linear.py" in ran.err
    assert "fencepost/streams" not in ran.err


def test_what_is_not_there(workshop):
    assert "F225" in workshop.run("audit", "missing.py").err
    assert "F01" in workshop.run("audit").err
    workshop.write("program.py", "")
    assert "F223" in workshop.run("audit", "--adapter", "nobody", "program.py").err


def test_without_torch_the_error_says_so(tmp_path: Path):
    (tmp_path / "program.py").write_text("")
    code = (
        "import sys, importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda n, *a: None if n == 'torch' else find(n, *a)\n"
        "from fencepost.cli import run; sys.exit(run(['audit', 'program.py']))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert ran.returncode == 2
    assert "error F224: torch is not installed" in ran.stderr


def test_torch_is_as_it_was_afterwards(workshop, program):
    import torch

    before = {name: getattr(torch.cuda, name) for name in ("Stream", "is_available", "synchronize")}
    workshop.run("audit", program(RACE))
    assert {name: getattr(torch.cuda, name) for name in before} == before
    assert torch.ones(2).device.type == "cpu"
    assert "device" not in vars(torch.Tensor)
