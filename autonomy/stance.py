"""How a rigid lander can stand on uneven ground: on three of its pads, in more than one way.

Every triple of pads whose plane leaves no other pad below the ground, and that holds the middle of the lander between its pads,
is a possible stance. Four legs on uneven ground have two: the lander rocks about the higher diagonal.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

SLACK_M = 1e-6  # [m] a pad so little below the ground is on it
MOST = 20  # triples of six legs

Floats = NDArray[np.float64]


@kernel
def stances(heights: Floats, pads: Floats, out: Floats) -> int:
    """Write the planes of the possible stances into ``out`` float64 [MOST, 3]: slope along x, along y, level in the middle [m].

    ``heights`` [n] is the ground under the pads [m], ``pads`` [n, 2] their x, y from the middle [m]. Returns how many there are.
    """
    n = pads.shape[0]
    found = 0
    for i in range(n):
        for j in range(i + 1, n):
            for k in range(j + 1, n):
                s1 = pads[i, 0] * pads[j, 1] - pads[i, 1] * pads[j, 0]
                s2 = pads[j, 0] * pads[k, 1] - pads[j, 1] * pads[k, 0]
                s3 = pads[k, 0] * pads[i, 1] - pads[k, 1] * pads[i, 0]
                if min(s1, s2, s3) < -SLACK_M and max(s1, s2, s3) > SLACK_M:
                    continue  # the middle lies outside: it is not on one side of all three edges
                ax, ay = pads[j, 0] - pads[i, 0], pads[j, 1] - pads[i, 1]
                bx, by = pads[k, 0] - pads[i, 0], pads[k, 1] - pads[i, 1]
                ha, hb = heights[j] - heights[i], heights[k] - heights[i]
                det = ax * by - ay * bx
                gx, gy = (ha * by - hb * ay) / det, (ax * hb - bx * ha) / det
                level = heights[i] - gx * pads[i, 0] - gy * pads[i, 1]
                stands = True
                for m in range(n):
                    if heights[m] > level + gx * pads[m, 0] + gy * pads[m, 1] + SLACK_M:
                        stands = False
                if stands:
                    out[found, 0], out[found, 1], out[found, 2] = gx, gy, level
                    found += 1
    return found
