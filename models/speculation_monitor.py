"""A decode node counts the drafts that are accepted: when is a request aborted for its counts?

A draft model proposes tokens, the target model verifies them in one step, and how many it accepts
says something of the cache that both read. Very few: target and draft see different keys and
values (garbled text, rare characters). Nearly all: attention has degenerated into a confident loop
(repetition). The monitor that GLM-5's operators describe acts on it: after more than 128 tokens a
request is aborted if its accept length stays below 1.4, or if its accept rate is above 0.96, and
goes back to the load balancer for a retry. That is a sentence and no program, and those who retell
it disagree. Does the guard of 128 tokens stand before both conditions, or before the first alone?
Does "stays below" ask for several verdicts in a row, and "is above" for one? Are drafts counted
over the whole answer, or lately? Which reading catches what it is for, and which aborts requests
that have nothing? And such an abort comes while the device works: is the slot free, which the
other protocols take care of, before the last step has stopped writing into it?

Who acts
  host      the decode scheduler: admits requests to slots, launches steps, one of them ahead of the
            results that it has seen, and frees slots
  device    ends a step: its rows are in the slot, and so many of its drafts are accepted
  monitor   looks at the counts after each result: passes a request over, suspects it, aborts it
  balancer  takes an aborted request back, for another attempt or for none
  fault     whatever corrupts a cache: a write that came late, a load that was read too early

How it is scaled
  Two drafts make a step, so `drafted` drafts are of `drafted / 2` steps, and the accept length (the
  tokens of a step, one of which the target model adds) is 1 + 2 * accepted / drafted. It is below
  1.4 where 5 * accepted < drafted, and the accept rate is above 0.96 where 25 * accepted > 24 *
  drafted: the published thresholds, exactly, in whole numbers. A step of the model stands for a
  stretch of real steps that go alike. None, one or two of two drafts accepted is a length of 1, 2
  or 3 and a rate of 0, 0.5 or 1: one in each of the bands between the thresholds, and averages of
  several steps come to lie on both sides of each. What is scaled is "more than 128 tokens", to more
  than `guard`: longer than a step, shorter than an answer. That keeps the meaning, since the rule
  asks nothing else of the tokens, and the rest of it compares counts with counts.

What is normal
  In its opening, the first `guard` tokens, the drafts of a sound request go as they like: it may
  repeat its prompt, and the draft model has seen nothing of the answer yet. Later one step may be
  extreme (a licence header, a table of numbers), and never two in a row. To abort a request that
  does no more than that is a false alarm.

`guard`, `window` and `retries` are numbers of the rule. Each is a field that starts with a
parameter and that nothing writes, so that a proof is about all of its values.

What is abstracted, and whether that can hide a bug of a real system
  - A step has written its rows when it ends, and a slot that somebody else's step writes into is
    wrong, whatever it writes. Safe.
  - The host sees that a step has ended when it has judged the one before. Safe: a step that ended
    without its knowledge looks like one still under way.
  - The writes of a transfer are over before decoding starts. NOT covered: `slot_lifecycle` has
    aborts during a transfer. Barriers that it has too have its names here, and the same meaning.
  - An answer ends with a step after which none was launched. NOT covered: `deferred_free` has those
    that end under a step.
  - A corrupt cache shows in every step. UNSAFE for one that shows now and then: a bound is for a
    pattern that is sustained.
  - A corrupt request has no last token of its own. Safe: one that ends needs no abort.
  - A request is admitted with a sound cache, also for a retry. Safe: it may be corrupt at once.
  - Tokens are counted up to the first past the guard. Safe: nobody asks for more.
  - Counts that do not start over end an answer where they are full. UNSAFE for what comes later,
    which an average hides even better.
  - A retry waits for what is left of its last attempt. Safe: one that does not is played by another
    request, as in `slot_lifecycle`.
"""

from enum import IntEnum

from fencepost import *
from fencepost.language.components import SlotPool

DRAFTS = 2
"""How many tokens the draft model proposes for one step."""
MOST_DRAFTED = 10
"""The counts are full with so many drafts."""
MOST_GUARD, MOST_WINDOW, MOST_RETRIES = 7, 4, 3


class Phase(IntEnum):
    """A request at the decode node; a RECLAIMING one is aborted, and its slot is held back."""

    WAITING, DECODING, RECLAIMING, ABORTED, FINISHED, GIVEN_UP = range(6)


class Cache(IntEnum):
    """What the keys and values of a request are worth: nobody in the protocol reads it."""

    SOUND, GARBLED, LOOPING = range(3)


class SpeculationMonitor(Model):
    """Counts of accepted drafts, the verdicts on them, and what an abort does to a slot."""

    requests, slots = Parameter(2, low=1), Parameter(1, low=1)
    Request, Slot = Index(requests), Index(slots)
    guard = Parameter(3, low=1, high=MOST_GUARD)
    window = Parameter(2, low=2, high=MOST_WINDOW)
    retries = Parameter(1, low=1, high=MOST_RETRIES)

    # What the monitor goes by.
    low_length_aborts = Barrier(
        "A request is aborted for an accept length below 1.4.",
        buys=["garbled_request_is_caught", "request_ends", "slot_becomes_free"],
        kind="guard",
    )
    high_rate_aborts = Barrier(
        "A request is aborted for an accept rate above 0.96.",
        buys=["looping_request_is_caught", "request_ends", "slot_becomes_free"],
        kind="guard",
    )
    guard_covers_length = Barrier(
        "The accept length is judged only after more than `guard` tokens.",
        buys=["opening_is_passed_over", "sound_request_is_not_aborted"],
        kind="guard",
    )
    guard_covers_rate = Barrier(
        "The accept rate is judged only after more than `guard` tokens.",
        buys=["opening_is_passed_over", "sound_request_is_not_aborted"],
        kind="guard",
    )
    low_length_persists = Barrier(
        "A low accept length aborts at the `window`-th such verdict in a row, not at the first.",
        buys=["sound_request_is_not_aborted"],
        kind="guard",
    )
    high_rate_persists = Barrier(
        "A high accept rate aborts at the `window`-th such verdict in a row, not at the first.",
        buys=["sound_request_is_not_aborted"],
        kind="guard",
    )
    counts_start_over = Barrier(
        "Drafts are counted anew after each verdict, so that it is about what came since the last.",
        buys=[
            "garbled_request_is_caught",
            "looping_request_is_caught",
            "sound_request_is_not_aborted",
        ],
        kind="guard",
    )
    attempt_counts_anew = Barrier(
        "An attempt begins with no tokens, drafts and verdicts: those of the last one are dropped.",
        buys=[
            "garbled_request_is_caught",
            "looping_request_is_caught",
            "sound_request_is_not_aborted",
        ],
        kind="guard",
    )
    retries_are_counted = Barrier(
        "The balancer takes a request back `retries` times, and then reports it as failed.",
        buys=["retries_are_bounded", "request_ends"],
        kind="guard",
    )

    # What an abort waits for.
    abort_is_deferred = Barrier(
        "An aborted request keeps its slot until the step that writes into it is over.",
        buys=["writes_into_own_slot"],
    )
    seen_completion_frees = Barrier(
        "An abort that comes after the last step was seen to end frees the slot at once.",
        buys=["request_ends", "slot_becomes_free"],
    )
    launch_waits_for_verdict = Barrier(
        "A step is launched only when the last one was judged, so an abort meets none under way.",
        buys=["writes_into_own_slot"],
    )

    # The rule.
    guard_tokens = Var(Range(1, MOST_GUARD), initial=guard)
    window_verdicts = Var(Range(2, MOST_WINDOW), initial=window)
    most_retries = Var(Range(1, MOST_RETRIES), initial=retries)

    # The decode node.
    phase = Array(Request, of=Phase, initial=Phase.WAITING)
    slot = Array(Request, of=Maybe(Slot), initial=NONE)
    pool = SlotPool(Slot, Request)
    writing = Array(Request, of=Maybe(Slot), initial=NONE)
    attempts = Array(Request, of=Range(0, MOST_RETRIES + 1), initial=0)

    # The monitor.
    tokens = Array(Request, of=Range(0, MOST_GUARD + 1), initial=0)
    drafted = Array(Request, of=Range(0, MOST_DRAFTED), initial=0)
    accepted = Array(Request, of=Range(0, MOST_DRAFTED), initial=0)
    judged = Array(Request, of=bool, initial=True)
    lows = Array(Request, of=Range(0, MOST_WINDOW), initial=0)
    highs = Array(Request, of=Range(0, MOST_WINDOW), initial=0)

    # What an observer sees who knows every byte: a sound request is `surprised` by an extreme step
    # past its opening, and `unnoticed` steps of a corrupt one are past it, too.
    cache = Array(Request, of=Cache, initial=Cache.SOUND)
    surprised = Array(Request, of=bool, initial=False)
    unnoticed = Array(Request, of=Range(0, MOST_WINDOW + 1), initial=0)
    aborted_sound = Array(Request, of=bool, initial=False)

    @fair("strong")
    @actor("host")
    @action(request=Request, slot=Slot)
    def admit(self, request, slot):
        """A request whose cache is in a slot joins the running batch."""
        require(self.phase[request] == Phase.WAITING)
        self.pool.take(slot, request)
        self.slot[request] = slot
        self.phase[request] = Phase.DECODING

    @actor("fault")
    @action(request=Request, loops=bool)
    def corrupt(self, request, loops):
        """Foreign bytes, or bytes that are not there yet, in the cache of a request."""
        require(self.phase[request] == Phase.DECODING and self.cache[request] == Cache.SOUND)
        self.cache[request] = choose(loops, Cache.LOOPING, Cache.GARBLED)
        self.surprised[request] = False

    @fair
    @actor("host")
    @action(request=Request)
    def launch(self, request):
        """The next step of a request is on the device, and will write its rows into the slot."""
        require(self.phase[request] == Phase.DECODING and self.writing[request] == NONE)
        require(self.drafted[request] <= MOST_DRAFTED - DRAFTS)
        if self.launch_waits_for_verdict:
            require(self.judged[request])
        self.writing[request] = self.slot[request]

    @fair
    @actor("device")
    @action(request=Request, accepted=Range(0, DRAFTS))
    def verify(self, request, accepted):
        """A step ends: so many of its drafts are accepted, and one token comes beside them."""
        require(self.phase[request] == Phase.DECODING and self.writing[request] != NONE)
        require(self.judged[request])
        match self.cache[request]:
            case Cache.GARBLED:
                require(accepted == 0)
            case Cache.LOOPING:
                require(accepted == DRAFTS)
            case _:
                require(accepted == 1 or not self.surprised[request])
        self.writing[request] = NONE
        self.judged[request] = False
        self.tokens[request] = min(self.tokens[request] + accepted + 1, self.guard_tokens + 1)
        if self.tokens[request] > self.guard_tokens:
            if self.cache[request] == Cache.SOUND:
                self.surprised[request] = accepted != 1
            else:
                most = self.window_verdicts + 1
                self.unnoticed[request] = min(self.unnoticed[request] + 1, most)
        self.drafted[request] += DRAFTS
        self.accepted[request] += accepted

    @fair
    @actor("monitor")
    @action(request=Request)
    def pass_over(self, request):
        """The counts of a request, looked at once the host has a result, are those of many."""
        self.look_at(request)
        require(not self.is_low(request) and not self.is_high(request))
        self.lows[request] = self.highs[request] = 0
        self.start_over(request)

    @fair
    @actor("monitor")
    @action(request=Request)
    def suspect_garbling(self, request):
        """So few drafts are accepted that target and draft may see different caches."""
        self.look_at(request)
        require(self.is_low(request))
        self.highs[request] = 0
        if self.low_length_persists and self.lows[request] + 1 < self.window_verdicts:
            self.lows[request] += 1
            self.start_over(request)
        else:
            self.abort(request)

    @fair
    @actor("monitor")
    @action(request=Request)
    def suspect_looping(self, request):
        """So many drafts are accepted that the request may repeat itself."""
        self.look_at(request)
        require(self.is_high(request))
        self.lows[request] = 0
        if self.high_rate_persists and self.highs[request] + 1 < self.window_verdicts:
            self.highs[request] += 1
            self.start_over(request)
        else:
            self.abort(request)

    @fair
    @actor("device")
    @action(request=Request)
    def end_step(self, request):
        """The step of an aborted request is over: nothing of it is written any more."""
        require(self.phase[request] != Phase.DECODING and self.writing[request] != NONE)
        self.writing[request] = NONE
        if self.phase[request] == Phase.RECLAIMING:
            self.release(request, Phase.ABORTED)

    @fair("strong")
    @actor("host")
    @action(request=Request)
    def finish(self, request):
        """The last token is out; a corrupt request comes to it only where its counts are full."""
        require(self.phase[request] == Phase.DECODING)
        require(self.tokens[request] > 0 and self.writing[request] == NONE)
        require(self.cache[request] == Cache.SOUND or self.drafted[request] == MOST_DRAFTED)
        self.forget(request)
        self.release(request, Phase.FINISHED)

    @fair
    @actor("balancer")
    @action(request=Request)
    def retry(self, request):
        """An aborted request waits for another attempt, or fails for good."""
        require(self.phase[request] == Phase.ABORTED and self.writing[request] == NONE)
        self.aborted_sound[request] = False
        if self.retries_are_counted and self.attempts[request] == self.most_retries:
            self.phase[request] = Phase.GIVEN_UP
        else:
            self.attempts[request] = min(self.attempts[request] + 1, self.most_retries + 1)
            self.phase[request] = Phase.WAITING

    def look_at(self, request):
        require(self.phase[request] == Phase.DECODING and not self.judged[request])
        self.judged[request] = True

    def is_low(self, request):
        """Whether the accept length is below 1.4, where that is asked."""
        asked = not self.guard_covers_length or self.tokens[request] > self.guard_tokens
        return (
            self.low_length_aborts and asked and 5 * self.accepted[request] < self.drafted[request]
        )

    def is_high(self, request):
        """Whether the accept rate is above 0.96, where that is asked."""
        asked = not self.guard_covers_rate or self.tokens[request] > self.guard_tokens
        return (
            self.high_rate_aborts
            and asked
            and 25 * self.accepted[request] > 24 * self.drafted[request]
        )

    def start_over(self, request):
        if self.counts_start_over:
            self.drafted[request] = self.accepted[request] = 0

    def abort(self, request):
        """The request goes back to the balancer; its slot is held back, or free at once."""
        if self.cache[request] == Cache.SOUND:
            self.aborted_sound[request] = True
        is_written = self.writing[request] != NONE or not self.seen_completion_frees
        if self.abort_is_deferred and is_written:
            self.phase[request] = Phase.RECLAIMING
        else:
            self.release(request, Phase.ABORTED)

    def release(self, request, phase):
        """The slot is free, and may be another's at once."""
        self.pool.give_back(self.slot[request])
        self.slot[request] = NONE
        self.phase[request] = phase
        self.cache[request] = Cache.SOUND
        self.judged[request], self.surprised[request] = True, False
        self.unnoticed[request] = 0
        if self.attempt_counts_anew:
            self.forget(request)

    def forget(self, request):
        """Nothing is counted of a request."""
        self.tokens[request] = self.drafted[request] = self.accepted[request] = 0
        self.lows[request] = self.highs[request] = 0

    @final
    def everything_has_ended(self):
        return for_all(
            self.Request,
            lambda request: self.phase[request] in (Phase.FINISHED, Phase.GIVEN_UP),
        )

    rule = (
        low_length_aborts,
        high_rate_aborts,
        guard_covers_length,
        guard_covers_rate,
        low_length_persists,
        high_rate_persists,
        counts_start_over,
        attempt_counts_anew,
        retries_are_counted,
    )

    safe = Design(
        *rule,
        abort_is_deferred,
        seen_completion_frees,
        expect=holds,
        text="Both conditions after the guard, on recent counts, at the second verdict in a row.",
    )
    waits_for_verdict = Design(
        *rule,
        launch_waits_for_verdict,
        expect=holds,
        text="No step is launched ahead: an abort may free the slot at once, and every step waits.",
    )

    guard_on_length_only = safe.without(
        guard_covers_rate,
        expect=(
            violates("opening_is_passed_over", steps=4),
            violates("sound_request_is_not_aborted", steps=7),
        ),
        blames="suspect_looping",
        text="The 128 tokens read as part of the first condition: who repeats a prompt is aborted.",
    )
    guard_on_rate_only = safe.without(
        guard_covers_length,
        expect=(
            violates("opening_is_passed_over", steps=4),
            violates("sound_request_is_not_aborted", steps=7),
        ),
        blames="suspect_garbling",
        text="The other half: an answer is aborted before the draft model has seen any of it.",
    )
    low_at_once = safe.without(
        low_length_persists,
        expect=violates("sound_request_is_not_aborted", steps=7),
        blames="suspect_garbling",
        text="'Stays below' read as 'is below': a table of numbers in a sound answer is enough.",
    )
    high_at_once = safe.without(
        high_rate_persists,
        expect=violates("sound_request_is_not_aborted", steps=7),
        blames="suspect_looping",
        text="'Is above' taken at its word, on recent counts: a licence header is enough.",
    )
    counts_whole_answer = safe.without(
        counts_start_over,
        expect=(
            violates("garbled_request_is_caught", steps=13),
            violates("looping_request_is_caught", steps=13),
            violates("sound_request_is_not_aborted", steps=13),
        ),
        blames=("suspect_garbling", "suspect_looping", "pass_over"),
        text="The average of the whole answer hides what comes late, and keeps what was early.",
    )
    as_published = counts_whole_answer.without(
        high_rate_persists,
        expect=(
            violates("garbled_request_is_caught", steps=13),
            violates("looping_request_is_caught", steps=13),
            violates("sound_request_is_not_aborted", steps=7),
        ),
        blames=("suspect_garbling", "suspect_looping", "pass_over"),
        text="The sentence word by word: a rate that is above once, a length that stays below.",
    )
    length_only = safe.without(
        high_rate_aborts,
        expect=(
            violates("looping_request_is_caught", steps=13),
            violates("request_ends", steps=16),
            violates("slot_becomes_free", steps=16),
        ),
        blames="pass_over",
        text="Half of the rule: garbling is seen, and a loop goes on.",
    )
    rate_only = safe.without(
        low_length_aborts,
        expect=(
            violates("garbled_request_is_caught", steps=13),
            violates("request_ends", steps=16),
            violates("slot_becomes_free", steps=16),
        ),
        blames="pass_over",
        text="The other half: repetition is seen, and garbling goes on.",
    )
    inherits_counts = safe.without(
        attempt_counts_anew,
        expect=(
            violates("sound_request_is_not_aborted", steps=16),
            violates("garbled_request_is_caught", steps=22),
            violates("looping_request_is_caught", steps=22),
        ),
        blames=("suspect_garbling", "suspect_looping", "end_step"),
        text="Counts are kept by request and not by attempt: a retry pays for what it is to mend.",
    )
    retries_for_ever = safe.without(
        retries_are_counted,
        expect=(
            violates("retries_are_bounded", steps=24),
            violates("request_ends", steps=40),
            violates("request_is_given_up"),
        ),
        blames="retry",
        text="Whatever corrupts each attempt of a request keeps it going round.",
    )

    frees_at_abort = safe.without(
        abort_is_deferred,
        expect=violates("writes_into_own_slot", steps=12),
        known_bug="VLLM-45357",
        blames=("suspect_garbling", "suspect_looping"),
        text="The slot is free at the abort, and the step that was launched ahead writes into it.",
    )
    waits_for_seen_completion = safe.without(
        seen_completion_frees,
        expect=(
            violates("request_ends", steps=11),
            violates("slot_becomes_free", steps=11),
            violates("no_stuck_state", steps=11),
        ),
        known_bug="VLLM-32255",
        text="An abort with no step under way waits for the end of one, and the slot is lost.",
    )
