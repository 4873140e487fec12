"""The virtual CUDA device under torch, as a context; torch is imported when it is entered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from fencepost.core.errors import InputError
from fencepost.streams.policies import Policy, policy_of

if TYPE_CHECKING:
    from fencepost.streams.explore import Explored
    from fencepost.streams.recording import Choices
    from fencepost.streams.shim.session import VirtualDevice


def require_torch() -> None:
    """Raises `InputError` F224 where torch is not installed."""
    if find_spec("torch") is None:
        raise InputError(
            "F224",
            "torch is not installed",
            why="the virtual CUDA device runs torch programs",
            write="pip install 'fencepost[torch]'",
        )


@contextmanager
def virtual_cuda(
    *,
    policy: str | Policy = "in-order",
    seed: int = 0,
    adapters: Sequence[str] = (),
    choices: Choices | None = None,
) -> Iterator[VirtualDevice]:
    """Inside, `torch.cuda` is a virtual device with CUDA's ordering rules and nothing stronger.

    Code under audit is imported inside, so that it finds the virtual device's names. `policy` says
    which stream runs next, by a name of `policies.POLICIES` (`seed` is for `random`) or as an
    object; what is found does not depend on it. `adapters` names stubs and emulated kernels of
    packages, by file or by name. `choices` answers queries in place of the device.

    Gives a `VirtualDevice`, whose `audit()` says what is not ordered, inside and afterwards.
    Raises `InputError` F224 without torch, F223 for an adapter and F227 for a policy that does not
    exist.
    """
    require_torch()
    from fencepost.streams.shim.session import session

    chosen = policy_of(policy, seed) if isinstance(policy, str) else policy
    with session(policy=chosen, adapters=adapters, choices=choices) as device:
        yield device


def current_device() -> VirtualDevice:
    """The device of the `virtual_cuda()` that is entered, or of the audit that runs the program.

    For stand-ins of transports, in adapters and in programs under audit. Raises `InputError` F229
    where there is none.
    """
    require_torch()
    from fencepost.streams.shim.session import current

    return current()


def explore_cuda(
    program: Callable[[], object],
    *,
    most_paths: int = 1_000,
    patience: int = 2,
    preemptions: int | None = 2,
    adapters: Sequence[str] = (),
) -> Explored:
    """Every path of a torch program that its host may take, each on a device of its own.

    A path is what its queries answer and which of its threads goes on at each call of the device.
    `program` must do the same whenever it is given the same answers; after `patience` answers False
    in a row the next is True; threads are switched at most `preemptions` times where they need not
    be. As in an audit, threads that are no daemons are waited for.
    """
    require_torch()
    from fencepost.streams.explore import Ran, explore_runs
    from fencepost.streams.shim.taking_turns import run_in_turns

    def run(choices: Choices) -> Ran:
        with virtual_cuda(choices=choices, adapters=adapters) as device:
            failure = run_in_turns(program, device, choices, preemptions)
            return device.audit().findings, failure

    return explore_runs(run, most_paths=most_paths, patience=patience)
