"""Mathematical functions of eight numbers at once (`lanes`), or of one: argument reduction, then a Taylor series that ends below rounding.

They are within three units in the last place of the true value over the range that their docstrings name, and, being sums and
products alone, give the same bits on every processor; libraries' functions do not.
"""

from __future__ import annotations

import math
from typing import Any, Final

from .kernel import leaf_kernel
from .lanes import as_power, floor, least, most, nearest, select, size, some, whole

LN2_HIGH: Final = 0.693147180369123816490  # its low 21 bits are zero: products with whole numbers below 2^21 are exact
LN2_LOW: Final = math.log(2.0) - LN2_HIGH + 2.3190468138462996e-17  # the rest, to 2^-106
RAD: Final = math.pi / 180.0
E2, E3, E4, E5, E6, E7, E8, E9, E10, E11, E12, E13, E14, E15, E16 = (1.0 / math.factorial(k) for k in range(2, 17))
LOWEST, HIGHEST = -700.0, 700.0
QUARTERS: Final = 0.25
ATAN_1, ATAN_2, ATAN_3, ATAN_4 = (math.atan(k * QUARTERS) for k in range(1, 5))
HALF_PI: Final = 0.5 * math.pi


@leaf_kernel
def exp(x: Any) -> Any:
    """Return e to the power of ``x``; what is beyond +-700 counts as that."""
    x = least(most(x, LOWEST), HIGHEST)
    twos = nearest(x * (1.0 / math.log(2.0)))
    r = (x - twos * LN2_HIGH) - twos * LN2_LOW
    series = E12 + r * E13
    series = E10 + r * (E11 + r * series)
    series = E8 + r * (E9 + r * series)
    series = E6 + r * (E7 + r * series)
    series = E4 + r * (E5 + r * series)
    series = E2 + r * (E3 + r * series)
    return (1.0 + (r + r * r * series)) * as_power(whole(twos))


@leaf_kernel
def sine_near(r: Any) -> Any:
    """Return the sine of -pi/4..pi/4."""
    q = r * r
    series = E13 - q * E15
    series = E9 - q * (E11 - q * series)
    series = E5 - q * (E7 - q * series)
    series = q * series - E3
    return r + r * q * series


@leaf_kernel
def cosine_near(r: Any) -> Any:
    """Return the cosine of -pi/4..pi/4."""
    q = r * r
    series = E12 - q * (E14 - q * E16)
    series = E8 - q * (E10 - q * series)
    series = E4 - q * (E6 - q * series)
    return 1.0 - (0.5 * q - q * q * series)


@leaf_kernel
def sine_cosine_deg(degrees: Any) -> tuple[Any, Any]:
    """Return sine and cosine of lanes of degrees, up to some millions of them."""
    turns = nearest(degrees * (1.0 / 90.0))
    r = (degrees - turns * 90.0) * RAD
    quarter = turns - 4.0 * floor(turns * 0.25)
    s, c = sine_near(r), cosine_near(r)
    odd = (quarter == 1.0) | (quarter == 3.0)
    sine, cosine = select(odd, c, s), select(odd, s, c)
    sine = select(quarter >= 2.0, -sine, sine)
    return sine, select((quarter == 1.0) | (quarter == 2.0), -cosine, cosine)


@leaf_kernel
def _arctangent_of_share(x: Any) -> Any:
    """Return the arctangent of 0..1: that of the nearest quarter, and of what is beyond it by the addition theorem."""
    near = nearest(x * 4.0)
    c = near * QUARTERS
    r = (x - c) / (1.0 + x * c)
    q = r * r
    series = 1.0 / 13.0 - q * (1.0 / 15.0 - q * (1.0 / 17.0))
    series = 1.0 / 9.0 - q * (1.0 / 11.0 - q * series)
    series = 1.0 / 5.0 - q * (1.0 / 7.0 - q * series)
    series = 1.0 / 3.0 - q * series
    base = select(near >= 4.0, ATAN_4, select(near >= 3.0, ATAN_3, select(near >= 2.0, ATAN_2, ATAN_1)))
    base = select(near < 1.0, 0.0, base)
    return base + (r - r * q * series)


@leaf_kernel
def arctangent(x: Any) -> Any:
    """Return the arctangent of lanes [rad]."""
    share = size(x)
    steep = share > 1.0
    if some(steep):  # rarely: slopes of ground are below
        share = select(steep, 1.0 / select(steep, share, 1.0), share)
    angle = _arctangent_of_share(share)
    angle = select(steep, HALF_PI - angle, angle)
    return select(x < 0.0, -angle, angle)


@leaf_kernel
def azimuth_deg(east: Any, north: Any) -> Any:
    """Return the azimuth 0..360 deg, clockwise from north, of directions; 0 of none."""
    a, b = size(east), size(north)
    longer, shorter = most(a, b), least(a, b)
    angle = _arctangent_of_share(shorter / select(longer > 0.0, longer, 1.0)) * (180.0 / math.pi)
    angle = select(a > b, 90.0 - angle, angle)  # from the northern or southern axis
    angle = select(north < 0.0, 180.0 - angle, angle)
    return select((east < 0.0) & (angle > 0.0), 360.0 - angle, angle)
