"""Makes an episode of StationOps: a mission of the fleet with ground, place, date and jobs that follow from (seed, episode)."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.mission import FleetMember, MissionSpec
from moonfleet.autonomy.jobs import Job, JobKind
from moonfleet.terrain.errors import PlaceNotFound
from moonfleet.terrain.light import lit_series
from moonfleet.terrain.places import PlaceRule, pick_places
from moonfleet.terrain.relay import Relay, queqiao2
from moonfleet.terrain.seeds import stream
from moonfleet.terrain.site import Site

from ..errors import EnvError
from .levels import HOUR_S, Fleet, Level

PURPOSE = "station-ops"
DATES = 64  # hours drawn; the first at which the station stands in the light for long enough is taken
LANDERS = 6  # candidate places of the station per site
LANDER_SLOPE_DEG = 6.0  # deg, steepest ground under the lander
RAMP_SLOPE_DEG = 15.0  # deg, steepest ground around it
APART_M = 20.0  # m between robots at the start
HAVENS, SURVEYS, DRILLS = 4, 6, 2  # most havens of a mission; jobs of each kind for a fleet of the default size

Xy = tuple[float, float]


@dataclasses.dataclass(frozen=True, slots=True)
class StationGround:
    """Places that episodes draw from, for one place of the station."""

    lander: Xy
    havens: tuple[Xy, ...]
    surveys: tuple[Xy, ...]
    drills: tuple[Xy, ...]
    pads: tuple[Xy, ...]
    cold_traps: tuple[Xy, ...]


@functools.lru_cache(maxsize=8)
def station_grounds(site: Site) -> tuple[StationGround, ...]:
    """Return the places of a site that episodes draw from, one entry per place of the station; found once per process.

    Raises `EnvError` when the site has no place for the lander, or none to drive to from there.
    """
    found = [_around(site, lander) for lander in _landers(site)]
    fit = tuple(ground for ground in found if ground.havens and len(ground.surveys) >= 2 and ground.pads)
    if not fit:
        need = f"ground below {LANDER_SLOPE_DEG:g} deg with drivable ground around"
        raise EnvError(f"site {site.name!r}: no place for a station; need {need}.")
    return fit


def _some(site: Site, rule: PlaceRule, reachable_from: Xy | None) -> tuple[Xy, ...]:
    """Return up to ``rule.count`` places, as many as there are."""
    for count in range(rule.count, 0, -1):
        try:
            return tuple(pick_places(site, dataclasses.replace(rule, count=count), reachable_from))
        except PlaceNotFound:
            continue
    return ()


def _landers(site: Site) -> list[Xy]:
    """Return well-lit flat places with gentle ground around, best lit first."""
    rule = PlaceRule("lit", max_slope_deg=LANDER_SLOPE_DEG, apart_m=250.0, count=4 * LANDERS)
    gentle: list[Xy] = []
    for x, y in _some(site, rule, None):
        row, col = site.ref.cell_of(x, y)
        around = site.slope_deg[max(row - 2, 0) : row + 3, max(col - 2, 0) : col + 3]
        if float(around.max()) <= RAMP_SLOPE_DEG:
            gentle.append((x, y))
    return gentle[:LANDERS]


def _around(site: Site, lander: Xy) -> StationGround:
    """Return the places around one place of the station."""
    near = functools.partial(PlaceRule, near=lander)
    havens = _some(site, near("lit", max_m=2500.0, max_slope_deg=10.0, apart_m=400.0, count=3), lander)
    surveys = _some(
        site, near("spread", min_m=300.0, max_m=2000.0, max_slope_deg=12.0, apart_m=250.0, count=16), lander
    )
    drills = _some(site, near("shadow", min_m=200.0, max_m=2500.0, max_slope_deg=12.0, apart_m=200.0, count=4), lander)
    pads = _some(site, near("flat", min_m=120.0, max_m=900.0, max_slope_deg=8.0, apart_m=200.0, count=3), lander)
    cold = _some(site, near("shadow", min_m=300.0, max_m=5000.0, max_slope_deg=12.0, apart_m=300.0, count=4), None)
    return StationGround(lander, (lander, *havens), surveys, drills or surveys[:4], pads, cold)


def make_mission(
    sites: Sequence[Site], seed: int, episode: int, level: Level, fleet: Fleet, *, t0: float | None = None
) -> MissionSpec:
    """Return the mission of episode ``episode`` of ``seed`` on one of ``sites``; ``t0`` [s TDB] fixes the start.

    Missions start on a whole hour of TDB unless ``t0`` says otherwise.
    """
    rng = stream(seed, PURPOSE, episode=episode)
    site = sites[int(rng.integers(len(sites)))] if len(sites) > 1 else sites[0]
    grounds = station_grounds(site)
    ground = grounds[int(rng.integers(len(grounds)))]
    start = _date(site, ground.lander, rng, level)
    return MissionSpec(
        name="station-ops",
        site=site,
        fleet=_fleet(site, ground.lander, fleet),
        jobs=_jobs(ground, rng, fleet.tools, len(fleet.specs)),
        t0=start if t0 is None else t0,
        duration_s=level.hours * HOUR_S,
        seed=int(rng.integers(2**31)),
        station=fleet.names[0],
        havens=tuple((f"haven-{k}", xy) for k, xy in enumerate(ground.havens)),
        relay=shared_relay() if level.relay else None,
        drive_s=level.drive_s,
        tick_s=level.tick_s,
        perception=level.perception,  # pyright: ignore[reportArgumentType]
        faults=level.faults,
    )


@functools.cache
def shared_relay() -> Relay:
    """Return the relay satellite: one for all episodes of a process, so that none is asked whether it is another."""
    return queqiao2()


@functools.lru_cache(maxsize=64)
def _lit_hours(site: Site, place: Xy, first: int, last: int) -> NDArray[np.bool_]:
    """Return whether a place is lit at each whole hour of TDB from ``first`` to ``last``, bool [n]."""
    row, col = site.ref.cell_of(*place)
    times = np.arange(first, last, dtype=np.float64) * HOUR_S
    return lit_series(site.ref, site.horizon, site.sky, row, col, times)[0] > 0.5


def _date(site: Site, place: Xy, rng: np.random.Generator, level: Level) -> float:
    """Return the first of `DATES` drawn hours from which on ``place`` is lit as long as the level asks, else the one lit longest."""
    first, last = (math.ceil(date / HOUR_S) for date in level.span)
    lit = _lit_hours(site, place, first, last + max(level.lit_start_h, 1))
    drawn = rng.integers(last - first, size=DATES)
    need = max(level.lit_start_h, 1)
    best, longest = int(drawn[0]), -1.0
    for hour in drawn.tolist():
        share = float(lit[hour : hour + need].mean()) if need > 1 else float(lit[hour])
        if share >= 1.0:
            best = hour
            break
        if share > longest:
            best, longest = hour, share
    return float((first + best) * HOUR_S)


@functools.lru_cache(maxsize=64)
def _fleet(site: Site, lander: Xy, fleet: Fleet) -> tuple[FleetMember, ...]:
    """Return the fleet, standing around the lander on ground that each can stand on, the nearest places first.

    Raises `EnvError` where there is not the room for it.
    """
    free = _places_around(lander)
    members: list[FleetMember] = []
    for name, spec in zip(fleet.names, fleet.specs, strict=True):
        if spec.role == "orbiter":
            members.append(FleetMember(name, spec, None))
            continue
        limit = min(spec.max_slope_deg, RAMP_SLOPE_DEG) if members else 90.0
        fit = (xy for xy in free if site.ref.inside(*xy) and site.slope_deg[site.ref.cell_of(*xy)] <= limit)
        at = next(fit, None)
        if at is None:
            raise EnvError(f"site {site.name!r}: no room for {len(fleet.specs)} robots around {lander}.")
        free.remove(at)
        members.append(FleetMember(name, spec, at))
    return tuple(members)


def _places_around(lander: Xy) -> list[Xy]:
    """Return the places of a square grid around the lander, itself first, then the nearest."""
    steps = range(-8, 9)
    grid = sorted((dx * dx + dy * dy, dy, dx) for dx in steps for dy in steps)
    return [(lander[0] + APART_M * dx, lander[1] + APART_M * dy) for _, dy, dx in grid]


def _draw(rng: np.random.Generator, places: tuple[Xy, ...], count: int) -> list[Xy]:
    """Return up to ``count`` different places in random order."""
    return [places[int(k)] for k in rng.permutation(len(places))[:count]]


def most_jobs(robots: int) -> tuple[int, int]:
    """Return how many jobs, and how many pairs of jobs of which one waits for the other, a mission of so many robots has at most."""
    surveys, drills, pads = _counts(robots)
    return surveys + drills + pads + 1, drills


def _counts(robots: int) -> tuple[int, int, int]:
    """Return surveys, drillings and pads for a fleet: more robots find more work."""
    more = max(math.ceil(robots / 8), 1)
    return SURVEYS * min(more, 2), DRILLS * min(more, 2), min(more, 3)


def _jobs(ground: StationGround, rng: np.random.Generator, tools: frozenset[str], robots: int) -> tuple[Job, ...]:
    """Return the episode's jobs: surveys, drilling that waits for the first survey, landing pads, a flight into the dark.

    Work that nobody of the fleet has the tool for is left out.
    """
    surveys, drills, pads = _counts(robots)
    jobs: list[Job] = []
    for k, xy in enumerate(_draw(rng, ground.surveys, surveys)):
        jobs.append(Job(f"survey-{k + 1}", JobKind.SURVEY, xy, 4.0, "survey", value=10.0, data_mbit=1200.0))
    needs = ("survey-1",) if "survey" in tools else ()
    for k, xy in enumerate(_draw(rng, ground.drills, drills)):
        jobs.append(Job(f"drill-{k + 1}", JobKind.DRILL, xy, 10.0, "drill", 30.0, 600.0, needs=needs))
    for k, xy in enumerate(_draw(rng, ground.pads, pads)):
        jobs.append(Job(f"pad-{k + 1}", JobKind.GRADE, xy, 40.0, "grade", value=60.0, data_mbit=200.0, crew=2))
    for xy in _draw(rng, ground.cold_traps, 1):
        jobs.append(Job("cold-trap", JobKind.HOP, xy, 6.0, "hop", value=60.0, data_mbit=900.0))
    return tuple(job for job in jobs if job.tool in tools)
