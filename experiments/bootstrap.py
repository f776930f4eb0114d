"""How sure a mean is: bootstrap over the independent repetitions (Efron and Tibshirani 1993, ch. 13: percentile interval)."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.seeds import stream

DRAWS: Final = 10_000
TAIL: Final = 0.025  # on each side, for 95 %


class Interval(NamedTuple):
    """A mean and its 95 % interval."""

    mean: float
    low: float
    high: float

    def shown(self) -> str:
        """Return it as printed: ``12.3 (11.0 .. 13.9)``."""
        return f"{self.mean:.4g} ({self.low:.4g} .. {self.high:.4g})"


def interval_of(scores: NDArray[np.float64]) -> Interval:
    """Return the mean of ``scores`` float64 [S, E] (seeds, episodes of each) and its 95 % interval.

    What is drawn again are the seeds, each with all its episodes; where there is one seed, its episodes.

    >>> interval_of(np.array([[1.0], [2.0], [3.0]]))
    Interval(mean=2.0, low=1.0, high=3.0)
    """
    means = scores.mean(axis=1) if len(scores) > 1 else scores[0]
    picks = stream(0, "bootstrap").integers(len(means), size=(DRAWS, len(means)))
    low, high = np.quantile(means[picks].mean(axis=1), [TAIL, 1.0 - TAIL])
    return Interval(float(means.mean()), float(low), float(high))
