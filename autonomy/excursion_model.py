"""What an excursion into shadow is made of: roadmap, light, battery, faults; checked once, then read by compiled code.

The model follows Lamarre, Malhotra and Kelly ("Recovery policies for safe exploration of lunar permanently shadowed regions by
a solar-powered rover", 2023, arXiv 2307.16786, and its mission-level sequel of 2024, 2401.08558): faults come at random while
the rover drives and stop it for a random time, in which it burns power; it is safe when it stands on lit ground with charge
left. Here:

* faults are a Poisson process in driving time; each is of one kind with a chance, and lasts a fixed or an exponential time;
* a fault under way holds the rover where it is; it then finishes that drive (a cell or an edge) before it decides anew;
* power is linear: ``d battery / dt = solar_w * lit - load``, the load being that of driving, idling or a fault; full is full;
* lost: the battery at or below its reserve, or no safe haven reached by the end of the light that is known.
"""

from __future__ import annotations

import hashlib
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .errors import CostError, PlanError
from .roadmap import Roadmap


class FaultLaw(NamedTuple):
    """Faults per hour of driving, and their kinds; a kind lasts exactly ``hours``, or exponentially with that mean."""

    per_h: float
    chance: tuple[float, ...] = (1.0,)  # of each kind; they sum to 1
    hours: tuple[float, ...] = (4.0,)
    exponential: tuple[bool, ...] = (True,)


class RoverPower(NamedTuple):
    """Battery [Wh], what panels in a whole Sun store [W], and the whole load [W] of each state; idle <= fault <= drive."""

    capacity_wh: float
    reserve_wh: float
    solar_w: float
    drive_w: float
    idle_w: float  # waiting
    fault_w: float  # stopped by a fault
    work_w: float  # doing science


class ExcursionProblem(NamedTuple):
    """An excursion to be planned. Times [s] count from the first light sample."""

    roadmap: Roadmap
    light: NDArray[np.float32]  # [S, N] share of the Sun's disc, samples at 0, light_step_s, ..; linear between them
    light_step_s: float
    power: RoverPower
    faults: FaultLaw
    havens: NDArray[np.int64]  # places where the rover may end, when they are lit
    horizon_s: float  # by when it must be safe
    haven_lit: float = 0.5  # [-] share of the disc that a haven needs
    haven_h: float = 2.0  # [h] for how long from the arrival on
    step_s: float = 600.0  # of the recovery table
    levels_per_step: int = 1  # battery levels that one step of idling takes: the resolution of the table


def digests(problem: ExcursionProblem) -> dict[str, bytes]:
    """Return a digest of each field of a problem, of all that chances of loss depend on: it tells one problem from another."""
    roadmap = problem.roadmap
    parts: dict[str, tuple[object, ...]] = {name: (value,) for name, value in problem._asdict().items()}
    parts["roadmap"] = (roadmap.first, roadmap.to, roadmap.drive_s)
    parts["power"], parts["faults"] = tuple(problem.power), tuple(problem.faults)
    found: dict[str, bytes] = {}
    for name, values in parts.items():
        digest = hashlib.blake2b(digest_size=16)
        for value in values:
            numbers = np.asarray(value)
            # one type for all, so that a place counted in int32 is the same place in int64; light stays small
            kind = np.float32 if numbers.dtype == np.float32 else np.float64
            digest.update(str(numbers.shape).encode() + np.ascontiguousarray(numbers, dtype=kind).tobytes())
        found[name] = digest.digest()
    return found


def light_of_cells(light: NDArray[np.float32], roadmap: Roadmap) -> NDArray[np.float32]:
    """Return the light of every place, float32 [S, N], from maps float32 or bool [S, R, C]."""
    return np.ascontiguousarray(light[:, roadmap.cells[:, 0], roadmap.cells[:, 1]], dtype=np.float32)


class Grain(NamedTuple):
    """How a problem is cut into steps and battery levels."""

    steps: int
    level_wh: float
    top: int  # highest level; level 0 is the reserve, where the rover counts as lost


def grain_of(problem: ExcursionProblem) -> Grain:
    """Return the discretisation of a problem.

    A level is a whole part of what a step of idling takes, so that waiting costs no rounding: that makes "arrive early and
    wait" exact, which the proof that the table's chance of loss is an upper bound rests on (see `recovery`).

    Raises
    ------
    PlanError, CostError : a problem that makes no sense; the message names the field.
    """
    check_problem(problem)
    power = problem.power
    level_wh = power.idle_w * problem.step_s / 3600.0 / problem.levels_per_step
    top = int(np.floor((power.capacity_wh - power.reserve_wh) / level_wh + 1e-9))
    if top < 1:
        raise PlanError(
            f"levels_per_step = {problem.levels_per_step}, step_s = {problem.step_s:g}: one level is {level_wh:.1f} Wh, more "
            f"than the {power.capacity_wh - power.reserve_wh:.1f} Wh above the reserve; take a shorter step or more levels."
        )
    return Grain(int(np.floor(problem.horizon_s / problem.step_s + 1e-9)), level_wh, top)


def check_problem(problem: ExcursionProblem) -> None:
    """Raise `PlanError` or `CostError` for a problem that makes no sense; the message names the field."""
    roadmap, power, faults = problem.roadmap, problem.power, problem.faults
    light = problem.light
    if light.ndim != 2 or light.shape[0] < 2 or light.shape[1] != roadmap.places:
        raise CostError(f"light: shape {light.shape}; must be [samples >= 2, {roadmap.places} places].")
    if not bool(((light >= 0.0) & (light <= 1.0)).all()):
        raise CostError("light: shares of the Sun's disc must all be 0..1.")
    wanted = {
        "light_step_s": 0.0 < problem.light_step_s < math.inf,
        "step_s": 0.0 < problem.step_s < math.inf,
        "horizon_s": problem.step_s <= problem.horizon_s < math.inf,
        "levels_per_step": problem.levels_per_step >= 1,
        "haven_h": 0.0 <= problem.haven_h < math.inf,
    }
    for name, fine in wanted.items():
        if not fine:
            allowed = "at least one step, and finite" if name == "horizon_s" else "a positive number, and finite"
            raise PlanError(f"{name} = {getattr(problem, name)}: must be {allowed}.")
    if not 0.0 <= power.reserve_wh < power.capacity_wh:
        raise PlanError(f"reserve_wh = {power.reserve_wh:g}: must be 0 .. below capacity_wh = {power.capacity_wh:g}.")
    loads = 0.0 < power.idle_w <= power.fault_w <= power.drive_w and power.work_w >= 0.0
    if not (loads and power.solar_w >= 0.0):
        raise PlanError(f"power: {power}; needs 0 < idle_w <= fault_w <= drive_w, work_w >= 0 and solar_w >= 0.")
    kinds = len(faults.chance)
    if not (0 < kinds == len(faults.hours) == len(faults.exponential)):
        raise PlanError(f"faults: {faults}; chance, hours and exponential need one entry for each kind.")
    if not (faults.per_h >= 0.0 and min(faults.chance) >= 0.0 and min(faults.hours) > 0.0):
        raise PlanError(f"faults: {faults}; rates and chances must be 0 or more, hours above 0.")
    if abs(sum(faults.chance) - 1.0) > 1e-9:
        raise PlanError(f"faults.chance = {faults.chance}: must sum to 1.")
    havens = problem.havens
    if havens.size == 0 or havens.min() < 0 or havens.max() >= roadmap.places:
        raise PlanError(f"havens: {havens.tolist()}; must name at least one of the places 0..{roadmap.places - 1}.")


def least_light(problem: ExcursionProblem, steps: int) -> NDArray[np.float32]:
    """Return the least light of every step and place, float32 [steps, N]: what linear light cannot fall below."""
    light, ratio = problem.light, problem.step_s / problem.light_step_s
    out = np.zeros((steps, light.shape[1]), np.float32)
    for k in range(steps):
        a, b = int(np.floor(k * ratio + 1e-9)), int(np.ceil((k + 1) * ratio - 1e-9))
        if b < light.shape[0]:  # later light is not known, and none is counted
            out[k] = light[a : b + 1].min(axis=0)
    return out


def safe_havens(problem: ExcursionProblem, steps: int) -> NDArray[np.bool_]:
    """Return where and when the rover is safe, bool [steps + 1, N].

    True at step k: a haven, and lit enough from every moment after step k - 1 up to k on, for ``haven_h`` hours.
    """
    light, step = problem.light, problem.light_step_s
    safe = np.zeros((steps + 1, light.shape[1]), np.bool_)
    for k in range(steps + 1):
        a = int(np.floor(max(k - 1, 0) * problem.step_s / step + 1e-9))
        b = int(np.ceil((k * problem.step_s + problem.haven_h * 3600.0) / step - 1e-9))
        if b < light.shape[0]:
            safe[k, problem.havens] = (light[a : b + 1, problem.havens] >= problem.haven_lit).all(axis=0)
    return safe
