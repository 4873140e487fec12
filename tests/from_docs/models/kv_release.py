"""A producer holds a request's KV pages until all consumer ranks report that they pulled them.

Written from the documentation alone.
Abstracted: bytes, layers, time. Safe: any pull and any message may take arbitrarily long, and
reading pages that are not held for one's request counts as reading foreign ones, whoever gets them
next. One transfer id, which the next request reuses as soon as it is free. A completion may be
duplicated any number of times (at most two copies at a time) and is never lost. Unsafe: a lost one
holds pages for ever.
"""

from enum import IntEnum

from fencepost import *
from fencepost.language.components import Channel


class Pull(IntEnum):
    WAITING, READING, DONE = range(3)


class KvRelease(Model):
    """Completions of ranks release the pages behind one transfer id."""

    requests, ranks = Parameter(2), Parameter(2)
    Request, Rank, Completion = Index(requests), Index(ranks), Index(requests * ranks)

    set_of_ranks = Barrier(
        "the producer collects the ranks that reported, and does not count reports",
        buys=["reads_own_pages"],
        kind="guard",
    )
    tombstone = Barrier(
        "reports for a transfer id that holds nothing are dropped",
        buys=["released_once"],
        kind="guard",
    )
    generation = Barrier(
        "a report names its generation, and one of an older generation is dropped",
        buys=["reads_own_pages", "released_once"],
        kind="guard",
    )

    admitted = Array(Request, of=bool)
    holder = Var(Maybe(Request))
    last_holder = Var(Maybe(Request))
    pull = Array(Request, Rank, of=Pull, initial=Pull.WAITING)
    reports = Var(Range(0, ranks), initial=0)
    reported = Var(SetOf(Rank))
    releases = Array(Request, of=Range(0, 2), initial=0)
    completions = Channel(Completion, copies=2, duplicates=True)

    @actor("producer")
    @action(request=Request)
    def admit(self, request):
        require(not self.admitted[request] and self.holder == NONE)
        self.admitted[request] = True
        self.holder = self.last_holder = request

    @actor("consumer")
    @action(request=Request, rank=Rank)
    def start_pull(self, request, rank):
        require(self.admitted[request] and self.pull[request, rank] == Pull.WAITING)
        self.pull[request, rank] = Pull.READING

    @actor("consumer")
    @action(request=Request, rank=Rank)
    def finish_pull(self, request, rank):
        require(self.pull[request, rank] == Pull.READING)
        self.pull[request, rank] = Pull.DONE
        self.completions.send(request * self.ranks + rank)

    @actor("producer")
    @action(request=Request, rank=Rank)
    def hear(self, request, rank):
        self.completions.receive(request * self.ranks + rank)
        if self.generation and self.holder != request:
            return
        if self.tombstone and self.holder == NONE:
            return
        if self.set_of_ranks:
            self.reported.add(rank)
        else:
            self.reports += 1
        if self.reports == self.ranks or for_all(self.Rank, lambda r: r in self.reported):
            self.holder = NONE
            self.reports, self.reported = 0, EMPTY
            self.releases[self.last_holder] = min(self.releases[self.last_holder] + 1, 2)

    @final
    def all_released(self):
        return self.holder == NONE and for_all(
            self.Request, self.Rank, lambda q, r: self.pull[q, r] == Pull.DONE
        )

    counts = Design(
        expect=(violates("reads_own_pages", steps=7), violates("released_once", steps=10)),
        known_bug="VLLM-56033",
    )
    counts_with_tombstone = Design(tombstone, expect=violates("reads_own_pages", steps=7))
    counts_with_generation = Design(generation, expect=violates("reads_own_pages", steps=7))
    set_alone = Design(
        set_of_ranks,
        expect=(violates("reads_own_pages", steps=13), violates("released_once", steps=11)),
        known_bug="InferenceX-1762",
    )
    set_and_tombstone = Design(
        set_of_ranks, tombstone, expect=violates("reads_own_pages", steps=13)
    )
    set_and_generation = Design(set_of_ranks, generation, expect=holds)
    all_three = Design(set_of_ranks, tombstone, generation, expect=holds)
