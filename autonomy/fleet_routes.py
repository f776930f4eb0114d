"""Robots to be routed together, their timed routes, and the plan that holds them: plain records that can be saved and read back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.grid import GeoRef

from .errors import CostError, SavedStateError

VERSION = 1  # of the saved arrays


@dataclass(frozen=True, eq=False)
class FleetRobot:
    """One robot and where it shall go.

    ``cost`` is its own map, float32 [R, C] in seconds per metre, inf where impassable (see `drive_cost`); robots of one machine may
    share the array, which saves work; it must not be changed in place. ``clearance_m`` is the radius of the disc that no other
    robot's disc may enter. It stands at ``start_rc`` from time 0, leaves at ``depart_s`` at the earliest, is never faster than
    ``speed_m_s``, and stays at ``goal_rc`` for ever, unless ``stays`` is False: then it is gone once it arrives (into a garage, a
    lander, a pit).

    Raises
    ------
    CostError : a clearance or a departure that is negative, a speed that is not above 0.
    """

    name: str
    cost: NDArray[np.float32] = field(repr=False)
    start_rc: tuple[int, int]
    goal_rc: tuple[int, int]
    clearance_m: float
    depart_s: float = 0.0
    speed_m_s: float = math.inf
    stays: bool = True

    def __post_init__(self) -> None:
        for what, value, good in (
            ("clearance_m", self.clearance_m, 0.0 <= self.clearance_m < math.inf),
            ("depart_s", self.depart_s, 0.0 <= self.depart_s < math.inf),
            ("speed_m_s", self.speed_m_s, self.speed_m_s > 0.0),
        ):
            if not good:
                allowed = "above 0" if what == "speed_m_s" else "0 or more and finite"
                raise CostError(f"robot {self.name!r}: {what} = {value!r}; must be {allowed}.")


@dataclass(frozen=True, eq=False)
class TimedRoute:
    """Where a robot is when: at ``cells[k]`` at ``time_s[k]``, on the straight line between in the meantime.

    ``cells`` int32 [n, 2] (row, col); ``time_s`` float64 [n] rising; a wait is the same cell twice. Before the first and after the
    last time it stands there, unless ``stays`` is False: then it is gone after the last.
    """

    name: str
    cells: NDArray[np.int32]
    time_s: NDArray[np.float64]
    clearance_m: float
    stays: bool = True

    @property
    def arrival_s(self) -> float:
        """When it is at its goal."""
        return float(self.time_s[-1])

    def rowcol(self, at_s: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Return (row, col), float64 [..., 2], at the given times [s]; NaN once it is gone."""
        at = np.asarray(at_s, dtype=np.float64)
        rc = np.stack([np.interp(at, self.time_s, self.cells[:, i].astype(np.float64)) for i in (0, 1)], axis=-1)
        if not self.stays:
            rc[at > self.time_s[-1]] = np.nan
        return rc

    def xy(self, ref: GeoRef) -> NDArray[np.float64]:
        """Return x, y [m], float64 [n, 2], of its cells on the grid ``ref``."""
        return np.column_stack(ref.xy(self.cells[:, 0], self.cells[:, 1]))


@dataclass(frozen=True, eq=False)
class FleetPlan:
    """Conflict-free routes of a fleet, in the order the robots were given."""

    routes: tuple[TimedRoute, ...]
    cell_m: float
    step_s: float  # all times are whole multiples of it
    alone_s: NDArray[np.float64]  # [robot] when each would arrive had it the map to itself: no plan is earlier
    order: tuple[
        int, ...
    ] = ()  # in which robots were planned, the first going before all others; empty if not by priority
    attempts: int = 1  # orders tried
    bound_s: float = 0.0  # no plan's sum of arrivals (or makespan, if that was asked for) is below this

    @property
    def arrival_s(self) -> NDArray[np.float64]:
        """Time of arrival of each robot, float64 [robot]."""
        return np.array([route.arrival_s for route in self.routes])

    @property
    def sum_of_arrivals_s(self) -> float:
        """What plans are compared by."""
        return float(self.arrival_s.sum())

    @property
    def makespan_s(self) -> float:
        """When the last robot arrives."""
        return float(self.arrival_s.max(initial=0.0))

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the plan as plain arrays (no objects), to be saved with ``np.savez``."""
        lengths = [len(route.time_s) for route in self.routes]
        return {
            "version": np.array([VERSION], dtype=np.int64),
            "names": np.array([route.name for route in self.routes], dtype=np.str_),
            "first": np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            "cells": np.concatenate([route.cells for route in self.routes] or [np.empty((0, 2), np.int32)]),
            "time_s": np.concatenate([route.time_s for route in self.routes] or [np.empty(0)]),
            "clearance_m": np.array([route.clearance_m for route in self.routes], dtype=np.float64),
            "stays": np.array([route.stays for route in self.routes], dtype=np.bool_),
            "alone_s": self.alone_s,
            "order": np.array(self.order, dtype=np.int64),
            "numbers": np.array([self.cell_m, self.step_s, self.attempts, self.bound_s], dtype=np.float64),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> FleetPlan:
        """Return the plan of `to_arrays`.

        Raises
        ------
        SavedStateError : arrays that are missing or do not fit together.
        """
        try:
            version = int(np.asarray(arrays["version"])[0])
            names = [str(name) for name in arrays["names"]]
            first = np.asarray(arrays["first"], dtype=np.int64)
            cells, time_s = np.asarray(arrays["cells"], dtype=np.int32), np.asarray(arrays["time_s"], dtype=np.float64)
            clearance = np.asarray(arrays["clearance_m"], dtype=np.float64)
            stays, alone = np.asarray(arrays["stays"], dtype=np.bool_), np.asarray(arrays["alone_s"], dtype=np.float64)
            order = tuple(int(i) for i in arrays["order"])
            cell_m, step_s, attempts, bound = (float(v) for v in np.asarray(arrays["numbers"], dtype=np.float64))
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise SavedStateError(
                f"fleet plan: {error}; expected the arrays that FleetPlan.to_arrays returned."
            ) from error
        n = len(names)
        fits = (
            version == VERSION
            and first.shape == (n + 1,)
            and first[0] == 0
            and bool((np.diff(first) > 0).all())
            and cells.shape == (first[-1], 2)
            and time_s.shape == (first[-1],)
            and clearance.shape == stays.shape == alone.shape == (n,)
        )
        if not fits:
            raise SavedStateError(
                f"fleet plan: {n} names, first {first.shape}, cells {cells.shape}, time_s {time_s.shape}, version {version}; "
                f"these do not fit together (version {VERSION} is read)."
            )
        routes = tuple(
            TimedRoute(names[i], cells[a:b], time_s[a:b], float(clearance[i]), bool(stays[i]))
            for i, (a, b) in enumerate(pairwise(first))
        )
        return cls(routes, cell_m, step_s, alone, order, int(attempts), bound)
