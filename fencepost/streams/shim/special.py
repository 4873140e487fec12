"""Operators of torch that are no ordinary kernels, by what is special about them."""

from __future__ import annotations

import torch

aten = torch.ops.aten

KNOWN_LIBRARIES = ("aten", "prims", "prim", "torch_nn")
# Operators that ask about a tensor and not about its data.
ABOUT = (
    aten.is_pinned.default,
    aten.is_same_size.default,
    aten.is_set_to.default,
    aten._has_same_storage_numel.default,
    aten._assert_tensor_metadata.default,
    aten._fused_sdp_choice.default,
    aten._use_cudnn_ctc_loss.default,
    aten._use_cudnn_ctc_loss.Tensor,
)
# Views in all but name, and in-place changes of sizes: they touch no data either.
RESHAPING = (aten._unsafe_view.default, aten.lift_fresh.default, aten.lift.default)
# Factories that leave memory as it is: no kernel runs.
UNINITIALISED = frozenset(
    (
        aten.empty.memory_format,
        aten.empty_strided.default,
        aten.empty_permuted.default,
        aten.empty_like.default,
        aten.new_empty.default,
        aten.new_empty_strided.default,
    )
)
# Operators to which torch gives an index that lies on the host.
INDEXED = (
    aten.index_put.default,
    aten._unsafe_index_put.default,
    aten._index_put_impl_.default,
)
# Arguments that lie on the host where the others lie on the device, by their names.
ON_HOST = {
    aten._pack_padded_sequence.default: ("lengths",),
    aten._pack_padded_sequence_backward.default: ("batch_sizes",),
}
# Results that lie on the host, by their place.
MADE_ON_HOST = {aten._pack_padded_sequence.default: (1,)}
# What torch writes although the schema does not say so, by the name of the argument.
UNDECLARED_WRITES = {
    aten.native_batch_norm.default: ("running_mean", "running_var"),
    aten.cudnn_batch_norm.default: ("running_mean", "running_var"),
}
