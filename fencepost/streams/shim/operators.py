"""What each operator of torch does on the virtual device: one handler an operator, made once.

A view runs at once, because it touches no data. Everything else is checked for its sizes, given
memory for its results, and queued: its kernel is the operator itself, on aliases of the arena.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch._ops import OpOverload

from fencepost.streams.shim.composed import COMPOSED
from fencepost.streams.shim.copies import copy_each, copy_into, to_copy
from fencepost.streams.shim.declared import Declared
from fencepost.streams.shim.emulation import REGISTERED, EmulatedKernel
from fencepost.streams.shim.errors import lengths_on_device, unknown_kernel
from fencepost.streams.shim.factories import Factory
from fencepost.streams.shim.launches import Launch, put, result_into
from fencepost.streams.shim.randomness import drawn, seeded
from fencepost.streams.shim.shapes import (
    WITHOUT_TENSORS,
    NotKnownBefore,
    Outline,
    map_outlines,
    map_tensors,
    outline_of,
    tensors_in,
)
from fencepost.streams.shim.special import (
    ABOUT,
    RESHAPING,
    UNINITIALISED,
)
from fencepost.streams.shim.usual import Usual

if TYPE_CHECKING:
    from fencepost.streams.shim.runtime import Runtime

Operator = OpOverload[Any, Any]
Handler = Callable[[tuple[Any, ...], dict[str, Any]], Any]
aten = torch.ops.aten


class Operators:
    """The handlers of one virtual device."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.handlers: dict[int, Handler] = {}
        """By the identity of the operator, which hashes itself slowly; each holds its own."""

    def make(self, operator: Operator) -> Handler:
        """How an operator is performed; made when it is first met."""
        made = self.handlers[id(operator)] = self._make(operator)
        return made

    def _make(self, operator: Operator) -> Handler:
        runtime = self.runtime
        if operator in ABOUT:
            return lambda args, kwargs: runtime.about(operator, args, kwargs)
        if operator is aten._to_copy.default:
            return lambda args, kwargs: to_copy(runtime, args[0], kwargs)
        if operator is aten.copy_.default:
            crossing: Handler = lambda args, kwargs: copy_into(runtime, *args, **kwargs)  # noqa: E731
            return Usual(runtime, Declared(operator), crossing, name="copy")
        if operator is aten._pin_memory.default:
            return lambda args, _kwargs: runtime.pin(args[0])
        if operator is aten._local_scalar_dense.default:
            return lambda args, _kwargs: runtime.scalar(args[0])
        if operator in COMPOSED:
            return self._composed(COMPOSED[operator])
        if operator in RESHAPING or operator.is_view or torch.Tag.inplace_view in operator.tags:
            return self._without_data(operator)
        queued = _Queued(runtime, operator)
        if operator is aten._foreach_copy_.default:
            return lambda args, kwargs: copy_each(runtime, queued, *args, **kwargs)
        if queued.is_factory:
            return Factory(runtime, queued, queued)
        return Usual(runtime, queued, queued) if queued.is_usual else queued

    def _composed(self, run: Callable[..., Any]) -> Handler:
        def perform(operator: Operator, *args: Any) -> Any:
            return (self.handlers.get(id(operator)) or self.make(operator))(args, {})

        return lambda args, kwargs: run(perform, *args, **kwargs)

    def _without_data(self, operator: Operator) -> Handler:
        resize = self.runtime.resize
        if operator is aten.resize_.default:
            return resize
        if operator is aten.resize_as_.default:
            return lambda args, _kwargs: resize((args[0], args[1].size()), {})
        return lambda args, kwargs: operator(*args, **kwargs)


class _Queued(Declared):
    """How an operator that reads or writes data is performed."""

    def __init__(self, runtime: Runtime, operator: Operator) -> None:
        super().__init__(operator)
        self.runtime = runtime

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        runtime = self.runtime
        tensors: list[torch.Tensor] = []
        for value in (*args, *kwargs.values()) if kwargs else args:
            if isinstance(value, torch.Tensor):
                tensors.append(value)
            elif type(value) not in WITHOUT_TENSORS:
                tensors_in(value, tensors)
        on_device = runtime.on_device
        lying_there = [tensor for tensor in tensors if on_device(tensor)]
        there = bool(lying_there)
        if self.takes_device:
            place = runtime.place_for(kwargs.get("device"), there)
            if place == "host" and (there or kwargs.get("pin_memory")):
                return self._made_on_host(args, kwargs)
            there = place == "device"
            kwargs = {**kwargs, "device": torch.device("cpu"), "pin_memory": None}
        if not there:
            return self._on_host(args, kwargs, tensors)
        if self.foreign:
            emulation = REGISTERED.get(self.operator._schema.name)
            if emulation is None:
                raise unknown_kernel(self.operator._schema.name)
            return EmulatedKernel(emulation, runtime)(*args, **kwargs)
        lengths: list[torch.Tensor] = []
        for position in self.on_host:
            tensors_in(self.argument(position, args, kwargs), lengths)
        if any(map(on_device, lengths)):
            raise lengths_on_device(lengths[0])
        if len(lying_there) < len(tensors) and not (self.indexed or self.takes_device):
            self._check_places([t for t in tensors if not any(t is one for one in lengths)])
        if self.indexed and not on_device(args[0]):
            raise RuntimeError(
                "indices should be either on cpu or on the same device as the indexed tensor (cpu)"
            )
        return self._on_device(args, kwargs, lying_there)

    def _check_places(self, tensors: list[torch.Tensor]) -> None:
        """Only scalars of the host may meet tensors of the device."""
        for tensor in tensors:
            if tensor.dim() and not self.runtime.on_device(tensor):
                raise RuntimeError(
                    "Expected all tensors to be on the same device, but found at least two "
                    f"devices, cuda:0 and cpu! (when checking the arguments of {self.name})"
                )

    # On the host.

    def _on_host(self, args: Any, kwargs: dict[str, Any], tensors: list[torch.Tensor]) -> Any:
        tracked = [t for t in tensors if self.runtime.is_watched(t)]
        if tracked:
            written = self._written_tensors(args, kwargs)
            writes = [t for t in tracked if any(t is w for w in written)]
            reads = self._read_tensors(args, kwargs, tracked)
            result = self.operator(*args, **kwargs)
            self.runtime.host_access(self.name, reads, writes)
            return result
        return self.operator(*args, **kwargs)

    def _made_on_host(self, args: Any, kwargs: dict[str, Any]) -> torch.Tensor:
        """A tensor made on the host, perhaps pinned, perhaps like one on the device."""
        pinned = bool(kwargs.get("pin_memory"))
        kwargs = {**kwargs, "device": torch.device("cpu"), "pin_memory": None}
        if not pinned:
            result: torch.Tensor = self.operator(*args, **kwargs)
            return result
        outline = self.runtime.shapes.infer(self.operator, args, kwargs)
        made = self.runtime.pinned(outline)
        if not self.name.startswith(("empty", "new_empty")):
            made.copy_(self.operator(*args, **kwargs))
            self.runtime.host_access(self.name, [], [made])
        return made

    # On the device.

    def _written_tensors(self, args: Any, kwargs: dict[str, Any]) -> list[torch.Tensor]:
        written: list[torch.Tensor] = []
        unwritten = self.uses.unwritten(args, kwargs)
        for position in self.written:
            if position not in unwritten:
                tensors_in(self.argument(position, args, kwargs), written)
        return written

    def _read_tensors(
        self, args: Any, kwargs: dict[str, Any], tensors: list[torch.Tensor]
    ) -> list[torch.Tensor]:
        """Those of some tensors among the arguments whose data is read."""
        if self.reads_all:
            return tensors
        unread = self.uses.unread(args, kwargs)
        if self.is_out:
            unread |= frozenset(self.written)
        read: list[torch.Tensor] = []
        for position in range(len(self.arguments)):
            if position not in unread:
                tensors_in(self.argument(position, args, kwargs), read)
        return [t for t in tensors if any(t is r for r in read)]

    def _on_device(self, args: Any, kwargs: dict[str, Any], tensors: list[torch.Tensor]) -> Any:
        runtime = self.runtime
        if self.draws_first:
            return self._drawn(args, kwargs)
        written = self._written_tensors(args, kwargs) if self.written else []
        if self.made_on_host:
            return self._at_once(args, kwargs, tensors, written)
        try:
            outlines = runtime.shapes.infer(self.operator, args, kwargs)
        except NotKnownBefore:
            return self._at_once(args, kwargs, tensors, written)
        if self.is_out:
            self._fit(outlines, args, kwargs)
        if self.operator in UNINITIALISED:
            return runtime.allocate(outlines)
        raw_args, raw_kwargs = self._raw(args, kwargs)
        launch = self._launch(args, kwargs, tensors, written, raw_args)
        run = self._kernel(raw_args, raw_kwargs)
        if self.only_writes_arguments:
            launch.kernel = run
            runtime.submit(launch)
            return self._returned(args, kwargs)
        if isinstance(outlines, Outline):
            result, made_known = runtime.allocate_known(outlines)
            launch.writes.append(made_known.bytes)
            launch.kernel = partial(result_into, made_known.tensor, run)
            runtime.submit(launch)
            return result
        results = [
            map_outlines(outline, runtime.allocate)
            if position is None
            else self.argument(position, args, kwargs)
            for outline, position in zip(self._listed(outlines), self.returned, strict=True)
        ]
        made = self._made(results)
        outs = [[runtime.alias(tensor) for tensor in each] for each in made]
        launch.writes += [runtime.bytes_of(tensor) for each in made for tensor in each]

        def kernel() -> None:
            values = self._made(self._listed(run()))
            for these, those in zip(outs, values, strict=True):
                # A result that was not asked for, as a gradient by `output_mask`, may be none.
                for out, value in zip(these, those, strict=bool(those)):
                    put(out, value)

        launch.kernel = kernel
        runtime.submit(launch)
        return results[0] if self.single else tuple(results)

    def _listed(self, returned: Any) -> Any:
        return [returned] if self.single else returned

    def _returned(self, args: Any, kwargs: dict[str, Any]) -> Any:
        if not self.returned:
            return None
        found = [
            self.argument(position, args, kwargs)
            for position in self.returned
            if position is not None
        ]
        return found[0] if self.single else tuple(found)

    def _made(self, results: Any) -> list[list[torch.Tensor]]:
        """The tensors of each result that is new."""
        made: list[list[torch.Tensor]] = []
        for result, position in zip(results, self.returned, strict=True):
            if position is None:
                made.append([])
                tensors_in(result, made[-1])
        return made

    def _launch(
        self,
        args: Any,
        kwargs: dict[str, Any],
        tensors: list[torch.Tensor],
        written: list[torch.Tensor],
        raw_args: list[Any],
    ) -> Launch:
        runtime = self.runtime
        if self.indexing is not None:
            return self.indexing(runtime, self.name, args, kwargs, raw_args)
        return Launch(
            self.name,
            [runtime.bytes_of(t) for t in self._read_tensors(args, kwargs, tensors)],
            [runtime.bytes_of(t) for t in written if runtime.on_device(t)],
        )

    def _raw(self, args: Any, kwargs: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Aliases of the arguments; host scalars are taken as they are now."""
        argument = self.runtime.argument
        raw_args = [
            argument(value) if isinstance(value, torch.Tensor) else map_tensors(value, argument)
            for value in args
        ]
        raw_kwargs = {name: map_tensors(value, argument) for name, value in kwargs.items()}
        return raw_args, raw_kwargs

    def _kernel(self, raw_args: list[Any], raw_kwargs: dict[str, Any]) -> Callable[[], Any]:
        """The operator on aliases of its arguments."""
        operator = self.operator
        if self.random:
            return seeded(operator, raw_args, raw_kwargs, self.runtime.generator)
        return partial(operator, *raw_args, **raw_kwargs)

    def _at_once(
        self,
        args: Any,
        kwargs: dict[str, Any],
        tensors: list[torch.Tensor],
        written: list[torch.Tensor],
    ) -> Any:
        """An operator whose result has a size that depends on data, or that the host reads.

        As on CUDA, the host waits for the current stream. Where torch merely has no rule for the
        sizes, the stream runs ahead to here, which orders nothing.
        """
        runtime = self.runtime
        raw_args, raw_kwargs = self._raw(args, kwargs)
        launch = self._launch(args, kwargs, tensors, written, raw_args)
        run = self._kernel(raw_args, raw_kwargs)
        found: list[Any] = []
        launch.kernel = lambda: found.__setitem__(slice(None), [run()])
        runtime.submit(launch)
        if self.asks_host:
            runtime.synchronize_stream()
        else:
            runtime.run_ahead()
        if self.made_on_host:
            return tuple(
                value if place in self.made_on_host else runtime.adopt(value)
                for place, value in enumerate(found[0])
            )
        results = map_tensors(found[0], runtime.adopt)
        if self.returned and self.only_writes_arguments:
            return self._returned(args, kwargs)
        return results

    def _drawn(self, args: Any, kwargs: dict[str, Any]) -> Any:
        """Random numbers that depend on no data are drawn when asked for, and then queued."""
        runtime = self.runtime
        plain = map_tensors(args, torch.empty_like)
        values = drawn(self.operator, plain, kwargs, runtime.generator)
        target = args[0] if self.written else runtime.allocate(outline_of(values))
        out = runtime.alias(target)
        runtime.bridge.hold(values.nbytes)
        runtime.submit(
            Launch(self.name, [], [runtime.bytes_of(target)], kernel=lambda: out.copy_(values))
        )
        return target

    def _fit(self, outlines: Any, args: Any, kwargs: dict[str, Any]) -> None:
        """Give `out=` arguments the size of the result."""
        for outline, position in zip(self._listed(outlines), self.returned, strict=True):
            if position is None:
                continue
            out = self.argument(position, args, kwargs)
            if tuple(out.shape) != outline.shape:
                self.runtime.resize((out, outline.shape), {})
