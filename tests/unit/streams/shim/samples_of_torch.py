"""`python -m tests.unit.streams.shim.samples_of_torch` audits what torch tests its operators with.

Each operator of torch's own database is run on some of its samples, with its backward pass, and
once in place; what comes out is compared with the CPU, and each kernel's accesses are audited by
perturbation. A process of its own, because the database sets flags of torch for good. Prints JSON.
"""

from __future__ import annotations

import json
import sys
import unittest
import warnings
from collections.abc import Callable, Iterator
from itertools import islice
from types import ModuleType
from typing import Any

import torch
from torch.utils._pytree import tree_leaves, tree_map

from fencepost.core.errors import InputError
from fencepost.streams.virtual import virtual_cuda
from tests.unit.streams.shim.comparing import on_host
from tests.unit.streams.shim.perturbing import Audit

SAMPLES = 3
LARGEST = 400
"""Elements of all tensors of a sample that is taken."""
TYPES = (torch.float32, torch.complex64, torch.int64, torch.bool)


def database() -> list[Any]:
    """Torch's operators, without the package that its test cases alone need."""
    testing: Any = ModuleType("expecttest")
    testing.TestCase = unittest.TestCase
    sys.modules.setdefault("expecttest", testing)
    from torch.testing._internal import common_utils
    from torch.testing._internal.common_methods_invocations import op_db

    # It looks through the whole stack for a test, at each sample, which takes most of the time.
    common_utils.extract_test_fn = lambda: None
    return op_db


def tensors(value: Any) -> list[torch.Tensor]:
    return [leaf for leaf in tree_leaves(value) if isinstance(leaf, torch.Tensor)]


def samples(op: Any) -> Iterator[Any]:
    """Small samples of one type of element."""
    types = [dtype for dtype in TYPES if dtype in op.dtypes]
    if not types:
        return
    differentiates = op.supports_autograd and types[0].is_floating_point
    made = op.sample_inputs("cpu", types[0], requires_grad=differentiates)
    small = (s for s in made if sum(t.numel() for t in tensors((s.input, s.args))) <= LARGEST)
    yield from islice(small, SAMPLES)


class Report:
    """What was found over all samples."""

    def __init__(self) -> None:
        self.runs = 0
        self.problems: set[str] = set()
        self.refused: dict[str, str] = {}
        self.raw: dict[str, str] = {}
        self.differs: dict[str, str] = {}
        self.reads: dict[tuple[str, int], bool] = {}
        self.writes: dict[tuple[str, int], bool] = {}

    def run(self, name: str, function: Callable[..., Any], sample: Any, *, backward: bool) -> None:
        """One sample on the CPU and on the device."""
        given = (sample.input, sample.args, sample.kwargs)
        try:
            torch.manual_seed(0)
            plain = tree_map(lambda t: t.detach().clone() if is_tensor(t) else t, given)
            expected = on_host(function(plain[0], *plain[1], **plain[2]))
        except Exception:  # noqa: BLE001  # a sample that the CPU refuses says nothing
            return
        try:
            with virtual_cuda() as device:
                audit = Audit(device.runtime, in_use=True)
                device.runtime.bridge.submit = audit
                torch.manual_seed(0)
                there = tree_map(there_too if backward else there_alone, given)
                kwargs = {**there[2], **({"device": "cuda"} if "device" in there[2] else {})}
                result = function(there[0], *there[1], **kwargs)
                if backward:
                    differentiate(result)
                found = on_host(result)
                torch.cuda.synchronize()
        except InputError as error:
            self.refused[name] = error.what
        except Exception as error:  # noqa: BLE001  # what is looked for
            self.raw[name] = f"{type(error).__name__}: {str(error)[:200]}"
        else:
            self.add(name, audit, found, expected)

    def add(self, name: str, audit: Audit, found: Any, expected: Any) -> None:
        self.runs += 1
        self.problems |= set(audit.problems)
        for all_of_them, these in ((self.reads, audit.reads), (self.writes, audit.writes)):
            for argument, used in these.items():
                all_of_them[argument] = all_of_them.get(argument, False) or used
        try:
            torch.testing.assert_close(found, expected, equal_nan=True)
        except (AssertionError, TypeError, ValueError) as error:
            self.differs[name] = str(error)[:200]

    def as_json(self) -> dict[str, Any]:
        return {
            "runs": self.runs,
            "problems": sorted(self.problems),
            "refused": self.refused,
            "raw": self.raw,
            "differs": self.differs,
            "of_no_use": sorted(a for a, used in self.reads.items() if not used),
            "never_written": sorted(a for a, used in self.writes.items() if not used),
        }


def is_tensor(value: Any) -> bool:
    return isinstance(value, torch.Tensor)


def there_alone(value: Any) -> Any:
    return value.detach().to("cuda") if is_tensor(value) else value


def there_too(value: Any) -> Any:
    return there_alone(value).requires_grad_(value.requires_grad) if is_tensor(value) else value


def differentiate(result: Any) -> None:
    roots = [t for t in tensors(result) if t.requires_grad]
    if roots:
        sum((t.abs().sum() if t.is_complex() else t.sum()) for t in roots).backward()


def main() -> None:
    warnings.simplefilter("ignore")
    report = Report()
    for op in database():
        for number, sample in enumerate(samples(op)):
            report.run(op.name, op, sample, backward=op.supports_autograd)
            if number == 0 and op.inplace_variant is not None:
                report.run(f"{op.name}_", op.inplace_variant, sample, backward=False)
    sys.stdout.write(json.dumps(report.as_json()))


if __name__ == "__main__":
    main()
