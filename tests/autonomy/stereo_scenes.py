"""Stereo pairs of made ground with known heights."""

from __future__ import annotations

import numpy as np

from moonfleet.agents.camera_frames import Detector, auto_gain, expose_electrons
from moonfleet.autonomy.stereo import StereoRig
from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.perspective import Pinhole, look_level, sunlit_windows
from moonfleet.terrain.seeds import stream
from moonfleet.terrain.shading import Sun, shade_seen

RIG = StereoRig(400.0, 0.3, 321, 400, 40.0, 199.5, 1.5)


def plane(cell_m: float = 0.05, slope: float = 0.0) -> HeightGrid:
    """Ground that rises by ``slope`` to the north, 0 m at the mast."""
    ref = GeoRef.centred(0.0, 0.0, 40.0, cell_m)
    _, y = ref.xy(np.arange(ref.rows), np.zeros(ref.rows))
    return HeightGrid(np.repeat((slope * y)[:, None], ref.cols, axis=1).astype(np.float32), ref)


def with_box(ground: HeightGrid, x: float, y: float, side_m: float, height_m: float) -> HeightGrid:
    """Put a box on the ground."""
    z, ref = ground.elevation_m.copy(), ground.ref
    (r0, c0), (r1, c1) = ref.cell_of(x - side_m / 2, y + side_m / 2), ref.cell_of(x + side_m / 2, y - side_m / 2)
    z[r0:r1, c0:c1] += np.float32(height_m)
    return HeightGrid(z, ref)


def shot(
    ground: HeightGrid, sun: Sun, seed: int = 1, rig: StereoRig = RIG
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Take a pair at (0, 0) to the north: left, right, true depth [m] (NaN: sky) and lit share of the left one."""
    windows = sunlit_windows([ground], sun.az_deg, sun.el_deg)
    images, depth, lit, gain = [], np.empty(0), np.empty(0), None
    foot = ground.sample(0.0, 0.0)
    for eye, side in enumerate((-rig.baseline_m / 2, rig.baseline_m / 2)):
        camera = Pinhole(
            side, 0.0, foot + rig.height_m, 0.0, rig.focal_px, rig.rows, rig.cols, rig.centre_row, rig.centre_col
        )
        seen = look_level(windows, camera)
        picture = shade_seen(windows, camera, seen, sun, seed)
        gain = auto_gain(picture.radiance) if gain is None else gain
        images.append(expose_electrons(picture.radiance, Detector(), stream(seed, "pair", index=(eye,)), gain))
        if eye == 0:
            depth, lit = seen.offset_m[..., 1], picture.lit
    return images[0], images[1], depth, lit
