"""Threads that last: every chunk once, what a chunk raises, and children that were forked."""

from __future__ import annotations

import os
import threading

import pytest

from moonfleet.agents.worker_threads import TINY, spread


@pytest.mark.parametrize(("count", "threads"), [(1, 3), (2, 3), (10, 1), (10, 3), (1000, 7)])
def test_every_index_is_done_once(count: int, threads: int) -> None:
    seen = [0] * count

    def work(start: int, end: int) -> None:
        for k in range(start, end):
            seen[k] += 1

    for _ in range(20):
        spread(work, count, threads, TINY)
    assert seen == [20] * count


def test_little_work_is_done_here_and_more_by_others_too() -> None:
    who: set[int] = set()
    meet = threading.Barrier(3, timeout=30.0)

    def work(start: int, end: int) -> None:
        who.add(threading.get_ident())

    def together(start: int, end: int) -> None:
        meet.wait()
        who.add(threading.get_ident())

    spread(work, 3, 3, TINY - 1)
    assert who == {threading.get_ident()}
    spread(together, 3, 3, TINY)
    assert len(who) == 3


@pytest.mark.parametrize("bad", [0, 1, 2])
def test_what_a_chunk_raises_is_raised_once_all_are_done(bad: int) -> None:
    done: list[int] = []

    def work(start: int, end: int) -> None:
        done.append(start)
        if start == bad:
            raise KeyError(start)

    with pytest.raises(KeyError, match=str(bad)):
        spread(work, 3, 3, TINY)
    assert sorted(done) == [0, 1, 2]
    spread(lambda start, end: done.append(start), 3, 3, TINY)  # and the threads are there still
    assert sorted(done) == [0, 0, 1, 1, 2, 2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_child_has_threads_of_its_own() -> None:
    spread(lambda start, end: None, 4, 2, TINY)
    child = os.fork()
    if child == 0:
        done: list[int] = []
        spread(lambda start, end: done.append(start), 4, 2, TINY)
        os._exit(0 if sorted(done) == [0, 2] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
