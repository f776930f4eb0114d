"""What a robot believes about fine hazards: rocks it has seen, merged over views, and the ground to keep out of.

Detections that fall on a known rock move it (mean weighted by how often each was seen) and add to its confidence in log-odds; the rest
become new rocks. The order of the views decides ties, so the same views in the same order give the same belief.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

import numpy as np
import shapely
from numpy.typing import NDArray

from .errors import SavedStateError

if TYPE_CHECKING:
    from shapely import Polygon

    from .rocks_seen import Detections

_FIELDS = ("x", "y", "diameter_m", "log_odds", "count")
_GROWN = 1.0 / math.cos(math.pi / 16.0)  # [-] a 16-gon of this circumradius holds the unit circle


class Belief:
    """Rocks one robot knows of. Fields are read-only views float64 [n]: ``x y diameter_m log_odds count``.

    Parameters
    ----------
    merge_m : detections nearer than this, or than half the bigger diameter, are one rock [m].
    min_diameter_m : smaller rocks make no keep-out [m].
    min_confidence : less certain rocks make no keep-out [-].
    """

    def __init__(self, merge_m: float = 0.5, min_diameter_m: float = 0.25, min_confidence: float = 0.5) -> None:
        self.merge_m = merge_m
        self.min_diameter_m = min_diameter_m
        self.min_confidence = min_confidence
        self._n = 0
        self._table: NDArray[np.float64] = np.zeros((len(_FIELDS), 64))
        self._polygons: NDArray[np.object_] = np.full(
            64, None, dtype=object
        )  # keep-outs already made, None where stale
        self._polygons_clearance = math.nan
        self._widest = 0.0  # [m] no rock was ever bigger

    def __len__(self) -> int:
        return self._n

    def _column(self, name: str) -> NDArray[np.float64]:
        view = self._table[_FIELDS.index(name), : self._n]
        view.flags.writeable = False
        return view

    @property
    def x(self) -> NDArray[np.float64]:
        """Rock centres, x [m]."""
        return self._column("x")

    @property
    def y(self) -> NDArray[np.float64]:
        """Rock centres, y [m]."""
        return self._column("y")

    @property
    def diameter_m(self) -> NDArray[np.float64]:
        """Rock diameters [m]."""
        return self._column("diameter_m")

    @property
    def log_odds(self) -> NDArray[np.float64]:
        """Evidence that each is a rock, ln(p / (1 - p)), within +-8."""
        return self._column("log_odds")

    @property
    def count(self) -> NDArray[np.float64]:
        """How often each was seen."""
        return self._column("count")

    @property
    def confidence(self) -> NDArray[np.float64]:
        """Probability that each is a rock."""
        return 1.0 / (1.0 + np.exp(-self.log_odds))

    def add(self, seen: Detections) -> NDArray[np.int64]:
        """Merge one view; return the sorted indexes of rocks that were not known before.

        Each known rock takes at most one detection of a view, nearest pairs first.
        """
        n = len(seen.x)
        if n == 0:
            return np.empty(0, dtype=np.int64)
        odds = np.clip(seen.confidence, 0.02, 0.98)
        odds = np.log(odds / (1.0 - odds))
        partner = self._partners(seen)
        table = self._table
        known = partner >= 0
        at = partner[known]
        weight = table[4, at]
        for row, value in ((0, seen.x), (1, seen.y), (2, seen.diameter_m)):
            table[row, at] = (table[row, at] * weight + value[known]) / (weight + 1.0)
        table[3, at] = np.clip(table[3, at] + odds[known], -8.0, 8.0)
        table[4, at] = weight + 1.0
        self._polygons[at] = None
        fresh = np.flatnonzero(~known)
        first = self._n
        self._grow(first + fresh.size)
        table = self._table
        for row, value in enumerate((seen.x, seen.y, seen.diameter_m, odds)):
            table[row, first : first + fresh.size] = value[fresh]
        table[4, first : first + fresh.size] = 1.0
        self._n = first + fresh.size
        self._widest = max(self._widest, float(seen.diameter_m.max()))
        return np.arange(first, self._n)

    def doubt(self, indexes: NDArray[np.int64], log_odds: float = -0.5) -> None:
        """Lower the evidence of rocks that a view should have shown but did not."""
        self._table[3, indexes] = np.clip(self._table[3, indexes] + log_odds, -8.0, 8.0)

    def near(self, x: float, y: float, radius_m: float) -> NDArray[np.int64]:
        """Return the indexes of believed rocks (big and certain enough) whose rim is within ``radius_m`` of (x, y)."""
        if self._n == 0:
            return np.empty(0, dtype=np.int64)
        box = radius_m + 0.5 * self._widest
        at = np.flatnonzero(np.abs(self.x - x) <= box)
        at = at[np.abs(self.y[at] - y) <= box]
        reach = np.hypot(self.x[at] - x, self.y[at] - y) - 0.5 * self.diameter_m[at]
        certain = self.log_odds[at] >= math.log(self.min_confidence / (1.0 - self.min_confidence))
        return at[(reach <= radius_m) & certain & (self.diameter_m[at] >= self.min_diameter_m)]

    def keepouts_near(self, x: float, y: float, radius_m: float, clearance_m: float) -> list[Polygon]:
        """Return 16-gons that hold each near rock's circle widened by ``clearance_m`` (all of it, not just the corners)."""
        at = self.near(x, y, radius_m)
        if at.size == 0:
            return []
        if clearance_m != self._polygons_clearance:
            self._polygons[:] = None
            self._polygons_clearance = clearance_m
        polygons = self._polygons[at]
        stale = at[polygons == None]  # noqa: E711 - elementwise
        if stale.size:
            radius = (0.5 * self.diameter_m[stale] + clearance_m) * _GROWN
            self._polygons[stale] = shapely.buffer(shapely.points(self.x[stale], self.y[stale]), radius, quad_segs=4)
            polygons = self._polygons[at]
        return cast("list[Polygon]", polygons.tolist())

    def to_arrays(self) -> dict[str, NDArray[np.float64]]:
        """Return all state as plain arrays (see `from_arrays`)."""
        rules = np.array([self.merge_m, self.min_diameter_m, self.min_confidence])
        return {"rules": rules, "rocks": self._table[:, : self._n].copy()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.float64]]) -> Belief:
        """Return the belief that `to_arrays` wrote; raises `SavedStateError` if it is not one."""
        missing = [name for name in ("rules", "rocks") if name not in arrays]
        if missing:
            raise SavedStateError(f"belief: array {missing[0]!r} is missing; found {sorted(arrays)}.")
        rules, rocks = arrays["rules"], arrays["rocks"]
        if rules.shape != (3,) or rocks.ndim != 2 or rocks.shape[0] != len(_FIELDS):
            raise SavedStateError(
                f"belief: rules {rules.shape} and rocks {rocks.shape}; expected (3,) and ({len(_FIELDS)}, n)."
            )
        belief = cls(float(rules[0]), float(rules[1]), float(rules[2]))
        belief._grow(rocks.shape[1])
        belief._table[:, : rocks.shape[1]] = rocks
        belief._n = rocks.shape[1]
        belief._widest = float(rocks[2].max(initial=0.0))
        return belief

    def _grow(self, size: int) -> None:
        capacity = self._table.shape[1]
        if size > capacity:
            wider = np.zeros((len(_FIELDS), max(size, 2 * capacity)))
            wider[:, : self._n] = self._table[:, : self._n]
            self._table = wider
            polygons = np.full(wider.shape[1], None, dtype=object)
            polygons[: self._n] = self._polygons[: self._n]
            self._polygons = polygons

    def _partners(self, seen: Detections) -> NDArray[np.int64]:
        """Return for each detection the known rock it is, -1 for none."""
        partner = np.full(len(seen.x), -1, dtype=np.int64)
        if self._n == 0:
            return partner
        margin = self.merge_m + max(float(seen.diameter_m.max()), self._widest)
        x, y = self.x, self.y
        close = np.flatnonzero(
            (x >= seen.x.min() - margin)
            & (x <= seen.x.max() + margin)
            & (y >= seen.y.min() - margin)
            & (y <= seen.y.max() + margin)
        )
        if close.size == 0:
            return partner
        gap = np.hypot(seen.x[:, None] - x[close][None, :], seen.y[:, None] - y[close][None, :])
        reach = np.maximum(seen.diameter_m[:, None], self.diameter_m[close][None, :]) * 0.5
        which, rock = np.nonzero(gap <= np.maximum(reach, self.merge_m))
        taken: set[int] = set()
        for i in np.lexsort((rock, which, gap[which, rock])).tolist():
            one, at = int(which[i]), int(close[rock[i]])
            if partner[one] < 0 and at not in taken:
                partner[one] = at
                taken.add(at)
        return partner
