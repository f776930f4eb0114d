"""A robot's own map of fine hazards: what it saw, and how likely something it did not see still lies on each cell.

A hazard is a rock higher than the wheels take. Before anything was looked at, each cell holds one with the chance that the
orbital map's rock cover gives (size-frequency law of `moonfleet.terrain.rocks`). A look multiplies the odds of what was seen and
found empty by P(miss | height, range, light) (`eyesight`), added up as log-odds in a sparse grid of tiles (occupancy grids: Moravec
and Elfes 1985). Rocks that were seen are kept as rocks (`belief`), where they are sharper than any cell.

The map is relative to the robot. Dead reckoning drifts, so what was seen on a cell counts the less the farther the robot drove
since: evidence fades as ``exp(-s^2 / 2 c^2)`` with the drift s [m] over the cell c. Visual odometry on Mars erred by 1-2 % of the
way (Maimone, Cheng and Matthies 2007).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel
from moonfleet.terrain.rocks import LARGEST_M, rock_density

from .belief import Belief
from .errors import SavedStateError
from .eyesight import LEAST_MISS

if TYPE_CHECKING:
    from moonfleet.terrain.grid import GeoRef

    from .eyesight import Eyesight, Look

Floats = NDArray[np.float64]

CELL_M: Final = 0.5  # [m]
SIDE: Final = 16  # [cells] of a tile
TILE_M: Final = CELL_M * SIDE
KEEP_M: Final = 40.0  # [m] tiles farther from the robot than this are dropped: what it knew there has faded
DRIFT: Final = 0.01  # [-] drift of visual odometry over way driven (Maimone et al. 2007: 1-2 %)
NEAR_M: Final = 0.2  # [m] detections so near a rock, beyond its radius, are of it (as where eyes are measured)
LEAST_STEP_M: Final = 0.02  # [m] wheels that take less are taken for these: the prior has no end there
MOST: Final = 9.0  # [-] evidence, as log-odds, that is never exceeded
# [-] heights of rocks over their diameters (Demidov & Basilevsky 2014: about a half): middles of the fifths of 0.35..0.75
_RATIO = (0.39, 0.47, 0.55, 0.63, 0.71)
_BANDS = (1.0, 1.25, 1.6, 2.2, 4.0)  # [-] hazards by height over the step that the wheels take


class Prior(NamedTuple):
    """What orbit tells of hazards: ``share`` [B] of them by height ``height_m`` [B], their mean radius [m]."""

    height_m: Floats
    share: Floats
    radius_m: float


@lru_cache(maxsize=256)
def hazards_per_m2(cover: float, step_m: float) -> float:
    """Return rocks higher than ``step_m`` per m2 where rocks cover the share ``cover`` of the ground.

    >>> hazards_per_m2(0.04, 0.2) > hazards_per_m2(0.04, 0.3) > hazards_per_m2(0.02, 0.3) > 0.0
    True
    """
    return sum(rock_density(cover, min(step_m / ratio, LARGEST_M)) for ratio in _RATIO) / len(_RATIO)


def prior_of(cover: float, step_m: float) -> Prior:
    """Return how the hazards of a rock cover are spread over heights."""
    edges = [step_m * band for band in _BANDS]
    more = np.array([*(hazards_per_m2(cover, edge) for edge in edges), 0.0])
    share = -np.diff(more) / max(more[0], 1e-12)
    middle = np.sqrt(np.array(edges) * np.array([*edges[1:], edges[-1] * 1.5]))
    return Prior(middle, share, float((share * middle).sum()) / (2.0 * 0.55))


class HazardMap:
    """The map of one robot.

    Parameters
    ----------
    belief : the rocks that it saw; its ``doubts`` hold the step that the wheels take, and the drift.
    sight : its eye's measured rates.
    ref, cover : orbital map of rock cover, float32 [R, C].
    lens_m : height of its lens [m]; lower eyes see as the measured one does farther away.
    """

    def __init__(
        self, belief: Belief, sight: Eyesight, ref: GeoRef, cover: NDArray[np.float32], lens_m: float = 1.5
    ) -> None:
        self.belief = belief
        self.sight = sight
        self._ref = ref
        self._slant = sight.lens_m / lens_m
        self._step_m = max(belief.doubts.step_m, LEAST_STEP_M)
        nodes = np.linspace(0.0, max(float(cover.max(initial=0.01)), 0.01), 33)
        density = np.array([hazards_per_m2(round(node, 6), self._step_m) for node in nodes.tolist()])
        self._density = np.interp(cover, nodes, density).astype(np.float32)
        self.prior = prior_of(round(float(np.mean(cover)), 4), self._step_m)
        self._slot: dict[tuple[int, int], int] = {}
        self._evidence: NDArray[np.float32] = np.zeros((16, SIDE, SIDE), np.float32)
        self._looked_m: Floats = np.zeros(16)

    # ---- taking in --------------------------------------------------------------------------------------------------

    def add(self, look: Look, lens_xy: tuple[float, float]) -> None:
        """Take in the ground that one look saw: where it shows no rock, one that was missed may still lie.

        Ground looked at before gains ``sight.again`` of a look: what hides a rock once tends to hide it twice.
        """
        for view in look.views:
            box = view.ref.bounds
            i0, j0 = math.floor(box[0] / TILE_M), math.floor(box[1] / TILE_M)
            i1, j1 = math.floor(box[2] / TILE_M) + 1, math.floor(box[3] / TILE_M) + 1
            rows, cols = (j1 - j0) * SIDE, (i1 - i0) * SIDE
            x0, y0 = i0 * TILE_M, j0 * TILE_M
            share = np.zeros((rows, cols))
            _share_seen(view.seen, float(view.ref.x_left), float(view.ref.y_top), view.ref.cell_m, x0, y0, share)
            row, col = np.nonzero(share)
            if row.size == 0:
                continue
            x, y = x0 + (col + 0.5) * CELL_M, y0 + (row + 0.5) * CELL_M
            range_m = np.hypot(x - lens_xy[0], y - lens_xy[1]) * self._slant
            miss = self.p_miss(range_m, view.light_el_deg)
            told = -np.log(1.0 - np.minimum(share[row, col], 1.0) * (1.0 - miss))
            tile_of = np.unique((row // SIDE) * 4096 + col // SIDE)
            for code in tile_of.tolist():
                j, i = divmod(code, 4096)
                slot = self._tile(i0 + i, j0 + j)
                inside = (row // SIDE == j) & (col // SIDE == i)
                cell = (slot, row[inside] % SIDE, col[inside] % SIDE)
                before = self._evidence[cell].astype(np.float64) * self._fading(slot)
                worth = np.where(before > 0.0, self.sight.again, 1.0) * told[inside]
                # a better look than the first counts in full, and the first as the further one
                both = np.maximum(before + worth, told[inside] + self.sight.again * np.minimum(before, told[inside]))
                self._evidence[cell] = np.minimum(both, MOST)
                self._fade(slot, cell)

    def forget(self, x: float, y: float) -> None:
        """Drop the tiles far from the robot."""
        far = [at for at in self._slot if math.hypot((at[0] + 0.5) * TILE_M - x, (at[1] + 0.5) * TILE_M - y) > KEEP_M]
        if not far:
            return
        for at in far:
            del self._slot[at]
        kept = sorted(self._slot)
        slots = [self._slot[at] for at in kept]
        room = max(16, 2 * len(kept))
        evidence, looked = np.zeros((room, SIDE, SIDE), np.float32), np.zeros(room)
        evidence[: len(kept)], looked[: len(kept)] = self._evidence[slots], self._looked_m[slots]
        self._evidence, self._looked_m = evidence, looked
        self._slot = {at: number for number, at in enumerate(kept)}

    def p_miss(self, range_m: Floats, light_el_deg: float) -> Floats:
        """Return the chance that a look misses a hazard at each range [m], over the heights that hazards have."""
        nodes = self.sight.range_m
        miss = self.sight.p_miss(self.prior.height_m[None, :], nodes[:, None], light_el_deg) @ self.prior.share
        return np.interp(range_m, nodes, np.maximum(miss, LEAST_MISS))

    # ---- asking -----------------------------------------------------------------------------------------------------

    def unseen(self, x0: float, y0: float, rows: int, cols: int) -> Floats:
        """Return hazards per cell that were not seen and still may be there, float64 [rows, cols].

        Cells of `CELL_M` m; row 0 lies at ``y0`` (lowest y first), column 0 at ``x0``, both multiples of `CELL_M` [m].
        """
        first = self.expected_before(x0, y0, rows, cols)
        chance = np.clip(-np.expm1(-first), 1e-9, 1.0 - 1e-9)
        odds = np.log(chance / (1.0 - chance)) - self.evidence(x0, y0, rows, cols)
        return np.log1p(np.exp(odds)) * (1.0 - self.taken(x0, y0, rows, cols))  # -ln(1 - p) of the log-odds

    def taken(self, x0: float, y0: float, rows: int, cols: int) -> Floats:
        """Return what part of each cell lies so near a seen rock that a hazard there is that rock, float64 [rows, cols] as `unseen`.

        The eye's table counts a rock as seen that has a detection as near as `NEAR_M` beyond its radius: what such a detection may
        be is told by its own chance of being a hazard. As evidence does, it fades with drift.
        """
        belief = self.belief
        reach = 0.5 * math.hypot(rows, cols) * CELL_M + NEAR_M + self.prior.radius_m
        at = belief.within(x0 + 0.5 * cols * CELL_M, y0 + 0.5 * rows * CELL_M, reach)
        out = np.zeros((rows, cols))
        if at.size:
            drift = belief.doubts.drift * np.maximum(belief.odometer_m - belief.seen_at_m[at], 0.0)
            weight = np.exp(-0.5 * (drift / CELL_M) ** 2) / (1.0 + np.exp(-belief.log_odds[at]))
            radius = NEAR_M + np.maximum(0.5 * belief.diameter_m[at], self.prior.radius_m)
            _take(out, x0, y0, belief.x[at], belief.y[at], radius, weight)
        return out

    def chance(self, x0: float, y0: float, rows: int, cols: int) -> Floats:
        """Return the chance that each cell holds the middle of a hazard, seen or not, float64 [rows, cols] as `unseen`."""
        expected = self.unseen(x0, y0, rows, cols)
        reach = 0.5 * math.hypot(rows, cols) * CELL_M + 2.0
        at = self.belief.within(x0 + 0.5 * cols * CELL_M, y0 + 0.5 * rows * CELL_M, reach)
        hazard, sigma = np.minimum(self.belief.hazard(at), 0.999), np.maximum(self.belief.sigma_m(at), 0.02)
        _spread(expected, x0, y0, self.belief.x[at], self.belief.y[at], sigma, -np.log1p(-hazard))
        return -np.expm1(-expected)

    def expected_before(self, x0: float, y0: float, rows: int, cols: int) -> Floats:
        """Return hazards per cell as orbit tells, before any look, float64 [rows, cols] as `unseen`."""
        x = x0 + (np.arange(cols, dtype=np.float64) + 0.5) * CELL_M
        y = y0 + (np.arange(rows, dtype=np.float64) + 0.5) * CELL_M
        col, row = self._ref.rowcol(x, np.zeros(cols))[1], self._ref.rowcol(np.zeros(rows), y)[0]
        i = np.clip(np.floor(row + 0.5), 0, self._density.shape[0] - 1).astype(np.int64)
        j = np.clip(np.floor(col + 0.5), 0, self._density.shape[1] - 1).astype(np.int64)
        return self._density[np.ix_(i, j)].astype(np.float64) * CELL_M**2

    def evidence(self, x0: float, y0: float, rows: int, cols: int) -> Floats:
        """Return the log-odds against an unseen hazard that looks have given, faded by drift, float64 [rows, cols] as `unseen`."""
        out = np.zeros((rows, cols))
        c0, r0 = round(x0 / CELL_M), round(y0 / CELL_M)
        for i in range(c0 // SIDE, (c0 + cols - 1) // SIDE + 1):
            for j in range(r0 // SIDE, (r0 + rows - 1) // SIDE + 1):
                slot = self._slot.get((i, j))
                if slot is None:
                    continue
                left, right = max(i * SIDE, c0), min((i + 1) * SIDE, c0 + cols)
                low, high = max(j * SIDE, r0), min((j + 1) * SIDE, r0 + rows)
                tile = self._evidence[slot, low - j * SIDE : high - j * SIDE, left - i * SIDE : right - i * SIDE]
                out[low - r0 : high - r0, left - c0 : right - c0] = tile * self._fading(slot)
        return out

    # ---- checkpoints ------------------------------------------------------------------------------------------------

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return what looks have told as plain arrays (see `take_up`); belief, eye and orbital map are not in it."""
        kept = sorted(self._slot)
        slots = [self._slot[at] for at in kept]
        return {
            "tiles": np.array(kept, dtype=np.int32).reshape(-1, 2),
            "evidence": self._evidence[slots].copy(),
            "looked_m": self._looked_m[slots].copy(),
        }

    def take_up(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        """Take up what `to_arrays` wrote; raises `SavedStateError` if it is not that."""
        missing = [name for name in ("tiles", "evidence", "looked_m") if name not in arrays]
        if missing:
            raise SavedStateError(f"hazard map: array {missing[0]!r} is missing; found {sorted(arrays)}.")
        tiles, evidence, looked = (np.asarray(arrays[name]) for name in ("tiles", "evidence", "looked_m"))
        count = len(tiles)
        if tiles.shape != (count, 2) or evidence.shape != (count, SIDE, SIDE) or looked.shape != (count,):
            raise SavedStateError(
                f"hazard map: tiles {tiles.shape}, evidence {evidence.shape}, looked_m {looked.shape}; expected (n, 2), "
                f"(n, {SIDE}, {SIDE}) and (n,)."
            )
        room = max(16, 2 * count)
        self._evidence, self._looked_m = np.zeros((room, SIDE, SIDE), np.float32), np.zeros(room)
        self._evidence[:count], self._looked_m[:count] = evidence, looked
        self._slot = {(int(i), int(j)): number for number, (i, j) in enumerate(tiles.tolist())}

    # ---- tiles ------------------------------------------------------------------------------------------------------

    def _tile(self, i: int, j: int) -> int:
        slot = self._slot.get((i, j))
        if slot is None:
            slot = len(self._slot)
            if slot == len(self._looked_m):
                self._evidence = np.concatenate([self._evidence, np.zeros_like(self._evidence)])
                self._looked_m = np.concatenate([self._looked_m, np.zeros_like(self._looked_m)])
            self._slot[(i, j)] = slot
            self._looked_m[slot] = self.belief.odometer_m
        return slot

    def _fading(self, slot: int) -> float:
        """Return what is left of a tile's evidence, 0..1."""
        drift = self.belief.doubts.drift * max(self.belief.odometer_m - float(self._looked_m[slot]), 0.0)
        return math.exp(-0.5 * (drift / CELL_M) ** 2)

    def _fade(self, slot: int, fresh: tuple[int, NDArray[np.int64], NDArray[np.int64]]) -> None:
        """Let the tile's old evidence fade, all but the fresh cells, and count its age from now."""
        new = self._evidence[fresh].copy()
        self._evidence[slot] *= np.float32(self._fading(slot))
        self._evidence[fresh] = new
        self._looked_m[slot] = self.belief.odometer_m


@kernel
def _share_seen(
    seen: NDArray[np.bool_], x_left: float, y_top: float, cell_m: float, x0: float, y0: float, share: Floats
) -> None:
    """Add to ``share`` [R, C] (cells of `CELL_M`, lowest y first) what part of each cell a picture saw."""
    rows, cols = share.shape
    part = min((cell_m / CELL_M) ** 2, 1.0)
    for r in range(seen.shape[0]):
        i = int(math.floor((y_top - (r + 0.5) * cell_m - y0) / CELL_M))
        for c in range(seen.shape[1]):
            if seen[r, c]:
                j = int(math.floor((x_left + (c + 0.5) * cell_m - x0) / CELL_M))
                if i >= 0 and j >= 0 and i < rows and j < cols:
                    share[i, j] += part


@kernel
def _take(taken: Floats, x0: float, y0: float, x: Floats, y: Floats, radius: Floats, weight: Floats) -> None:
    """Raise ``taken`` [R, C] to ``weight`` times the part of each cell that lies within ``radius`` of a place."""
    rows, cols = taken.shape
    for k in range(len(x)):
        wide = radius[k] + 0.5 * CELL_M
        for i in range(max(0, int((y[k] - wide - y0) / CELL_M)), min(rows, int((y[k] + wide - y0) / CELL_M) + 1)):
            dy = y0 + (i + 0.5) * CELL_M - y[k]
            for j in range(max(0, int((x[k] - wide - x0) / CELL_M)), min(cols, int((x[k] + wide - x0) / CELL_M) + 1)):
                dx = x0 + (j + 0.5) * CELL_M - x[k]
                part = min(max((radius[k] - math.sqrt(dx * dx + dy * dy)) / CELL_M + 0.5, 0.0), 1.0)
                taken[i, j] = max(taken[i, j], part * weight[k])


@kernel
def _spread(expected: Floats, x0: float, y0: float, x: Floats, y: Floats, sigma: Floats, weight: Floats) -> None:
    """Add seen hazards to ``expected`` [R, C], each spread over a normal distribution around its place."""
    rows, cols = expected.shape
    for k in range(len(x)):
        scale = 1.0 / (sigma[k] * math.sqrt(2.0))
        reach = 4.0 * sigma[k]
        for i in range(
            max(0, int((y[k] - reach - y0) / CELL_M)), min(rows, int(math.floor((y[k] + reach - y0) / CELL_M)) + 1)
        ):
            low = y0 + i * CELL_M - y[k]
            tall = 0.5 * (math.erf((low + CELL_M) * scale) - math.erf(low * scale))
            for j in range(
                max(0, int((x[k] - reach - x0) / CELL_M)), min(cols, int(math.floor((x[k] + reach - x0) / CELL_M)) + 1)
            ):
                left = x0 + j * CELL_M - x[k]
                wide = 0.5 * (math.erf((left + CELL_M) * scale) - math.erf(left * scale))
                expected[i, j] += weight[k] * tall * wide
