"""The summary of a run as lines, as JSON and as plots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from reference_impl.barriers import SpeculationMonitor as Switches
from reference_impl.load.counting import LENGTHS, RATES, End, Quality, Tally, quantile
from reference_impl.load.plots import bars, curves
from reference_impl.load.workload import INPUT_SCALE, OUTPUT_SCALE
from reference_impl.speculation import Rule

Row = tuple[str, ...]


@dataclass(frozen=True)
class Served:
    """A design, what is said of it, and what it came to; a token of an answer stands for
    `output_scale`."""

    design: str
    is_safe: bool
    tally: Tally
    output_scale: int = OUTPUT_SCALE


@dataclass(frozen=True)
class Swept:
    """The monitor with one threshold moved and the other off."""

    condition: str
    threshold: float
    quality: Quality


def swept(tally: Tally, rule: Rule, on: Switches) -> list[Swept]:
    """A range of thresholds for each condition of the rule alone."""
    by_length = replace(on, high_rate_aborts=False)
    by_rate = replace(on, low_length_aborts=False)
    found = []
    for length in LENGTHS:
        quality = tally.replayed(replace(rule, low_length=length), by_length)
        found.append(Swept("accept length below", length, quality))
    for rate in RATES:
        quality = tally.replayed(replace(rule, high_rate=rate), by_rate)
        found.append(Swept("accept rate above", rate, quality))
    return found


SUMMARY_HEAD: Row = (
    "design", "requests", "delivered", "abnormal", "per 10 000", "cancelled", "aborted", "failed",
    "stuck", "retries", "rejected", "lost nodes", "hit rate", "occupancy",
)  # fmt: skip
TIME_HEAD: Row = (
    "design", "prefill, a row", "decode, a token", "ticks to first token", "95 %",
    "ticks a token", "95 %",
)  # fmt: skip
SWEEP_HEAD: Row = ("design", "aborts at", "abnormal", "detected", "sound", "false aborts")


def summary(served: Sequence[Served]) -> Iterator[Row]:
    """Rows of `SUMMARY_HEAD`."""
    for one in served:
        tally = one.tally
        yield (
            one.design,
            str(tally.requests),
            str(tally.delivered),
            str(tally.abnormal_outputs),
            number(tally.per_ten_thousand, ".1f"),
            *(str(tally.attempts[end]) for end in (End.LEFT, End.MONITOR, End.FAILED, End.STUCK)),
            str(tally.retries),
            str(tally.rejected),
            str(tally.lost_nodes),
            number(tally.hit_rate, ".0%"),
            number(tally.mean_occupancy, ".0%"),
        )


def times(served: Sequence[Served]) -> Iterator[Row]:
    """Rows of `TIME_HEAD`."""
    for one in served:
        tally = one.tally
        yield (
            one.design,
            number(tally.prefill_milliseconds, ".2f", " ms"),
            number(tally.decode_milliseconds, ".2f", " ms"),
            number(quantile(tally.first_token_ticks, 0.5), ".0f"),
            number(quantile(tally.first_token_ticks, 0.95), ".0f"),
            number(quantile(tally.decode_ticks, 0.5), ".2f"),
            number(quantile(tally.decode_ticks, 0.95), ".2f"),
        )


def sweep(served: Sequence[Served], rule: Rule, on: Switches) -> Iterator[Row]:
    """Rows of `SWEEP_HEAD`, where drafts were judged: the run's own rule, then each threshold."""
    for one in served:
        if not one.tally.judged:
            continue
        yield one.design, "the rule as it ran", *_quality(one.tally.noted())
        for row in swept(one.tally, rule, on):
            yield one.design, f"{row.condition} {row.threshold:g}", *_quality(row.quality)


def _quality(quality: Quality) -> Row:
    return (
        str(quality.abnormal),
        f"{quality.detected} ({number(quality.detection_rate, '.0%')})",
        str(quality.sound),
        f"{quality.false_aborts} ({number(quality.false_abort_rate, '.1%')})",
    )


def number(value: float | None, form: str, unit: str = "") -> str:
    """A number with its unit; a dash where there is none."""
    return "-" if value is None else f"{value:{form}}{unit}"


def as_json(served: Sequence[Served], rule: Rule, on: Switches) -> dict[str, object]:
    """Everything that the tables say, and the distributions behind them."""
    return {
        "input_scale": INPUT_SCALE,
        "rule": asdict(rule),
        "designs": [
            {
                "design": one.design,
                "is_safe": one.is_safe,
                "output_scale": one.output_scale,
                "requests": one.tally.requests,
                "attempts": {end.value: one.tally.attempts[end] for end in End},
                "abnormal_attempts": {end.value: one.tally.abnormal[end] for end in End},
                "abnormal_outputs": one.tally.abnormal_outputs,
                "abnormal_per_10000": one.tally.per_ten_thousand,
                "retries": one.tally.retries,
                "given_up": one.tally.given_up,
                "rejected": one.tally.rejected,
                "lost_nodes": one.tally.lost_nodes,
                "hit_rate": one.tally.hit_rate,
                "occupancy": one.tally.mean_occupancy,
                "prefill_seconds": one.tally.prefill_seconds,
                "decode_seconds": one.tally.decode_seconds,
                "tokens": one.tally.tokens,
                "mean_input_tokens": one.tally.mean_input,
                "input_rows": dict(sorted(one.tally.input_lengths.items())),
                "output_tokens": dict(sorted(one.tally.output_lengths.items())),
                "monitor": asdict(one.tally.noted()),
                "thresholds": [asdict(row) for row in swept(one.tally, rule, on)],
            }
            for one in served
        ],
    }


def plots(served: Sequence[Served], rule: Rule, on: Switches) -> dict[str, str]:
    """Pictures by file name."""
    first, scale = served[0].tally, served[0].output_scale
    inputs = [(k * INPUT_SCALE / 1024, float(n)) for k, n in sorted(first.input_lengths.items())]
    outputs = [(float(k * scale), float(n)) for k, n in sorted(first.output_lengths.items())]
    made = {
        "input_lengths.svg": bars("Lengths of inputs", "K tokens", "requests", inputs),
        "output_lengths.svg": bars("Lengths of answers", "tokens", "requests", outputs),
        "occupancy.svg": curves(
            "Slot occupancy",
            "ticks, one device after the other",
            "share of pages taken",
            {one.design: _thinned(one.tally.occupancy) for one in served},
        ),
    }
    broken = [one for one in served if one.tally.noted().abnormal]
    for one in broken[:1]:
        found = swept(one.tally, rule, on)
        for condition in dict.fromkeys(row.condition for row in found):
            rows = [row for row in found if row.condition == condition]
            detected = [(r.threshold, r.quality.detection_rate or 0.0) for r in rows]
            wrongly = [(r.threshold, r.quality.false_abort_rate or 0.0) for r in rows]
            made[f"{condition.split()[1]}_thresholds.svg"] = curves(
                f"Monitor on {one.design}: {condition}",
                "threshold",
                "share of attempts",
                {"detected": detected, "false aborts": wrongly},
            )
    return made


def _thinned(values: Sequence[float], most: int = 200) -> list[tuple[float, float]]:
    """Means of stretches, at most so many."""
    width = max(1, -(-len(values) // most))
    parts = [values[at : at + width] for at in range(0, len(values), width)]
    return [(float(n * width), sum(part) / len(part)) for n, part in enumerate(parts)]
