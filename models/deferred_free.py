"""A scheduler that frees blocks of requests it preempts: at once, later, or later and in vain?

The host dispatches the next step of the device before it has seen the last one end, so a request
that is preempted, or has finished, may still have a kernel under way that writes into its blocks.
A block that goes back to the pool at once is given to another request, and the kernel writes into
it. So blocks are kept on a list until the step that may write into them is over (a fence). Then
the scheduler that needs a block, finds none and preempts somebody gets nothing for it: the freed
block is on the list. It preempts the next one, and the next, until nothing runs; when the fence
has passed all start anew, and the same happens again. Nothing is corrupted, and nothing gets done.

Who acts
  scheduler  admits a request on a free block, gives it a second one when it has filled the first,
             and preempts where there is none: the last of those that run, which may be the one
             that needs the block. A request that needs a block comes before one that waits.
  device     fills blocks, and ends the kernels that the host has dispatched, at any time

Each request needs two blocks, and its work is lost when it is preempted (recompute).

What is abstracted, and whether that can hide a bug of a real system
  - A kernel under way is a fact of the block that it writes into. Safe.
  - What lies in a block is not modelled: a block that one request owns while a kernel of another
    writes into it is wrong, whatever it writes. Safe.
  - Requests do not come back once they are done. Safe for the livelock: it needs no new ones.
  - Blocks are not shared between requests. NOT covered: prefix caching.
"""

from enum import IntEnum

from fencepost import *


class Phase(IntEnum):
    """A request; one that NEEDS a block has filled its first and waits for the second."""

    WAITING, RUNNING, NEEDS, COMPLETE, DONE = range(5)


class DeferredFree(Model):
    """Blocks of preempted requests, a pool, and a list of blocks that are not free yet."""

    requests, blocks = Parameter(2, low=1), Parameter(2, low=2)
    Request, Block = Index(requests, ordered=True), Index(blocks)

    free_waits_for_fence = Barrier(
        "A block that a dispatched kernel may write into is free only when that kernel has ended.",
        buys=["writes_into_own_blocks"],
    )
    preemption_waits_for_fence = Barrier(
        "Nobody is preempted while a block is on its way to the pool: it is counted as soon free.",
        buys=["request_is_done"],
    )

    phase = Array(Request, of=Phase, initial=Phase.WAITING)
    owner = Array(Block, of=Maybe(Request), initial=NONE)
    writes = Array(Request, Block, of=bool, initial=False)
    on_list = Array(Block, of=bool, initial=False)

    def is_free(self, block):
        return self.owner[block] == NONE and not self.on_list[block]

    def is_quiet(self, block):
        """No kernel under way writes into a block."""
        return not exists(self.Request, lambda request: self.writes[request, block])

    def somebody_needs_a_block(self):
        return exists(self.Request, lambda request: self.phase[request] == Phase.NEEDS)

    def runs(self, request):
        return self.phase[request] in (Phase.RUNNING, Phase.NEEDS, Phase.COMPLETE)

    def take(self, request, block):
        """The block is the request's, and a kernel that fills it is dispatched."""
        require(self.is_free(block))
        self.owner[block] = request
        self.writes[request, block] = True

    @fair("strong")
    @actor("scheduler")
    @action(request=Request, block=Block)
    def admit(self, request, block):
        """A waiting request starts, where no running one needs the block."""
        require(self.phase[request] == Phase.WAITING and not self.somebody_needs_a_block())
        self.take(request, block)
        self.phase[request] = Phase.RUNNING

    @fair
    @actor("device")
    @action(request=Request)
    def fill(self, request):
        """The first block of a request is full."""
        require(self.phase[request] == Phase.RUNNING)
        self.phase[request] = Phase.NEEDS

    @fair("strong")
    @actor("scheduler")
    @action(request=Request, block=Block)
    def grow(self, request, block):
        """A request gets its second block."""
        require(self.phase[request] == Phase.NEEDS)
        self.take(request, block)
        self.phase[request] = Phase.COMPLETE

    @fair
    @actor("scheduler")
    @action(victim=Request)
    def preempt(self, victim):
        """Somebody needs a block and there is none: the last one that runs loses its own."""
        require(self.somebody_needs_a_block() and self.runs(victim))
        require(for_all(self.Block, lambda block: not self.is_free(block)))
        require(not exists(self.Request, lambda r: victim < r and self.runs(r)))
        if self.preemption_waits_for_fence:
            require(not exists(self.Block, lambda block: self.on_list[block]))
        self.give_back(victim)
        self.phase[victim] = Phase.WAITING

    @fair
    @actor("scheduler")
    @action(request=Request)
    def finish(self, request):
        """The last token is out; the next step of the request is dispatched all the same."""
        require(self.phase[request] == Phase.COMPLETE)
        self.give_back(request)
        self.phase[request] = Phase.DONE

    def give_back(self, request):
        """The blocks of a request go to the pool, or on the list."""
        if self.free_waits_for_fence:
            assign(
                self.on_list,
                to=True,
                where=lambda block: self.owner[block] == request and not self.is_quiet(block),
            )
        assign(self.owner, to=NONE, where=lambda block: self.owner[block] == request)

    @fair
    @actor("device")
    @action(request=Request, block=Block)
    def end_kernel(self, request, block):
        """A kernel that writes into a block ends; the last one is the fence."""
        require(self.writes[request, block])
        self.writes[request, block] = False
        if self.is_quiet(block):
            self.on_list[block] = False

    @final
    def all_is_done(self):
        return for_all(self.Request, lambda request: self.phase[request] == Phase.DONE) and for_all(
            self.Block, self.is_quiet
        )

    frees_at_once = Design(
        expect=violates("writes_into_own_blocks", steps=5),
        blames=("preempt", "finish"),
        known_bug="VLLM-45357",
        text="A block is another request's while the last one's kernel still writes into it.",
    )
    frees_later = Design(
        free_waits_for_fence,
        expect=violates("request_is_done", steps=14),
        known_bug="VLLM-49675",
        text="The fix of that: preempting frees nothing now, so everybody is preempted, for ever.",
    )
    counts_soon_free_blocks = Design(
        free_waits_for_fence,
        preemption_waits_for_fence,
        expect=holds,
        text="Who needs a block waits for those that are on their way before anybody is preempted.",
    )
