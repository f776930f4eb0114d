"""Draw docs/images/cameras.png, what the cameras see: ``python docs/cameras.py [OUT.png]``.

Left to right, top: descent views at a Sun of 2, 5 and 30 deg; middle: mast views with the Sun ahead, to the side and behind; bottom: the
left picture of a stereo pair, its depth (black: not trusted), and its ground from above (light: high).
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.camera_frames import Image, take_mast, take_nadir, take_pair
from moonfleet.autonomy.camera import MastCamera
from moonfleet.autonomy.stereo import rig_for, stereo_depth, stereo_patch
from moonfleet.terrain.grid import GeoRef
from moonfleet.terrain.local_ground import LocalGround
from moonfleet.terrain.shading import Sun
from moonfleet.terrain.site import SiteRecipe, build_site

SIZE = (240, 384)  # [px] rows and columns of a panel
GREYS = 24  # levels: a smaller file
TOWARD = 40.0  # [deg]


def panel(image: Image | NDArray[np.float32], full: float) -> NDArray[np.uint8]:
    """Fit a picture into a panel; a square root lifts the dark parts."""
    grey = np.sqrt(np.clip(image.astype(np.float32) / full, 0.0, 1.0))
    rows, cols = grey.shape
    if cols * SIZE[0] > rows * SIZE[1]:
        width = rows * SIZE[1] // SIZE[0]
        grey = grey[:, (cols - width) // 2 : (cols + width) // 2]
    else:
        grey = grey[: cols * SIZE[0] // SIZE[1]]
    small = cv2.resize(grey, SIZE[::-1], interpolation=cv2.INTER_AREA)
    out = np.round(small * (GREYS - 1)) * (255.0 / (GREYS - 1))
    return cv2.copyMakeBorder(out.astype(np.uint8), 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=255)


def main() -> None:
    """Draw."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("images") / "cameras.png"
    site = build_site(SiteRecipe("cameras", 123.4, -88.8, size_m=2_560, cell_m=20, seed=7, azimuths=36))
    ground = LocalGround(site.ground.grid, np.full(site.ref.shape, 0.05, np.float32), site.ground.seed)
    x, y = (c + d for c, d in zip(site.ref.centre, (230.0, -140.0), strict=True))
    rig = rig_for(MastCamera(1.5, 15.0, 60.0))
    top = [
        panel(take_nadir(ground, x, y, 80.0, Sun(160.0, e), 1, fov_deg=42.0, pixels=800).image, 3000.0)
        for e in (2.0, 5.0, 30.0)
    ]
    middle = [
        panel(take_mast(ground, x, y, TOWARD, rig, Sun(TOWARD + turn, 6.0), 1).image, 3600.0)
        for turn in (0.0, 90.0, 180.0)
    ]
    pair = take_pair(ground, x, y, TOWARD, rig, Sun(TOWARD + 70.0, 4.0), 1)
    depth = stereo_depth(pair.left.image, pair.right.image, rig)
    near = np.where(depth.trusted, rig.nearest_m / np.nan_to_num(depth.depth_m, nan=np.inf), 0.0).astype(np.float32)
    ref = GeoRef(-4.8, 8.2, 0.1, 60, 96)
    patch = stereo_patch(depth, rig, ref, 0.0, 0.0, 0.0)
    row, col = np.nonzero(patch.trusted)
    terms = np.stack([np.ones(row.size), row, col], axis=1)
    plane = np.linalg.lstsq(terms, patch.elevation_m[row, col], rcond=None)[0]
    height = np.zeros(ref.shape, dtype=np.float32)
    height[row, col] = 0.3 + patch.elevation_m[row, col] - terms @ plane
    bottom = [panel(pair.left.image, 3600.0), panel(near, 1.0), panel(height, 0.9)]
    cv2.imwrite(
        str(out), np.vstack([np.hstack(row) for row in (top, middle, bottom)]), [cv2.IMWRITE_PNG_COMPRESSION, 9]
    )


if __name__ == "__main__":
    main()
