"""A policy is a policy: ``act(observation) -> action``, the same in a training rollout and on a robot."""

from __future__ import annotations

import zlib
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain import seeds
from moonfleet.terrain.constants import DARK_BELOW

from . import observation as layout
from .observation import CHARGE, GO_ON, HIBERNATE, HOLD, INDEX, JOB0, JOB_COLUMN, K_JOBS, RELAY, Observation

__all__ = ["Observation", "Policy", "RandomPolicy", "StationKeeper"]


@runtime_checkable
class Policy(Protocol):
    """Whatever turns an observation into an action index (see `moonfleet.autonomy.observation`)."""

    def act(self, observation: Observation) -> int:
        """Return the index of an action that ``observation.mask`` allows."""
        ...


class RandomPolicy:
    """Picks any allowed action with equal chance; the draw follows from (seed, robot) and the observation, from nothing else."""

    def __init__(self, seed: int, robot: int = -1) -> None:
        self.seed = seed
        self.robot = robot

    def act(self, observation: Observation) -> int:
        """Return one of the allowed actions; `GO_ON` when none is."""
        allowed = np.flatnonzero(observation.mask)
        if allowed.size == 0:
            return GO_ON
        seen = zlib.crc32(observation.vector.tobytes())
        rng = seeds.stream(self.seed, "random-policy", robot=self.robot, index=(seen,))
        return int(allowed[rng.integers(allowed.size)])


class StationKeeper:
    """Rules that keep a robot alive first and useful second; no memory, so the same observation gives the same action.

    Two questions decide. *Can it still get home?* The charge must cover the way to the haven, with a margin of 20 %, and leave
    the reserve. *Will it live through the next night?* The charge with which it reaches the haven, and what it gains there
    until dark, must cover hibernating through the darkness forecast there (at most ``night_cap`` of a battery).
    The first rule that applies and is allowed wins:

    1. **Relay**, for a machine that can.
    2. **Keep retreating**: under way without a job is under way to the haven.
    3. **Retreat** when one of the two questions would soon be answered by no; asleep or in long darkness: hibernate instead.
    4. **Fill up**: once charging, charge until ``full``.
    5. **Go on** with the job in hand.
    6. **Do as told**: the job that the station assigned, if it is safe.
    7. **Best value per hour** of travel and work among safe, ready, open jobs.
    8. Nothing to do: hibernate in a darkness that the battery cannot stand awake; else go home and charge; else hold.

    A job is *safe* when both questions are answered by yes, with ``slack`` to spare, for the moment it is done (or, for a long
    one, after a day of it).
    """

    def __init__(self, full: float = 0.9, nap_h: float = 2.0, slack: float = 0.05, night_cap: float = 0.8) -> None:
        self.full = full
        self.nap_h = nap_h
        self.slack = slack
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
        at_haven, has_job = own("at_haven") > 0.5, own("has_job") > 0.5
        dark = own("lit") < DARK_BELOW
        long_dark = dark and ahead("dark_for") > self.nap_h
        home = 0.0 if at_haven else 1.2 * ahead("haven_energy")
        night = min(own("hibernate_rate") * ahead("haven_dark_for"), self.night_cap)
        gain = own("charge_rate") * ahead("haven_lit_24h")

        def dusk(charge: NDArray[np.float64], hours: NDArray[np.float64]) -> NDArray[np.float64]:
            """Charge when night falls at the haven, of a robot that gets there ``hours`` from now with ``charge``."""
            return np.minimum(charge + gain * np.maximum(ahead("haven_dark_in") - hours, 0.0), 1.0)

        jobs = row[layout.JOBS].reshape(K_JOBS, layout.JOB_WIDTH)

        def job(name: str) -> NDArray[np.float64]:
            return jobs[:, JOB_COLUMN[name]]

        after = battery - job("energy") - 1.2 * job("home_energy")
        hours = job("travel") + np.minimum(job("effort"), 24.0)
        safe = (after >= reserve + self.slack) & (dusk(after, hours) >= night + 2.0 * self.slack)
        safe &= (job("valid") > 0.5) & mask[JOB0:]
        left = battery - home
        short = left < reserve or float(dusk(np.array(left), np.array(ahead("haven_travel")))) < night + self.slack

        wishes = [RELAY]
        if own("is_drive") > 0.5 and not has_job:
            wishes.append(GO_ON)
        if short:
            if long_dark and (at_haven or home > battery or own("is_hibernate") > 0.5):
                wishes.append(HIBERNATE)
            wishes.append(CHARGE)
        if own("is_charge") > 0.5 and battery < self.full and not dark:
            wishes.append(CHARGE)
        if has_job:
            wishes.append(GO_ON)
        wishes.extend(JOB0 + int(k) for k in np.flatnonzero(safe & (job("mine") > 0.5)))
        rate = job("value") / np.maximum(job("travel") + job("effort"), 0.1)
        can = safe & (job("ready") > 0.5) & (job("open") > 0.5)
        wishes.extend(JOB0 + k for k in sorted(np.flatnonzero(can).tolist(), key=lambda k: (-float(rate[k]), k)))

        awake_h = max(battery - reserve, 0.0) / max(own("idle_rate"), 1e-6)
        if (
            long_dark
            and ahead("dark_for") > awake_h
            and (at_haven or ahead("haven_dark_in") < ahead("haven_travel") + 1.0)
        ):
            wishes.append(HIBERNATE)
        if not at_haven or (battery < self.full and not dark):
            wishes.append(CHARGE)
        return [*wishes, HOLD, GO_ON, CHARGE, HIBERNATE]
