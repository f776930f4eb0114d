"""A robot's eye: frames of the true local ground, and what the detector makes of them, in two fidelities.

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
from moonfleet.autonomy.rocks_seen import Detections, detect_rocks, round_rocks
from moonfleet.terrain.local_ground import LocalGround
from moonfleet.terrain.render import shade
from moonfleet.terrain.seeds import stream

from .catalogue import RobotSpec
from .eye_rates import eye_rates
from .messages import Sense
from .mission import Perception

LAMP_EL_DEG = 25.0  # the lamp stands on the mast: it lights from above
SAME_M = 0.4  # a rock of the lamp's picture so near one of the sunlit picture is the same
LAMP_ABOVE_DARK = 0.1  # share of the sunlit picture in shadow that makes a second picture worth while
DARK_SHARE = 0.25  # of level sunlit ground's radiance: less than this is shadow
LEVEL_GROUND = np.zeros((4, 4), dtype=np.float32)
LAMP_BELOW_LIT = 0.05  # less Sun than this and the lamp is switched on
READ_NOISE = 2.0  # standard deviation, grey levels
SHOT_NOISE = 0.35  # standard deviation per square root of grey level
MID_GREY = 110.0  # auto exposure puts the median of the lit ground here

Bools = NDArray[np.bool_]


class Frame(NamedTuple):
    """One rectified picture: ``image`` uint8[n,n] (row 0 at +y), its centre [m], pixel size and the light it was taken in."""

    image: NDArray[np.uint8]
    trusted: Bools  # [n,n] the part that the frame was taken for
    x: float
    y: float
    cell_m: float
    light_az_deg: float
    light_el_deg: float


class Eye(Protocol):
    """Looks ahead from a pose and says what rocks it sees (site x, y)."""

    def look(self, sense: Sense, toward_deg: float, number: int = 0) -> Detections:
        """Return the detections of one look toward a grid azimuth; ``number`` tells looks at one time apart."""
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
    on the mast (the difference of two exposures, with the lamp on and off).
    """

    def __init__(self, ground: LocalGround, camera: MastCamera, seed: int, robot: int) -> None:
        self.ground, self.camera, self.seed, self.robot = ground, camera, seed, robot

    def frames(self, sense: Sense, toward_deg: float, number: int = 0) -> tuple[Frame, ...]:
        """Take a picture toward a grid azimuth, and a second one where the first is dark."""
        camera = self.camera
        x, y, half = window(camera, sense, toward_deg)
        patch = self.ground.patch(x, y, half, camera.cell_m)
        ground, centre = patch.elevation_m, patch.ref.centre
        wedge = camera.mask(patch.ref, (sense.x, sense.y), toward_deg)
        if not wedge.any() or min(wedge.shape) < 2:  # a camera that sees less than a cell of ground
            return ()
        rng = stream(self.seed, "camera", robot=self.robot, index=(sense.t_s, number))
        taken: tuple[Frame, ...] = ()
        dark = wedge
        if sunlit(sense):
            sun = (sense.sun_az_deg, sense.sun_el_deg)
            radiance = shade(ground, camera.cell_m, *sun)
            dark = wedge & (radiance < DARK_SHARE * float(shade(LEVEL_GROUND, camera.cell_m, *sun)[0, 0]))
            taken = (Frame(expose(radiance, rng), wedge, *centre, camera.cell_m, *sun),)
        if dark.sum() > LAMP_ABOVE_DARK * wedge.sum():
            lamp = ((toward_deg + 180.0) % 360.0, LAMP_EL_DEG)
            radiance = shade(ground, camera.cell_m, *lamp)
            taken += (Frame(expose(radiance, rng), dark, *centre, camera.cell_m, *lamp),)
        return taken

    def look(self, sense: Sense, toward_deg: float, number: int = 0) -> Detections:
        """Return the rocks found in one look, in site metres."""
        looks = [detect(frame) for frame in self.frames(sense, toward_deg, number)]
        first = looks[0] if looks else Detections(*(np.empty(0) for _ in Detections._fields))
        for second in looks[1:]:
            gap = np.hypot(second.x[:, None] - first.x, second.y[:, None] - first.y)
            fresh = ~(gap < SAME_M).any(axis=1)
            first = Detections(*(np.concatenate([old, new[fresh]]) for old, new in zip(first, second, strict=True)))
        return first


def detect(frame: Frame) -> Detections:
    """Run the detector on one frame, and keep what lies in the part that the frame was taken for."""
    centre = (frame.x, frame.y)
    seen = detect_rocks(frame.image, frame.cell_m, frame.light_az_deg, frame.light_el_deg, centre_xy=centre)
    size = frame.image.shape[0]
    col = np.clip(np.round((seen.x - frame.x) / frame.cell_m + (size - 1) / 2), 0, size - 1).astype(np.int64)
    row = np.clip(np.round((size - 1) / 2 - (seen.y - frame.y) / frame.cell_m), 0, size - 1).astype(np.int64)
    own = frame.trusted[row, col]
    return seen.take(own)


def expose(radiance: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Turn radiance float32[n,n] into a picture: auto exposure, shot noise, read noise."""
    lit = radiance[radiance > 1e-6]
    middle = float(np.median(lit)) if lit.size else 1.0
    grey = radiance * np.float32(MID_GREY / middle)
    sigma = np.sqrt(READ_NOISE**2 + SHOT_NOISE**2 * grey, dtype=np.float32)
    noise = rng.standard_normal(grey.shape, dtype=np.float32)
    return np.clip(grey + sigma * noise + 0.5, 0, 255).astype(np.uint8)


class StatisticalEye:
    """Detections drawn from the rates that were measured on the rendered eye (see `eye_rates`)."""

    def __init__(self, ground: LocalGround, camera: MastCamera, seed: int, robot: int) -> None:
        self.ground, self.camera, self.seed, self.robot = ground, camera, seed, robot

    def look(self, sense: Sense, toward_deg: float, number: int = 0) -> Detections:
        """Return detections of the true rocks of one look: some missed, places and sizes off, some false."""
        x, y, half = window(self.camera, sense, toward_deg)
        light_el = sense.sun_el_deg if sunlit(sense) else LAMP_EL_DEG
        rates = eye_rates()
        rng = stream(self.seed, "eye", robot=self.robot, index=(sense.t_s, number))
        rocks = self.ground.rocks(x - half, y - half, x + half, y + half)
        rocks = rocks[rocks[:, 2] >= rates.diameter_m[0]]
        rocks = rocks[rng.random(len(rocks)) < rates.seen(rocks[:, 2], light_el)]
        offset = rng.normal(0.0, rates.place_sigma_m, (len(rocks), 2))
        size = np.exp(rng.normal(0.0, rates.size_sigma, len(rocks)))
        false = int(rng.poisson(rates.false_per_m2(light_el) * (2.0 * half) ** 2))
        false_xy = np.array([x, y]) + rng.uniform(-half, half, (false, 2))
        places = np.concatenate([rocks[:, :2] + offset, false_xy])
        sizes = np.concatenate([rocks[:, 2] * size, rng.choice(rates.false_diameter_m, false)])
        inside = self.camera.sees(places[:, 0], places[:, 1], (sense.x, sense.y), toward_deg)
        return round_rocks(
            places[inside, 0], places[inside, 1], sizes[inside], np.full(int(inside.sum()), rates.confidence)
        )


def open_eye(perception: Perception, ground: LocalGround, camera: MastCamera, seed: int, robot: int) -> Eye:
    """Make a robot's eye of the asked fidelity."""
    kind = RenderedEye if perception == "rendered" else StatisticalEye
    return kind(ground, camera, seed, robot)
