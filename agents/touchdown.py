"""How a touchdown ends, judged by the true ground: tilt of the stance, rock under a leg, rock under the belly, speed.

The pads are stiff discs that rest on the highest ground below them, the legs are rigid, and the worst of the possible stances
(`autonomy.stance`) counts. Crushing struts (Apollo's honeycomb) would even out some of it: the judge is on the safe side.
"""

from __future__ import annotations

import math
from enum import Enum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.lander_limits import LanderLimits
from moonfleet.autonomy.stance import MOST, stances
from moonfleet.terrain.errors import SiteError
from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.kernel import kernel
from moonfleet.terrain.local_ground import LocalGround, rock_domes
from moonfleet.terrain.rocks import LARGEST_M

from .errors import SensorError

PLACES_CELL_M = 0.1  # [m] cells of the true ground that many places are judged on
JUDGE_CELL_M = 0.05  # [m] cells of the true ground that a touchdown is judged on

Floats = NDArray[np.float64]


class Outcome(Enum):
    """How a landing ended, the worst first."""

    OUT_OF_PROPELLANT = "out of propellant"
    HARD = "hard"
    TIPPED = "tipped"
    BELLY_ON_ROCK = "belly on rock"
    LEG_ON_ROCK = "leg on rock"
    SAFE = "safe"


OUTCOMES: tuple[Outcome, ...] = tuple(Outcome)  # by the number that `verdict` gives


def bearable(limits: LanderLimits) -> Floats:
    """Return what a lander bears, as `verdict` takes it: tilt [deg], belly and pad rock [m], speeds down and sideways [m/s]."""
    return np.array(
        [limits.max_slope_deg, limits.clearance_m, limits.pad_rock_m, limits.max_down_m_s, limits.max_side_m_s]
    )


@kernel
def verdict(tilt: float, belly: float, leg: float, down: float, side: float, fuel_kg: float, most: Floats) -> int:
    """Return the number in `OUTCOMES` of a touchdown; ``most`` [5] as of `bearable`. The worst that is true counts."""
    if fuel_kg <= 0.0:
        return 0
    if down > most[3] or side > most[4]:
        return 1
    if tilt > most[0]:
        return 2
    if belly > most[1]:
        return 3
    return 4 if leg > most[2] else 5


class Stance(NamedTuple):
    """How a lander would stand at a place of the true ground."""

    tilt_deg: float  # of the plane through the pads it rests on, worst of the possible stances
    belly_m: float  # highest ground under the belly above that plane
    leg_rock_m: float  # tallest rock under a pad

    def outcome(self, limits: LanderLimits) -> Outcome:
        """Return what comes of standing so."""
        return OUTCOMES[verdict(self.tilt_deg, self.belly_m, self.leg_rock_m, 0.0, 0.0, 1.0, bearable(limits))]


class Touchdown(NamedTuple):
    """A judged touchdown."""

    outcome: Outcome
    stance: Stance
    down_m_s: float
    side_m_s: float


@kernel
def _pad_heights(
    z: NDArray[np.float32], row: float, col: float, cell_m: float, pads: Floats, pad_radius: float, out: Floats
) -> None:
    """Write the highest ground under each pad [m] into ``out`` [n]; ``row``, ``col`` is the middle of the lander."""
    reach = pad_radius / cell_m
    for k in range(pads.shape[0]):
        pr, pc = row - pads[k, 1] / cell_m, col + pads[k, 0] / cell_m
        best = -np.inf
        for r in range(max(0, int(math.ceil(pr - reach))), min(z.shape[0], int(math.floor(pr + reach)) + 1)):
            for c in range(max(0, int(math.ceil(pc - reach))), min(z.shape[1], int(math.floor(pc + reach)) + 1)):
                if (r - pr) * (r - pr) + (c - pc) * (c - pc) <= reach * reach:
                    best = max(best, z[r, c])
        out[k] = best


@kernel
def stance_at(
    z: NDArray[np.float32], row: float, col: float, cell_m: float, pads: Floats, pad_radius: float, belly_radius: float
) -> tuple[float, float]:
    """Return worst tilt [deg] and belly rise [m] over the stances of a lander in the middle of (row, col)."""
    heights = np.empty(pads.shape[0])
    _pad_heights(z, row, col, cell_m, pads, pad_radius, heights)
    planes = np.empty((MOST, 3))
    tilt, belly = 0.0, -np.inf
    reach = belly_radius / cell_m
    for k in range(stances(heights, pads, planes)):
        gx, gy, level = planes[k, 0], planes[k, 1], planes[k, 2]
        tilt = max(tilt, math.degrees(math.atan(math.hypot(gx, gy))))
        for r in range(max(0, int(math.ceil(row - reach))), min(z.shape[0], int(math.floor(row + reach)) + 1)):
            for c in range(max(0, int(math.ceil(col - reach))), min(z.shape[1], int(math.floor(col + reach)) + 1)):
                dx, dy = (c - col) * cell_m, (row - r) * cell_m
                if dx * dx + dy * dy <= belly_radius * belly_radius:
                    belly = max(belly, z[r, c] - level - gx * dx - gy * dy)
    return tilt, belly


@kernel
def leg_rock(x: float, y: float, pads: Floats, pad_radius: float, rocks: Floats) -> float:
    """Return the highest that a rock (float64 [n, 4]: domes) reaches under a pad [m]."""
    tallest = 0.0
    for k in range(pads.shape[0]):
        for i in range(rocks.shape[0]):
            gap = math.hypot(x + pads[k, 0] - rocks[i, 0], y + pads[k, 1] - rocks[i, 1])
            q = max(0.0, gap - pad_radius) / (0.5 * rocks[i, 2])
            if q < 1.0:
                tallest = max(tallest, rocks[i, 3] * math.sqrt(1.0 - q * q))
    return tallest


def stand_on(patch: HeightGrid, rocks: Floats, x: float, y: float, limits: LanderLimits) -> Stance:
    """Return the stance of a lander whose middle is above (x, y) [m] on a true ``patch`` with its ``rocks`` float64 [n, 4].

    Raises `SiteError` for a patch that does not hold the ground under all pads and the belly, or has holes there.
    """
    row, col = patch.ref.rowcol(x, y)
    pads = np.array(limits.pads())
    wide, high = (max(float(v) + limits.pad_radius_m, limits.belly_radius_m) for v in np.abs(pads).max(axis=0))
    left, low, right, top = patch.ref.bounds
    if not (left <= x - wide and x + wide <= right and low <= y - high and y + high <= top):
        raise SiteError(
            f"touchdown: ({x!r}, {y!r}) m; allowed: {wide:.2f} by {high:.2f} m inside the patch, {patch.ref.bounds}."
        )
    if not np.isfinite(patch.elevation_m).all():
        raise SiteError("touchdown: the patch has cells without a height; allowed: none.")
    tilt, belly = stance_at(
        patch.elevation_m, row, col, patch.ref.cell_m, pads, limits.pad_radius_m, limits.belly_radius_m
    )
    return Stance(tilt, belly, leg_rock(x, y, pads, limits.pad_radius_m, rocks))


def true_stance(ground: LocalGround, x: float, y: float, limits: LanderLimits) -> Stance:
    """Return the stance at (x, y) [m] of the true ground. Raises `SiteError` for a place outside the site."""
    half = limits.reach_m + 4.0 * JUDGE_CELL_M
    patch = ground.patch(x, y, half, JUDGE_CELL_M)
    wide = half + LARGEST_M / 2.0
    return stand_on(patch, ground.rocks(x - wide, y - wide, x + wide, y + wide), x, y, limits)


@kernel
def _unsafe_places(
    z: NDArray[np.float32], first: Floats, step: float, cell_m: float, pads: Floats, pad_radius: float, belly_radius: float,
    under_pad: NDArray[np.float32], most: Floats, out: NDArray[np.bool_],
) -> None:  # fmt: skip
    """Fill ``out`` [R, C]: whether standing at row ``first[0] + r * step``, column ``first[1] + c * step`` of ``z`` is unsafe."""
    for r in range(out.shape[0]):
        for c in range(out.shape[1]):
            row, col = first[0] + r * step, first[1] + c * step
            bad = False
            for k in range(pads.shape[0]):
                pr, pc = int(round(row - pads[k, 1] / cell_m)), int(round(col + pads[k, 0] / cell_m))
                bad = bad or under_pad[pr, pc] > most[2]
            if not bad:
                tilt, belly = stance_at(z, row, col, cell_m, pads, pad_radius, belly_radius)
                bad = tilt > most[0] or belly > most[1]
            out[r, c] = bad


def unsafe_places(ground: LocalGround, ref: GeoRef, limits: LanderLimits) -> NDArray[np.bool_]:
    """Return where of the places ``ref`` a lander would stand unsafely, bool [R, C], on true ground of 0.1 m cells.

    Rocks are drawn on these cells: what is said of a leg on a rock's very edge may differ from `true_stance`. Raises `SiteError`
    for places outside the site.
    """
    import cv2

    half = max(ref.shape) * ref.cell_m / 2.0 + limits.reach_m + 0.5
    patch = ground.patch(*ref.centre, half, PLACES_CELL_M)
    rocks = ground.rocks(*(v + s * LARGEST_M for v, s in zip(patch.ref.bounds, (-1, -1, 1, 1), strict=True)))
    domes = np.zeros(patch.ref.shape)
    rock_domes(domes, patch.ref.x_left, patch.ref.y_top, PLACES_CELL_M, rocks)
    reach = math.ceil(limits.pad_radius_m / PLACES_CELL_M)
    rows, cols = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    disc = (rows * rows + cols * cols <= (limits.pad_radius_m / PLACES_CELL_M) ** 2).astype(np.uint8)
    under_pad = np.asarray(cv2.dilate(domes.astype(np.float32), disc), dtype=np.float32)
    out = np.empty(ref.shape, dtype=np.bool_)
    first = np.array(patch.ref.rowcol(*ref.xy(0, 0)))
    most = np.array([limits.max_slope_deg, limits.clearance_m, limits.pad_rock_m])
    _unsafe_places(
        patch.elevation_m, first, ref.cell_m / PLACES_CELL_M, PLACES_CELL_M, np.array(limits.pads()), limits.pad_radius_m,
        limits.belly_radius_m, under_pad, most, out,
    )  # fmt: skip
    return out


def touch_down(
    ground: LocalGround, xy: tuple[float, float], velocity: tuple[float, float, float], limits: LanderLimits, fuel_kg: float
) -> Touchdown:  # fmt: skip
    """Judge a touchdown at ``xy`` [m] with ``velocity`` (x, y, up) [m/s] and ``fuel_kg`` left in the tanks.

    Raises `SiteError` for a place outside the site, `SensorError` for a velocity or fuel that is no number.
    """
    if not all(math.isfinite(v) for v in (*velocity, fuel_kg)):
        raise SensorError(f"touchdown: velocity {velocity!r}, fuel_kg {fuel_kg!r}; must be finite.")
    stance = true_stance(ground, *xy, limits)
    down, side = -velocity[2], math.hypot(velocity[0], velocity[1])
    outcome = OUTCOMES[verdict(*stance, down, side, fuel_kg, bearable(limits))]
    return Touchdown(outcome, stance, down, side)
