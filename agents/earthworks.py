"""Earthworks: the ground of a work area that machines really change, beside the World that moves and powers them.

Each world has one square area of N x N cells cut from its site. Machines of the World stand in its cells. A step has three parts:
`order` tells the World where to drive and what the tools take, the World ticks, and `settle` does the work for the time that was
really worked.

>>> from moonfleet.agents.catalogue import robot_spec
>>> works = Earthworks([robot_spec("excavator")], worlds=1, cells=4)
>>> works.begin([0], np.zeros((1, 4, 4)), np.full((1, 4, 4), NO_GOAL), np.zeros((1, 2)))
>>> works.load_kg[0, 0] += take(works.soil[0], 1, 1, 80.0)
>>> round(float(works.heights()[0, 1, 1]), 3)  # 80 kg of firm ground are 46 litres
-0.046
>>> float(abs(works.audit_kg()[0])) < 1e-9
True
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import earth_crew as crew
from .catalogue import RobotSpec
from .earth_crew import GO, SINTER, SLEEP, carry_out, plan_work, total_kg
from .errors import WorldError
from .regolith import FIRM_KG_M3
from .saved_arrays import MOST, misfit
from .soil_layers import FIRM, LAYERS, NO_GOAL, take
from .state import Activity
from .tools import tool_power
from .worker_threads import spread
from .world import World

__all__ = ["NO_GOAL", "Earthworks", "machine_table", "take"]

BED_M = 3.0  # [m] of soil below the lowest cell at the start: deeper than anything is dug
STATE_NAMES = ("soil", "goal_m", "load_kg", "corner_xy", "datum_m", "start_kg", "baked_kg")

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def machine_table(specs: Sequence[RobotSpec], move_s: float) -> Floats:
    """Return what the kernels need of machines, float64 [R, 10], columns as in `earth_crew`.

    ``move_s`` is the time in which a drive must be over [s]. A machine that excavates also dumps; ``grade`` and ``level`` are one
    tool here, a blade.
    """
    table = np.zeros((len(specs), crew.COLUMNS))
    for r, spec in enumerate(specs):
        blade = next((tool for tool in ("grade", "level") if tool in spec.tools), None)
        table[r, crew.MASS], table[r, crew.WIDTH], table[r, crew.SPEED] = spec.mass_kg, spec.width_m, spec.speed_m_s
        table[r, crew.CLIMB] = math.tan(math.radians(spec.max_slope_deg))
        if spec.load_kg > 0.0:
            table[r, crew.ROOM] = spec.load_kg
            table[r, crew.DIG_W] = tool_power("excavate") if "excavate" in spec.tools else 0.0
            table[r, crew.DUMP_W] = tool_power("haul") if "haul" in spec.tools else 0.0
        table[r, crew.LEVEL_W] = tool_power(blade) if blade else 0.0
        if "sinter" in spec.tools:
            table[r, crew.SINTER_W] = spec.sinter_w or tool_power("sinter")
        table[r, crew.FARTHEST] = 0.9 * spec.speed_m_s * move_s  # slip and small grades take the rest
    return table


class Earthworks:
    """W work areas of N x N cells and the R machines in each.

    Parameters
    ----------
    specs
        The machines, those of the World.
    worlds, cells, cell_m
        W, N and the side of a cell [m]. A cell has room for one machine.
    step_s
        Length of a step [s]; the World ticks it in one or more ticks of at most ``step_s``.
    tick_s
        Length of the World's tick [s]: a drive is over within one.
    threads
        Worlds are spread over so many threads; the bytes do not depend on it.

    Attributes
    ----------
    soil
        float64 [W, 4, N, N] kg: firm, under a slab, slab, loose (`soil_layers`).
    goal_m
        float64 [W, N, N] m above ``datum_m`` [W]: the height that is wanted, `NO_GOAL` where none is.
    load_kg, baked_kg
        float64 [W, R] carried, and baked so far by each.
    corner_xy
        float64 [W, 2] m: the north-west corner of each area in the site's frame.
    task, to, kg, power_w, share, done_kg
        The last step: what each machine did (a task of `earth_crew`), where it drove, what it had planned [kg], the mean power of its tool
        [W], the share of the step that it worked, and what it moved [kg].
    """

    def __init__(
        self,
        specs: Sequence[RobotSpec],
        worlds: int,
        *,
        cells: int = 32,
        cell_m: float = 1.0,
        step_s: float = 600.0,
        tick_s: float = 300.0,
        threads: int = 1,
    ) -> None:
        if not specs or worlds < 1 or cells < 3 or not cell_m > 0.0:
            raise WorldError(
                f"earthworks: {len(specs)} machines, {worlds} worlds, {cells} cells of {cell_m} m: "
                "need a machine, a world, and 3 x 3 cells of more than 0 m."
            )
        ticks = step_s / tick_s
        if not (math.isfinite(ticks) and ticks >= 1.0 and ticks == round(ticks)):
            raise WorldError(f"earthworks: step_s = {step_s!r} must be a whole number of ticks of {tick_s!r} s.")
        self.worlds, self.cells, self.cell_m, self.step_s, self.threads = worlds, cells, cell_m, step_s, threads
        self.ticks = round(ticks)
        self.machines = machine_table(specs, tick_s)
        robots = len(specs)
        self.soil = np.zeros((worlds, LAYERS, cells, cells))
        self.goal_m = np.full((worlds, cells, cells), NO_GOAL)
        self.load_kg, self.baked_kg = np.zeros((worlds, robots)), np.zeros((worlds, robots))
        self.corner_xy, self.datum_m, self.start_kg = np.zeros((worlds, 2)), np.zeros(worlds), np.zeros(worlds)
        self.task = np.zeros((worlds, robots), np.int64)
        self.to = np.zeros((worlds, robots, 2), np.int64)
        self.at = np.zeros((worlds, robots, 2), np.int64)
        self.kg, self.power_w, self.share, self.done_kg = (np.zeros((worlds, robots)) for _ in range(4))

    def begin(self, worlds: ArrayLike, height_m: Floats, goal_m: Floats, corner_xy: Floats) -> None:
        """Lay fresh firm ground in ``worlds`` int [n]: heights and goals float64 [n, N, N] m, corners float64 [n, 2] m.

        Heights and goals are above the sphere, as everywhere; `goal_m` of the area counts from its datum.
        """
        who = np.asarray(worlds, dtype=np.int64)
        datum = height_m.min(axis=(1, 2)) - BED_M
        self.soil[who] = 0.0
        self.soil[who, FIRM] = (height_m - datum[:, None, None]) * self.cell_m**2 * FIRM_KG_M3
        self.goal_m[who] = np.where(goal_m > NO_GOAL, goal_m - datum[:, None, None], NO_GOAL)
        self.corner_xy[who], self.datum_m[who] = corner_xy, datum
        self.load_kg[who] = self.baked_kg[who] = 0.0
        self.task[who] = crew.REST
        self.kg[who] = self.power_w[who] = self.share[who] = self.done_kg[who] = 0.0
        self.start_kg[who] = self.soil[who].sum(axis=(1, 2, 3))

    def xy_of(self, worlds: Ints, cells: Ints) -> Floats:
        """Return the centres float64 [..., 2] m of cells int [..., 2] (row, col) in ``worlds`` int [...]."""
        corner = self.corner_xy[worlds]
        x = corner[..., 0] + (cells[..., 1] + 0.5) * self.cell_m
        y = corner[..., 1] - (cells[..., 0] + 0.5) * self.cell_m
        return np.stack([x, y], axis=-1)

    def find(self, world: World) -> Ints:
        """Return the cell (row, col) that each machine stands in, int64 [W, R, 2]; the nearest for one that is not in the area."""
        col = np.floor((world.state.x - self.corner_xy[:, :1]) / self.cell_m)
        row = np.floor((self.corner_xy[:, 1:] - world.state.y) / self.cell_m)
        self.at[..., 0], self.at[..., 1] = np.clip(row, 0, self.cells - 1), np.clip(col, 0, self.cells - 1)
        return self.at

    def order(self, world: World, task: Ints, to: Ints, most_kg: Floats, active: Bools) -> None:
        """Tell the machines of ``active`` bool [W] worlds what to do in the next step.

        ``task`` int64 [W, R] is one of `earth_crew`'s, ``to`` [W, R, 2] the cell to drive to, ``most_kg`` [W, R] the most to move or
        bake. What cannot be done becomes a rest. Machines that have not landed take up no room; those that are lost do.
        """
        at = self.find(world)
        present = ~world.parked
        self.task[...], self.to[...] = task, to

        def part(start: int, end: int) -> None:
            plan_work(
                self.soil, self.goal_m, self.load_kg, at, present, self.task, self.to, most_kg, self.machines,
                self.step_s, self.cell_m, active, self.kg, self.power_w, start, end,
            )  # fmt: skip

        spread(part, self.worlds, self.threads, self.task.size)
        self._tell(world, active)

    def _tell(self, world: World, active: Bools) -> None:
        """Hand the orders to the World."""
        drives = (self.task == GO) & active[:, None]
        w, r = np.nonzero(drives)
        if len(w):
            world.command_legs(w, r, self.xy_of(w, self.to[w, r])[:, None, :])
        w, r = np.nonzero(~drives & active[:, None])
        if len(w):
            told = self.task[w, r]
            activity = np.where(told > GO, int(Activity.WORK), int(Activity.CHARGE))
            activity[told == SLEEP] = int(Activity.HIBERNATE)
            world.command_activities(w, r, activity, np.where(told > GO, self.power_w[w, r], 0.0))

    def settle(self, world: World, active: Bools) -> None:
        """Change the ground for what the machines of ``active`` worlds did while the World ticked one step."""
        worked = np.where(self.task > GO, world.state.worked_s, 0.0)  # less than the step after a brown-out
        np.minimum(worked / self.step_s, 1.0, out=self.share)

        def part(start: int, end: int) -> None:
            carry_out(
                self.soil, self.goal_m, self.load_kg, self.at, self.task, self.kg, self.share, self.machines,
                self.cell_m, active, self.done_kg, start, end,
            )  # fmt: skip

        spread(part, self.worlds, self.threads, self.task.size)
        self.baked_kg += np.where((self.task == SINTER) & active[:, None], self.done_kg, 0.0)

    def heights(self) -> Floats:
        """Return the heights above each area's datum less the bed, so that the lowest cell at the start is 0; float64 [W, N, N] m."""
        out = np.empty((self.worlds, self.cells, self.cells))
        crew.heights(self.soil, self.cell_m, out, 0, self.worlds)
        return out - BED_M

    def audit_kg(self) -> Floats:
        """Return what is missing: all there is less all there was, float64 [W]; zero but for rounding."""
        out = np.empty(self.worlds)
        total_kg(self.soil, self.load_kg, out)
        return out - self.start_kg

    def get_world(self, w: int) -> dict[str, NDArray[np.generic]]:
        """Return a copy of what changes in world ``w``."""
        return {name: np.array(getattr(self, name)[w]) for name in STATE_NAMES}

    def set_world(self, w: int, saved: Mapping[str, NDArray[np.generic]]) -> None:
        """Let world ``w`` go on from what `get_world` returned.

        Raises `WorldError`, changing nothing, for missing names, other shapes, or numbers that no ground has.
        """
        goals = {name: getattr(self, name)[w, ...] for name in STATE_NAMES}
        missing = [name for name in goals if name not in saved]
        if missing:
            raise WorldError(f"earthworks: {', '.join(missing)} missing.")
        ranges = {name: (0.0, MOST) for name in ("soil", "load_kg", "baked_kg", "start_kg")}
        if (problem := misfit(saved, goals, ranges)) is not None:
            raise WorldError(f"earthworks.{problem}")
        for name, goal in goals.items():
            goal[...] = saved[name]
