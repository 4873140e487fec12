"""A prefill and a decode node performed on the virtual device, in an order that a seed decides.

Each loop of a node and each write under way is an actor. The one with the highest priority goes on
as long as it can, and at a few places falls behind all others; which priorities and which places
the seed draws. (Burckhardt and others, "A Randomized Scheduler with Probabilistic Guarantees of
Finding Bugs", ASPLOS 2010.) Request 0 is cancelled at a step that goes through all steps as the
seed does, and whatever else the design does not exclude may happen too.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache, partial

import torch

from fencepost.streams import virtual_cuda
from fencepost.streams.detect import races
from fencepost.streams.policies import InOrder
from reference_impl.adapters.heads import with_heads_reversed
from reference_impl.adapters.outcomes import Changed, Outcome
from reference_impl.adapters.virtual import Handle, Hosts, LandsWhenTold, VirtualChannel, VirtualNic
from reference_impl.attention import Shape, SmallModel
from reference_impl.barriers import Handoff
from reference_impl.decode import DecodeNode, Phase, Request
from reference_impl.load.oracle import Expected, oracle
from reference_impl.messages import Abort, Answer, Arrived, Failure, Message, Success
from reference_impl.prefill import PrefillNode, Room
from reference_impl.slot_pool import SlotPool
from reference_impl.transport import Handle as TransportHandle
from reference_impl.transport import Peer

SHAPE = Shape(layers=1)
COUNT = 3
PROMPTS = tuple(
    tuple((7 * r + 3 * i * i + i) % SHAPE.vocabulary for i in range(8)) for r in range(2)
)
MOST_STEPS = 120
CANCELS = 14
"""A cancellation comes at one of so many first steps, or never."""

# What an observer looks at, and the properties of the models that this stands for.
OWN_BYTES = {"decode_reads_own_bytes", "decodes_own_kv"}
ACCEPTED = {"accepts_own_kv"}
FIRST_TOKEN = {"decode_reads_own_bytes", "takes_own_first_token"}
WHOLE = {"reformats_only_whole_kv"}
OWN_PAGES = {"write_reads_own_pages"}
FINAL = {"announced_failure_is_final"}
FREED = {"slot_can_be_freed", "slot_can_be_free"}
ENDS = {"request_ends", "request_is_closed"}


@cache
def expected(prompt: int) -> Expected:
    """What the oracle has for a prompt, on the host."""
    with virtual_cuda():
        found = oracle(with_heads_reversed(SmallModel(SHAPE)), PROMPTS[prompt], COUNT)
        return Expected(found.tokens, found.index_keys.clone(), found.keys_values.clone())


def run(
    on: Handoff, assumed: frozenset[str], seed: int, favour: str = "abort", late: str = ""
) -> Outcome:
    """One run of a design; `assumed` are the promises about the world that hold.

    The event to `favour` happens in every run; others may. The actor that is `late` begins as the
    last of the loops.
    """
    for prompt in range(len(PROMPTS)):
        expected(prompt)  # on a device of its own
    policy = LandsWhenTold(InOrder())
    with virtual_cuda(policy=policy) as virtual:
        made = _Run(on, assumed, seed, favour, late, VirtualNic(virtual, policy), Hosts(virtual))
        made.perform()
        virtual.run_all()
        made.outcome.races = races(virtual.trace)
    return made.outcome


class _Run:
    def __init__(
        self,
        on: Handoff,
        assumed: frozenset[str],
        seed: int,
        favour: str,
        late: str,
        nic: VirtualNic,
        hosts: Hosts,
    ) -> None:
        self.on, self.assumed, self.nic, self.hosts = on, assumed, nic, hosts
        self.draw = random.Random(seed)
        self.outcome = Outcome()
        model = SmallModel(SHAPE)
        reversed_model = with_heads_reversed(model)
        pages = SHAPE.pages(len(PROMPTS[0]) + COUNT) * self.draw.choice((1, 1, 2))
        pool = SlotPool(SHAPE, pages)
        sources = SlotPool(SHAPE, 2 * SHAPE.pages(len(PROMPTS[0])))
        torch.cuda.synchronize()
        self.up = VirtualChannel(hosts.virtual, lambda _: None)
        self.down = VirtualChannel(hosts.virtual, self._announced)
        self.failures: set[int] = set()
        self.parts: dict[int, dict[int, TransportHandle]] = {}
        with hosts.acting("decode"):
            self.decode = DecodeNode(model, pool, on, Peer(self.down, self.up, nic))
        with hosts.acting("prefill"):
            self.prefill = PrefillNode(
                reversed_model,
                sources,
                pool,
                Peer(self.up, self.down, nic),
                on,
            )
        for number, prompt in enumerate(PROMPTS):
            self.decode.submit(number, prompt, COUNT)
        self.priority: dict[str, float] = {late: 0.0}
        self.falls = {self.draw.randrange(40) for _ in range(5)}
        self.events = self._events(seed, favour)

    # What happens from outside.

    def _events(self, seed: int, favour: str) -> dict[str, int]:
        """What may happen, with the step from which on it does, as soon as it can."""
        draw = self.draw
        possible = ["fail_write", "reject"]
        if "aborts_arrive" not in self.assumed:
            possible.append("lose_abort")
        if "answers_arrive" not in self.assumed:
            possible.append("lose_answer")
        if "nodes_stay_reachable" not in self.assumed:
            possible.append("lose_node")
        events = {
            draw.choice(possible): draw.randrange(CANCELS) for _ in range(draw.choice((0, 0, 1, 2)))
        }
        if favour not in (*possible, "abort"):  # what the world promises not to do
            favour = "abort"
        events[favour] = draw.randrange(CANCELS)
        if favour == "abort" or draw.random() < 0.5:
            events["abort"] = seed % CANCELS
        if draw.random() < 0.3:
            events["retry"] = draw.randrange(2 * CANCELS)
        return events

    def _happen(self, event: str) -> bool:
        """Let an event happen, if it can now; whether it is over with."""
        first = self.decode.requests[0]
        match event:
            case "abort":
                with self.hosts.acting("decode"):
                    self.decode.abort(0)
                return True
            case "retry" if first.phase is Phase.ABORTED:
                self.decode.submit(len(self.decode.requests), first.prompt, COUNT)
                return True
            case "fail_write":
                flying = [h for h in self.nic.posted if not h.landed and not h.failed]
                if flying:
                    self.draw.choice(flying).failed = True
                return bool(flying)
            case "reject":
                queued = [n for n, t in self.prefill.table.items() if t.room is Room.QUEUED]
                if queued:
                    with self.hosts.acting("prefill"):
                        self.prefill.reject(queued[0])
                return bool(queued)
            case "lose_abort":
                return self._lose(self.up, (Abort,))
            case "lose_answer":
                return self._lose(self.down, (Answer, Success, Failure))
            case "lose_node" if any(r.listens for r in self.decode.requests.values()):
                with self.hosts.acting("decode"):
                    self.decode.miss_heartbeat()
                return True
        return False

    def _lose(self, channel: VirtualChannel, kinds: tuple[type, ...]) -> bool:
        if channel.under_way and isinstance(channel.under_way[0][0], kinds):
            channel.lose()
            return True
        return False

    def _pass_a_deadline(self) -> bool:
        return any(self._pass_deadline(request) for request in self.decode.requests.values())

    def _pass_deadline(self, request: Request) -> bool:
        if request.phase is not Phase.RECLAIMING or not self.on.release_times_out:
            return False
        posted = self.prefill.under_way.get(request.number, [])
        flying = [h for h in posted if isinstance(h, Handle) and not h.landed]
        if flying and "timeout_outlasts_writes" in self.assumed:
            return False
        self.prefill.ended_leases.add(request.number)
        with self.hosts.acting("decode"):
            self.decode.pass_deadline(request.number)
        return True

    # Who goes on.

    def perform(self) -> None:
        """Until nobody can go on."""
        for step in range(MOST_STEPS):
            for event, due in list(self.events.items()):
                if due <= step and self._happen(event):
                    del self.events[event]
                    self.outcome.log.append(event)
            if not self._go_on(step) and not any(due > step for due in self.events.values()):
                break
        self._look_at_the_end()

    def _go_on(self, step: int) -> bool:
        actors = self._actors()
        for name in actors:
            slow = name.startswith("nic") and self.draw.random() < 1 / 3
            self.priority.setdefault(name, self.draw.random() - slow)
        for name in sorted(actors, key=lambda name: -self.priority[name]):
            if actors[name]():
                self.outcome.log.append(name)
                if step in self.falls:
                    self.priority[name] = -self.draw.random()
                return True
        return self.decode.ask_again() or self._time_out()

    def _time_out(self) -> bool:
        """Nobody can go on, and a report was lost: who waits for one is cancelled."""
        waiting = [r for r in self.decode.requests.values() if r.phase is Phase.TRANSFERRING]
        if not waiting or "lose_answer" not in self.outcome.log:
            return False
        with self.hosts.acting("decode"):
            self.decode.abort(waiting[0].number)
        return True

    def _actors(self) -> dict[str, Callable[[], bool]]:
        def as_host(host: str, loop: Callable[[], bool]) -> Callable[[], bool]:
            def go_on() -> bool:
                with self.hosts.acting(host):
                    return loop()

            return go_on

        actors = {
            "decode.listen": as_host("decode", self._listen),
            "decode.admit": as_host("decode", self.decode.admit),
            "decode.step": as_host("decode", self._step),
            "prefill.listen": as_host("prefill", self.prefill.listen),
            "prefill.work": as_host("prefill", self.prefill.work),
            "prefill.tidy": as_host("prefill", self.prefill.tidy),
            "clock": self._pass_a_deadline,
        }
        for number, handle in enumerate(self.nic.posted):
            if not handle.landed:
                actors[f"nic.land {number}"] = partial(self._land, handle)
        return actors

    # What an observer sees who knows every byte.

    def _prompt(self, request: Request) -> int:
        return PROMPTS.index(request.prompt)

    def _land(self, handle: Handle) -> bool:
        sources = [self.nic.peek(source) for source, _ in handle.regions]
        if not all(map(torch.equal, sources, handle.sent)):
            self.outcome.failed |= OWN_PAGES
        self.nic.land(handle)
        return True

    def _listen(self) -> bool:
        if self.down.under_way and isinstance(self.down.under_way[0][0], Arrived):
            number = self.down.under_way[0][0].request
            request = self.decode.requests[number]
            parts = self.parts[number].values()
            landed = all(isinstance(part, Handle) and part.landed for part in parts)
            if request.phase is Phase.TRANSFERRING and not landed:
                self.outcome.failed |= WHOLE
        return self.decode.listen()

    def _step(self) -> bool:
        before = {r.number: r.phase for r in self.decode.requests.values()}
        reading = [r for r in self.decode.requests.values() if r.phase is Phase.DECODING]
        starting = [r for r in self.decode.requests.values() if r.phase is Phase.RECEIVED]
        own = {r.number: self._reads_own(r) for r in [*reading, *starting]}
        done = self.decode.step()
        for request in reading:
            if not own[request.number]:
                self.outcome.failed |= OWN_BYTES
        for request in starting:
            if request.tokens and before[request.number] is Phase.RECEIVED:
                if not own[request.number]:
                    self.outcome.failed |= OWN_BYTES | ACCEPTED
                if request.tokens[0] != expected(self._prompt(request)).tokens[0]:
                    self.outcome.failed |= FIRST_TOKEN
        return done

    def _reads_own(self, request: Request) -> bool:
        right, pool = expected(self._prompt(request)), self.decode.pool
        assert request.slot is not None
        rows = SHAPE.page_rows
        for place in range(SHAPE.pages(len(request.prompt))):
            part, page = slice(place * rows, (place + 1) * rows), request.slot.pages[place]
            index_keys = self.nic.peek(pool.index_keys[page])
            keys_values = self.nic.peek(pool.keys_values[page])
            same = torch.allclose(index_keys, right.index_keys[:, part], atol=1e-4)
            if not same or not torch.allclose(
                keys_values, right.keys_values[:, part].flip(-2), atol=1e-4
            ):
                return False
        return True

    def _announced(self, message: Message) -> None:
        if isinstance(message, Arrived):
            self.parts[message.request] = self.prefill.table[message.request].parts
        elif isinstance(message, Answer | Failure):
            self.failures.add(message.request)
        elif isinstance(message, Success) and message.request in self.failures:
            self.outcome.failed |= FINAL

    def _look_at_the_end(self) -> None:
        over = (Phase.ABORTED, Phase.FINISHED)
        for request in self.decode.requests.values():
            right = expected(self._prompt(request)).tokens
            if request.phase is Phase.FINISHED and tuple(request.tokens) != right:
                changed = Changed(request.number, tuple(request.tokens), right)
                self.outcome.changed.append(changed)
            if request.phase not in over:
                self.outcome.failed |= ENDS
        if self.decode.pool.free < len(self.decode.pool.owner):
            self.outcome.failed |= FREED
