"""The sweep that fills a recovery table: stochastic reach-avoid dynamic programming, backwards in time, compiled.

For every step, place and battery level two chances of loss are kept: ``free`` of a rover that may choose, and ``stopped`` of one
that a fault has just stopped there, both under the best choices to come::

    free(t, i, b)    = 0 at a safe haven, else the least of
                       keep * free(t + n, j, b - e) + (1 - keep) * stopped(t + n, j, b - e)   over the drives i -> j
                       free(t + 1, i, b - w)                                                  waiting
    stopped(t, j, b) = E_D [ (1 - q) * free(t + D, j, b - f D) + q * stopped(t + D, j, b - f D) ]

with ``keep = exp(-rate * drive time)``, ``q`` the chance of another fault on the longest drive (more than that of a second fault
on the one under way), D the time of a fault in whole steps (Abate, Prandini, Lygeros and Sastry 2008, Automatica 44, give the
theory). All rounding is towards loss: times up, charge down, light to the least of a step and, for a stopped rover,
of all cells it may stand between. A chance of loss is a 16-bit code, ``loss = (code / 65535)^2``, rounded up: the square gives
small chances the finer steps.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

Codes = NDArray[np.uint16]
Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

LOST = 65535
SCALE = np.float32(1.0 / 65535.0)
ONE, ROUND_UP = np.float32(1.0), np.float32(65535.0 * (1.0 + 3e-7))  # beyond what float32 sums may lose


@kernel
def chance_of(code: int) -> float:
    """Return the chance of loss that a code stands for."""
    return (code / 65535.0) ** 2


@kernel
def _encode(loss: Singles, out: Codes) -> None:
    """Write the codes of chances [L], rounded up."""
    for level in range(loss.size):
        out[level] = min(np.int32(math.ceil(math.sqrt(loss[level]) * ROUND_UP)), LOST)


@kernel
def _mix(
    free: Codes,
    stopped: Codes,
    weight_free: np.float32,
    weight_stopped: np.float32,
    change: int,
    least: int,
    out: Singles,
) -> None:
    """Lower ``out`` [L] to the weighted chances ``change`` levels away, for levels from ``least`` up; full is full."""
    top = out.size - 1
    split = min(max(top - change, least), top + 1)
    for level in range(least, split):
        a = np.float32(free[level + change]) * SCALE
        b = np.float32(stopped[level + change]) * SCALE
        value = weight_free * (a * a) + weight_stopped * (b * b)
        if value < out[level]:
            out[level] = value
    a = np.float32(free[top]) * SCALE
    b = np.float32(stopped[top]) * SCALE
    value = weight_free * (a * a) + weight_stopped * (b * b)
    for level in range(split, top + 1):
        if value < out[level]:
            out[level] = value


@kernel
def drive_levels(
    light: Singles, source: int, target: int, step: int, steps: int, drive_s: float, step_s: float, level_wh: float,
    solar_w: float, drive_w: float, idle_w: float,
) -> tuple[int, int]:  # fmt: skip
    """Return by how many levels a drive of ``steps`` steps changes the battery, and the least level it may start with."""
    lit = np.float64(1.0)
    for k in range(step, step + steps):
        lit = min(lit, np.float64(light[k, source]), np.float64(light[k, target]))
    moving = (solar_w * lit - drive_w) * drive_s / 3600.0
    resting = (solar_w * lit - idle_w) * (steps * step_s - drive_s) / 3600.0
    change = int(math.floor((moving + resting) / level_wh + 1e-9))
    dip = int(math.floor(min(moving, 0.0) / level_wh + 1e-9))
    return change, max(1 - min(change, dip), 1)


@kernel
def least_near(first: NDArray[np.int64], to: NDArray[np.int32], light: Singles) -> Singles:
    """Return the least light [T, N] of a place and of all places that a drive to it may come from."""
    near = light.copy()
    for k in range(light.shape[0]):
        for place in range(light.shape[1]):
            for drive in range(first[place], first[place + 1]):
                near[k, to[drive]] = min(near[k, to[drive]], light[k, place])
    return near


@kernel
def _stop(
    step: int, place: int, near: Singles, again: float, held: int, load_w: float, solar_w: float, step_s: float,
    level_wh: float, chance: Floats, hours: Floats, exponential: NDArray[np.bool_],
    free: Codes, stopped: Codes, under_way: Singles, out: Singles, total: Singles,
) -> None:  # fmt: skip
    """Fill ``out`` [kinds, N, L] at one place with the chances of a rover stopped now, ``under_way`` being those a step later."""
    last, top = free.shape[0] - 1, free.shape[2] - 1
    once, more = np.float32(1.0 - again), np.float32(again)
    change = int(math.floor((solar_w * near[step, place] - load_w) * step_s / 3600.0 / level_wh + 1e-9))
    total[:] = np.float32(0.0)
    for kind in range(chance.size):
        if exponential[kind]:
            going = math.exp(-step_s / (3600.0 * hours[kind]))
            w_free, w_more, w_on = np.float32((1.0 - going) * once), np.float32((1.0 - going) * more), np.float32(going)
            for level in range(top + 1):
                to = min(level + change, held)
                if level < 1 or to < 1:
                    out[kind, place, level] = ONE
                    continue
                a = np.float32(free[step + 1, place, to]) * SCALE
                b = np.float32(stopped[step + 1, place, to]) * SCALE
                out[kind, place, level] = w_free * (a * a) + w_more * (b * b) + w_on * under_way[kind, place, to]
        else:
            count = int(math.ceil(hours[kind] * 3600.0 / step_s - 1e-9))
            shift, ceiling, least = 0, top, 1
            for k in range(step, min(step + count, last)):
                gain = int(math.floor((solar_w * near[k, place] - load_w) * step_s / 3600.0 / level_wh + 1e-9))
                shift += gain
                least = max(least, 1 - shift) if ceiling + gain >= 1 else top + 1
                ceiling = min(ceiling + gain, held)
            for level in range(top + 1):
                if step + count > last or level < least:
                    out[kind, place, level] = ONE
                    continue
                to = min(level + shift, ceiling)
                a = np.float32(free[step + count, place, to]) * SCALE
                b = np.float32(stopped[step + count, place, to]) * SCALE
                out[kind, place, level] = once * (a * a) + more * (b * b)
        weight = np.float32(chance[kind])
        for level in range(top + 1):
            total[level] += weight * out[kind, place, level]
    _encode(total, stopped[step, place])


@kernel
def sweep(
    first: NDArray[np.int64], to: NDArray[np.int32], drive_s: Floats, keep: Floats, lasts: NDArray[np.int64],
    light: Singles, safe: NDArray[np.bool_], power: Floats, step_s: float, level_wh: float,
    chance: Floats, hours: Floats, exponential: NDArray[np.bool_], free: Codes, stopped: Codes,
) -> None:  # fmt: skip
    """Fill ``free`` and ``stopped`` [T + 1, N, L]; ``lasts`` [E] steps of each drive, ``power`` as `excursion_physics` has it."""
    last, places, levels = free.shape[0] - 1, free.shape[1], free.shape[2]
    solar_w, drive_w, idle_w, fault_w = power[2], power[3], power[4], power[5]
    near = least_near(first, to, light)
    again = 1.0 - keep.min() if keep.size else 0.0
    longest = drive_s.max() if keep.size else 0.0
    held = (
        levels - 1 - int(math.ceil(drive_w * longest / 3600.0 / level_wh))
    )  # the rest of the drive may come after the fault
    now = np.ones((chance.size, places, levels), np.float32)
    later = np.ones((chance.size, places, levels), np.float32)
    best = np.empty(levels, np.float32)
    for step in range(last, -1, -1):
        if step == last:
            stopped[step] = LOST
        else:
            for place in range(places):
                _stop(
                    step, place, near, again, held, fault_w, solar_w, step_s, level_wh, chance, hours, exponential,
                    free, stopped, later, now, best,
                )  # fmt: skip
            now, later = later, now
        for place in range(places):
            if safe[step, place]:
                free[step, place] = 0
                free[step, place, 0] = LOST
                continue
            best[:] = ONE
            if step < last:
                for drive in range(first[place], first[place + 1]):
                    arrive = step + lasts[drive]
                    if arrive > last:
                        continue
                    change, least = drive_levels(
                        light, place, to[drive], step, lasts[drive], drive_s[drive], step_s, level_wh,
                        solar_w, drive_w, idle_w,
                    )  # fmt: skip
                    kept = np.float32(keep[drive])
                    target = to[drive]
                    _mix(
                        free[arrive, target],
                        stopped[arrive, target],
                        kept,
                        np.float32(1.0 - keep[drive]),
                        change,
                        least,
                        best,
                    )
                change = int(math.floor((solar_w * light[step, place] - idle_w) * step_s / 3600.0 / level_wh + 1e-9))
                _mix(
                    free[step + 1, place],
                    stopped[step + 1, place],
                    ONE,
                    np.float32(0.0),
                    change,
                    max(1 - change, 1),
                    best,
                )
            best[0] = ONE
            _encode(best, free[step, place])


@kernel
def choose(
    step: int, place: int, level: int, first: NDArray[np.int64], to: NDArray[np.int32], drive_s: Floats, keep: Floats,
    lasts: NDArray[np.int64], light: Singles, power: Floats, step_s: float, level_wh: float, free: Codes, stopped: Codes,
) -> int:  # fmt: skip
    """Return the drive that `sweep` found best at a state, -1 for waiting. Between equals the first drive, waiting last.

    Where all is lost by the table (it is careful) the first drive is taken.
    """
    last, top = free.shape[0] - 1, free.shape[2] - 1
    best, chosen = 2.0, -1
    for drive in range(first[place], first[place + 1]):
        arrive, value = step + lasts[drive], 1.0
        if arrive <= last:
            change, least = drive_levels(
                light,
                place,
                to[drive],
                step,
                lasts[drive],
                drive_s[drive],
                step_s,
                level_wh,
                power[2],
                power[3],
                power[4],
            )
            if level >= least:
                at = min(level + change, top)
                value = keep[drive] * chance_of(free[arrive, to[drive], at])
                value += (1.0 - keep[drive]) * chance_of(stopped[arrive, to[drive], at])
        if value < best:
            best, chosen = value, drive
    if step < last:
        change = int(math.floor((power[2] * light[step, place] - power[4]) * step_s / 3600.0 / level_wh + 1e-9))
        if level + change >= 1 and chance_of(free[step + 1, place, min(level + change, top)]) < best:
            chosen = -1
    return chosen
