"""The reward terms of StationOps are the table of its module: counted here with numpy, and a job at a time."""

from __future__ import annotations

import numpy as np

from moonfleet.envs.station_ops.count import count_terms
from moonfleet.envs.station_ops.rewards import TERMS, RewardWeights
from moonfleet.terrain.seeds import stream


def test_terms_are_those_of_the_table() -> None:
    rng, worlds, jobs = stream(1, "test rewards"), 6, 5
    weights = RewardWeights(job_value=2.0, work=0.5, archive_per_gbit=3.0, loss=100.0, contact=0.25)
    value, archive = rng.random(worlds), rng.random(worlds) * 5000.0
    losses, contacts = rng.integers(0, 3, (2, worlds))
    job_value, effort_s = rng.random((worlds, jobs)), rng.random((worlds, jobs)) * 1e4
    effort_s[:, -1] = 0.0
    before_s, now_s = np.sort(rng.random((2, worlds, jobs)) * 1e4, axis=0)
    before_s[:, -1] = now_s[:, -1] = 0.0
    got = np.empty((worlds, len(TERMS)))
    count_terms(weights.in_order, value, archive, losses, contacts, job_value, effort_s, before_s, now_s, got)
    worked = np.zeros(worlds)
    for job in range(jobs):
        effort = np.where(effort_s[:, job] > 0.0, effort_s[:, job], 1.0)
        worked += job_value[:, job] * (now_s[:, job] - before_s[:, job]) / effort
    want = [2.0 * value, 0.5 * worked, 3.0 * archive / 1000.0, -100.0 * losses, -0.25 * contacts]
    np.testing.assert_array_equal(got, np.stack(want, axis=-1))
