"""What a cache split by layers has to keep, and what has to stay possible in it."""

from fencepost import *
from models.layer_split import Attention, LayerSplit, Load, Stage


@always(LayerSplit)
def attention_follows_broadcast(m, turn: LayerSplit.Turn, rank: LayerSplit.Rank):
    """L1: a rank computes the attention of a turn when it has received the turn's layer."""
    return (
        m.owner_of(turn) == rank or not m.attended(turn, rank) or m.stage[turn, rank] == Stage.DONE
    )


@always(LayerSplit)
def broadcast_follows_writes(m, turn: LayerSplit.Turn):
    """L2: a layer is sent when its load and the appends of earlier turns are done."""
    return m.stage[turn, m.owner_of(turn)] != Stage.DONE or m.is_written(turn)


@always(LayerSplit)
def buffer_is_kept_until_read(
    m, turn: LayerSplit.Turn, later: LayerSplit.Turn, rank: LayerSplit.Rank
):
    """L3: a buffer is written again when the attention that reads it is done."""
    uses = m.owner_of(turn) != rank and m.owner_of(later) != rank
    return (
        not (turn < later and uses and m.buffer[turn] == m.buffer[later])
        or m.stage[later, rank] != Stage.DONE
        or m.is_over(turn, rank)
    )


@always(LayerSplit)
def append_follows_send(m, turn: LayerSplit.Turn):
    """L4: the owner appends rows to a layer when the broadcast of the turn has read it."""
    owner = m.owner_of(turn)
    return not m.attended(turn, owner) or m.stage[turn, owner] == Stage.DONE


@always(LayerSplit)
def collectives_match(m, turn: LayerSplit.Turn, rank: LayerSplit.Rank, other: LayerSplit.Rank):
    """L5: no rank passes by a collective that another one is in, or was in."""
    mine, others = m.stage[turn, rank], m.stage[turn, other]
    asks = mine in (Stage.ASKING, Stage.REFUSING)
    skipped = others in (Stage.AGREED, Stage.JOINED, Stage.DONE, Stage.LEFT)
    joined = mine in (Stage.JOINED, Stage.DONE)
    return not (asks and skipped) and not (joined and others == Stage.LEFT)


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
