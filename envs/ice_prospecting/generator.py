"""Makes the ground and the episodes of IceProspecting.

A ground's prospects, homes and dates are worked out once per process: a pool of situations. An episode is one of them, drawn
from (root seed, episode number), with ice and faults of its own.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from moonfleet.agents.ice import MEAN_FRACTION, IceMap, ice_map
from moonfleet.agents.travel import site_cost
from moonfleet.autonomy.search import distance_field
from moonfleet.autonomy.traversability import DriveLimits
from moonfleet.terrain.constants import MOON_RADIUS_M
from moonfleet.terrain.horizon import azimuth_bin
from moonfleet.terrain.light import lit_series
from moonfleet.terrain.seeds import stream
from moonfleet.terrain.site import Site

from ..errors import EnvError
from .levels import Level

PURPOSE = "ice-prospecting"
POOL_PURPOSE = "ice-prospecting-pool"
STEP_S = 300.0  # [s] one action
HOUR_S = 3600.0  # [s]
KEPT = 3  # prospects that a rover is told of
APART_M = 120.0  # [m] between prospects
LEAST_PRIOR = 0.4  # of the mean of cold ground, for a prospect
SITUATIONS = 16  # of a ground
DATE_TRIES = 48  # dates drawn until a home is lit well enough
FORECAST_H = 24  # [h] of light after the end of the episode that the rover still forecasts
START_LIT = 0.5  # share of the Sun's disc at home when an episode begins

Float32Grid = NDArray[np.float32]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class IceGround:
    """What a rover's limits make of a site; the same for every episode."""

    site: Site
    pace: Float32Grid  # [R, C] s/m, inf where a route never leads
    area: NDArray[np.bool_]  # [R, C] the largest connected drivable part
    ice: IceMap
    shadow_s: Float32Grid  # [R, C] driving time to the nearest drivable ground that keeps ice [s]


@functools.lru_cache(maxsize=8)
def ice_ground(site: Site, limits: DriveLimits) -> IceGround:
    """Return the drivable ground of a site and where ice may be, computed once per process.

    Raises `EnvError` when nothing is drivable, no ice can be expected anywhere on it, or there is nothing else.
    """
    pace = site_cost(site, limits)
    free = np.isfinite(pace)
    labels: NDArray[np.int32] = np.zeros(free.shape, np.int32)
    ndimage.label(free, output=labels)
    sizes = np.bincount(labels.ravel())[1:]
    if sizes.size == 0:
        raise EnvError(f"site {site.name!r}: no cell is drivable at {limits.max_slope_deg:g} deg of slope.")
    area = labels == 1 + int(np.argmax(sizes))
    ice = ice_map(site)
    cold = np.argwhere(area & (ice.cold > 0) & (ice.prior >= LEAST_PRIOR * MEAN_FRACTION))
    if len(cold) == 0 or not (area & (ice.cold == 0)).any():
        raise EnvError(
            f"site {site.name!r}: a rover cannot go from warm ground to ground that stays cold enough for ice."
        )
    return IceGround(site, pace, area, ice, drive_field(pace, cold, site.ref.cell_m))


def drive_field(pace: Float32Grid, cells: NDArray[np.int64], cell_m: float) -> Float32Grid:
    """Return the driving time to the nearest of ``cells`` [n, 2] from everywhere [s], float32 [R, C]; inf where there is no way."""
    return distance_field(pace, cells, cell_m, corner_cutting=False).astype(np.float32)


class Situation(NamedTuple):
    """Where and when an excursion begins."""

    home: NDArray[np.int64]  # [2] row, col
    home_s: Float32Grid  # [R, C] driving time home [s]
    t0: float  # [s TDB past J2000]
    prospects: NDArray[np.int64]  # [KEPT, 2] row, col, nearest first; the last is repeated where there are fewer


def make_situations(ground: IceGround, level: Level, dates: tuple[float, float], span_start: float) -> list[Situation]:
    """Return the situations of a ground, `SITUATIONS` of them; they follow from the ground and the level.

    Homes are warm cells with ice within ``level.range_min`` minutes of driving, the better lit the likelier; prospects are the likeliest
    places in that range, `APART_M` from each other. Dates are drawn until the Sun stands over home at the start and for the share
    ``level.home_lit`` of the episode, else the brightest is taken. Starts are whole steps after ``span_start``.
    """
    site = ground.site
    rng = stream(site.seed, POOL_PURPOSE)
    warm = np.argwhere(ground.area & (ground.ice.cold == 0))
    minutes = ground.shadow_s[warm[:, 0], warm[:, 1]] / 60.0
    near, far = level.range_min
    miss = np.maximum(np.maximum(0.5 * near - minutes, minutes - 0.9 * far), 0.0)
    homes = warm[miss <= miss.min() + 1.0]
    chance = np.asarray(site.mean_lit)[homes[:, 0], homes[:, 1]].astype(np.float64) ** 2 + 1e-6
    chance /= chance.sum()
    found: list[Situation] = []
    for _ in range(SITUATIONS):
        home = homes[int(rng.choice(len(homes), p=chance))]
        home_s = drive_field(ground.pace, home[None, :], site.ref.cell_m)
        prospects = _prospects(ground, home_s, level.range_min)
        found.append(Situation(home, home_s, _date(ground, rng, level, dates, span_start, home), prospects))
    return found


def _prospects(ground: IceGround, home_s: Float32Grid, range_min: tuple[float, float]) -> NDArray[np.int64]:
    """Return the likeliest places within a range of home, int64 [KEPT, 2], nearest first; the nearest to the range if none is in it."""
    cells = np.argwhere(ground.area & (ground.ice.cold > 0) & np.isfinite(home_s))
    minutes = home_s[cells[:, 0], cells[:, 1]] / 60.0
    miss = np.maximum(np.maximum(range_min[0] - minutes, minutes - range_min[1]), 0.0)
    cells = cells[miss <= miss.min() + 1.0]
    likely = ground.ice.prior[cells[:, 0], cells[:, 1]].astype(np.float64)
    found: list[NDArray[np.int64]] = []
    while len(found) < KEPT and likely.max() > 0.0:
        best = cells[int(np.argmax(likely))]
        found.append(best)
        away = np.hypot(*(cells - best).T) * ground.site.ref.cell_m
        likely[away < APART_M] = 0.0
    found.sort(key=lambda cell: float(home_s[cell[0], cell[1]]))
    found += found[-1:] * (KEPT - len(found))
    return np.stack(found)


def _date(
    ground: IceGround,
    rng: np.random.Generator,
    level: Level,
    dates: tuple[float, float],
    span_start: float,
    home: NDArray[np.int64],
) -> float:
    """Return a start date on the clock at which a home is lit."""
    hours = np.arange(int(np.ceil(level.max_steps * STEP_S / HOUR_S)) + 1) * HOUR_S
    best, best_share = on_clock(dates[0], span_start), -2.0
    for _ in range(DATE_TRIES):
        t = on_clock(float(rng.uniform(*dates)), span_start)
        site = ground.site
        lit = lit_series(site.ref, site.horizon, site.sky, home[:1], home[1:], t + hours)[0]
        share = float(lit.mean()) if lit[0] >= START_LIT else -1.0 + float(lit.mean())
        if share > best_share:
            best, best_share = t, share
        if share >= level.home_lit:
            break
    return best


def on_clock(t: float, span_start: float) -> float:
    """Return the last whole step after ``span_start`` at or before ``t`` [s]."""
    return span_start + float(np.floor((t - span_start) / STEP_S)) * STEP_S


class Draw(NamedTuple):
    """What an episode's seed decides."""

    situation: int
    fault_key: int
    ice_key: int


def draw_episode(root: int, number: int, situations: int) -> Draw:
    """Return what episode ``number`` of a root seed is."""
    rng = stream(root, PURPOSE, episode=number)
    which = int(rng.integers(situations))
    keys = rng.integers(0, 2**63, size=2, dtype=np.uint64)
    return Draw(which, int(keys[0]), int(keys[1]))


def light_hours(site: Site, t0: float, max_steps: int) -> NDArray[np.float64]:
    """Return the almanac of an episode and `FORECAST_H` more hours, float64 [h, 8], columns as in `ways`.

    A row stands for the hour around its middle.
    """
    hours = hours_of(max_steps)
    sky = site.sky.sample(t0 + (np.arange(hours) + 0.5) * HOUR_S)
    azimuth = np.radians(sky.sun_az_deg)
    tilt = np.degrees(np.stack([np.sin(azimuth), np.cos(azimuth)], axis=1)) / MOON_RADIUS_M
    bins = [azimuth_bin(site.horizon.azimuths, az) for az in sky.sun_az_deg.tolist()]
    return np.column_stack([sky.sun_az_deg, sky.sun_el_deg, sky.sun_radius_deg, tilt, np.array(bins)])


def hours_of(max_steps: int) -> int:
    """Return how many hours an almanac holds."""
    return int(np.ceil(max_steps * STEP_S / HOUR_S)) + FORECAST_H


def check_grounds(grounds: Sequence[IceGround]) -> None:
    """Raise `EnvError` unless all grounds have one georeference: one World stands on them all."""
    for ground in grounds[1:]:
        if ground.site.ref != grounds[0].site.ref:
            raise EnvError(
                f"site {ground.site.name!r}: georeference {ground.site.ref}; must be that of the first, {grounds[0].site.ref}."
            )
