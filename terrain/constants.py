"""Numbers of the Moon, the Sun and light: each with its unit and its source on its line.

[S] published figure, [D] definition. Angles of published series are in degrees where the series gives degrees.
"""

from __future__ import annotations

from typing import Final

MOON_RADIUS_M: Final = 1_737_400.0  # [m] reference sphere of lunar maps, IAU WGCCRE 2015 (Archinal et al. 2018) [S]
SUN_RADIUS_M: Final = 695_700_000.0  # [m] nominal solar radius, IAU 2015 resolution B3 [D]
EARTH_RADIUS_M: Final = 6_371_000.0  # [m] mean radius of the Earth [S]
AU_M: Final = 149_597_870_700.0  # [m] astronomical unit, IAU 2012 resolution B2 [D]
LIGHT_SPEED_M_S: Final = 299_792_458.0  # [m/s] SI [D]
SOLAR_CONSTANT_W_M2: Final = 1361.0  # [W/m2] total solar irradiance at 1 au, Kopp and Lean 2011 (1360.8 +- 0.5) [S]
MOON_GM_M3_S2: Final = 4.902_800e12  # [m3/s2] lunar gravitational parameter, GRAIL (Konopliv et al. 2013) [S]
EARTH_MOON_MASS_RATIO: Final = 81.300_569  # [-] mass of the Earth over the Moon's, DE421 (Folkner et al. 2009) [S]
MOON_GRAVITY_M_S2: Final = 1.62  # [m/s2] surface gravity, MOON_GM / MOON_RADIUS**2 to two decimals [S]
LUNAR_DAY_S: Final = 29.530_588 * 86_400.0  # [s] mean synodic month [S]
MOON_SIDEREAL_DAY_S: Final = 27.321_661 * 86_400.0  # [s] mean sidereal month [S]
DAY_S: Final = 86_400.0  # [s] day of 24 h [D]
JULIAN_YEAR_S: Final = 365.25 * 86_400.0  # [s] Julian year [D]
J2000_JD: Final = 2_451_545.0  # [d] Julian date of 2000-01-01T12:00:00 [D]
TT_MINUS_TAI_S: Final = 32.184  # [s] [D]
DARK_BELOW = 0.05  # [-] less of the Sun's disc than this is darkness, for forecasts, logs, reports and rules alike
