"""The picture of PolarTraverse: the rover, its way and its targets in the moving light."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.state import Activity
from moonfleet.agents.world import World
from moonfleet.terrain.clock import tdb_to_utc
from moonfleet.terrain.site import Site

from ..render import (
    DIM,
    GREEN,
    GREY,
    ORANGE,
    SKY_BLUE,
    VERMILION,
    WHITE,
    YELLOW,
    Gauge,
    Picture,
    PlaceMark,
    RobotMark,
    Sky,
    battery_colour,
)
from .generator import Episode

LEGEND = (("target", ORANGE, "target"), ("done", GREEN, "target reached"), ("haven", YELLOW, "haven, mostly lit"))


class Moment(NamedTuple):
    """How far an episode is."""

    steps: int
    max_steps: int
    reached: int  # targets
    route_m: float  # to the current target
    over: bool
    step_s: int


class TraversePicture:
    """Draws episodes on one site."""

    def __init__(self, site: Site) -> None:
        self.picture = Picture(site)

    def draw(self, episode: Episode, world: World, moment: Moment, trail: NDArray[np.float64]) -> NDArray[np.uint8]:
        """Return the scene uint8 [H, W, 3]; ``trail`` float64 [n, 2] is where the rover has been."""
        state, spec = world.state, world.specs[0]
        x, y = float(state.x[0, 0]), float(state.y[0, 0])
        charge, lit = float(state.battery_wh[0, 0]) / spec.battery_wh, float(state.lit[0, 0])
        activity = Activity(int(state.activity[0, 0])).name.lower()
        places = [PlaceMark("", float(hx), float(hy), "haven", YELLOW) for hx, hy in episode.havens_xy]
        for k, (target_x, target_y) in enumerate(episode.targets_xy.tolist()):
            shape, colour = ("done", GREEN) if k < moment.reached else ("target", ORANGE)
            places.append(PlaceMark(str(k + 1), target_x, target_y, shape, colour))
        ahead = np.concatenate([[(x, y)], episode.targets_xy[moment.reached :]])
        colour = VERMILION if activity == "lost" else WHITE
        robot = RobotMark("", x, y, float(state.heading_deg[0, 0]), charge, activity, colour)
        to_go = f"{moment.route_m:.0f} m to target {moment.reached + 1}"
        hours = moment.steps * moment.step_s / 3600.0
        return self.picture.draw(
            Sky.of(world.sky_now()),
            [robot],
            places,
            [(ahead, DIM), (trail, SKY_BLUE)],
            "PolarTraverse",
            (
                tdb_to_utc(float(world.time[0]))[:16].replace("T", "  ") + " UTC",
                f"{activity}, {int(state.odometer_m[0, 0])} m driven",
                to_go if moment.reached < len(episode.targets_xy) else "all targets reached",
                f"inside {float(state.temp_k[0, 0]) - 273.15:+.0f} C",
            ),
            (
                Gauge("battery", charge, f"{100.0 * charge:.0f} %", battery_colour(charge)),
                Gauge("sunlight", lit, f"{float(state.solar_w[0, 0]):.0f} W", YELLOW),
                Gauge("time", moment.steps / moment.max_steps, f"{hours:.0f} h", GREY),
            ),
            LEGEND,
        )
