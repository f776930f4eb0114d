"""The assignment problem as a kernel: who does what, so that the sum of gains is greatest (Jonker and Volgenant 1987).

Rows are assigned one by one along a shortest augmenting path, as in Crouse, "On implementing 2D rectangular assignment algorithms",
2016. Every row may also stay without a job, for nothing. Of equal answers the choice follows from the order of rows and jobs alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.forced_kernel import forced_kernel
from moonfleet.terrain.kernel import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

BONUS = 1e-9  # for working at all: a job worth just its cost is preferred to none


class Sheet(NamedTuple):
    """What an assignment is worked out on, for up to R rows and S seats; a seat is one place on a job."""

    job: Ints  # [S + R] job of each seat; the last R are those of who stays without, one for each row
    price: Floats  # [S + R]
    least: Floats  # [S + R] shortest way to each seat
    by: Ints  # [S + R] row from which it leads there
    holder: Ints  # [S + R] row that has it, -1 none
    done: Bools  # [S + R]
    worth: Floats  # [R]
    seat: Ints  # [R] seat of each row, -1 none yet
    on: Bools  # [R]


def blank_sheet(rows: int, seats: int) -> Sheet:
    """A sheet for problems up to this size."""
    size = rows + seats
    return Sheet(
        np.empty(size, dtype=np.int64),
        np.empty(size),
        np.empty(size),
        np.empty(size, dtype=np.int64),
        np.empty(size, dtype=np.int64),
        np.empty(size, dtype=np.bool_),
        np.empty(rows),
        np.empty(rows, dtype=np.int64),
        np.empty(rows, dtype=np.bool_),
    )


@forced_kernel
def assign(gain: Floats, rows: int, jobs: int, room: Ints, sheet: Sheet, chosen: Ints) -> None:
    """Give the first ``rows`` rows of ``gain`` [., J] the first ``jobs`` jobs, ``room`` [J] rows each at most.

    A gain below 0, or NaN, marks a pair that cannot be. ``chosen`` [rows] gets the jobs, -1 for none.
    """
    seats = 0
    for job in range(jobs):
        for _ in range(min(room[job], rows)):
            sheet.job[seats] = job
            seats += 1
    for n in range(seats + rows):
        sheet.price[n], sheet.holder[n] = 0.0, -1
    for row in range(rows):
        sheet.worth[row], sheet.seat[row] = 0.0, -1
    for row in range(rows):
        _seat_one(gain, row, rows, seats, sheet)
    for row in range(rows):
        chosen[row] = sheet.job[sheet.seat[row]] if sheet.seat[row] < seats else -1


@forced_kernel
def _seat_one(gain: Floats, new: int, rows: int, seats: int, sheet: Sheet) -> None:
    """Find row ``new`` a seat; those who have one may have to change theirs. Costs are gains with the other sign."""
    for n in range(seats + rows):
        sheet.least[n], sheet.done[n] = np.inf, False
    for row in range(rows):
        sheet.on[row] = False
    row, so_far = new, 0.0
    while True:
        sheet.on[row] = True
        found, lowest = -1, np.inf
        for n in range(seats + rows):
            if sheet.done[n]:
                continue
            cost = np.inf
            if n < seats:
                value = gain[row, sheet.job[n]]
                if value >= 0.0:
                    cost = -(value + BONUS)
            elif n == seats + row:
                cost = 0.0
            if cost < np.inf:
                way = so_far + (cost - sheet.worth[row] - sheet.price[n])
                if way < sheet.least[n]:
                    sheet.least[n], sheet.by[n] = way, row
            if sheet.least[n] < lowest or (
                sheet.least[n] == lowest and found >= 0 and sheet.holder[n] < 0 <= sheet.holder[found]
            ):
                lowest, found = sheet.least[n], n
        so_far = lowest
        sheet.done[found] = True
        if sheet.holder[found] < 0:
            break
        row = sheet.holder[found]
    for row in range(rows):
        if sheet.on[row]:
            sheet.worth[row] += so_far if row == new else so_far - sheet.least[sheet.seat[row]]
    for n in range(seats + rows):
        if sheet.done[n]:
            sheet.price[n] -= so_far - sheet.least[n]
    while True:
        row = sheet.by[found]
        sheet.holder[found] = row
        sheet.seat[row], found = found, sheet.seat[row]
        if row == new:
            return


@kernel
def assign_once(gain: Floats, room: Ints, sheet: Sheet, chosen: Ints) -> None:
    """`assign` of a whole table."""
    assign(gain, gain.shape[0], gain.shape[1], room, sheet, chosen)
