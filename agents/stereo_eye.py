"""A robot's two eyes: mast stereo of the true ground, and the rocks that stand out of it."""

from __future__ import annotations

import numpy as np

from moonfleet.autonomy.camera import MastCamera
from moonfleet.autonomy.eyesight import Look, View, eyesight
from moonfleet.autonomy.rocks_seen import Detections
from moonfleet.autonomy.stereo import Depth, heads_of, in_site, points_of, rig_for, stereo_depth
from moonfleet.autonomy.stereo_rocks import stereo_rocks
from moonfleet.terrain.grid import GeoRef
from moonfleet.terrain.local_ground import LocalGround
from moonfleet.terrain.shading import Sun

from .camera_frames import Image, pair_images
from .messages import Sense
from .sensors import LAMP_EL_DEG, VIEW_CELL_M, sunlit, window

FARTHEST_M = 40.0  # [m] ground that is made fine: a rock beyond is no more than a few pixels of depth error high


class StereoEye:
    """Looks with a stereo pair; where the Sun is of no use, by the light of a lamp on the mast.

    A look wider than one pair takes several side by side. The camera's ``cell_m`` is of no account.
    """

    def __init__(self, ground: LocalGround, camera: MastCamera, seed: int, robot: int) -> None:
        self.ground, self.camera, self.seed, self.robot = ground, camera, seed, robot
        self.rig = rig_for(camera)
        self.sight = eyesight("stereo")

    def headings(self, toward_deg: float) -> list[float]:
        """Grid azimuths [deg] of the pairs that make one look."""
        heads = heads_of(self.camera)
        each = self.camera.fov_deg / heads
        return [toward_deg + (head - (heads - 1) / 2.0) * each for head in range(heads)]

    def images(self, sense: Sense, toward_deg: float, index: tuple[int, ...]) -> tuple[Image, Image]:
        """Take one pair of pictures toward a grid azimuth."""
        sun = Sun(sense.sun_az_deg, sense.sun_el_deg) if sunlit(sense) else None
        return pair_images(
            self.ground, sense.x, sense.y, toward_deg, self.rig, sun, self.seed,
            range_m=min(max(self.camera.range_m, 1.0), FARTHEST_M), robot=self.robot, index=index,
        )  # fmt: skip

    def depths(self, sense: Sense, toward_deg: float, number: int = 0) -> list[tuple[float, Depth]]:
        """Return heading [deg] and depth of each pair of one look."""
        out: list[tuple[float, Depth]] = []
        for head, heading in enumerate(self.headings(toward_deg)):
            left, right = self.images(sense, heading, (sense.t_s, number, head))
            out.append((heading, stereo_depth(left, right, self.rig)))
        return out

    def look(self, sense: Sense, toward_deg: float, number: int = 0) -> Look:
        """Return the rocks found in one look, in site metres, and the ground whose depth is trusted; shadow is not seen."""
        camera, here = self.camera, (sense.x, sense.y)
        heads = heads_of(camera)
        narrow = camera._replace(fov_deg=camera.fov_deg / heads)
        x, y, half = window(camera, sense, toward_deg)
        ref = GeoRef.centred(x, y, max(2.0 * half, 2.0 * VIEW_CELL_M), VIEW_CELL_M)
        shown = np.zeros(ref.shape, dtype=np.bool_)
        found: list[Detections] = []
        for heading, depth in self.depths(sense, toward_deg, number):
            rocks = stereo_rocks(depth, self.rig, *here, heading, camera.range_m)
            found.append(rocks.take(np.asarray(narrow.sees(rocks.x, rocks.y, here, heading), dtype=np.bool_)))
            places = in_site(points_of(depth, self.rig, camera.range_m).xyz, *here, heading)
            row, col = (np.rint(at).astype(np.int64) for at in ref.rowcol(places[:, 0], places[:, 1]))
            inside = (row >= 0) & (col >= 0) & (row < ref.rows) & (col < ref.cols)
            shown[row[inside], col[inside]] = True
        shown &= camera.mask(ref, here, toward_deg)
        light_el = sense.sun_el_deg if sunlit(sense) else LAMP_EL_DEG
        return Look(
            Detections(*(np.concatenate(column) for column in zip(*found, strict=True))), (View(ref, shown, light_el),)
        )
