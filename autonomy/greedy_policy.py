"""A policy without foresight, to compare with: the best-paid job that is allowed now, whatever it takes to come back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import observation as layout
from .observation import CHARGE, GO_ON, HOLD, INDEX, JOB0, JOB_COLUMN, JOB_WIDTH, JOBS, K_JOBS, RELAY, Observation

LEAST_H = 0.1  # [h] no job is so quick that its value per hour explodes


class GreedyPolicy:
    """Goes on with the job in hand; else takes the allowed job with the greatest value per hour of way and work; else charges.

    It looks at neither battery nor night. No memory: the same observation gives the same action.
    """

    def act(self, observation: Observation) -> int:
        """Return the choice for one robot; never a masked one (`GO_ON` when all are masked)."""
        return int(self.act_batch(Observation(observation.vector[None], observation.mask[None]))[0])

    def act_batch(self, observations: Observation) -> NDArray[np.int64]:
        """As `act` for many at once: vectors [n, SIZE] and masks [n, N_ACTIONS] give actions int64 [n]."""
        rows, masks = layout.decode(observations.vector), observations.mask
        jobs = rows[:, JOBS].reshape(len(rows), K_JOBS, JOB_WIDTH)
        hours = jobs[:, :, JOB_COLUMN["travel"]] + jobs[:, :, JOB_COLUMN["effort"]]
        rate = np.where(masks[:, JOB0:], jobs[:, :, JOB_COLUMN["value"]] / np.maximum(hours, LEAST_H), -1.0)
        best, some = np.argmax(rate, axis=1), masks[:, JOB0:].any(axis=1)
        busy = (rows[:, INDEX["own.has_job"]] > 0.5) & masks[:, GO_ON]
        rest = np.argmax(masks, axis=1)  # the first that is allowed, `GO_ON` where none is
        for action in (HOLD, CHARGE, RELAY):
            rest = np.where(masks[:, action], action, rest)
        return np.where(busy, GO_ON, np.where(some, JOB0 + best, rest)).astype(np.int64)
