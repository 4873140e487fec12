"""A slot protocol built by hand: requests take slots, chunks are written late, slots are reused.

It is the shape of the first models, at any size, without the language in between.
"""

from __future__ import annotations

from fencepost.core import expressions as x
from fencepost.core import folding
from fencepost.core.domains import BOOL, Enum, Index, Maybe
from fencepost.core.errors import Location
from fencepost.core.system import (
    Action,
    Barrier,
    Design,
    Expectation,
    Field,
    Property,
    System,
    Violation,
)
from fencepost.core.trees import BulkWrite, Decide, Disabled, Fault, Tree, Update, Write

PHASE = Enum("Phase", ("IDLE", "WAITING", "DECODING", "ABORTING", "DONE"))
IDLE, WAITING, DECODING, ABORTING, DONE = (x.Constant(n, PHASE) for n in range(5))
FILE = "models/slot_protocol.py"


def slot_protocol(requests: int = 2, slots: int = 1, chunks: int = 2) -> System:
    request_sort = Index("Request", requests)
    slot_sort = Index("Slot", slots)
    chunk_sort = Index("Chunk", chunks)
    request, slot = x.Variable("request", request_sort), x.Variable("slot", slot_sort)
    chunk = x.Variable("chunk", chunk_sort)
    none = x.Constant(-1, Maybe(slot_sort))
    lines = iter(range(10, 1000))

    def field(name, indices, domain, initial):
        cells = 1
        for index in indices:
            cells *= index.size
        return Field(name, tuple(indices), domain, ((initial,),) * cells)

    fields = (
        field("phase", [request_sort], PHASE, 0),
        field("slot", [request_sort], Maybe(slot_sort), -1),
        field("owner", [slot_sort], Maybe(request_sort), -1),
        field("posted", [request_sort, chunk_sort], BOOL, 0),
        field("landed", [request_sort, chunk_sort], BOOL, 0),
        field("tag", [slot_sort, chunk_sort], Maybe(request_sort), -1),
        field("told", [request_sort], BOOL, 0),
    )
    domains = {f.name: f.domain for f in fields}

    def read(name, *indices):
        return x.Read(name, indices, domains[name])

    def write(name, *indices_and_value):
        *indices, value = indices_and_value
        return Write(name, tuple(indices), value)

    def require(condition, then, check=False):
        other = Fault("none", "used NONE") if check else Disabled()
        return Decide(condition, then, other, check, location=Location(FILE, next(lines), 9))

    def when(condition, then, otherwise):
        return Decide(condition, then, otherwise, location=Location(FILE, next(lines), 12))

    on = x.BarrierOn("free_waits_for_ack")
    phase, own = read("phase", request), read("slot", request)
    flag, off = x.TRUE, x.FALSE
    free = (write("owner", own, none), write("slot", request, none))
    has_slot = folding.negate(folding.equal(own, none))

    def update(*writes) -> Tree:
        return Update(tuple(writes))

    allocate = require(
        folding.equal(phase, IDLE),
        require(
            folding.equal(read("owner", slot), none),
            update(
                write("phase", request, WAITING),
                write("owner", slot, request),
                write("slot", request, slot),
            ),
        ),
    )
    post = require(
        folding.equal(phase, WAITING),
        require(
            folding.conjunction(
                [
                    folding.negate(read("posted", request, chunk)),
                    folding.negate(read("landed", request, chunk)),
                    folding.negate(read("told", request)),
                ]
            ),
            update(write("posted", request, chunk, flag)),
        ),
    )
    last = x.Quantified(
        "for_all",
        (x.Variable("c", chunk_sort),),
        x.Read("landed", (request, x.Variable("c", chunk_sort)), BOOL),
    )
    tagged = x.Quantified(
        "for_all",
        (x.Variable("c", chunk_sort),),
        folding.equal(x.Read("tag", (own, x.Variable("c", chunk_sort)), domains["tag"]), request),
    )
    target = x.Variable("target", slot_sort)
    land = require(
        read("posted", request, chunk),
        update(
            write("posted", request, chunk, off),
            write("landed", request, chunk, flag),
            BulkWrite(
                "tag",
                (),
                (target, x.Variable("c", chunk_sort)),
                folding.conjunction(
                    [
                        folding.equal(x.Variable("c", chunk_sort), chunk),
                        folding.equal(
                            target,
                            folding.choose(
                                has_slot, own, x.Constant(0, slot_sort), Maybe(slot_sort)
                            ),
                        ),
                    ]
                ),
                request,
            ),
        ),
    )
    decode = require(
        folding.equal(phase, WAITING),
        require(last, update(write("phase", request, DECODING))),
    )
    finish = require(
        folding.equal(phase, DECODING),
        require(has_slot, update(write("phase", request, DONE), *free), check=True),
    )
    abort = require(
        folding.equal(phase, WAITING),
        when(
            on,
            update(write("phase", request, ABORTING), write("told", request, flag)),
            require(has_slot, update(write("phase", request, DONE), *free), check=True),
        ),
    )
    quiet = x.Quantified(
        "exists",
        (x.Variable("c", chunk_sort),),
        x.Read("posted", (request, x.Variable("c", chunk_sort)), BOOL),
    )
    answer = require(
        folding.equal(phase, ABORTING),
        require(
            folding.negate(quiet),
            require(
                has_slot,
                update(
                    write("phase", request, DONE),
                    write("told", request, off),
                    *free,
                ),
                check=True,
            ),
        ),
    )
    posted_count = x.Quantified(
        "count",
        (x.Variable("c", chunk_sort),),
        x.Read("posted", (request, x.Variable("c", chunk_sort)), BOOL),
    )
    retry = require(
        folding.equal(phase, DONE),
        require(
            folding.equal(posted_count, x.Constant(0, posted_count.domain)),
            update(
                write("phase", request, IDLE),
                BulkWrite("landed", (request,), (x.Variable("c", chunk_sort),), x.TRUE, off),
            ),
        ),
    )

    def action(name, arguments, tree):
        return Action(name, "node", arguments, tree)

    own_bytes = Property(
        "own_bytes",
        "always",
        (request,),
        folding.disjunction(
            [
                folding.negate(folding.equal(phase, DECODING)),
                folding.conjunction([has_slot, tagged]),
            ]
        ),
        x.FALSE,
    )
    decodes = Property("decodes", "reachable", (request,), folding.equal(phase, DECODING), x.FALSE)
    can_free = Property(
        "can_free", "always_possible", (slot,), folding.equal(read("owner", slot), none), x.FALSE
    )
    return System(
        name="SlotProtocol",
        parameters=(("requests", requests), ("slots", slots), ("chunks", chunks)),
        barriers=(Barrier("free_waits_for_ack", "wait", "edge", ("own_bytes",)),),
        fields=fields,
        initial=x.TRUE,
        actions=(
            action("allocate", (request, slot), allocate),
            action("post", (request, chunk), post),
            action("land", (request, chunk), land),
            action("decode", (request,), decode),
            action("finish", (request,), finish),
            action("abort", (request,), abort),
            action("answer", (request,), answer),
            action("retry", (request,), retry),
        ),
        properties=(own_bytes, decodes, can_free),
        final=x.FALSE,
        designs=(
            Design("as_reported", frozenset(), Expectation((Violation("own_bytes"),))),
            Design("safe", frozenset({"free_waits_for_ack"}), Expectation()),
        ),
    )
