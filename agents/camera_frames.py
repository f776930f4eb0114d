"""Frames of a robot's cameras, each with the truth it shows: a descent view, a mast view, a stereo pair.

Light from `terrain.shading`; then what a camera does to it: blur of the lens, exposure by the brighter parts of the picture, the shot noise
of counted electrons, read noise, and whole grey levels. Every frame has its own random stream, named by seed, robot and index.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.stereo import StereoRig
from moonfleet.terrain.grid import HeightGrid
from moonfleet.terrain.local_ground import MAX_PATCH_CELLS, LocalGround
from moonfleet.terrain.perspective import Pinhole, Seen, Window, lamplit_windows, look_down, look_level, sunlit_windows
from moonfleet.terrain.rocks import LARGEST_M
from moonfleet.terrain.seeds import stream
from moonfleet.terrain.shading import Lamp, Sun, shade_seen

from .errors import CameraError

BRIGHT_SHARE = 0.97  # [-] auto exposure: this quantile of the picture ...
BRIGHT_LEVEL = 0.65  # [-] ... is put at this share of full scale
DIMMEST = 1e-4  # [-] radiance that the longest exposure brings to that level: ten times what a full Earth gives
NEAR_CELL_M, NEAR_HALF_M = 0.025, 5.0  # [m] ground around the mast
MIDDLE_CELL_M = 0.05  # [m] ground as far as a mast camera is used
FAR_CELL_M, FAR_HALF_M = 0.4, 80.0  # [m] ground that only makes skyline and shadows
MARGIN_M = 4.0  # [m] middle ground beyond what is used: rocks there cast shadows into it
SHADOW_BELOW = 0.05  # [-] lit share below which ground is in shadow
LAMP_HEIGHT = 0.6  # [-] of the height of the mast: a light by the lens would show no relief
DESCENT_MARGIN = 1.1  # [-] side of the ground that is made over that of the picture, where that shows in all of it
DESCENT_WIDEN, DESCENT_WIDEST = (
    1.5,
    4.0,
)  # [-] steps in which it is made wider on ground that falls away, and how wide at most
PSF_MAX_PX = 100.0  # [px] wider is no picture


Image = NDArray[np.uint8] | NDArray[np.uint16]


class Detector(NamedTuple):
    """A camera's electronics: width of its point spread (sigma [px]), electrons at full scale, read noise [electrons], bits."""

    psf_px: float = 0.6
    full_well_e: float = 30_000.0
    read_noise_e: float = 15.0
    bits: int = 12

    @property
    def full_scale(self) -> int:
        """The highest grey level."""
        return (1 << self.bits) - 1


PLAIN_DETECTOR = Detector()


class Truth(NamedTuple):
    """What a picture shows, pixel by pixel.

    ``range_m`` float32 [R, C] from the lens, infinite for the sky; ``xyz_m`` float64 [R, C, 3] of the ground, NaN for the sky;
    ``shadow`` bool [R, C]; ``rocks`` float64 [n, 4] (x, y, diameter, height [m]) of those that show; ``rock`` int32 [R, C], which
    of them a pixel shows, -1 for none.
    """

    range_m: NDArray[np.float32]
    xyz_m: NDArray[np.float64]
    shadow: NDArray[np.bool_]
    rocks: NDArray[np.float64]
    rock: NDArray[np.int32]


class NadirFrame(NamedTuple):
    """A descent view, north up: ``image`` uint8 or uint16 [R, C], its camera, and metres per pixel on the ground below it."""

    image: Image
    camera: Pinhole
    cell_m: float
    light: Sun
    truth: Truth


class MastFrame(NamedTuple):
    """A mast view: ``image`` uint8 or uint16 [R, C], row 0 at the top."""

    image: Image
    camera: Pinhole
    light: Sun | Lamp
    truth: Truth


class StereoPair(NamedTuple):
    """Two mast views taken at once, rectified: the same row of both shows the same ground, the right one further to the left."""

    left: MastFrame
    right: MastFrame
    rig: StereoRig


def expose_electrons(
    radiance: NDArray[np.float32], detector: Detector, rng: np.random.Generator, gain: float | None = None
) -> Image:
    """Return the picture that a detector takes of ``radiance`` float32 [R, C]: uint8 for up to 8 bits, else uint16.

    ``gain``: full scales per unit of radiance, finite and at least 0; None for auto exposure. Shot noise is normal with the variance
    of a Poisson count, which from some ten electrons on is the same.

    Raises
    ------
    CameraError : radiance that is negative, not finite or not 2-D, a gain that is none, bits outside 4..16, or a detector without
        positive size.
    """
    import cv2

    sizes = detector.full_well_e, detector.read_noise_e
    if not (
        detector.bits in range(4, 17) and 0.0 < sizes[0] < math.inf and 0.0 <= sizes[1] < math.inf and 0.0 <= detector.psf_px <= PSF_MAX_PX
    ):  # fmt: skip
        raise CameraError(
            f"detector: {detector}; allowed: 4..16 bits, full_well_e > 0, noise >= 0, finite; psf_px 0..{PSF_MAX_PX:g}."
        )
    if radiance.ndim != 2 or radiance.size == 0 or not (np.isfinite(radiance) & (radiance >= 0.0)).all():
        raise CameraError(f"radiance: {radiance.shape}; allowed: [rows, cols], finite and at least 0 everywhere.")
    if gain is not None and not 0.0 <= gain < math.inf:
        raise CameraError(f"gain: {gain!r}; allowed: finite, at least 0, or None.")
    light = np.asarray(radiance, dtype=np.float32)
    if detector.psf_px > 0.0:
        light = np.asarray(
            cv2.GaussianBlur(light, (0, 0), detector.psf_px, borderType=cv2.BORDER_REFLECT), dtype=np.float32
        )
    electrons = light * np.float32((auto_gain(light) if gain is None else gain) * detector.full_well_e)
    sigma = np.sqrt(electrons + np.float32(detector.read_noise_e**2))
    electrons += sigma * rng.standard_normal(electrons.shape, dtype=np.float32)
    level = electrons * np.float32(detector.full_scale / detector.full_well_e) + np.float32(0.5)
    out = np.clip(level, 0, detector.full_scale)
    return out.astype(np.uint8) if detector.bits <= 8 else out.astype(np.uint16)


def auto_gain(radiance: NDArray[np.float32]) -> float:
    """Return full scales per unit of radiance: the picture's brighter parts well below saturation, within the longest exposure."""
    bright = float(np.quantile(radiance[::2, ::2], BRIGHT_SHARE))
    return BRIGHT_LEVEL / max(bright, DIMMEST)


def take_nadir(
    ground: LocalGround,
    x: float,
    y: float,
    altitude_m: float,
    sun: Sun,
    seed: int,
    *,
    fov_deg: float = 50.0,
    pixels: int = 1000,
    detector: Detector = PLAIN_DETECTOR,
    robot: int = 0,
    index: tuple[int, ...] = (),
) -> NadirFrame:
    """Take a descent picture of ``pixels`` x ``pixels`` from ``altitude_m`` above the ground at (x, y) [m], ``fov_deg`` wide.

    The ground is made at the size of a pixel (or what 4 000 cells allow), as wide as the picture shows.

    Raises
    ------
    CameraError : no altitude, field of view or pixels to speak of.
    SiteError : a place outside of the site.
    """
    if not (math.isfinite(altitude_m) and altitude_m > 0.0 and 1.0 <= fov_deg <= 120.0 and 8 <= pixels <= 3600):
        raise CameraError(
            f"descent camera: altitude_m {altitude_m!r}, fov_deg {fov_deg!r}, pixels {pixels!r}; "
            "allowed: above 0, 1..120, 8..3600."
        )
    focal = 0.5 * pixels / math.tan(math.radians(fov_deg) / 2.0)
    cell = altitude_m / focal
    middle, margin = 0.5 * (pixels - 1), DESCENT_MARGIN
    while True:
        side = margin * pixels * cell
        patch = ground.patch(x, y, 0.5 * side, max(cell, 1.0001 * side / MAX_PATCH_CELLS))
        windows = sunlit_windows([patch], sun.az_deg, sun.el_deg)
        camera = Pinhole(x, y, patch.sample(x, y) + altitude_m, 0.0, focal, pixels, pixels, middle, middle)
        seen = look_down(windows[0], camera)
        margin *= DESCENT_WIDEN
        if margin > DESCENT_WIDEST or bool((seen.window >= 0).all()):
            break
    image, truth = _develop(ground, windows, camera, seen, sun, seed, detector, robot, index)
    return NadirFrame(image, camera, cell, sun, truth)


def mast_grounds(ground: LocalGround, x: float, y: float, toward_deg: float, range_m: float) -> tuple[HeightGrid, ...]:
    """Return the true ground that a mast at (x, y) [m] may see, the finest first: around it, ahead as far as ``range_m``, and beyond."""
    angle = math.radians(toward_deg)
    dx, dy = math.sin(angle), math.cos(angle)
    half = range_m / 2.0 + MARGIN_M
    near = min(NEAR_HALF_M, 0.6 * half)
    plans = (
        (0.7 * near, near, NEAR_CELL_M),
        (range_m / 2.0, half, MIDDLE_CELL_M),
        (0.0, max(FAR_HALF_M, 3.0 * half), FAR_CELL_M),
    )
    return tuple(ground.patch(x + ahead * dx, y + ahead * dy, size, cell) for ahead, size, cell in plans)


def take_mast(
    ground: LocalGround,
    x: float,
    y: float,
    toward_deg: float,
    rig: StereoRig,
    sun: Sun | None,
    seed: int,
    *,
    range_m: float = 20.0,
    detector: Detector = PLAIN_DETECTOR,
    robot: int = 0,
    index: tuple[int, ...] = (),
) -> MastFrame:
    """Take one mast picture toward a grid azimuth from (x, y) [m]; ``sun`` None lights the lamp. Errors as `take_pair`."""
    view = _views(ground, x, y, toward_deg, rig, sun, seed, range_m, detector, robot, index, (0.0,))[0]
    return view.with_truth(ground)


def take_pair(
    ground: LocalGround,
    x: float,
    y: float,
    toward_deg: float,
    rig: StereoRig,
    sun: Sun | None,
    seed: int,
    *,
    range_m: float = 20.0,
    detector: Detector = PLAIN_DETECTOR,
    robot: int = 0,
    index: tuple[int, ...] = (),
) -> StereoPair:
    """Take two mast pictures at once toward a grid azimuth, the lenses half a baseline left and right of (x, y) [m].

    The pictures are levelled (axis and rows horizontal) as a robot that knows its tilt rectifies them. Both have the exposure of the
    left one. ``range_m``: how far the ground is made fine enough to be looked at.

    Raises
    ------
    CameraError : a rig or range that is none.
    SiteError : a place outside of the site.
    """
    half = rig.baseline_m / 2.0
    left, right = _views(ground, x, y, toward_deg, rig, sun, seed, range_m, detector, robot, index, (-half, half))
    return StereoPair(left.with_truth(ground), right.with_truth(ground), rig)


def pair_images(
    ground: LocalGround, x: float, y: float, toward_deg: float, rig: StereoRig, sun: Sun | None, seed: int, *,
    range_m: float = 20.0, robot: int = 0, index: tuple[int, ...] = (),
) -> tuple[Image, Image]:  # fmt: skip
    """Return only the pictures of `take_pair`: what a robot gets, without the work of telling the truth."""
    half, detector = rig.baseline_m / 2.0, PLAIN_DETECTOR
    left, right = _views(ground, x, y, toward_deg, rig, sun, seed, range_m, detector, robot, index, (-half, half))
    return left.image, right.image


class _View(NamedTuple):
    """A picture and all that its truth is made of."""

    image: Image
    camera: Pinhole
    light: Sun | Lamp
    windows: tuple[Window, ...]
    seen: Seen
    lit: NDArray[np.float32]

    def with_truth(self, ground: LocalGround) -> MastFrame:
        truth = truth_of(ground, self.windows, self.camera, self.seen, self.lit)
        return MastFrame(self.image, self.camera, self.light, truth)


def _views(
    ground: LocalGround, x: float, y: float, toward_deg: float, rig: StereoRig, sun: Sun | None, seed: int, range_m: float,
    detector: Detector, robot: int, index: tuple[int, ...], sides_m: tuple[float, ...],
) -> list[_View]:  # fmt: skip
    """Return mast pictures from lenses ``sides_m`` to the right of (x, y)."""
    if not (math.isfinite(range_m) and 1.0 <= range_m <= 80.0 and math.isfinite(toward_deg)):
        raise CameraError(f"mast camera: range_m {range_m!r}, toward_deg {toward_deg!r}; allowed: 1..80, finite.")
    lengths = rig.focal_px, rig.baseline_m, rig.height_m
    if min(rig.rows, rig.cols) < 1 or not all(math.isfinite(v) and v > 0.0 for v in lengths):
        raise CameraError(
            f"rig: {rig}; allowed: rows and cols >= 1, focal_px, baseline_m and height_m finite and above 0."
        )
    if not math.isfinite(rig.centre_row + rig.centre_col):
        raise CameraError(f"rig: centre ({rig.centre_row!r}, {rig.centre_col!r}); allowed: finite.")
    grounds = mast_grounds(ground, x, y, toward_deg, range_m)
    foot = grounds[0].sample(x, y)
    angle = math.radians(toward_deg)
    if sun is None:
        light: Sun | Lamp = Lamp(x, y, foot + LAMP_HEIGHT * rig.height_m)
        windows = lamplit_windows(grounds, light.x, light.y, light.z)
    else:
        light = sun
        windows = sunlit_windows(grounds, sun.az_deg, sun.el_deg)
    views: list[_View] = []
    gain: float | None = None
    for eye, side in enumerate(sides_m):
        camera = Pinhole(
            x + side * math.cos(angle), y - side * math.sin(angle), foot + rig.height_m, toward_deg,
            rig.focal_px, rig.rows, rig.cols, rig.centre_row, rig.centre_col,
        )  # fmt: skip
        seen = look_level(windows, camera)
        picture = shade_seen(windows, camera, seen, light, ground.seed)
        gain = auto_gain(picture.radiance) if gain is None else gain
        rng = stream(seed, "mast camera", robot=robot, index=(*index, eye))
        image = expose_electrons(picture.radiance, detector, rng, gain)
        views.append(_View(image, camera, light, windows, seen, picture.lit))
    return views


def truth_of(
    ground: LocalGround, windows: Sequence[Window], camera: Pinhole, seen: Seen, lit: NDArray[np.float32]
) -> Truth:
    """Return the truth of a picture; rocks are told on the finer windows (all but the last of several)."""
    offset = seen.offset_m
    xyz = offset.astype(np.float64) + np.array([camera.x, camera.y, camera.z])
    fine = windows[: max(1, len(windows) - 1)]
    reach = LARGEST_M / 2.0
    box = fine[-1].ground.ref.bounds
    rocks = ground.rocks(box[0] - reach, box[1] - reach, box[2] + reach, box[3] + reach)
    rock = np.full(seen.window.shape, -1, dtype=np.int32)
    for k, window in enumerate(fine):
        ref = window.ground.ref
        names = np.full(ref.shape, -1, dtype=np.int32)
        edge = ref.bounds
        away = np.maximum.reduce(
            [edge[0] - rocks[:, 0], rocks[:, 0] - edge[2], edge[1] - rocks[:, 1], rocks[:, 1] - edge[3]]
        )
        inside = away < 0.5 * rocks[:, 2]
        for i in np.flatnonzero(inside)[
            np.argsort(rocks[inside, 3], kind="stable")
        ]:  # the taller of two hides the other
            x, y, radius = (float(v) for v in (rocks[i, 0], rocks[i, 1], 0.5 * rocks[i, 2]))
            row, col = ref.rowcol(x, y)
            r0, r1 = (
                max(math.ceil(row - radius / ref.cell_m), 0),
                min(math.floor(row + radius / ref.cell_m) + 1, ref.rows),
            )
            c0, c1 = (
                max(math.ceil(col - radius / ref.cell_m), 0),
                min(math.floor(col + radius / ref.cell_m) + 1, ref.cols),
            )
            if r0 < r1 and c0 < c1:
                r, c = np.ogrid[r0:r1, c0:c1]
                names[r0:r1, c0:c1][(r - row) ** 2 + (c - col) ** 2 <= (radius / ref.cell_m) ** 2] = i
        here = seen.window == k
        row, col = ref.rowcol(xyz[here, 0], xyz[here, 1])
        r, c = (
            np.clip(np.rint(row), 0, ref.rows - 1).astype(np.int64),
            np.clip(np.rint(col), 0, ref.cols - 1).astype(np.int64),
        )
        rock[here] = names[r, c]
    shown = np.flatnonzero(np.bincount((rock + 1).ravel(), minlength=len(rocks) + 1)[1:])
    rename = np.full(len(rocks) + 1, -1, dtype=np.int32)
    rename[shown] = np.arange(shown.size)
    named = rename[rock]
    shadow = (lit < SHADOW_BELOW) & (seen.window >= 0)
    return Truth(seen.range_m, xyz, shadow, rocks[shown], named)


def _develop(
    ground: LocalGround, windows: Sequence[Window], camera: Pinhole, seen: Seen, sun: Sun, seed: int,
    detector: Detector, robot: int, index: tuple[int, ...],
) -> tuple[Image, Truth]:  # fmt: skip
    picture = shade_seen(windows, camera, seen, sun, ground.seed)
    rng = stream(seed, "descent camera", robot=robot, index=index)
    image = expose_electrons(picture.radiance, detector, rng)
    return image, truth_of(ground, windows, camera, seen, picture.lit)
