"""How sure a counted share is: the one interval that all benches print."""

from __future__ import annotations

import math
from typing import Final

Z95: Final = 1.959964  # standard deviations that hold 95 % of a normal law


def wilson(hits: float, of: float) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927); all of 0..1 where nothing was counted.

    >>> tuple(round(end, 3) for end in wilson(99, 100))
    (0.946, 0.998)
    """
    if of <= 0:
        return 0.0, 1.0
    share, scale = hits / of, 1.0 + Z95**2 / of
    middle = (share + Z95**2 / (2 * of)) / scale
    half = Z95 / scale * math.sqrt(share * (1.0 - share) / of + Z95**2 / (4 * of * of))
    return max(0.0, middle - half), min(1.0, middle + half)
