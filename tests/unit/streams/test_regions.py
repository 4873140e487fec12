"""Regions and the shadow against plain sets of bytes."""

from __future__ import annotations

import random
import time
from itertools import product

from fencepost.streams import Bytes, Device, Region, strided, whole
from fencepost.streams.detect import races
from fencepost.streams.regions import overlap


def bytes_of(region: Region) -> set[int]:
    return {byte for start, stop in region.pieces() for byte in range(start, stop)}


def random_view(rng: random.Random) -> tuple[int, list[int], list[int], int]:
    """A start, a shape, strides in elements (zero, negative, overlapping) and an element's size."""
    dims = rng.randrange(4)
    shape = [rng.randrange(1, 5) for _ in range(dims)]
    strides = [rng.choice([0, 1, 1, 2, 3, 4, 6, 8, 12, -1, -2, -6]) for _ in range(dims)]
    return rng.randrange(60), shape, strides, rng.choice([1, 2, 4])


def elements(start: int, shape: list[int], strides: list[int], itemsize: int) -> set[int]:
    return {
        start + itemsize * sum(i * s for i, s in zip(place, strides, strict=True)) + byte
        for place in product(*map(range, shape))
        for byte in range(itemsize)
    }


def test_a_view_has_exactly_the_bytes_of_its_elements():
    rng = random.Random(1)
    for _ in range(3_000):
        view = random_view(rng)
        regions = strided(*view)
        assert set().union(*map(bytes_of, regions)) == elements(*view), view
        for region in regions:
            found = bytes_of(region)
            assert (min(found), max(found) + 1) == (region.start, region.stop), view


def test_an_empty_view_has_no_bytes():
    assert strided(0, [3, 0], [1, 1], 4) == ()


def test_two_regions_overlap_exactly_if_they_share_a_byte_within_bounds():
    rng = random.Random(2)
    met = 0
    for _ in range(20_000):
        a, b = (region for _ in range(2) for region in strided(*random_view(rng)))
        low = rng.randrange(-30, 60)
        high = low + rng.randrange(1, 80)
        shared = {byte for byte in bytes_of(a) & bytes_of(b) if low <= byte < high}
        found = overlap(a, b, low, high)
        assert (found is not None) == bool(shared), (a, b, low, high)
        if found is not None:
            assert set(range(*found)) <= shared, (a, b, low, high)
            met += 1
    assert 2_000 < met < 18_000


def test_columns_of_a_large_matrix_take_no_time():
    rows, pitch = 1_000_000, 4096
    (left,) = strided(0, [rows, 8], [pitch, 1], 4)
    (right,) = strided(32, [rows, 8], [pitch, 1], 4)
    (both,) = strided(28, [rows, 2], [pitch, 1], 4)
    began = time.perf_counter()
    for _ in range(100):
        assert overlap(left, right, 0, left.stop) is None
        assert overlap(left, both, 0, left.stop) == (28, 32)
    assert time.perf_counter() - began < 1


def racy_bytes(accesses: list[tuple[int, Bytes, bool]]) -> bool:
    """Whether two accesses of different streams, which nothing orders, conflict."""
    sets = [(s, set().union(*map(bytes_of, b.regions)), w) for s, b, w in accesses]
    return any(
        one != other and (w or v) and a & b
        for n, (one, a, w) in enumerate(sets)
        for other, b, v in sets[:n]
    )


def test_the_shadow_finds_a_conflict_exactly_if_bytes_are_shared():
    """With nothing that orders streams; many runs keep their region, few become intervals."""
    rng = random.Random(3)
    found = 0
    for _ in range(1_500):
        device = Device()
        streams = [device.stream() for _ in range(3)]
        accesses = []
        for _ in range(rng.randrange(2, 7)):
            if rng.random() < 0.5:
                regions = strided(rng.randrange(700), [rng.randrange(65, 90), 2], [8, 1], 1)
            else:
                regions = strided(*random_view(rng))
                regions = tuple(region.moved(rng.randrange(0, 900, 7)) for region in regions)
            stream, writes = rng.randrange(3), rng.random() < 0.5
            touched = Bytes(regions)
            accesses.append((stream, touched, writes))
            side = {"writes" if writes else "reads": [touched]}
            device.submit(streams[stream], "op", **side)
        assert bool(races(device.trace)) == racy_bytes(accesses), accesses
        found += racy_bytes(accesses)
    assert 200 < found < 1_300


def test_two_columns_do_not_conflict_and_a_row_conflicts_with_both():
    device = Device()
    one, other = device.stream("one"), device.stream("other")
    column = [Bytes(strided(at * 4, [1000, 1], [1000, 1], 4), f"column {at}") for at in (0, 1)]
    device.submit(one, "write", writes=[column[0]])
    device.submit(other, "write", writes=[column[1]])
    assert device.audit().clean
    device.submit(other, "read", reads=[whole(500 * 4000, 4000, "row")])
    (finding,) = device.audit().findings
    assert (finding.start, finding.stop) == (500 * 4000, 500 * 4000 + 4)
    assert (finding.first.label, finding.second.label) == ("column 0", "row")
