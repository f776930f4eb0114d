"""Driving along a leg: exact arrival, ground that is refused, soil that holds a wheel and slopes that tip. Lanes of robots.

Speed, slip and power on a grade are those of `moonfleet.autonomy.wheels`. A machine tips over where the ground under it is
steeper than its static limit (half its track over the height of its centre of mass). Wheels that slip dig themselves in: above
the catalogue's embedding slip the hazard per metre grows with the square of the slip beyond it, and a robot gets stuck when it
has used up the hazard drawn for it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.wheels import ROLLING, speed_against
from moonfleet.terrain.forced_kernel import forced_kernel
from moonfleet.terrain.kernel import leaf_kernel
from moonfleet.terrain.lane_math import arctangent, azimuth_deg
from moonfleet.terrain.lanes import counted, floor, least, load, most, pick, root, select, some, splat, store, whole
from moonfleet.terrain.soil import slip

from . import spec_block as c
from . import state as s
from . import tick_notes as n
from .ground import GroundLayers

Grid = NDArray[np.float32]
Vector = NDArray[np.float64]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# frame: float64[5] = x_left, y_top [m] (outer corner), cell [m], centre x, centre y [m]
X_LEFT, Y_TOP, CELL, CENTRE_X, CENTRE_Y = range(5)
GOES_ON, BLOCKED, TIPS, STUCK = range(4)  # how a tick of driving ends
DEGREES = 180.0 / math.pi


@leaf_kernel
def cell_index(frame: Vector, x: float, y: float, rows: int, cols: int) -> tuple[int, int]:
    """Return row, col of the cell that holds (x, y); (-1, -1) outside the grid, whose outer edges belong to it."""
    down, right = (frame[Y_TOP] - y) / frame[CELL], (x - frame[X_LEFT]) / frame[CELL]
    row = rows - 1 if down == rows else int(math.floor(down))
    col = cols - 1 if right == cols else int(math.floor(right))
    if row < 0 or col < 0 or row >= rows or col >= cols:
        return -1, -1
    return row, col


@forced_kernel
def cells(frame: Vector, x: Any, y: Any, rows: int, cols: int) -> tuple[Any, Any, Any]:
    """Return row and col, whole numbers in float64, of the cells that lanes of places lie in, and whether they are outside.

    As `cell_index`; of a place outside the nearest cell.
    """
    down, right = _cells_away(frame, x, y)
    return _cells_at(down, right, rows, cols)


@forced_kernel
def _cells_away(frame: Vector, x: Any, y: Any) -> tuple[Any, Any]:
    """Return how far lanes of places lie below and to the right of the grid's corner [cells]."""
    return (frame[Y_TOP] - y) / frame[CELL], (x - frame[X_LEFT]) / frame[CELL]


@forced_kernel
def _cells_at(down: Any, right: Any, rows: int, cols: int) -> tuple[Any, Any, Any]:
    outside = (down < 0.0) | (right < 0.0) | (down > float(rows)) | (right > float(cols))
    row = least(most(floor(down), 0.0), float(rows - 1))
    col = least(most(floor(right), 0.0), float(cols - 1))
    return row, col, outside


@forced_kernel
def gradient(elevation: Grid, cell: float, down: Any, right: Any) -> tuple[Any, Any]:
    """Return the rise per metre of the bilinear ground towards the east and the north, so many cells down and right of its corner."""
    rows, cols = elevation.shape
    down, right = down - 0.5, right - 0.5
    row = least(most(floor(down), 0.0), float(rows - 2))
    col = least(most(floor(right), 0.0), float(cols - 2))
    a = least(most(down - row, 0.0), 1.0)
    b = least(most(right - col, 0.0), 1.0)
    corner = whole(row * cols + col)
    z00, z01 = pick(elevation, corner), pick(elevation, corner + 1)
    z10, z11 = pick(elevation, corner + cols), pick(elevation, corner + (cols + 1))
    to_east = ((1.0 - a) * (z01 - z00) + a * (z11 - z10)) / cell
    to_south = ((1.0 - b) * (z10 - z00) + b * (z11 - z01)) / cell
    return to_east, -to_south


@forced_kernel
def embedding_hazard(slip_ratio: Any, embed_slip: Any, per_m: Any) -> Any:
    """Return the hazard of getting stuck per metre at a slip ratio; 0 up to ``embed_slip``, ``per_m`` for a wheel that spins in place."""
    beyond = most(slip_ratio - embed_slip, 0.0) / (1.0 - embed_slip)
    return per_m * beyond * beyond


@forced_kernel
def drive(
    f: Floats, i: Ints, at: int, goes: Any, legs: Vector, notes: Floats, spec: Floats, dt_s: float, ground: GroundLayers
) -> Any:
    """Drive those of lanes ``at`` to ``at + 8`` that ``goes`` for up to ``dt_s`` along their legs; return the motors' work [J].

    ``legs`` float64 [W, R, 64, 2] m. A robot arrives exactly on the last point of its leg. Its leg ends early, and BLOCKED is set, where
    the cell ahead is too steep for it or outside the grid (it stands before it), and where it gets stuck. It is noted in `FATE` where
    it tips over.
    """
    rows, cols = ground.slope.shape
    frame = ground.frame
    x, y = load(f, s.X, at), load(f, s.Y, at)
    ahead, size = load(i, s.LEG_NEXT, at), load(i, s.LEG_SIZE, at)
    first = whole(load(notes, n.LEG_AT, at))
    rated_m_s, rated_w = load(spec, c.SPEED, at), load(spec, c.DRIVE_W, at)
    hazard = load(f, s.TRAP_LEFT, at)
    left, metres, joules = splat(dt_s), splat(0.0), splat(0.0)
    east, north, end = splat(0.0), splat(0.0), splat(float(GOES_ON))
    down, right = _cells_away(frame, x, y)
    row, col, _ = _cells_at(down, right, rows, cols)
    on = goes & (ahead < size)
    while some(on):
        point = first + select(on, ahead, 0) * 2
        leg_x, leg_y = pick(legs, point), pick(legs, point + 1)
        to_x, to_y = leg_x - x, leg_y - y
        distance = root(to_x * to_x + to_y * to_y)
        there = on & (distance < 1e-9)
        go = on & ~there
        apart = select(go, distance, 1.0)
        east, north = select(go, to_x / apart, east), select(go, to_y / apart, north)
        rise_east, rise_north = gradient(ground.elevation, frame[CELL], down, right)
        tips = go & (rise_east * rise_east + rise_north * rise_north > load(spec, c.TIP_TAN2, at))
        end = select(tips, float(TIPS), end)
        go = go & ~tips
        rise = rise_east * east + rise_north * north
        grade = arctangent(rise) * DEGREES
        resistance = (1.0 + rise / ROLLING) / root(1.0 + rise * rise)  # cosine and sine of the grade
        speed, power = speed_against(resistance, grade, rated_m_s, rated_w)
        step = least(distance, 0.5 * frame[CELL])
        time = step / speed
        short = time > left
        time, step = select(short, left, time), select(short, speed * left, step)
        arrives = step >= distance
        new_x, new_y = select(arrives, leg_x, x + east * step), select(arrives, leg_y, y + north * step)
        new_down, new_right = _cells_away(frame, new_x, new_y)
        new_row, new_col, outside = _cells_at(new_down, new_right, rows, cols)
        steep = pick(ground.slope, whole(new_row * cols + new_col)) > load(spec, c.MAX_SLOPE, at)
        refused = go & (outside | (((new_row != row) | (new_col != col)) & steep))
        end = select(refused, float(BLOCKED), end)
        go = go & ~refused
        down, right = select(go, new_down, down), select(go, new_right, right)
        x, y, row, col = select(go, new_x, x), select(go, new_y, y), select(go, new_row, row), select(go, new_col, col)
        metres = metres + select(go, step, 0.0)
        joules = joules + select(go, power * time, 0.0)
        left = select(go, select(time < left, left - time, 0.0), left)
        ahead = ahead + counted(there | (go & arrives))
        traps = load(spec, c.TRAP_PER_M, at)
        risky = go & (traps > 0.0) & (grade > load(spec, c.EMBED_GRADE, at))
        if some(risky):
            used = embedding_hazard(slip(grade), load(spec, c.EMBED_SLIP, at), traps) * step
            hazard = hazard - select(risky, used, 0.0)
            end = select(risky & (hazard <= 0.0), float(STUCK), end)
        on = (there | go) & (end == float(GOES_ON)) & (ahead < size) & (left > 0.0)
    turned = goes & ((east != 0.0) | (north != 0.0))
    store(f, s.HEADING, at, select(turned, azimuth_deg(east, north), load(f, s.HEADING, at)))
    store(f, s.X, at, select(goes, x, load(f, s.X, at)))
    store(f, s.Y, at, select(goes, y, load(f, s.Y, at)))
    store(f, s.ODOMETER, at, load(f, s.ODOMETER, at) + metres)
    store(f, s.DUST, at, load(f, s.DUST, at) + load(spec, c.DUST_M, at) * metres)
    store(f, s.TRAP_LEFT, at, hazard)
    ends = goes & ((end != float(GOES_ON)) | (ahead >= size))
    store(i, s.LEG_NEXT, at, select(goes & ~ends, ahead, select(ends, 0, load(i, s.LEG_NEXT, at))))
    store(i, s.LEG_SIZE, at, select(ends, 0, size))
    store(i, s.ACTIVITY, at, select(ends, s.HOLD, load(i, s.ACTIVITY, at)))
    stuck = goes & (end == float(STUCK))
    store(i, s.BLOCKED, at, select(ends, counted((end == float(BLOCKED)) | stuck), load(i, s.BLOCKED, at)))
    store(i, s.TRAPPED, at, select(stuck, 1, load(i, s.TRAPPED, at)))
    store(i, s.TRAPS, at, load(i, s.TRAPS, at) + counted(stuck))
    store(notes, n.FATE, at, select(goes & (end == float(TIPS)), float(s.TIPPED), load(notes, n.FATE, at)))
    return joules
