"""What a metre of ground costs a robot: seconds, joules and risk per metre, infinite where it must not go, and why.

Each term is a layer of its own, so that a plan can be asked what it is made of:

- *tilt*: residual heights of rms ``r`` over the wheelbase ``L`` rock the body by a normal angle of ``atan(sqrt(2) r / L)`` (two axles on
  independent heights) about the slope of the map;
- *pace and energy*: those of the wheels (`wheels.speed_and_power`, with slip as in `moonfleet.terrain.soil`), the mean over all headings
  and over the tilt, for a route may cross a slope either way;
- *detour*: rocks lengthen the way by ``1 + ROCK_DETOUR * cover``;
- *hazards per metre*: rocks too high to step over (size law of Golombek and Rapp 1997, `moonfleet.terrain.rocks`) whose edge lies in the
  swath of the body: ``integral of n(D) (width + D) dD``;
- *tip*: the chance that the tilt exceeds the static stability angle, ``atan(half track / height of the centre of mass)``, per wheelbase.

Impassable is what the machine's limits say: `Reason` names the first that does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from moonfleet.terrain.grid import HeightGrid
from moonfleet.terrain.rocks import LARGEST_M, SMALLEST_M, rock_density
from moonfleet.terrain.soil import slip

from .errors import CostError
from .footprint_fit import plane_fit
from .wheels import mean_pace, mean_pace_energy

ROCK_DETOUR = 4.0  # [-] extra way per unit of rock cover: 10 % cover makes 1 m of route 1.4 m of driving
ROCK_COVER_MAX = 0.35  # [-] more of the ground than this under rocks leaves no gap for a rover
SLOPE_STEP_DEG = 0.25  # [deg] step of the table of paces
TILT_STEP_DEG = 1.0  # [deg] the same for the tilt
TILT_MAX_DEG = 20.0  # [deg] rougher ground counts as this rough
ROCK_HEIGHT = 0.55  # [-] mean height of a rock over its diameter in `moonfleet.terrain.rocks`
HURST = 0.95  # [-] residual heights grow with the baseline to this power (lunar highlands, Rosenburg et al. 2011)
FINE_CELLS = 4.0  # cells on a wheelbase from which its roughness is measured, not scaled

F32 = NDArray[np.float32]

_POSITIVE = ("speed_m_s", "drive_w", "max_slope_deg", "track_m", "wheelbase_m", "com_height_m", "width_m")
_ALLOWED = (
    *(
        (name, 0.0, 90.0 if name == "max_slope_deg" else math.inf)
        for name in (*_POSITIVE, "base_w", "step_m", "clearance_m", "sigmas")
    ),
    ("max_slip", 0.0, 1.0),
    ("miss", 0.0, 1.0),
)  # figures of a machine: from, to


class DriveLimits(NamedTuple):
    """What the robot's wheels allow."""

    max_slope_deg: float
    speed_m_s: float


@dataclass(frozen=True, slots=True)
class MachineLimits:
    """What a machine is and may do on the ground; raises `CostError` for a figure that no machine has."""

    speed_m_s: float  # on the flat
    drive_w: float  # [W] of the motors on the flat and uphill
    base_w: float  # [W] of all else while it drives
    max_slope_deg: float
    track_m: float  # between left and right wheels
    wheelbase_m: float  # between front and rear wheels
    com_height_m: float  # of the centre of mass above the ground
    width_m: float  # of the swath of the body
    step_m: float  # highest rock that it drives over
    clearance_m: float  # between the ground and the belly
    max_slip: float = 0.6  # [-] beyond, wheels dig in
    sigmas: float = 2.0  # standard deviations of tilt and residual heights that limits are held against
    miss: float = 0.02  # [-] share of hazards in the swath that the robot neither sees nor avoids

    def __post_init__(self) -> None:
        for name, low, high in _ALLOWED:
            value = float(getattr(self, name))
            positive = name in _POSITIVE
            if not (low <= value <= high and math.isfinite(value) and (value > 0.0 or not positive)):
                allowed = "above 0" if positive else f"{low:g} or more"
                allowed += f" and at most {high:g}" if math.isfinite(high) else " and finite"
                raise CostError(f"machine.{name}: {value:g}; must be {allowed}.")

    @property
    def stability_deg(self) -> float:
        """Static stability angle [deg]: tilted further, it falls over its nearer wheels."""
        return math.degrees(math.atan(0.5 * min(self.track_m, self.wheelbase_m) / self.com_height_m))


class Reason(IntEnum):
    """Why a cell is impassable."""

    PASSABLE = 0
    NO_DATA = 1
    TIP_OVER = 2
    SLOPE = 3
    SLIP = 4
    CLEARANCE = 5
    ROCKS = 6


class Traversability(NamedTuple):
    """Layers [R, C]: what a metre of route costs (inf where impassable), why not, and the terms they are made of (NaN without data)."""

    time_s_m: F32  # seconds per metre
    energy_j_m: F32  # joules per metre
    risk_per_m: F32  # chance of loss per metre: hazards missed, and tipping over
    reason: NDArray[np.uint8]  # `Reason`
    tilt_deg: F32  # standard deviation of the body's tilt from roughness
    slip: F32  # share of wheel travel lost straight up the slope
    detour: F32  # metres driven per metre of route
    hazards_per_m: F32  # rocks too high to step over that stand in the swath
    tip_per_m: F32  # chance per metre to tip over


def traversability(slope_deg: F32, rough_m: F32, rock_cover: F32, machine: MachineLimits) -> Traversability:
    """Return the layers for one machine.

    Parameters
    ----------
    slope_deg : float32 [R, C], NaN without data.
    rough_m : float32 [R, C], rms of residual heights over the wheelbase [m] (see `wheelbase_roughness`).
    rock_cover : float32 [R, C], share of the ground under rocks, 0..1.

    Raises
    ------
    CostError : shapes that differ, limits that are not positive, layers below 0.

    >>> rover = MachineLimits(0.1, 200.0, 100.0, 20.0, 1.5, 1.5, 0.6, 1.5, 0.3, 0.3)
    >>> level, rubble = np.zeros((1, 2), np.float32), np.array([[0.0, 0.2]], np.float32)
    >>> layers = traversability(level, rubble, level, rover)
    >>> layers.time_s_m.astype(float).round(1).tolist(), [Reason(k).name for k in layers.reason[0]]
    ([[10.3, inf]], ['PASSABLE', 'CLEARANCE'])
    """
    if not (slope_deg.shape == rough_m.shape == rock_cover.shape) or slope_deg.ndim != 2:
        raise CostError(
            f"slope {slope_deg.shape}, roughness {rough_m.shape} and rock cover {rock_cover.shape} must be one [R, C] shape."
        )
    _check_layers(slope_deg=slope_deg, rough_m=rough_m, rock_cover=rock_cover)
    slope, rough, cover = (np.asarray(layer, dtype=np.float64) for layer in (slope_deg, rough_m, rock_cover))
    known = np.isfinite(slope) & np.isfinite(rough) & np.isfinite(cover)
    tilt = np.degrees(np.arctan(math.sqrt(2.0) * rough / machine.wheelbase_m))
    pace, energy = _wheels(np.where(known, slope, 0.0), np.where(known, tilt, 0.0), machine)
    detour = 1.0 + ROCK_DETOUR * cover
    hazards = _hazards_per_m(np.where(known, cover, 0.0), machine)
    room = machine.stability_deg - slope
    tip = ndtr(-room / np.maximum(tilt, 1e-6)) / machine.wheelbase_m
    table = np.arange(0.0, 91.0)
    lost = np.array([slip(float(angle)) for angle in table])
    slips = np.interp(slope, table, lost)
    step_deg = math.degrees(math.asin(min(machine.step_m / machine.track_m, 1.0)))  # a wheel on the highest rock
    reason = np.select(
        [
            ~known,
            slope + machine.sigmas * tilt + step_deg > machine.stability_deg,
            slope > np.float32(machine.max_slope_deg),
            np.interp(slope + tilt, table, lost) > machine.max_slip,
            machine.sigmas * rough > machine.clearance_m,
            cover > np.float32(ROCK_COVER_MAX),
        ],
        [Reason.NO_DATA, Reason.TIP_OVER, Reason.SLOPE, Reason.SLIP, Reason.CLEARANCE, Reason.ROCKS],
        Reason.PASSABLE,
    ).astype(np.uint8)
    free = reason == Reason.PASSABLE
    per_metre = (
        np.where(free, layer, np.inf) for layer in (pace * detour, energy * detour, hazards * machine.miss + tip)
    )
    time_s_m, energy_j_m, risk = (layer.astype(np.float32) for layer in per_metre)
    terms = (np.where(known, term, np.nan).astype(np.float32) for term in (tilt, slips, detour, hazards, tip))
    return Traversability(time_s_m, energy_j_m, risk, reason, *terms)


def _check_layers(**layers: F32) -> None:
    """Raise `CostError` for a layer with values below 0; NaN, no data, is fine."""
    for name, layer in layers.items():
        below = layer < 0.0
        if below.any():
            row, col = (int(k) for k in np.unravel_index(int(np.argmax(below)), layer.shape))
            raise CostError(
                f"{name}: {float(layer[row, col]):g} at cell ({row}, {col}); must be 0 or more, NaN without data."
            )


def wheelbase_roughness(ground: HeightGrid, wheelbase_m: float) -> F32:
    """Return the rms of residual heights over a wheelbase [m], float32 [R, C].

    Measured over a disc as wide as the wheelbase where the cells are a quarter of it or less; on coarser maps measured over three cells and
    scaled down by ``(wheelbase / baseline) ** HURST``. Raises `CostError` for a wheelbase that is not positive.
    """
    if not (math.isfinite(wheelbase_m) and wheelbase_m > 0.0):
        raise CostError(f"wheelbase_m: {wheelbase_m}; must be a positive number of metres.")
    cell = ground.ref.cell_m
    if cell * FINE_CELLS <= wheelbase_m:
        return plane_fit(ground.elevation_m, cell, 0.5 * wheelbase_m).rms_m.astype(np.float32)
    scale = (wheelbase_m / (3.0 * cell)) ** HURST
    return (scale * plane_fit(ground.elevation_m, cell, 1.5 * cell).rms_m).astype(np.float32)


def drive_cost(slope_deg: F32, rock_cover: F32, limits: DriveLimits) -> F32:
    """Return seconds per metre, float32 [R, C], inf where impassable: `traversability` for one who knows slope and rocks only.

    The pace on a slope is that of the wheels (`wheels.mean_pace`), the mean over all headings, for a route may cross it
    either way; rocks lengthen the way by ``1 + ROCK_DETOUR * cover``. Impassable: slope above the limit, cover above
    `ROCK_COVER_MAX`, and cells without data (NaN).

    Raises
    ------
    CostError : shapes that differ, limits that are not positive, layers below 0.
    """
    if slope_deg.shape != rock_cover.shape or slope_deg.ndim != 2:
        raise CostError(f"slope {slope_deg.shape} and rock cover {rock_cover.shape} must be one [R, C] shape.")
    if not (limits.max_slope_deg > 0.0 and limits.speed_m_s > 0.0):
        raise CostError(f"limits: {limits}; slope limit and speed must be above 0.")
    _check_layers(slope_deg=slope_deg, rock_cover=rock_cover)
    table = np.arange(0.0, limits.max_slope_deg + SLOPE_STEP_DEG, SLOPE_STEP_DEG)
    pace = np.interp(slope_deg, table, mean_pace(table, limits.speed_m_s)).astype(np.float32)
    way = np.float32(1.0) + np.float32(ROCK_DETOUR) * rock_cover
    free = (slope_deg <= np.float32(limits.max_slope_deg)) & (rock_cover <= ROCK_COVER_MAX)
    cost = np.full(slope_deg.shape, np.inf, dtype=np.float32)
    np.multiply(way, pace, out=cost, where=free)
    return cost


def _wheels(
    slope: NDArray[np.float64], tilt: NDArray[np.float64], machine: MachineLimits
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return seconds and joules per metre driven, interpolated in a table over slope and tilt."""
    slopes = np.arange(0.0, machine.max_slope_deg + SLOPE_STEP_DEG, SLOPE_STEP_DEG)
    tilts = np.arange(0.0, TILT_MAX_DEG + TILT_STEP_DEG, TILT_STEP_DEG)
    pace, joules = mean_pace_energy(slopes, tilts, machine.speed_m_s, machine.drive_w)
    at = np.minimum(slope / SLOPE_STEP_DEG, slopes.size - 1.001), np.minimum(tilt / TILT_STEP_DEG, tilts.size - 1.001)
    i, j = at[0].astype(np.int64), at[1].astype(np.int64)
    u, v = at[0] - i, at[1] - j
    near, far = ((1.0 - u) * (1.0 - v), u * (1.0 - v)), ((1.0 - u) * v, u * v)
    mixed = [
        near[0] * t[i, j] + near[1] * t[i + 1, j] + far[0] * t[i, j + 1] + far[1] * t[i + 1, j + 1]
        for t in (pace, joules)
    ]
    return mixed[0], mixed[1] + machine.base_w * mixed[0]


def _hazards_per_m(cover: NDArray[np.float64], machine: MachineLimits) -> NDArray[np.float64]:
    """Return the rocks higher than the machine's step that stand in its swath, per metre."""
    permyriad = np.rint(np.clip(cover, 0.0, 1.0) * 10_000.0).astype(np.int64)
    kinds, of = np.unique(permyriad, return_inverse=True)
    return np.array([_met(int(kind), machine.step_m / ROCK_HEIGHT, machine.width_m) for kind in kinds])[of].reshape(
        cover.shape
    )


@lru_cache(maxsize=8192)
def _met(cover_permyriad: int, least_m: float, width_m: float) -> float:
    """Return rocks of diameter ``least_m`` and more in a swath, per metre: by parts, ``N(least) (W + least) + integral N dD``."""
    if cover_permyriad == 0 or least_m >= LARGEST_M:
        return 0.0
    d = np.geomspace(max(least_m, SMALLEST_M), LARGEST_M, 32)
    more = np.array([rock_density(cover_permyriad / 10_000.0, float(one)) for one in d])
    return float(more[0] * (width_m + d[0]) + (0.5 * (more[1:] + more[:-1]) * np.diff(d)).sum())
