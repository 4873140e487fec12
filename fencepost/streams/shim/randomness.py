"""Random numbers of the virtual device: the same for every schedule.

A generator is advanced when the operator is called, as CUDA's is, never when a kernel runs. What
depends on no data is drawn at the call. A kernel that needs numbers and data (dropout, multinomial)
gets a seed that is drawn at the call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch._ops import OpOverload

DATA_FREE = frozenset(
    "rand randn randint randperm normal rand_like randn_like randint_like uniform_ normal_ random_ "
    "bernoulli_ exponential_ cauchy_ geometric_ log_normal_".split()
)
DATA_DEPENDENT_OVERLOADS = ("Tensor", "Tensor_float", "float_Tensor", "Tensor_Tensor")
SEEDS = 1 << 62


def draws_first(operator: OpOverload[Any, Any]) -> bool:
    """Whether the numbers depend on nothing that a kernel has yet to compute."""
    name = operator._schema.name.partition("::")[2]
    return name in DATA_FREE and operator._overloadname not in DATA_DEPENDENT_OVERLOADS


def drawn(
    operator: OpOverload[Any, Any], args: Any, kwargs: dict[str, Any], default: torch.Generator
) -> Any:
    """Perform a random operator now, with the generator given to it or the device's own."""
    return _with(operator, args, kwargs, kwargs.get("generator") or default)


def seeded(
    operator: OpOverload[Any, Any], args: Any, kwargs: dict[str, Any], default: torch.Generator
) -> Callable[[], Any]:
    """A kernel that performs a random operator later, with a seed drawn now."""
    source = kwargs.get("generator") or default
    seed = int(torch.randint(SEEDS, (1,), generator=source))

    def kernel() -> Any:
        return _with(operator, args, kwargs, torch.Generator().manual_seed(seed))

    return kernel


def _with(
    operator: OpOverload[Any, Any], args: Any, kwargs: dict[str, Any], generator: torch.Generator
) -> Any:
    if any(a.name == "generator" for a in operator._schema.arguments):
        return operator(*args, **{**kwargs, "generator": generator})
    # Operators without that argument draw from the default generator of torch.
    kept = torch.default_generator.get_state()
    torch.default_generator.set_state(generator.get_state())
    try:
        return operator(*args, **kwargs)
    finally:
        generator.set_state(torch.default_generator.get_state())
        torch.default_generator.set_state(kept)
