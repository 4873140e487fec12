"""A key/value cache in two tiers: pages move between device and host while the host runs ahead.

A prompt whose bytes lie on a host page is *restored*: the load stream copies them to a device page,
layer by layer, while the compute stream already works on the layers that have arrived. A prompt
that is not on the host is *computed*, and its page is then *backed up* by the write-back stream. In
each layer the indexer scores small keys of its own to choose the rows that the sparse attention
reads, so a layer has two components: index keys, and keys and values (kv). A kernel that comes too
early, or to a page that somebody else has written, reads what lies there. Nothing fails; the answer
is garbled. Which waits, in streams and in the host, make sure that everybody reads their own bytes?

Who acts
  host               takes requests in order, queues work, evicts and refills host pages. It runs
                     ahead: it never waits for the device unless a barrier says so, and gives a page
                     to the next request while work of the last one on it is still queued
  load stream        copies host to device, one layer and component at a time
  compute stream     runs one forward a request: score, attend, layer by layer. Each kernel appends
                     rows of its own, then reads its component of the page. A request that forks
                     from a restored page copies all of that page before its first layer
  write-back stream  copies a page from device to host

Streams and events. A stream does its work in the order in which it was queued; here that is the
order of requests, so "queued before" is `<` and costs no state. An event names a place in a stream:
the request whose work was queued there last. To wait for it is to remember that place *at the time
of the host's call* (CUDA's rule: the newest record counts, a later one does not), and what is
queued behind the wait starts once that place is reached. A wait for an event never recorded is no
wait. The events between the layers of a load and the kernels that read them are recorded once and
awaited by one forward, so they need no place.

What is abstracted, and whether that can hide a bug of a real system
  - Bytes are the prompt they belong to; a mixture of two is nobody's. Safe: half right is wrong.
  - A write-back reads its whole page at one moment, the copies of a load one component of one
    layer. Safe: a part that can be read too early or too late can be the only one that is read.
  - A kernel appends and reads in one step, after its wait. Safe: every order with the steps of
    other streams is there, and rows appended to a page of somebody else leave nobody's bytes.
  - Without `store_reads_in_stream_order` a write-back ends when it reads, not later. Safe.
  - Index keys of a layer are copied before its kv, with an event for each. Safe: this order needs a
    wait for each; where kv goes first (SGLang, one event a layer) the indexer's wait covers both.
  - A forward stands for all rounds of its request, also the one under way while the host learns
    that the request has finished. Safe: what a later round would misread is no longer in place.
  - Requests are not aborted before their launch. NOT covered: a page that is given away while its
    load is queued and no forward will wait for it (`slot_lifecycle` has that for RDMA).
  - Loads, forwards and write-backs are queued in the same order. NOT covered: a scheduler that
    overtakes in one stream and not in the other.
  - A page stays with one request: the device shares no prefix between two. NOT covered.
  - The prompt and the page of a request are fixed from the start, and arbitrary. Safe: every choice
    is an initial state; choices that differ in nothing but the numbering are counted once.
  - So is the host page of a prompt, and whether two prompts want the same one. NOT covered: a
    prompt that is evicted and comes back to another host page.
  - Copies and kernels do not fail, and storage fills a host page at once. NOT covered.
"""

from enum import IntEnum

from fencepost import *


class Stage(IntEnum):
    """How far the host has brought a request."""

    WAITING, ADMITTED, LAUNCHED, RELEASED = range(4)


class Fork(IntEnum):
    """The copy of a whole page that a forking request makes before its first layer."""

    NO, QUEUED, DONE = range(3)


class Misread(IntEnum):
    """The first thing a request read that was not its own."""

    NOTHING, INDEX_KEYS, KV, FORK = range(4)


class AsyncCacheLoad(Model):
    """A two-tier key/value cache with load, compute and write-back streams and a host ahead."""

    requests, prompts = Parameter(2, low=1), Parameter(2, low=1)
    pages, host_pages = Parameter(2, low=1), Parameter(2, low=1)
    layers = Parameter(2, low=1)
    Request, Prompt = Index(requests, ordered=True), Index(prompts, ordered=True)
    Page, HostPage = Index(pages, ordered=True), Index(host_pages, ordered=True)
    Layer = Index(layers, ordered=True)

    # What readers wait for.
    indexer_waits_for_load = Barrier(
        "The indexer of a layer waits for the event behind the copy of that layer's index keys.",
        buys=["indexer_reads_own_keys"],
    )
    attention_waits_for_load = Barrier(
        "The attention of a layer waits for the event behind the copy of that layer's kv.",
        buys=["attention_reads_own_kv"],
    )
    fork_waits_for_first_layer = Barrier(
        "The copy of a whole page waits for the first layer of its load, as the layers do.",
        buys=["fork_copies_own_bytes"],
    )
    fork_waits_for_last_layer = Barrier(
        "The copy of a whole page waits for the last layer of its load.",
        buys=["fork_copies_own_bytes"],
    )
    launch_waits_for_load = Barrier(
        "The host launches a restored request only after it saw its whole load finished.",
        buys=["indexer_reads_own_keys", "fork_copies_own_bytes"],
    )
    # What the next tenant of a device page waits for.
    load_waits_for_forward = Barrier(
        "The load stream waits for every forward launched so far before a load starts.",
        buys=["bytes_stay_in_place", "attention_reads_own_kv"],
    )
    load_waits_for_store = Barrier(
        "The load stream waits for every write-back queued so far before a load starts.",
        buys=["host_copies_are_genuine", "bytes_stay_in_place"],
    )
    forward_waits_for_store = Barrier(
        "The compute stream waits for every write-back queued so far before a forward starts.",
        buys=["host_copies_are_genuine"],
    )
    page_rests_until_computed = Barrier(
        "The host gives a device page away only after it saw the last launched round finished.",
        buys=["bytes_stay_in_place", "attention_reads_own_kv"],
    )
    page_rests_until_stored = Barrier(
        "The host gives a device page away only after it saw its write-back finished.",
        buys=["host_copies_are_genuine"],
    )
    # What a write-back waits for.
    store_waits_for_forward = Barrier(
        "The write-back stream waits for the compute stream's event before it copies.",
        buys=["host_copies_are_genuine"],
    )
    store_reads_in_stream_order = Barrier(
        "The copy engine may not read its source ahead of the stream's waits.",
        buys=["host_copies_are_genuine"],
    )
    event_of_one_stream = Barrier(
        "The event write-backs wait for is recorded by launches only, never again by a load. "
        "Needless where a load waits for the forwards before it records.",
        buys=["host_copies_are_genuine"],
    )
    # What host pages wait for.
    host_page_rests_until_loaded = Barrier(
        "A host page is not evicted until the host saw the loads from it finished.",
        buys=["bytes_stay_in_place"],
    )
    published_when_stored = Barrier(
        "A host copy can be hit only after the host saw its write-back finished.",
        buys=["bytes_stay_in_place"],
    )
    acks_taken_every_tick = Barrier(
        "The host looks for finished copies on every tick, not only when it forms a prefill batch.",
        buys=["device_page_can_be_free", "host_page_can_be_free", "request_is_released"],
    )
    host_synchronises = Barrier(
        "The host waits until the device is idle before it queues work or fills a host page.",
        buys=["indexer_reads_own_keys", "bytes_stay_in_place", "host_copies_are_genuine"],
    )

    # What the host knows.
    prompt = Array(Request, of=Prompt, initial=ANY)
    page = Array(Request, of=Page, initial=ANY)
    host_page = Array(Prompt, of=HostPage, initial=ANY)
    stage = Array(Request, of=Stage, initial=Stage.WAITING)
    cached = Array(HostPage, of=Maybe(Prompt))
    restored = Array(Request, of=bool)
    backed_up = Array(Request, of=bool)
    load_seen = Array(Request, of=bool)
    store_seen = Array(Request, of=bool)

    # The bytes that lie there: of which prompt, or of none.
    host_bytes = Array(HostPage, of=Maybe(Prompt))
    index_keys = Array(Page, Layer, of=Maybe(Prompt))
    kv = Array(Page, Layer, of=Maybe(Prompt))

    # What the device has done.
    index_keys_loaded = Array(Request, Layer, of=bool)
    kv_loaded = Array(Request, Layer, of=bool)
    fork = Array(Request, of=Fork, initial=Fork.NO)
    scored = Array(Request, Layer, of=bool)
    attended = Array(Request, Layer, of=bool)
    stored = Array(Request, of=bool)
    misread = Array(Request, of=Misread, initial=Misread.NOTHING)

    # Places in streams: work queued last, where the event was recorded, what the waits bound to.
    last_forward = Var(Maybe(Request))
    last_store = Var(Maybe(Request))
    event_behind_forward = Var(Maybe(Request))
    event_behind_load = Var(Maybe(Request))
    load_after_forward = Array(Request, of=Maybe(Request))
    load_after_store = Array(Request, of=Maybe(Request))
    forward_after_store = Array(Request, of=Maybe(Request))
    store_after_forward = Array(Request, of=Maybe(Request))
    store_after_load = Array(Request, of=Maybe(Request))

    def numbered_as_they_come(self, users, things, choice):
        return for_all(
            users,
            things,
            lambda user, lower: (
                not lower < choice[user] or exists(users, lambda u: u < user and choice[u] == lower)
            ),
        )

    @initial
    def choices_are_arbitrary_but_for_their_numbers(self):
        return (
            self.numbered_as_they_come(self.Request, self.Prompt, self.prompt)
            and self.numbered_as_they_come(self.Request, self.Page, self.page)
            and self.numbered_as_they_come(self.Prompt, self.HostPage, self.host_page)
        )

    # Questions.

    def launched(self, request):
        return self.stage[request] >= Stage.LAUNCHED

    def holds_its_page(self, request):
        return self.stage[request] in (Stage.ADMITTED, Stage.LAUNCHED)

    def load_done(self, request):
        return for_all(
            self.Layer, lambda layer: self.kv_loaded[request, layer] or not self.restored[request]
        )

    def forward_done(self, request):
        return for_all(self.Layer, lambda layer: self.attended[request, layer])

    def store_done(self, request):
        return self.stored[request] or not self.backed_up[request]

    def index_keys_in_place(self, request, layer):
        loaded, computed = self.index_keys_loaded[request, layer], self.scored[request, layer]
        return choose(self.restored[request], loaded, computed)

    def kv_in_place(self, request, layer):
        loaded, computed = self.kv_loaded[request, layer], self.attended[request, layer]
        return choose(self.restored[request], loaded, computed)

    def load_under_way(self, request):
        begun = exists(self.Layer, lambda layer: self.index_keys_loaded[request, layer])
        return begun and not self.load_done(request)

    def forward_under_way(self, request):
        begun = exists(self.Layer, lambda layer: self.scored[request, layer])
        return begun and not self.forward_done(request)

    def is_taken(self, page):
        return exists(self.Request, lambda r: self.page[r] == page and self.holds_its_page(r))

    def host_page_of(self, request):
        return self.host_page[self.prompt[request]]

    def being_loaded(self, host_page):
        return exists(
            self.Request,
            lambda r: (
                self.restored[r] and not self.load_seen[r] and self.host_page_of(r) == host_page
            ),
        )

    def being_stored(self, host_page):
        return exists(
            self.Request,
            lambda r: (
                self.backed_up[r] and not self.store_seen[r] and self.host_page_of(r) == host_page
            ),
        )

    def page_is_own(self, request):
        page, own = self.page[request], self.prompt[request]
        return for_all(
            self.Layer,
            lambda layer: self.index_keys[page, layer] == own and self.kv[page, layer] == own,
        )

    def all_before(self, request, condition):
        return for_all(self.Request, lambda r: not r < request or condition(r))

    # The host.

    def device_is_idle(self):
        return for_all(
            self.Request,
            lambda r: (
                self.load_done(r)
                and self.store_done(r)
                and (self.forward_done(r) or not self.launched(r))
            ),
        )

    def synchronise(self):
        if self.host_synchronises:
            require(self.device_is_idle())

    @actor("host")
    @action(prompt=Prompt)
    def prefetch(self, prompt):
        """Storage fills an empty host page with a prompt that somebody waits for."""
        self.synchronise()
        host_page = self.host_page[prompt]
        require(self.cached[host_page] == NONE)
        require(not self.being_stored(host_page))
        require(
            exists(
                self.Request,
                lambda r: self.stage[r] == Stage.WAITING and self.prompt[r] == prompt,
            )
        )
        self.cached[host_page] = self.host_bytes[host_page] = prompt

    @actor("host")
    @action(prompt=Prompt)
    def evict(self, prompt):
        """A prompt gives way, in the books, to another that needs its host page."""
        host_page = self.host_page[prompt]
        require(self.cached[host_page] == prompt)
        require(not self.being_stored(host_page))
        if self.host_page_rests_until_loaded:
            require(not self.being_loaded(host_page))
        require(
            exists(
                self.Request,
                lambda r: (
                    self.stage[r] != Stage.RELEASED
                    and self.prompt[r] != prompt
                    and self.host_page_of(r) == host_page
                ),
            )
        )
        self.cached[host_page] = NONE

    def take_page(self, request):
        require(self.stage[request] == Stage.WAITING)
        require(self.all_before(request, lambda r: self.stage[r] != Stage.WAITING))
        require(not self.is_taken(self.page[request]))
        self.stage[request] = Stage.ADMITTED

    @fair("strong")
    @actor("host")
    @action(request=Request)
    def admit(self, request):
        """A request starts whose prompt is not on the host."""
        self.take_page(request)
        require(self.cached[self.host_page_of(request)] != self.prompt[request])

    @fair("strong")
    @actor("host")
    @action(request=Request)
    def restore(self, request):
        """A request starts whose prompt is on a host page; its load is queued."""
        self.synchronise()
        self.take_page(request)
        require(self.cached[self.host_page_of(request)] == self.prompt[request])
        self.restored[request] = True
        if self.load_waits_for_forward:
            self.load_after_forward[request] = self.last_forward
        if self.load_waits_for_store:
            self.load_after_store[request] = self.last_store
        if not self.event_of_one_stream:
            self.event_behind_forward, self.event_behind_load = NONE, request

    def queue_forward(self, request):
        self.synchronise()
        require(self.stage[request] == Stage.ADMITTED)
        require(self.all_before(request, self.launched))
        if self.launch_waits_for_load:
            require(not self.restored[request] or self.load_seen[request])
        self.stage[request] = Stage.LAUNCHED
        if self.forward_waits_for_store:
            self.forward_after_store[request] = self.last_store
        self.last_forward = request
        self.event_behind_forward, self.event_behind_load = request, NONE

    @fair
    @actor("host")
    @action(request=Request)
    def launch(self, request):
        self.queue_forward(request)

    @actor("host")
    @action(request=Request)
    def launch_fork(self, request):
        """A request that forks from the restored page copies all of it before its first layer."""
        self.queue_forward(request)
        require(self.restored[request])
        self.fork[request] = Fork.QUEUED

    @actor("host")
    @action(request=Request)
    def back_up(self, request):
        """A computed page is queued for write-back, whether or not its forward has run yet."""
        self.synchronise()
        host_page = self.host_page_of(request)
        require(self.stage[request] == Stage.LAUNCHED)
        require(not self.restored[request])
        require(for_all(self.Request, lambda r: r < request or not self.backed_up[r]))
        require(self.cached[host_page] == NONE)
        require(not self.being_stored(host_page))
        self.backed_up[request] = True
        self.last_store = request
        if self.store_waits_for_forward:
            self.store_after_forward[request] = self.event_behind_forward
            self.store_after_load[request] = self.event_behind_load
        if not self.published_when_stored:
            self.cached[host_page] = self.prompt[request]

    @fair
    @actor("host")
    @action(request=Request)
    def release(self, request):
        """The result of an earlier round says that the request has finished; its page is free."""
        require(self.stage[request] == Stage.LAUNCHED)
        if self.page_rests_until_computed:
            require(self.forward_done(request))
        if self.page_rests_until_stored:
            require(not self.backed_up[request] or self.store_seen[request])
        self.stage[request] = Stage.RELEASED

    def take_acks(self):
        if not self.acks_taken_every_tick:
            require(exists(self.Request, lambda r: self.stage[r] == Stage.WAITING))

    @fair
    @actor("host")
    @action(request=Request)
    def see_load(self, request):
        self.take_acks()
        require(self.restored[request])
        require(not self.load_seen[request])
        require(self.load_done(request))
        self.load_seen[request] = True

    @fair
    @actor("host")
    @action(request=Request)
    def see_store(self, request):
        self.take_acks()
        require(self.stored[request])
        require(not self.store_seen[request])
        self.store_seen[request] = True
        if self.published_when_stored:
            self.cached[self.host_page_of(request)] = self.prompt[request]

    # The load stream.

    def load_may_go(self, request, layer):
        require(self.restored[request])
        require(self.all_before(request, self.load_done))
        require(
            for_all(self.Layer, lambda lower: not lower < layer or self.kv_loaded[request, lower])
        )
        forward, store = self.load_after_forward[request], self.load_after_store[request]
        require(forward == NONE or self.forward_done(forward))
        require(store == NONE or self.stored[store])

    @fair
    @actor("load stream")
    @action(request=Request, layer=Layer)
    def load_index_keys(self, request, layer):
        require(not self.index_keys_loaded[request, layer])
        self.load_may_go(request, layer)
        self.index_keys[self.page[request], layer] = self.host_bytes[self.host_page_of(request)]
        self.index_keys_loaded[request, layer] = True

    @fair
    @actor("load stream")
    @action(request=Request, layer=Layer)
    def load_kv(self, request, layer):
        require(self.index_keys_loaded[request, layer])
        require(not self.kv_loaded[request, layer])
        self.load_may_go(request, layer)
        self.kv[self.page[request], layer] = self.host_bytes[self.host_page_of(request)]
        self.kv_loaded[request, layer] = True

    # The compute stream.

    def forward_may_go(self, request):
        require(self.launched(request))
        require(self.all_before(request, self.forward_done))
        store = self.forward_after_store[request]
        require(store == NONE or self.stored[store])

    def layer_may_go(self, request, layer):
        self.forward_may_go(request)
        require(self.fork[request] != Fork.QUEUED)
        require(
            for_all(self.Layer, lambda lower: not lower < layer or self.attended[request, lower])
        )

    def note(self, request, what):
        first = self.misread[request] == Misread.NOTHING
        self.misread[request] = choose(first, what, self.misread[request])

    @fair
    @actor("compute stream")
    @action(request=Request)
    def copy_fork(self, request):
        require(self.fork[request] == Fork.QUEUED)
        self.forward_may_go(request)
        if self.fork_waits_for_first_layer:
            require(exists(self.Layer, lambda layer: self.kv_loaded[request, layer]))
        if self.fork_waits_for_last_layer:
            require(self.load_done(request))
        self.fork[request] = Fork.DONE
        if not self.page_is_own(request):
            self.note(request, Misread.FORK)

    @fair
    @actor("compute stream")
    @action(request=Request, layer=Layer)
    def score(self, request, layer):
        """The indexer appends its keys of the new rows and scores all of them."""
        require(not self.scored[request, layer])
        self.layer_may_go(request, layer)
        if self.indexer_waits_for_load:
            require(not self.restored[request] or self.index_keys_loaded[request, layer])
        self.scored[request, layer] = True
        page, own = self.page[request], self.prompt[request]
        if self.restored[request] and self.index_keys[page, layer] != own:
            self.note(request, Misread.INDEX_KEYS)
            self.index_keys[page, layer] = NONE
        else:
            self.index_keys[page, layer] = own

    @fair
    @actor("compute stream")
    @action(request=Request, layer=Layer)
    def attend(self, request, layer):
        """The attention appends keys and values of the new rows and reads the chosen ones."""
        require(self.scored[request, layer])
        require(not self.attended[request, layer])
        self.layer_may_go(request, layer)
        if self.attention_waits_for_load:
            require(not self.restored[request] or self.kv_loaded[request, layer])
        self.attended[request, layer] = True
        page, own = self.page[request], self.prompt[request]
        if self.restored[request] and self.kv[page, layer] != own:
            self.note(request, Misread.KV)
            self.kv[page, layer] = NONE
        else:
            self.kv[page, layer] = own

    # The write-back stream.

    @fair
    @actor("write-back stream")
    @action(request=Request)
    def store(self, request):
        require(self.backed_up[request])
        require(not self.stored[request])
        require(self.all_before(request, self.store_done))
        if self.store_reads_in_stream_order:
            forward, load = self.store_after_forward[request], self.store_after_load[request]
            require(forward == NONE or self.forward_done(forward))
            require(load == NONE or self.load_done(load))
        self.stored[request] = True
        own = self.page_is_own(request)
        self.host_bytes[self.host_page_of(request)] = choose(own, self.prompt[request], NONE)

    @final
    def all_is_done(self):
        return self.device_is_idle() and for_all(
            self.Request,
            lambda r: (
                self.stage[r] == Stage.RELEASED
                and (self.load_seen[r] or not self.restored[r])
                and (self.store_seen[r] or not self.backed_up[r])
            ),
        )

    # Three ways to be safe.

    by_acknowledgement = Design(
        indexer_waits_for_load,
        attention_waits_for_load,
        fork_waits_for_last_layer,
        page_rests_until_computed,
        page_rests_until_stored,
        store_waits_for_forward,
        store_reads_in_stream_order,
        event_of_one_stream,
        host_page_rests_until_loaded,
        published_when_stored,
        acks_taken_every_tick,
        expect=holds,
        text="Pages rest until the host saw the device finish with them.",
    )
    by_streams = Design(
        indexer_waits_for_load,
        attention_waits_for_load,
        fork_waits_for_last_layer,
        load_waits_for_forward,
        load_waits_for_store,
        forward_waits_for_store,
        store_waits_for_forward,
        store_reads_in_stream_order,
        event_of_one_stream,
        host_page_rests_until_loaded,
        acks_taken_every_tick,
        expect=holds,
        text="Device pages are given away at once, and the streams of the next request wait.",
    )
    offload_connector = Design(
        launch_waits_for_load,
        load_waits_for_forward,
        page_rests_until_stored,
        store_waits_for_forward,
        store_reads_in_stream_order,
        event_of_one_stream,
        host_page_rests_until_loaded,
        published_when_stored,
        acks_taken_every_tick,
        expect=holds,
        text="vLLM: no waits inside a forward; a request is launched after its whole load.",
    )

    # What was reported, what was tried, and what was not enough.

    indexer_without_wait = by_acknowledgement.without(
        indexer_waits_for_load,
        expect=violates("indexer_reads_own_keys", steps=4),
        known_bug="SGL-22811",
        blames="score",
        text="Only the attention waits for its layer: top-k is taken over keys not yet there.",
    )
    load_over_launched_forward = by_streams.without(
        load_waits_for_forward,
        expect=(
            violates("bytes_stay_in_place", steps=7),
            violates("indexer_reads_own_keys", steps=12),
            violates("fork_copies_own_bytes", steps=12),
            violates("attention_reads_own_kv", steps=14),
        ),
        known_bug="SGL-36738",
        blames="restore",
        text="A page is loaded into while the last round of its finished request is still to run.",
    )
    write_back_unordered = by_streams.without(
        store_waits_for_forward,
        forward_waits_for_store,
        load_waits_for_store,
        expect=(
            violates("host_copies_are_genuine", steps=4),
            violates("bytes_stay_in_place", steps=9),
            violates("indexer_reads_own_keys", steps=11),
            violates("fork_copies_own_bytes", steps=14),
        ),
        known_bug="SGL-20611",
        blames=("restore", "launch", "back_up"),
        text="Write-backs are not ordered with the work of other streams, in either direction.",
    )
    write_back_and_forward_wait = by_streams.without(
        load_waits_for_store,
        expect=(
            violates("host_copies_are_genuine", steps=11),
            violates("bytes_stay_in_place", steps=9),
            violates("indexer_reads_own_keys", steps=12),
            violates("fork_copies_own_bytes", steps=15),
        ),
        blames="restore",
        text="The reported fix, both halves: a load may be the next to write, and does not wait.",
    )
    fork_without_wait = by_acknowledgement.without(
        fork_waits_for_last_layer,
        expect=violates("fork_copies_own_bytes", steps=4),
        known_bug="SGL-36743",
        blames="copy_fork",
        text="A fork copies all layers of a page at once, ahead of the waits of the layers.",
    )
    fork_waits_for_first = fork_without_wait.plus(
        fork_waits_for_first_layer,
        expect=violates("fork_copies_own_bytes", steps=6),
        blames="copy_fork",
        text="To wait for the first layer, as the first layer does, is too little for all of them.",
    )
    host_page_lock_dropped = by_acknowledgement.without(
        host_page_rests_until_loaded,
        expect=(
            violates("bytes_stay_in_place", steps=5),
            violates("indexer_reads_own_keys", steps=7),
            violates("attention_reads_own_kv", steps=9),
            violates("fork_copies_own_bytes", steps=10),
        ),
        known_bug="SGL-31427",
        blames="evict",
        text="A host page is unlocked when its load is queued, and refilled before that runs.",
    )
    host_confirmed_store = offload_connector.without(
        store_waits_for_forward,
        store_reads_in_stream_order,
        expect=(
            violates("host_copies_are_genuine", steps=5),
            violates("bytes_stay_in_place", steps=11),
            violates("indexer_reads_own_keys", steps=17),
            violates("fork_copies_own_bytes", steps=17),
        ),
        known_bug="VLLM-46278",
        blames=("store", "back_up"),
        text="What the host confirmed is stored, whether or not the device has computed it.",
    )
    store_waits_out_of_order = offload_connector.without(
        store_reads_in_stream_order,
        expect=(
            violates("host_copies_are_genuine", steps=5),
            violates("bytes_stay_in_place", steps=11),
            violates("indexer_reads_own_keys", steps=17),
            violates("fork_copies_own_bytes", steps=17),
        ),
        blames="store",
        text="The event alone: the copy engine reads its source before the wait is over.",
    )
    store_in_order_without_event = offload_connector.without(
        store_waits_for_forward,
        expect=(
            violates("host_copies_are_genuine", steps=5),
            violates("bytes_stay_in_place", steps=11),
            violates("indexer_reads_own_keys", steps=17),
            violates("fork_copies_own_bytes", steps=17),
        ),
        blames="back_up",
        text="Stream order alone: the write-back stream has nothing to wait for.",
    )
    load_over_reader = offload_connector.without(
        load_waits_for_forward,
        expect=(
            violates("attention_reads_own_kv", steps=15),
            violates("bytes_stay_in_place", steps=7),
            violates("indexer_reads_own_keys", steps=13),
            violates("fork_copies_own_bytes", steps=13),
        ),
        known_bug="VLLM-47282",
        blames="restore",
        text="A load overwrites a page that the last round of its finished request still reads.",
    )
    event_recorded_again_by_load = by_acknowledgement.without(
        event_of_one_stream,
        expect=violates("host_copies_are_genuine", steps=11),
        known_bug="VLLM-39115",
        blames="restore",
        text="A load records the event again before the write-back waits: it names earlier work.",
    )
    event_recorded_again_by_launch = Design(
        *by_acknowledgement.barriers,
        expect=holds,
        text="Its twin: the next launch records it again on the same stream, late but safe.",
    )
    event_recorded_again_by_ordered_load = by_streams.without(
        event_of_one_stream,
        expect=holds,
        text="Recorded again by a load that had itself waited for all forwards, it is safe.",
    )
    page_given_away_early = by_acknowledgement.without(
        page_rests_until_computed,
        expect=(
            violates("bytes_stay_in_place", steps=7),
            violates("indexer_reads_own_keys", steps=12),
            violates("fork_copies_own_bytes", steps=12),
            violates("attention_reads_own_kv", steps=14),
        ),
        blames="restore",
        text="As SGL-36738 where no stream waits: only the host could have held the page back.",
    )
    copy_published_early = by_acknowledgement.without(
        published_when_stored,
        expect=(
            violates("bytes_stay_in_place", steps=5),
            violates("indexer_reads_own_keys", steps=11),
            violates("fork_copies_own_bytes", steps=14),
        ),
        blames="restore",
        text="A copy is hit once its write-back is queued, which needs `load_waits_for_store`.",
    )
    acks_with_prefill_only = by_acknowledgement.without(
        acks_taken_every_tick,
        expect=(
            violates("device_page_can_be_free", steps=4),
            violates("host_page_can_be_free", steps=3),
            violates("no_stuck_state", steps=15),
            violates("request_is_released", steps=15),
            violates("taken_page_becomes_free", steps=15),
            violates("host_page_is_unlocked", steps=15),
        ),
        known_bug="SGL-20049",
        text="Finished copies are noticed while requests wait: those of the last ones never are.",
    )
    host_synchronises_always = Design(
        host_synchronises,
        acks_taken_every_tick,
        expect=(
            violates("computes_while_it_loads"),
            violates("computes_while_it_stores"),
        ),
        text="One thing at a time is safe, and nothing overlaps any more.",
    )
