"""The parts of a partition that need no hypervisor around them."""

import hashlib
import threading

import pytest

from ivmweb.hypervisor.base import Definition
from ivmweb.hypervisor.simulated.digest import CHUNK_BYTES, ImageDigest
from ivmweb.hypervisor.simulated.memory import PAGE_BYTES, Memory, runs
from ivmweb.hypervisor.simulated.workload import Counters, Workload, after_beat

DEFINITION = Definition(2, "c0ffee00-0000-4000-8000-000000000002", "uli13lp1", 4, 0.2, 2)


@pytest.fixture
def memory():
    memory = Memory(4)
    memory.fill()
    memory.take_dirty()
    return memory


def page(memory, number):
    return bytes(memory.view[number * PAGE_BYTES : (number + 1) * PAGE_BYTES])


def test_all_pages_differ_after_boot_and_after_writes(memory):
    contents = {page(memory, number) for number in range(memory.pages)}
    memory.write(10, 200, stamp=1)
    memory.write(10, 200, stamp=2)
    contents |= {page(memory, number) for number in range(10, 210)}
    assert len(contents) == memory.pages + 200


def test_write_marks_exactly_its_pages_and_counts_them(memory):
    memory.write(100, 3, stamp=1)
    memory.write(101, 1, stamp=2)
    memory.write_bytes(7 * PAGE_BYTES + 8, b"x")
    assert memory.dirty_pages() == 4
    assert list(runs(memory.take_dirty())) == [(7, 1), (100, 3)]
    assert list(memory.generations[99:104]) == [1, 2, 3, 2, 1]
    assert memory.dirty_pages() == 0


def test_generation_starts_again_at_one_not_at_never_written(memory):
    memory.generations[5] = 0xFFFFFFFF
    memory.write(5, 1, stamp=1)
    assert memory.generations[5] == 1


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ([], []),
        ([0], [(0, 1)]),
        ([1023], [(1023, 1)]),
        ([1, 2, 4], [(1, 2), (4, 1)]),
        (range(256), [(0, 256)]),
        (range(257), [(0, 256), (256, 1)]),
        (range(1024), [(0, 256), (256, 256), (512, 256), (768, 256)]),
    ],
)
def test_runs_cover_the_marked_pages_in_pieces(marked, expected):
    dirty = bytearray(1024)
    for number in marked:
        dirty[number] = 1
    assert list(runs(dirty)) == expected


def test_digest_is_of_the_moment_whatever_is_written_meanwhile(memory):
    """The rival writes to every chunk between two steps of the hashing: ahead of it, behind it, and where it is."""
    expected = hashlib.sha256(memory.view).hexdigest()
    digest = memory.start_digest()
    take, turns = digest._take, iter(range(10**6))

    def take_while_writing(chunk):
        for first in range(0, memory.pages, 64):
            memory.write(first + chunk % 64, 1, stamp=next(turns))
        return take(chunk)

    digest._take = take_while_writing
    assert digest.compute() == expected != hashlib.sha256(memory.view).hexdigest()


def test_digest_is_right_under_a_running_workload(memory):
    expected = hashlib.sha256(memory.view).hexdigest()
    digests = [memory.start_digest(), memory.start_digest()]
    workload = Workload(memory, DEFINITION, "7998-61X*100390A", None)
    workload.bytes_per_s = 10**9
    workload.start()
    while memory.dirty_pages() < memory.pages // 2:
        threading.Event().wait(0.001)
    assert [digest.compute() for digest in digests] == [expected, expected]
    workload.stop()


def test_chunk_is_saved_once_and_only_while_it_is_needed():
    image = memoryview(bytearray(4 * CHUNK_BYTES))
    digest = ImageDigest(image)
    digest._take(0)
    for _ in range(2):
        digest.before_write(CHUNK_BYTES - 1, 2 * CHUNK_BYTES + 1)
        image[CHUNK_BYTES] = 1
    assert list(digest._saved) == [1, 2]
    assert digest.compute() == hashlib.sha256(bytes(4 * CHUNK_BYTES)).hexdigest()
    assert not digest._saved


def test_stopped_workload_writes_nothing_and_goes_on_where_it_was(memory):
    workload = Workload(memory, DEFINITION, "7998-61X*100390A", None)
    workload.boot()
    workload.bytes_per_s = 10**8
    for _ in range(20):
        workload.start()
        before = workload.counters().heartbeat
        while workload.counters().heartbeat < before + 2:
            threading.Event().wait(0.001)
        workload.stop()
        memory.take_dirty()
        counters = workload.counters()
        threading.Event().wait(0.02)
        assert (memory.dirty_pages(), workload.counters()) == (0, counters)


def test_beat_after_a_suspension_counts_it_as_a_gap():
    counters = Counters(heartbeat=7, last_beat=1000.0, longest_gap_ms=12.0, writes=5)
    after = after_beat(counters, 1000.5, pages=3)
    assert after == Counters(heartbeat=8, last_beat=1000.5, longest_gap_ms=500.0, writes=8)
    assert after_beat(after, 900.0, 0).longest_gap_ms == 500.0, "a clock that went back makes no gap"
    assert after_beat(Counters(), 1000.0, 0).longest_gap_ms == 0.0, "nor does the first beat"
