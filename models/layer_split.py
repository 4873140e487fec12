"""A key/value cache split by layers: each rank keeps some of them, and lends them to the others.

Ranks that prefill one prompt together (context parallelism) all need every layer's keys and values.
Instead of a copy of all layers on each, a layer is kept by one rank, its *owner*. Before the
attention of a layer the owner broadcasts it, ahead of time and hidden behind other work, into one
of a few buffers of each other rank (two, in most systems); the attention there reads the buffer,
and on the owner the layer itself, to which it also appends new rows. So a layer is first loaded (if
the host has it), then sent, then read, and a rank that is early anywhere reads what happens to lie
there. Nothing fails; all ranks may even be wrong alike. And ranks that do not enter the same
collectives in the same order wait for each other for ever. Which waits, and which agreements, make
sure of both?

A *turn* is one use of one layer: turns follow each other layer by layer, forward by forward, chunk
by chunk. All ranks take them in the same order, and "before" is `<`.

Who acts
  host              of each rank. Turn by turn, it takes part in a *status round*, in which the
                    owner says how its load went and anybody may refuse, and joins the broadcast
                    if nobody did. It runs ahead of its device
  all ranks         end a round that all of them are in
  load stream       of an owner: copies layers from the host and raises their ready flags, or fails
  broadcast stream  of each rank: does what was joined, in order. The owner's reads the layer (it
                    *sends*), the others' write a buffer when that is done (they *receive*)
  compute stream    of each rank: computes the attention of one turn after the other

Rounds and broadcasts have a communicator each, so each rank has two sequences of collectives. A
round stands for all that ranks agree on between two broadcasts: the status of a load, whether a
request has a place in the batch, whether it was aborted.

What is abstracted, and whether that can hide a bug of a real system
  - Which layer a turn uses, which buffer it is received in, who owns a layer, and whether it has to
    be loaded for the turn are fixed from the start, and arbitrary. Safe: every choice is an initial
    state (two buffers in turn, one buffer, blocks of layers, layers dealt out one by one); choices
    that differ in nothing but the numbering are counted once.
  - A layer stands for the rows of one request in it. It is loaded when earlier turns on it are over
    on all ranks, so to rows that nobody uses. NOT covered: `async_cache_load` asks which those are.
  - A layer is read whole at one moment, when it is sent, and received at one moment on each rank.
    Safe: a part that can be sent too early or too late can be the only one.
  - A turn that nobody fetched ahead, and so is gathered when attention needs it, is the same turn
    with other delays. Safe for what is sent. NOT covered: one that overtakes on another stream.
  - Attention appends at the moment it reads, and the owner appends the rows of all ranks. NOT
    covered: how rows that other ranks computed reach the owner.
  - The ready flag of a layer is reset in the moment in which its load is done. Safe: while a flag
    is down, its reader only waits.
  - Ranks that enter different collectives wait for ever; real ones may take each other's data.
    Safe: `collectives_match` is violated in either case.
  - A turn that was left is over, and a later one on its layer belongs to another request. NOT
    covered: what a late load for the first writes over (`slot_lifecycle` has that for RDMA).
  - Ranks and links do not fail. NOT covered.

Barriers that begin with "Assumed" are no code but promises about the world.
"""

from enum import IntEnum

from fencepost import *


class Load(IntEnum):
    """What has become of the load of a turn's layer, if it needs one."""

    NEEDLESS, QUEUED, LOADED, FAILED = range(4)


class Stage(IntEnum):
    """How far a rank is with the collectives of a turn; DONE with both, or LEFT without."""

    AHEAD, ASKING, REFUSING, AGREED, JOINED, DONE, LEFT = range(7)


class Sent(IntEnum):
    """What the owner sent: the layer as its turn needs it, before all of that was written, or with
    rows that the turn itself appended."""

    NOTHING, WHOLE, EARLY, LATE = range(4)


class Attention(IntEnum):
    """Whether a rank has computed the attention of a turn, and whether it read the turn's layer."""

    NOT_YET, OWN, FOREIGN = range(3)


class LayerSplit(Model):
    """Ranks that each keep some layers of a cache and broadcast them in time to the others."""

    ranks, layers = Parameter(2, low=1), Parameter(2, low=1)
    buffers, turns = Parameter(2, low=1), Parameter(2, low=1)
    Rank, Layer = Index(ranks, ordered=True), Index(layers, ordered=True)
    Buffer, Turn = Index(buffers, ordered=True), Index(turns, ordered=True)

    # What the owner waits for before it sends a layer.
    owner_waits_for_load = Barrier(
        "The owner takes up a turn only when the flag of its layer says that the load has ended.",
        buys=["broadcast_follows_writes", "failed_load_is_not_broadcast"],
    )
    flags_have_epochs = Barrier(
        "A ready flag names the load that raised it: one of an earlier load does not count.",
        buys=["broadcast_follows_writes", "failed_load_is_not_broadcast"],
    )
    send_waits_for_load = Barrier(
        "The owner's broadcast stream waits for the event behind the load of the turn.",
        buys=["broadcast_follows_writes"],
    )
    send_waits_for_append = Barrier(
        "The owner's broadcast stream waits for the attention of earlier turns on the layer.",
        buys=["broadcast_follows_writes"],
    )
    # What the bytes on their way wait for, and where they are.
    staging_per_broadcast = Barrier(
        "Every broadcast under way reads from a place of its own: the layer, or staging memory "
        "that no other broadcast uses.",
        buys=["attention_reads_its_layer"],
    )
    send_waits_for_receivers = Barrier(
        "An owner sends a layer only when all ranks have received what it sent before.",
        buys=["attention_reads_its_layer"],
    )
    communicator_is_live = Barrier(
        "Broadcasts of layers run on a communicator of their own, which is switched on.",
        buys=["attention_reads_its_layer"],
    )
    receive_waits_for_reader = Barrier(
        "The broadcast stream waits for the attention that reads the buffer before it writes it.",
        buys=["buffer_is_kept_until_read"],
    )
    join_waits_for_reader = Barrier(
        "The host joins a broadcast only when it saw every buffer of its rank read.",
        buys=["buffer_is_kept_until_read"],
    )
    # What attention waits for.
    attention_waits_for_broadcast = Barrier(
        "The attention of a turn waits for the event behind the receipt of its layer.",
        buys=["attention_follows_broadcast", "attention_reads_its_layer"],
    )
    append_waits_for_send = Barrier(
        "On the owner, the attention of a turn waits until the broadcast has read the layer.",
        buys=["append_stays_out_of_broadcast"],
    )
    broadcast_names_its_rows = Barrier(
        "A broadcast sends the rows that its turn reads, and none that the turn appends.",
        buys=["append_stays_out_of_broadcast"],
    )
    # How ranks keep to one sequence of collectives.
    status_comes_first = Barrier(
        "Before each broadcast all ranks exchange whether it takes place.",
        buys=["collectives_match", "failed_load_is_not_broadcast", "no_stuck_state"],
    )
    idle_ranks_take_part = Barrier(
        "A rank takes part in every round, also with no load of its own to speak of.",
        buys=["collectives_match", "no_stuck_state", "collective_ends", "turn_can_end"],
    )
    refusals_are_voted = Barrier(
        "A rank that has no room for a turn, or heard of its abort, says so in the round of the "
        "turn; where there are none, it does not decide that alone.",
        buys=["collectives_match", "no_stuck_state", "collective_ends", "turn_can_end"],
    )
    agreed_is_joined = Barrier(
        "What was agreed is joined, whatever a rank learns after the round.",
        buys=["collectives_match", "no_stuck_state", "collective_ends", "turn_can_end"],
    )
    loads_succeed = Barrier("Assumed: no load fails.", buys=["failed_load_is_not_broadcast"])

    # Who uses what.
    layer = Array(Turn, of=Layer, initial=ANY)
    buffer = Array(Turn, of=Buffer, initial=ANY)
    owner = Array(Layer, of=Rank, initial=ANY)

    # What was done.
    load = Array(Turn, of=Load, initial=one_of(Load.NEEDLESS, Load.QUEUED))
    stage = Array(Turn, Rank, of=Stage, initial=Stage.AHEAD)
    attention = Array(Turn, Rank, of=Attention, initial=Attention.NOT_YET)

    # The bytes: what was sent, and whose layer a buffer holds.
    sent = Array(Turn, of=Sent, initial=Sent.NOTHING)
    contents = Array(Rank, Buffer, of=Maybe(Turn))

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
            self.numbered_as_they_come(self.Turn, self.Layer, self.layer)
            and self.numbered_as_they_come(self.Turn, self.Buffer, self.buffer)
            and for_all(self.Layer, self.Rank, self.unused_layers_lie_with_the_first)
        )

    def unused_layers_lie_with_the_first(self, layer, rank):
        used = exists(self.Turn, lambda turn: self.layer[turn] == layer)
        return used or not rank < self.owner[layer]

    # Questions.

    def owner_of(self, turn):
        return self.owner[self.layer[turn]]

    def attended(self, turn, rank):
        return self.attention[turn, rank] != Attention.NOT_YET

    def is_over(self, turn, rank):
        """A turn is behind the compute stream of a rank."""
        return self.attended(turn, rank) or self.stage[turn, rank] == Stage.LEFT

    def left_the_stream(self, turn, rank):
        """A turn is behind the broadcast stream of a rank."""
        return self.stage[turn, rank] in (Stage.DONE, Stage.LEFT)

    def waits_in_a_collective(self, turn, rank):
        return self.stage[turn, rank] in (Stage.ASKING, Stage.REFUSING, Stage.JOINED)

    def all_before(self, turn, condition):
        return for_all(self.Turn, lambda t: not t < turn or condition(t))

    def is_loaded(self, turn):
        return self.load[turn] in (Load.NEEDLESS, Load.LOADED)

    def is_written(self, turn):
        """The layer of a turn has all that was to be written to it before."""
        owner = self.owner_of(turn)
        return self.is_loaded(turn) and self.all_before(
            turn, lambda t: self.layer[t] != self.layer[turn] or self.is_over(t, owner)
        )

    def flag_is_up(self, turn):
        """What the owner takes for the end of the load."""
        ended = self.load[turn] != Load.QUEUED
        if self.flags_have_epochs:
            return ended
        return ended or exists(
            self.Turn,
            lambda t: (
                t < turn and self.layer[t] == self.layer[turn] and self.load[t] == Load.LOADED
            ),
        )

    # The load stream of the owner.

    def load_may_go(self, turn):
        require(self.load[turn] == Load.QUEUED)
        require(
            self.all_before(
                turn,
                lambda t: (
                    self.layer[t] != self.layer[turn]
                    or for_all(self.Rank, lambda rank: self.is_over(t, rank))
                ),
            )
        )

    @fair
    @actor("load stream")
    @action(turn=Turn)
    def finish_load(self, turn):
        self.load_may_go(turn)
        self.load[turn] = Load.LOADED

    @actor("load stream")
    @action(turn=Turn)
    def fail_load(self, turn):
        """The host's copy is gone, or storage does not answer."""
        require(not self.loads_succeed)
        self.load_may_go(turn)
        self.load[turn] = Load.FAILED

    # The hosts.

    def comes_next(self, turn, rank):
        require(self.stage[turn, rank] == Stage.AHEAD)
        require(
            self.all_before(
                turn, lambda t: self.stage[t, rank] in (Stage.JOINED, Stage.DONE, Stage.LEFT)
            )
        )

    @fair
    @actor("host")
    @action(turn=Turn, rank=Rank)
    def take_up(self, turn, rank):
        """A rank enters the round of a turn, or goes on to its broadcast where it need not."""
        self.comes_next(turn, rank)
        owns = self.owner_of(turn) == rank
        if self.owner_waits_for_load:
            require(not owns or self.flag_is_up(turn))
        failed = owns and self.load[turn] == Load.FAILED
        speaks = owns and self.load[turn] != Load.NEEDLESS
        if not self.status_comes_first:
            self.stage[turn, rank] = choose(failed, Stage.LEFT, Stage.AGREED)
        elif speaks or self.idle_ranks_take_part:
            self.stage[turn, rank] = choose(failed, Stage.REFUSING, Stage.ASKING)
        else:
            self.stage[turn, rank] = Stage.AGREED

    @actor("host")
    @action(turn=Turn, rank=Rank)
    def refuse(self, turn, rank):
        """A rank has no memory for a turn, or has heard that its request is aborted."""
        self.comes_next(turn, rank)
        if self.refusals_are_voted:
            require(self.status_comes_first)
            self.stage[turn, rank] = Stage.REFUSING
        else:
            self.stage[turn, rank] = Stage.LEFT

    @fair
    @actor("all ranks")
    @action(turn=Turn)
    def conclude(self, turn):
        """All ranks are in the round: the turn takes place, unless somebody refuses."""
        row = self.stage[turn]
        require(for_all(self.Rank, lambda rank: row[rank] in (Stage.ASKING, Stage.REFUSING)))
        refused = exists(self.Rank, lambda rank: row[rank] == Stage.REFUSING)
        assign(row, to=choose(refused, Stage.LEFT, Stage.AGREED))

    @actor("host")
    @action(turn=Turn, rank=Rank)
    def leave(self, turn, rank):
        """A rank hears of an abort after the round, and drops the turn at once."""
        require(not self.agreed_is_joined)
        require(self.stage[turn, rank] == Stage.AGREED)
        self.stage[turn, rank] = Stage.LEFT

    @fair
    @actor("host")
    @action(turn=Turn, rank=Rank)
    def join(self, turn, rank):
        """The broadcast is queued on the broadcast stream, and the attention behind it."""
        require(self.stage[turn, rank] == Stage.AGREED)
        if self.join_waits_for_reader:
            require(
                self.all_before(turn, lambda t: self.owner_of(t) == rank or self.is_over(t, rank))
            )
        self.stage[turn, rank] = Stage.JOINED

    # The broadcast streams.

    def broadcast_may_go(self, turn, rank):
        require(self.stage[turn, rank] == Stage.JOINED)
        require(self.all_before(turn, lambda t: self.left_the_stream(t, rank)))

    @fair
    @actor("broadcast stream")
    @action(turn=Turn)
    def send(self, turn):
        """The owner's side of the broadcast reads the layer."""
        owner = self.owner_of(turn)
        self.broadcast_may_go(turn, owner)
        if self.send_waits_for_load:
            require(self.is_loaded(turn))
        if self.send_waits_for_append:
            require(
                self.all_before(
                    turn, lambda t: self.layer[t] != self.layer[turn] or self.is_over(t, owner)
                )
            )
        if self.send_waits_for_receivers:
            require(
                self.all_before(
                    turn,
                    lambda t: (
                        self.owner_of(t) != owner
                        or for_all(self.Rank, lambda rank: self.left_the_stream(t, rank))
                    ),
                )
            )
        self.stage[turn, owner] = Stage.DONE
        appended = self.attended(turn, owner) and not self.broadcast_names_its_rows
        written = choose(appended, Sent.LATE, Sent.WHOLE)
        self.sent[turn] = choose(self.is_written(turn), written, Sent.EARLY)

    def staging_is_overwritten(self, turn):
        owner = self.owner_of(turn)
        return not self.staging_per_broadcast and exists(
            self.Turn,
            lambda t: turn < t and self.owner_of(t) == owner and self.stage[t, owner] == Stage.DONE,
        )

    @fair
    @actor("broadcast stream")
    @action(turn=Turn, rank=Rank)
    def receive(self, turn, rank):
        """Another rank's side of the broadcast writes the buffer."""
        require(rank != self.owner_of(turn))
        self.broadcast_may_go(turn, rank)
        buffer = self.buffer[turn]
        if self.receive_waits_for_reader:
            require(
                self.all_before(
                    turn,
                    lambda t: (
                        self.owner_of(t) == rank
                        or self.buffer[t] != buffer
                        or self.is_over(t, rank)
                    ),
                )
            )
        self.stage[turn, rank] = Stage.DONE
        if self.communicator_is_live:
            require(self.stage[turn, self.owner_of(turn)] == Stage.DONE)
            whole = self.sent[turn] == Sent.WHOLE and not self.staging_is_overwritten(turn)
            self.contents[rank, buffer] = choose(whole, turn, NONE)

    # The compute streams.

    @fair
    @actor("compute stream")
    @action(turn=Turn, rank=Rank)
    def attend(self, turn, rank):
        """Attention reads the buffer; on the owner, the layer, to which it appends new rows."""
        require(self.stage[turn, rank] in (Stage.JOINED, Stage.DONE))
        require(not self.attended(turn, rank))
        require(self.all_before(turn, lambda t: self.is_over(t, rank)))
        done = self.stage[turn, rank] == Stage.DONE
        if self.owner_of(turn) == rank:
            if self.append_waits_for_send:
                require(done)
            own = self.is_loaded(turn)
        else:
            if self.attention_waits_for_broadcast:
                require(done)
            own = self.contents[rank, self.buffer[turn]] == turn
        self.attention[turn, rank] = choose(own, Attention.OWN, Attention.FOREIGN)

    @final
    def all_turns_are_over(self):
        return for_all(
            self.Turn,
            self.Rank,
            lambda turn, rank: self.is_over(turn, rank) and self.left_the_stream(turn, rank),
        )

    # Three ways to be safe; a fourth is below.

    agreed_rounds = Design(
        owner_waits_for_load,
        flags_have_epochs,
        send_waits_for_append,
        staging_per_broadcast,
        communicator_is_live,
        receive_waits_for_reader,
        attention_waits_for_broadcast,
        append_waits_for_send,
        status_comes_first,
        idle_ranks_take_part,
        refusals_are_voted,
        agreed_is_joined,
        expect=holds,
        text="vllm-ascend: the owner tells all ranks how its load went, and only then sends.",
    )
    by_streams = Design(
        send_waits_for_load,
        send_waits_for_append,
        staging_per_broadcast,
        communicator_is_live,
        receive_waits_for_reader,
        attention_waits_for_broadcast,
        append_waits_for_send,
        refusals_are_voted,
        agreed_is_joined,
        loads_succeed,
        expect=holds,
        text="SGLang: streams wait for events, and no rank asks, as none may decide alone.",
    )
    one_transient_slot = Design(
        owner_waits_for_load,
        flags_have_epochs,
        send_waits_for_append,
        send_waits_for_receivers,
        communicator_is_live,
        join_waits_for_reader,
        attention_waits_for_broadcast,
        append_waits_for_send,
        status_comes_first,
        idle_ranks_take_part,
        refusals_are_voted,
        agreed_is_joined,
        expect=holds,
        text="One slot for layers of other ranks, one staging region: hosts join when it is read.",
    )

    # What was reported, what was tried, and what was not enough.

    broadcast_before_load = agreed_rounds.without(
        owner_waits_for_load,
        expect=(
            violates("broadcast_follows_writes", steps=5),
            violates("failed_load_is_not_broadcast", steps=5),
            violates("attention_reads_its_layer", steps=6),
        ),
        known_bug="VA-17073",
        blames="take_up",
        text="A layer is fetched one ahead while its load still runs: all ranks are wrong alike.",
    )
    flag_of_earlier_load = agreed_rounds.without(
        flags_have_epochs,
        expect=(
            violates("broadcast_follows_writes", steps=9),
            violates("failed_load_is_not_broadcast", steps=9),
            violates("attention_reads_its_layer", steps=10),
        ),
        known_bug="TS-1384",
        blames="take_up",
        text="A flag is reused and its reset only queued: it says that the load before is done.",
    )
    event_not_awaited = by_streams.without(
        send_waits_for_load,
        expect=(
            violates("broadcast_follows_writes", steps=3),
            violates("attention_reads_its_layer", steps=4),
        ),
        blames="send",
        text="As VA-17073 where nobody asks: only the stream could have waited for the load.",
    )
    chunks_unordered = by_streams.without(
        send_waits_for_append,
        expect=(
            violates("broadcast_follows_writes", steps=6),
            violates("attention_reads_its_layer", steps=14),
        ),
        blames="send",
        text="A layer is sent for the next chunk before the last one has appended to it.",
    )
    one_staging_buffer = agreed_rounds.without(
        staging_per_broadcast,
        expect=violates("attention_reads_its_layer", steps=13),
        known_bug="LIL-177",
        blames="send",
        text="A ring of buffers with one staging region: a fallback and a look-ahead mix in it.",
    )
    staging_out_of_order = one_transient_slot.without(
        send_waits_for_receivers,
        expect=violates("attention_reads_its_layer", steps=13),
        blames="send",
        text="Hosts that wait for their own readers do not keep an owner from sending twice.",
    )
    disabled_communicator = by_streams.without(
        communicator_is_live,
        expect=violates("attention_reads_its_layer", steps=4),
        known_bug="SGL-29421",
        blames="receive",
        text="The helper's communicator is off by default: a rank reads what its buffer held.",
    )
    buffer_written_while_read = agreed_rounds.without(
        receive_waits_for_reader,
        expect=(
            violates("buffer_is_kept_until_read", steps=14),
            violates("attention_reads_its_layer", steps=15),
        ),
        blames="receive",
        text="The next layer arrives in a buffer that attention has still to read.",
    )
    joined_too_far_ahead = one_transient_slot.without(
        join_waits_for_reader,
        expect=(
            violates("buffer_is_kept_until_read", steps=14),
            violates("attention_reads_its_layer", steps=15),
        ),
        blames="receive",
        text="The same where no stream waits: only the host could have.",
    )
    attention_ahead = agreed_rounds.without(
        attention_waits_for_broadcast,
        expect=(
            violates("attention_follows_broadcast", steps=5),
            violates("attention_reads_its_layer", steps=5),
        ),
        blames="attend",
        text="Attention does not wait for the layer, and reads what the buffer held.",
    )
    append_over_source = agreed_rounds.without(
        append_waits_for_send,
        expect=(
            violates("append_stays_out_of_broadcast", steps=6),
            violates("attention_reads_its_layer", steps=9),
        ),
        blames="attend",
        text="A prefetch counts as done before its source is read (vllm-ascend 16094).",
    )
    append_outside_of_read_set = append_over_source.plus(
        broadcast_names_its_rows,
        expect=holds,
        text="Nobody waits to append: a broadcast sends only the rows that its turn reads.",
    )
    failed_owner_leaves = agreed_rounds.without(
        status_comes_first,
        expect=(
            violates("collectives_match", steps=4),
            violates("turn_can_end", steps=1),
            violates("failed_load_is_not_broadcast", steps=3),
            violates("turn_is_over", steps=6),
            violates("collective_ends", steps=6),
            violates("no_stuck_state", steps=6),
        ),
        blames="take_up",
        text="An owner whose load fails returns, and leaves the others in the broadcast.",
    )
    failures_unheard = by_streams.without(
        loads_succeed,
        expect=(
            violates("failed_load_is_not_broadcast", steps=3),
            violates("turn_can_end", steps=1),
            violates("collectives_match", steps=4),
            violates("turn_is_over", steps=8),
            violates("collective_ends", steps=8),
            violates("no_stuck_state", steps=8),
        ),
        blames="take_up",
        text="Streams cannot refuse: the event behind a failed load never comes.",
    )
    idle_rank_skips_round = agreed_rounds.without(
        idle_ranks_take_part,
        expect=(
            violates("collectives_match", steps=2),
            violates("turn_can_end", steps=1),
            violates("failed_load_is_not_broadcast", steps=3),
            violates("turn_is_over", steps=4),
            violates("collective_ends", steps=4),
            violates("no_stuck_state", steps=4),
        ),
        known_bug="SGL-26921",
        blames="take_up",
        text="A rank with nothing under way returns before the all-reduce that others enter.",
    )
    full_rank_stops_early = agreed_rounds.without(
        refusals_are_voted,
        expect=(
            violates("collectives_match", steps=2),
            violates("turn_can_end", steps=2),
            violates("turn_is_over", steps=3),
            violates("collective_ends", steps=3),
            violates("no_stuck_state", steps=3),
        ),
        known_bug="SGL-30760",
        blames="refuse",
        text="A loop with a collective for each request ends where this rank's memory does.",
    )
    abort_after_the_round = agreed_rounds.without(
        agreed_is_joined,
        expect=(
            violates("collectives_match", steps=5),
            violates("turn_can_end", steps=5),
            violates("turn_is_over", steps=8),
            violates("collective_ends", steps=8),
            violates("no_stuck_state", steps=8),
        ),
        blames="leave",
        text="A rank drops what was agreed when an abort arrives, and the others wait for it.",
    )
