"""A scanning lidar: ranges of the true ground with noise, dropouts and misregistration, and the truth beside what the robot believes.

The scan goes line by line. On each line the sensor is a little off the pose that the robot believes in: a constant error of the
whole frame, and a random walk over its lines (gyro and navigation drift). Rays leave from where the sensor is; points are laid where the
robot believes it is. Returns are lost at random, and more as the ground is met at a grazing angle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.grid import HeightGrid
from moonfleet.terrain.rays import UNIT, cast_rays
from moonfleet.terrain.seeds import stream

from .errors import SensorError

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Lidar:
    """What a lidar does; all numbers are finite and at least 0. Raises `SensorError` where they are not."""

    range_sigma_m: float = 0.05  # standard deviation of a range
    dropout: float = 0.05  # share of returns lost where the ground is met squarely, 0..1
    grazing_deg: float = 65.0  # angle to the normal above which more are lost, 0..90; all at 90
    max_range_m: float = 400.0
    place_sigma_m: float = 0.0  # error of the frame's place, on each axis
    angle_sigma_deg: float = 0.0  # error of the frame's attitude, about each axis
    place_drift_m: float = 0.02  # standard deviation of the walk over a frame, on each axis
    angle_drift_deg: float = 0.01

    def __post_init__(self) -> None:
        most = {"dropout": 1.0, "grazing_deg": 90.0}
        for field in fields(self):
            value = getattr(self, field.name)
            if not (math.isfinite(value) and 0.0 <= value <= most.get(field.name, math.inf)):
                raise SensorError(
                    f"lidar.{field.name}: {value!r}; must be 0..{most.get(field.name, math.inf):g}, finite."
                )
        if self.max_range_m == 0.0:
            raise SensorError("lidar.max_range_m: 0; must be above 0.")


class LidarFrame(NamedTuple):
    """One scan of L lines of N beams. The first four are what the robot has; the rest is truth, for judges and pictures."""

    ranges_m: F64  # [L, N], NaN where nothing came back
    points: F64  # [n, 3] x, y, z [m] of the returns, by the believed pose
    sigma_m: F64  # [n] standard deviation of their heights that follows from the range's
    beam: NDArray[np.int64]  # [n] line * N + sample of each return
    true_ranges_m: F64  # [L, N], NaN where there is no ground
    true_points: F64  # [n, 3] where those returns came from
    true_offset: F64  # [L, 6] the sensor's true pose less the believed one: x, y, z [m], rotation vector [rad]


def nadir_scan(height_m: float, half_m: float, spacing_m: float) -> F64:
    """Return the beams of a square scan straight down, float64 [n, n, 3]: on level ground ``height_m`` below, points ``spacing_m`` apart.

    Lines go from north to south, beams from west to east; ``half_m`` is half the square's side [m]. Raises `SensorError` unless all are
    positive and make 1 to 4 000 beams on a side.
    """
    sides = 2.0 * half_m / spacing_m if min(height_m, half_m, spacing_m) > 0.0 else 0.0
    count = round(sides) if math.isfinite(sides) else 0
    if not (1 <= count <= 4_000 and math.isfinite(height_m)):
        raise SensorError(
            f"scan: height_m {height_m!r}, half_m {half_m!r}, spacing_m {spacing_m!r}; must be positive and make 1..4000 beams on a side."
        )
    along = (np.arange(count) - (count - 1) / 2.0) * spacing_m
    beams = np.empty((count, count, 3))
    beams[..., 0], beams[..., 1], beams[..., 2] = along[None, :], -along[:, None], -height_m
    return beams / np.sqrt((beams * beams).sum(axis=2, keepdims=True))


def mast_scan(toward_deg: float, fov_deg: float, lowest_deg: float, highest_deg: float, lines: int, beams: int) -> F64:
    """Return the beams of a scan from a mast, float64 [lines, beams, 3].

    Lines lie at even elevations from ``highest_deg`` down to ``lowest_deg`` (negative looks down), beams at even azimuths over ``fov_deg``
    around the grid azimuth ``toward_deg``. Raises `SensorError` for angles or counts that make no scan.
    """
    if not (-90.0 <= lowest_deg <= highest_deg <= 90.0 and 0.0 < fov_deg <= 360.0 and math.isfinite(toward_deg)):
        raise SensorError(
            f"scan: fov_deg {fov_deg!r}, elevations {lowest_deg!r}..{highest_deg!r}; must be 0..360 and rising within -90..90."
        )
    if not 1 <= lines * beams <= 16_000_000 or min(lines, beams) < 1:
        raise SensorError(f"scan: {lines} lines of {beams} beams; must be 1..16000000 in all.")
    elevation = np.radians(np.linspace(highest_deg, lowest_deg, lines))[:, None]
    azimuth = np.radians(toward_deg + ((np.arange(beams) + 0.5) / beams - 0.5) * fov_deg)[None, :]
    flat = np.cos(elevation)
    return np.stack([flat * np.sin(azimuth), flat * np.cos(azimuth), np.sin(elevation) + 0.0 * azimuth], axis=2)


def scan(
    ground: HeightGrid,
    place: tuple[float, float, float],
    beams: F64,
    lidar: Lidar,
    seed: int,
    *,
    robot: int = -1,
    index: tuple[int, ...] = (),
) -> LidarFrame:
    """Take one frame of the true ground.

    Parameters
    ----------
    ground : the true ground, as far as the beams reach; beyond it nothing comes back.
    place : x, y, z [m] where the robot believes its sensor to be.
    beams : float64 [L, N, 3], unit vectors by the attitude that it believes in (`nadir_scan`, `mast_scan`).
    seed, robot, index : name the stream of random numbers; the same names give the same bytes.

    Raises
    ------
    SensorError : a place that is not three numbers, or beams that are not float64 unit vectors [L, N, 3].
    SiteError : ground that cannot be scanned (see `cast_rays`).
    """
    if np.shape(place) != (3,) or not np.isfinite(place).all():
        raise SensorError(f"scan: place {place!r}; must be x, y, z, finite.")
    if beams.ndim != 3 or beams.shape[2] != 3 or beams.dtype != np.float64:
        raise SensorError(f"scan: beams {beams.dtype} {beams.shape}; must be float64 [lines, beams, 3].")
    length = np.einsum("ijk,ijk->ij", beams, beams)
    if length.size and not np.abs(length - 1.0).max() < UNIT:
        raise SensorError(
            f"scan: beams of lengths {math.sqrt(length.min()):g}..{math.sqrt(length.max()):g}; must be unit vectors."
        )
    rng = stream(seed, "lidar", robot=robot, index=index)
    lines = len(beams)
    offset = _offsets(lidar, lines, rng)
    believed = np.array(place, dtype=np.float64)
    rotation = offset[:, None, 3:]
    aimed = beams + np.cross(rotation, beams) if offset[:, 3:].any() else beams
    aimed = aimed / np.sqrt((aimed * aimed).sum(axis=2, keepdims=True))
    hits = cast_rays(ground, believed + offset[:, :3], aimed, lidar.max_range_m)
    noise = rng.standard_normal(hits.range_m.shape)
    lost = rng.random(hits.range_m.shape) < lost_share(lidar, hits.cos_incidence)
    ranges = np.where(lost, np.nan, hits.range_m + lidar.range_sigma_m * noise)
    ranges[ranges <= 0.0] = np.nan  # nothing comes back before it is sent
    back = np.flatnonzero(np.isfinite(ranges))
    line = back // max(beams.shape[1], 1)
    unit, true_unit = beams.reshape(-1, 3)[back], aimed.reshape(-1, 3)[back]
    points = believed + unit * ranges.reshape(-1)[back, None]
    true_points = believed + offset[line, :3] + true_unit * hits.range_m.reshape(-1)[back, None]
    sigma = np.maximum(lidar.range_sigma_m * np.abs(unit[:, 2]), 1e-4)
    return LidarFrame(ranges, points, sigma, back, hits.range_m, true_points, offset)


def lost_share(lidar: Lidar, cos_incidence: F64) -> F64:
    """Return the chance that a return is lost, by its angle to the ground's normal: rises to 1 as the square above `grazing_deg`."""
    angle = np.degrees(np.arccos(np.clip(cos_incidence, 0.0, 1.0)))
    over = np.clip((angle - lidar.grazing_deg) / max(90.0 - lidar.grazing_deg, 1e-9), 0.0, 1.0)
    return lidar.dropout + (1.0 - lidar.dropout) * over * over


def _offsets(lidar: Lidar, lines: int, rng: np.random.Generator) -> F64:
    """Return the pose error of each line, float64 [lines, 6]: a constant and a walk from nought whose last step has the drift's sigma."""
    constant = np.repeat([lidar.place_sigma_m, math.radians(lidar.angle_sigma_deg)], 3)
    walk = np.repeat([lidar.place_drift_m, math.radians(lidar.angle_drift_deg)], 3) / math.sqrt(max(lines, 1))
    return constant * rng.standard_normal(6) + np.cumsum(walk * rng.standard_normal((lines, 6)), axis=0)
