"""What a cache in two tiers has to keep, and what has to stay possible in it."""

from fencepost import *
from models.async_cache_load import AsyncCacheLoad, Fork, Misread, Stage


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


# What must happen in the end. The fair actions of the model say what is relied on: streams run on,
# the host takes the next request when it can, launches it, looks at what has finished and gives
# pages back. Nobody relies on storage, on an eviction or on a write-back that could be left out.


@eventually(AsyncCacheLoad)
def request_is_released(m, request: AsyncCacheLoad.Request):
    """Every request is served to its end."""
    return m.stage[request] == Stage.RELEASED


@leads_to(AsyncCacheLoad)
def taken_page_becomes_free(m, page: AsyncCacheLoad.Page):
    """A device page is given back, also where nobody else waits for it."""
    return m.is_taken(page), not m.is_taken(page)


@leads_to(AsyncCacheLoad)
def host_page_is_unlocked(m, host_page: AsyncCacheLoad.HostPage):
    """A host page that a copy keeps in place is let go of: the copy is seen to finish."""
    kept = m.being_stored(host_page) or m.being_loaded(host_page)
    return kept, not kept


# Lemmas: what a proof for any number of requests, prompts, pages, host pages and layers goes by.


def reaches(place, request):
    """A place in a stream is behind the work of a request, or at it."""
    return place != NONE and not place < request


def former_tenant(m, earlier, later):
    """Both get one page, and the later one has it by now or had it."""
    return earlier < later and m.page[earlier] == m.page[later] and m.stage[later] != Stage.WAITING


def waits_for(m, forward, load, request):
    """The forward of a request is waited for, by way of a load perhaps, unless the host waits."""
    by_load = load != NONE and m.restored[load] and reaches(m.load_after_forward[load], request)
    return m.host_synchronises or reaches(forward, request) or by_load


def has_read_its_host_page(m, request):
    """Nothing is loaded for a request any more, as far as the host goes by."""
    seen = not m.restored[request] or m.load_seen[request]
    return m.load_done(request) if m.host_synchronises else seen


def is_idle(m, r):
    """Nothing that was queued for a request is still to be done."""
    return m.load_done(r) and m.store_done(r) and (m.forward_done(r) or not m.launched(r))


@lemma(AsyncCacheLoad)
def admitted_in_order(m, earlier: AsyncCacheLoad.Request, later: AsyncCacheLoad.Request):
    """Requests are admitted, and launched, in their order."""
    return not earlier < later or (
        (m.stage[later] == Stage.WAITING or m.stage[earlier] != Stage.WAITING)
        and (not m.launched(later) or m.launched(earlier))
    )


@lemma(AsyncCacheLoad)
def page_has_one_tenant(m, earlier: AsyncCacheLoad.Request, later: AsyncCacheLoad.Request):
    """A page goes to the next request when its tenant has released it."""
    return not former_tenant(m, earlier, later) or m.stage[earlier] == Stage.RELEASED


@lemma(AsyncCacheLoad)
def work_follows_its_cause(m, request: AsyncCacheLoad.Request, layer: AsyncCacheLoad.Layer):
    """Nothing is done before it is queued, and nothing is seen before it is done."""
    return (
        (not m.restored[request] or m.stage[request] != Stage.WAITING)
        and (not m.backed_up[request] or (m.launched(request) and not m.restored[request]))
        and (not m.index_keys_loaded[request, layer] or m.restored[request])
        and (not m.kv_loaded[request, layer] or m.index_keys_loaded[request, layer])
        and (not m.scored[request, layer] or m.launched(request))
        and (not m.attended[request, layer] or m.scored[request, layer])
        and (not m.stored[request] or m.backed_up[request])
        and (not m.store_seen[request] or m.stored[request])
        and (not m.load_seen[request] or (m.restored[request] and m.kv_loaded[request, layer]))
    )


@lemma(AsyncCacheLoad)
def fork_comes_first(m, request: AsyncCacheLoad.Request, layer: AsyncCacheLoad.Layer):
    """Only restored requests fork, once launched and before their first layer."""
    return m.fork[request] == Fork.NO or (
        m.restored[request]
        and m.launched(request)
        and (m.fork[request] == Fork.DONE or not m.scored[request, layer])
    )


@lemma(AsyncCacheLoad)
def forwards_run_in_order(
    m,
    earlier: AsyncCacheLoad.Request,
    later: AsyncCacheLoad.Request,
    layer: AsyncCacheLoad.Layer,
    other: AsyncCacheLoad.Layer,
):
    """A forward starts when those before it are done."""
    return not (earlier < later and m.scored[later, other]) or m.attended[earlier, layer]


@lemma(AsyncCacheLoad)
def loads_run_in_order(
    m,
    earlier: AsyncCacheLoad.Request,
    later: AsyncCacheLoad.Request,
    layer: AsyncCacheLoad.Layer,
    other: AsyncCacheLoad.Layer,
):
    """A load starts when those before it are done."""
    return (
        not (earlier < later and m.restored[earlier] and m.index_keys_loaded[later, other])
        or m.kv_loaded[earlier, layer]
    )


@lemma(AsyncCacheLoad)
def stores_run_in_order(m, earlier: AsyncCacheLoad.Request, later: AsyncCacheLoad.Request):
    """A write-back runs when those before it are done."""
    return not (earlier < later and m.backed_up[earlier] and m.stored[later]) or m.stored[earlier]


@lemma(AsyncCacheLoad)
def kernels_wait_for_their_layer(m, request: AsyncCacheLoad.Request, layer: AsyncCacheLoad.Layer):
    """A kernel of a restored request comes after the copy that it reads."""
    waited = m.launched(request) and (m.launch_waits_for_load or m.host_synchronises)
    return not m.restored[request] or (
        (not m.scored[request, layer] or m.index_keys_loaded[request, layer])
        and (not (m.attended[request, layer] or waited) or m.kv_loaded[request, layer])
    )


@lemma(AsyncCacheLoad)
def last_work_is_last(m, request: AsyncCacheLoad.Request):
    """The places in the streams are behind all that was queued there."""
    return (not m.launched(request) or reaches(m.last_forward, request)) and (
        not m.backed_up[request] or reaches(m.last_store, request)
    )


@lemma(AsyncCacheLoad)
def last_work_was_queued(m):
    """The places in the streams are those of work."""
    return (m.last_forward == NONE or m.launched(m.last_forward)) and (
        m.last_store == NONE or m.backed_up[m.last_store]
    )


@lemma(AsyncCacheLoad)
def released_page_was_computed(m, request: AsyncCacheLoad.Request, layer: AsyncCacheLoad.Layer):
    """Where a page rests until it was computed and stored, so it was when it is released."""
    return m.stage[request] != Stage.RELEASED or (
        (not m.page_rests_until_computed or m.attended[request, layer])
        and (not m.page_rests_until_stored or not m.backed_up[request] or m.stored[request])
    )


@lemma(AsyncCacheLoad)
def load_waits_for_former_forward(
    m,
    earlier: AsyncCacheLoad.Request,
    later: AsyncCacheLoad.Request,
    layer: AsyncCacheLoad.Layer,
):
    """The forward of a former tenant is done, or the load of the next waits for it."""
    return (
        not (former_tenant(m, earlier, later) and m.restored[later])
        or m.attended[earlier, layer]
        or reaches(m.load_after_forward[later], earlier)
    )


@lemma(AsyncCacheLoad)
def next_tenant_waits_for_former_store(
    m, earlier: AsyncCacheLoad.Request, later: AsyncCacheLoad.Request
):
    """The write-back of a former tenant is done, or what writes the page next waits for it."""
    if not (former_tenant(m, earlier, later) and m.backed_up[earlier]) or m.stored[earlier]:
        return True
    if m.restored[later]:
        return reaches(m.load_after_store[later], earlier)
    return not m.launched(later) or reaches(m.forward_after_store[later], earlier)


@lemma(AsyncCacheLoad)
def load_came_after_its_wait(
    m,
    request: AsyncCacheLoad.Request,
    layer: AsyncCacheLoad.Layer,
    other: AsyncCacheLoad.Layer,
):
    """A load that has started is behind what it waited for."""
    return not m.index_keys_loaded[request, other] or (
        (m.load_after_forward[request] == NONE or m.attended[m.load_after_forward[request], layer])
        and (m.load_after_store[request] == NONE or m.stored[m.load_after_store[request]])
    )


@lemma(AsyncCacheLoad)
def next_tenant_writes_last(
    m,
    earlier: AsyncCacheLoad.Request,
    later: AsyncCacheLoad.Request,
    layer: AsyncCacheLoad.Layer,
    other: AsyncCacheLoad.Layer,
):
    """When a tenant writes to its page, the former ones have done with it."""
    return not (
        former_tenant(m, earlier, later)
        and (m.index_keys_loaded[later, other] or m.scored[later, other])
    ) or (m.attended[earlier, layer] and m.store_done(earlier))


@lemma(AsyncCacheLoad)
def host_page_keeps_what_is_loaded(m, request: AsyncCacheLoad.Request):
    """A host page keeps what is loaded from it: its bytes where the host waits, else the books."""
    kept = m.host_bytes if m.host_synchronises else m.cached
    own = m.prompt[request]
    return has_read_its_host_page(m, request) or kept[m.host_page_of(request)] == own


@lemma(AsyncCacheLoad)
def host_page_keeps_what_is_stored(m, request: AsyncCacheLoad.Request):
    """A host page is for the prompt that is written back to it, hit at once or later."""
    if not m.backed_up[request] or m.store_seen[request]:
        return True
    cached = m.cached[m.host_page_of(request)]
    return cached == NONE if m.published_when_stored else cached == m.prompt[request]


@lemma(AsyncCacheLoad)
def one_store_to_a_host_page(m, request: AsyncCacheLoad.Request, other: AsyncCacheLoad.Request):
    """Only one write-back to a host page is under way."""
    return (
        request == other
        or not m.backed_up[request]
        or not m.backed_up[other]
        or m.store_seen[request]
        or m.store_seen[other]
        or m.host_page_of(request) != m.host_page_of(other)
    )


@lemma(AsyncCacheLoad)
def stored_bytes_are_genuine(m, request: AsyncCacheLoad.Request):
    """What was written back, and not seen yet, are the bytes of the prompt."""
    return (
        not m.stored[request]
        or m.store_seen[request]
        or m.host_bytes[m.host_page_of(request)] == m.prompt[request]
    )


@lemma(AsyncCacheLoad)
def load_waits_for_store_to_its_host_page(
    m, request: AsyncCacheLoad.Request, stored: AsyncCacheLoad.Request
):
    """A load from a host page that is still to be written waits for that."""
    return (
        has_read_its_host_page(m, request)
        or not m.backed_up[stored]
        or m.stored[stored]
        or m.host_page_of(request) != m.host_page_of(stored)
        or reaches(m.load_after_store[request], stored)
    )


@lemma(AsyncCacheLoad)
def page_keeps_what_is_to_be_stored(
    m, request: AsyncCacheLoad.Request, layer: AsyncCacheLoad.Layer
):
    """What was computed for a write-back is in place until that has read it."""
    page, own = m.page[request], m.prompt[request]
    return (
        not m.backed_up[request]
        or m.stored[request]
        or (
            (not m.scored[request, layer] or m.index_keys[page, layer] == own)
            and (not m.attended[request, layer] or m.kv[page, layer] == own)
        )
    )


@lemma(AsyncCacheLoad)
def event_is_behind_the_forwards(m, request: AsyncCacheLoad.Request):
    """The event that write-backs wait for was recorded behind every forward."""
    forward, load = m.event_behind_forward, m.event_behind_load
    return not m.launched(request) or waits_for(m, forward, load, request)


@lemma(AsyncCacheLoad)
def store_waits_for_its_forward(m, request: AsyncCacheLoad.Request):
    """A write-back waits for the forward that computes what it reads, if for nothing else."""
    forward, load = m.store_after_forward[request], m.store_after_load[request]
    return not m.backed_up[request] or waits_for(m, forward, load, request)


@lemma(AsyncCacheLoad)
def page_keeps_what_is_to_be_read(
    m,
    request: AsyncCacheLoad.Request,
    layer: AsyncCacheLoad.Layer,
    other: AsyncCacheLoad.Layer,
):
    """What was loaded is in place until the forward that reads it is done, released or not."""
    page, own = m.page[request], m.prompt[request]
    return (
        not m.restored[request]
        or m.attended[request, other]
        or (
            (not m.index_keys_loaded[request, layer] or m.index_keys[page, layer] == own)
            and (not m.kv_loaded[request, layer] or m.kv[page, layer] == own)
        )
    )


@lemma(AsyncCacheLoad, designs="host_synchronises_always")
def one_thing_at_a_time(m, request: AsyncCacheLoad.Request, other: AsyncCacheLoad.Request):
    """Work of one request is over before that of another begins, or the write-back of its own."""
    return (request == other or is_idle(m, request) or is_idle(m, other)) and (
        not m.backed_up[request] or m.forward_done(request)
    )
