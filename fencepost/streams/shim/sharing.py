"""Ways of a tensor to another process or library: refused on the device, else told of."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import process
from contextlib import contextmanager
from multiprocessing import pool, queues
from multiprocessing.reduction import ForkingPickler
from typing import TYPE_CHECKING, Any

import torch
import torch.multiprocessing
import torch.utils.dlpack

from fencepost.core.errors import Location
from fencepost.streams.shim.errors import unsupported
from fencepost.streams.shim.processes import asker

if TYPE_CHECKING:
    from fencepost.streams.shim.runtime import Runtime


class _Put(threading.local):
    """Where the object that the calling thread pickles was put on a queue, or given to a pool."""

    place: Location | None = None


PUT = _Put()
WHY = "memory would be shared that nothing watches"
INSTEAD = "a copy through the host"


def shared(runtime: Runtime, name: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    """A function that gives the memory of its first argument to another library."""

    def share(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        if not runtime.here.busy:
            if runtime.on_device(tensor):
                raise unsupported(name, WHY, INSTEAD)
            runtime.handed_out.give(tensor, f"{name.rpartition('.')[2]}()")
        return plain(tensor, *args, **kwargs)

    return share


def sharing_names(runtime: Runtime) -> dict[Any, dict[str, Any]]:
    """By module, what replaces the names that share memory."""
    plain = vars(torch.utils.dlpack)["to_dlpack"]
    replacement = {"to_dlpack": shared(runtime, "to_dlpack", plain)}
    return {torch: replacement, torch.utils.dlpack: replacement, **_buffered()}


def _buffered() -> dict[Any, dict[str, Any]]:
    """By class, what remembers where an object was given to a queue or a pool, of which a thread of
    its own pickles it."""
    places: defaultdict[int, list[Location]] = defaultdict(list)
    of_jobs: dict[int, Location] = {}
    """By the number of a job of any `Pool`."""
    of_items: dict[int, Location] = {}
    """By the identity of the keywords of a call that a `ProcessPoolExecutor` is to make."""

    def making_job(plain: Callable[..., Any]) -> Callable[..., Any]:
        def init(self: Any, *args: Any, **kwargs: Any) -> None:
            plain(self, *args, **kwargs)
            of_jobs[self._job] = asker()

        return init

    plain_item: Any = process._WorkItem.__init__

    def item(self: Any, future: Any, function: Any, args: Any, kwargs: Any) -> None:
        plain_item(self, future, function, args, kwargs)
        of_items[id(kwargs)] = asker()

    plain_dumps: Any = vars(ForkingPickler)["dumps"].__func__

    def remembering(plain: Callable[..., Any]) -> Callable[..., Any]:
        def put(self: Any, obj: Any, *args: Any, **kwargs: Any) -> Any:
            given = of_items.pop(id(obj.kwargs), None) if type(obj) is process._CallItem else None
            places[id(obj)].append(given or asker())
            try:
                return plain(self, obj, *args, **kwargs)
            except BaseException:  # it is not in the buffer
                places[id(obj)].pop()
                raise

        return put

    def dumps(cls: Any, obj: Any, *args: Any, **kwargs: Any) -> Any:
        kept = places.get(id(obj))
        PUT.place = kept.pop(0) if kept else _of_job(obj, of_jobs)
        if not kept:
            places.pop(id(obj), None)
        try:
            return plain_dumps(cls, obj, *args, **kwargs)
        finally:
            PUT.place = None

    return {
        ForkingPickler: {"dumps": classmethod(dumps)},
        pool.ApplyResult: {"__init__": making_job(pool.ApplyResult.__init__)},
        pool.IMapIterator: {"__init__": making_job(pool.IMapIterator.__init__)},
        process._WorkItem: {"__init__": item},
        queues.Queue: {"put": remembering(queues.Queue.put)},
        queues.JoinableQueue: {"put": remembering(queues.JoinableQueue.put)},
    }


def _of_job(obj: Any, places: dict[int, Location]) -> Location | None:
    """Where a pool was given what it sends to a child: a number of a job and four things more."""
    is_task = isinstance(obj, tuple) and len(obj) == 5 and isinstance(obj[0], int)
    return places.get(obj[0]) if is_task else None


@contextmanager
def told_to_processes(runtime: Runtime) -> Iterator[None]:
    """Until the end of the context, tensors that go to other processes are looked at.

    `torch.multiprocessing` moves a tensor's memory to where both processes see it.
    """
    reducers: Any = ForkingPickler._extra_reducers  # type: ignore[attr-defined]
    before = {kind: reducers[kind] for kind in (torch.Tensor, torch.nn.Parameter)}

    def looking(plain: Callable[..., Any]) -> Callable[..., Any]:
        def reduce(tensor: torch.Tensor) -> Any:
            if not runtime.here.busy:
                if runtime.on_device(tensor):
                    label = runtime.storage_bytes(tensor).label
                    what = f"{label} of the device goes to another process"
                    runtime.bridge.children.refuse(what, PUT.place or asker())
                with runtime.quiet():
                    runtime.pickled(tensor)
                runtime.handed_out.give(tensor, "torch.multiprocessing")
            return plain(tensor)

        return reduce

    reducers.update({kind: looking(plain) for kind, plain in before.items()})
    try:
        yield
    finally:
        reducers.update(before)
