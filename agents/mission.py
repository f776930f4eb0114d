"""What a mission is, resolved: an opened site, a fleet with places, jobs, clocks. Made by a scenario or an environment."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.errors import ZoneError
from moonfleet.autonomy.jobs import Job, check_jobs
from moonfleet.terrain.errors import did_you_mean
from moonfleet.terrain.relay import Relay
from moonfleet.terrain.site import Site

from .catalogue import RobotSpec
from .errors import MissionError
from .mission_zones import MissionZones, closed_cells
from .outages import Outage, check_outages

Perception = Literal["rendered", "stereo", "statistical", "map"]


@dataclass(frozen=True, slots=True)
class FleetMember:
    """One robot of a mission: its name, its machine, and where it starts (site x, y in metres; None in orbit).

    It is there from the first decision at or after ``lands_s`` [s since mission start] on.
    """

    name: str
    spec: RobotSpec
    xy: tuple[float, float] | None
    lands_s: int = 0


@dataclass(frozen=True, slots=True)
class MissionSpec:
    """A mission with every place resolved to coordinates; the same object drives a simulation and an environment.

    Times are seconds, ``t0`` is seconds TDB past J2000. ``havens`` are the well-lit waiting places that robots know of. ``zones`` are
    ground that robots are told to stay out of or in: nobody starts, works or waits there but a lander, with the jobs of its own tools.
    """

    name: str
    site: Site
    fleet: tuple[FleetMember, ...]
    jobs: tuple[Job, ...]
    t0: float
    duration_s: int
    seed: int
    station: str
    havens: tuple[tuple[str, tuple[float, float]], ...]
    relay: Relay | None = None
    decision_s: int = 3600
    drive_s: int = 300
    tick_s: int = 60
    perception: Perception = "rendered"
    faults: bool = False  # whether subsystems fail as the catalogue says
    robots_per_actor: int | Literal["auto"] = "auto"
    checkpoint_every: int = 24
    outages: tuple[Outage, ...] = ()
    zones: MissionZones | None = None

    def __post_init__(self) -> None:
        check_clocks(self.duration_s, self.decision_s, self.drive_s, self.tick_s)
        names = [member.name for member in self.fleet]
        for index, name in enumerate(names):
            if names.index(name) != index:
                raise MissionError(f"fleet[{index}].name = {name!r}: already the name of fleet[{names.index(name)}]")
        check_station(self.fleet, self.station)
        check_landings(self.fleet, self.station)
        check_outages(self.outages, names)
        check_jobs(self.jobs, {tool for member in self.fleet for tool in member.spec.tools})
        for index, member in enumerate(self.fleet):
            check_start(self.site, index, member)
        for name, (x, y) in self.havens:
            if not lies_inside(self.site, x, y):
                raise MissionError(f"havens[{name!r}]: ({x:.0f}, {y:.0f}) m lies outside the site")
        for index, job in enumerate(self.jobs):
            if not lies_inside(self.site, *job.xy):
                raise MissionError(f"jobs[{index}].at ({job.id}): {job.xy} m lies outside the site")
        if self.zones is not None:
            check_zones(self, self.zones)

    @property
    def steps(self) -> int:
        """Number of decision steps in the mission."""
        return self.duration_s // self.decision_s

    @property
    def station_index(self) -> int:
        """Index in the fleet of the robot that is the station."""
        return [member.name for member in self.fleet].index(self.station)

    @property
    def specs(self) -> tuple[RobotSpec, ...]:
        """The machines, in fleet order."""
        return tuple(member.spec for member in self.fleet)


def mission_key(mission: MissionSpec) -> str:
    """SHA-256 of all that decides a mission's events: not how its minds are spread, nor how often it is saved."""
    fleet = [
        (member.name, member.spec.model_dump(mode="json"), member.xy, *([member.lands_s] if member.lands_s else []))
        for member in mission.fleet
    ]
    clocks = (mission.t0, mission.duration_s, mission.decision_s, mission.drive_s, mission.tick_s)
    relay = None if mission.relay is None else mission.relay.identity()
    whole = (
        *(mission.name, mission.site.key, fleet, [asdict(job) for job in mission.jobs], clocks, mission.seed),
        *(mission.station, mission.havens, relay, mission.perception, mission.faults),
        *([asdict(one) for one in mission.outages], None if mission.zones is None else mission.zones.key),
    )
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def check_clocks(duration_s: int, decision_s: int, drive_s: int, tick_s: int) -> None:
    """Raise `MissionError` unless ticks divide drive steps divide decision steps divide the duration."""
    for name, value in (("physics_tick_s", tick_s), ("drive_step_s", drive_s), ("decision_step_s", decision_s)):
        if value <= 0:
            raise MissionError(f"{name} = {value}: must be a positive number of seconds")
    if drive_s % tick_s:
        raise MissionError(f"drive_step_s = {drive_s}: must be a multiple of physics_tick_s = {tick_s}")
    if decision_s % drive_s:
        raise MissionError(f"decision_step_s = {decision_s}: must be a multiple of drive_step_s = {drive_s}")
    if duration_s < decision_s:
        raise MissionError(f"duration = {duration_s} s: must be at least one decision step ({decision_s} s)")
    if duration_s % decision_s:
        raise MissionError(f"duration = {duration_s} s: must be a multiple of decision_step_s = {decision_s}")


def check_station(fleet: Sequence[FleetMember], station: str) -> None:
    """Raise `MissionError` unless ``station`` names a lander of the fleet."""
    roles = {member.name: member.spec.role for member in fleet}
    if not roles:
        raise MissionError("fleet: is empty; a mission needs at least a lander")
    if station not in roles:
        raise MissionError(f"station = {station!r}: not in the fleet.{did_you_mean(station, roles)}")
    if roles[station] != "lander":
        raise MissionError(f"station = {station!r}: is a {roles[station]}; the station must be a lander")


def check_landings(fleet: Sequence[FleetMember], station: str) -> None:
    """Raise `MissionError` for a landing before the start, or a station that is not there from the start."""
    for index, member in enumerate(fleet):
        where = f"fleet[{index}].lands ({member.name}): {member.lands_s} s"
        if member.lands_s < 0:
            raise MissionError(f"{where}: must be 0 or more")
        if member.lands_s > 0 and member.name == station:
            raise MissionError(f"{where}: is the station; it must be there from the start")


def lies_inside(site: Site, x: float, y: float) -> bool:
    """Whether one place lies on a site, edges included: `GeoRef.inside` without its arrays, since every episode asks two dozen times."""
    xmin, ymin, xmax, ymax = site.ref.bounds
    return xmin <= x <= xmax and ymin <= y <= ymax


def check_start(site: Site, index: int, member: FleetMember) -> None:
    """Raise `MissionError` when a robot starts outside the site or on ground too steep for it."""
    where = f"fleet[{index}].at ({member.name})"
    if member.spec.role == "orbiter":
        return
    if member.xy is None:
        raise MissionError(f"{where}: missing; only an orbiter has no place on the ground")
    x, y = member.xy
    if not lies_inside(site, x, y):
        raise MissionError(f"{where}: ({x:.0f}, {y:.0f}) m lies outside the site {site.ref.bounds}")
    slope = float(site.slope_deg[site.ref.cell_of(x, y)])
    limit = member.spec.max_slope_deg
    if slope > limit:
        raise MissionError(
            f"{where}: starts on an impassable cell: slope {slope:.1f} deg, its limit is {limit:.1f} deg; "
            "choose flatter ground (pick: flat)"
        )


class Use(NamedTuple):
    """A place where a mission needs a robot to be: ``block`` is fleet, jobs or havens, ``number`` its index there."""

    block: str
    number: int
    name: str
    xy: tuple[float, float]


def closed_uses(
    fleet: Sequence[FleetMember], jobs: Sequence[Job], havens: Sequence[tuple[str, tuple[float, float]]], site: Site,
    closed: NDArray[np.bool_],
) -> list[Use]:  # fmt: skip
    """Return the starts, jobs and havens on closed cells (bool [R, C]).

    A lander may stand in a zone, and do there what its tools are for; the station is a haven for those who can reach it.
    """
    landers = [member for member in fleet if member.spec.role == "lander"]
    uses = [
        Use("fleet", index, member.name, member.xy)
        for index, member in enumerate(fleet)
        if member.xy is not None and member.spec.role != "lander"
    ]
    uses += [
        Use("jobs", index, job.id, job.xy)
        for index, job in enumerate(jobs)
        if not any(job.xy == lander.xy and job.tool in lander.spec.tools for lander in landers)
    ]
    uses += [
        Use("havens", index, name, xy)
        for index, (name, xy) in enumerate(havens)
        if not any(xy == lander.xy for lander in landers)
    ]
    return [use for use in uses if site.ref.inside(*use.xy) and closed[site.ref.cell_of(*use.xy)]]


def check_zones(mission: MissionSpec, zones: MissionZones) -> None:
    """Raise `MissionError` when a start, job or haven lies on a cell that is closed by zones, or nothing of the site is left open."""
    site = mission.site
    try:
        closed = closed_cells(site, zones)
    except ZoneError as error:
        raise MissionError(f"zones: {error}") from error
    for block, index, name, (x, y) in closed_uses(mission.fleet, mission.jobs, mission.havens, site, closed):
        at = ".at" if block != "havens" else ""
        raise MissionError(
            f"{block}[{index}]{at} ({name}): ({x:.0f}, {y:.0f}) m lies in a keep-out, outside the stay-in zones, or on a cell of "
            f"{site.ref.cell_m:g} m that touches such ground; move it, or make the zone smaller"
        )
