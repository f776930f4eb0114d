"""The search behind `cbs`: nodes of rules and ways, opened cheapest bound first until one has no conflict."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from .cbs_joint import JointSearch
from .cbs_needs import NEVER, Needs, Robots, least_cost
from .cbs_split import Rules, apart_of, meetings, splits
from .cbs_ways import Ways
from .fleet_clock import Clock
from .fleet_ground import F64, Way
from .fleet_routes import TimedRoute

TRIED = 12  # conflicts of a node tried before one is chosen
PAIR_NODES, SET_NODES = 10, 50  # opened to find what two robots, and what more of them, cost together
JOINT_AFTER = 50  # nodes opened before all states are searched together
JOINT_TRIED = 100_000  # choices of what robots do in a tick, before that is given up
SETS_AFTER = {3: 10}  # nodes opened before all sets of so many robots are searched


@dataclass(frozen=True, eq=False)
class Node:
    """A node of the search: rules and ways of all robots."""

    rules: tuple[Rules, ...]
    ways: tuple[Way, ...]
    legs: tuple[F64, ...]
    conflicts: dict[
        tuple[int, int], tuple[int, int, int]
    ]  # pair of robots -> their first legs that meet, and how many do
    cost: int
    bound: int
    needs: Mapping[Robots, int] = field(default_factory=dict[Robots, int])  # what sets of robots cost at least
    weighed: int = 0  # so large are the sets whose needs are in the bound

    @property
    def meetings(self) -> int:
        """Pairs of legs that meet."""
        return sum(met[2] for met in self.conflicts.values())


class Outcome(NamedTuple):
    """What a search came to."""

    routes: tuple[TimedRoute, ...] | None  # better than the limit and without a conflict
    bound: int  # ticks: no plan costs less
    proven: bool  # the routes are optimal; without routes: nothing is below the limit
    nodes: int


class GroupSearch:
    """One run of the search."""

    def __init__(self, ways: Ways, makespan: bool = False, rules: Sequence[Rules] | None = None) -> None:
        """``rules``: what each robot must keep to."""
        self.ways, self.makespan = ways, makespan
        self.ground, self.robots, self.tasks = ways.ground, ways.robots, ways.tasks
        self.rules = (Rules(),) * len(ways.tasks) if rules is None else tuple(rules)
        self.needs = Needs(self._together)
        self.sets: dict[Robots, int] = {}  # what sets of three robots and more cost at least
        self.size = 2 if len(self.tasks) > 2 else 0  # of the sets that are weighed
        self.clock = Clock(None, None)

    def run(self, limit: int | None, nodes_max: int, clock: Clock, hasty: bool = False) -> Outcome:
        """Search for routes that cost less than ``limit`` [ticks] (None: any).

        ``hasty``: open what has the fewest meetings first and take the first routes found; they are seldom optimal, and found in far
        fewer nodes.
        """
        root = self._root()
        if root is None:
            return Outcome(None, 0, True, 0)

        def key(node: Node) -> tuple[int, int]:
            return (node.meetings, node.bound) if hasty else (node.bound, node.meetings)

        self.clock = clock
        queue: list[tuple[tuple[int, int], int, Node]] = [(key(root), 0, root)]
        made, opened = 1, 0
        while queue:
            _, _, node = heapq.heappop(queue)
            bound = root.bound if hasty else node.bound
            if limit is not None and not hasty and bound >= limit:
                return Outcome(None, limit, True, opened)
            if opened >= nodes_max or clock.over():
                return Outcome(None, bound, False, opened)
            if not hasty and node.conflicts and node.weighed < self.size:
                node = self._weigh(node)
                if node.bound < (NEVER if limit is None else limit):
                    heapq.heappush(queue, (key(node), made, node))
                    made += 1
                continue
            if opened == JOINT_AFTER and not hasty and not self.ways.fixed and not any(map(any, self.rules)):
                joint = JointSearch(self.ground, self.tasks, self.makespan).run(limit, JOINT_TRIED, clock)
                if joint.ways is not None:
                    return Outcome(self._routes(joint.ways), self._cost(joint.ways), True, opened)
                if joint.ended:
                    return Outcome(None, bound if limit is None else limit, True, opened)
            opened += 1
            if opened > SETS_AFTER.get(self.size + 1, opened) and self.size + 1 < len(self.tasks):
                self._widen(root)
            node, children, raised = self._open(node)
            if not node.conflicts:
                return Outcome(self._routes(node.ways), node.cost if not hasty else bound, not hasty, opened)
            for child in children:
                child = replace(child, bound=max(child.bound, raised), needs=node.needs, weighed=0)
                if limit is None or child.bound < limit:
                    heapq.heappush(queue, (key(child), made, child))
                    made += 1
        return Outcome(None, root.bound if limit is None else limit, True, opened)

    def _root(self) -> Node | None:
        ways: list[Way] = []
        legs: list[F64] = []
        for i, rules in enumerate(self.rules):
            found = self.ways.of(i, rules)
            if found is None:
                return None
            ways.append(found[0])
            legs.append(found[1])
        node = Node(self.rules, tuple(ways), tuple(legs), {}, self._cost(ways), self._cost(ways))
        for i in range(len(ways)):
            node = self._recheck(node, i)
        return node

    def _weigh(self, node: Node) -> Node:
        """Return the node with a bound that minds what pairs in conflict, and larger sets, cost together."""
        needs = dict(node.needs)
        for pair in node.conflicts:
            found = self.needs.of(pair, tuple(node.rules[i] for i in pair))
            needs[pair] = max(needs.get(pair, 0), found)
        bound = least_cost([way.ticks for way in node.ways], {**needs, **self.sets}, self.makespan)
        return replace(node, needs=needs, weighed=self.size, bound=max(node.bound, bound))

    def _widen(self, root: Node) -> None:
        """Search all sets of one more robot of which at least two are in each other's way."""
        self.size += 1
        for robots in itertools.combinations(range(len(self.tasks)), self.size):
            if any(pair in root.conflicts for pair in itertools.combinations(robots, 2)):
                self.sets[robots] = self._together(robots, tuple(root.rules[i] for i in robots))

    def _together(self, robots: Robots, rules: tuple[Rules, ...]) -> int:
        """Return what some robots cost at least [ticks] under their rules."""
        search = GroupSearch(self.ways.part(robots), self.makespan, rules)
        found = search.run(None, PAIR_NODES if len(robots) == 2 else SET_NODES, self.clock)
        return NEVER if found.proven and found.routes is None else found.bound

    def _open(self, node: Node) -> tuple[Node, list[Node], int]:
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
                    fewer = [c for c in made if c.cost == node.cost and c.meetings < node.meetings]
                    if fewer:
                        bypass = min(fewer, key=lambda c: c.meetings)
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

    def _splits(self, node: Node, pair: tuple[int, int], conflict: tuple[int, int, int]) -> list[tuple[Rules, Rules]]:
        i, j = pair
        apart = apart_of(self.tasks[i], self.tasks[j])
        one, other = node.legs[i][conflict[0]], node.legs[j][conflict[1]]
        return splits(node.rules[i], node.rules[j], one, other, self.ground, apart)

    def _child(self, node: Node, robot: int, rules: Rules) -> Node | None:
        """Return the node with new rules for one robot, None if it then has no way."""
        found = self.ways.of(robot, rules)
        if found is None:
            return None

        def swapped(items: tuple[Any, ...], item: Any) -> tuple[Any, ...]:
            return (*items[:robot], item, *items[robot + 1 :])

        ways, legs = swapped(node.ways, found[0]), swapped(node.legs, found[1])
        cost = self._cost(ways)
        child = Node(swapped(node.rules, rules), ways, legs, node.conflicts, cost, max(cost, node.bound))
        return self._recheck(child, robot)

    def _recheck(self, node: Node, robot: int) -> Node:
        """Return the node with the conflicts of one robot found anew."""
        conflicts = {pair: legs for pair, legs in node.conflicts.items() if robot not in pair}
        for other in range(len(self.tasks)):
            if other == robot:
                continue
            i, j = min(robot, other), max(robot, other)
            met = meetings(node.legs[i], node.legs[j], apart_of(self.tasks[i], self.tasks[j]))
            if met[2] > 0:
                conflicts[i, j] = met
        return replace(node, conflicts=dict(sorted(conflicts.items())))

    def _cost(self, ways: Sequence[Way]) -> int:
        return max((way.ticks for way in ways), default=0) if self.makespan else sum(way.ticks for way in ways)

    def _routes(self, ways: Sequence[Way]) -> tuple[TimedRoute, ...]:
        return tuple(self.ground.route(robot, way) for robot, way in zip(self.robots, ways, strict=True))
