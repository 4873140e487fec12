"""A client leaves while its keys and values are handed over: who still gives the blocks back?

A prefill worker computes a request, keeps the result in blocks of its own (staged), and a router
then sends the request on to a decode worker, which attaches and pulls the blocks. When the pull is
over the prefill worker hears so and frees them. The client may leave at any time. Somebody who
waits for a word about the blocks must get one whatever the client does: first the cancellation
tore down the transport under a pull, so that nobody heard of its end; then, with the transfer left
alone, the router did not send the request on any more, so that nobody attached.

Who acts
  client     leaves, at any time
  prefill    the prefill worker: computes, stages, frees
  router     sends a staged request on to a decode worker, or drops it
  decode     the decode worker: attaches and starts the pull
  transport  carries the pull and the word that it is over
  clock      the deadline of staged blocks

What is abstracted, and whether that can hide a bug of a real system
  - Each request has blocks of its own, and none gets in another's way, so one is enough. Safe for
    leaks: a pool would only run out of them.
  - What lies in the blocks is not modelled; blocks that are pulled must be held. Safe.
  - A decode worker that attaches for a client that has left pulls all the same, and throws away
    what it got. Safe: a cancellation that it sends instead is the same word to the prefill worker.
  - Neither worker crashes and no word is lost while the transport is up. NOT covered here:
    `slot_lifecycle` has both.
"""

from enum import IntEnum

from fencepost import *


class Blocks(IntEnum):
    """A request's blocks at the prefill worker."""

    NONE, COMPUTED, STAGED, FREED = range(4)


class Leg(IntEnum):
    """How far the decode leg of a request is."""

    NOT_SENT, DROPPED, SENT, PULLING, PULLED = range(5)


class StagedHandoff(Model):
    """Blocks that a prefill worker holds until a decode worker has pulled them."""

    requests = Parameter(1, low=1)
    Request = Index(requests)

    transfer_outlives_client = Barrier(
        "The transfer is not linked to the client's request: its transport stays when it leaves.",
        buys=["blocks_are_freed"],
    )
    leg_outlives_client = Barrier(
        "The decode leg is sent although the client has left: it attaches and ends properly.",
        buys=["blocks_are_freed"],
    )
    staging_expires = Barrier(
        "Staged blocks are freed at a deadline.",
        buys=["blocks_are_freed"],
    )
    expiry_waits_for_pull = Barrier(
        "The deadline does not free blocks to which somebody has attached.",
        buys=["pull_reads_held_blocks"],
    )

    blocks = Array(Request, of=Blocks, initial=Blocks.NONE)
    leg = Array(Request, of=Leg, initial=Leg.NOT_SENT)
    client_left = Array(Request, of=bool, initial=False)
    transport_up = Array(Request, of=bool, initial=True)

    @fair
    @actor("prefill")
    @action(request=Request)
    def compute(self, request):
        require(self.blocks[request] == Blocks.NONE)
        self.blocks[request] = Blocks.COMPUTED

    @fair
    @actor("prefill")
    @action(request=Request)
    def stage(self, request):
        """The blocks are ready to be pulled."""
        require(self.blocks[request] == Blocks.COMPUTED)
        self.blocks[request] = Blocks.STAGED

    @actor("client")
    @action(request=Request)
    def leave(self, request):
        """The client disconnects; the transport of a pull that is linked to it is torn down."""
        require(not self.client_left[request])
        self.client_left[request] = True
        if self.leg[request] == Leg.PULLING and not self.transfer_outlives_client:
            self.transport_up[request] = False

    @fair
    @actor("router")
    @action(request=Request)
    def send_on(self, request):
        """The decode leg is sent once the prefill is done, or dropped: the client has left."""
        require(self.blocks[request] == Blocks.STAGED and self.leg[request] == Leg.NOT_SENT)
        sends = self.leg_outlives_client or not self.client_left[request]
        self.leg[request] = choose(sends, Leg.SENT, Leg.DROPPED)

    @fair
    @actor("decode")
    @action(request=Request)
    def attach(self, request):
        """The pull starts, where the blocks still wait for it."""
        require(self.leg[request] == Leg.SENT and self.blocks[request] == Blocks.STAGED)
        self.leg[request] = Leg.PULLING

    @fair
    @actor("transport")
    @action(request=Request)
    def end_pull(self, request):
        """The pull is over, and both sides hear so."""
        require(self.leg[request] == Leg.PULLING and self.transport_up[request])
        self.leg[request] = Leg.PULLED

    @fair
    @actor("prefill")
    @action(request=Request)
    def free(self, request):
        require(self.leg[request] == Leg.PULLED and self.blocks[request] == Blocks.STAGED)
        self.blocks[request] = Blocks.FREED

    @fair
    @actor("clock")
    @action(request=Request)
    def expire(self, request):
        require(self.staging_expires and self.blocks[request] == Blocks.STAGED)
        if self.expiry_waits_for_pull:
            require(self.leg[request] in (Leg.NOT_SENT, Leg.DROPPED, Leg.SENT))
        self.blocks[request] = Blocks.FREED

    @final
    def everything_is_freed(self):
        return for_all(self.Request, lambda request: self.blocks[request] == Blocks.FREED)

    linked_to_client = Design(
        leg_outlives_client,
        expect=(violates("blocks_are_freed", steps=5), violates("no_stuck_state", steps=5)),
        known_bug="DYN-7489",
        text="Cancelling tears down the transport under the pull, and nobody hears of its end.",
    )
    unlinked = Design(
        transfer_outlives_client,
        expect=(violates("blocks_are_freed", steps=4), violates("no_stuck_state", steps=4)),
        known_bug="DYN-13855",
        text="The fix of that: prefill stages the blocks on purpose, and the router drops the leg.",
    )
    leg_is_sent_anyway = Design(
        transfer_outlives_client,
        leg_outlives_client,
        expect=holds,
        text="The decode worker attaches for a client that has left, too: everybody gets a word.",
    )
    expires_under_pull = unlinked.plus(
        staging_expires,
        expect=violates("pull_reads_held_blocks", steps=5),
        blames="expire",
        text="A deadline gives back what nobody attaches to, and what somebody is still pulling.",
    )
    expires_unattached = unlinked.plus(
        staging_expires,
        expiry_waits_for_pull,
        expect=holds,
        text="A deadline only for blocks that nobody attached to: a leak that ends by itself.",
    )
    expires_linked = expires_unattached.without(
        transfer_outlives_client,
        expect=(violates("blocks_are_freed", steps=5), violates("no_stuck_state", steps=5)),
        text="Such a deadline does not help those that attached and lost their transport.",
    )
