"""Requests as coding agents send them, scaled down.

Production (see `docs/how_to/serve_under_load.md`): inputs of 70K tokens on average and 128K at
most, most of them a prefix that was seen before. One token here stands for `INPUT_SCALE` tokens of
an input and for `OUTPUT_SCALE` of an output (or as many as a workload says), so that a page of four
rows is a prefill chunk of 16K tokens, and the monitor's guard of 128 tokens is eight.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

INPUT_SCALE = 4096
OUTPUT_SCALE = 16
LONGEST_INPUT = 128 * 1024 // INPUT_SCALE
LONGEST_ANSWER = 640
LONGEST_OUTPUT = LONGEST_ANSWER // OUTPUT_SCALE
GUARD = 128 // OUTPUT_SCALE


@dataclass(frozen=True)
class Asked:
    """A request: its prompt, how many tokens it wants, and when (in ticks) its user does what.

    `leaves` is so many ticks after it came, if its user does not wait for the answer; such a user
    `returns` for one more attempt, or does not.
    """

    number: int
    arrives: int
    prompt: tuple[int, ...]
    count: int
    leaves: int | None
    returns: bool


@dataclass(frozen=True, kw_only=True)
class Workload:
    """How requests are drawn.

    `hit_rate` is the share of all prompt tokens that an earlier prompt is to have had, `interval`
    the mean number of ticks between two arrivals, `cancelled` the share of users who leave early
    and `returning` the share of those who come back.
    """

    requests: int = 1000
    seed: int = 0
    hit_rate: float = 0.6
    interval: float = 4.5
    cancelled: float = 0.2
    returning: float = 0.5
    patience: int = 60
    vocabulary: int = 97
    page_rows: int = 4
    families: int = 4
    """So many prefixes are shared at a time; each is followed by a new one now and then."""
    shares_whole: bool = False
    """Whether a prompt shares all of it but its last token, or nothing."""
    output_scale: int = OUTPUT_SCALE

    def draw(self) -> Iterator[Asked]:
        """The requests, in the order in which they arrive."""
        draw = random.Random(self.seed)  # noqa: S311  # a load needs no secrets
        longest = LONGEST_INPUT - self.shares_whole
        prefixes = [self._tokens(draw, longest) for _ in range(self.families)]
        sent = [0] * self.families  # rows of each prefix that a prompt has had
        now, rows, hits = 0.0, 0, 0
        for number in range(self.requests):
            now += draw.expovariate(1 / self.interval)
            length = input_length(draw)
            family = draw.randrange(self.families)
            wanted = self.hit_rate * (rows + length) - hits
            if self.shares_whole:
                if draw.random() * length >= wanted:
                    prefixes[family], sent[family] = self._tokens(draw, max(1, length - 1)), 0
                shared = len(prefixes[family])
                length = shared + 1
            else:
                if draw.random() < 1 / 32:  # a session ends, another begins
                    prefixes[family], sent[family] = self._tokens(draw, LONGEST_INPUT), 0
                shared = self._shared(draw, length, wanted)
            prompt = prefixes[family][:shared] + self._tokens(draw, length - shared)
            hits += min(shared, sent[family])
            sent[family] = max(sent[family], shared)
            rows += length
            leaves = draw.randint(1, self.patience) if draw.random() < self.cancelled else None
            returns = leaves is not None and draw.random() < self.returning
            count = output_length(draw, self.output_scale)
            yield Asked(number, int(now), prompt, count, leaves, returns)

    def _shared(self, draw: random.Random, length: int, wanted: float) -> int:
        """Rows of a prompt that it shares: whole pages, and never all, as the last token is to be
        computed. On average what is wanted, up to what whole pages allow."""
        most = (length - 1) // self.page_rows
        pages = max(0.0, wanted) / self.page_rows
        rounded = int(pages) + (draw.random() < pages % 1)
        return min(rounded, most) * self.page_rows

    def _tokens(self, draw: random.Random, count: int) -> tuple[int, ...]:
        return tuple(draw.randrange(self.vocabulary) for _ in range(count))


def input_length(draw: random.Random) -> int:
    """Tokens of a prompt: 72K on average and 128K at most, as a beta distribution; at least 4K."""
    return max(1, round(draw.betavariate(2.25, 1.75) * LONGEST_INPUT))


def output_length(draw: random.Random, scale: int = OUTPUT_SCALE) -> int:
    """Tokens of an answer: a median of 300 and a long tail, cut off at 640; two rows at least."""
    return min(LONGEST_ANSWER // scale, max(2, round(draw.lognormvariate(5.7, 0.5) / scale)))
