"""Many landers at once: the last hundreds of metres of a powered descent, stepped side by side, each over a tile of true ground.

The laws are those of one lander: zero-effort-miss guidance and the engine of `flight`, the rule of what an engine can fly of
`autonomy.divert`, the verdict of `touchdown`. The descent goes from gate to gate, each at the even deceleration that leads there; a
lander that commits skips all gates but the last, and comes down sooner.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.divert import even_descent_s, fits_engine, flight_cost
from moonfleet.autonomy.errors import LandingError
from moonfleet.autonomy.lander_limits import LanderLimits
from moonfleet.terrain.constants import MOON_GRAVITY_M_S2
from moonfleet.terrain.kernel import kernel
from moonfleet.terrain.threads import for_each

from .flight import HOLD_S, MASS, STEP_S, VX, VY, VZ, X, Y, Z, drift, engine_of, fly_step, sink_step
from .landing_tiles import CELL_M, LEVEL_CELL_M, SIDE_M, LandingTiles, margin_of
from .touchdown import bearable, leg_rock, stance_at, verdict

GATES: tuple[tuple[float, float], ...] = ((120.0, 6.0), (30.0, 2.0), (2.0, 1.0))  # height [m], rate of descent [m/s]
SUBSTEPS = 10  # of `flight.STEP_S` in a step of one second
EDGE_M = 34.0  # [m] no aim lies nearer to a tile's edge: what is seen around it is on the tile
THRUST_SHARE = 0.95  # of the engine's range that a divert may ask for, as `autonomy.divert` plans
ROCK_REACH_M = 4.0  # [m] no rock whose middle is farther away on an axis lies under a pad

Floats = NDArray[np.float64]
F32 = NDArray[np.float32]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@kernel
def level_at(level: F32, tile: int, x: float, y: float) -> float:
    """Return a layer float32 [T, n, n] on cells of `LEVEL_CELL_M` at (x, y) [m] of a tile, bilinear; at the tile's edge its last cells."""
    n = level.shape[1]
    row = min(max((0.5 * SIDE_M - y) / LEVEL_CELL_M - 0.5, 0.0), n - 1.001)
    col = min(max((x + 0.5 * SIDE_M) / LEVEL_CELL_M - 0.5, 0.0), n - 1.001)
    r, c = int(row), int(col)
    a, b = row - r, col - c
    top = level[tile, r, c] * (1.0 - b) + level[tile, r, c + 1] * b
    low = level[tile, r + 1, c] * (1.0 - b) + level[tile, r + 1, c + 1] * b
    return top * (1.0 - a) + low * a


@kernel
def _descend(
    part: int, parts: int, active: Bools, state: Floats, error: Floats, aim: Floats, gate: Ints, left_s: Floats, down: Bools,
    tile: Ints, level: F32, gates: Floats, engine: Floats, fix_m: Floats,
) -> None:  # fmt: skip
    """Fly the ``part``-th of ``parts`` equal shares of the landers for a second; see `Landers.step`."""
    still = np.zeros(3)
    count = state.shape[0]
    for w in range(part * count // parts, (part + 1) * count // parts):
        if not active[w] or down[w]:
            continue
        s, e = state[w], error[w]
        if math.isfinite(fix_m[w]):
            e[Z] = fix_m[w]
        site = level_at(level, tile[w], aim[w, 0] - e[X], aim[w, 1] - e[Y])
        for _ in range(SUBSTEPS):
            if s[Z] <= level_at(level, tile[w], s[X], s[Y]):
                down[w] = True
                break
            while gate[w] < gates.shape[0]:
                drop = s[Z] + e[Z] - site - gates[gate[w], 0]
                if left_s[w] < 0.0:
                    left_s[w] = even_descent_s(drop, s[VZ] + e[VZ], gates[gate[w], 1])
                if drop > 0.0 and left_s[w] > HOLD_S:  # guidance looks no nearer: it is as good as there
                    break
                gate[w] += 1
                left_s[w] = -1.0
            if gate[w] == gates.shape[0]:
                sink_step(s, e, aim[w, 0], aim[w, 1], gates[gate[w] - 1, 1], engine)
            else:
                g = gate[w]
                fly_step(s, e, aim[w, 0], aim[w, 1], site + gates[g, 0], gates[g, 1], left_s[w], engine)
                left_s[w] = max(left_s[w] - STEP_S, 0.0)
            drift(e, still, STEP_S)


@kernel
def _flyable(
    s: Floats,
    e: Floats,
    x: float,
    y: float,
    gate: int,
    left_s: float,
    tile: int,
    level: F32,
    gates: Floats,
    engine: Floats,
) -> bool:
    """Return whether engine, tilt and fuel allow the flight of one lander to its next gate above (x, y) [m] of its map."""
    goal = level_at(level, tile, x - e[X], y - e[Y]) + gates[gate, 0]
    vz, down = s[VZ] + e[VZ], gates[gate, 1]
    time = left_s if left_s >= 0.0 else even_descent_s(s[Z] + e[Z] - goal, vz, down)
    dv, high, low, tilt, _ = flight_cost(
        s[X] + e[X], s[Y] + e[Y], s[Z] + e[Z], s[VX] + e[VX], s[VY] + e[VY], vz, x, y, goal, down, max(time, STEP_S)
    )
    most, least = THRUST_SHARE * engine[0], engine[1] / THRUST_SHARE
    fits = fits_engine(dv, high, low, tilt, s[MASS], most, least, engine[2], engine[3])
    return fits and s[MASS] * math.exp(-dv / engine[2]) > engine[4]


@kernel
def _retarget(
    part: int, parts: int, asked: Bools, wish: Floats, state: Floats, error: Floats, aim: Floats, gate: Ints, left_s: Floats,
    tile: Ints, level: F32, gates: Floats, engine: Floats, taken: Bools,
) -> None:  # fmt: skip
    """Take up the wishes that can be flown; see `Landers.retarget`."""
    count = state.shape[0]
    half = 0.5 * SIDE_M - EDGE_M
    for w in range(part * count // parts, (part + 1) * count // parts):
        taken[w] = False
        if not asked[w] or gate[w] >= gates.shape[0]:
            continue
        x, y = min(max(wish[w, 0], -half), half), min(max(wish[w, 1], -half), half)
        if _flyable(state[w], error[w], x, y, gate[w], left_s[w], tile[w], level, gates, engine):
            aim[w, 0], aim[w, 1] = x, y
            taken[w] = True


@kernel
def time_to_ground_s(height: float, vz: float, gate: int, gates: Floats) -> float:
    """Return how long [s] a lander ``height`` [m] above its site still flies from gate to gate; ``gate`` is its next one."""
    total, h, v = 0.0, height, vz
    for g in range(gate, gates.shape[0]):
        if h > gates[g, 0]:
            total += even_descent_s(h - gates[g, 0], v, gates[g, 1])
            h, v = gates[g, 0], -gates[g, 1]
    return total + max(h, 0.0) / gates[gates.shape[0] - 1, 1]


@kernel
def speed_needed_m_s(height: float, vz: float, gate: int, gates: Floats) -> float:
    """Return the change of speed [m/s] that coming down from gate to gate costs, sideways flight left out.

    Thrust less gravity only ever brakes: so gravity times the time, plus the speed that is lost, is exact for a straight descent.
    """
    return MOON_GRAVITY_M_S2 * time_to_ground_s(height, vz, gate, gates) + max(-vz - gates[gates.shape[0] - 1, 1], 0.0)


@kernel
def _stand(
    worlds: Ints, state: Floats, tile: Ints, ground: F32, rocks: Floats, first: Ints, pads: Floats, pad_radius: float,
    belly_radius: float, most: Floats, dry_kg: float, stance: Floats, code: Ints,
) -> None:  # fmt: skip
    """Fill ``stance`` [n, 3] and ``code`` [n] of the landers ``worlds`` [n] where they are; see `Landers.touchdowns`."""
    edge = 0.5 * SIDE_M - 3.0
    for k in range(worlds.size):
        w = worlds[k]
        s = state[w]
        x, y = s[X], s[Y]
        stance[k, 0], stance[k, 1], stance[k, 2] = 90.0, np.inf, 0.0
        if abs(x) <= edge and abs(y) <= edge:
            row, col = (0.5 * SIDE_M - y) / CELL_M - 0.5, (x + 0.5 * SIDE_M) / CELL_M - 0.5
            tilt, belly = stance_at(ground[tile[w]], row, col, CELL_M, pads, pad_radius, belly_radius)
            own = rocks[first[tile[w]] : first[tile[w] + 1]]
            west = np.searchsorted(own[:, 0], x - ROCK_REACH_M)
            east = np.searchsorted(own[:, 0], x + ROCK_REACH_M)
            stance[k, 0], stance[k, 1] = tilt, belly
            near = own[west:east]
            stance[k, 2] = leg_rock(x, y, pads, pad_radius, near[np.abs(near[:, 1] - y) <= ROCK_REACH_M])
        code[k] = verdict(
            stance[k, 0], stance[k, 1], stance[k, 2], -s[VZ], math.hypot(s[VX], s[VY]), s[MASS] - dry_kg, most
        )


class Landers:
    """W landers, each over a tile of `LandingTiles`: the truth of all of them, as arrays.

    Attributes
    ----------
    state
        float64 [W, 7], as of `flight`: place in the tile's frame (0, 0 is its middle), velocity, mass.
    error
        float64 [W, 6], what each lander's map is off by: place, velocity. What it senses is laid on its map.
    aim
        float64 [W, 2], where on its map it means to land.
    gate
        int64 [W], next gate of ``gates``; their number once it sinks straight down.
    left_s
        float64 [W], until it is to be at that gate; negative: not worked out yet.
    tile
        int64 [W].
    down
        bool [W], whether it has met the ground.

    Raises `LandingError` for gates that do not lie one below the other.
    """

    def __init__(
        self,
        worlds: int,
        tiles: LandingTiles,
        limits: LanderLimits,
        gates: tuple[tuple[float, float], ...] = GATES,
        threads: int = 1,
    ) -> None:
        self.gates = np.array(gates, dtype=np.float64).reshape(-1, 2)
        if not len(self.gates) or not (np.diff(self.gates[:, 0]) < 0.0).all() or not (self.gates > 0.0).all():
            raise LandingError(f"gates = {gates!r}: must be (height, rate of descent), all > 0, one below the other")
        self.tiles, self.limits, self.threads = tiles, limits, threads
        self.engine = engine_of(limits)
        self.state, self.error, self.aim = np.zeros((worlds, 7)), np.zeros((worlds, 6)), np.zeros((worlds, 2))
        self.state[:, MASS] = limits.dry_kg
        self.gate, self.tile = np.zeros(worlds, np.int64), np.zeros(worlds, np.int64)
        self.left_s = np.full(worlds, -1.0)
        self.down = np.ones(worlds, np.bool_)
        self._pads, self._most = np.array(limits.pads()), bearable(limits)

    def step(self, active: Bools, fix_m: Floats) -> None:
        """Fly the ``active`` bool [W] landers for a second, or to the ground.

        ``fix_m`` float64 [W]: the error of the height that a lander has from its altimeter now; NaN where it has none and its error drifts.
        """
        part = partial(
            _descend, parts=self.threads, active=active, state=self.state, error=self.error, aim=self.aim, gate=self.gate,
            left_s=self.left_s, down=self.down, tile=self.tile, level=self.tiles.level, gates=self.gates, engine=self.engine, fix_m=fix_m,
        )  # fmt: skip
        self._spread(part)

    def retarget(self, asked: Bools, wish: Floats) -> Bools:
        """Aim the ``asked`` bool [W] landers at ``wish`` float64 [W, 2] of their maps; return which do so, bool [W].

        A wish beyond ``EDGE_M`` of the tile's edge is moved inside. What engine, tilt and fuel do not allow on the way to the next gate
        is refused: the aim stays.
        """
        taken = np.empty(len(asked), np.bool_)
        part = partial(
            _retarget, parts=self.threads, asked=asked, wish=wish, state=self.state, error=self.error, aim=self.aim,
            gate=self.gate, left_s=self.left_s, tile=self.tile, level=self.tiles.level, gates=self.gates, engine=self.engine, taken=taken,
        )  # fmt: skip
        self._spread(part)
        return taken

    def could_fly(self, world: int, dx: float, dy: float) -> bool:
        """Return whether one lander's aim could be moved by (dx, dy) [m]; nothing changes."""
        gate = int(self.gate[world])
        if gate >= len(self.gates):
            return False
        x, y = float(self.aim[world, 0]) + dx, float(self.aim[world, 1]) + dy
        return bool(
            _flyable(
                self.state[world], self.error[world], x, y, gate, float(self.left_s[world]), int(self.tile[world]),
                self.tiles.level, self.gates, self.engine,
            )
        )  # fmt: skip

    def commit(self, who: Bools) -> None:
        """Let the landers ``who`` bool [W] skip all gates but the last."""
        early = who & (self.gate < len(self.gates) - 1)
        self.gate[early], self.left_s[early] = len(self.gates) - 1, -1.0

    def touchdowns(self, worlds: Ints) -> tuple[Floats, Ints]:
        """Judge the landers ``worlds`` int64 [n] as they stand.

        Returns tilt [deg], belly rise [m] and rock under a pad [m], float64 [n, 3], and the numbers of the outcomes in
        `touchdown.OUTCOMES`, int64 [n]. One that came down off its tile tipped over.
        """
        stance, code = np.empty((len(worlds), 3)), np.empty(len(worlds), np.int64)
        tiles, limits = self.tiles, self.limits
        _stand(
            worlds, self.state, self.tile, tiles.ground, tiles.rocks, tiles.first_rock, self._pads, limits.pad_radius_m,
            limits.belly_radius_m, self._most, limits.dry_kg, stance, code,
        )  # fmt: skip
        return stance, code

    def margins(self, stance: Floats) -> Floats:
        """Return how far stances float64 [n, 3] of `touchdowns` are from unsafe, float64 [n] (`landing_tiles.margin_of`)."""
        return margin_of(stance[:, 0], stance[:, 1], stance[:, 2], self.limits)

    def under_aim(self, layer: F32) -> Floats:
        """Return what a layer float32 [T, 160, 160] of the tiles holds at the true place that every lander aims at, float64 [W]."""
        out = np.empty(len(self.tile))
        _sample(layer, self.tile, self.aim, self.error, out)
        return out

    def _spread(self, part: partial[None]) -> None:
        """Do all parts, in threads where there is more than one."""
        if self.threads == 1:
            part(0)
        else:
            for_each(part, self.threads, self.threads)


@kernel
def _sample(layer: F32, tile: Ints, aim: Floats, error: Floats, out: Floats) -> None:
    """Fill ``out`` [W]; see `Landers.under_aim`."""
    for w in range(out.size):
        out[w] = level_at(layer, tile[w], aim[w, 0] - error[w, X], aim[w, 1] - error[w, Y])
