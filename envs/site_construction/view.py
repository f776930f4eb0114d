"""What the crew may do, is told and sees, as kernels over all worlds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents import earth_crew as crew
from moonfleet.agents.earth_crew import DIG_W, DUMP_W, LEVEL_W, ROOM, SINTER_W, workable_kg
from moonfleet.agents.regolith import LOOSE_KG_M3, SLAB_KG_M3
from moonfleet.agents.soil_layers import CLEAN_KG, LOOSE, SLAB, height_m
from moonfleet.agents.state import MOBILITY, PAYLOAD
from moonfleet.terrain.kernel import kernel, leaf_kernel

from . import spaces as s

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

LEAST_KG = 0.5  # [kg] to dig or push that make an order worth while
NORTH = (1, 1, 0, -1, -1, -1, 0, 1)  # of the headings N, NE ... NW
EAST = (0, 1, 1, 1, 0, -1, -1, -1)
PHI, WITHIN, BAKED, OFF, LEVEL_CELLS, DONE, TALLIES = range(7)  # of a pad, see `tally`
TOLERANCE, NEED_KG, CELL, LIMITS = range(4)


class Scene(NamedTuple):
    """All that the kernels read; W worlds, R robots, N cells."""

    soil: Floats  # [W, 4, N, N] kg
    goal: Floats  # [W, N, N] m above the datum
    load: Floats  # [W, R] kg
    at: Ints  # [W, R, 2] row, col
    machines: Floats  # [R, 10]
    pad: Ints  # [W, 3] row, col, side
    level: Floats  # [W] m above the datum
    pit: Ints  # [W, 2]
    base: Ints  # [W, R, 2]
    battery: Floats  # [W, R] 0..1
    lit: Floats  # [W, R]
    solar: Floats  # [W, R] 0..1
    down: Ints  # [W, R] bits of faults; a stuck robot's drive counts as down
    there: Bools  # [W, R] landed and not lost
    task: Ints  # [W, R] last step's
    denied: Bools  # [W, R] last order could not be done
    light: NDArray[np.float32]  # [W, H] summed lit share
    tallies: Floats  # [W, 6]
    near: Ints  # [W, R, 3, 2] nearest free cell of the pad to cut, to fill and to bake; -1, -1 where there is none
    phi0: Floats  # [W] m3
    clock: Floats  # [W, 2] hours since the start; share of the steps that is left
    limits: Floats  # [3] tolerance [m], mass that a sintered cell needs [kg], cell [m]


@leaf_kernel
def off_m(scene: Scene, w: int, row: int, col: int) -> float:
    """Return how far a cell stands above the design [m]."""
    cell = scene.limits[CELL]
    return height_m(scene.soil[w], row, col, cell * cell) - scene.level[w]


@leaf_kernel
def on_pad(scene: Scene, w: int, row: int, col: int) -> bool:
    """Say whether a cell belongs to the pad."""
    down, right = row - scene.pad[w, 0], col - scene.pad[w, 1]
    return 0 <= down < scene.pad[w, 2] and 0 <= right < scene.pad[w, 2]


@leaf_kernel
def may_bake(scene: Scene, w: int, row: int, col: int) -> bool:
    """Say whether the rules let a cell be sintered: of the pad, clean, not done, and within tolerance now and after it has shrunk."""
    if not on_pad(scene, w, row, col):
        return False
    slab, high = scene.soil[w, SLAB, row, col], off_m(scene, w, row, col)
    left = max(scene.limits[NEED_KG] - slab, 0.0) / (scene.limits[CELL] * scene.limits[CELL])
    shrinks = left * (1.0 / LOOSE_KG_M3 - 1.0 / SLAB_KG_M3)
    if high > scene.limits[TOLERANCE] or high - shrinks < -scene.limits[TOLERANCE]:
        return False
    covered = slab > 0.0 and scene.soil[w, LOOSE, row, col] > CLEAN_KG
    return slab < scene.limits[NEED_KG] - CLEAN_KG and not covered


@leaf_kernel
def goes_to(scene: Scene, w: int, r: int, action: int) -> tuple[int, int]:
    """Return the cell that a driving order names; it may be off the area."""
    row, col = scene.at[w, r, 0], scene.at[w, r, 1]
    if action == s.TO_PAD:
        return scene.pad[w, 0] + scene.pad[w, 2] // 2, scene.pad[w, 1] + scene.pad[w, 2] // 2
    if action == s.TO_PIT:
        return scene.pit[w, 0], scene.pit[w, 1]
    if action == s.TO_BASE:
        return scene.base[w, r, 0], scene.base[w, r, 1]
    if action >= s.TO_CUT:
        to_row, to_col = scene.near[w, r, action - s.TO_CUT, 0], scene.near[w, r, action - s.TO_CUT, 1]
        return (to_row, to_col) if to_row >= 0 else (row, col)
    k = (action - s.STEP) % s.HEADINGS
    far = s.STEP_CELLS if action < s.LEAP else s.LEAP_CELLS
    return row - NORTH[k] * far, col + EAST[k] * far


@leaf_kernel
def allowed(scene: Scene, w: int, r: int, action: int) -> bool:
    """Say whether an order can be given; see `spaces.ACTIONS`."""
    if action == s.REST:
        return True
    if not scene.there[w, r]:
        return False
    if action == s.SLEEP:
        return True
    row, col = scene.at[w, r, 0], scene.at[w, r, 1]
    if s.DIG <= action <= s.SINTER:
        if scene.down[w, r] & (1 << PAYLOAD):
            return False
        machine = scene.machines[r]
        area = scene.limits[CELL] * scene.limits[CELL]
        load = scene.load[w, r]
        if action == s.SINTER:
            return machine[SINTER_W] > 0.0 and may_bake(scene, w, row, col)
        if action == s.DUMP:
            return machine[DUMP_W] > 0.0 and load > LEAST_KG
        task = crew.DIG if action == s.DIG else crew.LEVEL
        return workable_kg(scene.soil[w], scene.goal[w], load, row, col, task, machine, area) > LEAST_KG
    if scene.down[w, r] & (1 << MOBILITY):
        return False
    to_row, to_col = goes_to(scene, w, r, action)
    n = scene.soil.shape[2]
    return 0 <= to_row < n and 0 <= to_col < n and (to_row != row or to_col != col)


@leaf_kernel
def own_tool(machine: Floats, action: int) -> int:
    """Return what an order for a tool that a machine does not carry means to it: the same for the tool that it has; else `REST`."""
    paves = machine[SINTER_W] > 0.0
    carried = s.SINTER if paves else s.LEVEL
    if action == s.DIG or action == s.DUMP:
        return s.REST if machine[DIG_W] > 0.0 else carried
    if action == s.LEVEL or action == s.SINTER:
        return carried
    if action >= s.TO_CUT:
        return s.TO_BAKE if paves else s.TO_CUT
    return s.REST


@kernel
def fill_masks(scene: Scene, out: Bools, w_from: int, w_to: int) -> None:
    """Fill ``out`` [W, R, A] with what is allowed."""
    for w in range(w_from, w_to):
        for r in range(out.shape[1]):
            for action in range(out.shape[2]):
                out[w, r, action] = allowed(scene, w, r, action)


@kernel
def decide(
    scene: Scene, actions: Ints, active: Bools, task: Ints, to: Ints, most_kg: Floats, w_from: int, w_to: int
) -> None:
    """Turn actions [W, R] into tasks for the crew; what is not allowed becomes `own_tool` or a rest, and is marked.

    Nothing is asked of a machine that is not there.
    """
    for w in range(w_from, w_to):
        if not active[w]:
            continue
        for r in range(actions.shape[1]):
            action = actions[w, r] if scene.there[w, r] else s.REST
            scene.denied[w, r] = not allowed(scene, w, r, action)
            if scene.denied[w, r]:
                action = own_tool(scene.machines[r], action)
                if not allowed(scene, w, r, action):
                    action = s.REST
            to[w, r, 0], to[w, r, 1] = scene.at[w, r, 0], scene.at[w, r, 1]
            most_kg[w, r] = 1e300
            if action == s.REST:
                task[w, r] = crew.REST
            elif action == s.SLEEP:
                task[w, r] = crew.SLEEP
            elif action == s.DIG:
                task[w, r] = crew.DIG
            elif action == s.DUMP:
                task[w, r] = crew.DUMP
            elif action == s.LEVEL:
                task[w, r] = crew.LEVEL
            elif action == s.SINTER:
                task[w, r] = crew.SINTER
                most_kg[w, r] = scene.limits[NEED_KG] - scene.soil[w, SLAB, to[w, r, 0], to[w, r, 1]]
            else:
                task[w, r] = crew.GO
                to[w, r, 0], to[w, r, 1] = goes_to(scene, w, r, action)


@leaf_kernel
def _find_work(scene: Scene, w: int, robot: int, wants: Ints) -> None:
    """Write the nearest free cells of the pad that want something."""
    row, col = scene.at[w, robot, 0], scene.at[w, robot, 1]
    top, left, side = scene.pad[w, 0], scene.pad[w, 1], scene.pad[w, 2]
    for what in range(3):
        least = 1 << 30
        scene.near[w, robot, what, 0], scene.near[w, robot, what, 1] = -1, -1
        for r in range(top, top + side):
            for c in range(left, left + side):
                if not wants[r, c] & (1 << what):
                    continue
                down, across = abs(r - row), abs(c - col)
                far = max(down, across) * 64 + down + across
                if far < least and (far == 0 or wants[r, c] < 8):
                    least = far
                    scene.near[w, robot, what, 0], scene.near[w, robot, what, 1] = r, c


@kernel
def tally(scene: Scene, active: Bools, w_from: int, w_to: int) -> None:
    """Take stock of the pads of ``active`` worlds, and find each machine's nearest work.

    `PHI` is the volume more than half the tolerance off the design [m3], `WITHIN` the share of cells within tolerance, `BAKED` the share
    sintered within tolerance, `OFF` the mean height off the design [m], `DONE` 1 if the pad is finished.
    """
    tolerance, need, cell = scene.limits[TOLERANCE], scene.limits[NEED_KG], scene.limits[CELL]
    n = scene.soil.shape[2]
    wants = np.zeros((n, n), np.int64)  # bits: to cut, to fill, to bake
    for w in range(w_from, w_to):
        if not active[w]:
            continue
        row, col, side = scene.pad[w, 0], scene.pad[w, 1], scene.pad[w, 2]
        phi, within, baked, off, done = 0.0, 0, 0.0, 0.0, 0
        for r in range(row, row + side):
            for c in range(col, col + side):
                high = off_m(scene, w, r, c)
                off += high
                phi += max(abs(high) - 0.5 * tolerance, 0.0)
                bare = scene.soil[w, SLAB, r, c] <= 0.0
                wants[r, c] = 1 if bare and high > 0.5 * tolerance else 2 if bare and high < -0.5 * tolerance else 0
                if may_bake(scene, w, r, c):
                    wants[r, c] |= 4
                if abs(high) <= tolerance:
                    within += 1
                    share = scene.soil[w, SLAB, r, c] / need
                    baked += min(share, 1.0)
                    done += 1 if share >= 1.0 - 1e-6 else 0
        cells = max(side * side, 1)
        scene.tallies[w, PHI] = phi * cell * cell
        scene.tallies[w, WITHIN] = within / cells
        scene.tallies[w, BAKED] = baked / cells
        scene.tallies[w, OFF] = off / cells
        scene.tallies[w, DONE] = 1.0 if side > 0 and done == cells else 0.0
        for robot in range(scene.there.shape[1]):
            if scene.there[w, robot]:
                wants[scene.at[w, robot, 0], scene.at[w, robot, 1]] |= 8  # somebody stands there
        for robot in range(scene.there.shape[1]):
            _find_work(scene, w, robot, wants)
        for robot in range(scene.there.shape[1]):
            wants[scene.at[w, robot, 0], scene.at[w, robot, 1]] = 0


@leaf_kernel
def _clip(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


@leaf_kernel
def _way(out: NDArray[np.float32], k: int, rows: float, cols: float, scale: float) -> None:
    """Write a way of so many rows and columns as (x, y) over ``scale``."""
    out[k] = _clip(cols / scale, -1.0, 1.0)
    out[k + 1] = _clip(-rows / scale, -1.0, 1.0)


@kernel
def observe(scene: Scene, out: NDArray[np.float32], w_from: int, w_to: int) -> None:
    """Fill ``out`` float32 [W, R, SIZE] with what every machine sees, as `spaces.FEATURES` says."""
    robots = out.shape[1]
    n = scene.soil.shape[2]
    half = s.PATCH_SIDE // 2
    small = s.SLAB_SIDE // 2
    need, tolerance = scene.limits[NEED_KG], scene.limits[TOLERANCE]
    area = scene.limits[CELL] * scene.limits[CELL]
    off = np.empty((n, n), np.float32)
    shared = np.empty(2 * s.MAP_SIDE**2, np.float32)
    for w in range(w_from, w_to):
        for row in range(n):
            for col in range(n):
                off[row, col] = _clip(off_m(scene, w, row, col) / s.NEAR_M, -1.0, 1.0)
        top, left, side = scene.pad[w, 0], scene.pad[w, 1], scene.pad[w, 2]
        _stretch(scene, w, off, need, shared)
        mid_row, mid_col = top + 0.5 * (side - 1), left + 0.5 * (side - 1)
        for r in range(robots):
            row, col = scene.at[w, r, 0], scene.at[w, r, 1]
            machine, seen = scene.machines[r], out[w, r]
            k = _OFFSET_TOOLS
            seen[k] = 1.0 if machine[DIG_W] > 0.0 else 0.0
            seen[k + 1] = 1.0 if machine[DUMP_W] > 0.0 else 0.0
            seen[k + 2] = 1.0 if machine[LEVEL_W] > 0.0 else 0.0
            seen[k + 3] = 1.0 if machine[SINTER_W] > 0.0 else 0.0
            if not scene.there[w, r]:
                for k in range(_OFFSET_TOOLS + 4, seen.size):
                    seen[k] = 0.0
                continue
            seen[_OFFSET_THERE] = 1.0
            _way(seen, _OFFSET_PLACE, row - mid_row, col - mid_col, float(n))
            seen[_OFFSET_ON_PAD] = 1.0 if on_pad(scene, w, row, col) else 0.0
            seen[_OFFSET_BATTERY] = _clip(scene.battery[w, r], 0.0, 1.0)
            seen[_OFFSET_LOAD] = _clip(scene.load[w, r] / machine[ROOM], 0.0, 1.0) if machine[ROOM] > 0.0 else 0.0
            seen[_OFFSET_LIT] = _clip(scene.lit[w, r], 0.0, 1.0)
            seen[_OFFSET_SOLAR] = _clip(scene.solar[w, r], 0.0, 1.0)
            task = scene.task[w, r]
            seen[_OFFSET_DID] = 1.0 if task == crew.GO else 0.0
            seen[_OFFSET_DID + 1] = 1.0 if task >= crew.DIG else 0.0
            seen[_OFFSET_DID + 2] = 1.0 if task == crew.SLEEP else 0.0
            seen[_OFFSET_DID + 3] = 1.0 if scene.denied[w, r] else 0.0
            seen[_OFFSET_DOWN] = 1.0 if scene.down[w, r] & (1 << MOBILITY) else 0.0
            seen[_OFFSET_DOWN + 1] = 1.0 if scene.down[w, r] & (1 << PAYLOAD) else 0.0
            seen[_OFFSET_HERE] = off[row, col]
            seen[_OFFSET_HERE + 1] = 1.0 if abs(off_m(scene, w, row, col)) <= tolerance else 0.0
            seen[_OFFSET_HERE + 2] = _clip(scene.soil[w, SLAB, row, col] / need, 0.0, 1.0)
            seen[_OFFSET_HERE + 3] = _clip(scene.soil[w, LOOSE, row, col] / (LOOSE_KG_M3 * area * s.NEAR_M), 0.0, 1.0)
            for what in range(3):
                to_row, to_col = scene.near[w, r, what, 0], scene.near[w, r, what, 1]
                k = _OFFSET_CUT + 3 * what
                seen[k + 2] = 1.0 if to_row >= 0 else 0.0
                if to_row < 0:
                    to_row, to_col = row, col
                _way(seen, k, float(to_row - row), float(to_col - col), s.WAY_CELLS)
            _way(seen, _OFFSET_PIT, float(scene.pit[w, 0] - row), float(scene.pit[w, 1] - col), float(n))
            _way(seen, _OFFSET_BASE, float(scene.base[w, r, 0] - row), float(scene.base[w, r, 1] - col), float(n))
            k = _OFFSET_PATCH
            for i in range(row - half, row + half + 1):
                for j in range(col - half, col + half + 1):
                    seen[k] = off[i, j] if 0 <= i < n and 0 <= j < n else 1.0
                    k += 1
            k = _OFFSET_SLABS
            for i in range(row - small, row + small + 1):
                for j in range(col - small, col + small + 1):
                    inside = 0 <= i < n and 0 <= j < n
                    seen[k] = _clip(scene.soil[w, SLAB, i, j] / need, 0.0, 1.0) if inside else 0.0
                    k += 1
            for i in range(shared.size):
                seen[_OFFSET_MAP + i] = shared[i]
            _others(scene, w, r, seen, float(n))
            _forecast(scene, w, seen)
            k = _OFFSET_JOB
            seen[k] = _clip(scene.tallies[w, PHI] / max(scene.phi0[w], 1e-9), 0.0, 1.0)
            seen[k + 1] = scene.tallies[w, WITHIN]
            seen[k + 2] = scene.tallies[w, BAKED]
            seen[k + 3] = _clip(scene.tallies[w, OFF] / 0.1, -1.0, 1.0)
            seen[k + 4] = _clip(scene.clock[w, 1], 0.0, 1.0)


@leaf_kernel
def _stretch(scene: Scene, w: int, off: NDArray[np.float32], need: float, out: NDArray[np.float32]) -> None:
    """Write heights and slabs of the pad stretched to a map of `MAP_SIDE` cells: means of the cells that a map cell covers."""
    top, left, side = scene.pad[w, 0], scene.pad[w, 1], scene.pad[w, 2]
    size = s.MAP_SIDE
    for i in range(size):
        r0, r1 = i * side // size, max(-(-(i + 1) * side // size), i * side // size + 1)
        for j in range(size):
            c0, c1 = j * side // size, max(-(-(j + 1) * side // size), j * side // size + 1)
            high, slab, cells = 0.0, 0.0, 0
            for r in range(top + r0, top + r1):
                for c in range(left + c0, left + c1):
                    high += off[r, c]
                    slab += min(scene.soil[w, SLAB, r, c] / need, 1.0)
                    cells += 1
            out[i * size + j] = high / cells
            out[size * size + i * size + j] = slab / cells


@leaf_kernel
def _others(scene: Scene, w: int, r: int, seen: NDArray[np.float32], n: float) -> None:
    """Write what is known of the other robots."""
    k = _OFFSET_OTHERS
    for other in range(scene.there.shape[1]):
        if other == r:
            continue
        for i in range(k, k + 6):
            seen[i] = 0.0
        machine = scene.machines[other]
        if scene.there[w, other]:
            seen[k] = 1.0
            rows, cols = scene.at[w, other, 0] - scene.at[w, r, 0], scene.at[w, other, 1] - scene.at[w, r, 1]
            _way(seen, k + 1, float(rows), float(cols), n)
            seen[k + 3] = _clip(scene.load[w, other] / machine[ROOM], 0.0, 1.0) if machine[ROOM] > 0.0 else 0.0
            seen[k + 4] = _clip(scene.battery[w, other], 0.0, 1.0)
            seen[k + 5] = 1.0 if machine[SINTER_W] > 0.0 else -1.0 if machine[DIG_W] > 0.0 else 0.0
        k += 6
    for i in range(k, _OFFSET_FORECAST):
        seen[i] = 0.0


@leaf_kernel
def lit_mean(scene: Scene, w: int, from_h: float, to_h: float) -> float:
    """Return the mean lit share between two times from now [h], from the almanac; steps within an hour are straight."""
    last = scene.light.shape[1] - 1
    a, b = min(scene.clock[w, 0] + from_h, float(last)), min(scene.clock[w, 0] + to_h, float(last))
    i, j = min(int(a), last - 1), min(int(b), last - 1)
    low = scene.light[w, i] + (a - i) * (scene.light[w, i + 1] - scene.light[w, i])
    high = scene.light[w, j] + (b - j) * (scene.light[w, j + 1] - scene.light[w, j])
    return (high - low) / (to_h - from_h)


@leaf_kernel
def _forecast(scene: Scene, w: int, seen: NDArray[np.float32]) -> None:
    """Write the mean light of the windows ahead."""
    for k in range(len(s.FORECAST_H) - 1):
        seen[_OFFSET_FORECAST + k] = _clip(lit_mean(scene, w, s.FORECAST_H[k], s.FORECAST_H[k + 1]), 0.0, 1.0)


_OFFSET_TOOLS, _OFFSET_THERE, _OFFSET_PLACE = s.OFFSET["tools"], s.OFFSET["there"], s.OFFSET["place"]
_OFFSET_ON_PAD, _OFFSET_BATTERY, _OFFSET_LOAD = s.OFFSET["on_pad"], s.OFFSET["battery"], s.OFFSET["load"]
_OFFSET_LIT, _OFFSET_SOLAR, _OFFSET_DID = s.OFFSET["lit"], s.OFFSET["solar"], s.OFFSET["did"]
_OFFSET_DOWN, _OFFSET_HERE, _OFFSET_CUT = s.OFFSET["down"], s.OFFSET["here"], s.OFFSET["cut_way"]
_OFFSET_PIT, _OFFSET_BASE, _OFFSET_PATCH = s.OFFSET["pit_way"], s.OFFSET["base_way"], s.OFFSET["patch"]
_OFFSET_SLABS, _OFFSET_MAP, _OFFSET_OTHERS = s.OFFSET["slabs"], s.OFFSET["pad_height"], s.OFFSET["others"]
_OFFSET_FORECAST, _OFFSET_JOB = s.OFFSET["forecast"], s.OFFSET["job"]
