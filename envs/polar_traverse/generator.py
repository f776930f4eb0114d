"""Makes an episode of PolarTraverse: date, start, chain of targets, havens. All of it follows from (seed, episode)."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from moonfleet.agents.travel import site_cost
from moonfleet.autonomy.search import distance_field
from moonfleet.autonomy.traversability import DriveLimits
from moonfleet.terrain.light import lit_map
from moonfleet.terrain.seeds import stream
from moonfleet.terrain.site import Site

from ..errors import EnvError

PURPOSE = "polar-traverse"
DATE_TRIES = 48  # dates drawn until enough of the ground is lit
LIT_SHARE = 0.1  # of the reachable ground, for a date to be taken at once
HAVENS = 8
HAVENS_APART_M = 400.0  # m


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class DriveGround:
    """What a rover's slope limit makes of a site; the same for every episode."""

    site: Site
    cost: NDArray[np.float32]  # [R, C] 1 where the rover may drive, inf elsewhere: distance fields come out in metres
    cells: NDArray[np.int64]  # [n, 2] row, col of the largest connected drivable area
    havens_xy: NDArray[np.float64]  # [h, 2] the best lit places of that area, best first


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Episode:
    """One episode's givens, arrays read-only."""

    t0: float  # s TDB past J2000
    start_xy: NDArray[np.float64]  # [2]
    targets_xy: NDArray[np.float64]  # [k, 2] in the order of visits
    havens_xy: NDArray[np.float64]  # [h, 2]
    fields: tuple[NDArray[np.float64], ...]  # k arrays [R, C]: route length to each target [m], inf where there is none


@functools.lru_cache(maxsize=8)
def drive_ground(site: Site, limits: DriveLimits) -> DriveGround:
    """Return the drivable ground of a site under ``limits``, computed once per process.

    Raises `EnvError` when no drivable area is large enough to hold an episode.
    """
    seconds = site_cost(site, limits)
    open_ground = np.isfinite(seconds)
    if not open_ground.any():
        raise EnvError(f"site {site.name!r}: no cell is drivable at {limits.max_slope_deg:g} deg of slope.")
    labels: NDArray[np.int32] = np.zeros(open_ground.shape, np.int32)
    ndimage.label(open_ground, output=labels)
    sizes = np.bincount(labels.ravel())[1:]
    largest = labels == 1 + int(np.argmax(sizes))
    cells = np.argwhere(largest).astype(np.int64)
    cost = np.where(open_ground, np.float32(1.0), np.float32(np.inf)).astype(np.float32)
    return DriveGround(site, cost, cells, _havens(site, largest))


def _havens(site: Site, area: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return up to `HAVENS` best lit places of ``area``, at least `HAVENS_APART_M` apart; float64 [h, 2]."""
    light = np.where(area, site.mean_lit, -1.0)
    rows, cols = np.indices(light.shape)
    apart = HAVENS_APART_M / site.ref.cell_m
    found: list[tuple[int, int]] = []
    while len(found) < HAVENS and light.max() >= 0.0:
        row, col = divmod(int(np.argmax(light)), light.shape[1])
        found.append((row, col))
        light[(rows - row) ** 2 + (cols - col) ** 2 < apart * apart] = -1.0
    return cells_xy(site, np.array(found, np.int64))


def cells_xy(site: Site, cells: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the centres float64 [n, 2] of cells int64 [n, 2]."""
    x, y = site.ref.xy(cells[:, 0].astype(np.float64), cells[:, 1].astype(np.float64))
    return np.stack([x, y], axis=1)


def make_episode(
    ground: DriveGround,
    seed: int,
    episode: int,
    *,
    targets: int,
    target_range_m: tuple[float, float],
    dates: tuple[float, float],
    t0: float | None = None,
) -> Episode:
    """Return episode number ``episode`` of ``seed``.

    ``targets`` science targets follow each other ``target_range_m`` apart along the shortest drivable route (the nearest
    reachable cells to that range when none lies in it). ``dates`` bounds the start [s TDB]; dates are drawn until a
    tenth of the ground is lit, else the brightest drawn is taken, and the rover starts in a lit cell; ``t0`` fixes the date.
    """
    rng = stream(seed, PURPOSE, episode=episode)
    site = ground.site
    date, lit = _date(ground, rng, dates) if t0 is None else (t0, _lit_cells(ground, t0))
    bright = ground.cells[lit > 0.5]
    start = _pick(rng, bright if len(bright) else ground.cells)
    here = start
    from_here = route_field(ground, here)
    stops: list[NDArray[np.int64]] = []
    fields: list[NDArray[np.float64]] = []
    for _ in range(targets):
        here = _next_stop(ground, rng, from_here, target_range_m)
        from_here = route_field(ground, here)
        stops.append(here)
        fields.append(from_here)
    return Episode(
        date, cells_xy(site, start[None, :])[0], cells_xy(site, np.stack(stops)), ground.havens_xy, tuple(fields)
    )


def route_field(ground: DriveGround, cell: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the length of the shortest drivable route to ``cell`` (row, col) from everywhere [m]; inf where there is none."""
    return distance_field(ground.cost, cell[None, :], ground.site.ref.cell_m, corner_cutting=False)


def _pick(rng: np.random.Generator, cells: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return one row of ``cells``."""
    return cells[int(rng.integers(len(cells)))]


def _lit_cells(ground: DriveGround, t: float) -> NDArray[np.float64]:
    """Return the lit part of the Sun at every drivable cell at time ``t``; float64 [n]."""
    sky = ground.site.sky.sample(np.array([t]))
    lit = lit_map(
        ground.site.ref,
        ground.site.horizon,
        float(sky.sun_az_deg[0]),
        float(sky.sun_el_deg[0]),
        float(sky.sun_radius_deg[0]),
    )
    return lit[ground.cells[:, 0], ground.cells[:, 1]].astype(np.float64)


def _date(
    ground: DriveGround, rng: np.random.Generator, dates: tuple[float, float]
) -> tuple[float, NDArray[np.float64]]:
    """Return a start date with light, to the whole minute, and the light at every drivable cell then."""
    best: tuple[float, NDArray[np.float64]] | None = None
    best_share = -1.0
    for _ in range(DATE_TRIES):
        t = float(np.floor(rng.uniform(*dates) / 60.0) * 60.0)
        lit = _lit_cells(ground, t)
        share = float(np.mean(lit > 0.5))
        if share > best_share:
            best, best_share = (t, lit), share
        if share >= LIT_SHARE:
            break
    if best is None:
        raise EnvError("dates: nothing was drawn.")
    return best


def _next_stop(
    ground: DriveGround, rng: np.random.Generator, distance: NDArray[np.float64], target_range_m: tuple[float, float]
) -> NDArray[np.int64]:
    """Return a cell whose route length from the last stop lies in ``target_range_m``, or comes nearest to it."""
    near, far = target_range_m
    along = distance[ground.cells[:, 0], ground.cells[:, 1]]
    miss = np.maximum(np.maximum(near - along, along - far), 0.0)
    return _pick(rng, ground.cells[miss <= miss.min() + ground.site.ref.cell_m])
