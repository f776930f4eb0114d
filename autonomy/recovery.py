"""Recovery policies: what a rover stopped by a fault does next, so that its chance of loss is the least there is.

`RecoveryPolicy` keeps a table over (step, place, battery level). Its chances of loss are upper bounds for a rover in continuous time
that acts at once, without waiting for the next step. Why: a rover at time t with battery b is held to stand where the table's rover
stands at the next whole step after idling till then without any sunlight, battery rounded down. Idling one step is a whole number
of levels, and waiting is one of the table's choices, so being early is never worse than being on time. A drive started early ends
early, with no less charge at the moment the table's rover arrives. Faults under way shift loads to later times only. So from each
decision to the next the table's chance, at the state the rover is held to be in, never rises on the mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .errors import NoLitWindow, PlanError
from .excursion_model import ExcursionProblem, Grain, digests, grain_of, least_light, safe_havens
from .recovery_table import chance_of, choose, sweep
from .roadmap import Roadmap, fewest_seconds

CELL_BYTES = 4  # of a state in the two tables
MOST_BYTES = 8_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class RecoveryPolicy:
    """The least chance of loss from every state, and the choice that attains it; build one with `recovery_policy`."""

    problem: ExcursionProblem
    grain: Grain
    roadmap: Roadmap  # that of the problem, drives towards havens first
    keep: NDArray[np.float64]  # [E] chance of no fault on a drive
    lasts: NDArray[np.int64]  # [E] steps of a drive, rounded up
    light: NDArray[np.float32]  # [T, N] least light of each step
    safe: NDArray[np.bool_]  # [T + 1, N] a haven that is lit long enough
    free: NDArray[np.uint16]  # [T + 1, N, L] codes of the chance of loss, see `recovery_table`
    stopped: NDArray[np.uint16]  # [T + 1, N, L] the same of a rover that a fault has just stopped
    digests: dict[str, bytes]  # of the fields of the problem as it was when the table was made

    def check(self, problem: ExcursionProblem) -> None:
        """Raise `PlanError` unless this is the policy of just this problem: of another, its chances of loss would be wrong."""
        now = digests(problem)
        other = [name for name, digest in self.digests.items() if now[name] != digest]
        if other:
            raise PlanError(
                f"policy: made for a problem with other {', '.join(other)}; it must be recovery_policy(problem) of this one."
            )

    def state_of(self, t_s: float, battery_wh: float) -> tuple[int, int]:
        """Return the (step, level) that a time and a battery are held to be; level 0 or less is lost."""
        power, step_s = self.problem.power, self.problem.step_s
        step = max(int(math.ceil(t_s / step_s - 1e-9)), 0)
        spare = battery_wh - power.idle_w * (step * step_s - t_s) / 3600.0 - power.reserve_wh
        return step, min(int(math.floor(spare / self.grain.level_wh + 1e-9)), self.grain.top)

    def _check_state(self, place: int, t_s: float, battery_wh: float) -> None:
        if not 0 <= place < self.roadmap.places:
            raise PlanError(f"place = {place}: must be one of the places 0..{self.roadmap.places - 1}.")
        for name, value in (("t_s", t_s), ("battery_wh", battery_wh)):
            if not math.isfinite(value):
                raise PlanError(f"{name} = {value}: must be a finite number.")

    def loss(self, place: int, t_s: float, battery_wh: float, stopped: bool = False) -> float:
        """Return an upper bound of the least chance of loss from a state; ``stopped``: a fault begins there now.

        Raises `PlanError` for a place that the problem has not, a time or a battery that is not finite.
        """
        self._check_state(place, t_s, battery_wh)
        step, level = self.state_of(t_s, battery_wh)
        if level < 1 or step > self.grain.steps:
            return 1.0
        return float(chance_of(int((self.stopped if stopped else self.free)[step, place, level])))

    def next_place(self, place: int, t_s: float, battery_wh: float) -> int:
        """Return where to drive now; ``place`` itself: stay, for it is safe here or best to wait till the next step.

        Raises `PlanError` as `loss`.
        """
        self._check_state(place, t_s, battery_wh)
        step, level = self.state_of(t_s, battery_wh)
        if level >= 1 and step <= self.grain.steps and bool(self.safe[step, place]):
            return place
        drive = choose(
            min(step, self.grain.steps), place, level, self.roadmap.first, self.roadmap.to, self.roadmap.drive_s, self.keep,
            self.lasts, self.light, power_vector(self.problem), self.problem.step_s, self.grain.level_wh, self.free,
            self.stopped,
        )  # fmt: skip
        return place if drive < 0 else int(self.roadmap.to[drive])

    @property
    def nbytes(self) -> int:
        """Memory of the table [bytes]."""
        return self.free.nbytes + self.stopped.nbytes


def power_vector(problem: ExcursionProblem) -> NDArray[np.float64]:
    """Return the figures of `RoverPower`, float64 [7], as kernels take them."""
    return np.array(problem.power, dtype=np.float64)


def recovery_policy(problem: ExcursionProblem) -> RecoveryPolicy:
    """Return the recovery policy of a problem; 4 bytes for each step, place and battery level.

    Raises
    ------
    NoLitWindow : no haven is ever lit long enough.
    PlanError, CostError : a problem that makes no sense, or whose table would pass 8 GB; the message names the field.
    """
    grain = grain_of(problem)
    cells = (grain.steps + 1) * problem.roadmap.places * (grain.top + 1)
    if cells * CELL_BYTES > MOST_BYTES:
        raise PlanError(
            f"horizon_s = {problem.horizon_s:g}, step_s = {problem.step_s:g}, levels_per_step = {problem.levels_per_step}: "
            f"{grain.steps + 1} steps of {problem.roadmap.places} places and {grain.top + 1} battery levels are "
            f"{cells * CELL_BYTES:.3g} bytes; allowed: up to {MOST_BYTES:.3g}. Take a shorter horizon, longer steps or fewer levels."
        )
    roadmap, faults = homeward(problem.roadmap, problem.havens), problem.faults
    safe = safe_havens(problem, grain.steps)
    if not safe.any():
        raise NoLitWindow(
            f"none of the {problem.havens.size} havens is lit ({problem.haven_lit:g} of the Sun's disc) for "
            f"{problem.haven_h:g} h at any time in {problem.horizon_s / 3600.0:.1f} h; add havens, lower haven_lit or haven_h, "
            "or look at later hours."
        )
    keep = np.exp(-faults.per_h * roadmap.drive_s / 3600.0)
    lasts = np.maximum(np.ceil(roadmap.drive_s / problem.step_s - 1e-9), 1.0).astype(np.int64)
    light = least_light(problem, grain.steps)
    shape = (grain.steps + 1, roadmap.places, grain.top + 1)
    free, stopped = np.empty(shape, np.uint16), np.empty(shape, np.uint16)
    sweep(
        roadmap.first, roadmap.to, roadmap.drive_s, keep, lasts, light, safe, power_vector(problem), problem.step_s,
        grain.level_wh, np.array(faults.chance), np.array(faults.hours, dtype=np.float64), np.array(faults.exponential),
        free, stopped,
    )  # fmt: skip
    return RecoveryPolicy(problem, grain, roadmap, keep, lasts, light, safe, free, stopped, digests(problem))


def homeward(roadmap: Roadmap, havens: NDArray[np.int64]) -> Roadmap:
    """Return the roadmap with the drives out of each place in order of the time to the nearest haven over them."""
    away, _ = fewest_seconds(roadmap, np.asarray(havens, dtype=np.int64))
    source = roadmap.sources()
    order = np.lexsort((roadmap.to, roadmap.drive_s + away[roadmap.to], source))
    return roadmap._replace(to=roadmap.to[order], drive_s=roadmap.drive_s[order])
