"""Picking places on a site by rule: where it is lit, flat, dark, or just spread out. The same site gives the same places."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .errors import PlaceNotFound, did_you_mean
from .grid import BoolArray, Float64Array, label_cells
from .seeds import stream

if TYPE_CHECKING:
    from .site import Site

EDGE_CELLS = 3  # cells kept free along the edge of the site
FLAT_M = 60.0  # [m] side of the square that 'flat' looks at
DARK = 0.02  # [-] share of the Sun's disc, mean over a year, below which a cell counts as shadowed
HOLLOW_M = 400.0  # [m] width of the neighbourhood that a shadowed floor lies below
LIT_ENOUGH = 0.6  # [-] 'flat' wants this share of the best light there is among its candidates


@dataclass(frozen=True, slots=True)
class PlaceRule:
    """What is wanted: ``pick`` is 'lit', 'flat', 'shadow' or 'spread'; distances [m] are from ``near`` (x, y).

    ``count`` places come back, at least ``apart_m`` from each other, on slopes up to ``max_slope_deg``.
    """

    pick: str
    near: tuple[float, float] | None = None
    min_m: float = 0.0
    max_m: float = float("inf")
    max_slope_deg: float = 15.0
    apart_m: float = 0.0
    count: int = 1


def _lit(site: Site, rule: PlaceRule, allowed: BoolArray, distance: Float64Array) -> Float64Array:
    return -site.mean_lit.astype(np.float64)


def _flat(site: Site, rule: PlaceRule, allowed: BoolArray, distance: Float64Array) -> Float64Array:
    size = max(1, round(FLAT_M / site.ref.cell_m)) | 1
    steepest = np.asarray(ndimage.maximum_filter(site.slope_deg, size=size), dtype=np.float64)
    best_light = float(site.mean_lit[allowed].max())
    return np.where(site.mean_lit >= LIT_ENOUGH * best_light, steepest, np.inf)


def _shadow(site: Site, rule: PlaceRule, allowed: BoolArray, distance: Float64Array) -> Float64Array:
    z = site.grid.elevation_m.astype(np.float64)
    width = max(3, round(HOLLOW_M / site.ref.cell_m)) | 1
    below = z - np.asarray(ndimage.uniform_filter(z, size=width, mode="nearest"))
    dark = (site.mean_lit <= DARK) & (below < 0.0)
    labels = label_cells(dark, diagonal=True)
    wanted = labels[allowed & dark]
    score = np.full(z.shape, np.inf)
    if wanted.size == 0:
        return score
    groups = np.unique(wanted)
    # One floor per shadowed hollow: its lowest allowed cell. Hollows of a few cells come only after real ones.
    hidden = np.where(allowed & dark, z, np.inf)
    floors = np.asarray(ndimage.minimum_position(hidden, labels, groups), dtype=np.int64)
    cells = np.asarray(ndimage.sum_labels(dark, labels, groups))
    small = cells * site.ref.cell_m**2 < 10_000.0
    score[floors[:, 0], floors[:, 1]] = distance[floors[:, 0], floors[:, 1]] + 1e6 * small
    return score


def _spread(site: Site, rule: PlaceRule, allowed: BoolArray, distance: Float64Array) -> Float64Array:
    return stream(site.seed, "places").random(site.ref.shape)


PICKS: dict[str, Callable[[Site, PlaceRule, BoolArray, Float64Array], Float64Array]] = {
    "lit": _lit,
    "flat": _flat,
    "shadow": _shadow,
    "spread": _spread,
}
HELP = {
    "lit": "a larger distance range or a steeper max_slope_deg",
    "flat": "a steeper max_slope_deg or a larger distance range",
    "shadow": "a larger max_m, a steeper max_slope_deg, or a site nearer to the pole; reachable_from=None for a hopper",
    "spread": "a smaller apart_m or count, or a larger max_m",
}


def reachable_cells(
    site: Site, xy: tuple[float, float], max_slope_deg: float, closed: NDArray[np.bool_] | None = None
) -> NDArray[np.bool_]:
    """Return which cells hang together with the one at ``xy`` over slopes up to ``max_slope_deg``: bool [R, C].

    Cells touch by their sides; no way leads over ``closed`` ones (bool [R, C]), but one may set out from there. Raises `PlaceNotFound`
    if ``xy`` is outside the site or itself too steep.
    """
    if not site.ref.inside(*xy):
        raise PlaceNotFound(f"reachable_from: {xy} m is outside the site; allowed: {site.ref.bounds}.")
    row, col = site.ref.cell_of(*xy)
    flat = np.asarray(site.slope_deg <= max_slope_deg)
    if closed is not None:
        own = label_cells(closed)
        flat &= ~closed | (own == own[row, col])  # out of the zone that it stands in itself
    labels = label_cells(flat)
    label = int(labels[row, col])
    if label == 0:
        slope = float(site.slope_deg[row, col])
        raise PlaceNotFound(
            f"reachable_from: the ground at ({xy[0]:.0f}, {xy[1]:.0f}) m slopes {slope:.1f} deg; allowed: up to "
            f"{max_slope_deg:g} deg. Start elsewhere or raise max_slope_deg."
        )
    return np.asarray(labels == label)


def pick_places(
    site: Site,
    rule: PlaceRule,
    reachable_from: tuple[float, float] | None = None,
    closed: NDArray[np.bool_] | None = None,
) -> list[tuple[float, float]]:
    """Return ``rule.count`` cell centres (x, y) [m], best first; with ``reachable_from`` only ground connected to it.

    No place lies on a ``closed`` cell (bool [R, C]), nor beyond such ground from ``reachable_from``.
    Raises `PlaceNotFound` if there are not so many, saying what was looked at and what would help.
    """
    if rule.pick not in PICKS:
        raise PlaceNotFound(f"pick: {rule.pick!r} is not a rule for places.{did_you_mean(rule.pick, PICKS)}")
    rows, cols = site.ref.shape
    x, y = site.ref.xy(*np.meshgrid(np.arange(rows), np.arange(cols), indexing="ij"))
    near = rule.near if rule.near is not None else site.ref.centre
    distance = np.hypot(x - near[0], y - near[1])
    allowed = np.zeros((rows, cols), dtype=np.bool_)
    e = min(EDGE_CELLS, (min(rows, cols) - 1) // 2)
    allowed[e : rows - e, e : cols - e] = True
    allowed &= (site.slope_deg <= rule.max_slope_deg) & (distance >= rule.min_m) & (distance <= rule.max_m)
    if closed is not None:
        allowed &= ~closed
    if reachable_from is not None:
        allowed &= reachable_cells(site, reachable_from, rule.max_slope_deg, closed)
    found: list[tuple[float, float]] = []
    if allowed.any():
        score = np.where(allowed, PICKS[rule.pick](site, rule, allowed, distance), np.inf)
        while len(found) < rule.count:
            best = int(np.argmin(score))  # the first of equals, row by row
            r, c = divmod(best, cols)
            if not np.isfinite(score[r, c]):
                break
            px, py = float(x[r, c]), float(y[r, c])
            found.append((px, py))
            score[np.hypot(x - px, y - py) < max(rule.apart_m, 0.5 * site.ref.cell_m)] = np.inf
    if len(found) < rule.count:
        how = "" if reachable_from is None else ", reachable by driving"
        how += "" if closed is None else ", outside closed zones"
        raise PlaceNotFound(
            f"places: {len(found)} of {rule.count} '{rule.pick}' places found {rule.min_m:g}..{rule.max_m:g} m from "
            f"({near[0]:.0f}, {near[1]:.0f}) m, slope up to {rule.max_slope_deg:g} deg, {rule.apart_m:g} m apart{how} "
            f"({int(allowed.sum())} cells looked at). What would help: {HELP[rule.pick]}."
        )
    return found
