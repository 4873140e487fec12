"""Requests aborted while large writes are in flight, and their slots used again, over NIXL.

    python -m reference_impl.adapters.abort_and_reuse --design as_reported --seconds 60

The decode process has one slot. It gives it to a long request, aborts that while the prefill
process writes into it, and gives it, as soon as the design lets it, to a short one, whose writes go
over a connection of their own, as with several transfer workers. What it decodes is looked at as
long as it decodes: every byte must be of its own request. Over shared memory a write is over as
soon as it is posted, so UCX is told to use TCP unless `UCX_TLS` says otherwise.

Every five seconds what was counted so far is said on stderr. A process that is not done after
`--seconds` and `--grace` is ended, and says where it was; what was counted is printed all the same.
The exit code is 1 if foreign bytes were seen, and 2 if a process failed or had to be ended.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

from reference_impl.adapters.processes import ProcessError, end_after

EVERY = 5.0
"""Seconds between two lines about how far it is."""
LAST = 10.0
"""Seconds beyond its limit in which the command ends its processes, before it is ended itself."""


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line asks for; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m reference_impl.adapters.abort_and_reuse",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--design", default="published_fix", help="of models/slot_lifecycle.py")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0, help="of when requests are aborted")
    parser.add_argument(
        "--grace",
        type=float,
        default=100.0,
        metavar="SECONDS",
        help="for loading, starting and ending, on top of --seconds (default: 100)",
    )
    asked = parser.parse_args(arguments)
    start, limit = time.monotonic(), asked.seconds + asked.grace
    end_after(limit + LAST)
    # Loading torch may take long too, and is bound by what the line above does.
    from reference_impl.adapters.abort_and_reuse_runs import run, shared_counts
    from reference_impl.adapters.designs import design, handoff

    os.environ.setdefault("UCX_TLS", "tcp")
    on = handoff("slot_lifecycle", design("slot_lifecycle", asked.design)).on
    counts, said, failure = shared_counts(), start, ""

    def say_how_far() -> None:
        nonlocal said
        now = time.monotonic()
        if now - said >= EVERY:
            said = now
            sys.stderr.write(f"{now - start:.0f} s: {counts}\n".replace("\n", "; ", 1))

    try:
        left = round(limit - (time.monotonic() - start), 1)
        run(on, asked.seconds, counts, timeout=left, seed=asked.seed, meanwhile=say_how_far)
    except ProcessError as error:
        failure = f"ended after {time.monotonic() - start:.0f} s of "
        sys.stderr.write(f"abort_and_reuse: {error}\n")
    sys.stdout.write(f"{asked.design}, {failure}{asked.seconds:g} s: {counts}\n")
    sys.stdout.flush()  # and not at the end of the interpreter, which may wait for others
    return 2 if failure else int(counts.foreign > 0)


if __name__ == "__main__":
    sys.exit(main())
