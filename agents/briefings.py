"""What the robots of many missions are handed at a decision, for W worlds at once: `situation.Briefing` in arrays.

Worlds have the same machines, and each its own site (of a few), date, places and jobs. What comes out of a world is byte for byte what
`Briefing` makes of that mission alone: both call `vectors.hand_out`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from moonfleet.terrain.relay import Relay
from moonfleet.terrain.site import Site

from .catalogue import RobotSpec
from .errors import MissionError
from .fields import shared_fields
from .job_block import JobsBlock
from .lit_hours import blank_links, blank_places
from .machines import Floats, Ints, drive_classes, machines_of
from .mission import MissionSpec
from .operations import ON_SITE_M
from .sky_hours import SkyHours
from .travel import APART_M, beside, haven_spot
from .vectors import Clock, Handed, Instruments, Tasks, blank_handed, hand_out
from .ways import Heard, blank_havens, blank_hours, blank_ways, heard_needs, settle


class Briefings:
    """The situations of W missions of one fleet.

    Parameters
    ----------
    sites
        The sites that missions may stand on.
    specs
        The R machines, the same in every mission.
    station
        Index of the station's lander.
    jobs
        The jobs of the missions (`job_block.write_jobs` writes a mission's row before `begin`).
    home
        float64 [W, R, 2], where robots start; written before `begin` too.
    havens
        Most havens of a mission.
    relay
        The relay satellite, the same in every mission.
    dates, hours
        When missions begin and how long the longest is; see `SkyHours`.

    Attributes
    ----------
    out
        `Handed` arrays, written by `hand_out`.
    """

    def __init__(
        self,
        sites: Sequence[Site],
        specs: Sequence[RobotSpec],
        station: int,
        jobs: JobsBlock,
        home: Floats,
        *,
        havens: int,
        relay: Relay | None,
        dates: tuple[float, float],
        hours: int,
    ) -> None:
        self.sites, self.specs, self.station, self.jobs, self.home = tuple(sites), tuple(specs), station, jobs, home
        worlds, room = jobs.value.shape
        robots = len(self.specs)
        self.machines = machines_of(self.specs)
        classes, class_of = drive_classes(self.specs)
        self.classes = classes
        self._members = [class_of == number for number in range(len(classes))]
        self._aside = np.array([beside((0.0, 0.0), robot, APART_M) for robot in range(robots)])
        self.fields = shared_fields(self.sites, tuple(classes))
        self.sky = SkyHours(self.sites, relay, worlds, dates, hours)
        self.havens = blank_havens(worlds, robots, len(classes), room, havens)
        self.ways = blank_ways(worlds, robots, len(classes), room + havens, self.fields.table)
        self.hours = blank_hours(worlds, room, havens)
        self.places = blank_places(worlds, 2 * robots + havens * (robots + 1) + room)
        self.links = blank_links(worlds, robots)
        self.clock = Clock(*(np.zeros(worlds, dtype=np.int64), np.zeros(worlds), np.zeros(worlds), np.zeros(worlds)))
        self.out: Handed = blank_handed(worlds, robots)

    def begin(self, world: int, mission: MissionSpec, ground: int = 0) -> None:
        """Take up a mission on site number ``ground`` in one world; its row of the jobs and of ``home`` is written.

        Raises `MissionError` when it has more havens than there is room for.
        """
        room, count, given = self.havens.xy.shape[1], len(mission.havens), self.havens
        if count > room:
            raise MissionError(f"havens: {count} of them; these missions have room for {room}")
        self.sky.begin(world, ground, mission.t0, mission.duration_s)
        self.clock.duration_s[world], self.clock.t_s[world] = mission.duration_s, 0
        given.number[world] = count
        if count:
            xy = given.xy[world, :count] = [xy for _, xy in mission.havens]
            given.spots[world, :, :count] = np.array(xy)[None] + self._aside[:, None]
            if mission.zones is not None:
                for robot in range(len(self.specs)):
                    for n, (_, at) in enumerate(mission.havens):
                        given.spots[world, robot, n] = haven_spot(mission.site, mission.zones, at, robot)
        self._find_fields(world, mission, ground)
        settle(world, self.sky.almanac, self.jobs, self.havens, self.ways, self.hours, self.places, self.links)

    def _find_fields(self, world: int, mission: MissionSpec, ground: int) -> None:
        """Write which field leads to each place, for each class of machines that has business there."""
        cell_of, number, zones = self.sites[ground].ref.cell_of, self.fields.number, mission.zones
        count, room = len(mission.jobs), self.jobs.value.shape[1]
        jobs = [cell_of(*job.xy) for job in mission.jobs]
        havens = [cell_of(*xy) for _, xy in mission.havens]
        self.ways.field_of[world] = -1
        for n, members in enumerate(self._members):
            wanted = np.atleast_1d(self.jobs.able[world, members, :count].any(axis=0)).tolist()
            row = self.ways.field_of[world, n]
            row[:count] = [
                number(ground, n, cell, zones) if use else -1 for cell, use in zip(jobs, wanted, strict=True)
            ]
            row[room : room + len(havens)] = [number(ground, n, cell, zones) for cell in havens]
        if self.fields.table is not self.ways.fields:
            self.ways = self.ways._replace(fields=self.fields.table)

    def hand_out(self, tasks: Tasks, body: Instruments, worlds: Ints, first: int, last: int) -> None:
        """Fill ``out`` for ``worlds[first:last]``, at the time that ``clock`` says; lets other threads run."""
        hand_out(
            first, last, worlds, self.sky.almanac, self.machines, self.home, self.station, self.jobs, self.havens, self.ways,
            self.hours, self.places, self.links, body, tasks, self.clock, ON_SITE_M, self.out,
        )  # fmt: skip

    def as_heard(self, heard: Heard) -> None:
        """Fill what robots would need for jobs from where they are believed to be; lets other threads run."""
        heard_needs(
            self.sky.almanac,
            self.machines,
            self.home,
            self.jobs,
            self.havens,
            self.ways,
            self.hours,
            self.places,
            heard,
        )

    def sun(self, worlds: Ints, az_deg: Floats, el_deg: Floats) -> None:
        """Say where the Sun stands at the middle of the site of each of ``worlds`` [n]."""
        self.clock.sun_az_deg[worlds], self.clock.sun_el_deg[worlds] = az_deg, el_deg
