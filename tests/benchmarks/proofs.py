"""How long the proofs of the project's safe designs take.

    python -m tests.benchmarks.proofs
    python -m tests.benchmarks.proofs --repeats 5 --all
    python -m tests.benchmarks.proofs --repeats 1 --infer
    python -m tests.benchmarks.proofs --repeats 1 --infer --design by_streams

Each proof is made anew, on one core; times are medians and leave out recording the model. `--all`
proves broken designs too, by the lemmas of the nearest safe one. `--infer` finds the lemmas first,
with nothing to go by but the properties, and counts that. `--design` leaves out all other designs.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

from fencepost import build
from fencepost.analyses.inference import infer_lemmas
from fencepost.analyses.proofs import for_any_size, lemmas_of, nearest_safe
from fencepost.core.limits import Limits
from fencepost.core.results import Verdict
from fencepost.core.system import Design, System
from fencepost.engines.prove.any_size import prove_any_size
from fencepost.loading import load_models

ROOT = Path(__file__).resolve().parents[2]
MOST_S = 10.0
"""What a proof of a safe design may take."""
MOST_TO_INFER_S = 30.0
"""What finding its lemmas, and the proof, may take."""
TIME_LIMIT_S = 300.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--infer", action="store_true")
    parser.add_argument("--design", help="the name of the only design that is looked at")
    options = parser.parse_args()
    slow = 0
    for source in load_models([], ROOT, []):
        unbounded = for_any_size(build(source.model, source.properties))
        for design in unbounded.designs:
            safe = not design.expect.violations
            if not safe and not options.all:
                continue
            if options.design not in (None, design.name):
                continue
            if options.infer:
                slow += _inferred(source.name, unbounded, design, options.repeats)
                continue
            lemmas = lemmas_of(unbounded, nearest_safe(unbounded, design))
            runs = [
                prove_any_size(unbounded, design, lemmas=lemmas, again=safe)
                for _ in range(options.repeats)
            ]
            proved = sum(f.verdict is Verdict.HOLDS for f in runs[0].answer.findings)
            median = statistics.median(run.cost.search_s for run in runs)
            slow += safe and median > MOST_S
            print(
                f"{source.name:24}{design.name:40}{median:7.2f} s  "
                f"{proved} of {len(runs[0].answer.findings)} proved by {len(lemmas)} lemmas"
            )
    return int(slow > 0)


def _inferred(model: str, unbounded: System, design: Design, repeats: int) -> bool:
    """Find lemmas of a design, say how long it took, and whether that is too long."""
    limits = Limits(seconds=TIME_LIMIT_S)
    runs = [infer_lemmas(unbounded, design, limits=limits) for _ in range(repeats)]
    median = statistics.median(run.seconds for run in runs)
    told = f"{len(runs[0].lemmas)} lemmas" if runs[0].proved else f"no proof {runs[0].stopped}"
    print(f"{model:24}{design.name:40}{median:7.2f} s  {told}", flush=True)
    return median > MOST_TO_INFER_S


if __name__ == "__main__":
    sys.exit(main())
