"""How the Moon is turned: the IAU orientation series, from inertial (ICRF) to body-fixed (mean Earth / polar axis) axes.

Source: IAU WGCCRE report 2009 (Archinal et al. 2011), table 2, kept by the 2015 report. Against the lunar libration of DE440
the series is good to about 0.005 deg.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from .constants import DAY_S

Array = NDArray[np.float64]

# E1..E13: argument at J2000 [deg], rate [deg/d], then the amplitudes [deg] in: pole right ascension (sin), pole declination
# (cos), prime meridian (sin).
SERIES: Final = np.array(
    [
        [125.045, -0.0529921, -3.8787, 1.5419, 3.5610],
        [250.089, -0.1059842, -0.1204, 0.0239, 0.1208],
        [260.008, 13.0120009, 0.0700, -0.0278, -0.0642],
        [176.625, 13.3407154, -0.0172, 0.0068, 0.0158],
        [357.529, 0.9856003, 0.0, 0.0, 0.0252],
        [311.589, 26.4057084, 0.0072, -0.0029, -0.0066],
        [134.963, 13.0649930, 0.0, 0.0009, -0.0047],
        [276.617, 0.3287146, 0.0, 0.0, -0.0046],
        [34.226, 1.7484877, 0.0, 0.0, 0.0028],
        [15.134, -0.1589763, -0.0052, 0.0008, 0.0052],
        [119.743, 0.0036096, 0.0, 0.0, 0.0040],
        [239.961, 0.1643573, 0.0, 0.0, 0.0019],
        [25.053, 12.9590088, 0.0043, -0.0009, -0.0044],
    ]
)


def body_axes(t: Array) -> Array:
    """Return the rotations ICRF -> body-fixed, float64 [n, 3, 3], at ``t`` float64 [n], seconds of TDB past J2000."""
    days = t / DAY_S
    centuries = days / 36_525.0
    argument = np.radians(SERIES[:, 0, None] + SERIES[:, 1, None] * days)
    sine, cosine = np.sin(argument), np.cos(argument)
    ra = 269.9949 + 0.0031 * centuries + _sum(SERIES[:, 2], sine)
    dec = 66.5392 + 0.0130 * centuries + _sum(SERIES[:, 3], cosine)
    meridian = 38.3213 + 13.17635815 * days - 1.4e-12 * days * days + _sum(SERIES[:, 4], sine)
    node, tilt, spin = np.radians(ra + 90.0), np.radians(90.0 - dec), np.radians(meridian)
    cn, sn, ct, st, cs, ss = np.cos(node), np.sin(node), np.cos(tilt), np.sin(tilt), np.cos(spin), np.sin(spin)
    rows = (
        (cs * cn - ss * ct * sn, cs * sn + ss * ct * cn, ss * st),
        (-ss * cn - cs * ct * sn, -ss * sn + cs * ct * cn, cs * st),
        (st * sn, -st * cn, ct),
    )
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def _sum(amplitude: Array, waves: Array) -> Array:
    """Add the terms in their printed order (not by BLAS: the same bytes on every machine)."""
    total = np.zeros(waves.shape[1])
    for size, wave in zip(amplitude, waves, strict=True):
        total += size * wave
    return total
