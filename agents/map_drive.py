"""Driving by the orbital map alone: the fidelity for campaigns of years.

There are no rocks to see and none to touch. A robot plans its route over the map once, drives it as a leg of up to 64 points, and
thinks of it again only when the leg has ended short of the goal or the wheels refused the ground. Policy, energy, light, links, faults
and work are those of every other fidelity.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.errors import PlanError
from moonfleet.autonomy.traversability import DriveLimits
from moonfleet.terrain.kernel import kernel
from moonfleet.terrain.site import Site

from .construction import ConstructionRobot
from .map_routes import MAX_REFUSED, ROUTE_POINTS, Ways, WaysBlock, refuse, route_by_turns, search_route
from .messages import Command, JobOffer, Note, Phase, Reply, Sense, Situation
from .mission_zones import MissionZones
from .robot import ARRIVED_M, DrivingRobot
from .rover import Rover
from .state import Activity
from .travel import APART_M, beside, site_cost

Points = NDArray[np.float64]


class MapDriving(DrivingRobot):
    """The driving of a robot that knows the ground from the orbital map alone; comes before its role."""

    def start(self) -> None:
        """Take the map."""
        spec = self.setup.spec
        limits = DriveLimits(max_slope_deg=spec.max_slope_deg, speed_m_s=spec.speed_m_s)
        self.cost = site_cost(self.site, limits, self.setup.zones)
        self.ways = ways_of(self.site, limits, self.setup.zones)
        self.charging = False
        self.place = self.setup.home  # the middle of the place that it goes to
        self.bound_for = self.setup.home  # the goal of the route
        self.room = np.zeros((1, 1, ROUTE_POINTS, 2))  # of which the route is a part
        self.route: Points = self.room[0, 0, :0]  # where it began, and the leg
        self.refused = np.zeros((1, 1, MAX_REFUSED, 2), dtype=np.int64)  # cells that the wheels refused
        self.refused_n = np.zeros((1, 1), dtype=np.int64)

    def take(self, offer: JobOffer, sense: Sense) -> Reply:
        """Begin a job: work if already there, else set out."""
        if offer.job != self.job or self.phase == Phase.IDLE:
            self.place = (offer.x, offer.y)
        return super().take(offer, sense)

    def charge(self, situation: Situation) -> Reply:
        """Drive to its spot in the haven, then charge."""
        sense, spot = situation.sense, situation.haven
        if not sense.can_move:
            return self.stay()
        there = math.hypot(sense.x - spot[0], sense.y - spot[1]) <= ARRIVED_M
        if self.charging and self.goal == spot and there:
            return self.arrive(())
        self.goal, self.place, self.charging = spot, self.middle(spot), True
        return self.set_out(sense)

    def middle(self, spot: tuple[float, float]) -> tuple[float, float]:
        """The middle of the haven that a spot is in, which has a field of ways; the spot itself where zones may have moved it."""
        if self.setup.zones is not None:
            return spot
        aside = beside((0.0, 0.0), self.setup.index, APART_M)
        return spot[0] - aside[0], spot[1] - aside[1]

    def set_out(self, sense: Sense) -> Reply:
        """Plan the route and drive the first leg of it; goes on where it is under way to this goal already."""
        here = (sense.x, sense.y)
        if math.dist(here, self.goal) <= ARRIVED_M:
            return self.arrive(())
        under_way = len(self.route) > 0 and self.bound_for == self.goal
        if under_way and sense.activity == Activity.DRIVE and not sense.blocked:
            self.phase = Phase.TRAVEL
            return self.reply(attend=True)
        return self.depart(sense, ())

    def depart(self, sense: Sense, notes: tuple[Note, ...]) -> Reply:
        """Plan from here and drive."""
        try:
            self.route = self.plan((sense.x, sense.y), self.goal)
        except PlanError as error:
            self.route = self.room[0, 0, :0]
            return self.give_up(error, notes)
        self.phase, self.bound_for = Phase.TRAVEL, self.goal
        length_m = float(np.hypot(*np.diff(self.route, axis=0).T).sum())
        line = ", ".join(f"{x:.2f} {y:.2f}" for x, y in self.route.tolist())
        note = Note("route", {"job": self.job, "length_m": length_m, "wkt": f"LINESTRING ({line})"})
        return self.reply(Command(Activity.DRIVE, self.route[1:].copy()), notes=(*notes, note), attend=True)

    def travel(self, sense: Sense, notes: tuple[Note, ...]) -> Reply:
        """Let the wheels turn while they do; at the end of a leg the next one, at refused ground a way round it."""
        here = (sense.x, sense.y)
        if math.dist(here, self.goal) <= ARRIVED_M:
            return self.arrive(notes)
        if sense.blocked:
            self.refuse(here)
            return self.depart(sense, notes)
        if sense.activity == Activity.DRIVE:
            return self.reply(notes=notes, attend=True)
        return self.depart(sense, notes)

    def plan(self, start: tuple[float, float], goal: tuple[float, float]) -> Points:
        """Route float64 [n, 2] over the map, start and goal included: by the turning points of the place where they lead there.

        It ends short of the goal where it would have more points than a leg.

        Raises
        ------
        GoalOutside, GoalBlocked, StartBlocked, NoRoute : there is none.
        """
        self.ways.need(0, 0, self.place)
        block, (x, y) = self.ways.block, self.place
        count = read_route(block, *start, *goal, x, y, self.refused, self.refused_n, self.room)
        if count == 0:
            refused = self.refused[0, 0, : self.refused_n[0, 0]]
            found = search_route(self.site, self.cost, start, goal, refused)
            count = len(found)
            self.room[0, 0, :count] = found
        return self.room[0, 0, :count]

    def refuse(self, here: tuple[float, float]) -> None:
        """Learn which cell ahead the wheels refused: no way leads through it any more."""
        count = np.array([[len(self.route)]])
        learn_refused(self.ways.block, *here, self.room, count, self.refused, self.refused_n)

    def get_state(self) -> dict[str, object]:
        """Whole state as a nested mapping of arrays."""
        task = np.array([self.phase, self.action, self.job], dtype=np.int64)
        tool = np.array([*self.goal, self.work_w, self.data_mbps])
        way = np.array([*self.place, *self.bound_for, float(self.charging)])
        refused = self.refused[0, 0, : self.refused_n[0, 0]].copy()
        return {"task": task, "tool": tool, "way": way, "route": self.route.copy(), "refused": refused}

    def set_state(self, state: dict[str, object]) -> None:
        """Take up a state made by `get_state`."""
        self.set_task(state)
        x, y, to_x, to_y, charging = (float(value) for value in np.asarray(state["way"]))
        self.place, self.bound_for, self.charging = (x, y), (to_x, to_y), bool(charging)
        route, refused = np.asarray(state["route"]).reshape(-1, 2), np.asarray(state["refused"]).reshape(-1, 2)
        self.route = self.room[0, 0, : len(route)]
        self.route[:] = route
        self.refused_n[0, 0] = len(refused)
        self.refused[0, 0, : len(refused)] = refused


class MapRover(MapDriving, Rover):
    """A rover on the map alone."""


class MapBuilder(MapDriving, ConstructionRobot):
    """A construction robot on the map alone."""


@lru_cache(maxsize=16)
def ways_of(site: Site, limits: DriveLimits, zones: MissionZones | None) -> Ways:
    """The tables of one kind of wheels on a site, shared by all robots that have them."""
    return Ways([site], [limits], zones)


@kernel
def read_route(
    ways: WaysBlock, x: float, y: float, goal_x: float, goal_y: float, place_x: float, place_y: float, refused: NDArray[np.int64],
    refused_n: NDArray[np.int64], route: Points,
) -> int:  # fmt: skip
    """`route_by_turns` of one robot."""
    return route_by_turns(ways, 0, 0, x, y, goal_x, goal_y, place_x, place_y, refused, refused_n, 0, 0, route)


@kernel
def learn_refused(
    ways: WaysBlock, x: float, y: float, route: Points, route_n: NDArray[np.int64], refused: NDArray[np.int64],
    refused_n: NDArray[np.int64],
) -> None:  # fmt: skip
    """`refuse` of one robot."""
    refuse(ways, 0, 0, x, y, route, route_n, refused, refused_n, 0, 0)
