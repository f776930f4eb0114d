"""Optimal routes for small groups of robots: conflict-based search (Sharon, Stern, Felner, Sturtevant 2015) with the planner's own motion model.

Each robot first takes its own best way. While two ways conflict the search splits: either of two rules of which every safe plan keeps
at least one (`cbs_split`) is laid on one robot, which is then planned anew. The cheapest node goes first, so the first without a
conflict is optimal for the model: discs, moves between cells and waits in whole ticks. Three things shorten it: conflicts are tried
before one is chosen, those first that raise the cost on both sides (Boyarski et al. 2015); a new way of equal cost with fewer conflicts
replaces the old without a split (bypass); and pairs of robots that share no robot and are known to cost more raise the node's bound
(Felner et al. 2018). A prioritised plan is made first: it is the answer if the time runs out, with a proven bound beside it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np

from .cbs_split import Rules, apart_of, first_meeting, splits
from .errors import NoRoute, PlanError, PlanInterrupted
from .fleet_ground import F64, Task, Way
from .fleet_routes import FleetPlan, FleetRobot
from .fleetplan import Clock, FleetPlanner

TRIED = 12  # conflicts of a node tried before one is chosen
IMPROVE = 30  # rounds spent on the plan made first

Objective = Literal["sum", "makespan"]


class GroupPlan(NamedTuple):
    """A plan, what is proven about it, and what it took. ``plan.bound_s`` is the proven bound; equal to the cost if ``optimal``."""

    plan: FleetPlan
    cost_s: float  # sum of arrivals, or makespan
    optimal: bool
    nodes: int


@dataclass(frozen=True, eq=False)
class Node:
    """A node of the search: rules and ways of all robots."""

    rules: tuple[Rules, ...]
    ways: tuple[Way, ...]
    legs: tuple[F64, ...]
    conflicts: dict[tuple[int, int], tuple[int, int]]  # pair of robots -> their first conflicting legs
    cost: int
    bound: int


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
    tasks = [planner.ground.task(robot) for robot in robots]
    planner.ground.check_apart(robots)
    search = _Search(planner, robots, tasks, objective)
    best = search.first_plan(clock)
    outcome = search.run(best, nodes_max, clock)
    if outcome.plan is None:
        why = f"{outcome.nodes} nodes opened, no plan is better than {outcome.bound * planner.ground.step_s:g} s"
        if outcome.proven:
            raise NoRoute(f"no conflict-free plan exists for these {len(robots)} robots ({why}); give them a bay to pass in.")
        raise PlanInterrupted(f"stopped before a plan was found: {why}. Allow more time or nodes, or plan fewer robots.")
    cost = search.cost_s(outcome.plan)
    bound = cost if outcome.proven else min(outcome.bound * planner.ground.step_s, cost)
    return GroupPlan(replace(outcome.plan, bound_s=bound), cost, outcome.proven, outcome.nodes)


class _Outcome(NamedTuple):
    plan: FleetPlan | None
    bound: int  # ticks
    proven: bool  # the plan is optimal, or there is none
    nodes: int


class _Search:
    """One run of the search."""

    def __init__(
        self, planner: FleetPlanner, robots: Sequence[FleetRobot], tasks: list[Task], objective: Objective
    ) -> None:
        self.planner, self.ground, self.robots, self.tasks = planner, planner.ground, list(robots), tasks
        self.makespan = objective == "makespan"

    def first_plan(self, clock: Clock) -> FleetPlan | None:
        try:
            return self.planner.plan(self.robots, improve=IMPROVE, cancelled=clock.over)
        except (NoRoute, PlanInterrupted):
            return None

    def cost_s(self, plan: FleetPlan) -> float:
        return plan.makespan_s if self.makespan else plan.sum_of_arrivals_s

    def run(self, best: FleetPlan | None, nodes_max: int, clock: Clock) -> _Outcome:
        """Open nodes, cheapest bound first, until one has no conflict."""
        root = self._root()
        limit = None if best is None else round(self.cost_s(best) / self.ground.step_s)
        queue: list[tuple[int, int, int, Node]] = [(root.bound, len(root.conflicts), 0, root)]
        made, opened, bound = 1, 0, root.bound
        while queue:
            bound, _, _, node = heapq.heappop(queue)
            if limit is not None and bound >= limit:
                return _Outcome(best, limit, True, opened)
            if opened >= nodes_max or clock.over():
                return _Outcome(best, bound, False, opened)
            opened += 1
            node, children, raised = self._open(node, limit)
            if not node.conflicts:
                return _Outcome(self._plan(node), node.cost, True, opened)
            for child in children:
                child = replace(child, bound=max(child.bound, raised))
                if limit is None or child.bound < limit:
                    heapq.heappush(queue, (child.bound, len(child.conflicts), made, child))
                    made += 1
        return _Outcome(best, bound if limit is None else limit, True, opened)

    def _root(self) -> Node:
        ways: list[Way] = []
        for robot, task in zip(self.robots, self.tasks, strict=True):
            way = self.ground.find(task, [])
            if way is None:
                raise NoRoute(f"robot {robot.name!r}: no way, even with nobody else there.")
            ways.append(way)
        legs = tuple(self._legs(i, way) for i, way in enumerate(ways))
        node = Node((Rules(),) * len(ways), tuple(ways), legs, {}, self._cost(ways), self._cost(ways))
        for i in range(len(ways)):
            node = self._recheck(node, i)
        return node

    def _open(self, node: Node, limit: int | None) -> tuple[Node, list[Node], int]:
        """Return the node (with other ways, if a bypass was found), its children, and a bound that holds for all of them."""
        while True:
            chosen: list[Node] = []
            best = (-1, -1)
            raises: dict[tuple[int, int], int] = {}
            bypass = None
            for pair, conflict in list(node.conflicts.items())[:TRIED]:
                for rules in self._splits(node, pair, conflict):
                    children = [self._child(node, robot, rule) for robot, rule in zip(pair, rules, strict=True)]
                    made = [child for child in children if child is not None]
                    costs = sorted(child.cost - node.cost if child is not None else 1 << 40 for child in children)
                    raises[pair] = max(raises.get(pair, 0), costs[0])
                    if (costs[0], costs[1]) > best:
                        best, chosen = (costs[0], costs[1]), made
                    fewer = [c for c in made if c.cost == node.cost and len(c.conflicts) < len(node.conflicts)]
                    if fewer:
                        bypass = min(fewer, key=lambda c: len(c.conflicts))
                        break
                if bypass is not None or not chosen:
                    break
            if bypass is None:
                return node, chosen, node.cost + self._disjoint(raises)
            node = replace(bypass, rules=node.rules)
            if not node.conflicts:
                return node, [], node.cost

    def _disjoint(self, raises: dict[tuple[int, int], int]) -> int:
        """Return by how much pairs that share no robot raise the cost together (the largest alone, for the makespan)."""
        if self.makespan:
            return max(raises.values(), default=0)
        total, used = 0, set[int]()
        for pair, more in sorted(raises.items(), key=lambda item: (-item[1], item[0])):
            if more > 0 and not used.intersection(pair):
                total += more
                used.update(pair)
        return total

    def _splits(self, node: Node, pair: tuple[int, int], conflict: tuple[int, int]) -> list[tuple[Rules, Rules]]:
        i, j = pair
        apart = apart_of(self.tasks[i], self.tasks[j])
        one, other = node.legs[i][conflict[0]], node.legs[j][conflict[1]]
        return splits(node.rules[i], node.rules[j], one, other, self.ground, apart)

    def _child(self, node: Node, robot: int, rules: Rules) -> Node | None:
        """Return the node with new rules for one robot, None if it then has no way."""
        way = rules.find(self.ground, self.tasks[robot])
        if way is None:
            return None

        def swapped(items: tuple[Any, ...], item: Any) -> tuple[Any, ...]:
            return (*items[:robot], item, *items[robot + 1 :])

        ways = swapped(node.ways, way)
        cost = self._cost(ways)
        legs = swapped(node.legs, self._legs(robot, way))
        child = Node(swapped(node.rules, rules), ways, legs, node.conflicts, cost, max(cost, node.bound))
        return self._recheck(child, robot)

    def _recheck(self, node: Node, robot: int) -> Node:
        """Return the node with the conflicts of one robot found anew."""
        conflicts = {pair: legs for pair, legs in node.conflicts.items() if robot not in pair}
        for other in range(len(self.tasks)):
            if other == robot:
                continue
            i, j = min(robot, other), max(robot, other)
            met = first_meeting(node.legs[i], node.legs[j], apart_of(self.tasks[i], self.tasks[j]))
            if met[0] >= 0:
                conflicts[i, j] = met
        return replace(node, conflicts=dict(sorted(conflicts.items())))

    def _cost(self, ways: Sequence[Way]) -> int:
        return max((way.ticks for way in ways), default=0) if self.makespan else sum(way.ticks for way in ways)

    def _legs(self, robot: int, way: Way) -> F64:
        return self.ground.legs(self.ground.route(self.robots[robot], way))

    def _plan(self, node: Node) -> FleetPlan:
        routes = tuple(self.ground.route(robot, way) for robot, way in zip(self.robots, node.ways, strict=True))
        alone = np.array([task.alone for task in self.tasks], dtype=np.float64) * self.ground.step_s
        return FleetPlan(routes, self.ground.cell_m, self.ground.step_s, alone)
