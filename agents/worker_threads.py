"""Worlds spread over threads that last: making threads anew for every step would cost more than a short step."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import lru_cache

TINY = 512  # [robot-ticks] less work than this is done at once, by who asks


@lru_cache(maxsize=8)
def _pool(threads: int, process: int) -> ThreadPoolExecutor:
    """Return the pool of so many helpers; ``process`` because a forked child has none of its parent's threads."""
    return ThreadPoolExecutor(threads, thread_name_prefix="moonfleet-worlds")


def spread(work: Callable[[int, int], object], count: int, threads: int, weight: int) -> None:
    """Call ``work(start, end)`` for chunks of ``0..count`` in ``threads`` threads, the last of them in this one.

    ``weight`` is how much there is to do in all [robot-ticks or the like]; below `TINY` it is done here. Chunks must not touch each other,
    and `work` should spend its time outside the interpreter lock. Raises what a chunk raised, once all are done.
    """
    parts = min(threads, count)
    if parts <= 1 or weight < TINY:
        work(0, count)
        return
    edges = [count * k // parts for k in range(parts + 1)]
    pool = _pool(threads - 1, os.getpid())
    others = [pool.submit(work, edges[k], edges[k + 1]) for k in range(parts - 1)]
    try:
        work(edges[-2], edges[-1])
    finally:
        wait(others)
    for other in others:
        other.result()
