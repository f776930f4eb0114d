"""Terrain, the sky: directions of Sun and Earth and how fast they come, beside skyfield with DE421 and its lunar librations."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.clock import utc_to_tdb
from moonfleet.terrain.constants import DAY_S, J2000_JD
from moonfleet.terrain.sky import Sky, earth_vector, node_block, sub_earth_point, sub_solar_point, sun_vector

from ..errors import BenchError
from .registry import Bar, Row, Tell, at_most

Array = NDArray[np.float64]
Peer = Callable[[Array], tuple[Array, Array]]

DIRECTION_DEG: Final = 0.01  # most that Sun and Earth may be off in the Moon-fixed frame
RANGE_DEG: Final = 0.01  # most that the ends of a published range may be off
PER_CPU_S: Final = 500_000.0  # [1/s] least evaluations of the whole table per second of CPU time
EARTH_UP_PERCENT: Final = 49.9  # share of 2026-30 with the Earth above a flat horizon at 89.9 S
EARTH_UP_OFF: Final = 0.3  # [%] most that it may be off
KERNELS = ("fk/satellites/moon_080317.tf", "pck/moon_pa_de421_1900-2050.bpc")
REPEATS: Final = 5


def angle_deg(a: Array, b: Array) -> Array:
    """Return the angle [deg] between vectors float64 [n, 3], float64 [n]."""
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), (a * b).sum(axis=-1)))


def moon_fixed_peer() -> Peer:
    """Return skyfield's apparent Sun and Earth [m] in MOON_ME_DE421 axes, float64 [n, 3] each, at TDB past J2000 [n].

    The ephemeris comes with skyfield-data, the two orientation kernels with lunarsky, of which nothing else is used.

    Raises
    ------
    BenchError
        One of the three is not installed.
    """
    packages = ("skyfield", "skyfield_data", "lunarsky")
    specs = {name: find_spec(name) for name in packages}
    missing = [name for name, spec in specs.items() if spec is None]
    if missing or specs["lunarsky"] is None or specs["lunarsky"].origin is None:
        raise BenchError(f"the sky is checked against {', '.join(missing)}: not installed; pip install moonfleet[dev]")
    from skyfield.api import Loader
    from skyfield.planetarylib import PlanetaryConstants
    from skyfield_data import get_skyfield_data_path

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # skyfield-data warns that its Earth rotation table is old
        load: Any = Loader(get_skyfield_data_path(), verbose=False)
        planets, scale = load("de421.bsp"), load.timescale(builtin=True)
    constants: Any = PlanetaryConstants()
    folder = Path(specs["lunarsky"].origin).parent / "data"
    with (folder / KERNELS[0]).open("rb") as text:
        constants.read_text(text)
    constants.read_binary((folder / KERNELS[1]).open("rb"))  # stays open: read where it is asked
    frame = constants.build_frame_named("MOON_ME_DE421")

    def directions(t: Array) -> tuple[Array, Array]:
        moon = planets["moon"].at(scale.tdb_jd(J2000_JD + t / DAY_S))
        sun, earth = (moon.observe(planets[name]).apparent().frame_xyz(frame).m.T for name in ("sun", "earth"))
        return sun, earth

    return directions


def hours(first: str, last: str, step_s: float = 3600.0) -> Array:
    """Return times [s TDB past J2000] from one UTC to another."""
    return np.arange(utc_to_tdb(first), utc_to_tdb(last), step_s)


def sky(tell: Tell) -> list[Row]:
    """Directions in the Moon-fixed frame, published ranges, and evaluations per second of CPU time."""
    peer = moon_fixed_peer()
    return [*_directions(peer, tell), *_ranges(tell), *_speed(peer, tell)]


def _directions(peer: Peer, tell: Tell) -> list[Row]:
    tell("Sun and Earth over 2026 to 2046 against skyfield")
    t = hours("2026-01-01T00:00:00", "2046-01-01T00:00:00", 3.7 * 3600.0)
    rows: list[Row] = []
    for name, ours, theirs in zip(("Sun", "Earth"), (sun_vector(t), earth_vector(t)), peer(t), strict=True):
        off = float(angle_deg(ours, theirs).max())
        what = f"direction of the {name} 2026-46, Moon-fixed, largest of {t.size}"
        rows.append(at_most("terrain.4", what, off, "deg", DIRECTION_DEG, peer="skyfield, DE421, MOON_ME"))
    return rows


def _ranges(tell: Tell) -> list[Row]:
    tell("ranges over 2026 to 2030")
    t = hours("2026-01-01T00:00:00", "2031-01-01T00:00:00")
    seen = Sky(0.0, -89.9).sample(t)
    earth_lon, earth_lat = sub_earth_point(t)
    wanted = (
        ("sub-solar latitude", sub_solar_point(t)[1], -1.5880, 1.5864),
        ("sub-Earth latitude", earth_lat, -6.86, 6.86),
        ("sub-Earth longitude", earth_lon, -8.05, 8.05),
        ("Sun elevation at 89.9 S", seen.sun_el_deg, -1.647, 1.687),
        ("Earth elevation at 89.9 S", seen.earth_el_deg, -7.002, 6.710),
    )
    rows: list[Row] = []
    for what, values, low, high in wanted:
        off = max(abs(float(values.min()) - low), abs(float(values.max()) - high))
        source = f"DE440 {low:g} .. {high:g}"
        rows.append(at_most("terrain.4", f"{what}, ends of range off by", off, "deg", RANGE_DEG, peer=source))
    up = 100.0 * float((seen.earth_el_deg > 0.0).mean())
    target = f"{EARTH_UP_PERCENT} +- {EARTH_UP_OFF}"
    within = abs(up - EARTH_UP_PERCENT) <= EARTH_UP_OFF
    what = "Earth above a flat horizon at 89.9 S, 2026-30"
    return [*rows, Row("terrain.4", what, up, "% of time", target, within, "DE440 49.87")]


def _speed(peer: Peer, tell: Tell) -> list[Row]:
    tell("twenty years of hours: nodes at hand, nodes to be computed, and skyfield")
    t = hours("2026-01-01T00:00:00", "2046-01-01T00:00:00")
    few = t[::8]
    place = Sky(0.0, -89.9)
    place.sample(t)  # compiled, nodes computed
    peer(few[:100])
    warm, cold, theirs = [], [], []
    for _ in range(REPEATS):  # in turns, so that a busy machine slows all alike
        warm.append(t.size / _cpu_s(lambda: place.sample(t)))
        node_block.cache_clear()
        cold.append(t.size / _cpu_s(lambda: place.sample(t)))
        theirs.append(few.size / _cpu_s(lambda: peer(few)))
    skyfield = float(np.median(theirs))
    rows: list[Row] = []
    for what, rates in (("nodes kept", warm), ("nothing kept", cold)):
        rate = float(np.median(rates))
        target = f">= {PER_CPU_S:g}"
        side = f"skyfield {skyfield:.0f}/s"
        what = f"Sun and Earth over a place, hourly 2026-46, {what}"
        rows.append(Row("terrain.4", what, rate, "1/CPU s", target, rate >= PER_CPU_S, side, rate / skyfield))
    return rows


def _cpu_s(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


BARS: dict[str, Bar] = {"terrain.4": sky}
