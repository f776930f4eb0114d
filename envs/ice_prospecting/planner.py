"""The planner of IceProspecting: it drills where most ice is to be expected per hour, while the chance of not coming back is worth it.

The chance is that of `moonfleet.autonomy.recovery` (Lamarre, Malhotra and Kelly, arXiv 2307.16786): a recovery policy on the chain of
places along the way home, with the light that the almanac says, the battery and the fault law. Each step the planner compares the
best next hole with going home now: the ice it hopes for, against what it carries and may still win, times the growth of the chance
of loss. It looks at what a robot with an orbital map may know: its own state, the map, the almanac, the prior and its own holes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.boring import (
    APART_M,
    CARRIED,
    CARRIED_ICE,
    DEPTH,
    FRACTION,
    HOLE_M,
    HOLE_X,
    HOLE_Y,
    KG_PER_M,
    PACE_M_S,
)
from moonfleet.agents.excursion_problem import rover_power
from moonfleet.agents.ice import MEAN_FRACTION, PATCH_M
from moonfleet.agents.state import Subsystem
from moonfleet.agents.tools import tool_power
from moonfleet.autonomy.excursion_model import ExcursionProblem, FaultLaw
from moonfleet.autonomy.recovery import RecoveryPolicy, recovery_policy
from moonfleet.autonomy.roadmap import roadmap_of_edges

from ..errors import EnvStateError
from . import sight
from . import spaces as o
from .generator import HOUR_S, STEP_S
from .ways import step_down, sun_over

if TYPE_CHECKING:
    from .game import IceProspectingGame

NODE_S = 600.0  # [s] of driving between the places of the chain
MORE_NODES = 6  # of the chain beyond the farthest prospect
LOCKED = 0.10  # share of the battery that the cold may lock away
FLUX_W_M2 = 1361.0  # [W/m2]
WINDOW = 12  # cells that it looks for holes to each side
DETOUR = 1.2  # ways are longer than straight lines
REACHED_M = 12.0  # [m] near enough to a place to drill there
TABLES = 64  # recovery policies kept
FULL = 0.95  # share of the battery at which it leaves home
FUTURE_KG_H = 0.004  # [kg/h] ice that it counts on winning in the rest of an episode
AGAIN_H = 6.0  # [h] less is too short for another excursion
MOST_SPOTS = 3  # that it weighs
DRILL_S = HOLE_M / PACE_M_S  # [s] of a hole
_HEADINGS = np.array([o.heading_xy(turn) for turn in range(o.HEADINGS)])


class _Spot(NamedTuple):
    """A place to drill: where, how long it takes to get there, expected ice and drilling time there."""

    x: float
    y: float
    way_s: float
    ice_kg: float
    drill_s: float

    @property
    def rate(self) -> float:
        """Expected ice per second [kg/s]."""
        return self.ice_kg / (self.way_s + self.drill_s)


class ExcursionPlanner:
    """Plays every world of the game that it is bound to."""

    def __init__(self, game: IceProspectingGame | None = None) -> None:
        self._game = game
        self._tables: dict[tuple[int, float], RecoveryPolicy] = {}

    def bind(self, game: IceProspectingGame) -> ExcursionPlanner:
        """Play ``game`` from now on; returns itself."""
        self._game = game
        self._tables.clear()
        return self

    def act(self, observation: object) -> int:
        """Return the action for the first world of the game."""
        return self._choose(self._bound(), 0)

    def act_batch(self, observations: object, masks: NDArray[np.generic] | None = None) -> NDArray[np.int64]:
        """Return the actions for the first n worlds of the game, n the rows of ``observations``."""
        game = self._bound()
        given = observations["observation"] if isinstance(observations, Mapping) else observations
        count = len(np.atleast_2d(np.asarray(given)))
        return np.array([self._choose(game, world) for world in range(count)], dtype=np.int64)

    def _bound(self) -> IceProspectingGame:
        if self._game is None:
            raise EnvStateError("planner: is bound to no game; call bind(game) with the game that it is to play.")
        return self._game

    # -- the decision --------------------------------------------------------------------------------------------

    def _choose(self, game: IceProspectingGame, w: int) -> int:
        """Return the action of one world."""
        state, counts, books = game.world.state, game.counts[w], game.bores.books[w]
        if counts[sight.OVER]:
            return o.HOLD
        x, y = float(state.x[w, 0]), float(state.y[w, 0])
        situation = int(counts[sight.SITUATION])
        home_x, home_y = game.maps.homes[situation].tolist()
        at_home = math.hypot(home_x - x, home_y - y) <= sight.HOME_M
        down = int(state.faults[w, 0])
        stuck = bool(state.trapped[w, 0]) or bool(down & (1 << Subsystem.MOBILITY))
        drillable = not down & (1 << Subsystem.PAYLOAD)
        here = self._here(game, w, x, y)
        home_s = 0.0 if at_home else self._home_s(game, w, x, y)
        left_s = (game.level.max_steps - int(counts[sight.STEPS])) * STEP_S
        battery = float(state.battery_wh[w, 0])
        spare = battery * (1.0 - LOCKED) - game.fixed[sight.DRIVE_W] * home_s / HOUR_S
        if stuck:
            rich = here is not None and here.ice_kg > 0.0
            return o.DRILL if rich and drillable and spare > 0.4 * game.machine.battery_wh else o.HOLD
        if not at_home and (books[CARRIED] >= game.level.cache_kg - 1e-9 or left_s <= 1.15 * home_s + 2.0 * STEP_S):
            return o.RETURN
        spots = [] if not drillable else self._spots(game, w, x, y)
        if here is not None:
            spots.append(here)
        # asleep the rover draws a fifth of what it does awake, in the Sun too
        carried_kg = float(books[CARRIED_ICE])
        for spot in sorted(spots, key=lambda spot: -spot.rate)[:MOST_SPOTS]:
            if at_home:
                trip_s = 2.2 * spot.way_s + spot.drill_s
                low = battery < FULL * game.machine.battery_wh
                if left_s < trip_s or (low and left_s > trip_s + DRILL_S and self._charges(game, w)):
                    continue
            if self._worth(game, w, spot, home_s, left_s, battery, carried_kg):
                if spot is here or math.hypot(spot.x - x, spot.y - y) <= REACHED_M:
                    return o.DRILL
                return self._towards(game, w, x, y, spot)
        return o.HIBERNATE if at_home else o.RETURN

    def _worth(
        self, game: IceProspectingGame, w: int, spot: _Spot, home_s: float, left_s: float, battery: float, carried_kg: float
    ) -> bool:  # fmt: skip
        """Whether a spot's ice is worth the growth of the chance of loss."""
        table, weights, machine = self._table(game, w), game.level.weights, game.machine
        now_s = game.level.max_steps * STEP_S - left_s
        spent = (
            game.fixed[sight.DRIVE_W] * spot.way_s + (machine.idle_w + tool_power("drill") + 40.0) * spot.drill_s
        ) / HOUR_S
        later_s, rest = now_s + spot.way_s + spot.drill_s, battery - spent
        there_s = self._home_s(game, w, spot.x, spot.y)
        before = self._loss(table, home_s, now_s, battery, False)
        after = self._loss(table, there_s, later_s, rest, False)
        fault = -math.expm1(-game.level.fault_per_h * (spot.way_s + spot.drill_s) / HOUR_S)
        after += fault * (self._loss(table, there_s, later_s, rest, True) - after)
        per_kg = weights.returned_per_kg + weights.drilled_per_kg
        again = max(left_s - home_s - AGAIN_H * HOUR_S, 0.0) / HOUR_S * FUTURE_KG_H * weights.returned_per_kg
        stake = weights.lost + weights.returned_per_kg * carried_kg + again
        return per_kg * spot.ice_kg * (1.0 - after) > stake * max(after - before, 0.0)

    def _loss(self, table: RecoveryPolicy, home_s: float, t_s: float, battery: float, stopped: bool) -> float:
        """Return the chance of loss of a rover so far from home."""
        node = min(math.ceil(home_s / NODE_S - 0.5), table.roadmap.places - 1)
        return table.loss(max(node, 0), t_s, battery, stopped)

    def _charges(self, game: IceProspectingGame, w: int) -> bool:
        """Whether waiting at home will fill the battery soon."""
        hour = int(game.counts[w, sight.STEPS]) // sight.ROWS_PER_H
        return bool(game.home_lit[w, hour : hour + 8].max() > 0.5)

    # -- where to drill ------------------------------------------------------------------------------------------

    def _here(self, game: IceProspectingGame, w: int, x: float, y: float) -> _Spot | None:
        """Return the hole under the drill if there is more in it."""
        holes = game.bores.holes[w, : game.bores.count[w]]
        near = np.flatnonzero(np.hypot(holes[:, HOLE_X] - x, holes[:, HOLE_Y] - y) < APART_M)
        if near.size == 0:
            return None
        hole = holes[near[np.argmin(np.hypot(holes[near, HOLE_X] - x, holes[near, HOLE_Y] - y))]]
        left_m = HOLE_M - float(hole[DEPTH])
        if left_m <= 1e-9:
            return None
        return _Spot(x, y, 0.0, KG_PER_M * left_m * float(hole[FRACTION]), left_m / PACE_M_S)

    def _spots(self, game: IceProspectingGame, w: int, x: float, y: float) -> list[_Spot]:
        """Return the best place in sight and the prospects."""
        counts, maps = game.counts[w], game.maps
        ground = game.grounds[int(counts[sight.GROUND])]
        ref, speed = ground.site.ref, game.machine.speed_m_s
        holes = game.bores.holes[w, : game.bores.count[w]]
        row, col = ref.cell_of(x, y)
        r0, r1 = max(row - WINDOW, 0), min(row + WINDOW + 1, ref.rows)
        c0, c1 = max(col - WINDOW, 0), min(col + WINDOW + 1, ref.cols)
        prior = np.where(ground.area[r0:r1, c0:c1], ground.ice.prior[r0:r1, c0:c1], 0.0).astype(np.float64)
        found: list[_Spot] = []
        if prior.max() > 0.2 * MEAN_FRACTION:
            rows, cols = np.arange(r0, r1), np.arange(c0, c1)
            xs = np.asarray(ref.x_left + (cols + 0.5) * ref.cell_m, np.float64)
            ys = np.asarray(ref.y_top - (rows + 0.5) * ref.cell_m, np.float64)
            away = np.hypot(xs[None, :] - x, ys[:, None] - y)
            ice = KG_PER_M * HOLE_M * self._hope(prior, xs[None, :], ys[:, None], holes)
            rate = ice / (DETOUR * away / speed + DRILL_S)
            at = np.unravel_index(int(np.argmax(rate)), rate.shape)
            found.append(
                _Spot(float(xs[at[1]]), float(ys[at[0]]), DETOUR * float(away[at]) / speed, float(ice[at]), DRILL_S)
            )
        for which in np.unique(maps.of_home[int(counts[sight.SITUATION])]).tolist():
            px, py, expected = maps.prospects[which].tolist()
            way = float(maps.prospect_s[which][row, col])
            if math.isfinite(way):
                hope = self._hope(np.full((1, 1), expected), np.array([[px]]), np.array([[py]]), holes)
                found.append(_Spot(px, py, way, KG_PER_M * HOLE_M * float(hope[0, 0]), DRILL_S))
        return found

    def _hope(
        self, prior: NDArray[np.float64], xs: NDArray[np.float64], ys: NDArray[np.float64], holes: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the expected mass fraction at places: the prior, drawn to what the nearest hole has shown."""
        weight, shown = np.zeros(prior.shape), np.zeros(prior.shape)
        for hole in holes:
            away = np.hypot(xs - hole[HOLE_X], ys - hole[HOLE_Y])
            near = np.maximum(1.0 - away / PATCH_M, 0.0)
            shown = np.where(near > weight, hole[FRACTION], shown)
            weight = np.maximum(weight, near)
            prior = np.where(away < APART_M + 1.0, 0.0, prior)
        return np.where(prior > 0.0, prior * (1.0 - weight) + shown * weight, 0.0)

    # -- ways ----------------------------------------------------------------------------------------------------

    def _home_s(self, game: IceProspectingGame, w: int, x: float, y: float) -> float:
        """Return the driving time home from a place [s]."""
        ref = game.sites[0].ref
        row, col = ref.cell_of(x, y)
        field = game.maps.home_s[int(game.counts[w, sight.SITUATION])]
        near = field[max(row - 1, 0) : row + 2, max(col - 1, 0) : col + 2]
        own = float(field[row, col])
        return own if math.isfinite(own) else float(near.min()) + 2.0 * ref.cell_m / game.machine.speed_m_s

    def _towards(self, game: IceProspectingGame, w: int, x: float, y: float, spot: _Spot) -> int:
        """Return the move to a spot: down the way to a prospect where one is near it, else straight, round what is too steep."""
        maps, counts = game.maps, game.counts[w]
        ref = game.sites[0].ref
        row, col = ref.cell_of(x, y)
        aim = np.array([spot.x - x, spot.y - y])
        for which in np.unique(maps.of_home[int(counts[sight.SITUATION])]).tolist():
            if abs(maps.prospects[which, 0] - spot.x) < 1.0 and abs(maps.prospects[which, 1] - spot.y) < 1.0:
                ways = maps.prospect_next[which]
                r, c = step_down(ways, *step_down(ways, row, col))
                if (r, c) != (row, col):
                    aim = np.array([ref.x_left + (c + 0.5) * ref.cell_m - x, ref.y_top - (r + 0.5) * ref.cell_m - y])
        away = float(np.hypot(*aim))
        first, reach = (
            (o.LONG, game.fixed[sight.REACH_M])
            if away > 0.75 * game.fixed[sight.REACH_M]
            else (o.SHORT, 0.5 * game.fixed[sight.REACH_M])
        )
        slope = maps.slope[int(counts[sight.GROUND])]
        order = np.argsort(-(_HEADINGS @ aim), kind="stable")
        for turn in order[:5].tolist():
            free = True
            for share in (0.35, 0.7, 1.0):
                to = (x + share * reach * _HEADINGS[turn, 0], y + share * reach * _HEADINGS[turn, 1])
                if not ref.inside(*to) or slope[ref.cell_of(*to)] > game.machine.max_slope_deg:
                    free = False
            if free:
                return first + turn
        return o.RETURN

    # -- the chance of loss --------------------------------------------------------------------------------------

    def _table(self, game: IceProspectingGame, w: int) -> RecoveryPolicy:
        """Return the recovery policy of a world's episode."""
        situation = int(game.counts[w, sight.SITUATION])
        key = (situation, float(game.t0[w]))
        if key not in self._tables:
            if len(self._tables) >= TABLES:
                self._tables.pop(next(iter(self._tables)))
            self._tables[key] = recovery_policy(_problem(game, w, situation))
        return self._tables[key]


def _problem(game: IceProspectingGame, w: int, situation: int) -> ExcursionProblem:
    """Return the way home from the farthest prospect as an excursion: a chain of places, home first."""
    maps, level, machine = game.maps, game.level, game.machine
    ground = int(game.counts[w, sight.GROUND])
    ref = game.sites[ground].ref
    field = maps.home_s[situation]
    far = max(maps.of_home[situation].tolist(), key=lambda which: float(field[ref.cell_of(*maps.prospects[which, :2])]))
    row, col = ref.cell_of(*maps.prospects[far, :2].tolist())
    nodes = math.ceil(float(field[row, col]) / NODE_S) + 1
    cells = np.full((nodes + MORE_NODES, 2), -1)
    for node in range(nodes - 1, -1, -1):
        while field[row, col] > node * NODE_S:
            row, col = step_down(maps.home_next[situation], row, col)
        cells[node] = row, col
    hours = game.almanac.shape[1]
    light = np.zeros((hours, len(cells)), np.float32)
    for node in range(nodes):
        r, c = cells[node].tolist()
        for hour in range(hours):
            sun = game.almanac[w, hour]
            light[hour, node] = 1.0 if sun_over(maps.millideg[ground], r, c, maps.frame, sun) > 0.0 else 0.0
    power = rover_power(machine, FLUX_W_M2, tool_power("drill"))._replace(reserve_wh=LOCKED * machine.battery_wh)
    edges = [(node, node + 1, NODE_S) for node in range(len(cells) - 1)]
    edges += [(node + 1, node, NODE_S) for node in range(len(cells) - 1)]
    law = FaultLaw(level.fault_per_h, (1.0,), (level.repair_h,), (True,))
    return ExcursionProblem(
        roadmap_of_edges(len(cells), edges), light, HOUR_S, power, law, np.array([0]), level.max_steps * STEP_S,
        haven_lit=0.0, haven_h=0.0, step_s=NODE_S,
    )  # fmt: skip
