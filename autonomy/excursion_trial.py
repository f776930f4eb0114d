"""Excursions played many times with random faults, in continuous time: how often they are really lost.

Nothing here knows of the recovery table's steps and levels but the look-up of what to do next. Faults are drawn beforehand, from one
seed, so the same seed gives the same trials and different rules meet the same faults.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel
from moonfleet.terrain.seeds import stream

from .errors import PlanError
from .excursion import Excursion, check_plan, drives_of, haven_mask, share_to_go_on
from .excursion_model import ExcursionProblem, FaultLaw
from .excursion_physics import CAPACITY, IDLE, RESERVE, WORK, cross, is_safe, spend
from .recovery import RecoveryPolicy, power_vector
from .recovery_table import choose
from .roadmap import fewest_seconds

Floats = NDArray[np.float64]

MAX_FAULTS = 64  # of one trial; one with more counts as lost
NAP_S = 300.0  # [s] how long a rover without a table waits, or works, before it looks again
Rule = Literal["policy", "keep going", "turn back"]
RULES: tuple[Rule, ...] = ("policy", "keep going", "turn back")


class Trials(NamedTuple):
    """What became of each trial, arrays [runs]."""

    lost: NDArray[np.bool_]
    end_s: Floats  # safe at, or lost at
    battery_wh: Floats  # at the end
    science_s: Floats
    faults: NDArray[np.int64]

    @property
    def loss(self) -> float:
        """Share that is lost."""
        return float(self.lost.mean())


def draw_faults(law: FaultLaw, runs: int, seed: int) -> tuple[Floats, Floats]:
    """Return driving time before each fault and how long each lasts [s], float64 [runs, K] each."""
    rng = stream(seed, "excursion faults")
    gaps = rng.standard_exponential((runs, MAX_FAULTS)) * (3600.0 / law.per_h if law.per_h > 0.0 else math.inf)
    kind = np.searchsorted(np.cumsum(law.chance)[:-1], rng.random((runs, MAX_FAULTS)), side="right")
    mean = np.array(law.hours, dtype=np.float64)[kind] * 3600.0
    drawn = rng.standard_exponential((runs, MAX_FAULTS))
    return gaps, np.where(np.array(law.exponential)[kind], mean * drawn, mean)


def try_excursion(
    plan: Excursion,
    problem: ExcursionProblem,
    policy: RecoveryPolicy,
    runs: int,
    seed: int,
    rule: Rule = "policy",
    turn_back_at: float = 0.5,
) -> Trials:
    """Play a plan ``runs`` times.

    Parameters
    ----------
    rule : "policy": as planned, after a fault as `excursion.go_on` allows, else, and at the plan's end, as the recovery
        policy says.
        "keep going": as planned, whatever happens. "turn back": as planned, but with the battery at ``turn_back_at`` of its
        capacity or less it stops working and goes home the shortest way. The last two end at the plan's end or the nearest haven.

    Raises
    ------
    PlanError, NoRoute : a plan that is none, an unknown rule, the policy of another problem.
    """
    check_plan(plan, problem)
    policy.check(problem)
    if rule not in RULES:
        raise PlanError(f"rule = {rule!r}: must be one of {', '.join(RULES)}.")
    if runs < 1:
        raise PlanError(f"runs = {runs}: must be 1 or more.")
    drives = drives_of(problem.roadmap, plan.places)
    gaps, stops = draw_faults(problem.faults, runs, seed)
    _, onward = fewest_seconds(problem.roadmap, problem.havens)
    home_s = np.zeros(problem.roadmap.places)
    for place in np.flatnonzero(onward >= 0):
        home_s[place] = drives_of(problem.roadmap, np.array([place, onward[place]]))[0]
    out = np.zeros((runs, 5))
    _play(
        problem.light, problem.light_step_s, power_vector(problem), haven_mask(problem), problem.haven_lit,
        problem.haven_h * 3600.0, problem.horizon_s, plan.places, plan.work_s, drives, plan.depart_s,
        min(plan.battery_wh, problem.power.capacity_wh), gaps, stops, RULES.index(rule),
        turn_back_at * problem.power.capacity_wh, plan.resume_below, plan.last_work, problem.faults.per_h / 3600.0,
        onward.astype(np.int64), home_s,
        policy.roadmap.first, policy.roadmap.to, policy.roadmap.drive_s, policy.keep, policy.lasts, policy.light,
        problem.step_s, policy.grain.level_wh, policy.free, policy.stopped, out,
    )  # fmt: skip
    return Trials(out[:, 0] > 0.5, out[:, 1], out[:, 2], out[:, 3], out[:, 4].astype(np.int64))


@kernel
def _play(
    light: NDArray[np.float32], light_step_s: float, power: Floats, haven: NDArray[np.bool_], haven_lit: float,
    haven_s: float, horizon_s: float, places: NDArray[np.int64], work_s: Floats, drives: Floats, depart_s: float,
    full: float, gaps: Floats, stops: Floats, rule: int, turn_wh: float, resume_below: float, last_work: int,
    per_s: float, onward: NDArray[np.int64], home_s: Floats,
    first: NDArray[np.int64], to: NDArray[np.int32], drive_s: Floats, keep: Floats, lasts: NDArray[np.int64],
    least: NDArray[np.float32], step_s: float, level_wh: float, free: NDArray[np.uint16], stopped: NDArray[np.uint16],
    out: Floats,
) -> None:  # fmt: skip
    """Fill ``out`` [runs, 5]: lost, end, battery, science, faults. ``rule`` counts as `RULES`."""
    reserve, steps, top = power[RESERVE], free.shape[0] - 1, free.shape[2] - 1
    for run in range(gaps.shape[0]):
        t, battery, fault, gap, science = depart_s, full, 0, gaps[run, 0], 0.0
        here, leg, planned, todo, allowed = int(places[0]), 0, True, work_s, resume_below
        while True:
            if planned and battery > reserve:
                left = todo[leg]
                while left > 1e-9 and battery > reserve:
                    if rule == 2 and battery <= turn_wh:
                        break
                    piece = min(left, NAP_S) if rule == 2 else left
                    battery = spend(light, light_step_s, power, here, t, piece, power[WORK], battery)
                    t += piece
                    left -= piece
                    science += piece
                if rule == 2 and battery <= turn_wh:
                    planned = False
                if leg == places.size - 1:
                    planned = False
            if battery <= reserve or t > horizon_s:
                break
            if not planned and is_safe(light, light_step_s, haven, here, t, haven_lit, haven_s):
                break
            if planned:
                before = fault
                t, battery, fault, gap = cross(
                    light, light_step_s, power, here, int(places[leg + 1]), float(drives[leg]), t, battery, gaps[run], stops[run],
                    fault, gap,
                )  # fmt: skip
                leg += 1
                here = int(places[leg])
                if fault > before and rule == 0:
                    planned = False
                    if leg <= last_work and battery > reserve:
                        share, allowed = share_to_go_on(
                            places[leg:], todo[leg:], drives[leg:], last_work - leg, allowed, t, battery, per_s, power, step_s,
                            level_wh, least, free, stopped, light, light_step_s,
                        )  # fmt: skip
                        planned = share > 0.0
                        todo = todo * share
            elif rule == 0:
                step = int(math.ceil(t / step_s - 1e-9))
                spare = battery - power[IDLE] * (step * step_s - t) / 3600.0 - reserve
                level = min(int(math.floor(spare / level_wh + 1e-9)), top)
                drive = choose(
                    min(step, steps), here, level, first, to, drive_s, keep, lasts, least, power, step_s, level_wh, free,
                    stopped,
                )  # fmt: skip
                if drive < 0:
                    wait = (step + 1) * step_s - t
                    battery = spend(light, light_step_s, power, here, t, wait, power[IDLE], battery)
                    t += wait
                else:
                    t, battery, fault, gap = cross(
                        light, light_step_s, power, here, int(to[drive]), float(drive_s[drive]), t, battery, gaps[run], stops[run],
                        fault, gap,
                    )  # fmt: skip
                    here = int(to[drive])
            elif onward[here] >= 0:
                t, battery, fault, gap = cross(
                    light, light_step_s, power, here, int(onward[here]), float(home_s[here]), t, battery, gaps[run], stops[run], fault,
                    gap,
                )  # fmt: skip
                here = int(onward[here])
            else:
                battery = spend(light, light_step_s, power, here, t, NAP_S, power[IDLE], battery)
                t += NAP_S
        out[run, 0] = 1.0 if battery <= reserve or t > horizon_s else 0.0
        out[run, 1], out[run, 2], out[run, 3], out[run, 4] = t, min(battery, power[CAPACITY]), science, fault
