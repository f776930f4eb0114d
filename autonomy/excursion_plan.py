"""Planning an excursion into shadow whose chance of loss stays under a bound.

Every candidate is weighed: each target (how deep to go: the turn-back point), each way there and back (the fastest, and ones that
make a detour to stay in light), each departure, each length of the work. The chance of loss is that of
`moonfleet.autonomy.excursion`, an upper bound, so a chosen plan keeps the bound.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import NoLitWindow, NoRoute, OutOfEnergy, PlanError, TooRisky
from .excursion import Excursion, Trace, fault_before_work, loss_of, trace_plan
from .excursion_model import ExcursionProblem, safe_havens
from .excursion_trial import try_excursion
from .recovery import RecoveryPolicy, recovery_policy
from .roadmap import fewest_seconds, follow

RESUME_SHARES = (0.0, 0.1, 0.3)  # [-] of the bound, tried for going on after faults
TRIALS = 1000  # by which these are told apart
DARK_DEARER = (
    1.0,
    3.0,
)  # [-] how many times dearer a drive in the dark is than one in light, for each way that is tried


class ExcursionPlan(NamedTuple):
    """The plan found. ``loss`` is the chance of loss promised, an upper bound of the true one."""

    excursion: Excursion
    target: int
    loss: float
    trace: Trace  # without faults
    end_s: float  # safe at, without faults
    policy: RecoveryPolicy  # what to do after a fault
    tried: int  # candidates weighed


class _Way(NamedTuple):
    target: int
    places: NDArray[np.int64]
    at: int  # index of the target in places


def plan_excursion(
    problem: ExcursionProblem,
    bound: float,
    start: int,
    targets: ArrayLike,
    work_s: ArrayLike,
    departures_s: ArrayLike = (0.0,),
    policy: RecoveryPolicy | None = None,
    resume_share: float | None = None,
) -> ExcursionPlan:
    """Return the excursion with most work, then least time away, whose chance of loss is at most ``bound``.

    Parameters
    ----------
    problem : the world, the rover and its faults.
    bound : highest chance of loss allowed, 0..1.
    start : the haven it leaves, with a full battery.
    targets : places where the work can be done, [n] or one.
    work_s : lengths of the work to choose from [s]. One alone makes this the plan of least time away.
    departures_s : times of departure to choose from [s].
    policy : of the same problem, if there is one already.
    resume_share : share of the bound kept for going on with the work after a fault that was short (`excursion.go_on`); what
        the plan leaves of the bound goes there too. None: that of `RESUME_SHARES` with most science in a few seeded trials.

    Raises
    ------
    NoRoute : no target can be reached, or no haven from it.
    NoLitWindow : no haven is lit at any departure, or none afterwards.
    OutOfEnergy : even without a fault the battery does not last on any of the plans.
    TooRisky : none keeps the bound; the message names the least chance found and what would help.
    PlanError, CostError : a problem or choices that make no sense, the policy of another problem; the message names the field.
    """
    if not 0.0 <= bound <= 1.0:
        raise PlanError(f"bound = {bound}: must be a chance, 0..1.")
    shares = RESUME_SHARES if resume_share is None else (resume_share,)
    if not 0.0 <= min(shares) <= max(shares) < 1.0:
        raise PlanError(f"resume_share = {resume_share}: must be 0 .. below 1.")
    works = np.unique(np.atleast_1d(np.asarray(work_s, dtype=np.float64)))[::-1]
    leaves = np.unique(np.atleast_1d(np.asarray(departures_s, dtype=np.float64)))
    goals = np.unique(np.atleast_1d(np.asarray(targets, dtype=np.int64)))
    if min(works.size, leaves.size, goals.size) == 0:
        raise PlanError("targets, work_s and departures_s need one entry each at least.")
    if policy is None:
        policy = recovery_policy(problem)
    else:
        policy.check(problem)
    leaves = _lit_departures(problem, policy.grain.steps, start, leaves)
    ways = _ways(problem, start, goals)
    fits: list[ExcursionPlan] = []
    least, least_plan, tried, survived, home = 1.0, "", 0, 0, 0
    for way in ways:
        for leave in leaves:
            for work in works:
                stay = np.zeros(len(way.places))
                stay[way.at] = work
                plan = Excursion(way.places, stay, float(leave))
                trace = trace_plan(plan, problem)
                tried += 1
                survived += trace.survives
                if not trace.survives:
                    continue
                home += trace.safe
                loss = loss_of(plan, problem, policy)
                if loss < least:
                    least = loss
                    least_plan = f" (target {way.target}, departure {leave / 3600.0:.2f} h, work {work / 3600.0:.2f} h)"
                if loss <= bound and trace.safe:
                    fits.append(ExcursionPlan(plan, way.target, loss, trace, float(trace.t_s[-1]), policy, tried))
    if fits:
        choices = [_choose(fits, share, bound, problem)._replace(tried=tried) for share in shares]
        return choices[0] if len(choices) == 1 else max(choices, key=lambda choice: _mean_science(choice, problem))
    if survived == 0:
        raise OutOfEnergy(
            f"none of {tried} plans brings the rover back without touching its reserve of {problem.power.reserve_wh:g} Wh, "
            "even if nothing fails; choose a nearer target or less work."
        )
    if home == 0:
        raise NoLitWindow(
            f"none of {tried} plans ends at a haven that stays lit for {problem.haven_h:g} h; leave at another time, or add havens."
        )
    raise TooRisky(
        f"none of {tried} plans keeps the chance of loss at or below {bound:g}; the least found is {least:.4f}{least_plan}. "
        "Raise the bound, choose a nearer target, less work or another departure."
    )


def _choose(fits: list[ExcursionPlan], share: float, bound: float, problem: ExcursionProblem) -> ExcursionPlan:
    """Return the best plan that leaves ``share`` of the bound (the best of all if none does), with what is left to go on with."""
    sparing = [fit for fit in fits if fit.loss <= bound * (1.0 - share)]
    best = min(
        sparing or fits, key=lambda fit: (-fit.excursion.science_s, fit.end_s - fit.excursion.depart_s, fit.loss)
    )
    fault = fault_before_work(best.excursion, problem)
    left = max(bound - best.loss, 0.0) * (1.0 - 1e-9)
    # No more than the bound itself: whatever happened so far, from here on too it holds
    plan = best.excursion._replace(resume_below=min(left / fault, bound) if fault > 0.0 else bound)
    return best._replace(excursion=plan, loss=loss_of(plan, problem, best.policy))


def _mean_science(choice: ExcursionPlan, problem: ExcursionProblem) -> float:
    """Return the work done on the mean of a few trials [s]; the same for the same plan."""
    return float(try_excursion(choice.excursion, problem, choice.policy, TRIALS, 0).science_s.mean())


def _lit_departures(
    problem: ExcursionProblem, steps: int, start: int, leaves: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the departures at which the start is a safe haven (the battery is full only there)."""
    if not bool((problem.havens == start).any()):
        raise PlanError(f"start = {start}: must be one of the havens, {problem.havens.tolist()}.")
    if float(leaves.min()) < 0.0 or float(leaves.max()) > problem.horizon_s:
        raise PlanError(f"departures_s: {leaves.min():g}..{leaves.max():g} s; allowed: 0..{problem.horizon_s:g} s.")
    safe = safe_havens(problem, steps)[:, start]
    at = np.minimum(np.ceil(leaves / problem.step_s - 1e-9).astype(np.int64), steps)
    if not safe[at].any():
        lit = np.flatnonzero(safe)
        when = f"it next is at {lit[0] * problem.step_s / 3600.0:.1f} h" if lit.size else "it never is in this horizon"
        raise NoLitWindow(
            f"the start, place {start}, is not lit for {problem.haven_h:g} h at any of the {leaves.size} departures; {when}."
        )
    return leaves[safe[at]]


def _ways(problem: ExcursionProblem, start: int, goals: NDArray[np.int64]) -> list[_Way]:
    """Return the ways out to each target and back to a haven that are worth a try."""
    roadmap = problem.roadmap
    if int(goals.min()) < 0 or int(goals.max()) >= roadmap.places:
        raise PlanError(f"targets: {goals.tolist()}; allowed: places 0..{roadmap.places - 1}.")
    dark = 1.0 - problem.light.mean(axis=0, dtype=np.float64)
    found: dict[tuple[int, ...], _Way] = {}
    for dearer in DARK_DEARER:
        weight = 1.0 + (dearer - 1.0) * dark
        away, homeward = fewest_seconds(roadmap, problem.havens, weight)
        for goal in goals.tolist():
            out_s, outward = fewest_seconds(roadmap, np.array([goal]), weight)
            if not (np.isfinite(out_s[start]) and np.isfinite(away[goal])):
                continue
            out, back = follow(outward, start), follow(homeward, goal)
            places = np.concatenate([out, back[1:]])
            found.setdefault(tuple(places.tolist()), _Way(goal, places, len(out) - 1))
    if not found:
        raise NoRoute(
            f"none of the {goals.size} targets can be reached from place {start} and left again for a haven: impassable ground "
            "lies between, or the roadmap covers too small a part of the map."
        )
    return list(found.values())
