"""Optimal routes for small groups of robots: conflict-based search (Sharon et al. 2015) with the planner's motion model.

Each robot first takes its own best way. While two ways conflict the search splits: either of two rules of which every safe plan keeps
at least one (`cbs_split`) is laid on one robot, which is then planned anew. The cheapest node goes first, so the first without a
conflict is optimal for the model: discs, moves between cells and waits in whole ticks. Some things shorten it: conflicts are tried
before one is chosen, those first that raise the cost on both sides (Boyarski et al. 2015); a new way of equal cost with fewer conflicts
replaces the old without a split (bypass); and what pairs and triples of robots cost together, searched alone, raises a node's bound
(Felner et al. 2018, Li et al. 2019; `cbs_needs`). Where that takes many nodes, all states of the robots are searched together
(Sharon et al. 2012; `cbs_joint`), up to a limit that only few robots in little room keep. A prioritised plan is made first: it is the
answer if the time runs out, with a proven bound beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np

from .cbs_search import GroupSearch
from .cbs_ways import Ways
from .errors import NoRoute, PlanError, PlanInterrupted
from .fleet_clock import Clock
from .fleet_routes import FleetPlan, FleetRobot
from .fleetplan import FleetPlanner

IMPROVE = 30  # rounds spent on the plan made first

Objective = Literal["sum", "makespan"]


class GroupPlan(NamedTuple):
    """A plan, what is proven about it, and what it took. ``plan.bound_s`` is the proven bound; equal to the cost if ``optimal``."""

    plan: FleetPlan
    cost_s: float  # sum of arrivals, or makespan
    optimal: bool
    nodes: int


def plan_group(
    planner: FleetPlanner,
    robots: Sequence[FleetRobot],
    objective: Objective = "sum",
    nodes_max: int = 20_000,
    budget_s: float | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> GroupPlan:
    """Return the best conflict-free routes of a small group, or the best found with a proven bound.

    Parameters
    ----------
    planner : the ground (see `FleetPlanner`).
    robots : who goes where; up to about ten, fewer where it is narrow.
    objective : lower the sum of arrival times, or the time of the last arrival.
    nodes_max, budget_s, cancelled : when to stop and return the best plan found so far.

    Raises
    ------
    StartBlocked, GoalOutside, GoalBlocked, NoRoute, CostError : as `FleetPlanner.plan`; NoRoute too if it is proven that no plan exists.
    PlanInterrupted : stopped before any plan was found; the message says the bound.
    """
    if objective not in ("sum", "makespan"):
        raise PlanError(f"objective = {objective!r}; must be 'sum' or 'makespan'.")
    clock = Clock(budget_s, cancelled)
    ground, makespan = planner.ground, objective == "makespan"
    tasks = [ground.task(robot) for robot in robots]
    ground.check_apart(robots)
    try:
        first = planner.plan(robots, improve=IMPROVE, cancelled=clock.over)
    except (NoRoute, PlanInterrupted):
        first = None

    def cost_s(plan: FleetPlan) -> float:
        return plan.makespan_s if makespan else plan.sum_of_arrivals_s

    limit = None if first is None else round(cost_s(first) / ground.step_s)
    found = GroupSearch(Ways(ground, robots, tasks), makespan).run(limit, nodes_max, clock)
    plan = first
    if found.routes is not None:
        alone = np.array([task.alone for task in tasks], dtype=np.float64) * ground.step_s
        plan = FleetPlan(found.routes, ground.cell_m, ground.step_s, alone)
    if plan is None:
        why = f"{found.nodes} nodes opened, no plan is better than {found.bound * ground.step_s:g} s"
        if found.proven:
            raise NoRoute(
                f"no conflict-free plan exists for these {len(robots)} robots ({why}); give them a bay to pass in."
            )
        raise PlanInterrupted(
            f"stopped before a plan was found: {why}. Allow more time or nodes, or plan fewer robots."
        )
    cost = cost_s(plan)
    bound = cost if found.proven else min(found.bound * ground.step_s, cost)
    return GroupPlan(replace(plan, bound_s=bound), cost, found.proven, found.nodes)
