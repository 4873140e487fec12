"""Programs of known kinds: found in one run under every policy, and their twins are clean."""

from __future__ import annotations

import pytest
import torch

from fencepost.streams.virtual import virtual_cuda
from tests.gpu.programs import PROGRAMS, Program

POLICIES = ("in-order", "random", "newest-first")
EVERY_POLICY = (*POLICIES, "eager")


def run(program: Program, policy: str, *, fixed: bool):
    with virtual_cuda(policy=policy, seed=3) as device:
        result = program.body(fixed, lambda: torch.cuda._sleep(1000))
    return device.audit(), result


@pytest.mark.parametrize("policy", EVERY_POLICY)
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.name)
def test_a_broken_program_is_found(program: Program, policy: str):
    report, _ = run(program, policy, fixed=False)
    assert report.findings
    assert all(f.first.site.file.endswith("programs.py") for f in report.findings)


@pytest.mark.parametrize("policy", EVERY_POLICY)
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.name)
def test_a_corrected_program_is_clean_and_right(program: Program, policy: str):
    report, result = run(program, policy, fixed=True)
    assert report.findings == ()
    assert result == program.right


def test_findings_do_not_depend_on_the_policy():
    for program in PROGRAMS:
        told = {policy: run(program, policy, fixed=False)[0].findings for policy in POLICIES[:1]}
        for policy in POLICIES[1:]:
            other = run(program, policy, fixed=False)[0].findings
            sites = {(f.first.site, f.second.site) for f in other}
            expected = {(f.first.site, f.second.site) for f in told["in-order"]}
            assert sites >= {s for s in expected if s[1].file.endswith("programs.py")}


def test_a_missing_wait_in_a_loop_is_one_finding():
    with virtual_cuda() as device:
        layers = [torch.zeros(64, device="cuda") for _ in range(60)]
        load, compute = torch.cuda.Stream(), torch.cuda.Stream()
        torch.cuda.synchronize()
        for layer in layers:
            with torch.cuda.stream(load):
                layer.fill_(1.0)
            with torch.cuda.stream(compute):
                layer.mul_(2.0)
        torch.cuda.synchronize()
        (finding,) = device.audit().findings
    assert len(finding.occurrences) == 60


def test_the_event_that_covers_it_is_named():
    with virtual_cuda() as device:
        x = torch.zeros(64, device="cuda")
        load, compute = torch.cuda.Stream(), torch.cuda.Stream()
        torch.cuda.synchronize()
        with torch.cuda.stream(load):
            x.fill_(1.0)
            load.record_event()
        with torch.cuda.stream(compute):
            x.sum()
        torch.cuda.synchronize()
        (finding,) = device.audit().findings
    line = finding.first.site.line + 1
    assert finding.edge.kind == "wait_event"
    assert finding.edge.text.startswith("stream 2.wait_event(event 0) before sum")
    assert finding.edge.text.endswith(f"test_programs.py:{line}")
    assert finding.edge.recorded.line == line
    assert finding.edge.checked


@pytest.mark.parametrize("policy", POLICIES[1:])
def test_a_broken_order_shows_as_a_wrong_value(policy: str):
    """At least one of the programs returns something wrong in each unfriendly order."""
    wrong = [p.name for p in PROGRAMS if run(p, policy, fixed=False)[1] != p.right]
    assert wrong
