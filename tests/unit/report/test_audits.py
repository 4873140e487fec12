"""The report of an audit: every line that it may have, from devices and from made-up findings."""

from __future__ import annotations

from dataclasses import replace

from fencepost.core.errors import Location
from fencepost.report.audits import audit_as_json, audit_text
from fencepost.streams import Device, whole
from fencepost.streams.findings import Audit


def audited(readers: int = 1) -> Audit:
    """A write on one stream, and reads on another that do not wait for it."""
    device = Device()
    load, compute = device.stream("load"), device.stream("compute")
    block = device.allocate(64, load, "weights", site=Location("program.py", 3))
    here = [whole(block.start, 64, "weights")]
    device.submit(load, "copy", writes=here, site=Location("program.py", 5))
    for number in range(readers):
        device.submit(compute, "read", reads=here, site=Location("program.py", 7 + number))
    return device.audit()


def test_a_finding():
    assert audit_text(audited()) == (
        "finding 1, latent: read after write of 64 bytes that nothing orders\n"
        "  copy writes on load, at program.py:5\n"
        "  read reads on compute, at program.py:7\n"
        "  bytes:   0 to 64 of weights, allocated at program.py:3\n"
        "  missing: compute.wait_stream(load) before read (program.py:7)\n"
        "\n"
        "1 finding; 2 operations on 3 streams, on the path that this run took\n"
    )


def test_conflicts_that_the_same_edge_orders():
    text = audit_text(audited(readers=6))
    assert text.startswith("finding 1, ")
    assert "  it also orders 5 conflicts:\n    copy writes on load, at program.py:5\n" in text
    assert "    and read reads on compute, at program.py:10\n    and 2 more\n" in text
    assert "program.py:11" not in text


def test_one_byte_an_edge_that_is_not_enough_and_evidence():
    audit = audited()
    (finding,) = audit.findings
    changed = replace(
        finding,
        stop=1,
        block="",
        edge=replace(finding.edge, checked=False),
        evidence="read reads 01 as submitted, 00 the other way",
        severity="confirmed",
    )
    text = audit_text(replace(audit, findings=(changed,)))
    assert "finding 1, confirmed: read after write of 1 byte that nothing orders\n" in text
    assert "(program.py:7) (this alone does not order all of them)\n" in text
    assert "  replay:  read reads 01 as submitted, 00 the other way\n" in text
    assert "  bytes:   of weights\n" in text


def test_what_an_audit_does_not_cover():
    audit = replace(audited(), findings=(), choices=3, pending=1, hosts=2, unordered_calls=1)
    assert audit_text(audit, failed=True).startswith("until then everything that conflicts is")
    assert audit_text(audited(), failed=True).splitlines()[-1].startswith("until then 1 finding; ")
    assert audit_text(replace(audit, notes=("something besides",))).splitlines() == [
        (
            "everything that conflicts is ordered: 2 operations on 3 streams, on the path that "
            "this run took"
        ),
        (
            "3 queries, 1 of which found work pending: what the program does on another answer was "
            "not seen"
        ),
        "2 host threads: a value handed over in a plain variable orders nothing",
        "1 call of several threads on one stream or event: the order of this run is assumed",
        "something besides",
    ]


def test_json_holds_everything():
    audit = audited(readers=2)
    report = audit_as_json(audit, 2, "the program failed\n")
    assert (report["exit_code"], report["problem"]) == (2, "the program failed\n")
    (finding,) = report["findings"]
    assert finding["allocated"] == {"file": "program.py", "line": 3, "column": 0}
    assert [other["second"]["site"]["line"] for other in finding["consequences"]] == [8]
