"""SGLang's hierarchical cache and its memory pools on the virtual device.

For releases around 0.5.10 to 0.5.12. The packages that SGLang imports and the cache does not need
are stubs, so `pip install --no-deps sglang` is enough. The kernels that move and gather pages are
emulated from what their callers pass.
"""

from __future__ import annotations

from types import SimpleNamespace

import torch

from fencepost.streams.shim.emulation import emulates

STUBS = (
    "IPython",
    "PIL",
    "aiohttp",
    "orjson",
    "psutil",
    "pybase64",
    "pydantic",
    "requests",
    "sgl_kernel",
    "sglang.jit_kernel",
    "sglang.lang",
    "sglang.srt.configs",
    "sglang.srt.distributed",
    "sglang.srt.layers",
    "sglang.srt.server_args",
    "sglang.srt.utils.hf_transformers_utils",
    "starlette",
    "torchvision",
    "tqdm",
    "triton",
)
KEPT = ("sglang.srt.layers.attention.nsa.index_buf_accessor",)
DECORATORS = ("triton.autotune", "triton.heuristics", "triton.jit")
PLENTY = 1 << 40
PROVIDED = {
    "psutil.virtual_memory": lambda: SimpleNamespace(total=PLENTY, available=PLENTY),
    "sglang.jit_kernel.hicache.can_use_hicache_jit_kernel": lambda **_: False,
    "sglang.srt.layers.attention.nsa.utils.aiter_can_use_preshuffle_paged_mqa": lambda *_: False,
    "sglang.srt.layers.quantization.fp8_kernel.is_fp8_fnuz": lambda: False,
    "triton.cdiv": lambda a, b: -(-a // b),
}
ACCESSOR = "sglang.srt.layers.attention.nsa.index_buf_accessor"


@emulates(
    "sgl_kernel.kvcacheio.transfer_kv_per_layer_mla",
    reads=["src[src_indices]", "src_indices", "dst_indices"],
    writes=["dst[dst_indices]"],
)
def transfer_rows(
    src: torch.Tensor,
    dst: torch.Tensor,
    src_indices: torch.Tensor,
    dst_indices: torch.Tensor,
    item_size: int,
    **_launch: int,
) -> None:
    """Copy rows of one layer between host and device."""
    if src[0].numel() * src.element_size() != item_size:
        raise ValueError("an item is not a row of its buffer")
    dst[dst_indices] = src[src_indices]


@emulates(
    f"{ACCESSOR}._get_k_triton_kernel",
    reads=["buf[page_indices]", "page_indices"],
    writes=["out"],
)
def gather_keys(
    buf: torch.Tensor,
    page_indices: torch.Tensor,
    out: torch.Tensor,
    seq_len: int,
    page_size: int,
    _row: int,
    head_dim: int,
    **_launch: int,
) -> None:
    """Gather the keys of the first tokens of some pages of the indexer."""
    keys = buf[page_indices, : page_size * head_dim]
    out.copy_(keys.reshape(-1, head_dim)[:seq_len])
