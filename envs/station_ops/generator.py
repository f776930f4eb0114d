"""Makes an episode of StationOps: a mission of the default fleet with place, date and jobs that follow from (seed, episode)."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.catalogue import robot_spec
from moonfleet.agents.mission import FleetMember, MissionSpec
from moonfleet.autonomy.jobs import Job, JobKind
from moonfleet.terrain.errors import PlaceNotFound
from moonfleet.terrain.light import lit_at
from moonfleet.terrain.places import PlaceRule, pick_places
from moonfleet.terrain.relay import queqiao2
from moonfleet.terrain.seeds import stream
from moonfleet.terrain.site import Site

from ..errors import EnvError
from ..sites import plain

PURPOSE = "station-ops"
DATES = 64  # dates drawn; the first at which the station stands in the light is taken
LANDERS = 6  # candidate places of the station per site
LANDER_SLOPE_DEG = 6.0  # deg, steepest ground under the lander
RAMP_SLOPE_DEG = 15.0  # deg, steepest ground around it

Xy = tuple[float, float]

# The default fleet: name, kind, place relative to the lander [m] (None in orbit).
FLEET: tuple[tuple[str, str, Xy | None], ...] = (
    ("station", "ce7-lander", (0.0, 0.0)),
    ("surveyor", "yutu-rover", (20.0, 0.0)),
    ("driller", "viper-rover", (-20.0, 0.0)),
    ("hopper", "ce7-hopper", (20.0, 20.0)),
    ("builder-a", "grader", (0.0, 20.0)),
    ("builder-b", "grader", (0.0, -20.0)),
    ("relay", "queqiao2", None),
)


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
    site: Site,
    seed: int,
    episode: int,
    *,
    days: float,
    dates: tuple[float, float],
    t0: float | None = None,
) -> MissionSpec:
    """Return the mission of episode ``episode`` of ``seed``: the default fleet, ``days`` long, perception ``statistical``.

    ``dates`` bounds the start [s TDB]; ``t0`` fixes it.
    """
    rng = stream(seed, PURPOSE, episode=episode)
    grounds = station_grounds(site)
    ground = grounds[int(rng.integers(len(grounds)))]
    start = _date(site, ground.lander, rng, dates)
    return MissionSpec(
        name="station-ops",
        site=site,
        fleet=_fleet(ground.lander),
        jobs=_jobs(ground, rng),
        t0=start if t0 is None else t0,
        duration_s=round(days * 24.0) * 3600,
        seed=int(rng.integers(2**31)),
        station="station",
        havens=tuple((f"haven-{k}", xy) for k, xy in enumerate(ground.havens)),
        relay=queqiao2(),
        perception="statistical",
    )


def _date(site: Site, place: Xy, rng: np.random.Generator, dates: tuple[float, float]) -> float:
    """Return the first of `DATES` drawn dates at which ``place`` is lit, else the brightest; a whole minute."""
    drawn = np.floor(rng.uniform(*dates, DATES) / 60.0) * 60.0
    sky = site.sky.sample(drawn)
    row, col = site.ref.cell_of(*place)
    centre_x, centre_y = site.ref.centre
    millideg = plain(site.horizon.millideg)
    lit: NDArray[np.float64] = np.zeros(DATES)
    for k in range(DATES):
        az, el, radius = float(sky.sun_az_deg[k]), float(sky.sun_el_deg[k]), float(sky.sun_radius_deg[k])
        lit[k] = lit_at(millideg, row, col, place[0] - centre_x, place[1] - centre_y, az, el, radius)
    return float(drawn[int(np.argmax(lit > 0.5)) if lit.max() > 0.5 else int(np.argmax(lit))])


def _fleet(lander: Xy) -> tuple[FleetMember, ...]:
    """Return the default fleet, standing around the lander."""
    return tuple(
        FleetMember(name, robot_spec(kind), None if at is None else (lander[0] + at[0], lander[1] + at[1]))
        for name, kind, at in FLEET
    )


def _draw(rng: np.random.Generator, places: tuple[Xy, ...], count: int) -> list[Xy]:
    """Return up to ``count`` different places in random order."""
    return [places[int(k)] for k in rng.permutation(len(places))[:count]]


def _jobs(ground: StationGround, rng: np.random.Generator) -> tuple[Job, ...]:
    """Return the episode's jobs: surveys, drilling that waits for the first survey, a landing pad, a flight into the dark."""
    jobs: list[Job] = []
    for k, xy in enumerate(_draw(rng, ground.surveys, 6)):
        jobs.append(Job(f"survey-{k + 1}", JobKind.SURVEY, xy, 4.0, "survey", value=10.0, data_mbit=1200.0))
    for k, xy in enumerate(_draw(rng, ground.drills, 2)):
        jobs.append(Job(f"drill-{k + 1}", JobKind.DRILL, xy, 10.0, "drill", 30.0, 600.0, needs=("survey-1",)))
    for xy in _draw(rng, ground.pads, 1):
        jobs.append(Job("pad", JobKind.GRADE, xy, 40.0, "grade", value=60.0, data_mbit=200.0, crew=2))
    for xy in _draw(rng, ground.cold_traps, 1):
        jobs.append(Job("cold-trap", JobKind.HOP, xy, 6.0, "hop", value=60.0, data_mbit=900.0))
    return tuple(jobs)
