"""A robot's eye: frames of the true local ground, and what the detector makes of them, in two fidelities.

``rendered`` draws the bird's-eye view that the mast camera rectifies to, with noise, and runs the OpenCV detector on it.
``statistical`` draws detections of the same true rocks from measured miss and false-alarm rates. Everything after
the detections is the same code.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import numpy as np

from moonfleet.autonomy.rocks_seen import Detections, detect_rocks
from moonfleet.terrain.local_ground import LocalGround
from moonfleet.terrain.render import shade
from moonfleet.terrain.seeds import stream

from .eye_rates import eye_rates
from .messages import Sense
from .mission import Perception

FRAME_HALF_M = 20.0  # half the side of a frame
FRAME_CELL_M = 0.1  # ground size of a frame's pixel
LOOK_AHEAD_M = 14.0  # centre of the frame ahead of the robot
LAMP_EL_DEG = 25.0  # the lamp stands on the mast: it lights from above
LAMP_BELOW_LIT = 0.05  # less Sun than this and the lamp is switched on
READ_NOISE = 2.0  # standard deviation, grey levels
SHOT_NOISE = 0.35  # standard deviation per square root of grey level
MID_GREY = 110.0  # auto exposure puts the median of the lit ground here


class Frame(NamedTuple):
    """One rectified picture: ``image`` uint8[n,n] (row 0 at +y), its centre, pixel size and the light it was taken in."""

    image: np.ndarray
    x: float
    y: float
    cell_m: float
    light_az_deg: float
    light_el_deg: float


class Eye(Protocol):
    """Looks ahead from a pose and says what rocks it sees (site x, y)."""

    def look(self, sense: Sense, toward_deg: float) -> Detections:
        """Return the detections of one look toward a grid azimuth."""
        ...


def light_of(sense: Sense, toward_deg: float) -> tuple[float, float]:
    """Azimuth and elevation of the light a frame is taken in: the Sun, or the lamp (along the view) in the dark."""
    if sense.lit < LAMP_BELOW_LIT or sense.sun_el_deg < 0.3:
        return (toward_deg + 180.0) % 360.0, LAMP_EL_DEG
    return sense.sun_az_deg, sense.sun_el_deg


class RenderedEye:
    """Mast camera and OpenCV detector on the rendered true ground."""

    def __init__(self, ground: LocalGround, seed: int, robot: int) -> None:
        self.ground = ground
        self.seed = seed
        self.robot = robot

    def frame(self, sense: Sense, toward_deg: float) -> Frame:
        """Take one picture, centred `LOOK_AHEAD_M` ahead toward a grid azimuth."""
        angle = math.radians(toward_deg)
        x = sense.x + LOOK_AHEAD_M * math.sin(angle)
        y = sense.y + LOOK_AHEAD_M * math.cos(angle)
        az, el = light_of(sense, toward_deg)
        patch = self.ground.patch(x, y, FRAME_HALF_M, FRAME_CELL_M)
        radiance = shade(patch.elevation_m, FRAME_CELL_M, az, el)
        rng = stream(self.seed, "camera", robot=self.robot, index=(sense.t_s,))
        return Frame(expose(radiance, rng), x, y, FRAME_CELL_M, az, el)

    def look(self, sense: Sense, toward_deg: float) -> Detections:
        """Return the rocks found in one picture, in site metres."""
        frame = self.frame(sense, toward_deg)
        seen = detect_rocks(frame.image, frame.cell_m, frame.light_az_deg, frame.light_el_deg)
        return Detections(seen.x + frame.x, seen.y + frame.y, seen.diameter_m, seen.confidence)


def expose(radiance: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Turn radiance float32[n,n] into a uint8 picture: auto exposure, shot noise, read noise."""
    lit = radiance[radiance > 1e-6]
    middle = float(np.median(lit)) if lit.size else 1.0
    grey = radiance * np.float32(MID_GREY / middle)
    sigma = np.sqrt(READ_NOISE**2 + SHOT_NOISE**2 * grey, dtype=np.float32)
    noise = rng.standard_normal(grey.shape, dtype=np.float32)
    return np.clip(grey + sigma * noise + 0.5, 0, 255).astype(np.uint8)


class StatisticalEye:
    """Detections drawn from the rates that were measured on the rendered eye (see `eye_rates`)."""

    def __init__(self, ground: LocalGround, seed: int, robot: int) -> None:
        self.ground = ground
        self.seed = seed
        self.robot = robot

    def look(self, sense: Sense, toward_deg: float) -> Detections:
        """Return detections of the true rocks of one frame: some missed, places and sizes off, some false."""
        angle = math.radians(toward_deg)
        x = sense.x + LOOK_AHEAD_M * math.sin(angle)
        y = sense.y + LOOK_AHEAD_M * math.cos(angle)
        _, light_el = light_of(sense, toward_deg)
        rates = eye_rates()
        rng = stream(self.seed, "eye", robot=self.robot, index=(sense.t_s,))
        half = FRAME_HALF_M
        rocks = self.ground.rocks(x - half, y - half, x + half, y + half)
        rocks = rocks[rocks[:, 2] >= rates.diameter_m[0]]
        seen = rng.random(len(rocks)) < rates.seen(rocks[:, 2], light_el)
        rocks = rocks[seen]
        offset = rng.normal(0.0, rates.place_sigma_m, (len(rocks), 2))
        size = np.exp(rng.normal(0.0, rates.size_sigma, len(rocks)))
        false = int(rng.poisson(rates.false_per_frame(light_el)))
        false_xy = np.array([x, y]) + rng.uniform(-half, half, (false, 2))
        false_size = rng.choice(rates.false_diameter_m, false)
        return Detections(
            np.concatenate([rocks[:, 0] + offset[:, 0], false_xy[:, 0]]),
            np.concatenate([rocks[:, 1] + offset[:, 1], false_xy[:, 1]]),
            np.concatenate([rocks[:, 2] * size, false_size]),
            np.full(len(rocks) + false, rates.confidence),
        )


def open_eye(perception: Perception, ground: LocalGround, seed: int, robot: int) -> Eye:
    """Make a robot's eye of the asked fidelity."""
    kind = RenderedEye if perception == "rendered" else StatisticalEye
    return kind(ground, seed, robot)
