"""Landmarks: distances from a few far-off cells, which bound every distance between two others (ALT; Goldberg & Harrelson 2005).

By the triangle inequality the cost between two cells is at least the difference of their costs to any third. Landmarks are chosen
farthest-point: each next one is the cell whose cheapest landmark is dearest to reach. A distance is kept as a whole number of ``unit``
rounded down, 16 bits for each cell and landmark, and a bound gives back the one unit that rounding may have taken, so it stays a bound.

Costs that rise (a rock seen, a keep-out) make ways dearer and leave every bound true; a cost that falls does not, and is refused.
"""

from __future__ import annotations

import hashlib
import os
import weakref
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

from .errors import CostError, SavedStateError
from .grid_queue import BucketQueue
from .search_grid import Cancel, SearchGrid, Watch, ready
from .sweep_field import sweep

COUNT: Final = 16  # landmarks: 32 bytes a cell
MOST: Final = 256
UNREACHED: Final = 65535
SPARE: Final = 1.02  # largest distance that 16 bits hold, over the largest from the first landmark; what is farther counts as that far
GIVE: Final = 1.0 - 1e-9  # of a unit: covers the rounding of the sums


class Landmarks:
    """Distances from ``count`` landmarks over a grid, ready to bound searches on it, or on the same ground grown dearer.

    ``cells`` int32 [K, 2]: (row, col) of the landmarks. ``nbytes``: memory of all arrays.
    """

    def __init__(
        self, grid: SearchGrid, tables: NDArray[np.uint16], cells: NDArray[np.int32], unit: float, corner_cutting: bool
    ) -> None:
        self.tables: NDArray[np.uint16] = tables  # [cells of the padded grid, K]
        self.cells: NDArray[np.int32] = cells
        self.unit: float = unit
        self.corner_cutting: bool = corner_cutting
        self._grid = grid
        self._allowed: weakref.WeakSet[SearchGrid] = weakref.WeakSet([grid])

    @property
    def nbytes(self) -> int:
        """Memory of the tables and of the costs they were built for [bytes]."""
        return int(self.tables.nbytes + self._grid.flat.nbytes)

    @classmethod
    def build(
        cls,
        cost: NDArray[np.float32] | SearchGrid,
        count: int = COUNT,
        corner_cutting: bool = True,
        *,
        cancel: Cancel | None = None,
        budget_s: float | None = None,
    ) -> Landmarks:
        """Choose and measure landmarks: ``count`` fields and 2 bytes a cell and landmark.

        Those built with ``corner_cutting`` serve searches with and without it. Raises `CostError` for a grid that cannot be searched
        or a ``count`` outside 1..256, `PlanInterrupted` when stopped.
        """
        if not 1 <= count <= MOST:
            raise CostError(f"count: {count} landmarks; allowed: 1 to {MOST}.")
        grid = ready(cost)
        watch = Watch(cancel, budget_s)
        tables = np.full((grid.flat.size, count), UNREACHED, np.uint16)
        cells = np.zeros((count, 2), np.int32)
        here = _on_the_mainland(grid)
        if here < 0:
            return cls(grid, tables, cells, 1.0, corner_cutting)
        best, queue = np.empty(grid.flat.size), BucketQueue()

        def measure(at: int) -> None:
            best.fill(np.inf)
            sweep(grid, best, queue, np.array([at]), corner_cutting, watch)

        measure(here)
        nearest, unit = np.full(grid.flat.size, np.inf), 1.0
        for k in range(count):
            here = _farthest(best if k == 0 else nearest)
            measure(here)
            if k == 0:
                unit = SPARE * _largest(best) / (UNREACHED - 1) or 1.0
            _note(best, 1.0 / unit, tables, k, nearest)
            cells[k] = here // grid.width - 1, here % grid.width - 1
        return cls(grid, tables, cells, unit * GIVE, corner_cutting)

    def check(self, grid: SearchGrid, corner_cutting: bool = True) -> None:
        """Raise `CostError` unless the bounds hold on ``grid``: the same shape, no cell cheaper, no diagonal they do not know."""
        if corner_cutting and not self.corner_cutting:
            raise CostError(
                "landmarks: built for ways that cut no corners, they do not bound ways that do. Build them with corner_cutting=True."
            )
        if grid in self._allowed:
            return
        if grid.shape != self._grid.shape:
            raise CostError(f"landmarks: built for a grid of {self._grid.shape}, not {grid.shape}. Build them anew.")
        fell = grid.padded < self._grid.padded
        if fell.any():
            row, col = (int(i) - 1 for i in np.argwhere(fell)[0])
            raise CostError(
                f"landmarks: cell {(row, col)} costs {grid.cost[row, col]:g}, less than the {self._grid.cost[row, col]:g} they were "
                f"built for ({int(fell.sum())} such cells); their bounds hold only while costs rise. Build them anew."
            )
        self._allowed.add(grid)

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return everything as arrays, to be saved."""
        rows, cols = self._grid.shape
        tables = self.tables.reshape(rows + 2, cols + 2, -1)[1:-1, 1:-1]
        return {
            "cost": self._grid.cost.copy(),
            "tables": tables.copy(),
            "cells": self.cells.copy(),
            "unit": np.array(self.unit),
            "corner_cutting": np.array(self.corner_cutting),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> Landmarks:
        """Return landmarks saved by `to_arrays`.

        Raises `SavedStateError` where arrays are missing, of another shape or type, or hold distances that no grid of these costs has.
        """
        missing = [name for name in ("cost", "tables", "cells", "unit", "corner_cutting") if name not in arrays]
        if missing:
            raise SavedStateError(f"landmarks: no array {missing[0]!r} among {sorted(arrays)}.")
        cost, tables, cells = arrays["cost"], arrays["tables"], arrays["cells"]
        unit, cutting = arrays["unit"], arrays["corner_cutting"]
        fits = (
            cost.dtype == np.float32
            and tables.dtype == np.uint16
            and cells.dtype == np.int32
            and unit.dtype == np.float64
            and cutting.dtype == np.bool_
            and cost.ndim == 2
            and tables.ndim == 3
            and tables.shape[:2] == cost.shape
            and 1 <= tables.shape[2] <= MOST
            and cells.shape == (tables.shape[2], 2)
            and unit.shape == cutting.shape == ()
        )
        if not fits:
            shapes = {name: (str(array.dtype), array.shape) for name, array in sorted(arrays.items())}
            raise SavedStateError(f"landmarks: arrays that do not fit together: {shapes}.")
        if not (np.isfinite(float(unit)) and float(unit) > 0.0):
            raise SavedStateError(f"landmarks: unit {float(unit)}; must be above 0.")
        grid = SearchGrid(cast(NDArray[np.float32], cost))
        padded = np.full((*grid.padded.shape, tables.shape[2]), UNREACHED, np.uint16)
        padded[1:-1, 1:-1] = tables
        flat = padded.reshape(grid.flat.size, -1)
        worst = _worst_step(grid.flat, grid.width, flat, float(unit))
        if worst > 1.0:
            raise SavedStateError(
                f"landmarks: distances of two neighbours differ by {worst:.3g} steps; they are not of these costs."
            )
        return cls(grid, flat, cast(NDArray[np.int32], cells).copy(), float(unit), bool(cutting))


def kept_landmarks(
    folder: Path, cost: NDArray[np.float32] | SearchGrid, count: int = COUNT, corner_cutting: bool = True
) -> Landmarks:
    """Return the landmarks of a grid from ``folder``, or build them and keep them there, beside a site, under a name made of the costs.

    Raises `CostError` as `Landmarks.build` does. A damaged file is built anew.
    """
    grid = ready(cost)
    digest = hashlib.sha256(f"{grid.shape} {count} {corner_cutting}".encode() + grid.cost.tobytes()).hexdigest()[:16]
    path = Path(folder) / f"landmarks-{digest}.npz"
    if path.exists():
        try:
            with np.load(path, allow_pickle=False) as arrays:
                found = Landmarks.from_arrays(dict(arrays))
            found.check(grid, corner_cutting)
            return found
        except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, SavedStateError, CostError):
            path.unlink(missing_ok=True)
    built = Landmarks.build(grid, count, corner_cutting)
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(f".{os.getpid()}.part.npz")
    np.savez(half, allow_pickle=False, **cast(dict[str, Any], built.to_arrays()))
    half.replace(path)
    return built


def _on_the_mainland(grid: SearchGrid) -> int:
    """Return a cell of the largest passable area, -1 if nothing is passable."""
    from scipy import ndimage

    areas, count = cast(tuple[NDArray[np.int32], int], ndimage.label(grid.padded < np.inf, np.ones((3, 3))))
    if count == 0:
        return -1
    sizes = np.bincount(areas.reshape(-1))
    sizes[0] = 0
    return int(np.argmax(areas.reshape(-1) == int(np.argmax(sizes))))


@kernel
def _farthest(distance: NDArray[np.float64]) -> int:
    """Return the cell of the largest finite distance."""
    which, most = 0, -1.0
    for at in range(distance.size):
        if most < distance[at] < np.inf:
            which, most = at, distance[at]
    return which


@kernel
def _largest(distance: NDArray[np.float64]) -> float:
    """Return the largest finite distance."""
    return float(distance[_farthest(distance)])


@kernel
def _note(
    distance: NDArray[np.float64], per_unit: float, tables: NDArray[np.uint16], k: int, nearest: NDArray[np.float64]
) -> None:
    """Write the distances of landmark ``k`` into the tables, rounded down, and lower those to the nearest landmark."""
    for at in range(distance.size):
        if distance[at] < np.inf:
            tables[at, k] = np.uint16(min(distance[at] * per_unit, 65534.0))
            nearest[at] = min(nearest[at], distance[at])


@kernel
def _worst_step(flat: NDArray[np.float32], width: int, tables: NDArray[np.uint16], unit: float) -> float:
    """Return the largest bound between two passable neighbours in a row or column over the cost of the step (1 is allowed)."""
    worst = 0.0
    for at in range(width, flat.size - width):
        if not flat[at] < np.inf:
            continue
        for to in (at + 1, at + width):
            step = 0.5 * (np.float64(flat[at]) + np.float64(flat[to]))
            if step < np.inf:
                for k in range(tables.shape[1]):
                    bound = unit * (abs(np.int64(tables[at, k]) - np.int64(tables[to, k])) - 1)
                    if bound > step * (1.0 + 1e-9):
                        worst = max(worst, bound / step if step > 0.0 else np.inf)
    return worst
