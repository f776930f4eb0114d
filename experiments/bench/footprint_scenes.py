"""Seeded ground as a lidar maps it, and the truth of a footprint on it: for the hazard bench and for the training of the hazard law."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.lidar import Lidar, nadir_scan, scan
from moonfleet.autonomy.elevation_patch import ElevationPatch, patch_from_points
from moonfleet.autonomy.footprint import Footprint
from moonfleet.autonomy.footprint_fit import footprint_fit
from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.local_ground import LocalGround
from moonfleet.terrain.seeds import stream

COVERS = (0.02, 0.08)  # share of ground under rocks
TILTS_DEG = (3.0, 14.0)  # steepness of the rolling ground
ALTITUDE_M = 100.0  # of the lidar
MARGIN_M = 4.0  # of known truth around the patch: footprints on its rim are judged too
SITE_CELL_M = 20.0


class Setting(NamedTuple):
    """What is looked for, with what."""

    footprint: Footprint
    sigma_m: float  # of the lidar's ranges
    cell_m: float
    gaps: int  # round areas without any return


BENCH = Setting(Footprint(radius_m=2.0, max_slope_deg=10.0, max_rock_m=0.3), 0.05, 0.1, 0)


class Scene(NamedTuple):
    """What was sensed, on what ground it was, and what stands there."""

    patch: ElevationPatch
    truth: NDArray[np.float32]  # [R, C] heights without noise
    setting: Setting
    unsafe: NDArray[np.bool_]  # [R, C] by the truth


def any_setting(seed: int) -> Setting:
    """Return a seeded setting: a lander or a rover, limits, noise, cell and gaps."""
    rng = stream(seed, "footprint setting")
    rock = rng.uniform(0.15, 0.45)
    footprint = Footprint(rng.uniform(0.6, 2.6), rng.uniform(7.0, 16.0), rock)
    return Setting(
        footprint, rock * rng.uniform(0.03, 0.35), float(rng.choice([0.1, 0.1, 0.15, 0.2])), int(rng.integers(0, 12))
    )


def make(seed: int, size_m: float, setting: Setting = BENCH) -> Scene:
    """Return one seeded scene of ``size_m`` on a side."""
    rng = stream(seed, "footprint scene")
    cover, tilt = rng.uniform(*COVERS), rng.uniform(*TILTS_DEG)
    half, cell = size_m / 2.0, setting.cell_m
    ground = rolling(seed, cover, tilt, size_m).patch(0.0, 0.0, 1.05 * half + MARGIN_M, cell)
    sensor = (0.0, 0.0, ground.sample(0.0, 0.0) + ALTITUDE_M)
    frame = scan(ground, sensor, nadir_scan(ALTITUDE_M, half, cell), Lidar(range_sigma_m=setting.sigma_m), seed)
    points, sigma = frame.points, frame.sigma_m
    for _ in range(setting.gaps):
        x, y, reach = rng.uniform(-half, half), rng.uniform(-half, half), rng.uniform(0.2, 2.5)
        kept = np.hypot(points[:, 0] - x, points[:, 1] - y) > reach
        points, sigma = points[kept], sigma[kept]
    ref = GeoRef.centred(0.0, 0.0, size_m, cell)
    patch = patch_from_points(points, ref, sigma)
    xmin, ymin, xmax, ymax = ref.bounds
    wide = ground.crop(xmin - MARGIN_M, ymin - MARGIN_M, xmax + MARGIN_M, ymax + MARGIN_M)
    top, left = (round(v) for v in wide.ref.rowcol(*ref.xy(0, 0)))
    inner = (slice(top, top + ref.rows), slice(left, left + ref.cols))
    fit = footprint_fit(wide.elevation_m, cell, setting.footprint.radius_m)
    unsafe = (fit.slope_deg > setting.footprint.max_slope_deg) | (fit.rise_m > setting.footprint.max_rock_m)
    return Scene(patch, wide.elevation_m[inner], setting, unsafe[inner])


def rolling(seed: int, cover: float, tilt_deg: float, size_m: float) -> LocalGround:
    """Return rolling ground of about ``tilt_deg``, rocks on the share ``cover`` of it."""
    rng = stream(seed, "footprint ground")
    ref = GeoRef.centred(0.0, 0.0, 2.0 * SITE_CELL_M * (2 + round(size_m / SITE_CELL_M)), SITE_CELL_M)
    z = 0.35 * SITE_CELL_M * np.tan(np.radians(tilt_deg)) * rng.standard_normal(ref.shape)
    return LocalGround(HeightGrid(z.astype(np.float32), ref), np.full(ref.shape, cover, np.float32), seed)
