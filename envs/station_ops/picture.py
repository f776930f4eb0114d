"""The picture of StationOps: the fleet on its ground, jobs, havens, tracks, and every robot's battery."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.mission import MissionSpec
from moonfleet.agents.mission_loop import MissionLoop
from moonfleet.agents.missions import Missions
from moonfleet.agents.state import Activity
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
    clock_text,
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
    ("bar", GREEN, "battery"),
    ("track", SKY_BLUE, "rover, track"),
    ("track", ORANGE, "builder, track"),
    ("track", PURPLE, "hopper, track"),
    ("stander", WHITE, "station"),
    ("robot", VERMILION, "lost robot"),
)
MARGIN_M = 250.0  # m of ground shown around everything
LEAST_SPAN_M = 1200.0  # m


class Scene(NamedTuple):
    """What a picture shows of one mission at one moment; arrays [R] of robots, [J] of jobs."""

    mission: MissionSpec
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    heading_deg: NDArray[np.float64]
    battery_wh: NDArray[np.float64]
    activity: NDArray[np.int64]
    lost: NDArray[np.bool_]
    done: NDArray[np.bool_]
    progress_s: NDArray[np.float64]
    t_s: int
    value: float
    archive_mbit: float
    sky: Sky


def scene_of_loop(loop: MissionLoop) -> Scene:
    """Return the scene of a mission of its own."""
    state, ops = loop.world.state, loop.ops
    return Scene(
        loop.mission, state.x[0], state.y[0], state.heading_deg[0], state.battery_wh[0], state.activity[0], ops.lost, ops.done,
        ops.progress_s, loop.t_s, ops.value, loop.archive_mbit, Sky.of(loop.world.sky_now()),
    )  # fmt: skip


def scene_of_world(mission: MissionSpec, missions: Missions, w: int) -> Scene:
    """Return the scene of one of many missions."""
    state, work = missions.world.state, missions.work
    return Scene(
        mission, state.x[w], state.y[w], state.heading_deg[w], state.battery_wh[w], state.activity[w], work.lost[w], work.done[w],
        work.progress_s[w], int(missions.t_s[w]), float(work.value[w]), float(missions.world.archive_mbit[w]),
        Sky.of(missions.world.sky_now(), w),
    )  # fmt: skip


class StationPicture:
    """Keeps the tracks of one episode and draws it."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.picture = Picture(site)
        self.tracks: list[list[tuple[float, float]]] = []

    def restart(self, scene: Scene) -> None:
        """Begin the tracks anew and look at the ground that the mission needs."""
        mission = scene.mission
        points = [member.xy for member in mission.fleet if member.xy is not None]
        points += [job.xy for job in mission.jobs] + [xy for _, xy in mission.havens]
        xy = np.array(points)
        low, high = xy.min(axis=0), xy.max(axis=0)
        span = max(float((high - low).max()) + 2.0 * MARGIN_M, LEAST_SPAN_M)
        centre = 0.5 * (low + high)
        if mission.site is not self.site:
            self.site, self.picture = mission.site, Picture(mission.site)
        self.picture.set_view((float(centre[0]), float(centre[1]), span))
        self.tracks = [[] for _ in mission.fleet]
        self.follow(scene)

    def follow(self, scene: Scene) -> None:
        """Add where everybody stands now to the tracks."""
        for robot, track in enumerate(self.tracks):
            track.append((float(scene.x[robot]), float(scene.y[robot])))

    def draw(self, scene: Scene) -> NDArray[np.uint8]:
        """Return the scene uint8 [H, W, 3]."""
        mission = scene.mission
        robots: list[RobotMark] = []
        routes: list[tuple[NDArray[np.float64], Colour]] = []
        gauges: list[Gauge] = []
        for robot, member in enumerate(mission.fleet):
            charge = float(scene.battery_wh[robot]) / member.spec.battery_wh
            word = Activity(int(scene.activity[robot])).name.lower()
            colour = VERMILION if scene.lost[robot] else ROLE_COLOURS[member.spec.role]
            gauges.append(Gauge(member.name, charge, word, battery_colour(charge)))
            if member.spec.role == "orbiter":
                continue
            heading = float(scene.heading_deg[robot]) if member.spec.speed_m_s > 0.0 else None
            at = (float(scene.x[robot]), float(scene.y[robot]))
            robots.append(RobotMark(member.name, *at, heading, charge, word, colour))
            routes.append((np.array(self.tracks[robot]), colour))
        places = [PlaceMark("", x, y, "haven", YELLOW) for _, (x, y) in mission.havens]
        for index, job in enumerate(mission.jobs):
            places.append(PlaceMark(job.id, *job.xy, "job", _job_colour(scene, index)))
        lines = (
            clock_text(mission.t0 + scene.t_s),
            f"day {scene.t_s / 86400.0:.1f} of {mission.duration_s / 86400.0:.1f}",
            f"jobs {int(scene.done.sum())} of {len(mission.jobs)}, value {scene.value:.0f}",
            f"archive {scene.archive_mbit / 1000.0:.1f} Gbit",
        )
        return self.picture.draw(scene.sky, robots, places, routes, "StationOps", lines, gauges, LEGEND)


def _job_colour(scene: Scene, index: int) -> Colour:
    """Return green for a job done, yellow for one begun, grey for one that waits."""
    return GREEN if scene.done[index] else YELLOW if scene.progress_s[index] > 0.0 else GREY
