"""What must hold of a monitor that aborts by counts, and of what its aborts leave behind."""

from fencepost import *
from models.speculation_monitor import DRAFTS, Cache, Phase, SpeculationMonitor


@always(SpeculationMonitor)
def garbled_request_is_caught(m, request: SpeculationMonitor.Request):
    """Past the guard, a request is aborted within `window` steps that refuse all of its drafts."""
    return m.cache[request] != Cache.GARBLED or m.unnoticed[request] <= m.window_verdicts


@always(SpeculationMonitor)
def looping_request_is_caught(m, request: SpeculationMonitor.Request):
    """Past the guard, a request is aborted within `window` steps that accept all of its drafts."""
    return m.cache[request] != Cache.LOOPING or m.unnoticed[request] <= m.window_verdicts


@always(SpeculationMonitor)
def opening_is_passed_over(m, request: SpeculationMonitor.Request):
    """As long as a request has no more than `guard` tokens, no verdict on it is abnormal.

    Each step adds a token at least, so the guard is over after `guard` steps and one.
    """
    return (
        m.phase[request] != Phase.DECODING
        or m.tokens[request] > m.guard_tokens
        or (m.lows[request] == 0 and m.highs[request] == 0)
    )


@always(SpeculationMonitor)
def sound_request_is_not_aborted(m, request: SpeculationMonitor.Request):
    """No request is aborted while its cache is sound."""
    return not m.aborted_sound[request]


@always(SpeculationMonitor)
def retries_are_bounded(m, request: SpeculationMonitor.Request):
    """A request is tried again `retries` times at most."""
    return m.attempts[request] <= m.most_retries


@always(SpeculationMonitor)
def writes_into_own_slot(m, request: SpeculationMonitor.Request):
    """A step under way writes into a slot that its request still has."""
    return m.writing[request] == NONE or m.pool.owner[m.writing[request]] == request


@reachable(SpeculationMonitor)
def retried_request_finishes(m, request: SpeculationMonitor.Request):
    """A request can be aborted, tried again, and finish."""
    return m.phase[request] == Phase.FINISHED and m.attempts[request] > 0


@reachable(SpeculationMonitor)
def request_is_given_up(m, request: SpeculationMonitor.Request):
    """A request can be aborted so often that it fails."""
    return m.phase[request] == Phase.GIVEN_UP


@reachable(SpeculationMonitor)
def sound_request_is_suspected(m, request: SpeculationMonitor.Request):
    """A sound request can look abnormal for one verdict: what persistence is for."""
    return (
        m.phase[request] == Phase.DECODING
        and m.cache[request] == Cache.SOUND
        and m.lows[request] + m.highs[request] > 0
    )


# What must happen in the end. The fair actions of the model say what is relied on: the host goes on
# admitting and launching, steps end, results are judged, and every answer has a last token. Nobody
# relies on a fault.


@eventually(SpeculationMonitor)
def request_ends(m, request: SpeculationMonitor.Request):
    """Every request is finished or given up in the end, however often it is aborted on the way."""
    return m.phase[request] in (Phase.FINISHED, Phase.GIVEN_UP)


@leads_to(SpeculationMonitor)
def slot_becomes_free(m, slot: SpeculationMonitor.Slot):
    """Whoever has a slot gives it back."""
    return not m.pool.is_free(slot), m.pool.is_free(slot)


# Lemmas: what a proof for any number of requests and slots goes by, and for any guard, window and
# number of retries.


def is_looked_at(m, request):
    """Whether a request decodes, and its last result was judged."""
    return m.phase[request] == Phase.DECODING and m.judged[request]


def waits_for_a_look(m, request):
    """Whether a request decodes, and has a result that was not judged yet."""
    return m.phase[request] == Phase.DECODING and not m.judged[request]


@lemma(SpeculationMonitor)
def slot_belongs_to_its_request(m, request: SpeculationMonitor.Request):
    """From its admission to its release a request owns its slot."""
    return m.phase[request] not in (Phase.DECODING, Phase.RECLAIMING) or (
        m.slot[request] != NONE and m.pool.owner[m.slot[request]] == request
    )


@lemma(SpeculationMonitor)
def step_writes_for_who_has_a_slot(m, request: SpeculationMonitor.Request):
    """While a step of a request is under way, the slot that it writes into is held for it."""
    return m.writing[request] == NONE or (
        m.phase[request] in (Phase.DECODING, Phase.RECLAIMING)
        and m.writing[request] == m.slot[request]
    )


@lemma(SpeculationMonitor)
def no_verdict_under_a_step(m, request: SpeculationMonitor.Request):
    """Where a launch waits for it, the verdict comes while nothing is under way."""
    return (
        not m.launch_waits_for_verdict
        or m.writing[request] == NONE
        or not waits_for_a_look(m, request)
    )


@lemma(SpeculationMonitor)
def attempt_begins_anew(m, request: SpeculationMonitor.Request):
    """Nothing is left of what was counted, or known, of an attempt that is over."""
    return m.phase[request] not in (Phase.WAITING, Phase.ABORTED) or (
        m.tokens[request] == 0
        and m.drafted[request] == 0
        and m.accepted[request] == 0
        and m.lows[request] == 0
        and m.highs[request] == 0
        and m.judged[request]
        and m.cache[request] == Cache.SOUND
        and not m.surprised[request]
        and m.unnoticed[request] == 0
    )


@lemma(SpeculationMonitor)
def counts_are_of_one_step(m, request: SpeculationMonitor.Request):
    """Where counts start over, a verdict is about one step."""
    drafted, accepted = m.drafted[request], m.accepted[request]
    return (not is_looked_at(m, request) or (drafted == 0 and accepted == 0)) and (
        not waits_for_a_look(m, request) or (drafted == DRAFTS and accepted <= DRAFTS)
    )


@lemma(SpeculationMonitor)
def verdicts_in_a_row_are_few(m, request: SpeculationMonitor.Request):
    """A request that decodes has fewer of one kind in a row than abort it."""
    return m.phase[request] != Phase.DECODING or (
        m.lows[request] < m.window_verdicts and m.highs[request] < m.window_verdicts
    )


@lemma(SpeculationMonitor)
def surprise_is_in_the_counts(m, request: SpeculationMonitor.Request):
    """Past the guard, a sound request is surprised exactly by an extreme step."""
    return (
        m.cache[request] != Cache.SOUND
        or not waits_for_a_look(m, request)
        or m.tokens[request] <= m.guard_tokens
        or m.surprised[request] == (m.accepted[request] != 1)
    )


@lemma(SpeculationMonitor)
def sound_request_has_one_bad_verdict(m, request: SpeculationMonitor.Request):
    """A sound request has one abnormal verdict at most, and the step after it is in order."""
    suspected = m.lows[request] > 0 or m.highs[request] > 0
    return (
        m.cache[request] != Cache.SOUND
        or m.phase[request] != Phase.DECODING
        or not suspected
        or (
            m.lows[request] + m.highs[request] == 1
            and (m.surprised[request] if m.judged[request] else m.accepted[request] == 1)
        )
    )


@lemma(SpeculationMonitor)
def sound_request_goes_unnoticed(m, request: SpeculationMonitor.Request):
    """No step of a sound request is counted as a corrupt one."""
    return m.cache[request] != Cache.SOUND or m.unnoticed[request] == 0


@lemma(SpeculationMonitor)
def garbled_step_is_low(m, request: SpeculationMonitor.Request):
    """Each step of a garbled request past the guard is a low verdict, once it is judged."""
    pending = choose(m.judged[request], 0, 1)
    return (
        m.phase[request] != Phase.DECODING
        or m.cache[request] != Cache.GARBLED
        or m.unnoticed[request] == 0
        or (
            m.unnoticed[request] <= m.lows[request] + pending
            and m.tokens[request] > m.guard_tokens
            and (m.judged[request] or m.accepted[request] == 0)
        )
    )


@lemma(SpeculationMonitor)
def looping_step_is_high(m, request: SpeculationMonitor.Request):
    """Each step of a looping request past the guard is a high verdict, once it is judged."""
    pending = choose(m.judged[request], 0, 1)
    return (
        m.phase[request] != Phase.DECODING
        or m.cache[request] != Cache.LOOPING
        or m.unnoticed[request] == 0
        or (
            m.unnoticed[request] <= m.highs[request] + pending
            and m.tokens[request] > m.guard_tokens
            and (m.judged[request] or m.accepted[request] == DRAFTS)
        )
    )
