"""The command: what it prints and writes, and how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree as ET

COMMAND = [sys.executable, "-m", "reference_impl.load"]
ROOT = Path(__file__).parents[2]


def load(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, check=False, cwd=ROOT
    )


def test_a_summary_and_plots_are_written(tmp_path: Path):
    out = tmp_path / "run"
    options = ["--requests", "80", "--interval", "8", "--late", "0.3", "--seed", "2"]
    ran = load(*options, "--out", str(out))
    assert ran.returncode == 0, ran.stderr
    assert "abnormal" in ran.stdout
    assert not ran.stderr
    safe, broken = json.loads((out / "summary.json").read_text())["designs"]
    assert safe["is_safe"]
    assert not broken["is_safe"]
    assert safe["abnormal_outputs"] == 0 < broken["abnormal_outputs"]
    assert sum(safe["input_rows"].values()) == safe["requests"] == 80
    pictures = sorted(file.name for file in out.glob("*.svg"))
    assert "length_thresholds.svg" in pictures
    for name in pictures:
        ET.parse(out / name)  # noqa: S314  # written by the command
    for one in (safe, broken):
        folder = out / one["design"].replace("/", ".")
        assert len((folder / "tokens.jsonl").read_text().splitlines()) == one["tokens"]


def test_a_design_that_is_not_there_is_told_of():
    ran = load("--design", "slot_lifecycle/nothing")
    assert ran.returncode == 2
    assert "published_fix" in ran.stderr
    assert load("--rule", "nothing").returncode == 2


def test_after_an_interrupt_what_was_counted_is_printed(tmp_path: Path):
    log = tmp_path / "tokens.jsonl"
    process = subprocess.Popen(
        [
            *COMMAND,
            "--design",
            "slot_lifecycle/safe",
            "--requests",
            "100000",
            "--out",
            str(tmp_path),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    while not (log.exists() and log.stat().st_size):
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    try:
        out, err = process.communicate(timeout=100)
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert "interrupted" in err
    found = json.loads((tmp_path / "summary.json").read_text())["designs"][0]
    assert 0 < found["requests"] < 100000
    assert "What became of the requests" in out
