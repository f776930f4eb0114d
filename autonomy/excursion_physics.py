"""An excursion second by second: battery, light and faults of a rover in continuous time, compiled.

The same few kernels trace a plan without faults and play it with them. Light is linear between samples, so the charge of a piece
within one of them is exact; only where a battery fills up or runs down within a piece is the piece's length (a minute or two) felt.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

PIECE_S = 120.0  # [s] longest piece in changing light
# power: float64[7], the fields of RoverPower in their order
CAPACITY, RESERVE, SOLAR, DRIVE, IDLE, FAULT, WORK = range(7)


@kernel
def spend(
    light: Singles,
    light_step_s: float,
    power: Floats,
    place: int,
    t: float,
    duration: float,
    load_w: float,
    battery: float,
) -> float:
    """Return the battery [Wh] after ``duration`` s at a place under a load; at or below the reserve it is returned at once."""
    last = light.shape[0] - 1
    end = t + duration
    while t < end:
        k = int(math.floor(t / light_step_s + 1e-9))
        here = np.float64(light[k, place]) if k <= last else 0.0
        then = np.float64(light[k + 1, place]) if k < last else 0.0
        stop = min(end, (k + 1) * light_step_s)
        if here != then:
            stop = min(stop, t + PIECE_S)
        share = (0.5 * (t + stop) - k * light_step_s) / light_step_s
        lit = here + (then - here) * share
        battery = min(battery + (power[SOLAR] * lit - load_w) * (stop - t) / 3600.0, power[CAPACITY])
        if battery <= power[RESERVE]:
            return battery
        if stop <= t:
            break
        t = stop
    return battery


@kernel
def is_safe(
    light: Singles, light_step_s: float, haven: NDArray[np.bool_], place: int, t: float, lit: float, for_s: float
) -> bool:
    """Return whether a place is a haven that is lit from now on for ``for_s`` seconds."""
    if not haven[place]:
        return False
    a = int(math.floor(t / light_step_s + 1e-9))
    b = int(math.ceil((t + for_s) / light_step_s - 1e-9))
    if b >= light.shape[0]:
        return False
    least = 1.0
    for k in range(a, b + 1):
        least = min(least, float(light[k, place]))
    return least >= lit


@kernel
def cross(
    light: Singles, light_step_s: float, power: Floats, source: int, target: int, drive_s: float, t: float, battery: float,
    gaps: Floats, stops: Floats, fault: int, gap: float,
) -> tuple[float, float, int, float]:  # fmt: skip
    """Drive from place to place through the faults that come: (t, battery, next fault, driving time till then).

    ``gaps`` [K] are the driving times before each fault, ``stops`` [K] how long each lasts [s]; the first half of a drive has the
    light of its source, the second that of its target. A battery at or below the reserve ends it; so do more than K faults, with
    the battery at the reserve.
    """
    done = 0.0
    half = 0.5 * drive_s
    while done < drive_s:
        place = source if done < half else target
        until = half if done < half else drive_s
        piece = min(until - done, gap)
        battery = spend(light, light_step_s, power, place, t, piece, power[DRIVE], battery)
        t += piece
        done = until if piece == until - done else done + piece
        gap -= piece
        if battery <= power[RESERVE]:
            break
        if gap <= 0.0:
            battery = spend(light, light_step_s, power, place, t, stops[fault], power[FAULT], battery)
            t += stops[fault]
            fault += 1
            if fault >= gaps.size:
                battery = min(battery, power[RESERVE])
                break
            gap = gaps[fault]
            if battery <= power[RESERVE]:
                break
    return t, battery, fault, gap
