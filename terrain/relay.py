"""Relay satellites by name, and those on frozen elliptical orbits around the Moon; halo orbits: `moonfleet.terrain.halo`.

A *frozen* ellipse keeps its shape and its line of apsides (Ely 2005, "Stable constellations of frozen elliptical inclined
lunar orbits"), so two-body motion with constant elements in Moon-equatorial axes that do not turn is a fair model of it.

>>> orbit = queqiao2()
>>> round(orbit.period_s / 3600, 1)
24.3
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
import yaml
from numpy.typing import ArrayLike, NDArray

from .constants import MOON_GM_M3_S2, MOON_RADIUS_M, MOON_SIDEREAL_DAY_S
from .errors import SkyError, did_you_mean
from .halo import HaloOrbit
from .kernel import kernel
from .look import Look, Relay, look_from

Array = NDArray[np.float64]

__all__ = ["HaloOrbit", "Look", "Relay", "RelayOrbit", "queqiao2", "relay_named", "relay_names"]


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
        _fly(times, _elements(self), out)
        return out

    def look(self, t: ArrayLike, lon_deg: float, lat_deg: float) -> Look:
        """Return where the satellite stands from a point of the reference sphere at ``t`` float64 [n]; no terrain."""
        return look_from(lon_deg, lat_deg, self.position(t))

    def identity(self) -> dict[str, object]:
        """Return all that decides where the satellite is, ready for JSON."""
        return asdict(self)


@lru_cache(maxsize=64)
def _elements(orbit: RelayOrbit) -> Array:
    """The orbit as `_fly` takes it, float64 [9]; kept, for an orbit is flown many times."""
    return np.array(
        [
            orbit.semi_major_m,
            orbit.eccentricity,
            math.radians(orbit.inclination_deg),
            math.radians(orbit.argument_of_periapsis_deg),
            math.radians(orbit.node_deg),
            math.radians(orbit.mean_anomaly_deg),
            orbit.epoch_s,
            2.0 * math.pi / orbit.period_s,
            2.0 * math.pi / MOON_SIDEREAL_DAY_S,
        ]
    )


def queqiao2() -> RelayOrbit:
    """Return a Queqiao-2 type orbit: 200 x 16 000 km, 62.4 deg, about 24 h, apoapsis over the south (planned figures)."""
    return _ellipse(_relays()["queqiao2"])


def relay_named(name: str) -> Relay:
    """Return the relay called ``name`` in ``terrain/data/relays.yaml``. Raises `SkyError` for a name that is not there."""
    known = _relays()
    if name not in known:
        raise SkyError(f"relay = {name!r}: no such relay.{did_you_mean(name, known)}")
    entry = known[name]
    return _ellipse(entry) if entry["kind"] == "ellipse" else HaloOrbit(entry["table"], float(entry["epoch_s"]))


def relay_names() -> tuple[str, ...]:
    """Return the names that `relay_named` knows, in the order of the file."""
    return tuple(_relays())


@lru_cache(maxsize=1)
def _relays() -> dict[str, dict[str, Any]]:
    return yaml.safe_load((files("moonfleet.terrain.data") / "relays.yaml").read_text(encoding="utf-8"))


def _ellipse(entry: dict[str, Any]) -> RelayOrbit:
    return RelayOrbit.from_altitudes(
        entry["periapsis_m"], entry["apoapsis_m"], entry["inclination_deg"], entry["argument_of_periapsis_deg"]
    )


@kernel
def _near_anomaly(mean: float, e: float) -> float:
    """Return the eccentric anomaly to about 1e-4 for a mean one in -pi..pi: the cubic of Markley 1995 (Celestial Mechanics 63, 101)."""
    alpha = (3.0 * math.pi**2 + 1.6 * math.pi * (math.pi - abs(mean)) / (1.0 + e)) / (math.pi**2 - 6.0)
    d = 3.0 * (1.0 - e) + alpha * e
    q = 2.0 * alpha * d * (1.0 - e) - mean * mean
    r = 3.0 * alpha * d * (d - 1.0 + e) * mean + mean**3
    w = (abs(r) + math.sqrt(q**3 + r * r)) ** (2.0 / 3.0)
    return (2.0 * r * w / (w * w + w * q + q * q) + mean) / d


@kernel
def _fly(t: Array, elements: Array, out: Array) -> None:
    """Fill out [n, 3] with body-fixed positions; elements as `_elements` lists them (radians)."""
    size, e, tilt, argument = elements[0], elements[1], elements[2], elements[3]
    ca, sa, ct, st = math.cos(argument), math.sin(argument), math.cos(tilt), math.sin(tilt)
    flat = math.sqrt(1.0 - e * e)
    for i in range(t.size):
        elapsed = t[i] - elements[6]
        mean = (elements[5] + elements[7] * elapsed + math.pi) % (2.0 * math.pi) - math.pi
        anomaly = _near_anomaly(mean, e)
        sine, cosine, step = 0.0, 1.0, 0.0
        for _ in range(50):
            sine, cosine = math.sin(anomaly), math.cos(anomaly)
            step = (anomaly - e * sine - mean) / (1.0 - e * cosine)
            anomaly -= step
            if abs(step) < 1e-7:  # the error left is of the order of its square
                break
        sine, cosine = sine - step * cosine, cosine + step * sine  # of the anomaly after the last step, to its square
        along = size * (cosine - e)
        across = size * flat * sine
        p, q = along * ca - across * sa, along * sa + across * ca
        node = elements[4] - elements[8] * elapsed  # seen from the turning Moon, the node drifts west
        cn, sn = math.cos(node), math.sin(node)
        out[i, 0] = p * cn - q * ct * sn
        out[i, 1] = p * sn + q * ct * cn
        out[i, 2] = q * st
