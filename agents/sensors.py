"""A robot's eye: frames of the true local ground, and what the detector makes of them (`open_eye` in `eyes` makes one).

``rendered`` draws the bird's-eye view that the mast camera rectifies to, with noise, and runs the OpenCV detector on it.
``statistical`` draws detections of the same true rocks from measured miss and false-alarm rates. Everything after
the detections is the same code.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.camera import MastCamera
from moonfleet.autonomy.eyesight import Eyesight, Look, View, eyesight
from moonfleet.autonomy.rocks_seen import Detections, detect_rocks
from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.lattice import smooth_surface
from moonfleet.terrain.local_ground import LocalGround
from moonfleet.terrain.render import shade
from moonfleet.terrain.seeds import stream

from .catalogue import RobotSpec
from .mast_view import SLACK_M, hidden_m, smear
from .messages import Sense

LAMP_EL_DEG = 25.0  # the lamp stands on the mast: it lights from above
VIEW_CELL_M = 0.5  # cell in which the statistical eye says what ground it looked at
SAME_M = 0.4  # a rock of the lamp's picture so near one of the sunlit picture is the same
LAMP_ABOVE_DARK = 0.1  # share of the sunlit picture in shadow that makes a second picture worth while
DARK_SHARE = 0.25  # of level sunlit ground's radiance: less than this is shadow
LEVEL_GROUND = np.zeros((4, 4), dtype=np.float32)
MARK_M = 0.1  # what is looked for stands higher than this: ground hidden by less was looked at, for it would stick out
LAMP_BELOW_LIT = 0.05  # less Sun than this and the lamp is switched on
READ_NOISE = 2.0  # standard deviation, grey levels
SHOT_NOISE = 0.35  # standard deviation per square root of grey level
DOWN_LIGHT = 0.25  # cosine of the angle between line of sight and light up to which hidden ground is taken for shadow
MID_GREY = 110.0  # auto exposure puts the median of the lit ground here

Bools = NDArray[np.bool_]


class Frame(NamedTuple):
    """One rectified picture: ``image`` uint8[n,n] (row 0 at +y), its grid, the lens and the light it was taken in."""

    image: NDArray[np.uint8]
    trusted: Bools  # [n,n] the part that the frame was taken for
    seen: Bools  # [n,n] False where nearer ground hides what is there
    ref: GeoRef
    lens_xy: tuple[float, float]
    light_az_deg: float
    light_el_deg: float
    searched: Bools  # [n,n] where something `MARK_M` high would be seen, though the ground may not


class Eye(Protocol):
    """Looks ahead from a pose and says what rocks it sees (site x, y), and which ground it saw."""

    @property
    def sight(self) -> Eyesight:
        """Its measured rates, which the robot plans with."""
        ...

    def look(self, sense: Sense, toward_deg: float, number: int = 0) -> Look:
        """Return what one look toward a grid azimuth shows; ``number`` tells looks at one time apart."""
        ...


def sunlit(sense: Sense) -> bool:
    """Whether the Sun is of any use where the robot stands."""
    return sense.lit >= LAMP_BELOW_LIT and sense.sun_el_deg > 0.3


def mast_camera(spec: RobotSpec) -> MastCamera:
    """The camera of a machine, a common one where its file names none."""
    if spec.camera is None:
        return MastCamera()
    return MastCamera(spec.camera.height_m, spec.camera.range_m, spec.camera.fov_deg)


def window(camera: MastCamera, sense: Sense, toward_deg: float) -> tuple[float, float, float]:
    """Centre x, y and half the side [m] of a square that holds what the camera sees toward a grid azimuth."""
    half_angle = math.radians(min(camera.fov_deg, 180.0) / 2)
    half = max(camera.range_m * math.sin(half_angle), camera.range_m / 2)
    angle = math.radians(toward_deg)
    ahead = camera.range_m / 2
    return sense.x + ahead * math.sin(angle), sense.y + ahead * math.cos(angle), half


class RenderedEye:
    """Mast camera and OpenCV detector on the rendered true ground.

    In sunlight it looks at the sunlit picture; what lies in shadow there is looked at in a second one, lit by the lamp
    on the mast (the difference of two exposures, with the lamp on and off). Ground behind rocks and rises is not seen.
    """

    def __init__(self, ground: LocalGround, camera: MastCamera, seed: int, robot: int) -> None:
        self.ground, self.camera, self.seed, self.robot = ground, camera, seed, robot
        self.sight = eyesight("mast")

    def frames(self, sense: Sense, toward_deg: float, number: int = 0) -> tuple[Frame, ...]:
        """Take a picture toward a grid azimuth, and a second one where the first is dark."""
        camera = self.camera
        x, y, half = window(camera, sense, toward_deg)
        patch = self.ground.patch(x, y, half, camera.cell_m)
        ground, ref, lens = patch.elevation_m, patch.ref, (sense.x, sense.y)
        wedge = camera.mask(ref, lens, toward_deg)
        if not wedge.any() or min(wedge.shape) < 2:  # a camera that sees less than a cell of ground
            return ()
        hidden = hidden_m(ground, ref, lens, camera.height_m, camera.range_m)
        seen, searched = hidden <= SLACK_M, hidden <= MARK_M
        rng = stream(self.seed, "camera", robot=self.robot, index=(sense.t_s, number))

        def taken(trusted: Bools, radiance: NDArray[np.float32], az: float, el: float) -> Frame:
            picture = expose(smear(radiance, seen, ref, lens, camera.height_m), rng)
            return Frame(np.where(seen, picture, 0).astype(np.uint8), trusted, seen, ref, lens, az, el, searched)

        frames: tuple[Frame, ...] = ()
        dark = wedge
        if sunlit(sense):
            sun = (sense.sun_az_deg, sense.sun_el_deg)
            radiance = shade(ground, camera.cell_m, *sun)
            dark = wedge & (radiance < DARK_SHARE * float(shade(LEVEL_GROUND, camera.cell_m, *sun)[0, 0]))
            frames = (taken(wedge, radiance, *sun),)
        if (dark & seen).sum() > LAMP_ABOVE_DARK * wedge.sum():
            lamp = ((toward_deg + 180.0) % 360.0, LAMP_EL_DEG)
            frames += (taken(dark, shade(ground, camera.cell_m, *lamp), *lamp),)
        return frames

    def look(self, sense: Sense, toward_deg: float, number: int = 0) -> Look:
        """Return the rocks found in one look, in site metres, and the ground seen."""
        frames = self.frames(sense, toward_deg, number)
        if not frames:
            return Look(Detections(*(np.empty(0) for _ in Detections._fields)), ())
        chart = self.ground.grid  # the site's own grid is what the orbital map tells
        rocks = detect(frames[0], chart)
        views = [View(frame.ref, frame.trusted & frame.searched, frame.light_el_deg) for frame in frames]
        for frame in frames[1:]:
            second = detect(frame, chart)
            gap = np.hypot(second.x[:, None] - rocks.x, second.y[:, None] - rocks.y)
            fresh = second.take(np.flatnonzero((gap >= SAME_M).all(axis=1)))
            rocks = Detections(*(np.concatenate(pair) for pair in zip(rocks, fresh, strict=True)))
            views[0] = views[0]._replace(seen=views[0].seen & ~frame.trusted)
        return Look(rocks, tuple(views))


def detect(frame: Frame, chart: HeightGrid) -> Detections:
    """Run the detector on one frame, and keep what lies in the part that the frame was taken for.

    ``chart``: the robot's map of heights; how the ground slopes tells how high a rock is whose shadow is so long.
    What is hidden down-light of a rock lies in its shadow too, for the rock stands in the way of both: it is taken for dark.
    What is hidden elsewhere may be lit or not, and is left open.
    """
    ref = frame.ref
    rows, cols = frame.image.shape
    x, y = ref.xy(np.zeros(cols), np.arange(cols))[0], ref.xy(np.arange(rows), np.zeros(rows))[1]
    light = math.radians(frame.light_az_deg)
    dx, dy = x[None, :] - frame.lens_xy[0], y[:, None] - frame.lens_xy[1]
    down_light = -(dx * math.sin(light) + dy * math.cos(light)) > DOWN_LIGHT * np.hypot(dx, dy)
    known = frame.seen | down_light
    light_from = (frame.light_az_deg, frame.light_el_deg)
    mapped = smooth_surface(chart, ref).astype(np.float32)
    seen = detect_rocks(frame.image, ref.cell_m, *light_from, known, ground_m=mapped, centre_xy=ref.centre)
    row, col = ref.rowcol(seen.x, seen.y)
    row = np.clip(np.round(row), 0, rows - 1).astype(np.int64)
    col = np.clip(np.round(col), 0, cols - 1).astype(np.int64)
    return seen.take(frame.trusted[row, col])


def expose(radiance: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Turn radiance float32[n,n] into a picture: auto exposure, shot noise, read noise."""
    lit = radiance[radiance > 1e-6]
    middle = float(np.median(lit)) if lit.size else 1.0
    grey = radiance * np.float32(MID_GREY / middle)
    sigma = np.sqrt(READ_NOISE**2 + SHOT_NOISE**2 * grey, dtype=np.float32)
    noise = rng.standard_normal(grey.shape, dtype=np.float32)
    return np.clip(grey + sigma * noise + 0.5, 0, 255).astype(np.uint8)


class StatisticalEye:
    """Detections drawn from the rates that were measured on the rendered eye (see `moonfleet.autonomy.eyesight`)."""

    def __init__(self, ground: LocalGround, camera: MastCamera, seed: int, robot: int) -> None:
        self.ground, self.camera, self.seed, self.robot = ground, camera, seed, robot
        self.sight = eyesight("mast")

    def look(self, sense: Sense, toward_deg: float, number: int = 0) -> Look:
        """Return detections of the true rocks of one look: some missed, places and sizes off, some false."""
        camera, sight = self.camera, self.sight
        x, y, half = window(camera, sense, toward_deg)
        light_el = sense.sun_el_deg if sunlit(sense) else LAMP_EL_DEG
        slant = sight.lens_m / camera.height_m
        rng = stream(self.seed, "eye", robot=self.robot, index=(sense.t_s, number))
        rocks = self.ground.rocks(x - half, y - half, x + half, y + half)
        rocks = rocks[rocks[:, 3] >= sight.height_m[0]]
        far = np.hypot(rocks[:, 0] - sense.x, rocks[:, 1] - sense.y) * slant
        met = rng.random(len(rocks)) < sight.seen(rocks[:, 3], far, light_el) * sight.in_sight(far)
        rocks, far = rocks[met], far[met]
        offset = rng.standard_normal((len(rocks), 2)) * sight.place(far)[:, None]
        size = rng.standard_normal(len(rocks))
        told = sight.heights(far, light_el)
        height = rng.standard_normal(len(rocks)) * told.sigma + told.told_over_true(rocks[:, 3])
        most = float(sight.false_per_m2.max())
        false = int(rng.poisson(most * (2.0 * half) ** 2))
        false_xy = np.array([x, y]) + rng.uniform(-half, half, (false, 2))
        far = np.hypot(false_xy[:, 0] - sense.x, false_xy[:, 1] - sense.y) * slant
        pick = rng.integers(0, len(sight.false_diameter_m), false)
        real = rng.uniform(0.0, max(most, 1e-12), false) < sight.false_alarms(far, light_el)
        false_xy, pick = false_xy[real], pick[real]
        places = np.concatenate([rocks[:, :2] + offset, false_xy])
        sizes = np.concatenate([rocks[:, 2] * np.exp(size * sight.size_sigma), sight.false_diameter_m[pick]])
        heights = np.concatenate([rocks[:, 3] * np.exp(height), sight.false_height_m[pick % len(sight.false_height_m)]])
        inside = camera.sees(places[:, 0], places[:, 1], (sense.x, sense.y), toward_deg)
        sure = np.full(len(places), sight.confidence)
        found = Detections(
            places[:, 0], places[:, 1], sizes, sure, heights, sizes / 2, sizes / 2, np.zeros(len(places))
        )
        ref = GeoRef.centred(x, y, max(2.0 * half, 2.0 * VIEW_CELL_M), VIEW_CELL_M)
        wedge = camera.mask(ref, (sense.x, sense.y), toward_deg)
        return Look(found.take(inside), (View(ref, wedge, light_el),))
