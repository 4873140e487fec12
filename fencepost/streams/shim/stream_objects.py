"""`torch.cuda.Stream` and `torch.cuda.Event` of the virtual device, made for one runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from fencepost.streams.shim.devices import THE_DEVICE, as_device, is_virtual
from fencepost.streams.shim.errors import unsupported

if TYPE_CHECKING:
    from fencepost.streams.shim.runtime import Runtime


def stream_classes(runtime: Runtime) -> tuple[type[Any], type[Any]]:
    """The classes of streams and events that queue on this runtime."""
    bridge = runtime.bridge

    class Stream:
        """A queue of the virtual device.

        Each has a queue of its own: where torch hands out the same stream again after 32, the
        virtual device does not, so that nothing is ordered by that chance.
        """

        device = THE_DEVICE
        device_index = 0
        device_type = 1
        native: Any
        priority: int

        def __new__(cls, device: Any = None, priority: int = 0, **kwargs: Any) -> Any:
            if device is not None and not is_virtual(device):
                return _PLAIN_STREAM(device, priority=priority)
            if "stream_ptr" in kwargs:
                raise unsupported(
                    "an external stream",
                    "a stream of another library is not seen here",
                    "torch.cuda.Stream()",
                )
            made = super().__new__(cls)
            number = kwargs.get("stream_id")
            known = bridge.stream_by_number(number) if number is not None else None
            made.native = known if known is not None else bridge.create_stream(priority)
            made.priority = priority
            return made

        @property
        def stream_id(self) -> int:
            """The number of the stream; 0 is the default stream."""
            return bridge.number(self.native)

        @property
        def cuda_stream(self) -> int:
            """What stands for the address of the stream."""
            return self.stream_id

        native_handle = cuda_stream

        def wait_event(self, event: Any) -> None:
            """Later work of this stream waits for the newest record of the event."""
            runtime.settle()
            bridge.wait_event(self.native, event.native)

        def wait_stream(self, stream: Any) -> None:
            """Later work of this stream waits for all work queued on another."""
            runtime.settle()
            bridge.wait_stream(self.native, stream.native)

        def record_event(self, event: Any = None) -> Any:
            """Record an event, a new one by default, and give it."""
            event = Event() if event is None else event
            event.record(self)
            return event

        def query(self) -> bool:
            """Whether all its work has been done."""
            runtime.settle()
            return bridge.query_stream(self.native)

        def synchronize(self) -> None:
            """The host waits for all its work."""
            runtime.settle()
            bridge.synchronize_stream(self.native)

        @staticmethod
        def priority_range() -> tuple[int, int]:
            """The least and the greatest priority."""
            return 0, -1

        def is_capturing(self) -> bool:
            """No: there are no graphs."""
            return False

        def __enter__(self) -> Any:
            bridge.enter(self.native)
            return self

        def __exit__(self, *_: object) -> None:
            bridge.leave(self.native)

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Stream) and other.native is self.native

        def __hash__(self) -> int:
            return hash(id(self.native))

        def __repr__(self) -> str:
            return f"<torch.cuda.Stream device=cuda:0 cuda_stream={self.cuda_stream:#x}>"

    class Event:
        """A point in a stream of the virtual device."""

        device = THE_DEVICE

        def __new__(cls, device: Any = None, *_: Any, **kwargs: Any) -> Any:
            if isinstance(device, str | torch.device) and not is_virtual(device):
                return _PLAIN_EVENT(device, **kwargs)
            return super().__new__(cls)

        def __init__(
            self,
            device: Any = None,
            enable_timing: bool = False,
            blocking: bool = False,  # noqa: ARG002  # how the host waits is no edge
            interprocess: bool = False,
            external: bool = False,
        ) -> None:
            # torch.cuda.Event takes enable_timing first, and torch.Event the device.
            self.enable_timing = enable_timing or device is True
            if interprocess or external:
                raise unsupported(
                    "an event shared with another process or library",
                    "what records or waits for it is not seen here",
                    "a message between the processes",
                )
            self.native = bridge.create_event()

        def record(self, stream: Any = None) -> None:
            """Record it on a stream, the current one by default."""
            runtime.settle()
            bridge.record(self.native, None if stream is None else stream.native)

        def wait(self, stream: Any = None) -> None:
            """Later work of a stream waits for it."""
            runtime.settle()
            bridge.wait_event(None if stream is None else stream.native, self.native)

        def query(self) -> bool:
            """Whether its newest record has been reached."""
            runtime.settle()
            return bridge.query_event(self.native)

        def synchronize(self) -> None:
            """The host waits for its newest record."""
            runtime.settle()
            bridge.synchronize_event(self.native)

        def elapsed_time(self, other: Any) -> float:
            """Milliseconds of virtual time between two records; one kernel takes one."""
            if not (self.enable_timing and other.enable_timing):
                raise ValueError("Both events must be created with argument 'enable_timing=True'.")
            return bridge.elapsed(self.native, other.native)

        def ipc_handle(self) -> bytes:
            """Not there: one process."""
            raise unsupported(
                "an event shared with another process", "there is one process", "a message"
            )

        @property
        def event_id(self) -> int:
            """A number for the event."""
            return id(self.native)

        cuda_event = event_id

        def __repr__(self) -> str:
            return f"<torch.cuda.Event {self.event_id:#x}>"

    for made in (Stream, Event):
        made.__module__, made.__qualname__ = "torch.cuda", made.__name__
    return Stream, Event


_PLAIN_STREAM, _PLAIN_EVENT = torch.Stream, torch.Event


def check_device(device: Any) -> None:
    """Accept the one device, however it is named, and refuse others."""
    if device is not None:
        as_device(device)
