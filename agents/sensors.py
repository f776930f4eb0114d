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
SAME_M = 0.4  # a rock of the lamp's picture so near one of the sunlit picture is the same
LAMP_ABOVE_DARK = 0.1  # share of the sunlit picture in shadow that makes a second picture worth while
DARK_SHARE = 0.25  # of level sunlit ground's radiance: less than this is shadow
LEVEL_GROUND = np.zeros((4, 4), dtype=np.float32)
LAMP_BELOW_LIT = 0.05  # less Sun than this and the lamp is switched on
READ_NOISE = 2.0  # standard deviation, grey levels
SHOT_NOISE = 0.35  # standard deviation per square root of grey level
MID_GREY = 110.0  # auto exposure puts the median of the lit ground here


class Frame(NamedTuple):
    """One rectified picture: ``image`` uint8[n,n] (row 0 at +y), its centre, pixel size and the light it was taken in."""

    image: np.ndarray
    trusted: np.ndarray  # bool[n,n] the part that the frame was taken for
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


def sunlit(sense: Sense) -> bool:
    """Whether the Sun is of any use where the robot stands."""
    return sense.lit >= LAMP_BELOW_LIT and sense.sun_el_deg > 0.3


class RenderedEye:
    """Mast camera and OpenCV detector on the rendered true ground.

    In sunlight it looks at the sunlit picture; what lies in shadow there is looked at in a second one, lit by the lamp
    on the mast (the difference of two exposures, with the lamp on and off).
    """

    def __init__(self, ground: LocalGround, seed: int, robot: int) -> None:
        self.ground = ground
        self.seed = seed
        self.robot = robot

    def frames(self, sense: Sense, toward_deg: float) -> tuple[Frame, ...]:
        """Take a picture centred `LOOK_AHEAD_M` ahead toward a grid azimuth; a second one where the first is dark."""
        x, y = frame_centre(sense, toward_deg)
        ground = self.ground.patch(x, y, FRAME_HALF_M, FRAME_CELL_M).elevation_m
        rng = stream(self.seed, "camera", robot=self.robot, index=(sense.t_s,))
        taken: tuple[Frame, ...] = ()
        everywhere = np.ones(ground.shape, dtype=np.bool_)
        dark = everywhere
        if sunlit(sense):
            radiance = shade(ground, FRAME_CELL_M, sense.sun_az_deg, sense.sun_el_deg)
            level = shade(LEVEL_GROUND, FRAME_CELL_M, sense.sun_az_deg, sense.sun_el_deg)
            dark = radiance < DARK_SHARE * float(level[0, 0])
            taken = (Frame(expose(radiance, rng), everywhere, x, y, FRAME_CELL_M, sense.sun_az_deg, sense.sun_el_deg),)
        if float(dark.mean()) > LAMP_ABOVE_DARK:
            lamp_az = (toward_deg + 180.0) % 360.0
            radiance = shade(ground, FRAME_CELL_M, lamp_az, LAMP_EL_DEG)
            taken += (Frame(expose(radiance, rng), dark, x, y, FRAME_CELL_M, lamp_az, LAMP_EL_DEG),)
        return taken

    def look(self, sense: Sense, toward_deg: float) -> Detections:
        """Return the rocks found in one look, in site metres."""
        first, *more = (detect(frame) for frame in self.frames(sense, toward_deg))
        for second in more:
            gap = np.hypot(second.x[:, None] - first.x, second.y[:, None] - first.y)
            fresh = ~(gap < SAME_M).any(axis=1)
            first = Detections(*(np.concatenate([old, new[fresh]]) for old, new in zip(first, second, strict=True)))
        return first


def frame_centre(sense: Sense, toward_deg: float) -> tuple[float, float]:
    """Centre of a look toward a grid azimuth [m]."""
    angle = math.radians(toward_deg)
    return sense.x + LOOK_AHEAD_M * math.sin(angle), sense.y + LOOK_AHEAD_M * math.cos(angle)


def detect(frame: Frame) -> Detections:
    """Run the detector on one frame, and keep what lies in the part that the frame was taken for."""
    centre = (frame.x, frame.y)
    seen = detect_rocks(frame.image, frame.cell_m, frame.light_az_deg, frame.light_el_deg, centre_xy=centre)
    size = frame.image.shape[0]
    col = np.clip(np.round((seen.x - frame.x) / frame.cell_m + (size - 1) / 2), 0, size - 1).astype(np.int64)
    row = np.clip(np.round((size - 1) / 2 - (seen.y - frame.y) / frame.cell_m), 0, size - 1).astype(np.int64)
    own = frame.trusted[row, col]
    return Detections(seen.x[own], seen.y[own], seen.diameter_m[own], seen.confidence[own])


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
        x, y = frame_centre(sense, toward_deg)
        light_el = sense.sun_el_deg if sunlit(sense) else LAMP_EL_DEG
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
