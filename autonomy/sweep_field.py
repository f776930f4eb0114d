"""Dijkstra over a whole grid, or until some cells are known: what fields, matrices and landmarks are made with."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from .errors import PlanInterrupted
from .grid_queue import EXPANDED, LOWEST, BucketQueue
from .search_grid import PIECE, SearchGrid, Watch
from .search_kernels import EMPTY, FULL, field_run

DIAL_PART: Final = 0.999  # a bucket narrower than the cheapest step needs no order


def sweep(
    grid: SearchGrid,
    best: NDArray[np.float64],
    queue: BucketQueue,
    sources: NDArray[np.int64],
    corner_cutting: bool,
    watch: Watch,
    wanted: NDArray[np.int64] | None = None,
) -> None:
    """Label all cells of ``best`` (flat, inf before) with the cost to the cheapest source, in cells, or until those ``wanted`` are final.

    Raises `PlanInterrupted` when the watch stops it.
    """
    width = grid.bucket_width(DIAL_PART)
    ordered = width > grid.cheapest
    best[sources] = 0.0
    queue.start(0.0, np.unique(sources))
    while not watch.stops():
        answer = field_run(
            grid.flat, grid.width, 1.0 / width, ordered, corner_cutting, best, queue.head, queue.key, queue.item,
            queue.after, queue.heap_key, queue.heap_item, queue.numbers, PIECE,
        )  # fmt: skip
        if answer == EMPTY or (wanted is not None and best[wanted].max() < float(queue.numbers[LOWEST] - 1) * width):
            return
        if answer == FULL:
            queue.grow()
    raise PlanInterrupted(
        f"the search was stopped after {int(queue.numbers[EXPANDED])} cells: {watch.why}. Give it more time (budget_s), or larger cells."
    )
