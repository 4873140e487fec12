"""Operators with small inputs: each case is a function of named tensors, for CPU and device.

`a`, `b` are 4 x 5 floats, `m` 5 x 3, `v` 5, `i` a permutation of 4 rows, `k` a mask, `n` 4 x 5
integers, `img` 2 x 3 x 8 x 8, `seq` 2 x 6 x 8, `t` 2 x 3 x 4, `z` a scalar, `c` 4 x 5 complex.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

F = functional


def inputs() -> dict[str, torch.Tensor]:
    make = torch.Generator().manual_seed(7)

    def rand(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=make)

    return {
        "a": rand(4, 5) + 0.5,
        "b": rand(4, 5) + 0.5,
        "m": rand(5, 3),
        "v": rand(5),
        "i": torch.tensor([2, 0, 3, 1]),
        "k": torch.tensor([[1, 0, 1, 0, 1], [0, 1, 0, 1, 0], [1, 1, 0, 0, 1], [0, 0, 1, 1, 1]]) > 0,
        "n": torch.tensor([[3, 1, 4, 1, 5], [9, 2, 6, 5, 3], [5, 8, 9, 7, 9], [3, 2, 3, 8, 4]]),
        "img": rand(2, 3, 8, 8),
        "seq": rand(2, 6, 8),
        "t": rand(2, 3, 4),
        "z": torch.tensor(2.5),
        "c": torch.complex(rand(4, 5), rand(4, 5)),
    }


class Tensors(dict[str, torch.Tensor]):
    """Inputs by attribute."""

    __getattr__ = dict.__getitem__


Case = Callable[[Any], Any]
CASES: dict[str, Case] = {}


def case(*functions: Case, **named: Case) -> None:
    assert not functions
    assert not named.keys() & CASES.keys()
    CASES.update(named)


for _name in (
    "abs acos asin atan ceil cos cosh erf erfc exp exp2 expm1 floor frac lgamma "
    "log log10 log1p log2 neg reciprocal relu round rsqrt sigmoid sign sin sinh sqrt square tan "
    "tanh trunc "
    "logical_not isnan isinf isfinite digamma signbit positive sinc deg2rad rad2deg nan_to_num"
).split():
    CASES[_name] = lambda x, f=getattr(torch, _name): f(x.a)
for _name in (
    "add sub mul div pow fmod remainder atan2 maximum minimum hypot eq ne lt le gt ge floor_divide "
    "logaddexp logical_and logical_or logical_xor copysign nextafter fmax fmin true_divide dist"
).split():
    CASES[_name] = lambda x, f=getattr(torch, _name): f(x.a, x.b)
for _name in (
    "sum mean prod std var amax amin argmax argmin norm cumsum cumprod logcumsumexp "
    "all any logsumexp softmax log_softmax median mode sort argsort max min cummax cummin "
    "unbind flip"
).split():
    takes = {"logical": "k"}.get(_name, "a")
    CASES[f"{_name}_dim"] = lambda x, f=getattr(torch, _name): (
        f(x.a, dim=1, **({"stable": True} if f is torch.sort else {}))
        if f is not torch.flip
        else f(x.a, dims=(1,))
    )
for _name in ("sum", "mean", "prod", "std", "var", "max", "min", "argmax", "all", "any", "median"):
    CASES[f"{_name}_whole"] = lambda x, f=getattr(torch, _name): f(x.a)

case(
    scalar_add=lambda x: x.a + 2,
    scalar_tensor=lambda x: x.a * x.z,
    host_scalar=lambda x: x.a * torch.tensor(3.0),
    promote=lambda x: x.n + x.a,
    broadcast=lambda x: x.a - x.v,
    power_left=lambda x: 2**x.a,
    bit_and=lambda x: x.n & 3,
    shift=lambda x: x.n << 1,
    invert=lambda x: ~x.k,
    compare_chain=lambda x: (x.a > 1) & (x.b < 1.2),
    where=lambda x: torch.where(x.k, x.a, x.b),
    where_scalar=lambda x: torch.where(x.k, x.a, 0.0),
    clamp=lambda x: x.a.clamp(0.7, 1.2),
    clamp_tensor=lambda x: x.a.clamp(min=x.b),
    lerp=lambda x: torch.lerp(x.a, x.b, 0.3),
    addcmul=lambda x: torch.addcmul(x.a, x.b, x.b, value=0.5),
    addcdiv=lambda x: torch.addcdiv(x.a, x.b, x.a),
    mm=lambda x: x.a @ x.m,
    mv=lambda x: x.a @ x.v,
    dot=lambda x: x.v @ x.v,
    bmm=lambda x: torch.bmm(x.t, x.t.transpose(1, 2)),
    baddbmm=lambda x: torch.baddbmm(x.t[:, :, :3], x.t, x.t.transpose(1, 2)),
    addmm=lambda x: torch.addmm(x.a[:, :3], x.a, x.m, alpha=2),
    addmv=lambda x: torch.addmv(x.a[:, 0], x.a, x.v),
    outer=lambda x: torch.outer(x.v, x.v),
    einsum=lambda x: torch.einsum("bij,bkj->bik", x.t, x.t),
    tensordot=lambda x: torch.tensordot(x.a, x.m, dims=1),
    kron=lambda x: torch.kron(x.v, x.v),
    matmul_batched=lambda x: x.seq @ x.seq.mT,
    trace=lambda x: torch.trace(x.a),
    tril=lambda x: torch.tril(x.a),
    triu=lambda x: torch.triu(x.a, 1),
    diag=lambda x: torch.diag(x.v),
    diagonal=lambda x: x.a.diagonal(),
    inverse=lambda x: torch.linalg.inv(x.a @ x.a.T + torch.eye(4, device=x.a.device)),
    cholesky=lambda x: torch.linalg.cholesky(x.a @ x.a.T + torch.eye(4, device=x.a.device)),
    solve=lambda x: torch.linalg.solve(x.a @ x.a.T + torch.eye(4, device=x.a.device), x.a[:, 0]),
    vector_norm=lambda x: torch.linalg.vector_norm(x.a, dim=1),
    cdist=lambda x: torch.cdist(x.a, x.b),
)
case(
    view=lambda x: x.a.view(2, 10) + 1,
    reshape_copy=lambda x: x.a.t().reshape(-1),
    permute=lambda x: x.t.permute(2, 0, 1) * 2,
    transpose_contiguous=lambda x: x.a.t().contiguous(),
    expand=lambda x: x.v.expand(3, 5) + 0,
    unsqueeze=lambda x: x.v.unsqueeze(0) * x.a,
    squeeze=lambda x: x.a[None].squeeze(0),
    flatten=lambda x: x.t.flatten(1),
    unflatten=lambda x: x.v[:4].unflatten(0, (2, 2)),
    chunk=lambda x: [p * 2 for p in x.a.chunk(2, 1)],
    split=lambda x: [p + 1 for p in x.a.split([1, 3])],
    unfold=lambda x: x.v.unfold(0, 3, 1).sum(1),
    narrow=lambda x: x.a.narrow(1, 1, 3).clone(),
    select=lambda x: x.a.select(1, 2) + 1,
    slice_step=lambda x: x.a[::2, 1::2] + 1,
    as_strided=lambda x: x.a.as_strided((3, 3), (2, 1), 1) + 1,
    movedim=lambda x: x.t.movedim(0, 2) + 1,
    roll=lambda x: torch.roll(x.a, 2, 1),
    rot90=lambda x: torch.rot90(x.a),
    repeat=lambda x: x.v.repeat(2, 2),
    tile=lambda x: torch.tile(x.v, (2,)),
    repeat_interleave=lambda x: x.v.repeat_interleave(3),
    repeat_interleave_data=lambda x: x.v.repeat_interleave(x.n[0]),
    cat=lambda x: torch.cat([x.a, x.b], 1),
    stack=lambda x: torch.stack([x.a, x.b]),
    hstack=lambda x: torch.hstack([x.a, x.b]),
    meshgrid=lambda x: torch.meshgrid(x.v, x.v, indexing="ij"),
    pad=lambda x: F.pad(x.a, (1, 2)),
    pad_reflect=lambda x: F.pad(x.seq, (1, 1), mode="reflect"),
    view_dtype=lambda x: x.a.view(torch.int32) + 0,
    real=lambda x: x.c.real + x.c.imag,
    conj=lambda x: x.c.conj() * x.c,
    conj_physical=lambda x: x.c.conj().resolve_conj().clone(),
    angle=lambda x: x.c.angle(),
    view_as_real=lambda x: torch.view_as_real(x.c) * 2,
    fft=lambda x: torch.fft.rfft(x.a).abs(),
    to_double=lambda x: x.a.double(),
    to_half_and_back=lambda x: x.a.half().float(),
    to_bool=lambda x: x.n.bool(),
    to_bfloat=lambda x: x.a.to(torch.bfloat16),
    type_string=lambda x: x.a.type(torch.float64),
)
case(
    index_rows=lambda x: x.a[x.i],
    index_pairs=lambda x: x.a[x.i, x.i],
    index_column=lambda x: x.a[:, x.i],
    index_mask=lambda x: x.a[x.k],
    index_row_mask=lambda x: x.a[x.k[:, 0]],
    index_list=lambda x: x.a[[0, 2]],
    index_none=lambda x: x.a[None, 1],
    index_ellipsis=lambda x: x.t[..., 1] + 0,
    index_host=lambda x: x.a[torch.tensor([1, 1])],
    index_select=lambda x: x.a.index_select(0, x.i),
    take=lambda x: torch.take(x.a, x.i),
    take_along_dim=lambda x: torch.take_along_dim(x.a, x.i[:, None], 1),
    gather=lambda x: x.a.gather(1, x.n % 5),
    masked_select=lambda x: x.a.masked_select(x.k),
    nonzero=lambda x: x.k.nonzero(),
    nonzero_tuple=lambda x: torch.nonzero(x.k, as_tuple=True),
    argwhere=lambda x: torch.argwhere(x.k),
    unique=lambda x: torch.unique(x.n),
    unique_all=lambda x: torch.unique(x.n, return_inverse=True, return_counts=True),
    unique_consecutive=lambda x: torch.unique_consecutive(x.n[2]),
    bincount=lambda x: torch.bincount(x.n[0]),
    histc=lambda x: torch.histc(x.a, 4, 0, 2),
    topk=lambda x: x.a.topk(2),
    kthvalue=lambda x: x.a.kthvalue(2),
    searchsorted=lambda x: torch.searchsorted(x.v.sort().values, x.v),
    bucketize=lambda x: torch.bucketize(x.a, x.v.sort().values),
    isin=lambda x: torch.isin(x.n, x.i),
    count_nonzero=lambda x: x.k.count_nonzero(),
    aminmax=lambda x: torch.aminmax(x.a),
    quantile=lambda x: torch.quantile(x.a, 0.5),
    equal=lambda x: torch.equal(x.a, x.a.clone()),
    allclose=lambda x: torch.allclose(x.a, x.a + 1e-9),
    item=lambda x: x.a.sum().item(),
    truth=lambda x: bool((x.a > 0).all()),
    as_int=lambda x: int(x.n[0, 0]),
    length=lambda x: len(x.a),
    iterate=lambda x: [row + 1 for row in x.a],
    tolist=lambda x: x.n.tolist(),
    numpy=lambda x: x.a.cpu().numpy().sum(),
    in_operator=lambda x: 9 in x.n,
    text=lambda x: str(x.n).partition("]")[0],
)


def changed(change: Callable[[Any], Any]) -> Case:
    """A case that changes `a` in place."""

    def run(x: Any) -> torch.Tensor:
        change(x)
        return x.a

    return run


case(
    add_=changed(lambda x: x.a.add_(x.b, alpha=2)),
    mul_=changed(lambda x: x.a.mul_(2)),
    augmented=changed(lambda x: x.a.__iadd__(x.b)),
    zero_=changed(lambda x: x.a.zero_()),
    fill_=changed(lambda x: x.a.fill_(3)),
    fill_tensor_=changed(lambda x: x.a.fill_(x.z)),
    relu_=changed(lambda x: x.a.sub_(1).relu_()),
    clamp_=changed(lambda x: x.a.clamp_(max=1)),
    copy_=changed(lambda x: x.a.copy_(x.b)),
    copy_broadcast_=changed(lambda x: x.a.copy_(x.v)),
    copy_converted_=changed(lambda x: x.a.copy_(x.n)),
    set_row=changed(lambda x: x.a.__setitem__(1, 5.0)),
    set_slice=changed(lambda x: x.a.__setitem__((slice(None), slice(1, 3)), x.b[:, :2])),
    set_rows=changed(lambda x: x.a.__setitem__(x.i[:2], x.b[:2])),
    set_pairs=changed(lambda x: x.a.__setitem__((x.i, x.i), 1.5)),
    set_mask=changed(lambda x: x.a.__setitem__(x.k, 0.0)),
    set_mask_values=changed(lambda x: x.a.__setitem__(x.k[:, 0], x.b[x.k[:, 0]])),
    set_column=changed(lambda x: x.a.__setitem__((slice(None), x.i[:2]), 2.0)),
    index_copy_=changed(lambda x: x.a.index_copy_(0, x.i, x.b)),
    index_copy_column_=changed(lambda x: x.a.index_copy_(1, x.i, x.b[:, :4])),
    index_add_=changed(lambda x: x.a.index_add_(0, x.i, x.b)),
    index_fill_=changed(lambda x: x.a.index_fill_(0, x.i[:2], 1.0)),
    index_put_accumulate=changed(lambda x: x.a.index_put_((x.i,), x.b, accumulate=True)),
    masked_fill_=changed(lambda x: x.a.masked_fill_(x.k, 9.0)),
    masked_scatter_=changed(lambda x: x.a.masked_scatter_(x.k, x.b)),
    scatter_=changed(lambda x: x.a.scatter_(0, x.i[None], x.b[:1])),
    scatter_value_=changed(lambda x: x.a.scatter_(1, x.i[:, None], 7.0)),
    scatter_add_=changed(lambda x: x.a.scatter_add_(0, x.i[None], x.b[:1])),
    scatter_reduce_=changed(lambda x: x.a.scatter_reduce_(0, x.i[None], x.b[:1], "amax")),
    through_view=changed(lambda x: x.a[1:3].t().mul_(2)),
    transpose_in_place=lambda x: x.a.t_() + 1,
    out_argument=changed(lambda x: torch.add(x.b, 1, out=x.a)),
    out_resized=lambda x: torch.add(x.a, x.b, out=torch.empty(0, device=x.a.device)),
    resize_=lambda x: x.a.resize_(2, 3) + 1,
    foreach=lambda x: torch._foreach_add([x.a, x.b], 1.0),
    foreach_=changed(lambda x: torch._foreach_mul_([x.a, x.b], [2.0, 3.0])),
    data_swap=changed(lambda x: setattr(x.a, "data", x.b * 2)),
)
case(
    zeros=lambda x: torch.zeros(3, device=x.a.device),
    full=lambda x: torch.full((2, 2), 7, device=x.a.device),
    arange=lambda x: torch.arange(5, device=x.a.device),
    linspace=lambda x: torch.linspace(0, 1, 5, device=x.a.device),
    eye=lambda x: torch.eye(3, device=x.a.device),
    zeros_like=lambda x: torch.zeros_like(x.a),
    full_like=lambda x: torch.full_like(x.a, 2),
    new_full=lambda x: x.a.new_full((2,), 4.0),
    new_tensor=lambda x: x.a.new_tensor([1, 2]),
    tensor=lambda x: torch.tensor([[1, 2], [3, 4]], device=x.a.device),
    tril_indices=lambda x: torch.tril_indices(3, 3, device=x.a.device),
    one_hot=lambda x: F.one_hot(x.i, 5),
    complex=lambda x: torch.complex(x.a, x.b),
    randn=lambda x: (torch.manual_seed(1), torch.randn(4, device=x.a.device))[1],
    rand_like=lambda x: (torch.manual_seed(1), torch.rand_like(x.a))[1],
    randint=lambda x: (torch.manual_seed(1), torch.randint(9, (4,), device=x.a.device))[1],
    randperm=lambda x: (torch.manual_seed(1), torch.randperm(6, device=x.a.device))[1],
    normal_=changed(lambda x: (torch.manual_seed(1), x.a.normal_())),
    uniform_=changed(lambda x: (torch.manual_seed(1), x.a.uniform_(2, 3))),
    exponential_=changed(lambda x: (torch.manual_seed(1), x.a.exponential_())),
)
case(
    linear=lambda x: F.linear(x.a, x.m.t(), x.m[0]),
    conv2d=lambda x: F.conv2d(x.img, x.img[:, :, :3, :3], padding=1),
    conv_transpose=lambda x: F.conv_transpose2d(x.img[:, :2], x.img[:, :2, :3, :3]),
    conv1d=lambda x: F.conv1d(x.seq, x.seq[:, :, :3]),
    max_pool=lambda x: F.max_pool2d(x.img, 2),
    avg_pool=lambda x: F.avg_pool2d(x.img, 2),
    adaptive_pool=lambda x: F.adaptive_avg_pool2d(x.img, 3),
    interpolate=lambda x: F.interpolate(x.img, scale_factor=2, mode="bilinear"),
    batch_norm=lambda x: F.batch_norm(x.img, x.v[:3], x.v[:3].clone(), training=False),
    batch_norm_trained=lambda x: (
        F.batch_norm(x.img, x.v[:3], x.v[1:4].clone(), training=True),
        x.v,
    ),
    layer_norm=lambda x: F.layer_norm(x.a, (5,), x.v, x.v),
    group_norm=lambda x: F.group_norm(x.seq, 3),
    rms_norm=lambda x: F.rms_norm(x.a, (5,), x.v),
    gelu=lambda x: F.gelu(x.a),
    silu=lambda x: F.silu(x.a),
    leaky_relu=lambda x: F.leaky_relu(x.a - 1),
    softplus=lambda x: F.softplus(x.a),
    elu=lambda x: F.elu(x.a - 1),
    hardswish=lambda x: F.hardswish(x.a),
    glu=lambda x: F.glu(x.seq),
    dropout_off=lambda x: F.dropout(x.a, training=False),
    embedding=lambda x: F.embedding(x.i, x.a),
    embedding_bag=lambda x: F.embedding_bag(x.i[None], x.a, mode="sum"),
    cross_entropy=lambda x: F.cross_entropy(x.a, x.i),
    nll_loss=lambda x: F.nll_loss(x.a.log(), x.i),
    mse_loss=lambda x: F.mse_loss(x.a, x.b),
    smooth_l1=lambda x: F.smooth_l1_loss(x.a, x.b),
    bce=lambda x: F.binary_cross_entropy_with_logits(x.a, x.b),
    kl_div=lambda x: F.kl_div(x.a.log(), x.b, reduction="sum"),
    cosine=lambda x: F.cosine_similarity(x.a, x.b),
    normalize=lambda x: F.normalize(x.a),
    attention=lambda x: F.scaled_dot_product_attention(
        x.seq[:, None], x.seq[:, None], x.seq[:, None], is_causal=True
    ),
    pixel_shuffle=lambda x: F.pixel_shuffle(x.img.repeat(1, 4, 1, 1), 2),
    fold=lambda x: F.unfold(x.img, 3),
    grid_sample=lambda x: F.grid_sample(
        x.img, x.img[:, :2].permute(0, 2, 3, 1), align_corners=False
    ),
)


def gradient(forward: Callable[[Any], torch.Tensor], *of: str) -> Case:
    """A case that gives gradients with respect to some inputs."""

    def run(x: Any) -> list[torch.Tensor]:
        leaves = [x[name].detach().requires_grad_() for name in of]
        forward(Tensors({**x, **dict(zip(of, leaves, strict=True))})).sum().backward()
        return [leaf.grad for leaf in leaves]

    return run


case(
    gradient_product=gradient(lambda x: x.a * x.b, "a", "b"),
    gradient_matmul=gradient(lambda x: (x.a @ x.m).relu(), "a", "m"),
    gradient_index=gradient(lambda x: x.a[x.i] ** 2, "a"),
    gradient_mask=gradient(lambda x: x.a[x.k] ** 2, "a"),
    gradient_select=gradient(lambda x: x.a[1, 2:] * 3, "a"),
    gradient_embedding=gradient(lambda x: F.embedding(x.i, x.a) ** 2, "a"),
    gradient_softmax=gradient(lambda x: x.a.softmax(1) * x.b, "a"),
    gradient_conv=gradient(lambda x: F.conv2d(x.img, x.img[:, :, :3, :3]), "img"),
    gradient_norm=gradient(lambda x: F.layer_norm(x.a, (5,), x.v) * x.b, "a", "v"),
    gradient_cat=gradient(lambda x: torch.cat([x.a, x.b]) ** 2, "a", "b"),
    gradient_max=gradient(lambda x: x.a.max(1).values * x.b[:, 0], "a"),
    gradient_attention=gradient(
        lambda x: F.scaled_dot_product_attention(x.seq[:, None], x.seq[:, None], x.seq[:, None]),
        "seq",
    ),
    gradient_in_place=gradient(lambda x: (x.a * 1).mul_(x.b).add_(1), "a", "b"),
    gradient_cross_entropy=gradient(lambda x: F.cross_entropy(x.a, x.i), "a"),
    gradient_gather=gradient(lambda x: x.a.gather(1, x.n % 5) ** 2, "a"),
    gradient_cumsum=gradient(lambda x: x.a.cumsum(1) * x.b, "a"),
    gradient_pool=gradient(lambda x: F.max_pool2d(x.img, 2) ** 2, "img"),
    second_gradient=lambda x: torch.autograd.grad(
        torch.autograd.grad((x.a.requires_grad_() ** 3).sum(), x.a, create_graph=True)[0].sum(),
        x.a,
    ),
)
