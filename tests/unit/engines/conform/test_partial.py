"""Implementations that show a part of their state, or take steps when nobody sees it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from fencepost import *
from fencepost.core.errors import InputError
from fencepost.engines.conform.differences import Kind
from fencepost.engines.conform.driver import Driving, conform
from fencepost.engines.conform.outcomes import Conformity
from tests.unit.engines.conform.lending import LendingAdapter, lending

SHORT = Driving(traces=4, length=40, examples=2)


class Post(Model):
    """Letters are posted, and arrive when they do; what has arrived can be taken."""

    letters = Parameter(3)
    Letter = Index(letters)

    posted = Array(Letter, of=bool)
    arrived = Array(Letter, of=bool)
    taken = Array(Letter, of=bool)

    @action(letter=Letter)
    def post(self, letter):
        require(not self.posted[letter])
        self.posted[letter] = True

    @action(letter=Letter)
    def arrive(self, letter):
        require(self.posted[letter] and not self.arrived[letter])
        self.arrived[letter] = True

    @action(letter=Letter)
    def take(self, letter):
        require(self.arrived[letter] and not self.taken[letter])
        self.taken[letter] = True

    @final
    def anywhere(self):
        return True

    ordinary = Design(expect=holds)


@always(Post)
def takes_what_was_posted(m, letter: Post.Letter):
    return not m.taken[letter] or m.posted[letter]


def post(letters: int = 3):
    return build(Post, [takes_what_was_posted], {"letters": letters})


class PostAdapter(Adapter):
    """Letters arrive by themselves, the later the more there are; whether they have is not seen."""

    unseen = ("arrive",)
    loses = False

    def __init__(self, sizes: Mapping[str, int], barriers: frozenset[str]) -> None:
        self.posted: list[int] = []
        self.taken: set[int] = set()
        self.clock = 0
        self.letters = sizes["letters"]

    def perform(self, action: str, letter: int) -> None:
        self.clock += 1
        if action == "post":
            if letter in self.posted:
                raise Refused
            self.posted.append(letter)
        else:
            late = self.clock % 3 == 0
            if letter in self.taken or letter not in self.posted or late:
                raise Refused
            if self.loses and len(self.taken) == 2:
                self.taken.clear()
            self.taken.add(letter)

    def observe(self) -> Mapping[str, object]:
        every = range(self.letters)
        return {
            "posted": [one in self.posted for one in every],
            "taken": {one: one in self.taken for one in every},
        }


def test_states_that_nobody_tells_apart_are_kept_together():
    system = post(2)
    found = conform(system, system.designs[0], PostAdapter, driving=SHORT)
    assert found.verdict is Conformity.HOLDS
    assert found.scope.blurred
    assert 0 < found.scope.taken <= found.scope.edges


def test_a_difference_of_what_is_seen_is_found_among_them():
    system = post()
    loses = type("Losing", (PostAdapter,), {"loses": True})
    found = conform(system, system.designs[0], loses, driving=SHORT)
    assert found.verdict is Conformity.DIFFERS
    assert found.difference.kind is Kind.SHOWS
    assert [a.step.action for a in found.difference.attempts if a.taken][-1] == "take"


def test_beyond_the_limit_of_states_that_fit_nothing_is_decided():
    system = post(4)
    few = Driving(traces=0, examples=0, fitting=7)
    found = conform(system, system.designs[0], PostAdapter, driving=few)
    assert found.verdict is Conformity.UNDECIDED
    assert found.stopped == "more than 7 states of the model fit what was seen"
    more = Driving(traces=0, examples=0, fitting=16)
    assert conform(system, system.designs[0], PostAdapter, driving=more).stopped == ""


class OneField(LendingAdapter):
    def observe(self) -> Mapping[str, object]:
        return {"owner": {0: self.cache.owner[0]}}


def test_a_fault_is_seen_in_the_one_cell_that_is_shown():
    system = lending()
    assert conform(system, system.design("careful"), OneField, driving=SHORT).difference is None
    faulty = type("Faulty", (OneField,), {"fault": "never given back"})
    found = conform(system, system.design("careful"), faulty, driving=SHORT)
    assert found.verdict is Conformity.DIFFERS
    assert [step.action for step in found.difference.steps] == ["lend", "read", "abort", "done"]
    assert [cell for cell, _ in found.difference.seen] == [system.offsets["owner"]]


def test_what_is_not_seen_is_not_compared():
    system = lending()
    fault = type("Faulty", (OneField,), {"fault": "refusal counts"})
    # The count that goes wrong is not seen, but in the end a step is refused for it.
    found = conform(system, system.design("careful"), fault, driving=SHORT)
    assert found.difference.kind is Kind.REFUSES


def test_actions_that_are_left_out_are_never_performed():
    system = lending()
    performed: set[str] = set()

    class Without(LendingAdapter):
        left_out = ("again",)

        def perform(self, action, **arguments):
            performed.add(action)
            super().perform(action, **arguments)

    found = conform(system, system.design("careful"), Without, driving=SHORT)
    assert found.verdict is Conformity.HOLDS
    assert performed == {"lend", "read", "done", "abort"}
    assert found.scope.taken == found.scope.edges < 48


def test_an_adapter_that_performs_nothing():
    system = lending()
    names = tuple(action.name for action in system.actions)
    nothing = type("Nothing", (LendingAdapter,), {"left_out": names})
    with pytest.raises(InputError, match="Nothing performs no action of Lending") as caught:
        conform(system, system.design("careful"), nothing)
    assert caught.value.code == "F257"


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"unseen": ("aborts",)}, "has no such action (did you mean abort?)"),
        ({"left_out": "abort"}, "left_out is 'abort'"),
        ({"unseen": ("abort",), "left_out": ("abort",)}, "abort both unseen and left out"),
    ],
)
def test_actions_that_are_declared_are_those_of_the_model(declared, message):
    system = lending()
    wrong = type("Wrong", (LendingAdapter,), declared)
    with pytest.raises(InputError) as caught:
        conform(system, system.design("careful"), wrong)
    assert caught.value.code == "F252"
    assert message in str(caught.value)
