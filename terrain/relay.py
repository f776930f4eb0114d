"""Relay satellites on frozen elliptical orbits around the Moon, and where they stand in the sky of a place.

A *frozen* ellipse keeps its shape and its line of apsides (Ely 2005, "Stable constellations of frozen elliptical inclined
lunar orbits"), so two-body motion with constant elements in Moon-equatorial axes that do not turn is a fair model of it.

>>> orbit = queqiao2()
>>> round(orbit.period_s / 3600, 1)
24.3
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .constants import MOON_GM_M3_S2, MOON_RADIUS_M, MOON_SIDEREAL_DAY_S
from .errors import SkyError
from .kernel import kernel
from .sky import grid_frame

Array = NDArray[np.float64]


class Look(NamedTuple):
    """Direction and range of a satellite from a place; every field float64 [n]. Grid azimuth, clockwise from +y."""

    az_deg: Array
    el_deg: Array
    range_m: Array


@dataclass(frozen=True, slots=True)
class RelayOrbit:
    """A Keplerian orbit around the Moon, elements constant in Moon-equatorial axes that do not turn.

    These axes are the body-fixed ones at ``epoch_s``; the Moon turns under them at its mean sidereal rate.

    Parameters
    ----------
    semi_major_m
        Semi-major axis [m].
    eccentricity
        0 <= e < 1; the lowest point must clear the ground.
    inclination_deg
        Against the Moon's equator.
    argument_of_periapsis_deg
        90 puts the periapsis over the north and the apoapsis over the south.
    node_deg
        Longitude of the ascending node at ``epoch_s``.
    mean_anomaly_deg
        At ``epoch_s``; 180 is at the apoapsis.
    epoch_s
        Seconds of TDB past J2000.
    """

    semi_major_m: float
    eccentricity: float
    inclination_deg: float
    argument_of_periapsis_deg: float
    node_deg: float = 0.0
    mean_anomaly_deg: float = 180.0
    epoch_s: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.eccentricity < 1.0:
            raise SkyError(f"relay.eccentricity: {self.eccentricity!r}; allowed: 0 <= e < 1.")
        lowest = self.semi_major_m * (1.0 - self.eccentricity)
        if not lowest > MOON_RADIUS_M:
            raise SkyError(
                f"relay.semi_major_m: {self.semi_major_m!r} m with e = {self.eccentricity!r} passes {lowest:.0f} m from the "
                f"Moon's centre; allowed: more than its radius, {MOON_RADIUS_M:.0f} m."
            )
        for name in ("inclination_deg", "argument_of_periapsis_deg", "node_deg", "mean_anomaly_deg", "epoch_s"):
            if not math.isfinite(getattr(self, name)):
                raise SkyError(f"relay.{name}: {getattr(self, name)!r}; allowed: a finite number.")

    @classmethod
    def from_altitudes(
        cls, periapsis_m: float, apoapsis_m: float, inclination_deg: float, argument_of_periapsis_deg: float = 90.0
    ) -> RelayOrbit:
        """Return the orbit with these heights [m] above the reference sphere at its lowest and highest point."""
        low, high = periapsis_m + MOON_RADIUS_M, apoapsis_m + MOON_RADIUS_M
        return cls(0.5 * (low + high), (high - low) / (high + low), inclination_deg, argument_of_periapsis_deg)

    @property
    def period_s(self) -> float:
        """Time of one revolution [s]."""
        return 2.0 * math.pi * math.sqrt(self.semi_major_m**3 / MOON_GM_M3_S2)

    def position(self, t: ArrayLike) -> Array:
        """Return body-fixed positions [m], float64 [n, 3], at ``t`` [s TDB past J2000]."""
        times = np.ascontiguousarray(np.atleast_1d(np.asarray(t, dtype=np.float64)))
        if not np.isfinite(times).all():
            raise SkyError("relay: a time that is not a finite number.")
        out = np.empty((times.size, 3))
        _fly(times, self._elements(), out)
        return out

    def look(self, t: ArrayLike, lon_deg: float, lat_deg: float) -> Look:
        """Return where the satellite stands from a point of the reference sphere at ``t`` float64 [n]; no terrain."""
        frame = grid_frame(lon_deg, lat_deg)
        line = self.position(t) - MOON_RADIUS_M * frame[2]
        x, y, z = (line[:, 0] * row[0] + line[:, 1] * row[1] + line[:, 2] * row[2] for row in frame)
        level = np.hypot(x, y)
        return Look(np.degrees(np.arctan2(x, y)) % 360.0, np.degrees(np.arctan2(z, level)), np.hypot(level, z))

    def _elements(self) -> Array:
        return np.array(
            [
                self.semi_major_m,
                self.eccentricity,
                math.radians(self.inclination_deg),
                math.radians(self.argument_of_periapsis_deg),
                math.radians(self.node_deg),
                math.radians(self.mean_anomaly_deg),
                self.epoch_s,
                2.0 * math.pi / self.period_s,
                2.0 * math.pi / MOON_SIDEREAL_DAY_S,
            ]
        )


def queqiao2() -> RelayOrbit:
    """Return a Queqiao-2 type orbit: 200 x 16 000 km, 62.4 deg, about 24 h, apoapsis over the south (planned figures)."""
    return RelayOrbit.from_altitudes(200e3, 16_000e3, 62.4)


@kernel
def _fly(t: Array, elements: Array, out: Array) -> None:
    """Fill out [n, 3] with body-fixed positions; elements as `RelayOrbit._elements` lists them (radians)."""
    size, e, tilt, argument = elements[0], elements[1], elements[2], elements[3]
    for i in range(t.size):
        elapsed = t[i] - elements[6]
        mean = (elements[5] + elements[7] * elapsed) % (2.0 * math.pi)
        anomaly = mean if e < 0.8 else math.pi
        for _ in range(50):
            step = (anomaly - e * math.sin(anomaly) - mean) / (1.0 - e * math.cos(anomaly))
            anomaly -= step
            if abs(step) < 1e-13:
                break
        along = size * (math.cos(anomaly) - e)
        across = size * math.sqrt(1.0 - e * e) * math.sin(anomaly)
        ca, sa = math.cos(argument), math.sin(argument)
        p, q = along * ca - across * sa, along * sa + across * ca
        node = elements[4] - elements[8] * elapsed  # seen from the turning Moon, the node drifts west
        cn, sn, ct = math.cos(node), math.sin(node), math.cos(tilt)
        out[i, 0] = p * cn - q * ct * sn
        out[i, 1] = p * sn + q * ct * cn
        out[i, 2] = q * math.sin(tilt)
