"""A device whose streams get on only when they are told."""

import pytest

from fencepost.streams.device import Device
from fencepost.streams.policies import HostWaits, WhenTold


@pytest.fixture
def policy():
    made = WhenTold()
    made.free = False
    return made


def test_a_host_that_asks_again_and_again_makes_nothing_run(policy: WhenTold):
    device = Device(policy)
    stream, event, ran = device.stream(), device.event(), []
    device.submit(stream, "kernel", run=lambda: ran.append(1))
    device.record(event, stream)
    assert not any(device.query(event) for _ in range(20))
    assert not ran
    policy.told = stream
    while device.go_on():
        pass
    assert ran
    assert device.query(event)


def test_a_host_that_waits_for_what_is_not_told_hears_of_it(policy: WhenTold):
    device = Device(policy)
    stream = device.stream()
    device.submit(stream, "kernel")
    with pytest.raises(HostWaits):
        device.synchronize()
    policy.free = True
    device.synchronize()


def test_a_wait_of_a_stream_is_in_nobodys_way(policy: WhenTold):
    device = Device(policy)
    stream, other, event = device.stream(), device.stream(), device.event()
    device.record(event, other)
    device.wait(stream, event)
    device.synchronize(stream)
