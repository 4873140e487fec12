"""What a cache split by layers has to keep, and what has to stay possible in it."""

from fencepost import *
from models.layer_split import Attention, LayerSplit, Load, Sent, Stage


def asks(m, turn, rank):
    """A rank is in the round of a turn."""
    return m.stage[turn, rank] in (Stage.ASKING, Stage.REFUSING)


def agreed(m, turn, rank):
    """A rank is past the round of a turn, and takes part in its broadcast."""
    return m.stage[turn, rank] in (Stage.AGREED, Stage.JOINED, Stage.DONE)


@always(LayerSplit)
def attention_follows_broadcast(m, turn: LayerSplit.Turn, rank: LayerSplit.Rank):
    """L1: a rank computes the attention of a turn when it has received the turn's layer."""
    return (
        m.owner_of(turn) == rank or not m.attended(turn, rank) or m.stage[turn, rank] == Stage.DONE
    )


@always(LayerSplit)
def broadcast_follows_writes(m, turn: LayerSplit.Turn):
    """L2: a layer is sent when its load and the appends of earlier turns are done."""
    return m.sent[turn] == Sent.NOTHING or m.is_written(turn)


@always(LayerSplit)
def buffer_is_kept_until_read(
    m, turn: LayerSplit.Turn, later: LayerSplit.Turn, rank: LayerSplit.Rank
):
    """L3: a buffer is written again when the attention that reads it is done."""
    return (
        not turn < later
        or m.buffer[turn] != m.buffer[later]
        or m.owner_of(turn) == rank
        or m.owner_of(later) == rank
        or m.stage[later, rank] != Stage.DONE
        or m.is_over(turn, rank)
    )


@always(LayerSplit)
def append_stays_out_of_broadcast(m, turn: LayerSplit.Turn):
    """L4: a layer is sent before its owner appends the turn's rows to it, or without them."""
    return m.sent[turn] != Sent.LATE


@always(LayerSplit)
def collectives_match(
    m,
    turn: LayerSplit.Turn,
    another: LayerSplit.Turn,
    rank: LayerSplit.Rank,
    other: LayerSplit.Rank,
):
    """L5: no two ranks are in different rounds, and none passes by a collective of another."""
    met = turn == another or not (asks(m, turn, rank) and asks(m, another, other))
    skipped = agreed(m, turn, other) or m.stage[turn, other] == Stage.LEFT
    joined = m.stage[turn, rank] in (Stage.JOINED, Stage.DONE)
    return (
        met
        and not (asks(m, turn, rank) and skipped)
        and not (joined and m.stage[turn, other] == Stage.LEFT)
    )


@always(LayerSplit)
def failed_load_is_not_broadcast(m, turn: LayerSplit.Turn, rank: LayerSplit.Rank):
    """L6: no rank is in the broadcast of a layer that could not be loaded."""
    return m.load[turn] != Load.FAILED or m.stage[turn, rank] not in (Stage.JOINED, Stage.DONE)


@always(LayerSplit)
def attention_reads_its_layer(m, turn: LayerSplit.Turn, rank: LayerSplit.Rank):
    """What attention reads is the layer of its turn, whole: what all the others are for."""
    return m.attention[turn, rank] != Attention.FOREIGN


@reachable(LayerSplit)
def turn_is_attended_everywhere(m, turn: LayerSplit.Turn):
    """All ranks can compute a turn."""
    return for_all(m.Rank, lambda rank: m.attended(turn, rank))


@reachable(LayerSplit)
def broadcasts_while_it_computes(m):
    """A rank has the layer of a later turn while an earlier one is still to be read."""
    return exists(
        m.Turn,
        m.Turn,
        m.Rank,
        lambda turn, later, rank: (
            turn < later
            and m.owner_of(later) != rank
            and m.stage[later, rank] == Stage.DONE
            and not m.is_over(turn, rank)
        ),
    )


@always_possible(LayerSplit)
def turn_can_end(m, turn: LayerSplit.Turn):
    """No turn is lost: on all ranks it can still be computed, or left."""
    return for_all(m.Rank, lambda rank: m.is_over(turn, rank))


# What must happen in the end. The fair actions of the model say what is relied on: hosts go on,
# streams do what was queued, a round that is complete ends, and a load that does not fail is done.
# Nobody relies on a refusal, a failure or an abort.


@eventually(LayerSplit)
def turn_is_over(m, turn: LayerSplit.Turn, rank: LayerSplit.Rank):
    """Every turn is computed or left on every rank."""
    return m.is_over(turn, rank)


@leads_to(LayerSplit)
def collective_ends(m, turn: LayerSplit.Turn, rank: LayerSplit.Rank):
    """No rank waits in a collective for ever."""
    waits = m.waits_in_a_collective(turn, rank)
    return waits, not waits


# Lemmas: what a proof for any number of ranks, layers, buffers and turns goes by.


@lemma(LayerSplit)
def turns_are_taken_up_in_order(
    m, turn: LayerSplit.Turn, later: LayerSplit.Turn, rank: LayerSplit.Rank
):
    """A host goes on when it has joined the broadcast of a turn, or left it."""
    return (
        not turn < later
        or m.stage[later, rank] == Stage.AHEAD
        or m.stage[turn, rank] in (Stage.JOINED, Stage.DONE, Stage.LEFT)
    )


@lemma(LayerSplit)
def broadcasts_run_in_order(
    m, turn: LayerSplit.Turn, later: LayerSplit.Turn, rank: LayerSplit.Rank
):
    """A broadcast runs when those before it have."""
    return not turn < later or m.stage[later, rank] != Stage.DONE or m.left_the_stream(turn, rank)


@lemma(LayerSplit)
def attention_follows_join(m, turn: LayerSplit.Turn, rank: LayerSplit.Rank):
    """Attention is queued behind the broadcast of its turn."""
    return not m.attended(turn, rank) or m.stage[turn, rank] in (Stage.JOINED, Stage.DONE)


@lemma(LayerSplit)
def all_ranks_agree(m, turn: LayerSplit.Turn, rank: LayerSplit.Rank, other: LayerSplit.Rank):
    """Ranks leave a round together, to the broadcast or not; without rounds none is left out."""
    if not m.status_comes_first:
        return not asks(m, turn, rank) and m.stage[turn, rank] != Stage.LEFT
    return (not agreed(m, turn, rank) or agreed(m, turn, other)) and (
        m.stage[turn, rank] != Stage.LEFT or m.stage[turn, other] == Stage.LEFT
    )


@lemma(LayerSplit)
def agreed_turn_is_loaded(m, turn: LayerSplit.Turn, rank: LayerSplit.Rank):
    """The owner speaks for a turn when its layer is there, and no rank goes on before that."""
    owner = m.owner_of(turn)
    if m.loads_succeed:
        return m.load[turn] != Load.FAILED and (
            m.stage[turn, owner] != Stage.DONE or m.is_loaded(turn)
        )
    return (m.stage[turn, owner] != Stage.ASKING and not agreed(m, turn, rank)) or m.is_loaded(turn)


@lemma(LayerSplit)
def sent_is_done(m, turn: LayerSplit.Turn):
    """The owner's part in a broadcast is done when it has sent the layer."""
    done = m.stage[turn, m.owner_of(turn)] == Stage.DONE
    return done == (m.sent[turn] != Sent.NOTHING)


@lemma(LayerSplit)
def owner_appends_after_it_sent(m, turn: LayerSplit.Turn):
    """Where the owner's attention waits for that, it comes after."""
    owner = m.owner_of(turn)
    return (
        m.broadcast_names_its_rows
        or not m.attended(turn, owner)
        or m.stage[turn, owner] == Stage.DONE
    )


@lemma(LayerSplit)
def received_was_sent(m, turn: LayerSplit.Turn, rank: LayerSplit.Rank):
    """No rank has received what the owner has not sent."""
    return m.stage[turn, rank] != Stage.DONE or m.sent[turn] == Sent.WHOLE


@lemma(LayerSplit)
def staging_is_kept_until_received(
    m, turn: LayerSplit.Turn, later: LayerSplit.Turn, rank: LayerSplit.Rank
):
    """Where staging is shared, an owner sends again when all have received."""
    return (
        m.staging_per_broadcast
        or not (turn < later and m.owner_of(turn) == m.owner_of(later))
        or m.sent[later] == Sent.NOTHING
        or m.left_the_stream(turn, rank)
    )


@lemma(LayerSplit)
def buffers_are_read_before_a_join(
    m, turn: LayerSplit.Turn, later: LayerSplit.Turn, rank: LayerSplit.Rank
):
    """Where the host waits for its readers, they are done when it has joined again."""
    return (
        not m.join_waits_for_reader
        or not turn < later
        or m.owner_of(turn) == rank
        or m.stage[later, rank] not in (Stage.JOINED, Stage.DONE)
        or m.is_over(turn, rank)
    )


@lemma(LayerSplit)
def received_layer_is_in_its_buffer(m, turn: LayerSplit.Turn, rank: LayerSplit.Rank):
    """What a rank has received lies in its buffer until it is read."""
    return (
        m.owner_of(turn) == rank
        or m.stage[turn, rank] != Stage.DONE
        or m.attended(turn, rank)
        or m.contents[rank, m.buffer[turn]] == turn
    )
