"""Driving by the orbital map alone: the fidelity for campaigns of years.

There are no rocks to see and none to touch. A robot plans its route over the map once, drives it as legs of up to 64 points, and
thinks of it again only when a leg has ended or the wheels refused the ground. Policy, energy, light, links, faults and work are
those of every other fidelity.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.errors import GoalBlocked, GoalOutside, PlanError, StartBlocked
from moonfleet.autonomy.field_route import follow_field
from moonfleet.autonomy.search import nearest_free, shortest_path
from moonfleet.autonomy.smooth import shorten
from moonfleet.autonomy.traversability import DriveLimits

from .construction import ConstructionRobot
from .messages import Command, JobOffer, Note, Phase, Reply, Sense, Situation
from .robot import ARRIVED_M, DrivingRobot
from .rover import Rover
from .state import LEG_POINTS, Activity
from .travel import APART_M, beside, site_cost, travel_field

SNAP_CELLS = 3  # [cells] how far from passable ground a robot may stand and still be planned for
MAX_REFUSED = 64  # [-] cells that the wheels refused before a robot's map is taken to be right again
LOOK_M = 2.0  # [m] steps in which a leg is searched for the cell that stopped the wheels

Points = NDArray[np.float64]
Cell = tuple[int, int]


class MapDriving(DrivingRobot):
    """The driving of a robot that knows the ground from the orbital map alone; comes before its role."""

    def start(self) -> None:
        """Take the map."""
        spec = self.setup.spec
        self.limits = DriveLimits(max_slope_deg=spec.max_slope_deg, speed_m_s=spec.speed_m_s)
        self.cost = site_cost(self.site, self.limits, self.setup.zones)
        self.charging = False
        self.place = self.setup.home  # the middle of the place that it goes to
        self.route: Points = np.empty((0, 2))  # what is still to be driven
        self.refused: list[Cell] = []

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
        under_way = len(self.route) > 0 and math.dist(self.route[-1], self.goal) == 0.0
        if under_way and sense.activity == Activity.DRIVE and not sense.blocked:
            self.phase = Phase.TRAVEL
            return self.reply(attend=True)
        return self.depart(sense, ())

    def depart(self, sense: Sense, notes: tuple[Note, ...]) -> Reply:
        """Plan from here and drive."""
        try:
            self.route = self.plan((sense.x, sense.y), self.goal)
        except PlanError as error:
            self.route = np.empty((0, 2))
            return self.give_up(error, notes)
        self.phase = Phase.TRAVEL
        length_m = float(np.hypot(*np.diff(self.route, axis=0).T).sum())
        line = ", ".join(f"{x:.2f} {y:.2f}" for x, y in self.route.tolist())
        note = Note("route", {"job": self.job, "length_m": length_m, "wkt": f"LINESTRING ({line})"})
        return self.drive((*notes, note))

    def drive(self, notes: tuple[Note, ...]) -> Reply:
        """Order as much of the route as a leg holds."""
        return self.reply(Command(Activity.DRIVE, self.route[1 : LEG_POINTS + 1]), notes=notes, attend=True)

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
        self.route = rest_of(self.route, here)
        if len(self.route) < 2:
            return self.depart(sense, notes)
        return self.drive(notes)

    def plan(self, start: tuple[float, float], goal: tuple[float, float]) -> Points:
        """Route float64 [n, 2] over the map, start and goal included: down the field of the place where that leads there.

        Raises
        ------
        GoalOutside, GoalBlocked, StartBlocked, NoRoute : there is none.
        """
        ref, cost = self.site.ref, self.cost
        if not ref.inside(*goal):
            raise GoalOutside(
                f"goal ({goal[0]:.0f}, {goal[1]:.0f}) m is off the map; it must be within {ref.bounds} m."
            )
        goal_rc, place_rc, start_rc = ref.cell_of(*goal), ref.cell_of(*self.place), ref.cell_of(*start)
        if not np.isfinite(cost[goal_rc]):
            raise GoalBlocked(
                f"goal ({goal[0]:.0f}, {goal[1]:.0f}) m, cell {goal_rc}, is impassable ground; choose another."
            )
        from_rc = nearest_free(cost, *start_rc, reach=SNAP_CELLS)
        if from_rc is None:
            raise StartBlocked(
                f"start ({start[0]:.0f}, {start[1]:.0f}) m, cell {start_rc}, lies more than {SNAP_CELLS} cells inside "
                "impassable ground; move the start."
            )
        cells = None
        if not self.refused and np.isfinite(cost[place_rc]):
            field = travel_field(self.site, self.limits, place_rc, self.setup.zones)
            cells = None if field is None else follow_field(field, cost, ref.cell_m, from_rc)
        if cells is None:
            if self.refused:
                cost = cost.copy()
                cost[tuple(np.array([cell for cell in self.refused if cell not in (from_rc, goal_rc)]).T)] = np.inf
            cells, place_rc = shortest_path(cost, from_rc, goal_rc, ref.cell_m, corner_cutting=False).cells, goal_rc
        xy = shorten(cells, cost, ref)
        first = 1 if from_rc == start_rc else 0  # from a blocked cell, out to the free one first
        last = (
            len(xy) - 1 if goal_rc == place_rc else len(xy)
        )  # the middle of the goal's own cell gives way to the goal
        return np.concatenate([np.array([start]), xy[first : max(last, first)], np.array([goal])])

    def refuse(self, here: tuple[float, float]) -> None:
        """Learn which cell ahead the wheels refused: no way leads through it any more."""
        ref, own = self.site.ref, self.site.ref.cell_of(*here)
        rest = rest_of(self.route, here)
        if len(self.refused) >= MAX_REFUSED:
            self.refused.clear()
        along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(rest, axis=0).T))])
        for at in np.arange(0.0, along[-1], LOOK_M):
            cell = ref.cell_of(float(np.interp(at, along, rest[:, 0])), float(np.interp(at, along, rest[:, 1])))
            if cell != own and cell not in self.refused and np.isfinite(self.cost[cell]):
                self.refused.append(cell)
                return

    def get_state(self) -> dict[str, object]:
        """Whole state as a nested mapping of arrays."""
        task = np.array([self.phase, self.action, self.job], dtype=np.int64)
        tool = np.array([*self.goal, self.work_w, self.data_mbps])
        way = np.array([*self.place, float(self.charging)])
        refused = np.array(self.refused, dtype=np.int64).reshape(-1, 2)
        return {"task": task, "tool": tool, "way": way, "route": self.route.copy(), "refused": refused}

    def set_state(self, state: dict[str, object]) -> None:
        """Take up a state made by `get_state`."""
        self.set_task(state)
        x, y, charging = (float(value) for value in np.asarray(state["way"]))
        self.place, self.charging = (x, y), bool(charging)
        self.route = np.array(state["route"], dtype=np.float64).reshape(-1, 2)
        self.refused = [(int(row), int(col)) for row, col in np.asarray(state["refused"]).reshape(-1, 2)]


class MapRover(MapDriving, Rover):
    """A rover on the map alone."""


class MapBuilder(MapDriving, ConstructionRobot):
    """A construction robot on the map alone."""


def rest_of(route: Points, here: tuple[float, float]) -> Points:
    """What is left of a route float64 [n, 2] for one who stands at ``here``, beginning there; from its nearest stretch on.

    >>> rest_of(np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0]]), (4.0, 0.5)).tolist()
    [[4.0, 0.5], [10.0, 0.0], [10.0, 10.0]]
    """
    at = np.array([here])
    if len(route) < 2:
        return at
    start, step = route[:-1], np.diff(route, axis=0)
    square = np.maximum((step**2).sum(axis=1), 1e-12)
    share = np.clip(((at - start) * step).sum(axis=1) / square, 0.0, 1.0)
    gap = np.hypot(*(start + share[:, None] * step - at).T)
    nearest = len(gap) - 1 - int(np.argmin(gap[::-1]))  # of equals the last: a turning point is behind
    return np.concatenate([at, route[nearest + 1 :]])
