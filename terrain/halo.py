"""A relay on a halo orbit about the second Lagrange point of Earth and Moon, read from a table of one revolution.

The orbit is periodic in the circular restricted three-body problem; `moonfleet.terrain.data.make_halo` computes it and its
table ships beside that script. Here it is laid into the sky as it is at each time: x from the Earth to the Moon, z along the
normal of the Moon's orbit, lengths in units of the distance there is just then (a *pulsating* frame), and time in even
revolutions. That is the shape and the rhythm of a flown orbit, not the navigated track of one.

>>> orbit = HaloOrbit("gateway_halo.json")
>>> round(orbit.period_s / 86400, 2)
6.56
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import SkyError
from .kernel import kernel
from .look import Look, look_from
from .orientation import body_axes
from .sky import checked_times, geocentric_moon

Array = NDArray[np.float64]

COLUMNS: Final = ("phase", "x", "y", "z", "vx", "vy", "vz")
CLOSURE: Final = 1e-9  # first and last node must agree to this [distances of Earth and Moon]


class HaloTable(NamedTuple):
    """One revolution of a halo orbit, perilune to perilune.

    ``nodes`` is float64 [n, 7], columns as `COLUMNS`: phase 0 to 1, place from the Moon's centre in distances of Earth and
    Moon (x away from the Earth, z along the normal of the Moon's orbit), and its change per revolution.
    """

    period_s: float
    nodes: Array
    sha256: str


@dataclass(frozen=True, slots=True)
class HaloOrbit:
    """A periodic orbit of the Earth-Moon system, fixed to the turning line from the Earth to the Moon.

    Parameters
    ----------
    table
        The file of one revolution: the name of one that ships in ``terrain/data``, or a path.
    epoch_s
        A time of perilune, seconds of TDB past J2000.

    Raises
    ------
    SkyError
        No such table, or one that is not a closed revolution.
    """

    table: str
    epoch_s: float = 0.0

    def __post_init__(self) -> None:
        if not math.isfinite(self.epoch_s):
            raise SkyError(f"relay.epoch_s: {self.epoch_s!r}; allowed: a finite number.")
        halo_table(self.table)

    @property
    def period_s(self) -> float:
        """Time of one revolution [s]."""
        return halo_table(self.table).period_s

    def position(self, t: ArrayLike) -> Array:
        """Return body-fixed positions [m], float64 [n, 3], at ``t`` [s TDB past J2000]; `SkyError` outside 1973-2099."""
        times = checked_times(t)
        table = halo_table(self.table)
        place = np.empty((times.size, 3))
        _interpolate(((times - self.epoch_s) / table.period_s) % 1.0, table.nodes, place)
        axes, distance = earth_moon_axes(times)
        x, y, z = (place[:, k, None] * axes[:, k] for k in range(3))
        return (x + y + z) * distance[:, None]

    def look(self, t: ArrayLike, lon_deg: float, lat_deg: float) -> Look:
        """Return where the satellite stands from a point of the reference sphere at ``t`` float64 [n]; no terrain."""
        return look_from(lon_deg, lat_deg, self.position(t))

    def identity(self) -> dict[str, object]:
        """Return all that decides where the satellite is, ready for JSON."""
        return {"table_sha256": halo_table(self.table).sha256, "epoch_s": self.epoch_s}


def earth_moon_axes(t: Array) -> tuple[Array, Array]:
    """Return the axes of the turning Earth-Moon frame and its distance [m], float64 [n, 3, 3] and [n].

    Rows of the axes are body-fixed unit vectors: from the Earth to the Moon, along the Moon's motion, and the normal of its
    orbit.
    """
    place, speed = geocentric_moon(t)
    normal = np.cross(place, speed)
    distance = np.sqrt((place * place).sum(axis=1))
    x = place / distance[:, None]
    z = normal / np.sqrt((normal * normal).sum(axis=1))[:, None]
    inertial = np.stack([x, np.cross(z, x), z], axis=1)
    turn = body_axes(t)
    out = np.empty_like(inertial)
    for i in range(3):  # by hand, not by BLAS: the same bytes on every machine
        a, b, c = turn[:, i, 0, None], turn[:, i, 1, None], turn[:, i, 2, None]
        out[:, :, i] = a * inertial[:, :, 0] + b * inertial[:, :, 1] + c * inertial[:, :, 2]
    return out, distance


@lru_cache(maxsize=8)
def halo_table(name: str) -> HaloTable:
    """Return the table of one revolution called ``name`` (see `HaloOrbit`), checked. Raises `SkyError`."""
    shipped = files("moonfleet.terrain.data") / name
    try:
        content = shipped.read_bytes() if Path(name).name == name and shipped.is_file() else Path(name).read_bytes()
        fields = json.loads(content)
        period_s, columns = float(fields["period_s"]), tuple(fields["columns"])
        nodes = np.array(fields["nodes"], dtype=np.float64)
    except OSError as error:
        raise SkyError(f"relay.table = {name!r}: cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise SkyError(
            f"relay.table = {name!r}: not a table of a halo orbit; needs period_s, columns and nodes."
        ) from error
    if columns != COLUMNS or nodes.ndim != 2 or nodes.shape[1] != len(COLUMNS) or len(nodes) < 4:
        raise SkyError(f"relay.table = {name!r}: needs at least four nodes of {', '.join(COLUMNS)}.")
    phase = nodes[:, 0]
    if not (np.isfinite(nodes).all() and math.isfinite(period_s) and period_s > 0.0):
        raise SkyError(f"relay.table = {name!r}: period_s and nodes must be finite, and period_s > 0.")
    if phase[0] != 0.0 or phase[-1] != 1.0 or not (np.diff(phase) > 0.0).all():
        raise SkyError(f"relay.table = {name!r}: phase must rise from 0 to 1.")
    if np.abs(nodes[0, 1:4] - nodes[-1, 1:4]).max() > CLOSURE:
        raise SkyError(f"relay.table = {name!r}: the first and the last node must be one place.")
    nodes.flags.writeable = False
    return HaloTable(period_s, nodes, hashlib.sha256(content).hexdigest())


@kernel
def _interpolate(phase: Array, nodes: Array, out: Array) -> None:
    """Fill out [n, 3] with the cubic through place and speed (Hermite) of the two nodes around each phase in 0..1."""
    for i in range(phase.size):
        low, high = 0, nodes.shape[0] - 1
        while high - low > 1:
            middle = (low + high) // 2
            if nodes[middle, 0] <= phase[i]:
                low = middle
            else:
                high = middle
        span = nodes[high, 0] - nodes[low, 0]
        f = (phase[i] - nodes[low, 0]) / span
        g = 1.0 - f
        a, b = g * g * (1.0 + 2.0 * f), f * f * (3.0 - 2.0 * f)
        c, d = span * f * g * g, -span * f * f * g
        for k in range(1, 4):
            out[i, k - 1] = a * nodes[low, k] + b * nodes[high, k] + c * nodes[low, k + 3] + d * nodes[high, k + 3]
