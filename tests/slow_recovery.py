"""The recovery table's recursion as one would write it down: one state at a time, chances as plain numbers."""

from __future__ import annotations

import math
from functools import lru_cache

from moonfleet.autonomy.excursion_model import ExcursionProblem, grain_of, least_light, safe_havens


class SlowRecovery:
    """``free`` and ``stopped`` of a problem, by recursion with a memory."""

    def __init__(self, problem: ExcursionProblem) -> None:
        self.problem, self.grain = problem, grain_of(problem)
        self.light, self.safe = least_light(problem, self.grain.steps), safe_havens(problem, self.grain.steps)
        road, rate = problem.roadmap, problem.faults.per_h / 3600.0
        self.out: list[list[tuple[int, float]]] = [
            [(int(road.to[e]), float(road.drive_s[e])) for e in range(road.first[i], road.first[i + 1])]
            for i in range(road.places)
        ]
        self.into = [
            {i, *(j for j in range(road.places) if any(to == i for to, _ in self.out[j]))} for i in range(road.places)
        ]
        longest = float(road.drive_s.max())
        self.again = 1.0 - math.exp(-rate * longest)
        self.rate = rate
        self.held = self.grain.top - math.ceil(problem.power.drive_w * longest / 3600.0 / self.grain.level_wh)
        self.free, self.stopped = lru_cache(None)(self._free), lru_cache(None)(self._stopped)
        self._kind = lru_cache(None)(self._kind_of)

    def levels(self, watt_hours: float) -> int:
        return math.floor(watt_hours / self.grain.level_wh + 1e-9)

    def _free(self, step: int, place: int, level: int) -> float:
        if level < 1:
            return 1.0
        if self.safe[step, place]:
            return 0.0
        if step == self.grain.steps:
            return 1.0
        power, dt = self.problem.power, self.problem.step_s
        choices = []
        for to, seconds in self.out[place]:
            count = max(math.ceil(seconds / dt - 1e-9), 1)
            if step + count > self.grain.steps:
                continue
            lit = min(min(float(self.light[k, place]), float(self.light[k, to])) for k in range(step, step + count))
            driving = (power.solar_w * lit - power.drive_w) * seconds / 3600.0
            resting = (power.solar_w * lit - power.idle_w) * (count * dt - seconds) / 3600.0
            if level + self.levels(min(driving, 0.0)) < 1:
                continue
            after = min(level + self.levels(driving + resting), self.grain.top)
            keep = math.exp(-self.rate * seconds)
            choices.append(
                keep * self.free(step + count, to, after) + (1.0 - keep) * self.stopped(step + count, to, after)
            )
        gain = self.levels((power.solar_w * float(self.light[step, place]) - power.idle_w) * dt / 3600.0)
        choices.append(self.free(step + 1, place, min(level + gain, self.grain.top)))
        return min(choices)

    def _stopped(self, step: int, place: int, level: int) -> float:
        if level < 1:
            return 1.0
        law = self.problem.faults
        return sum(chance * self._kind(step, place, level, kind) for kind, chance in enumerate(law.chance))

    def _kind_of(self, step: int, place: int, level: int, kind: int) -> float:
        if level < 1 or step == self.grain.steps:
            return 1.0
        law, dt, power = self.problem.faults, self.problem.step_s, self.problem.power

        def then(k: int, after: int) -> float:
            return (1.0 - self.again) * self.free(k, place, after) + self.again * self.stopped(k, place, after)

        def wait(k: int, before: int) -> int:
            lit = min(float(self.light[k, other]) for other in self.into[place])
            return min(before + self.levels((power.solar_w * lit - power.fault_w) * dt / 3600.0), self.held)

        if law.exponential[kind]:
            going = math.exp(-dt / (3600.0 * law.hours[kind]))
            after = wait(step, level)
            if after < 1:
                return 1.0
            return (1.0 - going) * then(step + 1, after) + going * self._kind(step + 1, place, after, kind)
        count = math.ceil(law.hours[kind] * 3600.0 / dt - 1e-9)
        if step + count > self.grain.steps:
            return 1.0
        for k in range(step, step + count):
            level = wait(k, level)
            if level < 1:
                return 1.0
        return then(step + count, level)
