"""Pipeline stages vote on the requests of a bootstrap queue (SGLang 31030).

Written from the documentation alone.
Actors: the stages, the network (an abort reaches each stage at a time of its own).
A round: every stage votes, the good votes are intersected, every stage applies the result; a stage
that then has running requests launches a micro-batch and blocks until the other stage joins it.
Abstracted: bytes, and normal ends: only an abort ends a request, so what it cannot end is lost.
"""

from enum import IntEnum

from fencepost import *


class At(IntEnum):
    QUEUED, RUNNING, DROPPED = range(3)


class Phase(IntEnum):
    VOTING, VOTED, AGREED, APPLIED, LAUNCHED = range(5)


class PipelineVote(Model):
    """All stages must run the same requests, since sends and receives are paired."""

    stages, requests = Parameter(2), Parameter(1)
    Stage, Request = Index(stages), Index(requests)

    applies_agreed_sets = Barrier(
        "a stage applies the agreed set without polling again",
        buys=["stages_agree", "no_stuck_state"],
    )
    votes_again = Barrier(
        "the next round's vote polls aborts of running requests too", buys=["aborted_can_end"]
    )

    phase = Array(Stage, of=Phase, initial=Phase.VOTING)
    at = Array(Stage, Request, of=At, initial=At.QUEUED)
    aborted = Array(Stage, Request, of=bool)
    good = Array(Stage, Request, of=bool)

    @actor("network")
    @action(stage=Stage, request=Request)
    def abort_arrives(self, stage, request):
        require(not self.aborted[stage, request])
        self.aborted[stage, request] = True

    @actor("stage")
    @action(stage=Stage)
    def vote(self, stage):
        require(self.phase[stage] == Phase.VOTING)
        assign(self.good[stage], to=lambda r: self.is_good(stage, r))
        self.phase[stage] = Phase.VOTED

    def is_good(self, stage, r):
        ignored = self.at[stage, r] == At.RUNNING and not self.votes_again
        return self.at[stage, r] != At.DROPPED and (ignored or not self.aborted[stage, r])

    @actor("stages")
    @action
    def intersect(self):
        require(for_all(self.Stage, lambda s: self.phase[s] == Phase.VOTED))
        assign(self.good, to=lambda _, r: for_all(self.Stage, lambda s: self.good[s, r]))
        assign(self.phase, to=Phase.AGREED)

    @actor("stage")
    @action(stage=Stage)
    def apply(self, stage):
        require(self.phase[stage] == Phase.AGREED)
        assign(self.at[stage], to=lambda r: choose(self.is_kept(stage, r), At.RUNNING, At.DROPPED))
        self.phase[stage] = Phase.APPLIED

    def is_kept(self, stage, r):
        polls = self.at[stage, r] == At.QUEUED and not self.applies_agreed_sets
        return self.good[stage, r] and not (polls and self.aborted[stage, r])

    @actor("stage")
    @action(stage=Stage)
    def launch(self, stage):
        require(self.phase[stage] == Phase.APPLIED)
        runs = exists(self.Request, lambda r: self.at[stage, r] == At.RUNNING)
        self.phase[stage] = choose(runs, Phase.LAUNCHED, Phase.VOTING)

    @actor("stages")
    @action
    def send_and_receive(self):
        require(for_all(self.Stage, lambda s: self.phase[s] == Phase.LAUNCHED))
        assign(self.phase, to=Phase.VOTING)

    broken = (violates("stages_agree", steps=6), violates("no_stuck_state", steps=10))
    as_reported = Design(
        expect=(*broken, violates("aborted_can_end", steps=5)), known_bug="SGL-31030"
    )
    first_fix = Design(
        applies_agreed_sets, expect=violates("aborted_can_end", steps=3), known_bug="SGL-32797"
    )
    full_fix = Design(applies_agreed_sets, votes_again, expect=holds)
    only_votes_again = full_fix.without(
        applies_agreed_sets, expect=(*broken, violates("aborted_can_end", steps=5))
    )
