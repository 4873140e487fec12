"""What each component allows, forbids and faults on, by exhaustive search of a small model."""

from enum import IntEnum

import pytest

from fencepost.core.expressions import FALSE
from fencepost.core.results import Verdict
from fencepost.core.semantics import Successor, initial_states, outcomes, perform
from fencepost.core.trees import Fault
from fencepost.engines.explore import explore_by_interpreter
from fencepost.language import build, perform_plainly

from . import models


def search(model):
    system = build(model)
    return system, explore_by_interpreter(system, system.designs[0]).answer


def verdict(answer, name):
    (finding,) = [f for f in answer.findings if f.property == name]
    return finding


def test_a_pool_gives_each_slot_to_one_owner_at_a_time():
    _, answer = search(models.Pooled)
    # Each of two slots is free or owned by one of two requests.
    assert answer.states == 9
    assert verdict(answer, "no_fault").verdict is Verdict.HOLDS


def test_giving_back_a_free_slot_is_a_fault():
    _, answer = search(models.DoubleFree)
    finding = verdict(answer, "no_fault")
    assert finding.verdict is Verdict.VIOLATED
    assert len(finding.trace) == 1
    assert "a free slot is given back" in finding.detail


def test_a_counter_faults_on_underflow_and_on_overflow():
    system, answer = search(models.Counted)
    assert answer.states == 3
    faults = {
        outcome.kind
        for state in ((0,), (2,))
        for _, outcome in outcomes(system, frozenset(), state)
        if isinstance(outcome, Fault)
    }
    assert faults == {"component", "domain"}


def test_a_holder_cannot_release_what_another_holds():
    _, answer = search(models.Held)
    finding = verdict(answer, "no_fault")
    assert answer.states == 4
    assert finding.verdict is Verdict.VIOLATED
    assert len(finding.trace) == 2


def test_writes_keep_four_facts_apart():
    system, answer = search(models.Writes)
    # One part: unposted; posted, failed or not; landed, and then completed, failed or neither,
    # each visible or not. Two parts are independent.
    assert answer.states == (1 + 2 + 3 * 2) ** 2
    assert verdict(answer, "writes.in_order").verdict is Verdict.HOLDS
    assert "writes.fail" in system.action


def test_an_action_that_is_left_out_is_not_in_the_model():
    system, _ = search(models.Overfull)
    assert set(system.action) == {"send"}


def test_an_unordered_channel_loses_duplicates_and_blocks():
    system, answer = search(models.Unordered)
    assert set(system.action) == {"send", "receive", "network.lose", "network.duplicate"}
    assert answer.states == 9
    assert verdict(answer, "no_fault").verdict is Verdict.HOLDS


def test_a_message_may_have_several_parts():
    system, answer = search(models.Letters)
    # Each of four messages is in flight 0 to 2 times, and was heard or not.
    assert answer.states == (3 * 2) ** 4
    arguments = [a.name for a in system.action["letters.duplicate"].arguments]
    assert arguments == ["request", "rank"]
    assert system.finite_only == ()


def test_parts_of_one_domain_are_told_apart():
    class Calls(models.Model):
        Rank = models.Index(2)
        calls = models.Channel(Rank, Rank, loses=True)

        @models.action(a=Rank, b=Rank)
        def call(self, a, b):
            models.require(not self.calls.holds(a, b))
            self.calls.send(a, b)

    (lose,) = [a for a in build(Calls).actions if a.name == "calls.lose"]
    assert [a.name for a in lose.arguments] == ["rank", "rank_2"]


def test_sending_to_a_full_channel_is_a_fault_unless_it_says_otherwise():
    _, answer = search(models.Overfull)
    finding = verdict(answer, "no_fault")
    assert len(finding.trace) == 2
    assert "full channel" in finding.detail


def test_a_fifo_channel_keeps_the_order():
    _, answer = search(models.Ordered)
    assert verdict(answer, "no_fault").verdict is Verdict.HOLDS


def test_a_lossy_fifo_channel_keeps_the_order_of_what_arrives():
    system, answer = search(models.Lossy)
    assert {"queue.lose", "queue.duplicate"} <= set(system.action)
    # Duplication may fill the queue, and then a send that checks the length waits.
    assert verdict(answer, "no_fault").verdict is Verdict.HOLDS


@pytest.mark.parametrize(
    ("model", "faults"),
    [
        (models.Overlap, False),
        (models.RecordedOnSameStream, False),
        (models.RecordedLater, False),
        (models.RecordedOnWaiter, True),
        (models.NeverRecorded, True),
    ],
)
def test_a_wait_binds_to_the_newest_record_at_the_call(model, faults):
    _, answer = search(model)
    expected = Verdict.VIOLATED if faults else Verdict.HOLDS
    assert verdict(answer, "no_fault").verdict is expected
    assert verdict(answer, "no_stuck_state").verdict is Verdict.HOLDS


class Lane(IntEnum):
    LOADS, FORWARD = range(2)


DOMAINS = [models.Index(2), Lane, models.Range(0, 1)]


@pytest.mark.parametrize("stream", DOMAINS)
@pytest.mark.parametrize("operation", DOMAINS)
@pytest.mark.parametrize("event", DOMAINS)
def test_streams_operations_and_events_are_of_many_domains(stream, operation, event):
    class Any(models.Model):
        Stream, Operation, Event = (
            models.Index(2) if isinstance(of, models.Index) else of
            for of in (stream, operation, event)
        )
        sent = models.Var(bool)
        device = models.Streams(Stream, Operation, Event, depth=2, launches=1)

        @models.action
        def send(self):
            models.require(not self.sent)
            self.sent = True
            self.device.launch(0, 1)
            self.device.record(0, 1)
            self.device.wait(1, 1)
            self.device.launch(1, 0)

        @models.action
        def first(self):
            self.device.run(0, 1)

        @models.action
        def second(self):
            assert self.device.query(1) or not self.device.idle(0)
            self.device.run(1, 0)

        @models.final
        def is_over(self):
            return self.sent and self.device.idle(0) and self.device.idle(1)

    _, answer = search(Any)
    assert answer.states == 5
    assert verdict(answer, "no_stuck_state").verdict is Verdict.HOLDS


MODELS = [m for m in vars(models).values() if isinstance(m, type) and issubclass(m, models.Model)]


@pytest.mark.parametrize("model", [m for m in MODELS if m is not models.Model])
def test_plain_bodies_and_recordings_agree_everywhere(model):
    system = build(model)
    seen = set(initial_states(system, frozenset()))
    pending = list(seen)
    while pending:
        state = pending.pop()
        for step in system.steps:
            recorded = perform(system, frozenset(), state, step)
            plain = perform_plainly(model, system, frozenset(), state, step)
            assert recorded == plain
            assert getattr(recorded, "location", None) == getattr(plain, "location", None) or (
                not isinstance(recorded, Fault)
            )
            if isinstance(recorded, Successor) and recorded.state not in seen:
                seen.add(recorded.state)
                pending.append(recorded.state)


def test_conditions_of_components_can_always_be_evaluated():
    for model in MODELS:
        if model is not models.Model:
            assert all(p.fault == FALSE for p in build(model).properties)
