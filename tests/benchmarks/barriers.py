"""How long it takes to decide every set of barriers of the protocols.

    python -m tests.benchmarks.barriers

Each line is one question: how many sets, how many searches, seconds from the recorded system to
the answer, compiling included. `--whole` searches every set unless another search tells of it;
`--minimal` only what the minimal sets need.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from fencepost.analyses.barrier_questions import questions
from fencepost.analyses.barriers import Barring
from fencepost.engines.explore import explore
from fencepost.language import build
from fencepost.loading import load_model

ROOT = Path(__file__).resolve().parents[2]
EIGHT_OF_WRITES = (
    "error_waits_for_siblings",
    "abort_waits_for_handles",
    "reformat_waits_for_all_parts",
    "completion_follows_visibility",
    "error_follows_flush",
    "success_waits_for_record",
    "failed_is_sticky",
    "failure_is_announced",
)
CASES: tuple[tuple[str, tuple[str, ...], str, bool], ...] = (
    ("rdma_write_completion", EIGHT_OF_WRITES, "", True),
    ("rdma_write_completion", EIGHT_OF_WRITES, "", False),
    ("rdma_write_completion", (), "", False),
    ("slot_lifecycle", (), "published_fix", False),
    ("slot_lifecycle", (), "safe", False),
    ("async_cache_load", (), "by_streams", False),
    ("async_cache_load", (), "", False),
    ("slot_lifecycle", (), "", False),
)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.barriers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--first", type=int, default=len(CASES), help="only so many cases")
    for name, varied, design, whole in CASES[: parser.parse_args().first]:
        source = load_model(name, ROOT)
        system = build(source.model, source.properties, {})
        around = system.design(design) if design else None
        began = time.perf_counter()
        (question,) = questions(system, varied=varied, design=around, whole=whole)
        answer = Barring(system, explore).answer(question)
        seconds = time.perf_counter() - began
        how = "whole" if whole else "minimal"
        print(
            f"{name:22}{len(question.varied):3} barriers{answer.sets:9} sets  {how:8}"
            f"{answer.counts['searched']:5} searches{seconds:8.1f} s  "
            f"{len(answer.sufficient.minimal)} minimal",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
