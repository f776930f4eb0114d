"""Depth, ground and rocks from a rectified stereo pair of the mast, and what of it is not to be trusted.

Matching is OpenCV's semi-global one (Hirschmueller 2008, TPAMI 30, 328) on pictures stretched so that the noise is the same in all
grey levels (Anscombe 1948). It fills shadow with plausible depth: there is nothing to match there, and its smoothness term carries the
depth of the rim across. So a pixel is trusted only where the picture around it varies along the row by more than the known noise does.

Rocks are what stands above the plane that fits the ground around it. An error of depth moves a point along its line of sight, which runs
nearly along the ground: heights are known ten times better than distances.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.grid import GeoRef

from .camera import MastCamera
from .elevation_patch import ElevationPatch, patch_from_points
from .errors import ImageError

Image = NDArray[np.uint8] | NDArray[np.uint16]
NEAREST_M = 2.0  # [m] nearer ground is not matched
SIGMA_PX = 0.2  # [px] standard deviation of trusted disparities (`moonfleet bench hazards.5`)
BLOCK_PX = 5  # [px] side of the matched blocks
TEXTURE_PX = 9  # [px] side of the window that must vary
TEXTURE_MIN = (
    4.0  # [-] variation along the row over that of noise alone: less, and the disparity is worse than `SIGMA_PX`
)
AROUND_PX, AROUND_MIN = 25, 0.45  # [px], [-] window around a trusted pixel, and the share of it that must vary too
SPECKLE_PX = 60  # [px] smaller islands of depth are dropped
SIDE_MAX = 8_000  # [px] of a picture
STEEPEST = 1.3  # [-] ground nearer than this many mast heights is not looked at: a high mast need not see its own foot
NARROWEST_DEG = 25.0  # [deg] of a pair's picture: a narrower look is a part of it
HEAD_DEG = 75.0  # [deg] widest field of view of one pair; a wider look takes several


class StereoRig(NamedTuple):
    """Two equal cameras side by side, levelled and rectified, as a robot knows them.

    Attributes
    ----------
    focal_px : focal length over the size of a pixel.
    baseline_m : distance of the lenses [m].
    rows, cols : size of each picture [px].
    centre_row, centre_col : where the level optical axes meet the pictures [px].
    height_m : lenses above the foot of the mast [m].
    electrons_per_grey, read_noise_e : how many electrons make a grey level, and the read noise in electrons.
    """

    focal_px: float
    baseline_m: float
    rows: int
    cols: int
    centre_row: float
    centre_col: float
    height_m: float
    electrons_per_grey: float = 30_000.0 / 4_095.0
    read_noise_e: float = 15.0

    @property
    def nearest_m(self) -> float:
        """Nearest depth that the lowest row of the picture shows of level ground, at least `NEAREST_M`."""
        return max(self.height_m * self.focal_px / (self.rows - 1 - self.centre_row), NEAREST_M)

    def sigma_depth_m(self, depth_m: NDArray[np.floating] | float, sigma_px: float = SIGMA_PX) -> NDArray[np.floating]:
        """Return the standard deviation of depth [m]: z^2 sigma_d / (f B)."""
        return np.square(depth_m) * (sigma_px / (self.focal_px * self.baseline_m))


def rig_for(camera: MastCamera, *, baseline_m: float = 0.3, focal_px: float = 576.0) -> StereoRig:
    """Return the rig that sees a part of what a mast camera sees: all of its width up to `HEAD_DEG`, ground from `NEAREST_M` on."""
    heads = heads_of(camera)
    half = math.radians(max(camera.fov_deg / heads, NARROWEST_DEG) / 2.0)
    cols = 2 * math.ceil(focal_px * math.tan(half)) + 8
    above = math.ceil(0.12 * focal_px)
    below = math.ceil(focal_px * camera.height_m / max(NEAREST_M, STEEPEST * camera.height_m))
    return StereoRig(focal_px, baseline_m, above + below + 1, cols, float(above), (cols - 1) / 2.0, camera.height_m)


def heads_of(camera: MastCamera) -> int:
    """Return how many pairs side by side cover the width of a mast camera's view."""
    return math.ceil(camera.fov_deg / HEAD_DEG)


class Depth(NamedTuple):
    """``depth_m`` float32 [R, C] along the optical axis, NaN where nothing matched; ``trusted`` bool [R, C], False in shadow too."""

    depth_m: NDArray[np.float32]
    trusted: NDArray[np.bool_]


def stereo_depth(left: Image, right: Image, rig: StereoRig, *, mask: bool = True) -> Depth:
    """Return the depth of each pixel of the left picture.

    ``mask`` False trusts everything that matched, shadow included, as plain matching does (for comparison).

    Raises
    ------
    ImageError : pictures that are not uint8 or uint16 [rows, cols] of the rig, or a rig that cannot be.
    """
    import cv2

    _check(left, right, rig)
    flat_left, flat_right = flattened(left, rig), flattened(right, rig)
    top = max(float(np.quantile(flat_left[::4, ::4], 0.998)), 16.0)
    most = rig.focal_px * rig.baseline_m / rig.nearest_m
    count = 16 * max(1, math.ceil((most + 2.0) / 16.0))
    if count >= rig.cols:
        raise ImageError(f"rig: disparities up to {count} px in pictures {rig.cols} px wide; must be less than that.")
    matcher = cv2.StereoSGBM.create(
        0, count, BLOCK_PX, 8 * BLOCK_PX**2, 32 * BLOCK_PX**2, disp12MaxDiff=1, preFilterCap=31, uniquenessRatio=8,
        speckleWindowSize=SPECKLE_PX, speckleRange=2, mode=cv2.STEREO_SGBM_MODE_SGBM,
    )  # fmt: skip
    grey = [np.clip(flat * np.float32(255.0 / top), 0, 255).astype(np.uint8) for flat in (flat_left, flat_right)]
    wide = [cv2.copyMakeBorder(g, 0, 0, count, 0, cv2.BORDER_CONSTANT) for g in grey]  # else it skips so many columns
    disparity = np.asarray(matcher.compute(*wide)[:, count:], dtype=np.float32) / np.float32(16.0)
    disparity[_outside_right(rig)] = -1.0
    matched = disparity > 0.5
    depth = np.full(disparity.shape, np.nan, dtype=np.float32)
    depth[matched] = np.float32(rig.focal_px * rig.baseline_m) / disparity[matched]
    trusted = matched & (textured(flat_left) if mask else True)
    return Depth(depth, trusted)


def _outside_right(rig: StereoRig) -> NDArray[np.bool_]:
    """Return bool [R, C]: pixels whose match, if they see level ground or what stands a little out of it, is left of the right picture."""
    level = rig.baseline_m / rig.height_m * np.maximum(np.arange(rig.rows) - rig.centre_row, 0.0)
    return np.arange(rig.cols)[None, :] < (1.25 * level + 0.01 * rig.focal_px)[:, None]


def flattened(image: Image, rig: StereoRig) -> NDArray[np.float32]:
    """Return float32 [R, C] in which noise has the standard deviation 1 at every brightness (Anscombe 1948)."""
    electrons = image.astype(np.float32) * np.float32(rig.electrons_per_grey)
    dark = np.float32(0.375 + rig.read_noise_e**2)
    return np.float32(2.0) * (np.sqrt(electrons + dark) - np.sqrt(dark))


def textured(flat: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return where the picture varies along the row by `TEXTURE_MIN` times more than noise alone, and most around does; bool [R, C]."""
    import cv2

    step = np.zeros_like(flat)
    step[:, 1:-1] = flat[:, 2:] - flat[:, :-2]  # of noise alone the variance is 2
    size = (TEXTURE_PX, TEXTURE_PX)
    energy = cv2.blur(np.minimum(step * step, np.float32(100.0)), size, borderType=cv2.BORDER_REFLECT)
    varied = (np.asarray(energy) > 2.0 * TEXTURE_MIN).astype(np.float32)
    around = cv2.blur(varied, (AROUND_PX, AROUND_PX), borderType=cv2.BORDER_REFLECT)  # specks in the dark are chance
    return (varied > 0.0) & (np.asarray(around) > AROUND_MIN)


def _check(left: Image, right: Image, rig: StereoRig) -> None:
    numbers = (rig.focal_px, rig.baseline_m, rig.height_m, rig.electrons_per_grey)
    if not all(math.isfinite(v) and v > 0.0 for v in numbers) or not 0.0 <= rig.read_noise_e < math.inf:
        raise ImageError(
            f"rig: {rig}; lengths, electrons_per_grey must be finite and above 0, noise finite and at least 0."
        )
    if not math.isfinite(rig.centre_col):
        raise ImageError(f"rig: centre_col {rig.centre_col!r}; must be finite.")
    if not (16 <= rig.rows <= SIDE_MAX and 32 <= rig.cols <= SIDE_MAX and 0.0 <= rig.centre_row < rig.rows - 1):
        raise ImageError(
            f"rig: {rig.rows} x {rig.cols} px, centre_row {rig.centre_row}; must be 16..{SIDE_MAX} rows, the horizon in it."
        )
    for name, image in (("left", left), ("right", right)):
        if image.ndim != 2 or image.dtype.str[1:] not in ("u1", "u2"):
            raise ImageError(
                f"{name}: {image.dtype} {image.shape}; must be uint8 or uint16 [rows, cols], one grey channel."
            )
        if image.shape != (rig.rows, rig.cols):
            raise ImageError(f"{name}: {image.shape}; must be {(rig.rows, rig.cols)}, as the rig says.")


class Points(NamedTuple):
    """Trusted points of the ground: from the foot of the mast, how well each height is known, the pixels they come from."""

    xyz: NDArray[np.float64]  # [n, 3] right, ahead, up [m]
    sigma_m: NDArray[np.float64]  # [n] standard deviation of up
    row: NDArray[np.int64]  # [n] [px]
    col: NDArray[np.int64]


def points_of(depth: Depth, rig: StereoRig, range_m: float = math.inf) -> Points:
    """Return the trusted points no farther than ``range_m``; the origin is halfway between the lenses, on the ground."""
    row, col = np.nonzero(depth.trusted & (depth.depth_m <= range_m))
    z = depth.depth_m[row, col].astype(np.float64)
    v = (rig.centre_row - row) / rig.focal_px
    right = z * (col - rig.centre_col) / rig.focal_px - rig.baseline_m / 2.0
    sigma = np.hypot(np.abs(v) * rig.sigma_depth_m(z), 0.5 * z / rig.focal_px) + 0.002
    return Points(np.stack([right, z, rig.height_m + v * z], axis=1), sigma, row, col)


def in_site(
    xyz: NDArray[np.float64], x: float, y: float, toward_deg: float, foot_m: float = 0.0
) -> NDArray[np.float64]:
    """Return points (right, ahead, up) float64 [n, 3] in site metres, the mast standing at (x, y, foot_m) and looking toward an azimuth."""
    angle = math.radians(toward_deg)
    sin, cos = math.sin(angle), math.cos(angle)
    out = np.empty_like(xyz)
    out[:, 0] = x + xyz[:, 1] * sin + xyz[:, 0] * cos
    out[:, 1] = y + xyz[:, 1] * cos - xyz[:, 0] * sin
    out[:, 2] = foot_m + xyz[:, 2]
    return out


def stereo_patch(
    depth: Depth, rig: StereoRig, ref: GeoRef, x: float, y: float, toward_deg: float, foot_m: float = 0.0
) -> ElevationPatch:
    """Return the ground of one look as a patch on ``ref``; shadow and what is hidden stays unknown or untrusted."""
    points = points_of(depth, rig)
    return patch_from_points(in_site(points.xyz, x, y, toward_deg, foot_m), ref, points.sigma_m)
