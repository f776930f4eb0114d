"""What a robot believes about fine hazards: rocks it has seen, merged over views, and the ground to keep out of.

Detections that fall on a known rock move it (mean weighted by how often each was seen) and add to its confidence in log-odds; the rest
become new rocks. The order of the views decides ties, so the same views in the same order give the same belief.

How far a keep-out reaches beyond a rock follows from what is not known of the rock: its place, its size, and how far the robot's
own dead reckoning has drifted since it was last seen.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple, cast

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.special import ndtr

from .errors import SavedStateError

if TYPE_CHECKING:
    from shapely import Polygon

    from .rocks_seen import Detections

Floats = NDArray[np.float64]

_FIELDS = ("x", "y", "diameter_m", "height_m", "log_odds", "count", "seen_at_m")
_GROWN: Final = 1.0 / math.cos(math.pi / 16.0)  # [-] a 16-gon of this circumradius holds the unit circle
_TURNS: Final = -np.arange(17) * (math.pi / 8.0)
_STEP_M: Final = 0.05  # [m] keep-outs grow in steps, so that few are made anew at each leg
UNSEEN_M2: Final = 0.005  # [1/m2] rocks as high as 0.2 m on ground of 2-4 % cover
MOST_LOOKS: Final = 4.0  # [-] looks that err apart: further ones look from where others did
RARER: Final = 3.0  # [-] rocks per unit of ln(size) fall as size^-3 about the step (Golombek & Rapp 1997, cover 2-8 %)


class Doubts(NamedTuple):
    """How sure a robot is of rocks, and from when on it keeps away from one. All zero: what is told is true."""

    step_m: float = 0.0  # height that the wheels take
    min_chance: float = 0.0  # rocks that are less likely a hazard make no keep-out
    height_sigma: float = 0.0  # of the logarithm of the height told
    height_bias: float = 0.0  # mean logarithm of told over true height, of rocks as high as the step
    height_slope: float = 1.0  # of the logarithm of the told height on that of the true one
    rarer: float = RARER  # rocks that are seen, per unit of ln(height), fall with this power of the height
    height_again: float = 1.0  # correlation of the errors of one rock's height in two looks
    size_sigma: float = 0.0  # of the logarithm of the diameter told
    place_sigma_m: float = 0.0  # of each coordinate of a rock
    drift: float = 0.0  # of the robot's own pose, per metre driven since the rock was seen


class Belief:
    """Rocks one robot knows of. Fields are read-only views float64 [n]: ``x y diameter_m height_m log_odds count seen_at_m``.

    Parameters
    ----------
    merge_m : detections nearer than this, or than half the bigger diameter, are one rock [m].
    min_diameter_m : smaller rocks make no keep-out [m].
    min_confidence : less certain rocks make no keep-out [-].
    doubts : how sure the eye and the wheels are.
    """

    def __init__(
        self,
        merge_m: float = 0.5,
        min_diameter_m: float = 0.25,
        min_confidence: float = 0.5,
        doubts: Doubts | None = None,
    ) -> None:
        self.merge_m = merge_m
        self.min_diameter_m = min_diameter_m
        self.min_confidence = min_confidence
        self.doubts = Doubts() if doubts is None else doubts
        self.odometer_m = 0.0
        self._n = 0
        self._table: Floats = np.zeros((len(_FIELDS), 64))
        self._polygons: NDArray[np.object_] = np.full(64, None, dtype=object)  # keep-outs already made
        self._radius: Floats = np.zeros(64)  # their radius, 0 where stale
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
    def height_m(self) -> Floats:
        """Rock heights [m]."""
        return self._column("height_m")

    @property
    def seen_at_m(self) -> Floats:
        """What the odometer said when each was last seen [m]."""
        return self._column("seen_at_m")

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

    def hazard(self, at: NDArray[np.int64]) -> Floats:
        """Return the chance that each of some rocks is one, and higher than the wheels take.

        Told heights follow the true ones by a power law (an eye that is not sure keeps to the middle) with a lognormal error; the mean
        of n looks is off by less, as far as their errors differ. That smaller rocks are more frequent pulls the guess down (Bayes).
        """
        chance = 1.0 / (1.0 + np.exp(-self.log_odds[at]))
        doubts = self.doubts
        if doubts.step_m <= 0.0:
            return chance
        own = doubts.height_again + (1.0 - doubts.height_again) / np.minimum(self.count[at], MOST_LOOKS)
        sigma = np.maximum(doubts.height_sigma * np.sqrt(own) / doubts.height_slope, 1e-3)
        told = np.log(np.maximum(self.height_m[at], 1e-3) / doubts.step_m)
        over_step = (told - doubts.height_bias) / doubts.height_slope - doubts.rarer * sigma**2
        return chance * np.asarray(ndtr(over_step / sigma))

    def sigma_m(self, at: NDArray[np.int64]) -> Floats:
        """Return how uncertain the place of each of some rocks is, relative to the robot [m]."""
        age = np.maximum(self.odometer_m - self.seen_at_m[at], 0.0)
        return np.hypot(self.doubts.place_sigma_m, self.doubts.drift * age)

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
        weight = table[5, at]
        told = (seen.x, seen.y, seen.diameter_m, seen.height_m)
        for row, value in enumerate(told):
            table[row, at] = (table[row, at] * weight + value[known]) / (weight + 1.0)
        table[4, at] = np.clip(table[4, at] + odds[known], -8.0, 8.0)
        table[5, at] = weight + 1.0
        table[6, at] = self.odometer_m
        self._radius[at] = 0.0
        fresh = np.flatnonzero(~known)
        first = self._n
        self._grow(first + fresh.size)
        table = self._table
        for row, value in enumerate((*told, odds)):
            table[row, first : first + fresh.size] = value[fresh]
        table[5, first : first + fresh.size] = 1.0
        table[6, first : first + fresh.size] = self.odometer_m
        self._n = first + fresh.size
        self._widest = max(self._widest, float(seen.diameter_m.max()))
        return np.arange(first, self._n)

    def doubt(self, indexes: NDArray[np.int64], log_odds: float | Floats = -0.5) -> None:
        """Lower the evidence of rocks that a view should have shown but did not."""
        self._table[4, indexes] = np.clip(self._table[4, indexes] + log_odds, -8.0, 8.0)

    def near(self, x: float, y: float, radius_m: float) -> NDArray[np.int64]:
        """Return the indexes of believed rocks (big and certain enough) whose rim is within ``radius_m`` of (x, y)."""
        at = self.within(x, y, radius_m)
        certain = self.log_odds[at] >= math.log(self.min_confidence / (1.0 - self.min_confidence))
        at = at[certain & (self.diameter_m[at] >= self.min_diameter_m)]
        if self.doubts.min_chance > 0.0:
            at = at[self.hazard(at) >= self.doubts.min_chance]
        return at

    def within(self, x: float, y: float, radius_m: float) -> NDArray[np.int64]:
        """Return the indexes of all rocks whose rim is within ``radius_m`` of (x, y), however small or doubtful."""
        if self._n == 0:
            return np.empty(0, dtype=np.int64)
        box = radius_m + 0.5 * self._widest
        at = np.flatnonzero(np.abs(self.x - x) <= box)
        at = at[np.abs(self.y[at] - y) <= box]
        return at[np.hypot(self.x[at] - x, self.y[at] - y) - 0.5 * self.diameter_m[at] <= radius_m]

    def keepouts_near(
        self, x: float, y: float, radius_m: float, clearance_m: float, sigmas: float = 2.0
    ) -> list[Polygon]:
        """Return 16-gons that hold each near rock's circle widened by ``clearance_m`` (all of it, not just the corners).

        Rock and clearance grow by ``sigmas`` standard deviations of what is not known of size and place, but not to where finding the
        rock is less likely than finding one on ground never seen. Rocks are those of `near` whose place is known that well at all.
        """
        at = self.near(x, y, radius_m)
        if at.size == 0:
            return []
        sigma = np.maximum(self.sigma_m(at), 1e-6)
        # the middle of the normal law of its place, over the ground's own density
        over = np.log(np.maximum(self.hazard(at), 1e-12) / (2.0 * math.pi * sigma**2 * UNSEEN_M2))
        at, sigma, over = at[over > 0.0], sigma[over > 0.0], over[over > 0.0]
        doubtful = np.minimum(sigmas, np.sqrt(2.0 * over)) * sigma
        half = 0.5 * self.diameter_m[at] * (1.0 + sigmas * self.doubts.size_sigma)
        radius = half + clearance_m + np.ceil(doubtful / _STEP_M - 1e-9) * _STEP_M
        stale = self._radius[at] != radius
        if stale.any():
            which = at[stale]
            corner = radius[stale][:, None] * _GROWN
            rings = np.empty((which.size, 17, 2))
            rings[:, :, 0] = self.x[which][:, None] + corner * np.cos(_TURNS)
            rings[:, :, 1] = self.y[which][:, None] + corner * np.sin(_TURNS)
            rings[:, 16] = rings[:, 0]
            self._polygons[which] = shapely.polygons(rings)
            self._radius[which] = radius[stale]
        return cast("list[Polygon]", self._polygons[at].tolist())

    def to_arrays(self) -> dict[str, NDArray[np.float64]]:
        """Return all state as plain arrays (see `from_arrays`)."""
        rules = np.array([self.merge_m, self.min_diameter_m, self.min_confidence, self.odometer_m, *self.doubts])
        return {"rules": rules, "rocks": self._table[:, : self._n].copy()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.float64]]) -> Belief:
        """Return the belief that `to_arrays` wrote; raises `SavedStateError` if it is not one."""
        missing = [name for name in ("rules", "rocks") if name not in arrays]
        if missing:
            raise SavedStateError(f"belief: array {missing[0]!r} is missing; found {sorted(arrays)}.")
        rules, rocks = arrays["rules"], arrays["rocks"]
        size = 4 + len(Doubts._fields)
        if rules.shape != (size,) or rocks.ndim != 2 or rocks.shape[0] != len(_FIELDS):
            raise SavedStateError(
                f"belief: rules {rules.shape} and rocks {rocks.shape}; expected ({size},) and ({len(_FIELDS)}, n)."
            )
        merge_m, min_diameter_m, min_confidence, odometer_m, *doubts = rules.tolist()
        belief = cls(merge_m, min_diameter_m, min_confidence, Doubts(*doubts))
        belief.odometer_m = odometer_m
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
            radius = np.zeros(wider.shape[1])
            radius[: self._n] = self._radius[: self._n]
            self._radius = radius

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
