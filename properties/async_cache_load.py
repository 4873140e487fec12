"""What a cache in two tiers has to keep, and what has to stay possible in it."""

from fencepost import *
from models.async_cache_load import AsyncCacheLoad, Misread


@always(AsyncCacheLoad)
def indexer_reads_own_keys(m, request: AsyncCacheLoad.Request):
    """The first thing a request misreads is never an index key: top-k is taken over its own."""
    return m.misread[request] != Misread.INDEX_KEYS


@always(AsyncCacheLoad)
def attention_reads_own_kv(m, request: AsyncCacheLoad.Request):
    """The first thing a request misreads is never a key or value of the attention."""
    return m.misread[request] != Misread.KV


@always(AsyncCacheLoad)
def fork_copies_own_bytes(m, request: AsyncCacheLoad.Request):
    """A fork starts from a page whose layers have all arrived and are still there."""
    return m.misread[request] != Misread.FORK


@always(AsyncCacheLoad)
def bytes_stay_in_place(m, request: AsyncCacheLoad.Request, layer: AsyncCacheLoad.Layer):
    """While a request holds its page, what was loaded or computed for it is there, unharmed."""
    page, own = m.page[request], m.prompt[request]
    index_keys = not m.index_keys_in_place(request, layer) or m.index_keys[page, layer] == own
    kv = not m.kv_in_place(request, layer) or m.kv[page, layer] == own
    return not m.holds_its_page(request) or (index_keys and kv)


@always(AsyncCacheLoad)
def host_copies_are_genuine(m, host_page: AsyncCacheLoad.HostPage):
    """A host page that can be hit holds the bytes of its prompt, or they are still to be stored."""
    return (
        m.cached[host_page] == NONE
        or m.host_bytes[host_page] == m.cached[host_page]
        or exists(
            m.Request,
            lambda r: m.backed_up[r] and not m.stored[r] and m.host_page_of(r) == host_page,
        )
    )


@reachable(AsyncCacheLoad)
def computes_while_it_loads(m):
    """A forward is under way while copies from the host are: what the streams are for."""
    return exists(m.Request, m.forward_under_way) and exists(m.Request, m.load_under_way)


@reachable(AsyncCacheLoad)
def computes_while_it_stores(m):
    """A forward is under way while an earlier page still waits to be written back."""
    return exists(m.Request, m.forward_under_way) and exists(
        m.Request, lambda request: m.forward_done(request) and not m.store_done(request)
    )


@always_possible(AsyncCacheLoad)
def device_page_can_be_free(m, page: AsyncCacheLoad.Page):
    """No device page is lost."""
    return not m.is_taken(page)


@always_possible(AsyncCacheLoad)
def host_page_can_be_free(m, host_page: AsyncCacheLoad.HostPage):
    """No host page is lost: the copies to and from it are seen to finish."""
    return not (m.being_stored(host_page) or m.being_loaded(host_page))
