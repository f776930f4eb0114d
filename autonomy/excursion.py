"""The chance that an excursion is lost: a plan driven as meant until the first fault, then the recovery policy.

A plan without faults runs like clockwork, so its chance of loss is a sum over its drives: the chance that the first fault comes on
this one, times the chance of loss of a rover stopped there and then. What is left is the chance that no fault comes, times that of
the policy at the plan's end (0 at a safe haven).

After a fault a rover may go on instead, with all or a part of its work, if the chance of loss of what is then left is at most
``resume_below`` (`go_on`). That adds ``resume_below`` at most to each fault before the last work, and is promised as if it always
did. What a shortened rest leaves of ``resume_below`` is the allowance at its own next fault.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

from .errors import NoRoute, PlanError
from .excursion_model import ExcursionProblem
from .excursion_physics import DRIVE, IDLE, RESERVE, SOLAR, WORK, cross, is_safe, spend
from .recovery import RecoveryPolicy, power_vector
from .recovery_table import chance_of
from .roadmap import Roadmap

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


class Excursion(NamedTuple):
    """A plan: leave ``places[0]`` at ``depart_s``, drive from place to place, work ``work_s`` at each before going on."""

    places: Places  # [n]
    work_s: Floats  # [n]
    depart_s: float = 0.0
    battery_wh: float = math.inf  # at the departure; full at most
    resume_below: float = 0.0  # after a fault it goes on if what is left has at most this chance of loss

    @property
    def science_s(self) -> float:
        """How long it works [s]."""
        return float(self.work_s.sum())

    @property
    def last_work(self) -> int:
        """Index of the last place where it works, 0 if there is none."""
        at = np.flatnonzero(self.work_s > 0.0)
        return int(at[-1]) if at.size else 0


class Trace(NamedTuple):
    """A plan without faults: time [s] and battery [Wh] at the arrival at each place, float64 [n], NaN after a loss."""

    t_s: Floats
    battery_wh: Floats
    safe: bool  # it ends on a safe haven

    @property
    def survives(self) -> bool:
        """Whether the battery lasts without faults."""
        return bool(np.isfinite(self.battery_wh).all())


def drives_of(roadmap: Roadmap, places: Places) -> Floats:
    """Return the time of each drive along places, float64 [n - 1]; raises `NoRoute` where two are not joined."""
    times = np.empty(max(len(places) - 1, 0))
    for leg in range(len(times)):
        here, then = int(places[leg]), int(places[leg + 1])
        out = np.arange(roadmap.first[here], roadmap.first[here + 1])
        found = out[roadmap.to[out] == then]
        if found.size == 0:
            raise NoRoute(
                f"plan.places[{leg}..{leg + 1}] = {here}, {then}: no drive of the roadmap joins these places."
            )
        times[leg] = roadmap.drive_s[found].min()
    return times


def check_plan(plan: Excursion, problem: ExcursionProblem) -> None:
    """Raise `PlanError` for a plan that is none; the message names the field."""
    count = len(plan.places)
    if count < 1 or plan.work_s.shape != (count,):
        raise PlanError(
            f"plan: {count} places and work_s {plan.work_s.shape}; needs one place at least and work at each."
        )
    if int(plan.places.min()) < 0 or int(plan.places.max()) >= problem.roadmap.places:
        raise PlanError(f"plan.places: {plan.places.tolist()}; allowed: 0..{problem.roadmap.places - 1}.")
    if not (0.0 <= plan.depart_s <= problem.horizon_s and bool((plan.work_s >= 0.0).all())):
        raise PlanError(
            f"plan.depart_s = {plan.depart_s:g}: must be 0..{problem.horizon_s:g} s, and no work_s below 0 (least "
            f"{float(plan.work_s.min()):g})."
        )
    if not 0.0 <= plan.resume_below <= 1.0:
        raise PlanError(f"plan.resume_below = {plan.resume_below}: must be a chance, 0..1.")
    if not plan.battery_wh > problem.power.reserve_wh:
        raise PlanError(
            f"plan.battery_wh = {plan.battery_wh:g}: must be above the reserve, {problem.power.reserve_wh:g} Wh."
        )


def haven_mask(problem: ExcursionProblem) -> NDArray[np.bool_]:
    """Return which places are havens, bool [N]."""
    mask = np.zeros(problem.roadmap.places, np.bool_)
    mask[problem.havens] = True
    return mask


def trace_plan(plan: Excursion, problem: ExcursionProblem) -> Trace:
    """Return a plan without faults, in continuous time. Raises `PlanError` or `NoRoute` for a plan that is none."""
    check_plan(plan, problem)
    drives = drives_of(problem.roadmap, plan.places)
    t, battery = np.full(len(plan.places), np.nan), np.full(len(plan.places), np.nan)
    start = min(plan.battery_wh, problem.power.capacity_wh)
    end = _trace(
        problem.light, problem.light_step_s, power_vector(problem), plan.places, plan.work_s, drives, plan.depart_s, start, t, battery
    )  # fmt: skip
    safe = math.isfinite(end) and is_safe(
        problem.light, problem.light_step_s, haven_mask(problem), int(plan.places[-1]), end, problem.haven_lit,
        problem.haven_h * 3600.0,
    )  # fmt: skip
    return Trace(t, battery, bool(safe))


def fault_before_work(plan: Excursion, problem: ExcursionProblem) -> float:
    """Return the chance of a fault on the drives to the last work."""
    under_way = float(drives_of(problem.roadmap, plan.places)[: plan.last_work].sum())
    return -math.expm1(-problem.faults.per_h * under_way / 3600.0)


def loss_probability(plan: Excursion, problem: ExcursionProblem, policy: RecoveryPolicy) -> float:
    """Return an upper bound of the chance that a plan ends in a loss, the policy taking over as the plan says.

    Exact but for the rounding (towards loss) of the policy's table.

    Raises
    ------
    PlanError, NoRoute : a plan that is none, the policy of another problem; the message names the field.
    """
    policy.check(problem)
    return loss_of(plan, problem, policy)


def loss_of(plan: Excursion, problem: ExcursionProblem, policy: RecoveryPolicy) -> float:
    """Return `loss_probability` with a policy that is known to be the problem's: for who asks about many plans."""
    trace = trace_plan(plan, problem)
    drives = drives_of(problem.roadmap, plan.places)
    first_fault = _loss(
        plan.places, plan.work_s, drives, trace.t_s, trace.battery_wh, problem.faults.per_h / 3600.0, power_vector(problem),
        problem.step_s, policy.grain.level_wh, policy.light, policy.free, policy.stopped,
        problem.light, problem.light_step_s,
    )  # fmt: skip
    return min(float(first_fault) + plan.resume_below * fault_before_work(plan, problem), 1.0)


def go_on(
    plan: Excursion, at: int, t_s: float, battery_wh: float, problem: ExcursionProblem, policy: RecoveryPolicy
) -> Excursion | None:
    """Return how to go on after a fault, from ``places[at]`` at a time with a battery; None: not at all, follow the policy.

    The most eighths of the work that keep the chance of loss at or below ``plan.resume_below``.

    Raises
    ------
    PlanError, NoRoute : a plan that is none, a battery at the reserve, the policy of another problem.
    """
    policy.check(problem)
    rest = Excursion(plan.places[at:], plan.work_s[at:], t_s, battery_wh)
    check_plan(rest, problem)
    share, allowed = share_to_go_on(
        rest.places, rest.work_s, drives_of(problem.roadmap, rest.places), rest.last_work, plan.resume_below, t_s,
        min(battery_wh, problem.power.capacity_wh), problem.faults.per_h / 3600.0, power_vector(problem), problem.step_s,
        policy.grain.level_wh, policy.light, policy.free, policy.stopped, problem.light, problem.light_step_s,
    )  # fmt: skip
    return rest._replace(work_s=rest.work_s * share, resume_below=allowed) if share > 0.0 else None


@kernel
def _trace(
    light: NDArray[np.float32], light_step_s: float, power: Floats, places: Places, work_s: Floats, drives: Floats,
    depart_s: float, battery: float, out_t: Floats, out_battery: Floats,
) -> float:  # fmt: skip
    """Fill the arrivals [n] of a plan without faults; return when its last work ends, NaN where the battery does not last."""
    never = np.full(1, np.inf)
    t = depart_s
    for leg in range(places.size):
        if leg > 0:
            t, battery, _, _ = cross(
                light,
                light_step_s,
                power,
                places[leg - 1],
                places[leg],
                drives[leg - 1],
                t,
                battery,
                never,
                never,
                0,
                np.inf,
            )
            if battery <= power[RESERVE]:
                return np.nan
        out_t[leg], out_battery[leg] = t, battery
        if work_s[leg] > 0.0:
            battery = spend(light, light_step_s, power, places[leg], t, work_s[leg], power[WORK], battery)
            t += work_s[leg]
            if battery <= power[RESERVE]:
                out_battery[leg] = np.nan
                return np.nan
    return t


@kernel
def share_to_go_on(
    places: Places, work_s: Floats, drives: Floats, last_work: int, allowed: float, t: float, battery: float, per_s: float,
    power: Floats, step_s: float, level_wh: float, least: NDArray[np.float32], free: NDArray[np.uint16],
    stopped: NDArray[np.uint16], light: NDArray[np.float32], light_step_s: float,
) -> tuple[float, float]:  # fmt: skip
    """Return which share of its work a rest of a plan may do within an allowance (0: none), and its own next allowance."""
    if allowed <= 0.0 or work_s.sum() <= 0.0:
        return 0.0, 0.0
    arrive, charge = np.empty(places.size), np.empty(places.size)
    for eighth in range(8, 0, -1):
        share = eighth / 8.0
        some = work_s * share
        arrive[:], charge[:] = np.nan, np.nan
        _trace(light, light_step_s, power, places, some, drives, t, battery, arrive, charge)
        loss = _loss(
            places,
            some,
            drives,
            arrive,
            charge,
            per_s,
            power,
            step_s,
            level_wh,
            least,
            free,
            stopped,
            light,
            light_step_s,
        )
        if loss <= allowed:
            fault = -math.expm1(-per_s * drives[:last_work].sum())
            left = max(allowed - loss, 0.0) * (1.0 - 1e-9)
            return share, min(allowed, left / fault) if fault > 0.0 else allowed
    return 0.0, 0.0


@kernel
def _held(
    place: int, t: float, battery: float, table: NDArray[np.uint16], power: Floats, step_s: float, level_wh: float
) -> float:
    """Return the chance of loss a table gives for a time and a battery, rounded as `RecoveryPolicy.state_of`."""
    step = int(math.ceil(t / step_s - 1e-9))
    spare = battery - power[IDLE] * (step * step_s - t) / 3600.0 - power[RESERVE]
    level = min(int(math.floor(spare / level_wh + 1e-9)), table.shape[2] - 1)
    if step >= table.shape[0] or level < 1:
        return 1.0
    return chance_of(table[step, place, level])


@kernel
def _loss(
    places: Places, work_s: Floats, drives: Floats, t: Floats, battery: Floats, per_s: float, power: Floats,
    step_s: float, level_wh: float, least: NDArray[np.float32], free: NDArray[np.uint16], stopped: NDArray[np.uint16],
    light: NDArray[np.float32], light_step_s: float,
) -> float:  # fmt: skip
    """Return the sum over the drives of a plan whose arrivals without faults are (t, battery) [n]."""
    going, total = 1.0, 0.0
    for leg in range(places.size - 1):
        leave = t[leg] + work_s[leg]
        charge = spend(light, light_step_s, power, places[leg], t[leg], work_s[leg], power[WORK], battery[leg])
        if not charge > power[RESERVE]:  # NaN after a loss
            return total + going
        keep = math.exp(-per_s * drives[leg])
        if not battery[leg + 1] > power[RESERVE]:
            return total + going
        # A rover stopped on the way may have less light than one that drives on: the least of the two ends, over the drive.
        lit = np.float64(1.0)
        for k in range(int(math.floor(leave / step_s + 1e-9)), int(math.ceil(t[leg + 1] / step_s - 1e-9))):
            dark = k >= least.shape[0]
            lit = 0.0 if dark else min(lit, np.float64(least[k, places[leg]]), np.float64(least[k, places[leg + 1]]))
        careful = min(battery[leg + 1], charge + (power[SOLAR] * lit - power[DRIVE]) * drives[leg] / 3600.0)
        total += going * (1.0 - keep) * _held(places[leg + 1], t[leg + 1], careful, stopped, power, step_s, level_wh)
        going *= keep
    end = places.size - 1
    charge = spend(light, light_step_s, power, places[end], t[end], work_s[end], power[WORK], battery[end])
    if not charge > power[RESERVE]:
        return total + going
    return total + going * _held(places[end], t[end] + work_s[end], charge, free, power, step_s, level_wh)
