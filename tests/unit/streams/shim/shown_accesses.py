"""More cases for the battery: on each of these, what a kernel reads or writes makes a difference.

The battery's own inputs leave some of it unseen: a comparison that is false for every value, an
index that names every row.
"""

from __future__ import annotations

import torch
from torch.nn import functional

from tests.unit.streams.shim.battery import CASES, Case, gradient

F = functional
SHOWN: dict[str, Case] = {
    "heaviside": lambda x: torch.heaviside(x.a - x.a, x.b),
    "isin_equal": lambda x: torch.isin(x.n, x.n[:2]),
    "isneginf": lambda x: torch.isneginf(x.a),
    "linspace_tensors": lambda x: torch.linspace(x.z, x.a[0, 0], 4),
    "linspace_start": lambda x: torch.linspace(x.z, 9.0, 4),
    "linspace_end": lambda x: torch.linspace(1.0, x.z, 4),
    "logspace_tensors": lambda x: torch.logspace(x.z, x.a[0, 0], 4),
    "logspace_start": lambda x: torch.logspace(x.z, 1.0, 4),
    "logspace_end": lambda x: torch.logspace(1.0, x.z, 4),
    "nonzero_static": lambda x: torch.nonzero_static(x.k, size=5),
    "ne_itself": lambda x: x.a.ne(x.a.clone()),
    "compared_": lambda x: [getattr(x.a.clone(), f"{c}_")(x.b) for c in "lt le gt ge".split()],
    "equal_": lambda x: (x.a.clone().eq_(x.a), x.a.clone().ne_(x.a)),
    "logical_or_some": lambda x: torch.logical_or(x.a * x.k, x.b * ~x.k),
    "heaviside_": lambda x: (x.a - x.a).heaviside_(x.b),
    "index_copy_some": lambda x: torch.index_copy(x.a, 0, x.i[:2], x.b[:2]),
    "index_fill_some": lambda x: torch.index_fill(x.a, 0, x.i[:2], 3.0),
    "igamma": lambda x: torch.igamma(x.a, x.b),
    "igammac": lambda x: torch.igammac(x.a, x.b),
    "igamma_": lambda x: x.a.clone().igamma_(x.b),
    "igammac_": lambda x: x.a.clone().igammac_(x.b),
    "zeta": lambda x: torch.special.zeta(x.a + 1, x.b),
    "argmax_rows": lambda x: (x.a.argmax(1), x.a.argmin(1)),
    "conj_physical_": lambda x: x.c.clone().conj_physical_(),
    "nan_to_num_": lambda x: (x.a / (x.k * 1.0)).nan_to_num_(),
    "scatter_reduce_some": lambda x: x.a.scatter_reduce_(0, x.i[None] % 2, x.b[:1] + 2, "amax"),
    "take_from_the_end": lambda x: torch.take(x.a, -x.i[:2] - 1),
    "take_of_a_view": lambda x: torch.take(x.a.t(), x.i[:2]),
    "put_some": lambda x: x.a.put_(x.i[:2], x.b[0, :2]),
    "put_on_a_view": lambda x: (x.a.t().put_(x.i[:2], x.b[0, :2]), x.a)[1],
    "put_accumulate": lambda x: x.a.put_(x.i[:2], x.b[0, :2], accumulate=True),
    "index_reduce_some": lambda x: x.a.index_reduce_(0, x.i[:2], x.b[:2] + 2, "prod"),
    "scatter_and_add": lambda x: x.a.scatter_(0, x.i[None] % 2, x.b[:1], reduce="add"),
    "scatter_value_and_multiply": lambda x: x.a.scatter_(0, x.i[None] % 2, 3.0, reduce="multiply"),
    "embedding_bag_some": lambda x: F.embedding_bag(x.i[None, :2], x.a, mode="sum"),
    "embedding_renorm": lambda x: F.embedding(x.i[:2], x.a + 1, max_norm=0.5),
    "addmm_overwrites": lambda x: torch.addmm(x.a[:, :3], x.a, x.m, beta=0),
    "batch_norm_statistics": lambda x: (
        F.batch_norm(x.img, x.v[:3], x.v[1:4].clone(), training=False),
        x.v,
    ),
    "gradient_cdist": gradient(lambda x: torch.cdist(x.a, x.b) ** 2, "a", "b"),
    "gradient_pdist": gradient(lambda x: torch.pdist(x.a) ** 2, "a"),
    "gradient_pools": gradient(
        lambda x: F.avg_pool2d(x.img, 2) + F.adaptive_max_pool2d(x.img, 4), "img"
    ),
    "gradient_pads": gradient(
        lambda x: F.pad(x.seq, (1, 1), "reflect") * F.pad(x.seq, (1, 1), "replicate"), "seq"
    ),
    "gradient_weight_alone": gradient(
        lambda x: F.conv2d(x.img.detach(), x.img[:, :, :3, :3]), "img"
    ),
}
ALL_CASES: dict[str, Case] = {**CASES, **SHOWN}
assert len(ALL_CASES) == len(CASES) + len(SHOWN)
