"""Kernels that say how much Sun a cell will get: from a table of the Sun hour by hour, and the horizon of the cell.

The table of one place is float32 [2, n, 5]: even hours, then odd ones, so that samples two hours apart lie together. Columns: the
azimuth in steps of the horizons, elevation in the middle of the site [deg], how much higher it is per metre east and north of the
middle [deg/m], and the radius of the disc [deg].
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import leaf_kernel
from moonfleet.terrain.light import disc_lit, tilt_towards
from moonfleet.terrain.sky import Sky

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]

SAMPLE_H = 2  # [h] between the samples of a forecast
WINDOWS_H = (0, 6, 12, 24, 48)  # [h] edges of the forecast windows
SAMPLES = tuple((b - a) // SAMPLE_H for a, b in itertools.pairwise(WINDOWS_H))  # per window
PLACE, ELEVATION, EAST, NORTH, RADIUS = range(5)
# the frame of a map, float64 [5]
X_LEFT, Y_TOP, CELL, CENTRE_X, CENTRE_Y = range(5)


def hour_table(sky: Sky, start: float, hours: int, azimuths: int) -> Floats32:
    """Return the table of the Sun for ``hours`` hours from ``start`` [s TDB past J2000]."""
    half = -(-hours // 2)
    seen = sky.sample(start + 3600.0 * np.arange(2 * half))
    rows = np.empty((2 * half, 5))
    rows[:, PLACE] = (seen.sun_az_deg % 360.0) * azimuths / 360.0
    rows[:, ELEVATION], rows[:, RADIUS] = seen.sun_el_deg, seen.sun_radius_deg
    rows[:, EAST], rows[:, NORTH] = np.array([tilt_towards(float(az)) for az in seen.sun_az_deg]).T
    table = np.ascontiguousarray(rows.reshape(half, 2, 5).transpose(1, 0, 2).astype(np.float32))
    table[:, :, PLACE] = np.where(
        table[:, :, PLACE] >= azimuths, 0.0, table[:, :, PLACE]
    )  # rounded up to the full circle
    table.flags.writeable = False
    return table


@leaf_kernel
def _lit(
    millideg: NDArray[np.int16], g: int, row: int, col: int, dx: float, dy: float, hours: Floats32, odd: int, k: int
) -> float:
    place = np.float64(hours[odd, k, PLACE])
    a = int(place)
    b = a + 1 if a + 1 < millideg.shape[1] else 0
    w = place - a
    edge = 0.001 * ((1.0 - w) * millideg[g, a, row, col] + w * millideg[g, b, row, col])
    el = hours[odd, k, ELEVATION] + (dx * hours[odd, k, EAST] + dy * hours[odd, k, NORTH])
    return disc_lit(el, edge, np.float64(hours[odd, k, RADIUS]))


@leaf_kernel
def lit_now(
    millideg: NDArray[np.int16], g: int, row: int, col: int, hours: Floats32, hour: int, frame: Floats
) -> float:
    """Return the part 0..1 of the Sun's disc in sight from the middle of a cell at a whole hour of the table."""
    dx = frame[X_LEFT] + (col + 0.5) * frame[CELL] - frame[CENTRE_X]
    dy = frame[Y_TOP] - (row + 0.5) * frame[CELL] - frame[CENTRE_Y]
    return _lit(millideg, g, row, col, dx, dy, hours, hour & 1, hour >> 1)


@leaf_kernel
def outlook(
    millideg: NDArray[np.int16], g: int, row: int, col: int, hours: Floats32, hour: int, frame: Floats, out: Floats32
) -> None:
    """Fill ``out`` [4] with the mean lit part of the Sun at the middle of a cell over the windows of `WINDOWS_H` from ``hour`` on.

    The samples are at the whole hours 1, 3, 5, ... after it.
    """
    dx = frame[X_LEFT] + (col + 0.5) * frame[CELL] - frame[CENTRE_X]
    dy = frame[Y_TOP] - (row + 0.5) * frame[CELL] - frame[CENTRE_Y]
    odd, k = (hour + 1) & 1, (hour + 1) >> 1
    for window in range(len(SAMPLES)):
        total = 0.0
        for _ in range(SAMPLES[window]):
            total += _lit(millideg, g, row, col, dx, dy, hours, odd, k)
            k += 1
        out[window] = total / SAMPLES[window]
