"""A policy is a policy: ``act(observation) -> action``, the same in a training rollout and on a robot."""

from __future__ import annotations

import zlib
from typing import Final, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain import seeds
from moonfleet.terrain.constants import DARK_BELOW
from moonfleet.terrain.kernel import kernel

from . import observation as layout
from .observation import CHARGE, GO_ON, HIBERNATE, HOLD, INDEX, JOB0, JOB_COLUMN, K_JOBS, RELAY, Observation

__all__ = ["Observation", "Policy", "RandomPolicy", "StationKeeper", "act_on_all"]


@runtime_checkable
class Policy(Protocol):
    """Whatever turns an observation into an action index (see `moonfleet.autonomy.observation`).

    A policy may also have ``act_batch(observations) -> int64 [n]``, which answers for many robots at once, row by row as
    ``act`` would; see `act_on_all`.
    """

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
        return int(self.act_batch(Observation(observation.vector[None], observation.mask[None]))[0])

    def act_batch(self, observations: Observation) -> NDArray[np.int64]:
        """As `act` for many at once: vectors [n, SIZE] and masks [n, N_ACTIONS] give actions int64 [n]."""
        rows = layout.decode(observations.vector)
        out = np.empty(len(rows), dtype=np.int64)
        _keep_station(rows, observations.mask, self.full, self.nap_h, self.slack, self.night_cap, out)
        return out


def act_on_all(policy: Policy, observations: Observation) -> list[int]:
    """Ask one policy for many robots: by its ``act_batch`` where it has one, else one by one.

    ``observations`` holds vectors [n, SIZE] and masks [n, N_ACTIONS]. A policy's ``act_batch`` must answer each row as its
    ``act`` does.
    """
    together = getattr(policy, "act_batch", None)
    if together is not None:
        return np.asarray(together(observations)).tolist()
    rows = zip(observations.vector, observations.mask, strict=True)
    return [policy.act(Observation(vector, mask)) for vector, mask in rows]


_OWN_COLUMNS: Final = tuple(
    INDEX[f"own.{name}"]
    for name in (
        *("battery_frac", "reserve_frac", "at_haven", "has_job", "lit", "hibernate_rate", "charge_rate", "idle_rate"),
        *("is_drive", "is_hibernate", "is_charge"),
    )
)
BATTERY, RESERVE, AT_HAVEN, HAS_JOB, LIT, SLEEP_RATE, CHARGE_RATE, IDLE_RATE, IS_DRIVE, IS_SLEEP, IS_CHARGE = (
    _OWN_COLUMNS
)
_AHEAD_COLUMNS: Final = tuple(
    INDEX[f"forecast.{name}"]
    for name in ("dark_for", "haven_energy", "haven_dark_for", "haven_dark_in", "haven_lit_24h", "haven_travel")
)
DARK_FOR, HAVEN_ENERGY, HAVEN_DARK_FOR, HAVEN_DARK_IN, HAVEN_LIT, HAVEN_TRAVEL = _AHEAD_COLUMNS
_JOB_COLUMNS: Final = tuple(
    layout.JOBS.start + JOB_COLUMN[name]
    for name in ("valid", "value", "travel", "energy", "home_energy", "effort", "ready", "open", "mine")
)
VALID, VALUE, TRAVEL, ENERGY, HOME_ENERGY, EFFORT, READY, OPEN, MINE = _JOB_COLUMNS
JOB_WIDTH: Final = layout.JOB_WIDTH
ANYTHING_ELSE: Final = (HOLD, GO_ON, CHARGE, HIBERNATE)  # what is done when no rule applies, the first that is allowed


@kernel
def _dusk(charge: float, hours: float, gain: float, dark_in_h: float) -> float:
    """Charge when night falls at the haven, of a robot that gets there ``hours`` from now with ``charge``."""
    return min(charge + gain * max(dark_in_h - hours, 0.0), 1.0)


@kernel
def _keep_station(
    rows: NDArray[np.float64],
    masks: NDArray[np.bool_],
    full: float,
    nap_h: float,
    slack: float,
    night_cap: float,
    out: NDArray[np.int64],
) -> None:
    """Fill ``out`` [n] with the choices of `StationKeeper` for physical ``rows`` [n, SIZE]."""
    for i in range(rows.shape[0]):
        out[i] = _choice(rows[i], masks[i], full, nap_h, slack, night_cap)


@kernel
def _choice(
    row: NDArray[np.float64], mask: NDArray[np.bool_], full: float, nap_h: float, slack: float, night_cap: float
) -> int:
    """One robot's choice: the rules of `StationKeeper` in their order."""
    battery, reserve = row[BATTERY], row[RESERVE]
    at_haven, has_job = row[AT_HAVEN] > 0.5, row[HAS_JOB] > 0.5
    dark = row[LIT] < DARK_BELOW
    long_dark = dark and row[DARK_FOR] > nap_h
    home = 0.0 if at_haven else 1.2 * row[HAVEN_ENERGY]
    night = min(row[SLEEP_RATE] * row[HAVEN_DARK_FOR], night_cap)
    gain = row[CHARGE_RATE] * row[HAVEN_LIT]
    left = battery - home
    short = left < reserve or _dusk(left, row[HAVEN_TRAVEL], gain, row[HAVEN_DARK_IN]) < night + slack

    if mask[RELAY]:
        return RELAY
    if row[IS_DRIVE] > 0.5 and not has_job and mask[GO_ON]:
        return GO_ON
    if short:
        stays = at_haven or home > battery or row[IS_SLEEP] > 0.5
        if long_dark and stays and mask[HIBERNATE]:
            return HIBERNATE
        if mask[CHARGE]:
            return CHARGE
    if row[IS_CHARGE] > 0.5 and battery < full and not dark and mask[CHARGE]:
        return CHARGE
    if has_job and mask[GO_ON]:
        return GO_ON
    told, best, best_rate = -1, -1, 0.0
    for k in range(K_JOBS):
        at = k * JOB_WIDTH
        after = battery - row[ENERGY + at] - 1.2 * row[HOME_ENERGY + at]
        hours = row[TRAVEL + at] + min(row[EFFORT + at], 24.0)
        safe = after >= reserve + slack and _dusk(after, hours, gain, row[HAVEN_DARK_IN]) >= night + 2.0 * slack
        if not (safe and row[VALID + at] > 0.5 and mask[JOB0 + k]):
            continue
        if told < 0 and row[MINE + at] > 0.5:
            told = k
        rate = row[VALUE + at] / max(row[TRAVEL + at] + row[EFFORT + at], 0.1)
        if row[READY + at] > 0.5 and row[OPEN + at] > 0.5 and (best < 0 or rate > best_rate):
            best, best_rate = k, rate
    if told >= 0:
        return JOB0 + told
    if best >= 0:
        return JOB0 + best
    awake_h = max(battery - reserve, 0.0) / max(row[IDLE_RATE], 1e-6)
    home_by_dark = at_haven or row[HAVEN_DARK_IN] < row[HAVEN_TRAVEL] + 1.0
    if long_dark and row[DARK_FOR] > awake_h and home_by_dark and mask[HIBERNATE]:
        return HIBERNATE
    if (not at_haven or (battery < full and not dark)) and mask[CHARGE]:
        return CHARGE
    for action in ANYTHING_ELSE:
        if mask[action]:
            return action
    for action in range(mask.size):
        if mask[action]:
            return action
    return GO_ON
