"""Worlds spread over threads that last: making threads anew for every step would cost more than a short step."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from queue import SimpleQueue

TINY = 512  # [robot-ticks] less work than this is done at once, by who asks

Work = Callable[[int, int], object]
Done = SimpleQueue[BaseException | None]


class _Crew:
    """Threads that wait for chunks of work, as many as were ever asked for at once."""

    def __init__(self) -> None:
        self.chunks: SimpleQueue[tuple[Work, int, int, Done]] = SimpleQueue()
        self._helpers = 0
        self._growing = threading.Lock()

    def grow(self, helpers: int) -> None:
        """See that there are so many threads."""
        if self._helpers >= helpers:
            return
        with self._growing:
            while self._helpers < helpers:
                threading.Thread(target=self._serve, name="moonfleet-worlds", daemon=True).start()
                self._helpers += 1

    def _serve(self) -> None:
        while True:
            work, start, end, done = self.chunks.get()
            try:
                work(start, end)
            except BaseException as error:
                done.put(error)
            else:
                done.put(None)
            del work, done  # while it waits it keeps no one's arrays alive


_crew = _Crew()


def _forget() -> None:
    """Begin with a new crew: a forked child has none of its parent's threads."""
    global _crew
    _crew = _Crew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def spread(work: Work, count: int, threads: int, weight: int) -> None:
    """Call ``work(start, end)`` for chunks of ``0..count`` in ``threads`` threads, the last of them in this one.

    ``weight`` is how much there is to do in all [robot-ticks or the like]; below `TINY` it is done here. Chunks must not touch each other,
    and `work` should spend its time outside the interpreter lock. Raises what a chunk raised, once all are done.
    """
    parts = min(threads, count)
    if parts <= 1 or weight < TINY:
        work(0, count)
        return
    edges = [count * k // parts for k in range(parts + 1)]
    crew, done = _crew, Done()
    crew.grow(parts - 1)
    for k in range(parts - 1):
        crew.chunks.put((work, edges[k], edges[k + 1], done))
    try:
        work(edges[-2], edges[-1])
    finally:
        errors = [done.get() for _ in range(parts - 1)]
    for error in errors:
        if error is not None:
            raise error
