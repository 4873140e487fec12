"""The pytest fixture `virtual_cuda`, found by its entry point; torch loads when it is used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fencepost.streams.shim.session import VirtualDevice


@pytest.fixture(name="virtual_cuda")
def virtual_cuda_fixture() -> Iterator[VirtualDevice]:
    """A virtual CUDA device for one test, which fails if its program leaves accesses unordered."""
    from fencepost.streams.virtual import virtual_cuda

    with virtual_cuda() as device:
        yield device
    audit = device.audit()
    if not audit.clean:
        from fencepost.report.audits import audit_text

        pytest.fail(audit_text(audit), pytrace=False)
    for error in device.refused:
        pytest.fail(str(error), pytrace=False)
