"""A policy is a policy: ``act(observation) -> action``, the same in a training rollout and on a robot."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain import seeds

from . import observation as layout
from .observation import CHARGE, GO_ON, HIBERNATE, HOLD, INDEX, JOB0, JOB_COLUMN, K_JOBS, Observation

__all__ = ["Observation", "Policy", "RandomPolicy", "StationKeeper"]


@runtime_checkable
class Policy(Protocol):
    """Whatever turns an observation into an action index (see `moonfleet.autonomy.observation`)."""

    def act(self, observation: Observation) -> int:
        """Return the index of an action that ``observation.mask`` allows."""
        ...


class RandomPolicy:
    """Picks any allowed action with equal chance; the draws follow from (seed, robot) and the number of calls."""

    def __init__(self, seed: int, robot: int = -1) -> None:
        self._rng = seeds.stream(seed, "random-policy", robot=robot)

    def act(self, observation: Observation) -> int:
        """Return one of the allowed actions; `GO_ON` when none is."""
        allowed = np.flatnonzero(observation.mask)
        if allowed.size == 0:
            return GO_ON
        return int(allowed[self._rng.integers(allowed.size)])


class StationKeeper:
    """Rules that keep a robot alive first and useful second; no memory, so the same observation gives the same action.

    ``keep`` is the charge that must be left after any plan: the reserve, the way to the haven with a margin of 30 %, and hibernating
    through the darkness forecast for the haven (at most ``night_cap`` of a battery). The first rule that applies and is allowed wins:

    1. **Sleep.** Dark here, the darkness lasts longer than ``nap_h``, and (at the haven, or the haven is out of reach, or it is
       dark as well): hibernate. A sleeping robot sleeps on until there is light.
    2. **Retreat.** Charge below ``keep``, or darkness comes to this place within the way to the haven plus ``margin_h`` and will last
       longer than the battery above the reserve can stand awake: charge (which means: go to the haven, charge there).
    3. **Fill up.** Already charging and below ``full``: go on charging. Below ``low`` and lit: charge.
    4. **Go on** with the job in hand.
    5. **Do as told.** The job that the station assigned, if it is safe.
    6. **Best value per hour** of travel and work among safe, ready, open jobs; a job with others on it counts 1 / (1 + others).
    7. Charge when not full, hibernate when dark for long, hold, go on.

    A job is *safe* when charge minus its energy and the energy from it to the haven leaves the reserve and the darkness at the haven.
    """

    def __init__(
        self,
        low: float = 0.35,
        full: float = 0.9,
        nap_h: float = 2.0,
        margin_h: float = 2.0,
        night_cap: float = 0.6,
    ) -> None:
        self.low = low
        self.full = full
        self.nap_h = nap_h
        self.margin_h = margin_h
        self.night_cap = night_cap

    def act(self, observation: Observation) -> int:
        """Return the action of the first rule that applies; never a masked one (`GO_ON` when all are masked)."""
        mask = observation.mask
        for action in self._wishes(layout.decode(observation.vector), mask):
            if mask[action]:
                return action
        allowed = np.flatnonzero(mask)
        return int(allowed[0]) if allowed.size else GO_ON

    def _wishes(self, row: NDArray[np.float64], mask: NDArray[np.bool_]) -> list[int]:
        """Return actions by falling preference."""

        def own(name: str) -> float:
            return float(row[INDEX[f"own.{name}"]])

        def ahead(name: str) -> float:
            return float(row[INDEX[f"forecast.{name}"]])

        battery, reserve = own("battery_frac"), own("reserve_frac")
        dark = own("lit") < 0.05
        at_haven = own("at_haven") > 0.5
        long_dark = dark and ahead("dark_for") > self.nap_h
        haven_dark = ahead("haven_dark_in") < ahead("haven_travel") + self.margin_h
        night = min(own("hibernate_rate") * ahead("haven_dark_for"), self.night_cap)
        home = 0.0 if at_haven else 1.3 * ahead("haven_energy")
        out_of_reach = home > battery
        wishes: list[int] = []

        asleep = own("is_hibernate") > 0.5
        if (asleep and dark) or (long_dark and (at_haven or out_of_reach or haven_dark)):
            wishes.append(HIBERNATE)
        awake_h = max(battery - reserve, 0.0) / max(own("idle_rate"), 1e-6)
        night_nears = ahead("dark_in") < ahead("haven_travel") + self.margin_h and ahead("dark_for") > awake_h
        if battery < reserve + home + night or night_nears:
            if at_haven and long_dark:
                wishes.append(HIBERNATE)
            wishes.append(CHARGE)
        charging = own("is_charge") > 0.5
        if (charging and battery < self.full and not (at_haven and dark)) or (battery < self.low and not dark):
            wishes.append(CHARGE)

        jobs = row[layout.JOBS].reshape(K_JOBS, layout.JOB_WIDTH)
        energy = jobs[:, JOB_COLUMN["energy"]] + jobs[:, JOB_COLUMN["home_energy"]]
        safe = (jobs[:, JOB_COLUMN["valid"]] > 0.5) & mask[JOB0:] & (battery - energy >= reserve + night)
        mine = jobs[:, JOB_COLUMN["mine"]] > 0.5
        if own("has_job") > 0.5:
            wishes.append(GO_ON)
        wishes.extend(JOB0 + int(k) for k in np.flatnonzero(safe & mine))
        rate = jobs[:, JOB_COLUMN["value"]] / np.maximum(jobs[:, JOB_COLUMN["travel"]] + jobs[:, JOB_COLUMN["effort"]], 0.1)
        rate = rate / (1.0 + jobs[:, JOB_COLUMN["others"]])
        can = safe & (jobs[:, JOB_COLUMN["ready"]] > 0.5) & (jobs[:, JOB_COLUMN["open"]] > 0.5)
        order = sorted((int(k) for k in np.flatnonzero(can)), key=lambda k: (-float(rate[k]), k))
        wishes.extend(JOB0 + k for k in order)

        if long_dark:
            wishes.append(HIBERNATE)
        if battery < self.full:
            wishes.append(CHARGE)
        return [*wishes, HOLD, GO_ON, CHARGE, HIBERNATE]
