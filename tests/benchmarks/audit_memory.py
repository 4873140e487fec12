"""How much memory an audit takes for each operation of a long program.

    python -m tests.benchmarks.audit_memory [OPERATIONS]

Each kind of program is audited whole, with 200 000 and with 400 000 queued operations, in processes
of their own; what the second takes more than the first, for each operation, is what a program that
goes on takes.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

MOST_BYTES = 2_000
START = """
import torch
load = torch.cuda.Stream()
x = torch.zeros(1024, 4, device="cuda")
rows = torch.randperm(1024)[:64].cuda()
some = torch.ones(64, 4, device="cuda")
torch.cuda.synchronize()
for number in range({count}):
    {body}
    if number % 1000 == 999:
        torch.cuda.synchronize()
"""
PROGRAMS = {
    "in place": "x.add_(1)",
    "new result, freed": "made = x + 1",
    "on two streams, with record and wait": (
        "torch.cuda.current_stream().wait_stream(load); x.add_(1); load.wait_event("
        "torch.cuda.current_stream().record_event())"
    ),
    "64 scattered rows": "x.index_copy_(0, rows, some)",
}


def audited(body: str, count: int) -> tuple[int, float]:
    """The peak in bytes of the audit of a program, and the seconds of the processor."""
    with TemporaryDirectory() as folder:
        program = Path(folder) / "program.py"
        program.write_text(START.format(body=body, count=count))
        command = [sys.executable, "-m", "fencepost", "audit", str(program)]
        alone = {**os.environ, "OMP_NUM_THREADS": "1"}
        ran = subprocess.run(command, text=True, capture_output=True, check=False, env=alone)
        assert "that conflicts is ordered" in ran.stderr, ran.stderr
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_maxrss * 1024, used.ru_utime + used.ru_stime


def main(measure: Callable[[str, int], tuple[int, float]] = audited) -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    worst = 0.0
    for name, body in PROGRAMS.items():
        fewer = count // 4 if "rows" in name else count
        peaks = []
        for number in (fewer, 2 * fewer):
            # The peak of children is that of all so far: each measurement has its own process.
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                peak, seconds = pool.submit(measure, body, number).result()
            peaks.append(peak)
            print(f"{name}: {number:,} took {peak / 2**20:.0f} MiB, {seconds:.0f} s", flush=True)
        each = (peaks[1] - peaks[0]) / fewer
        print(f"{name}: {each:.0f} bytes for each more")
        if "rows" not in name:
            worst = max(worst, each)
    return int(worst > MOST_BYTES)


if __name__ == "__main__":
    sys.exit(main())
