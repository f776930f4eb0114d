"""How many threads this process may use."""

from __future__ import annotations

import os


def thread_count(threads: int | None = None) -> int:
    """Return ``threads``, at least 1; without it the cores of this process, or fewer where NUMBA_NUM_THREADS says so."""
    if threads is not None:
        return max(1, threads)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    wish = os.environ.get("NUMBA_NUM_THREADS", "")
    return max(1, min(cores, int(wish))) if wish.isdigit() else cores
