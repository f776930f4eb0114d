"""Work in threads: how many there are, and a loop over independent pieces (the kernels release the interpreter lock)."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

Progress = Callable[[int, int], object]


def cores() -> int:
    """Return how many threads this process may run: its cores, or fewer where NUMBA_NUM_THREADS says so."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    wish = os.environ.get("NUMBA_NUM_THREADS", "")
    return max(1, min(count, int(wish))) if wish.isdigit() else count


def for_each(
    work: Callable[[int], object], pieces: int, threads: int | None = None, progress: Progress | None = None
) -> None:
    """Call ``work(0) .. work(pieces - 1)`` in ``threads`` threads (default: all cores); pieces must not touch each other.

    ``progress(done, pieces)`` is called from this thread, in order. The first error raised by a piece is raised here.

    >>> out = [0] * 4
    >>> for_each(lambda i: out.__setitem__(i, i * i), 4, threads=2)
    >>> out
    [0, 1, 4, 9]
    """
    with ThreadPoolExecutor(max(1, threads or cores())) as pool:
        for done, _ in enumerate(pool.map(work, range(pieces)), 1):
            if progress is not None:
                progress(done, pieces)
