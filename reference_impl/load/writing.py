"""What a run leaves behind: serving state beside every token, and cases for postmortem."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

from reference_impl.load.serving import Ended, Suspected

MOST_CASES = 50
"""Cases that a run stores; more are counted and not stored."""
SCHEMA: dict[str, str] = {
    "request": "number of the request in the workload; retries of it have the same",
    "attempt": "0, and one more for each retry",
    "end": "how the attempt ended: delivered, or why not",
    "position": "of the token in the answer, from 0",
    "token": "what was generated",
    "right": "what the oracle generates there",
    "step": "the decode step that made it, from 0; null for the first, which prefill made, and "
    "where nothing is drafted",
    "drafted": "drafts of that step; null as above",
    "accepted": "of them, those that the target model agreed with; null as above",
    "node": "the prefill node, from 0, and one more for each that was lost; null where there is "
    "none",
    "rejected": "whether that node rejected the handoff",
    "suspected": "whether the monitor aborts the attempt, or would if it acted",
    "prompt_rows": "length of the prompt, scaled",
    "reused_rows": "rows of the prompt that came from an earlier prompt, or from host memory",
    "pages": "of the request's slot, where it decodes; none in a layer split",
    "generation": "how often the first of these pages has been given out",
    "state": "at the step, or at the launch of an answer that is queued whole: tick; requests "
    "decoding, waiting, transferring, reclaiming; used_pages of pages; writes_under_way; "
    "lost_nodes. null for a first token that prefill made",
}
"""The fields of a line of `tokens.jsonl`."""


class Log:
    """JSON lines, one for each token, in the order in which attempts end."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, ended: Ended) -> None:
        """The lines of an attempt."""
        for line in lines(ended):
            self._file.write(json.dumps(line) + "\n")


def lines(ended: Ended) -> Iterable[dict[str, object]]:
    """One line a token, with the fields of `SCHEMA`."""
    live, attempt = ended.live, ended.attempt
    history, asked = attempt.history, live.asked
    step = -1
    for position, token in enumerate(attempt.tokens):
        while step + 1 < len(history.begins) and history.begins[step + 1] <= position:
            step += 1
        made = history.steps[step] if step >= 0 else None
        of_step = live.states[step] if made else None
        state = of_step if history.steps else next(iter(live.states), None)
        yield {
            "request": asked.number,
            "attempt": live.attempt,
            "end": attempt.end.value,
            "position": position,
            "token": token,
            "right": attempt.right[position],
            "step": step if made else None,
            "drafted": made.drafted if made else None,
            "accepted": made.accepted if made else None,
            "node": live.node,
            "rejected": live.is_rejected,
            "suspected": attempt.is_suspected,
            "prompt_rows": len(asked.prompt),
            "reused_rows": ended.reused_rows,
            "pages": list(live.pages),
            "generation": live.generation,
            "state": asdict(state) if state else None,
        }


class Cases:
    """A folder of cases, one file for each abort of the monitor: what a postmortem asks for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.stored = 0

    def store(self, case: Suspected) -> None:
        """Inputs, serving state, accept history, and the rows of the slot as they are now."""
        if self.stored >= MOST_CASES:
            return
        self._folder.mkdir(exist_ok=True)
        live, pool = case.live, case.pool
        slot = [[part.tolist() for part in pool.regions(page)] for page in live.pages]
        stored = {
            "request": live.asked.number,
            "attempt": live.attempt,
            "prompt": live.asked.prompt,
            "tokens": case.tokens,
            "steps": [asdict(step) for step in case.history.steps],
            "state": asdict(live.states[-1]),
            "pages": live.pages,
            "generation": live.generation,
            "index_keys": [index_keys for index_keys, _ in slot],
            "keys_values": [keys_values for _, keys_values in slot],
        }
        name = f"{live.asked.number:06}-{live.attempt}.json"
        (self._folder / name).write_text(json.dumps(stored), encoding="utf-8")
        self.stored += 1
