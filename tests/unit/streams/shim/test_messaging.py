"""One-sided writes of tensors and messages between hosts, under torch."""

from __future__ import annotations

import threading

import pytest
import torch

from fencepost.core.errors import InputError
from fencepost.streams.policies import InOrder
from fencepost.streams.virtual import current_device, virtual_cuda
from reference_impl.adapters.virtual import LandsWhenTold


@pytest.fixture
def device():
    """A device on which no write lands before it is told to."""
    with virtual_cuda(policy=LandsWhenTold(InOrder())) as made:
        yield made


def pair():
    source, target = torch.ones(4, device="cuda"), torch.zeros(4, device="cuda")
    torch.cuda.synchronize()
    return source, target


def kinds(device):
    return [finding.edge.kind for finding in device.audit().findings]


class TestPost:
    def test_the_bytes_come_when_it_lands_and_not_before(self, device):
        source, target = pair()
        write = device.post(device.nic(), [(source, target)])
        torch.cuda.synchronize()
        assert device.peek(target).tolist() == [0.0] * 4
        device.land(write)
        assert write.landed
        assert device.peek(target).tolist() == [1.0] * 4

    def test_no_synchronisation_waits_for_it(self, device):
        source, target = pair()
        device.post(device.nic(), [(source, target)])
        torch.cuda.synchronize()
        target.sum().item()
        assert kinds(device) == ["poll"]

    def test_landing_orders_nothing(self, device):
        source, target = pair()
        device.land(device.post(device.nic(), [(source, target)]))
        target.sum().item()
        assert kinds(device) == ["poll"]

    @pytest.mark.parametrize("how", ["complete", "poll"])
    def test_a_completion_that_is_seen_is_an_edge(self, device, how):
        source, target = pair()
        write = device.post(device.nic(), [(source, target)])
        if how == "complete":
            device.complete(write)
        else:
            assert not device.poll(write)
            device.land(write)
            assert device.poll(write)
        assert target.sum().item() == 4
        source.zero_()
        assert kinds(device) == []

    def test_a_poll_that_says_no_is_none(self, device):
        source, target = pair()
        write = device.post(device.nic(), [(source, target)])
        assert not device.poll(write)
        target.sum().item()
        assert kinds(device) == ["poll"]

    def test_what_the_stream_still_computes_may_not_be_sent(self, device):
        source, target = pair()
        source.add_(1)
        device.complete(device.post(device.nic(), [(source, target)]))
        torch.cuda.synchronize()
        (finding,) = device.audit().findings
        assert (finding.kind, finding.edge.kind) == ("read after write", "synchronize")

    def test_the_source_may_not_be_freed_before_the_completion(self, device):
        source, target = pair()
        write = device.post(device.nic(), [(source, target)])
        del source
        device.complete(write)
        assert kinds(device) == ["poll"]
        assert device.audit().findings[0].second.name == "free"

    def test_memory_of_the_host_is_watched_from_the_post_on(self, device):
        _, target = pair()
        host = torch.ones(4)
        device.post(device.nic(), [(host, target)])
        host.zero_()
        assert kinds(device) == ["poll"]

    def test_it_is_replayed(self, device):
        source, target = pair()
        device.post(device.nic(), [(source, target)])
        target.sum().item()
        assert device.audit().findings[0].severity == "confirmed"

    def test_writes_of_one_queue_land_in_order_and_of_two_in_any(self, device):
        source, target = pair()
        one, other = device.nic(), device.nic()
        first = device.post(one, [(source, target)])
        second = device.post(one, [(source, target)])
        third = device.post(other, [(source, target)])
        device.land(third)
        assert not first.landed
        device.land(second)
        assert first.landed
        assert kinds(device) == ["poll"]  # of the third with the others

    @pytest.mark.parametrize(
        "regions",
        [
            lambda x: (x, x[:2].clone()),
            lambda x: (x, x.double()),
            lambda x: (x[::2], torch.zeros(2)),
        ],
        ids=["sizes", "types", "gaps"],
    )
    def test_what_does_not_fit_is_refused(self, device, regions):
        x = torch.ones(4, device="cuda")
        with pytest.raises(InputError) as raised:
            device.post(device.nic(), [regions(x)])
        assert raised.value.code == "F228"
        assert raised.value.at.file == __file__

    def test_a_stream_is_no_nic(self, device):
        source, target = pair()
        with pytest.raises(InputError, match="F204"):
            device.post(torch.cuda.Stream().native, [(source, target)])

    def test_the_place_of_a_write_is_the_program_s(self, device):
        source, target = pair()
        device.post(device.nic(), [(source, target)])
        target.sum().item()
        assert device.audit().findings[0].first.site.file == __file__


class TestRevoke:
    def test_what_has_not_landed_changes_nothing(self, device):
        source, target = pair()
        write = device.post(device.nic(), [(source, target)])
        device.revoke(write)
        assert device.peek(target).tolist() == [0.0] * 4
        target.fill_(2)
        assert kinds(device) == []

    def test_what_has_landed_stays(self, device):
        source, target = pair()
        write = device.post(device.nic(), [(source, target)])
        device.land(write)
        device.revoke(write)
        assert device.peek(target).tolist() == [1.0] * 4

    def test_until_then_it_may_have_landed(self, device):
        source, target = pair()
        write = device.post(device.nic(), [(source, target)])
        target.sum()
        device.revoke(write)
        assert kinds(device) == ["poll"]


class TestBounce:
    def test_what_has_not_landed_changes_nothing_and_is_not_over(self, device):
        source, target = pair()
        write = device.post(device.nic(), [(source, target)])
        device.bounce(write)
        assert not write.landed
        device.complete(write)
        assert write.landed
        assert device.peek(target).tolist() == [0.0] * 4

    def test_it_orders_nothing(self, device):
        source, target = pair()
        write = device.post(device.nic(), [(source, target)])
        device.bounce(write)
        target.sum()
        assert kinds(device) == ["poll"]


class TestMessages:
    def test_two_hosts_in_one_thread(self, device):
        host = torch.zeros(4).pin_memory()
        with device.acting("prefill"):
            host.fill_(1)
            message = device.send()
        with device.acting("decode"):
            host.sum()
            assert len(device.audit().findings) == 1
            device.receive(message)
            host.add_(1)
            host.sum()
        assert len(device.audit().findings) == 1
        assert device.audit().hosts == 3

    def test_a_name_is_one_host(self, device):
        host = torch.zeros(4).pin_memory()
        for _ in range(2):
            with device.acting("prefill"):
                host.fill_(1)
        assert device.audit().clean

    @pytest.mark.parametrize("received", [False, True])
    def test_a_token_arrives_with_the_write(self, device, received):
        source, target = pair()
        with device.acting("prefill"):
            write = device.post(device.nic(), [(source, target)], notify=True)
        with device.acting("decode"):
            assert not device.arrived(write.token)
            device.land(write)
            assert device.arrived(write.token)
            if received:
                device.receive(write.token)
            target.sum()
        assert device.audit().clean == received

    def test_a_token_is_waited_for(self, device):
        source, target = pair()
        write = device.post(device.nic(), [(source, target)], notify=True)
        device.receive(write.token)
        assert device.peek(target).tolist() == [1.0] * 4

    @pytest.mark.parametrize("sent", [False, True])
    def test_threads_that_pass_a_value_in_a_way_that_nobody_sees(self, device, sent):
        host, passed = torch.zeros(4).pin_memory(), []

        def produce():
            host.fill_(1)
            passed.append(device.send())

        thread = threading.Thread(target=produce)
        thread.start()
        while not passed:
            pass
        if sent:
            device.receive(passed[0])
        host.sum()
        assert device.audit().clean == sent
        thread.join()


class TestCurrentDevice:
    def test_it_is_the_one_that_is_entered(self, device):
        assert current_device() is device

    def test_there_is_none_outside(self):
        with pytest.raises(InputError) as raised:
            current_device()
        assert (raised.value.code, raised.value.at.file) == ("F229", __file__)
