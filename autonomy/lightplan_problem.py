"""What the light planner is asked: ground, light, links, power, rules; and the same in ticks and quanta, checked.

The discretisation, all of it on the safe side:

- A step (1 h) has one light: ``lit`` is the least share of the Sun's disc in it. It is cut into K ticks.
- Going from a cell to one of its 8 neighbours takes a whole number of ticks, rounded up: distance times the pace of the cell that is
  entered. Between two corners the robot passes only if both cells beside are passable. While it drives, its panels see the least light of
  the 3 x 3 cells around the one it enters, in the step in which it gets there.
- The battery above its reserve counts in quanta; what comes in is rounded down, what goes out up, at every tick.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.constants import DARK_BELOW

from .errors import CostError, GoalBlocked, GoalOutside, OutOfEnergy, StartBlocked
from .lightplan_nights import short_nights
from .search import nearest_free

QUANTA: Final = 60_000  # steps of the battery above its reserve: fits uint16 with one to spare
LIT_STEPS: Final = 255  # steps of the lit share
SQRT2: Final = math.sqrt(2.0)
# ticks per step that are tried: whole divisors of 3600 s
TICKS: Final = (4, 5, 6, 8, 9, 10, 12, 15, 16, 18, 20)
ROUNDING: Final = 0.10  # mean lengthening of a crossing by whole ticks that is good enough
MAX_TICKS: Final = 120  # per step: a crossing must fit a byte

Bools = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]
Layer = NDArray[np.float32]


class LightPower(NamedTuple):
    """The machine's balance: what the battery gains (above 0) or loses [W] by lit share ``i / 255``, float64 [256] each.

    Losses of charging and heaters are in it. ``wait_w`` and ``drive_w`` must not fall as the light grows.
    """

    wait_w: Floats
    drive_w: Floats
    capacity_wh: float
    reserve_wh: float


class LightRules(NamedTuple):
    """What the robot may do when. Fields that are left alone ask for nothing.

    ``drive_lit``: least share of the Sun's disc (0..1) for driving, where it sets out and round where it arrives.
    ``drive_link``: it drives only in sight of the Earth, at both ends of every crossing.
    ``dark_wait_h``: it stands in the dark only where that night, all of it, is at most so long [h] (a *safe haven*); a night that the
    horizon of the problem cuts off counts as too long. ``havens``: bool [R, C], and only there.
    ``arrive_wh``: battery above the reserve [Wh] that it must have on arrival; ``stay_h``: after it, it must be able to
    stand at the goal so long [h] without touching the reserve, all of it within the steps that are known.
    """

    drive_lit: float = 0.0
    drive_link: bool = False
    dark_wait_h: float = math.inf
    havens: Bools | None = None
    arrive_wh: float = 0.0
    stay_h: float = 0.0


class LightProblem(NamedTuple):
    """A place in time.

    ``pace_s_m`` float32 [R, C]: seconds per metre, inf where impassable; ``lit`` uint8 [T, R, C]: the least share of the Sun's disc in
    each step in 255ths, rounded down; ``earth`` uint8 [T, R, ceil(C / 8)]: bits (`numpy.packbits`) of the cells that see the Earth all
    through the step, or None. ``ticks`` per step: 0 lets `ticks_per_step` choose.
    """

    pace_s_m: Layer
    cell_m: float
    lit: Bytes
    power: LightPower
    rules: LightRules = LightRules()
    earth: Bytes | None = None
    step_s: float = 3600.0
    ticks: int = 0
    quanta: int = QUANTA

    @property
    def steps(self) -> int:
        """Number of steps T."""
        return self.lit.shape[0]

    @property
    def quantum_wh(self) -> float:
        """One quantum of the battery [Wh]."""
        return (self.power.capacity_wh - self.power.reserve_wh) / self.quanta


class Ticked(NamedTuple):
    """The problem in ticks and quanta. Layers are [R + 2, C + 2] with a rim that is blocked.

    ``straight``, ``diagonal`` uint8: ticks to enter; ``block`` float32: 0 or -inf; ``wait``, ``drive`` float32 [256]: quanta per tick;
    ``may_wait`` uint8 [T, R, ceil(C / 8)] bits, empty when waiting in the dark is free; ``slow``: cells shut because a crossing would take
    longer than a step.
    """

    ticks: int
    tick_s: float
    straight: Bytes
    diagonal: Bytes
    block: Layer
    wait: Layer
    drive: Layer
    may_wait: Bytes
    least: int
    dark: int
    slow: int

    @property
    def depth(self) -> int:
        """Ticks that a layer must be kept: the longest crossing and one."""
        return int(max(self.straight.max(), self.diagonal.max())) + 1


def crossing_ticks(pace_s_m: Layer, cell_m: float, tick_s: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return ticks to enter each cell over its side and over its corner, whole numbers as float64, inf where impassable."""
    side = np.where(np.isfinite(pace_s_m), pace_s_m, np.inf).astype(np.float64) * cell_m
    sides, corners = (np.maximum(np.ceil(way * side / tick_s - 1e-9), 1.0) for way in (1.0, SQRT2))
    return sides, corners


def ticks_per_step(pace_s_m: Layer, cell_m: float, step_s: float) -> int:
    """Return the fewest ticks per step, 4 to 20, whose rounding lengthens crossings by 10 % at most in the mean; else the best."""
    pace = pace_s_m[np.isfinite(pace_s_m)].astype(np.float64)
    if pace.size == 0:
        return TICKS[0]
    pace = np.quantile(pace, np.linspace(0.005, 0.995, 200))  # the mean over quantiles is good enough to choose by
    ways = np.concatenate([pace * cell_m, pace * cell_m * SQRT2])
    best, least = TICKS[0], math.inf
    for ticks in TICKS:
        tick_s = step_s / ticks
        longer = float(np.mean(np.ceil(ways / tick_s - 1e-9) * tick_s / ways)) - 1.0
        if longer < least:
            best, least = ticks, longer
        if longer <= ROUNDING:
            break
    return best


def ticked(problem: LightProblem) -> Ticked:
    """Return the problem in ticks and quanta.

    Raises `CostError` for arrays or numbers that do not fit together, naming the field.
    """
    check(problem)
    rows, cols = problem.pace_s_m.shape
    ticks = problem.ticks or ticks_per_step(problem.pace_s_m, problem.cell_m, problem.step_s)
    tick_s = problem.step_s / ticks
    side, corner = crossing_ticks(problem.pace_s_m, problem.cell_m, tick_s)
    slow = np.isfinite(side) & (corner > ticks)
    free = np.isfinite(side) & ~slow
    straight, diagonal = (np.ones((rows + 2, cols + 2), dtype=np.uint8) for _ in range(2))
    straight[1:-1, 1:-1][free] = side[free]
    diagonal[1:-1, 1:-1][free] = corner[free]
    block = np.full((rows + 2, cols + 2), -np.inf, dtype=np.float32)
    block[1:-1, 1:-1][free] = 0.0
    power, rules = problem.power, problem.rules
    per_w = tick_s / 3600.0 / problem.quantum_wh
    dark = math.ceil(DARK_BELOW * LIT_STEPS)
    return Ticked(
        ticks, tick_s, straight, diagonal, block, quanta(power.wait_w, per_w), quanta(power.drive_w, per_w),
        waiting_places(problem, dark), math.ceil(rules.drive_lit * LIT_STEPS - 1e-9), dark, int(slow.sum()),
    )  # fmt: skip


def quanta(watts: Floats, per_w: float) -> Layer:
    """Return whole quanta per tick, rounded towards the empty battery: float32 like ``watts``."""
    return np.floor(np.asarray(watts, dtype=np.float64) * per_w + 1e-9).astype(np.float32)


def waiting_places(problem: LightProblem, dark: int) -> Bytes:
    """Return the bits [T, R, ceil(C / 8)] of the cells in which the robot may stand in the dark of each step; empty: all."""
    rules = problem.rules
    if math.isinf(rules.dark_wait_h) and rules.havens is None:
        return np.empty((0, 0, 0), dtype=np.uint8)
    steps, rows, cols = problem.lit.shape
    longest = -1 if math.isinf(rules.dark_wait_h) else int(rules.dark_wait_h * 3600.0 / problem.step_s + 1e-9)
    havens = np.ones((rows, cols), dtype=np.bool_) if rules.havens is None else np.array(rules.havens, dtype=np.bool_)
    out = np.zeros((steps, rows, (cols + 7) // 8), dtype=np.uint8)
    short_nights(problem.lit, havens, dark, longest, out)
    return out


def check(problem: LightProblem) -> None:
    """Raise `CostError` where the problem's arrays or numbers do not fit together."""
    pace, lit, power, rules = problem.pace_s_m, problem.lit, problem.power, problem.rules

    def refuse(what: str) -> None:
        raise CostError(f"light problem: {what}.")

    if pace.ndim != 2 or pace.size == 0 or (np.isfinite(pace) & (pace <= 0.0)).any():
        refuse(f"pace_s_m of shape {pace.shape}: must be [R, C], above 0, inf for impassable")
    if lit.dtype != np.uint8 or lit.ndim != 3 or lit.shape[1:] != pace.shape or lit.shape[0] == 0:
        refuse(
            f"lit: {lit.dtype} {lit.shape}; must be uint8 [T, {pace.shape[0]}, {pace.shape[1]}] with at least one step"
        )
    packed = (lit.shape[0], pace.shape[0], (pace.shape[1] + 7) // 8)
    if problem.earth is not None and (problem.earth.dtype != np.uint8 or problem.earth.shape != packed):
        refuse(f"earth: {problem.earth.dtype} {problem.earth.shape}; must be packed bits, uint8 {packed}")
    if rules.drive_link and problem.earth is None:
        refuse("rules.drive_link = True: needs earth, the bits of who sees the Earth when")
    if rules.havens is not None and np.shape(rules.havens) != pace.shape:
        refuse(f"rules.havens of shape {np.shape(rules.havens)}: must be {pace.shape}")
    for name, table in (("wait_w", power.wait_w), ("drive_w", power.drive_w)):
        if np.shape(table) != (LIT_STEPS + 1,) or not np.isfinite(table).all() or (np.diff(table) < 0.0).any():
            refuse(f"power.{name}: must be {LIT_STEPS + 1} finite numbers that do not fall as the light grows")
    if not 0.0 <= power.reserve_wh < power.capacity_wh < math.inf:
        refuse(f"power: reserve {power.reserve_wh} Wh, capacity {power.capacity_wh} Wh; need 0 <= reserve < capacity")
    for name, value, low, high in (
        ("cell_m", problem.cell_m, 1e-3, 1e6), ("step_s", problem.step_s, 1.0, 1e7), ("ticks", problem.ticks, 0, MAX_TICKS),
        ("quanta", problem.quanta, 1, QUANTA), ("rules.drive_lit", rules.drive_lit, 0.0, 1.0),
        ("rules.arrive_wh", rules.arrive_wh, 0.0, 1e12), ("rules.stay_h", rules.stay_h, 0.0, 1e9),
        ("rules.dark_wait_h", rules.dark_wait_h, 0.0, math.inf),
    ):  # fmt: skip
        if not low <= value <= high:
            refuse(f"{name} = {value!r}: must be {low:g} to {high:g}")


def check_ends(
    problem: LightProblem, prepared: Ticked, start: tuple[int, int], goal: tuple[int, int], battery_wh: float
) -> None:
    """Raise `StartBlocked`, `GoalOutside`, `GoalBlocked` or, for a battery below its reserve, `OutOfEnergy`."""
    rows, cols = problem.pace_s_m.shape
    for name, (row, col), outside, blocked in (
        ("start", start, StartBlocked, StartBlocked),
        ("goal", goal, GoalOutside, GoalBlocked),
    ):
        if not (0 <= row < rows and 0 <= col < cols):
            raise outside(f"{name} cell {(row, col)} is not on the map; rows are 0..{rows - 1}, columns 0..{cols - 1}.")
        if prepared.block[row + 1, col + 1] < 0.0:
            free = nearest_free(
                np.where(prepared.block[1:-1, 1:-1] == 0.0, np.float32(1.0), np.float32(np.inf)), row, col
            )
            hint = f"the nearest passable cell is {free}" if free else "no passable cell lies within 25 cells"
            raise blocked(f"{name} cell {(row, col)} is ground the robot may not drive on; {hint}.")
    if not battery_wh >= problem.power.reserve_wh:
        short = problem.power.reserve_wh - battery_wh
        raise OutOfEnergy(
            f"the battery holds {battery_wh:.0f} Wh, {short:.0f} Wh less than the reserve of "
            f"{problem.power.reserve_wh:.0f} Wh that is never touched: charge that much before setting out."
        )
