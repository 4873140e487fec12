"""One-sided writes: posted, landed, completion seen by the sender, visible to the receiver."""

from __future__ import annotations

from fencepost.language.component import Component, component_always
from fencepost.language.declarations import Array, Index
from fencepost.language.decorators import action
from fencepost.language.machine import Value
from fencepost.language.words import assign, exists, fault, for_all, require


class WriteQueue(Component):
    """The writes of transfers that have several parts, such as the chunks of a request.

    Four facts of one write are kept apart, since nothing but a barrier ties them together: it was
    *posted*; it *landed* in the receiver's memory; its *completion* was seen by the sender; it is
    *visible* to the receiver's computation. Landing comes after posting, completion and visibility
    each after landing, and in no order between them. Writes land in any order. A posted write
    cannot be recalled. With `fails=True` the sender may instead see an error, which says nothing
    about whether the write landed, or will (NIXL-2067: failed is not stopped).

    The model posts and lands (`post`, `land`), because it knows which memory a landing changes;
    completion, visibility and failure happen by themselves (`complete`, `show`, `fail`).

    Abstracts: bytes within a part (a part lands at once), the fabric's ordering guarantees (none
    is assumed) and time. Safe: a real network has no behaviour that is missing here, except a
    part that is torn; make parts smaller where that matters.
    """

    def __init__(self, transfer: Index, part: Index, *, fails: bool = False) -> None:
        self.Transfer, self.Part = transfer, part
        self.posted = Array(transfer, part, of=bool, initial=False)
        self.landed = Array(transfer, part, of=bool, initial=False)
        self.completed = Array(transfer, part, of=bool, initial=False)
        self.visible = Array(transfer, part, of=bool, initial=False)
        self.failed = Array(transfer, part, of=bool, initial=False)
        self.actor = "nic"
        if not fails:
            self.left_out = ("fail",)

    def post(self, transfer: Value, part: Value) -> None:
        """The sender hands a write to its NIC; posting it twice is a fault."""
        if self.posted[transfer, part]:
            fault("a write is posted twice")
        self.posted[transfer, part] = True

    def land(self, transfer: Value, part: Value) -> None:
        """The bytes arrive; the step is disabled unless the write is under way."""
        require(self.posted[transfer, part] and not self.landed[transfer, part])
        self.landed[transfer, part] = True

    @action(transfer="Transfer", part="Part")
    def complete(self, transfer: Value, part: Value) -> None:
        """The sender sees the completion of a write that landed."""
        require(self.landed[transfer, part])
        require(not self.completed[transfer, part] and not self.failed[transfer, part])
        self.completed[transfer, part] = True

    @action(transfer="Transfer", part="Part")
    def show(self, transfer: Value, part: Value) -> None:
        """Landed bytes become visible to the receiver's computation."""
        require(self.landed[transfer, part] and not self.visible[transfer, part])
        self.visible[transfer, part] = True

    @action(transfer="Transfer", part="Part")
    def fail(self, transfer: Value, part: Value) -> None:
        """The sender sees an error instead of a completion, whether or not the bytes landed."""
        require(self.posted[transfer, part])
        require(not self.completed[transfer, part] and not self.failed[transfer, part])
        self.failed[transfer, part] = True

    def in_flight(self, transfer: Value, part: Value) -> Value:
        """Whether the write was posted and may still land."""
        return self.posted[transfer, part] and not self.landed[transfer, part]

    def quiet(self, transfer: Value) -> Value:
        """Whether no write of the transfer may still land."""
        return not exists(self.Part, lambda part: self.in_flight(transfer, part))

    def all_completed(self, transfer: Value) -> Value:
        """Whether the sender has seen the completion of every part."""
        return for_all(self.Part, lambda part: self.completed[transfer, part])

    def all_visible(self, transfer: Value) -> Value:
        """Whether every part is visible to the receiver."""
        return for_all(self.Part, lambda part: self.visible[transfer, part])

    def forget(self, transfer: Value) -> None:
        """Start over, for a retry; a write still in flight makes it a fault."""
        if not self.quiet(transfer):
            fault("a transfer is forgotten while one of its writes may still land")
        assign(self.posted[transfer], to=False)
        assign(self.landed[transfer], to=False)
        assign(self.completed[transfer], to=False)
        assign(self.visible[transfer], to=False)
        assign(self.failed[transfer], to=False)

    @component_always
    def in_order(self) -> Value:
        """Nothing lands unposted, and nothing completes or shows before it landed."""
        return for_all(
            self.Transfer,
            self.Part,
            lambda transfer, part: (
                (self.posted[transfer, part] or not self.landed[transfer, part])
                and (self.landed[transfer, part] or not self.completed[transfer, part])
                and (self.landed[transfer, part] or not self.visible[transfer, part])
            ),
        )
