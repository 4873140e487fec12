"""Arguments of torch's operators of which a call uses sizes and types, and no data.

A schema says what an operator writes, and not whether it looks at the data of the rest. What stands
here is read off torch's kernels, and held by perturbation: a test changes the bytes of each
argument of hundreds of operators, and asks whether anything comes out otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch._ops import OpOverload

Given = Callable[[str], Any]
"""The value of an argument in a call, by its name."""
Named = Callable[[Given], tuple[str, ...]]
"""Which arguments a call makes no use of."""

NONE: tuple[str, ...] = ()
REDUCED_TO_MEAN = 1
LEAST_SPREAD = 1e-6
STATISTICS = ("running_mean", "running_var")
SELF_FOR_ITS_SIZE = (
    "zeros_like ones_like full_like empty_like rand_like randn_like randint_like "
    "new_zeros new_ones new_full new_empty new_empty_strided "
    "fill fill_ zero zero_ copy copy_ _foreach_zero _foreach_zero_ _foreach_copy _foreach_copy_ "
    "uniform normal_functional exponential cauchy geometric log_normal random bernoulli_ "
    "_adaptive_avg_pool2d_backward _adaptive_avg_pool3d_backward adaptive_max_pool2d_backward "
    "adaptive_max_pool3d_backward avg_pool2d_backward avg_pool3d_backward "
    "fractional_max_pool2d_backward fractional_max_pool3d_backward "
    "max_pool2d_with_indices_backward max_pool3d_with_indices_backward "
    "nll_loss_backward nll_loss2d_backward "
    "reflection_pad1d_backward reflection_pad2d_backward reflection_pad3d_backward "
    "replication_pad1d_backward replication_pad2d_backward replication_pad3d_backward"
).split()

# By the name of the operator, in all its overloads.
NEVER_READ: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(SELF_FOR_ITS_SIZE, ("self",)),
    "native_layer_norm_backward": ("bias",),
    "rrelu_with_noise": ("noise",),
    "rrelu_with_noise_": ("noise",),
}
# By operator: the overloads of one that do read are not meant.
NEVER_READ_BY = {"bernoulli.p": ("self",), "bernoulli.Tensor": ("self",)}


def _addend(given: Given) -> tuple[str, ...]:
    """`beta=0` means that what is added to is not looked at, not even for NaN."""
    return ("self",) if given("beta") == 0 else NONE


def _mean_alone(given: Given) -> tuple[str, ...]:
    return NONE if given("reduction") == REDUCED_TO_MEAN else ("total_weight",)


def _gradients_asked(given: Given) -> tuple[str, ...]:
    of_input, of_weight, _ = given("output_mask")
    return (*(NONE if of_input else ("weight",)), *(NONE if of_weight else ("input",)))


def _statistics_of(flag: str, *saved: str) -> Named:
    """A backward pass of training uses what the batch had, another what was running."""
    return lambda given: STATISTICS if given(flag) else saved


def _slopes(given: Given) -> tuple[str, ...]:
    """A leaky slope that was drawn for each element, or the same for all."""
    drawn = given("training") and given("upper") - given("lower") > LEAST_SPREAD
    return ("self",) if drawn else ("noise",)


def _what_was_picked(given: Given) -> tuple[str, ...]:
    return NONE if given("reduce") in ("max", "min", "prod") else ("output", "data")


READ_BY_CALL: dict[str, Named] = {
    **dict.fromkeys("addmm addmm_ addmv addmv_ addr addr_ baddbmm baddbmm_".split(), _addend),
    **dict.fromkeys("addbmm addbmm_ _addmm_activation".split(), _addend),
    "nll_loss_backward": _mean_alone,
    "nll_loss2d_backward": _mean_alone,
    "convolution_backward": _gradients_asked,
    "rrelu_with_noise_backward": _slopes,
    "_segment_reduce_backward": _what_was_picked,
    "native_batch_norm_backward": _statistics_of("train", "save_mean", "save_invstd"),
    "batch_norm_backward": _statistics_of("update", "save_mean", "save_var"),
}


def _in_training(*written: str) -> Named:
    return lambda given: NONE if given("training") else written


WRITTEN_BY_CALL: dict[str, Named] = {
    **dict.fromkeys(
        ("native_batch_norm", "_native_batch_norm_legit", "cudnn_batch_norm"),
        _in_training(*STATISTICS),
    ),
    **dict.fromkeys(("rrelu_with_noise", "rrelu_with_noise_"), _in_training("noise")),
}


class Unread:
    """What the calls of one operator do not read, and what of its arguments they do not write."""

    def __init__(self, operator: OpOverload[Any, Any]) -> None:
        schema = operator._schema
        name = schema.name.partition("::")[2]
        overload = f"{name}.{operator._overloadname}"
        self._places = {argument.name: i for i, argument in enumerate(schema.arguments)}
        self._defaults = {a.name: a.default_value for a in schema.arguments}
        never = (*NEVER_READ.get(name, ()), *NEVER_READ_BY.get(overload, ()))
        self.always = frozenset(self._places[each] for each in never if each in self._places)
        known = name if schema.name.startswith("aten::") else ""
        self._reads, self._writes = READ_BY_CALL.get(known), WRITTEN_BY_CALL.get(known)
        self.by_call = self._reads is not None or self._writes is not None
        """Whether it is for each call to say what it does not read or write."""

    def unread(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> frozenset[int]:
        """The places of arguments whose data this call does not read."""
        if self._reads is None:
            return self.always
        return self.always | self._named(self._reads, args, kwargs)

    def unwritten(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> frozenset[int]:
        """The places of arguments that the schema says are written, and this call does not."""
        return frozenset() if self._writes is None else self._named(self._writes, args, kwargs)

    def _named(self, which: Named, args: tuple[Any, ...], kwargs: dict[str, Any]) -> frozenset[int]:
        def given(name: str) -> Any:
            place = self._places[name]
            if place < len(args):
                return args[place]
            return kwargs.get(name, self._defaults[name])

        return frozenset(self._places[name] for name in which(given))
