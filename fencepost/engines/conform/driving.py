"""How much of an implementation is performed, unless something else is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from fencepost.core.limits import Limits

TRACES, LENGTH, EXAMPLES, FITTING, SEED = 20, 200, 30, 4096, 0


@dataclass(frozen=True)
class Driving:
    """How much is performed. `fitting` is how many states of the model may fit what was seen."""

    traces: int = TRACES
    length: int = LENGTH
    examples: int = EXAMPLES
    steps: int | None = None
    fitting: int = FITTING
    seed: int = SEED
    limits: Limits = Limits()  # noqa: RUF009  # frozen
