"""Makes episodes of PolarTraverse: ground, date, start, chain of targets, havens. All of it follows from (root seed, episode number)."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from moonfleet.agents.travel import site_cost
from moonfleet.autonomy.search import distance_field
from moonfleet.autonomy.traversability import DriveLimits
from moonfleet.terrain.seed_states import episode_words
from moonfleet.terrain.site import Site

from ..errors import EnvError
from ..game import Episode
from ..grounds import Grounds
from .draw import Places, draw_episodes
from .outlook import hour_table

PURPOSE = "polar-traverse"
PLACES = 48  # cells per ground that may be targets: each has a field of route lengths
HAVENS = 8
HAVENS_APART_M = 400.0  # m

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Clock(NamedTuple):
    """The one clock of all worlds of a game: whole ticks after ``start``."""

    start: float  # s TDB past J2000
    tick_s: float
    ticks: tuple[int, int]  # from which starts are drawn, the second left out
    hours: NDArray[np.float32]  # the Sun hour by hour, see `outlook`


class Givens(NamedTuple):
    """What n episodes begin with."""

    ground: Ints  # [n]
    t0: Floats  # [n] s TDB past J2000
    start_xy: Floats  # [n, 2] m
    chain: Ints  # [n, T] numbers of the places that are targets, in the order of visits
    world_keys: NDArray[np.uint64]  # [n] randomness of the World


def make_clock(grounds: Grounds, dates: tuple[float, float], tick_s: float, after_s: float) -> Clock:
    """Return the clock for starts within ``dates`` [s TDB] and episodes that look ``after_s`` beyond them."""
    start = dates[0]
    last = int((dates[1] - start) / tick_s)
    hours = int((dates[1] - start + after_s) / 3600.0) + 2
    return Clock(start, tick_s, (0, max(last, 1)), hour_table(grounds.sky, start, hours, grounds.azimuths))


@functools.lru_cache(maxsize=8)
def traverse_places(grounds: Grounds, limits: DriveLimits) -> Places:
    """Return the drivable area, the places and the havens of every ground under ``limits``, computed once per process.

    Raises `EnvError` when a ground has no drivable area that is large enough to hold an episode.
    """
    cells: list[Ints] = []
    places = np.empty((len(grounds), PLACES, 2), np.int64)
    havens = np.full((len(grounds), HAVENS, 2), np.nan)
    fields = np.empty((len(grounds), PLACES, *grounds.ref.shape), np.float32)
    for g, site in enumerate(grounds.sites):
        seconds = site_cost(site, limits)
        area = _largest_area(site, np.isfinite(seconds), limits)
        inside = np.argwhere(area).astype(np.int64)
        cells.append(inside)
        havens_of = _havens(site, area)
        places[g] = _spread_out(inside, havens_of[0])
        xy = cells_xy(site, havens_of)
        havens[g, : len(xy)] = xy
        cost = np.where(area, np.float32(1.0), np.float32(np.inf)).astype(np.float32)
        for k in range(PLACES):
            fields[g, k] = distance_field(cost, places[g, k][None, :], site.ref.cell_m, corner_cutting=False)
    ends = np.cumsum([0, *(len(inside) for inside in cells)]).astype(np.int64)
    return Places(np.ascontiguousarray(np.concatenate(cells)), ends, places, fields, havens)


def draw(
    episodes: Sequence[Episode],
    places: Places,
    millideg: NDArray[np.int16],
    clock: Clock,
    frame: Floats,
    fixed_tick: Ints,
    *,
    targets: int,
    target_range_m: tuple[float, float],
    lit_share: float,
) -> Givens:
    """Return what ``episodes`` begin with.

    ``targets`` science targets follow each other ``target_range_m`` apart along the shortest drivable route (the nearest to it where
    none is), the first as far from the start. ``frame`` is that of `map_frame`. ``fixed_tick`` int64 [n] fixes the date, or is -1: dates
    are drawn until ``lit_share`` of the places is lit. The rover starts in a lit cell if there is one.
    """
    n = len(episodes)
    roots = np.array([episode.root for episode in episodes], np.int64)
    keys = episode_words(roots, PURPOSE, np.array([episode.number for episode in episodes], np.int64), 2)
    ground, t0 = np.empty(n, np.int64), np.empty(n)
    start_xy, chain = np.empty((n, 2)), np.empty((n, targets), np.int64)
    draw_episodes(
        keys, fixed_tick, clock.start, clock.ticks, clock.tick_s, target_range_m, lit_share, places, millideg, clock.hours,
        frame, ground, t0, start_xy, chain,
    )  # fmt: skip
    return Givens(ground, t0, start_xy, chain, keys[:, 1].copy())


def map_frame(grounds: Grounds) -> Floats:
    """Return the frame of the map as kernels take it, float64 [5]."""
    ref = grounds.ref
    return np.array([ref.x_left, ref.y_top, ref.cell_m, *ref.centre])


def cells_xy(site: Site, cells: Ints) -> Floats:
    """Return the centres float64 [n, 2] of cells int64 [n, 2]."""
    x, y = site.ref.xy(cells[:, 0].astype(np.float64), cells[:, 1].astype(np.float64))
    return np.stack([x, y], axis=1)


def _largest_area(site: Site, open_ground: NDArray[np.bool_], limits: DriveLimits) -> NDArray[np.bool_]:
    labels: NDArray[np.int32] = np.zeros(open_ground.shape, np.int32)
    ndimage.label(open_ground, output=labels)
    sizes = np.bincount(labels.ravel())[1:]
    if sizes.size == 0 or sizes.max() < PLACES:
        raise EnvError(
            f"site {site.name!r}: fewer than {PLACES} cells are drivable at {limits.max_slope_deg:g} deg of slope."
        )
    return labels == 1 + int(np.argmax(sizes))


def _havens(site: Site, area: NDArray[np.bool_]) -> Ints:
    """Return up to `HAVENS` best lit cells of ``area``, at least `HAVENS_APART_M` apart; int64 [h, 2]."""
    light = np.where(area, site.mean_lit, -1.0)
    rows, cols = np.indices(light.shape)
    apart = HAVENS_APART_M / site.ref.cell_m
    found: list[tuple[int, int]] = []
    while len(found) < HAVENS and light.max() >= 0.0:
        row, col = divmod(int(np.argmax(light)), light.shape[1])
        found.append((row, col))
        light[(rows - row) ** 2 + (cols - col) ** 2 < apart * apart] = -1.0
    return np.array(found, np.int64)


def _spread_out(cells: Ints, first: Ints) -> Ints:
    """Return `PLACES` of ``cells`` [n, 2] that lie as far from each other as can be, beginning with ``first`` (Gonzalez 1985)."""
    chosen = np.empty((PLACES, 2), np.int64)
    chosen[0] = first
    apart = np.full(len(cells), np.iinfo(np.int64).max)
    for k in range(1, PLACES):
        apart = np.minimum(apart, ((cells - chosen[k - 1]) ** 2).sum(axis=1))
        chosen[k] = cells[int(np.argmax(apart))]
    return chosen
