"""What a step of many worlds of StationOps came to: counted by kernels, world by world."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@kernel
def count_masked(choices: Ints, masks: Bools, landed: Bools, lost: Bools, active: Bools, out: Ints) -> None:
    """Count the robots that are there and chose what was masked, int64 [W], in the worlds that are ``active`` [W]."""
    for w in range(choices.shape[0]):
        if active[w]:
            out[w] = 0
            for r in range(choices.shape[1]):
                choice = min(max(choices[w, r], 0), masks.shape[2] - 1)  # those that are none are refused later
                if landed[w, r] and not lost[w, r] and not masks[w, r, choice]:
                    out[w] += 1


@kernel
def count_terms(
    weights: tuple[float, float, float, float, float], value: Floats, archive_mbit: Floats, losses: Ints, contacts: Ints,
    job_value: Floats, effort_s: Floats, before_s: Floats, now_s: Floats, terms: Floats,
) -> None:  # fmt: skip
    """Fill ``terms`` [W, 5], in the order of `rewards.TERMS`, from what a step earned and cost in each world [W].

    ``weights`` in the order of the terms, ``job_value``, ``effort_s``, ``before_s`` and ``now_s`` [W, J] of the jobs: the work done is
    the share of their value that was worked for, jobs added in their order, so that blank ones at the end change nothing.
    """
    job, work, archive, loss, contact = weights
    for w in range(terms.shape[0]):
        worked = 0.0
        for j in range(job_value.shape[1]):
            gained = now_s[w, j] - before_s[w, j]
            worked += job_value[w, j] * gained / (effort_s[w, j] if effort_s[w, j] > 0.0 else 1.0)
        terms[w, 0] = job * value[w]
        terms[w, 1] = work * worked
        terms[w, 2] = archive * archive_mbit[w] / 1000.0
        terms[w, 3] = -loss * losses[w]
        terms[w, 4] = -contact * contacts[w]


@kernel
def count_robots(lost: Bools, done: Bools, lost_n: Ints, done_n: Ints) -> None:
    """Count lost robots and finished jobs, int64 [W]."""
    for w in range(lost.shape[0]):
        lost_n[w] = done_n[w] = 0
        for r in range(lost.shape[1]):
            lost_n[w] += int(lost[w, r])
        for j in range(done.shape[1]):
            done_n[w] += int(done[w, j])
