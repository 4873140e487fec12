"""Drive SGLang's hierarchical cache: restore a prefix from the host and read its indexer keys.

The load stream copies layer after layer and records an event for each; the accessors of a layer are
what has to wait for it.
"""

import threading

import torch
from sglang.srt.managers.cache_controller import HiCacheController
from sglang.srt.mem_cache import memory_pool_host
from sglang.srt.mem_cache.allocator import PagedTokenToKVPoolAllocator
from sglang.srt.mem_cache.memory_pool import NSATokenToKVPool

LAYERS, PAGE, TOKENS = 4, 64, 256
KERNELS = {"load_cache_event": threading.Event(), "tp_group": None, "io_backend": "kernel"}


def of_one_pool(pool, allocator):
    """Up to 0.5.10: one host pool holds keys, values and the indexer's keys."""
    host = memory_pool_host.NSATokenToKVPoolHost(pool, 2.0, 0, PAGE, "layer_first")
    return HiCacheController(allocator, host, PAGE, **KERNELS), host, host, {}


def of_two_pools(pool, allocator):
    """From 0.5.11: the indexer's keys have a host pool of their own."""
    from sglang.srt.mem_cache.hicache_storage import PoolName, PoolTransfer
    from sglang.srt.mem_cache.hybrid_cache.hybrid_cache_controller import HybridCacheController
    from sglang.srt.mem_cache.hybrid_cache.hybrid_pool_assembler import build_pool_entry

    host = memory_pool_host.MLATokenToKVPoolHost(
        pool, 2.0, 0, PAGE, "layer_first", override_kv_cache_dim=pool.kv_cache_dim
    )
    indexer = memory_pool_host.NSAIndexerPoolHost(pool, host, "layer_first")
    layers = {layer: layer for layer in range(LAYERS)}
    entries = [
        build_pool_entry(
            name=name,
            host_pool=host_pool,
            device_pool=pool,
            layer_mapping=layers,
            transfer_layer_num=LAYERS,
            is_anchor=host_pool is host,
            share_indices_with_anchor=host_pool is indexer,
        )
        for name, host_pool in ((PoolName.KV, host), (PoolName.INDEXER, indexer))
    ]
    group = memory_pool_host.HostPoolGroup(entries)
    controller = HybridCacheController(allocator, group, PAGE, transfer_layer_num=LAYERS, **KERNELS)
    return controller, host, indexer, {"extra_pools": [PoolTransfer(name=PoolName.INDEXER)]}


pool = NSATokenToKVPool(
    size=TOKENS,
    page_size=PAGE,
    kv_lora_rank=16,
    dtype=torch.bfloat16,
    qk_rope_head_dim=8,
    layer_num=LAYERS,
    device="cuda",
    index_head_dim=128,
    enable_memory_saver=False,
    kv_cache_dim=24,
)
allocator = PagedTokenToKVPoolAllocator(TOKENS, PAGE, torch.bfloat16, "cuda", pool, need_sort=False)
assemble = of_one_pool if hasattr(memory_pool_host, "NSATokenToKVPoolHost") else of_two_pools
controller, host, indexer, extra = assemble(pool, allocator)
for buffer in (host.kv_buffer, *indexer.index_k_with_scale_buffer):
    buffer.fill_(7)
torch.cuda.synchronize()

where = controller.load(host.alloc(2 * PAGE), **extra)
controller.layer_done_counter.set_consumer(controller.start_loading())
pages = where.reshape(-1, PAGE)[:, 0] // PAGE
for layer in range(LAYERS):
    keys = pool.get_index_k_continuous(layer, 2 * PAGE, pages)
    values = pool.get_key_buffer(layer)[where]
torch.cuda.synchronize()
print("keys of the last layer:", keys.float().mean().item())
