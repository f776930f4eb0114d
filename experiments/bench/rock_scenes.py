"""Rendered pictures of seeded ground with known rocks, which of them a picture shows, and the matching of detections to rocks.

Ground: `LocalGround` (craters, micro-roughness, rocks of 0.1-3 m) on a plane that rolls, slopes to about 10 deg; light from
anywhere, shadows that come in from outside the picture, the camera's blur, exposure and noise.

**What counts as visible**, from the picture without blur and noise: more than half the Sun's disc reaches at least `LIT_SHARE` of the
cells that the rock covers (an unshadowed rock in low light shows about half of them lit), or the rock's own shadow (cells that are dark
and would be lit if the rock were not there) covers at least `SHADOW_SHARE` of the area that the rock covers. A rock wholly in the shadow of
another rock or of a crater does neither.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from moonfleet.agents.sensors import expose
from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.lattice import smooth_surface
from moonfleet.terrain.local_ground import LocalGround
from moonfleet.terrain.render import lit_share, shade
from moonfleet.terrain.seeds import stream

F64 = NDArray[np.float64]

CELL_M = 0.1
MARGIN_M = 12.0  # [m] ground outside the picture that may cast shadows into it
EDGE_M = 1.0  # [m] rocks and detections nearer to the picture's edge are not judged
LIT_SHARE = 0.15
SHADOW_SHARE = 0.5
SMALLEST_M = 0.12  # [m] height from which the visibility of a rock is worked out
REACH_M = 0.3  # [m] a detection this near to a rock's middle, or within `REACH` diameters, may be of it
REACH = 0.6
BASE_M = 20.0  # [m] cells of the ground below
COVERS = (0.015, 0.08)


class View(NamedTuple):
    """How a picture is taken."""

    seed: int
    light_az_deg: float
    light_el_deg: float
    cover: float  # share of the ground under rocks
    slope_deg: float  # of the ground
    blur_px: float  # standard deviation of the point spread
    half_m: float  # half the picture's side
    cell_m: float = CELL_M


class Scene(NamedTuple):
    """A picture uint8 [n, n] and its rocks float64 [m, 4]: x, y from the middle, diameter, height [m]."""

    image: NDArray[np.uint8]
    rocks: F64
    visible: NDArray[np.bool_]  # [m]
    view: View
    map_m: NDArray[
        np.float32
    ]  # [n, n] ground as a map of `BASE_M` cells knows it: no crater or roughness below those, no rock
    slopes_deg: tuple[float, float]  # median and 95th percentile of the ground, rocks and small craters aside


def some_view(seed: int, el_deg: float, half_m: float = 50.0, blur_px: float = 0.5) -> View:
    """Draw azimuth, cover and slope for a seed."""
    rng = stream(seed, "rock view")
    az, slope = float(rng.uniform(0.0, 360.0)), float(rng.uniform(0.0, 10.0))
    low, high = (math.log(cover) for cover in COVERS)
    return View(seed, az, el_deg, math.exp(float(rng.uniform(low, high))), slope, blur_px, half_m)


def ground(seed: int, cover: float, slope_deg: float = 3.0) -> LocalGround:
    """Return ground of about ``slope_deg``: a plane of seven tenths of it, and rolling on 20 m cells."""
    rng = stream(seed, "rock scene")
    ref = GeoRef.centred(0.0, 0.0, 400.0, BASE_M)
    tangent = math.tan(math.radians(slope_deg))
    x, y = np.meshgrid(np.arange(20) * BASE_M, np.arange(20) * BASE_M)
    toward = rng.uniform(0.0, 2.0 * np.pi)
    plane = 0.7 * tangent * (np.cos(toward) * x + np.sin(toward) * y)
    z = plane + rng.standard_normal(ref.shape) * (0.15 * BASE_M * tangent)
    return LocalGround(HeightGrid(z.astype(np.float32), ref), np.full(ref.shape, cover, np.float32), seed)


def take(view: View) -> Scene:
    """Take one picture."""
    truth = ground(view.seed, view.cover, view.slope_deg)
    patch = truth.patch(0.0, 0.0, view.half_m + MARGIN_M, view.cell_m)
    light = (view.light_az_deg, view.light_el_deg)
    skip = round(MARGIN_M / view.cell_m)
    inner = (slice(skip, -skip), slice(skip, -skip))
    radiance = shade(patch.elevation_m, view.cell_m, *light)[inner]
    if view.blur_px > 0.0:
        radiance = np.asarray(cv2.GaussianBlur(radiance, (0, 0), view.blur_px), dtype=np.float32)
    image = expose(np.ascontiguousarray(radiance), stream(view.seed, "camera"))
    xmin, ymin, xmax, ymax = patch.ref.bounds
    rocks = truth.rocks(xmin, ymin, xmax, ymax).copy()
    rocks[:, :2] -= patch.ref.centre
    visible = shown(patch, rocks, *light)
    near = (np.abs(rocks[:, :2]) < view.half_m).all(axis=1)
    base = truth.grid.elevation_m[7:13, 7:13]
    down, right = np.gradient(base.astype(np.float64), BASE_M)
    tilt = np.degrees(np.arctan(np.hypot(down, right)))
    known = np.ascontiguousarray(smooth_surface(truth.grid, patch.ref)[inner], dtype=np.float32)
    return Scene(
        image, rocks[near], visible[near], view, known, (float(np.median(tilt)), float(np.quantile(tilt, 0.95)))
    )


def shown(patch: HeightGrid, rocks: F64, az_deg: float, el_deg: float) -> NDArray[np.bool_]:
    """Return which rocks (x, y from the patch's middle) of at least `SMALLEST_M` height are visible; see the module's text."""
    z, cell = patch.elevation_m, patch.ref.cell_m
    lit = lit_share(z, cell, az_deg, el_deg) > 0.5
    middle = 0.5 * (np.array(z.shape) - 1.0)
    out = np.zeros(len(rocks), dtype=np.bool_)
    for k in np.flatnonzero(rocks[:, 3] >= SMALLEST_M):
        x, y, diameter, height = (float(value) for value in rocks[k])
        row, col, radius = middle[0] - y / cell, middle[1] + x / cell, 0.5 * diameter / cell
        cells = _disc(row, col, radius, z.shape)
        if not len(cells[0]):
            continue
        out[k] = float(lit[cells].mean()) >= LIT_SHARE
        if not out[k] and lit[cells].any():
            out[k] = _own_shadow(z, lit, cell, (row, col, radius, height), (az_deg, el_deg)) >= SHADOW_SHARE
    return out


def _disc(row: float, col: float, radius: float, shape: tuple[int, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the cells whose middles lie under a rock."""
    r0, r1 = max(math.ceil(row - radius), 0), min(math.floor(row + radius), shape[0] - 1)
    c0, c1 = max(math.ceil(col - radius), 0), min(math.floor(col + radius), shape[1] - 1)
    r, c = np.mgrid[r0 : r1 + 1, c0 : c1 + 1]
    inside = (r - row) ** 2 + (c - col) ** 2 < radius**2
    return r[inside], c[inside]


def _own_shadow(
    z: NDArray[np.float32],
    lit: NDArray[np.bool_],
    cell: float,
    rock: tuple[float, float, float, float],
    light: tuple[float, float],
) -> float:
    """Return the area that only this rock darkens over the area that it covers, by taking the rock away."""
    row, col, radius, height = rock
    reach = height / math.tan(math.radians(max(light[1], 0.5))) / cell + 3.0 * radius
    upsun = min(reach * 3.0, 400.0)
    away = np.array([math.cos(math.radians(light[0])), -math.sin(math.radians(light[0]))])  # row, col
    ends = np.array([[row, col] + away * reach, [row, col] - away * upsun])
    low = np.maximum(np.floor(ends.min(axis=0) - radius - 2.0), 0).astype(int)
    high = np.minimum(np.ceil(ends.max(axis=0) + radius + 3.0), z.shape).astype(int)
    box = (slice(low[0], high[0]), slice(low[1], high[1]))
    without = z[box].copy()
    r, c = _disc(row - low[0], col - low[1], radius, without.shape)
    share = ((r - row + low[0]) ** 2 + (c - col + low[1]) ** 2) / radius**2
    without[r, c] -= (height * np.sqrt(np.maximum(1.0 - share, 0.0))).astype(np.float32)
    light_then = lit_share(without, cell, *light) > 0.5
    light_now = lit_share(z[box], cell, *light) > 0.5
    own = light_then & ~light_now
    own[r, c] = False
    return float(own.sum()) / (math.pi * radius**2)


def pairs(x: F64, y: F64, rocks: F64) -> NDArray[np.int64]:
    """Return for each detection the index of its rock, -1 for none: one to one, nearest first."""
    found = np.full(len(x), -1)
    if len(x) == 0 or len(rocks) == 0:
        return found
    reach = np.maximum(REACH_M, REACH * rocks[:, 2])
    mine, theirs = KDTree(np.column_stack([x, y])), KDTree(rocks[:, :2])
    near = mine.sparse_distance_matrix(theirs, float(reach.max()), output_type="ndarray")
    near = near[near["v"] <= reach[near["j"]]]
    near = near[np.lexsort((near["j"], near["i"]))]
    which, rock, gap = near["i"], near["j"], near["v"]
    taken: set[int] = set()
    for k in np.argsort(gap, kind="stable"):
        if found[which[k]] < 0 and rock[k] not in taken:
            found[which[k]] = rock[k]
            taken.add(int(rock[k]))
    return found
