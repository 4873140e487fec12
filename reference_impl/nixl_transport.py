"""One-sided writes and messages between two processes, over NIXL: the extra `nixl`.

Each process is an *endpoint*: it registers memory, and hands its card to the other. Its backend UCX
moves host memory on a machine with neither a NIC nor a GPU, and device memory where there is some.
"""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from typing import Any, Literal

from torch import Tensor

from reference_impl.messages import Abort, Answer, Arrived, Failure, Message, Success, Transfer
from reference_impl.slot_pool import Slot
from reference_impl.transport import Region, State

KINDS = {kind.__name__: kind for kind in (Abort, Answer, Arrived, Failure, Success)}


class TransferError(RuntimeError):
    """NIXL is missing, a peer is gone, or a write is not over when it has to be."""


@dataclass(frozen=True)
class Card:
    """What a peer needs in order to reach an endpoint: its name, NIXL's metadata of it, and the
    address and size in bytes of each tensor that it registered."""

    name: str
    metadata: bytes
    regions: tuple[tuple[int, int], ...]


class Endpoint:
    """A process as an agent of NIXL; `memory` is the kind of all that it registers."""

    def __init__(self, name: str, memory: Literal["DRAM", "VRAM"]) -> None:
        os.environ.setdefault("NIXL_LOG_LEVEL", "WARN")
        try:
            import nixl_cu12 as nixl
        except ImportError as missing:
            hint = "pip install 'fencepost[nixl]'"
            raise TransferError(f"NIXL cannot be loaded ({missing}): {hint}") from missing
        self.name, self.memory = name, memory
        self.agent = nixl.nixl_agent(name, nixl.nixl_agent_config(backends=["UCX"]))
        self.tensors: list[Tensor] = []
        self._heard: dict[str, deque[bytes]] = {}

    def register(self, tensors: Sequence[Tensor]) -> None:
        """Let these tensors, each contiguous, be written from and into."""
        for tensor in tensors:
            self.agent.register_memory([(*_place(tensor), "")], self.memory)
            self.tensors.append(tensor)

    def card(self) -> Card:
        """What to give to a peer, once all is registered."""
        regions = tuple(_place(tensor)[:2] for tensor in self.tensors)
        return Card(self.name, self.agent.get_agent_metadata(), regions)

    def meet(self, card: Card) -> None:
        """Make a peer known, so that it can be written to."""
        self.agent.add_remote_agent(card.metadata)

    def hear(self, peer: str) -> bytes | None:
        """The next notification of a peer, if one has come."""
        for name, texts in self.agent.get_new_notifs().items():
            self._heard.setdefault(name, deque()).extend(texts)
        heard = self._heard.get(peer)
        return heard.popleft() if heard else None


def _place(tensor: Tensor) -> tuple[int, int, int]:
    """Address, bytes, and the number of the device, as NIXL wants them."""
    number = tensor.get_device()
    return tensor.data_ptr(), tensor.numel() * tensor.element_size(), max(number, 0)


class Write:
    """A `Handle`. NIXL says DONE once the bytes are in the memory of the peer, whether that looked
    or not. A write that takes longer than `patience` seconds counts as failed, and one that cannot
    be posted has failed; `error` says why."""

    def __init__(self, agent: Any, patience: float, prepare: Callable[[], Any]) -> None:
        self._agent, self._patience, self._prepare = agent, patience, prepare
        self._handle: Any = None
        self._since = time.monotonic()
        self._state, self.error = State.POSTED, ""
        self._hear(agent.transfer)

    def state(self) -> State:
        """As in `Handle`."""
        if self._state is State.POSTED:
            self._hear(self._agent.check_xfer_state)
            if self._state is State.POSTED and time.monotonic() - self._since > self._patience:
                self._fail(f"still under way after {self._patience:g} s")
        return self._state

    def flush(self) -> None:
        """As in `Handle`. Raises `TransferError` for a write that does not end: releasing it would
        not recall it, so its memory must not be used again."""
        deadline = time.monotonic() + self._patience
        while self._handle is not None:
            if time.monotonic() > deadline:
                raise TransferError(f"a write does not end: {self.error or 'still under way'}")
            self._hear(self._agent.check_xfer_state)

    def _hear(self, ask: Callable[[Any], Any]) -> None:
        """What NIXL says of the write now; an error is kept for whoever asks."""
        try:
            if self._handle is None:
                self._handle = self._prepare()
            said = ask(self._handle)
        except Exception as error:  # noqa: BLE001  # NIXL's errors have no class of their own
            self._handle = None
            self._fail(str(error))
            return
        if said == "PROC":
            return
        if said != "DONE":
            self._fail(f"NIXL says {said}")
        elif self._state is State.POSTED:
            self._state = State.VISIBLE
        self._handle.release()
        self._handle = None

    def _fail(self, error: str) -> None:
        self._state, self.error = State.FAILED, error


class NixlTransport:
    """A `Transport` to one peer.

    `stand_ins` are tensors of this process, one for each of the first that the peer registered and
    of its size: a target is named by its place in one of them, and never touched here.
    """

    def __init__(
        self, endpoint: Endpoint, peer: Card, stand_ins: Sequence[Tensor], patience: float = 10.0
    ) -> None:
        self._endpoint, self._peer, self._patience = endpoint, peer.name, patience
        places = [_place(tensor)[:2] for tensor in stand_ins]
        offered = peer.regions[: len(places)]
        if [size for _, size in places] != [size for _, size in offered]:
            raise TransferError(f"{peer.name} registered other memory than is stood in for")
        self._theirs = list(zip(places, offered, strict=True))

    def post(self, regions: Sequence[Region]) -> Write:
        """As in `Transport`; the memory of the sources is registered."""
        agent, memory = self._endpoint.agent, self._endpoint.memory
        own = [_place(source) for source, _ in regions]
        theirs = [self._at_peer(target) for _, target in regions]

        def prepare() -> Any:
            ends = agent.get_xfer_descs(own, memory), agent.get_xfer_descs(theirs, memory)
            return agent.initialize_xfer("WRITE", *ends, self._peer)

        return Write(agent, self._patience, prepare)

    def _at_peer(self, target: Tensor) -> tuple[int, int, int]:
        address, size, number = _place(target)
        for (here, most), (there, _) in self._theirs:
            if here <= address and address + size <= here + most:
                return there + address - here, size, number
        raise TransferError("a write names memory that the peer has not registered")

    def fence(self) -> None:
        """Raises `TransferError`: a peer that has been given an address goes on writing there after
        the memory is no longer registered (docs/explanation/nixl.md)."""
        raise TransferError("NIXL cannot take memory away from a peer: end its process instead")


class Notifications:
    """A `Channel` in both directions: messages as NIXL's notifications, in order, without loss."""

    def __init__(self, endpoint: Endpoint, peer: str) -> None:
        self._endpoint, self._peer = endpoint, peer

    def send(self, message: Message) -> None:
        """As in `Channel`. Raises `TransferError` when the peer is gone."""
        try:
            self._endpoint.agent.send_notif(self._peer, encode(message))
        except Exception as error:
            raise TransferError(f"{self._peer} is gone: {error}") from error

    def receive(self) -> Message | None:
        """As in `Channel`."""
        text = self._endpoint.hear(self._peer)
        return None if text is None else decode(text)


def encode(message: Message) -> bytes:
    """A message as JSON: its kind and its fields."""
    return json.dumps([type(message).__name__, astuple(message)]).encode()


def decode(text: bytes) -> Message:
    """The message that `encode` was given."""
    kind, (request, *fields) = json.loads(text)
    if kind == "Transfer":
        prompt, (owner, pages, generation) = fields
        return Transfer(request, tuple(prompt), Slot(owner, tuple(pages), generation))
    return KINDS[kind](request)
