"""The picture of PolarTraverse: the rover, its way and its targets in the moving light."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.state import Activity
from moonfleet.agents.world import World
from moonfleet.terrain.site import Site
from moonfleet.terrain.sky import SkyTable

from ..render import (
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
    clock_text,
)

LEGEND = (
    ("current", VERMILION, "target now"),
    ("target", ORANGE, "next targets"),
    ("dot", ORANGE, "later targets"),
    ("done", GREEN, "target reached"),
    ("haven", YELLOW, "haven, mostly lit"),
    ("robot", WHITE, "rover"),
    ("robot", VERMILION, "rover, lost"),
    ("bar", GREEN, "its battery"),
    ("line", SKY_BLUE, "driven"),
    ("line", VERMILION, "straight to the target now"),
    ("line", GREY, "then to the next ones"),
)
NEXT = 2  # targets after the current one that are numbered
FRAME_PX = 14  # round the map: targets may lie at its very edge


class Moment(NamedTuple):
    """How far an episode is."""

    steps: int
    max_steps: int
    reached: int  # targets
    route_m: float  # to the current target
    step_s: float


class TraversePicture:
    """Draws episodes on one site."""

    def __init__(self, site: Site) -> None:
        self.picture = Picture(site, frame_px=FRAME_PX)

    def draw(
        self,
        world: World,
        w: int,
        havens_xy: NDArray[np.float64],
        targets_xy: NDArray[np.float64],
        moment: Moment,
        trail: NDArray[np.float64],
    ) -> NDArray[np.uint8]:
        """Return the scene of world ``w`` uint8 [H, W, 3].

        ``havens_xy`` [h, 2] and ``targets_xy`` [T, 2] are places [m], ``trail`` float64 [n, 2] is where the rover has been.
        """
        state, spec = world.state, world.specs[0]
        x, y = float(state.x[w, 0]), float(state.y[w, 0])
        charge, lit = float(state.battery_wh[w, 0]) / spec.battery_wh, float(state.lit[w, 0])
        activity = Activity(int(state.activity[w, 0])).name.lower()
        places = [PlaceMark("", float(hx), float(hy), "haven", YELLOW) for hx, hy in havens_xy.tolist()]
        places += target_marks(targets_xy, moment.reached)
        ahead = np.concatenate([[(x, y)], targets_xy[moment.reached : moment.reached + 1 + NEXT]])
        colour = VERMILION if activity == "lost" else WHITE
        robot = RobotMark("", x, y, float(state.heading_deg[w, 0]), charge, activity, colour)
        to_go = f"{moment.route_m:.0f} m to target {moment.reached + 1}"
        hours = moment.steps * moment.step_s / 3600.0
        return self.picture.draw(
            Sky.of(SkyTable(*(column[w : w + 1] for column in world.sky_now()))),
            [robot],
            places,
            [(ahead[1:], GREY), (trail, SKY_BLUE), (ahead[:2], VERMILION)],
            "PolarTraverse",
            (
                clock_text(float(world.time[w])),
                f"{activity}, {int(state.odometer_m[w, 0])} m driven",
                to_go if moment.reached < len(targets_xy) else "all targets reached",
                f"inside {float(state.temp_k[w, 0]) - 273.15:+.0f} C"
                + (f", panels {float(state.solar_w[w, 0]):.0f} W" if moment.steps else ""),
            ),
            (
                Gauge("battery", charge, f"{100.0 * charge:.0f} %", battery_colour(charge)),
                Gauge("sunlight", lit, f"{100.0 * lit:.0f} %", YELLOW),
                Gauge("time", moment.steps / moment.max_steps, f"{hours:.0f} h", GREY),
            ),
            LEGEND,
        )


def target_marks(targets_xy: NDArray[np.float64], reached: int) -> list[PlaceMark]:
    """Return the marks of all targets, the current one last so that it lies on top; those of late and past ones have no number."""
    marks: list[PlaceMark] = []
    for k, (x, y) in enumerate(targets_xy.tolist()):
        ahead = k - reached
        if ahead < 0:
            marks.append(PlaceMark("", x, y, "done", GREEN))
        elif ahead == 0:
            marks.append(PlaceMark(str(k + 1), x, y, "current", VERMILION))
        elif ahead <= NEXT:
            marks.append(PlaceMark(str(k + 1), x, y, "target", ORANGE))
        else:
            marks.append(PlaceMark("", x, y, "dot", ORANGE))
    return [*marks[:reached], *reversed(marks[reached:])]
