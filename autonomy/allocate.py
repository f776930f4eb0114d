"""Who does what: the assignment of robots to jobs with the greatest total value less cost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .assignment import assign_once, blank_sheet
from .errors import JobError


def allocate(
    value: NDArray[np.float64], cost: NDArray[np.float64], crew: Sequence[int] | NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Assign at most one job to each robot so that the sum of value minus cost is greatest (see `assignment`).

    Parameters
    ----------
    value : float64 [robots, jobs], what the job is worth when this robot does it.
    cost : float64 [robots, jobs] in the unit of ``value``; inf or NaN marks a pair that cannot be.
    crew : most robots per job, int [jobs]; None means one each.

    Returns
    -------
    int64 [robots], the job of each robot, -1 for none. A pair that loses (value < cost) or cannot be is never assigned.

    Raises
    ------
    JobError : shapes that do not fit.
    """
    if value.ndim != 2 or value.shape != cost.shape:
        raise JobError(f"allocate: value {value.shape} and cost {cost.shape} must both be [robots, jobs].")
    robots, jobs = value.shape
    places = np.ones(jobs, dtype=np.int64) if crew is None else np.asarray(crew, dtype=np.int64)
    if places.shape != (jobs,) or (jobs and places.min() < 0):
        raise JobError(f"allocate: crew must be {jobs} numbers of 0 or more, one per job; got {places.tolist()}.")
    chosen = np.full(robots, -1, dtype=np.int64)
    if robots == 0 or jobs == 0:
        return chosen
    with np.errstate(invalid="ignore"):
        gain = value - cost
    gain = np.where(np.isfinite(gain) & (gain >= 0.0), gain, -1.0)
    seats = int(np.minimum(places, robots).sum())
    assign_once(gain, places, blank_sheet(robots, seats), chosen)
    return chosen
