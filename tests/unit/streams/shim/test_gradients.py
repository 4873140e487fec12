"""A backward pass is refused where CUDA would run it on other streams, and only there."""

from __future__ import annotations

import threading

import pytest
import torch

from fencepost.core.errors import InputError
from fencepost.streams.virtual import virtual_cuda


@pytest.fixture(params=["in-order", "random", "newest-first"])
def device(request):
    with virtual_cuda(policy=request.param) as made:
        yield made


def test_backward_over_several_streams_is_refused(device):
    x = torch.ones(2, device="cuda", requires_grad=True)
    with torch.cuda.stream(torch.cuda.Stream()):
        y = (x * 2).sum()
    with pytest.raises(InputError, match="several streams") as raised:
        y.backward()
    assert raised.value.code == "F226"


def test_streams_of_a_graph_that_was_never_gone_through_say_nothing(device):
    x = torch.ones(2, device="cuda", requires_grad=True)
    with torch.cuda.stream(torch.cuda.Stream()):
        (x * 2).sum()
    torch.cuda.synchronize()
    (x * 3).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_a_backward_pass_of_one_graph_leaves_the_streams_of_another(device):
    x = torch.ones(2, device="cuda", requires_grad=True)
    with torch.cuda.stream(torch.cuda.Stream()):
        y = (x * 2).sum()
    torch.cuda.synchronize()
    (x * 3).sum().backward()
    with pytest.raises(InputError, match="several streams"):
        y.backward()


def test_the_stream_of_a_comparison_is_no_stream_of_the_operator_before_it(device):
    x = torch.ones(2, device="cuda", requires_grad=True)
    y = x * 2
    torch.cuda.synchronize()
    with torch.cuda.stream(torch.cuda.Stream()):
        assert (y > 0).all()
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_a_graph_that_another_thread_made(device):
    x = torch.ones(2, device="cuda", requires_grad=True)
    made = []

    def forward():
        with torch.cuda.stream(torch.cuda.Stream()):
            made.append((x * 2).sum())

    z = (x * 3).sum() + (x * 4).sum()  # nodes that this thread numbers as that one does
    thread = threading.Thread(target=forward)
    thread.start()
    thread.join()
    with pytest.raises(InputError, match="several streams"):
        made[0].backward()
    del z


def test_a_thread_that_comes_after_another(device):
    """Numbers begin anew, perhaps under the same identity."""
    x = torch.ones(2, device="cuda", requires_grad=True)
    side, refused = torch.cuda.Stream(), []

    def first():
        a = x * 2
        with torch.cuda.stream(side):
            b = x * 3
        torch.cuda.synchronize()
        (a.sum() + 1).detach(), b.detach()

    def second():
        with torch.cuda.stream(side):
            y = (x * 2).sum()
        torch.cuda.synchronize()
        try:
            y.backward()
        except InputError as error:
            refused.append(error.code)

    for work in (first, second):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert refused == ["F226"]


def test_operators_of_the_host_run_on_no_stream(device):
    x = torch.ones(2, requires_grad=True)
    with torch.cuda.stream(torch.cuda.Stream()):
        y = x * 2
    (y.cuda() * 3).sum().backward()
    assert x.grad.tolist() == [6.0, 6.0]


def test_a_pass_to_some_inputs_meets_the_nodes_on_the_way_to_them(device):
    x = torch.ones(2, device="cuda", requires_grad=True)
    w = torch.ones(2, device="cuda", requires_grad=True)
    torch.cuda.synchronize()
    with torch.cuda.stream(torch.cuda.Stream()):
        y = x * 2
    torch.cuda.synchronize()
    z = (y * w).sum()
    (of_y,) = torch.autograd.grad(z, y, retain_graph=True)
    of_w, of_y_again = torch.autograd.grad(z, (w, y), retain_graph=True)
    z.backward(inputs=[w], retain_graph=True)
    assert of_y.tolist() == of_y_again.tolist() == [1.0, 1.0]
    assert of_w.tolist() == w.grad.tolist() == [2.0, 2.0]
    for refused in (
        lambda: torch.autograd.grad(z, x, retain_graph=True),
        lambda: torch.autograd.grad(z, (w, x), retain_graph=True),
        lambda: z.backward(inputs=[y], retain_graph=True),  # torch performs its node, too
        lambda: z.backward(retain_graph=True),
    ):
        with pytest.raises(InputError, match="several streams"):
            refused()


def test_an_input_that_the_graph_does_not_have(device):
    x = torch.ones(2, device="cuda", requires_grad=True)
    torch.cuda.synchronize()
    with torch.cuda.stream(torch.cuda.Stream()):
        y = (x * 2).sum()
    elsewhere = torch.ones(2, device="cuda", requires_grad=True)
    assert torch.autograd.grad(y, elsewhere, allow_unused=True) == (None,)


class TestEdges:
    """`GradientEdge` in place of an output, as torch's pipelines use it to free what they sent."""

    def test_a_gradient_goes_into_an_edge(self, device):
        x = torch.ones(2, device="cuda", requires_grad=True)
        y = x * 3
        edge = torch.autograd.graph.get_gradient_edge(y)
        given = torch.full((2,), 2.0, device="cuda")
        (found,) = torch.autograd.grad(edge, x, given, retain_graph=True)
        assert (found.is_cuda, found.tolist()) == (True, [6.0, 6.0])
        del y
        torch.autograd.backward([edge], [given])
        assert (x.grad.is_cuda, x.grad.tolist()) == (True, [6.0, 6.0])

    def test_the_gradient_of_a_scalar_is_made_on_the_device(self, device):
        x = torch.ones(2, device="cuda", requires_grad=True)
        edge = torch.autograd.graph.get_gradient_edge((x * 3).sum())
        (found,) = torch.autograd.grad(edge, x)
        assert (found.is_cuda, found.tolist()) == (True, [3.0, 3.0])

    def test_an_edge_of_a_leaf(self, device):
        x = torch.ones((), device="cuda", requires_grad=True)
        torch.autograd.backward([torch.autograd.graph.get_gradient_edge(x)])
        assert (x.grad.is_cuda, x.grad.item()) == (True, 1.0)

    def test_an_edge_of_the_host(self, device):
        x = torch.ones(2, requires_grad=True)
        edge = torch.autograd.graph.get_gradient_edge((x * 3).sum())
        (found,) = torch.autograd.grad(edge, x)
        assert (found.is_cuda, found.tolist()) == (False, [3.0, 3.0])

    def test_an_edge_of_another_stream(self, device):
        x = torch.ones(2, device="cuda", requires_grad=True)
        with torch.cuda.stream(torch.cuda.Stream()):
            edge = torch.autograd.graph.get_gradient_edge((x * 3).sum())
        with pytest.raises(InputError, match="several streams"):
            torch.autograd.grad(edge, x, torch.ones((), device="cuda"))

    def test_the_sizes_of_a_gradient_are_checked(self, device):
        x = torch.ones(2, device="cuda", requires_grad=True)
        edge = torch.autograd.graph.get_gradient_edge(x * 3)
        with pytest.raises(RuntimeError, match="implicitly created only for scalar"):
            torch.autograd.grad(edge, x)
