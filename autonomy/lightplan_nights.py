"""Safe havens: where, in each step, a robot that stands in the dark is in a night that is short enough."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

Bytes = NDArray[np.uint8]


@kernel
def short_nights(lit: Bytes, allowed: NDArray[np.bool_], dark: int, longest: int, out: Bytes) -> None:
    """Set the bits of ``out`` [T, R, ceil(C / 8)] where a cell is allowed and its night at that step lasts at most ``longest`` steps.

    ``lit`` uint8 [T, R, C]; below ``dark`` is night. A night that is not over at the last step counts as too long; ``longest`` below 0
    takes any night. By day the bits say only what is allowed.
    """
    steps, rows, cols = lit.shape
    length = np.empty((steps, cols), dtype=np.int32)
    for r in range(rows):
        for c in range(cols):
            run = 0
            for t in range(steps):
                run = run + 1 if lit[t, r, c] < dark else 0
                length[t, c] = run
            whole = steps + 1  # of the night that a step belongs to
            for t in range(steps - 1, -1, -1):
                if length[t, c] == 0:
                    whole = 0
                elif t + 1 < steps and length[t + 1, c] == 0:
                    whole = length[t, c]
                length[t, c] = whole
        for t in range(steps):
            for c in range(cols):
                if allowed[r, c] and (longest < 0 or length[t, c] <= longest):
                    out[t, r, c >> 3] |= np.uint8(128 >> (c & 7))
