"""The rules of `StationKeeper` as a list of wishes: the slow, obvious way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy import observation as layout
from moonfleet.autonomy.observation import (
    CHARGE,
    GO_ON,
    HIBERNATE,
    HOLD,
    INDEX,
    JOB0,
    JOB_COLUMN,
    K_JOBS,
    RELAY,
    Observation,
)
from moonfleet.autonomy.policy import StationKeeper
from moonfleet.terrain.constants import DARK_BELOW


class PlainKeeper(StationKeeper):
    """The first wish that is allowed."""

    def act(self, observation: Observation) -> int:
        """See `StationKeeper.act`."""
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
