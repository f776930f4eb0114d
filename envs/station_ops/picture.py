"""The picture of StationOps: the fleet on its ground, jobs, havens, tracks, and every robot's battery."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.mission_loop import MissionLoop
from moonfleet.agents.state import Activity
from moonfleet.terrain.clock import tdb_to_utc
from moonfleet.terrain.site import Site

from ..render import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY_BLUE,
    VERMILION,
    WHITE,
    YELLOW,
    Colour,
    Gauge,
    Picture,
    PlaceMark,
    RobotMark,
    Sky,
    battery_colour,
)

ROLE_COLOURS: dict[str, Colour] = {
    "lander": WHITE,
    "rover": SKY_BLUE,
    "construction": ORANGE,
    "hopper": PURPLE,
    "orbiter": BLUE,
}
LEGEND = (
    ("job", GREY, "job, waiting"),
    ("job", YELLOW, "job, begun"),
    ("job", GREEN, "job, done"),
    ("haven", YELLOW, "haven"),
)
MARGIN_M = 250.0  # m of ground shown around everything
LEAST_SPAN_M = 1200.0  # m


class StationPicture:
    """Keeps the tracks of one episode and draws it."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.picture = Picture(site)
        self.tracks: list[list[tuple[float, float]]] = []

    def restart(self, loop: MissionLoop) -> None:
        """Begin the tracks anew and look at the ground that the mission needs."""
        mission = loop.mission
        points = [member.xy for member in mission.fleet if member.xy is not None]
        points += [job.xy for job in mission.jobs] + [xy for _, xy in mission.havens]
        xy = np.array(points)
        low, high = xy.min(axis=0), xy.max(axis=0)
        span = max(float((high - low).max()) + 2.0 * MARGIN_M, LEAST_SPAN_M)
        centre = 0.5 * (low + high)
        self.picture.set_view((float(centre[0]), float(centre[1]), span))
        self.tracks = [[] for _ in mission.fleet]
        self.follow(loop)

    def follow(self, loop: MissionLoop) -> None:
        """Add where everybody stands now to the tracks."""
        state = loop.world.state
        for robot, track in enumerate(self.tracks):
            track.append((float(state.x[0, robot]), float(state.y[0, robot])))

    def draw(self, loop: MissionLoop) -> NDArray[np.uint8]:
        """Return the scene uint8 [H, W, 3]."""
        mission, state = loop.mission, loop.world.state
        robots: list[RobotMark] = []
        routes: list[tuple[NDArray[np.float64], Colour]] = []
        gauges: list[Gauge] = []
        for robot, member in enumerate(mission.fleet):
            charge = float(state.battery_wh[0, robot]) / member.spec.battery_wh
            word = Activity(int(state.activity[0, robot])).name.lower()
            colour = VERMILION if loop.ops.lost[robot] else ROLE_COLOURS[member.spec.role]
            gauges.append(Gauge(member.name, charge, word, battery_colour(charge)))
            if member.spec.role == "orbiter":
                continue
            heading = float(state.heading_deg[0, robot]) if member.spec.speed_m_s > 0.0 else None
            at = (float(state.x[0, robot]), float(state.y[0, robot]))
            robots.append(RobotMark(member.name, *at, heading, charge, word, colour))
            routes.append((np.array(self.tracks[robot]), colour))
        places = [PlaceMark("", x, y, "haven", YELLOW) for _, (x, y) in mission.havens]
        for index, job in enumerate(mission.jobs):
            places.append(PlaceMark(job.id, *job.xy, "job", self._job_colour(loop, index)))
        lines = (
            tdb_to_utc(mission.t0 + loop.t_s)[:16].replace("T", "  ") + " UTC",
            f"day {loop.t_s / 86400.0:.1f} of {mission.duration_s / 86400.0:.1f}",
            f"jobs {int(loop.ops.done.sum())} of {len(mission.jobs)}, value {loop.ops.value:.0f}",
            f"archive {loop.archive_mbit / 1000.0:.1f} Gbit",
        )
        return self.picture.draw(
            Sky.of(loop.world.sky_now()), robots, places, routes, "StationOps", lines, gauges, LEGEND
        )

    def _job_colour(self, loop: MissionLoop, index: int) -> Colour:
        """Return green for a job done, yellow for one begun, grey for one that waits."""
        return GREEN if loop.ops.done[index] else YELLOW if loop.ops.progress_s[index] > 0.0 else GREY
