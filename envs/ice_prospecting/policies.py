"""Policies to compare with on IceProspecting: random, greedy, careful, and the planner (in `planner`).

Each has ``act(observation) -> int`` and ``act_batch(observations, masks) -> int64 [n]``. An observation is what an environment
returns: a float32 vector [F], or a mapping of ``observation`` and ``action_mask``; an `Observation` will do, too. The planner must
be bound to the game that it plays.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.observation import Observation
from moonfleet.terrain.seeds import stream

from . import spaces as o
from .generator import KEPT
from .planner import ExcursionPlanner

Observed = NDArray[np.float32] | Mapping[str, NDArray[np.generic]] | Observation

_HEADINGS = np.array([o.heading_xy(turn) for turn in range(o.HEADINGS)])
_ONE = {name: o.OFFSET[name] for name in ("battery", "prior_here", "at_home", "home_margin", "trapped", "blocked")}


def parts(
    observation: Observed, masks: NDArray[np.generic] | None = None
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return vectors float32 [n, F] and masks bool [n, A] of one observation or many; all allowed where no mask is given."""
    if isinstance(observation, Observation):
        vectors, masks = np.asarray(observation.vector, np.float32), observation.mask
    elif isinstance(observation, Mapping):
        vectors, masks = np.asarray(observation["observation"], np.float32), observation["action_mask"]
    else:
        vectors = np.asarray(observation, np.float32)
    vectors = np.atleast_2d(vectors)
    if masks is None:
        return vectors, np.ones((len(vectors), o.N_ACTIONS), dtype=np.bool_)
    return vectors, np.atleast_2d(np.asarray(masks)).astype(np.bool_)


class RandomDriller:
    """Picks any allowed action with equal chance; the draw follows from the seed and the observation, from nothing else."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def act(self, observation: Observed) -> int:
        """Return one of the allowed actions."""
        return int(self.act_batch(observation)[0])

    def act_batch(self, observations: Observed, masks: NDArray[np.generic] | None = None) -> NDArray[np.int64]:
        """Return an action for every row, as `act` would."""
        vectors, allowed = parts(observations, masks)
        out = np.empty(len(vectors), dtype=np.int64)
        for k in range(len(vectors)):
            rng = stream(self.seed, "random-driller", index=(zlib.crc32(vectors[k].tobytes()),))
            choices = np.flatnonzero(allowed[k])
            out[k] = choices[rng.integers(choices.size)]
        return out


class GreedyDriller:
    """Goes for what pays next: the likeliest prospect, ice under its drill, home with a full cache or a low battery.

    It knows no risk: it turns back when the battery is down to the reserve, wherever it is then; or, with a ``margin``, when what
    would be left after driving home is less than this share of the capacity.
    """

    def __init__(self, full: float = 0.9, reserve: float = 0.2, margin: float = -1.0) -> None:
        self.full, self.reserve, self.margin = full, reserve, margin

    def act(self, observation: Observed) -> int:
        """Return the action of the first rule that applies."""
        return int(self.act_batch(observation)[0])

    def act_batch(self, observations: Observed, masks: NDArray[np.generic] | None = None) -> NDArray[np.int64]:
        """Return an action for every row, as `act` would."""
        seen, allowed = parts(observations, masks)
        battery, carried = seen[:, _ONE["battery"]], seen[:, o.OFFSET["carried"]]
        at_home = seen[:, _ONE["at_home"]] > 0.5
        depth, more = seen[:, o.OFFSET["hole"]], seen[:, o.OFFSET["hole"] + 2] > 0.5
        drivable = (seen[:, o.OFFSET["faults"]] < 0.5) & (seen[:, _ONE["trapped"]] < 0.5)
        out = np.full(len(seen), o.HOLD, dtype=np.int64)
        low = (battery <= self.reserve) | (seen[:, _ONE["home_margin"]] < self.margin)
        back = ((carried >= 0.999) | low) & ~at_home
        charge = at_home & (battery < self.full)
        prior = seen[:, o.OFFSET["prospect_prior"] : o.OFFSET["prospect_prior"] + KEPT]
        drill = more & (seen[:, _ONE["prior_here"]] >= 0.9 * prior.max(axis=1)) | (more & (depth > 0.0))
        found = seen[:, o.OFFSET["prospect_found"] : o.OFFSET["prospect_found"] + KEPT]
        target = np.argmax(np.where(found < 0.0, prior, -1.0), axis=1)
        rows = np.arange(len(seen))
        way = np.stack([seen[rows, o.OFFSET["prospect_route"] + 2 * target + k] for k in range(2)], axis=1)
        still = np.abs(way).sum(axis=1) < 1e-6
        turn = np.argmax(way @ _HEADINGS.T.astype(np.float32), axis=1)
        # a move that was blocked is tried again to one side, and one that leads nowhere goes anywhere
        turn = np.where(seen[:, _ONE["blocked"]] > 0.5, (turn + 1) % o.HEADINGS, turn)
        turn = np.where(still, (np.abs(seen[:, o.OFFSET["heading"]] * 8).astype(np.int64)) % o.HEADINGS, turn)
        out = np.where(drivable, o.LONG + turn, out)
        out = np.where(drill & allowed[:, o.DRILL], o.DRILL, out)
        out = np.where(charge, o.HOLD, out)
        out = np.where(back, np.where(drivable, o.RETURN, o.HOLD), out)
        return np.where(allowed[rows, out], out, o.HOLD).astype(np.int64)


class CarefulDriller(GreedyDriller):
    """The greedy one that turns back while it can still drive home in the dark, with a tenth of the battery to spare."""

    def __init__(self, full: float = 0.9) -> None:
        super().__init__(full, margin=0.1)


BASELINES = {"random": RandomDriller, "greedy": GreedyDriller, "careful": CarefulDriller, "planner": ExcursionPlanner}
