"""What the searches work on: a cost grid made ready once, and the labels a thread keeps from one search to the next."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, Protocol, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moonfleet.terrain.kernel import kernel

from .errors import CostError, GoalBlocked, GoalOutside, PlanError, PlanInterrupted, StartBlocked
from .grid_queue import BucketQueue
from .search_kernels import TILE, wipe

MAX_CELLS: Final = 2**31 - 2**20  # cells are told apart by int32
SAMPLED: Final = 64  # rows and columns whose mean cost sets the width of a bucket (a matter of speed only)
PIECE: Final = 1 << 15  # expansions between two looks at the clock, some milliseconds


class Event(Protocol):
    """Something that says whether it was set, as `threading.Event` does."""

    def is_set(self) -> bool:
        """Return True once it was set."""
        ...


Cancel = Callable[[], bool] | Event


class SearchGrid:
    """A cost grid ready to be searched many times: a copy with an impassable rim, its cheapest and its usual cost.

    ``cost``: float [R, C], cost per metre, 0 or more; inf, -inf, NaN and masked cells are impassable. Whoever asks for many paths on
    one grid makes it once and gives it in place of the array. Raises `CostError` for a grid that cannot be searched.
    """

    def __init__(self, cost: NDArray[np.floating]) -> None:
        cost = plain_numbers(cost, "cost grid")
        if cost.ndim != 2 or cost.size == 0:
            raise CostError(f"cost grid: shape {cost.shape}; must be [R, C] with at least one cell.")
        rows, cols = cost.shape
        if (rows + 2) * (cols + 2) > MAX_CELLS:
            raise CostError(
                f"cost grid: shape {cost.shape}; up to {MAX_CELLS} cells can be searched. Use larger cells."
            )
        self.shape: tuple[int, int] = (rows, cols)
        self.width: int = cols + 2
        padded = np.empty((rows + 2, cols + 2), np.float32)
        padded[[0, -1]] = np.inf
        padded[:, [0, -1]] = np.inf
        padded[1:-1, 1:-1] = cost
        self.padded: NDArray[np.float32] = padded
        self.flat: NDArray[np.float32] = padded.reshape(-1)
        lowest = float(padded.min())
        if not lowest > -np.inf:  # NaN or -inf somewhere
            lowest = _close(self.flat)
        if lowest < 0.0:
            raise CostError(
                f"cost grid: cheapest cell {lowest}; costs per metre must be 0 or more, inf for impassable."
            )
        self.cheapest: float = lowest if lowest < np.inf else 0.0
        few = padded[1 : -1 : max(rows // SAMPLED, 1), 1 : -1 : max(cols // SAMPLED, 1)]
        few = few[few < np.inf]
        self.usual: float = float(few.mean(dtype=np.float64)) if few.size else 1.0

    @property
    def cost(self) -> NDArray[np.float32]:
        """The costs, float32 [R, C], inf where impassable."""
        return self.padded[1:-1, 1:-1]

    def index(self, row: int, col: int) -> int:
        """Return the flat index of a cell."""
        return (row + 1) * self.width + col + 1

    def bucket_width(self, part: float) -> float:
        """Return ``part`` of the cheapest step, but never so little that most buckets would be empty."""
        width = max(part * self.cheapest, self.usual / 4096.0)
        return width if width > 0.0 else 1.0

    def check_start(self, cell: tuple[int, int]) -> None:
        """Raise `StartBlocked` unless a way may begin there."""
        self._check_cell(cell, StartBlocked, StartBlocked, "start")

    def check_goal(self, cell: tuple[int, int]) -> None:
        """Raise `GoalOutside` or `GoalBlocked` unless a way may end there."""
        self._check_cell(cell, GoalOutside, GoalBlocked, "goal")

    def _check_cell(self, cell: tuple[int, int], outside: type[PlanError], blocked: type[PlanError], what: str) -> None:
        rows, cols = self.shape
        row, col = cell
        if not (0 <= row < rows and 0 <= col < cols):
            raise outside(f"{what} cell {cell} is not on the grid; rows are 0..{rows - 1}, columns 0..{cols - 1}.")
        if not self.cost[row, col] < np.inf:
            free = nearest_free(self.cost, row, col)
            hint = f"the nearest passable cell is {free}" if free else "no passable cell lies within 25 cells"
            raise blocked(f"{what} cell {cell} is impassable ground; {hint}.")


def plain_numbers(layer: ArrayLike, what: str) -> NDArray[np.floating]:
    """Return a layer of numbers without a mask, NaN where it was masked; raises `CostError` for what are no real numbers."""
    array = np.asanyarray(layer)
    if array.dtype.kind not in "fiub":
        raise CostError(f"{what}: numbers of type {array.dtype}; must be real, float32 by preference.")
    if isinstance(array, np.ma.MaskedArray):
        kept = cast("np.ma.MaskedArray[tuple[int, ...], np.dtype[np.float64]]", array.astype(np.float64))
        return kept.filled(np.nan)
    return np.asarray(array)


def check_cell_m(cell_m: float) -> None:
    """Raise `CostError` unless this can be the size of a cell [m]."""
    if not 0.0 < cell_m < np.inf:
        raise CostError(f"cell_m: {cell_m}; must be finite and above 0.")


def whole_cells(cells_rc: ArrayLike, what: str) -> NDArray[np.int64]:
    """Return one (row, col) or many as int64 [n, 2]; raises `CostError` for what are no pairs of whole numbers."""
    try:
        cells = np.asarray(cells_rc)
    except ValueError:  # tuples of different lengths
        cells = np.empty(0, dtype=object)
    pairs = cells.size == 0 or cells.shape[-1:] == (2,)
    if not (cells.dtype.kind in "iuf" and pairs and bool((np.abs(cells) < 2.0**31).all() and (cells % 1 == 0).all())):
        raise CostError(
            f"{what} cell: {cells_rc!r}; must be (row, col), two whole numbers, or an array of such, [n, 2]."
        )
    return cells.astype(np.int64).reshape(-1, 2)


def one_cell(cell_rc: ArrayLike, what: str) -> tuple[int, int]:
    """Return a (row, col); raises `CostError` for anything else."""
    cells = whole_cells(cell_rc, what)
    if len(cells) != 1:
        raise CostError(f"{what} cell: {cell_rc!r}; must be one (row, col).")
    return int(cells[0, 0]), int(cells[0, 1])


def ready(cost: NDArray[np.floating] | SearchGrid) -> SearchGrid:
    """Return the grid made ready, or as it is if it was."""
    return cost if isinstance(cost, SearchGrid) else SearchGrid(cost)


def nearest_free(cost: NDArray[np.float32], row: int, col: int, reach: int = 25) -> tuple[int, int] | None:
    """Return the passable cell nearest to (row, col) within ``reach`` cells, None if there is none."""
    r0, c0 = max(row - reach, 0), max(col - reach, 0)
    near = np.isfinite(cost[r0 : max(row + reach + 1, 0), c0 : max(col + reach + 1, 0)])
    at = np.argwhere(near)
    if at.size == 0:
        return None
    best = int(np.argmin((at[:, 0] + r0 - row) ** 2 + (at[:, 1] + c0 - col) ** 2))
    return int(at[best, 0]) + r0, int(at[best, 1]) + c0


@kernel
def _close(flat: NDArray[np.float32]) -> float:
    """Turn NaN and -inf into inf in place; return the smallest finite value, inf if there is none."""
    low = np.inf
    for i in range(flat.size):
        value = flat[i]
        if np.isfinite(value):
            low = min(low, np.float64(value))
        else:
            flat[i] = np.inf
    return low


class Labels:
    """Labels of a grid of ``size`` cells and a queue; clean (inf, 0) whenever no search is under way."""

    def __init__(self, size: int) -> None:
        self.best: NDArray[np.float64] = np.full(size, np.inf)
        self.came: NDArray[np.uint8] = np.zeros(size, np.uint8)
        self.tiles: NDArray[np.uint8] = np.zeros((size >> TILE) + 1, np.uint8)
        self.queue = BucketQueue()

    def wipe(self, width: int) -> None:
        """Undo a search. It costs what the search touched, not what the grid has."""
        wipe(self.best, self.came, self.tiles, width)


_kept = threading.local()


def borrow_labels(size: int) -> Labels:
    """Return clean labels: those this thread gave back last if they fit, else new ones."""
    labels: Labels | None = getattr(_kept, "labels", None)
    _kept.labels = None  # a search begun inside a search (by what is asked whether to stop) makes its own
    return labels if labels is not None and labels.best.size == size else Labels(size)


def give_back(labels: Labels, width: int) -> None:
    """Wipe labels and keep them for this thread's next search."""
    labels.wipe(width)
    _kept.labels = labels


class Watch:
    """Says when a search must stop: it was cancelled, or its time is up."""

    def __init__(self, cancel: Cancel | None, budget_s: float | None) -> None:
        if budget_s is not None and not budget_s >= 0.0:
            raise PlanInterrupted(f"budget_s: {budget_s}; must be 0 or more seconds, or None for as long as it takes.")
        self._cancelled = None if cancel is None else cancel if callable(cancel) else cancel.is_set
        self._until = None if budget_s is None else time.monotonic() + budget_s
        self.why = ""

    def stops(self) -> bool:
        """Return True when it is time to stop; `why` then says why."""
        if self._cancelled is not None and self._cancelled():
            self.why = "it was cancelled"
        elif self._until is not None and time.monotonic() >= self._until:
            self.why = "its time was up"
        return bool(self.why)
