"""Driving along a leg: exact arrival, ground that is refused, soil that holds a wheel and slopes that tip. Scalar kernels.

Speed, slip and power on a grade are those of `moonfleet.autonomy.wheels`. A machine tips over where the ground under it is steeper than its
static limit (half its track over the height of its centre of mass). Wheels that slip dig themselves in: above the catalogue's embedding slip
the hazard per metre grows with the square of the slip beyond it, and a robot gets stuck when it has used up the hazard drawn for it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.wheels import speed_and_power
from moonfleet.terrain.kernel import kernel
from moonfleet.terrain.soil import slip

Grid = NDArray[np.float32]
Vector = NDArray[np.float64]

# frame: float64[5] = x_left, y_top [m] (outer corner), cell [m], centre x, centre y [m]
X_LEFT, Y_TOP, CELL, CENTRE_X, CENTRE_Y = range(5)
GOES_ON, BLOCKED, TIPS, STUCK = range(4)  # how a tick of driving ends


@kernel
def cell_index(frame: Vector, x: float, y: float, rows: int, cols: int) -> tuple[int, int]:
    """Return row, col of the cell that holds (x, y); (-1, -1) outside the grid, whose outer edges belong to it."""
    down, right = (frame[Y_TOP] - y) / frame[CELL], (x - frame[X_LEFT]) / frame[CELL]
    row = rows - 1 if down == rows else int(math.floor(down))
    col = cols - 1 if right == cols else int(math.floor(right))
    if row < 0 or col < 0 or row >= rows or col >= cols:
        return -1, -1
    return row, col


@kernel
def gradient(elevation: Grid, frame: Vector, x: float, y: float) -> tuple[float, float]:
    """Return the rise per metre of the bilinear ground at (x, y) towards the east and towards the north."""
    rows, cols = elevation.shape
    cell = frame[CELL]
    down = (frame[Y_TOP] - y) / cell - 0.5
    right = (x - frame[X_LEFT]) / cell - 0.5
    row = min(max(int(math.floor(down)), 0), rows - 2)
    col = min(max(int(math.floor(right)), 0), cols - 2)
    a = min(max(down - row, 0.0), 1.0)
    b = min(max(right - col, 0.0), 1.0)
    z00, z01 = np.float64(elevation[row, col]), np.float64(elevation[row, col + 1])
    z10, z11 = np.float64(elevation[row + 1, col]), np.float64(elevation[row + 1, col + 1])
    to_east = ((1.0 - a) * (z01 - z00) + a * (z11 - z10)) / cell
    to_south = ((1.0 - b) * (z10 - z00) + b * (z11 - z01)) / cell
    return to_east, -to_south


@kernel
def embedding_hazard(slip_ratio: float, embed_slip: float, per_m: float) -> float:
    """Return the hazard of getting stuck per metre at a slip ratio; 0 up to ``embed_slip``, ``per_m`` for a wheel that spins in place."""
    beyond = max(slip_ratio - embed_slip, 0.0) / (1.0 - embed_slip)
    return per_m * beyond * beyond


@kernel
def drive(
    x: float, y: float, heading: float, leg: Vector, ahead: int, size: int, rated_m_s: float, rated_w: float,
    max_slope: float, tip_tan2: float, embed_grade: float, embed_slip: float, trap_per_m: float, hazard_left: float,
    dt_s: float, elevation: Grid, slope: Grid, frame: Vector,
) -> tuple[float, float, float, int, float, float, int, float]:  # fmt: skip
    """Drive for up to ``dt_s`` along ``leg`` float64[64, 2] m; ``leg[ahead]`` is next, ``size`` points in all.

    Returns
    -------
    (x, y, heading_deg, ahead, metres, joules, end, hazard_left)
        ``ahead == size``: arrived, exactly on the last point. ``end`` is `BLOCKED` where the cell ahead is steeper than ``max_slope`` or
        outside the grid (the robot stands before it), `TIPS` where it tipped over, `STUCK` where it got stuck, else `GOES_ON`.
    """
    rows, cols = slope.shape
    left = dt_s
    metres = 0.0
    joules = 0.0
    end = GOES_ON
    east, north = 0.0, 0.0
    row, col = cell_index(frame, x, y, rows, cols)
    while ahead < size and left > 0.0:
        to_x, to_y = leg[ahead, 0] - x, leg[ahead, 1] - y
        distance = math.sqrt(to_x * to_x + to_y * to_y)
        if distance < 1e-9:
            ahead += 1
            continue
        east, north = to_x / distance, to_y / distance
        rise_east, rise_north = gradient(elevation, frame, x, y)
        if rise_east * rise_east + rise_north * rise_north > tip_tan2:
            end = TIPS
            break
        grade = math.degrees(math.atan(rise_east * east + rise_north * north))
        speed, power = speed_and_power(grade, rated_m_s, rated_w)
        step = min(distance, 0.5 * frame[CELL])
        time = step / speed
        if time > left:
            time = left
            step = speed * left
        whole = step >= distance
        new_x = leg[ahead, 0] if whole else x + east * step
        new_y = leg[ahead, 1] if whole else y + north * step
        new_row, new_col = cell_index(frame, new_x, new_y, rows, cols)
        outside = new_row < 0
        if outside or ((new_row != row or new_col != col) and slope[new_row, new_col] > max_slope):
            end = BLOCKED
            break
        x, y, row, col = new_x, new_y, new_row, new_col
        metres += step
        joules += power * time
        left = left - time if time < left else 0.0
        if whole:
            ahead += 1
        if trap_per_m > 0.0 and grade > embed_grade:
            hazard_left -= embedding_hazard(slip(grade), embed_slip, trap_per_m) * step
            if hazard_left <= 0.0:
                end = STUCK
                break
    if east != 0.0 or north != 0.0:
        heading = math.degrees(math.atan2(east, north)) % 360.0
    return x, y, heading, ahead, metres, joules, end, hazard_left
