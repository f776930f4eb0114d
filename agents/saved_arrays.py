"""Whether saved arrays may be taken up: the kernels that read them check neither an index nor a number.

A state comes from a file, another process or a user's hands. It is held to the arrays that it is to fill: their names, shapes and types,
and for each the numbers that it may hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Arrays = Mapping[str, NDArray[np.generic]]
Ranges = Mapping[str, tuple[ArrayLike, ArrayLike]]
MOST = 1e15  # a number larger than this is none that anything here counts, measures or stores


def misfit(
    saved: Mapping[str, Any], goals: Arrays, ranges: Ranges, endless: frozenset[str] = frozenset()
) -> str | None:
    """Return what is wrong with ``saved`` (which has all names of ``goals``), "NAME: what it is: what it must be", or None.

    ``ranges``: smallest and largest number of each array that is named there, as arrays that fit it; other numbers must lie within
    +-`MOST`, floats be finite. Arrays in ``endless`` may hold infinity, and NaN where ``ranges`` has them not.
    """
    for name, goal in goals.items():
        value = saved[name]
        if not isinstance(value, (np.ndarray, np.generic)):
            return f"{name}: {type(value).__name__}: must be an array of {goal.dtype}{goal.shape}"
        if value.shape != goal.shape or value.dtype != goal.dtype:
            return f"{name}: {value.dtype}{value.shape}: must be {goal.dtype}{goal.shape}"
        if value.dtype.kind not in "fi" or (name in endless and name not in ranges):
            continue
        low, high = ranges.get(name, (-MOST, MOST))
        numbers: Any = value
        good = (numbers >= low) & (numbers <= high)  # NaN fits no range
        if not np.all(good):
            bad = np.asarray(numbers)[~np.asarray(good)].ravel()[0]
            limits = f", {_shown(low)} to {_shown(high)}" if name in ranges else ", which must be a finite number"
            return f"{name}: holds {bad!s}{limits}: what no state can"
    return None


def _shown(bound: ArrayLike) -> str:
    """Return a bound in few words."""
    value = np.asarray(bound)
    return f"{value:g}" if value.ndim == 0 else f"{value.min():g}..{value.max():g}"
