"""Many missions of one fleet side by side, one decision step at a time: `MissionLoop` on the map, for thousands of worlds.

What comes out of a world is, byte for byte, what `MissionLoop` makes of that mission alone with the same choices, whatever worlds stand
beside it and however many threads work. There is no event log. The worlds' arrays have the names of the single mission's classes
(`mission_blocks`), the rules are those of the kernels in `map_minds`, `mail`, `leading` and `work`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.errors import PlanError
from moonfleet.terrain.relay import Relay
from moonfleet.terrain.sight import ground_cell
from moonfleet.terrain.site import Site

from .briefings import Briefings
from .catalogue import RobotSpec
from .errors import MissionError, RobotError
from .ground import ground_layers
from .job_block import blank_jobs, write_jobs
from .leaders import clocks_of
from .map_routes import search_route, shared_ways
from .mission import MissionSpec, check_clocks
from .mission_blocks import (
    ORBITER,
    begin_boards,
    begin_minds,
    begin_work,
    blank_boards,
    blank_given,
    blank_minds,
    blank_work,
    fleet_block,
    write_given,
)
from .mission_count import NO_CHOICE, NOT_BEGUN, check_choices, count_gains, find_ends, note_score
from .mission_steps import Air, All, Outlooks, after_ticks, decide, send_off, take_up, tell_news
from .mission_zones import MissionZones
from .missions_state import check_mission_state, goals_of
from .sky_blocks import SKY_TICKS
from .state import SUN_AZ, SUN_EL
from .travel import haven_spot
from .vectors import Handed, Tasks, instruments_of
from .worker_threads import spread
from .world import World

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
State = dict[str, NDArray[np.generic]]
MOST_SKY_ROWS = 1_000_000  # of a sky kept for all worlds, 136 MB once its dates were played; else each keeps its own


def _identity(relay: Relay | None) -> object:
    return None if relay is None else relay.identity()


class Gains(NamedTuple):
    """What one decision step earned and cost in each world; the sum of the terms over a mission is its score (`operations.Score`)."""

    value: Floats  # [W] value of jobs done
    archive_mbit: Floats  # [W] data that reached the Earth
    losses: Ints  # [W] robots lost
    contacts: Ints  # [W] rocks touched: none on the map


class Missions:
    """W missions of one fleet.

    Parameters
    ----------
    sites
        The grounds that missions may stand on; they share a frame.
    specs
        The R machines, the same in every mission.
    station
        Index of the station's lander.
    worlds
        How many missions there is room for; each is blank until `begin`.
    jobs, needs, havens, outages
        Most of each in a mission.
    relay
        The relay satellite, the same in every mission.
    decision_s, drive_s, tick_s
        The clocks, as in `MissionSpec`.
    dates, hours
        Seconds TDB past J2000 between which missions begin, and length of the longest [h]: for these the sky is kept once for all.
    faults, zones
        As in `MissionSpec`, the same in every mission.
    threads
        Worlds are spread over so many threads.

    Attributes
    ----------
    world : World of W worlds.
    work, boards, minds, given, jobs : see `mission_blocks` and `job_block`.
    handed : what the robots decide on: vectors, masks, slots, havens.
    """

    def __init__(
        self,
        sites: Sequence[Site],
        specs: Sequence[RobotSpec],
        station: int,
        *,
        worlds: int,
        jobs: int,
        needs: int,
        havens: int,
        outages: int = 0,
        relay: Relay | None = None,
        decision_s: int = 3600,
        drive_s: int = 3600,
        tick_s: int = 300,
        dates: tuple[float, float],
        hours: int,
        faults: bool = False,
        zones: MissionZones | None = None,
        threads: int = 1,
    ) -> None:
        check_clocks(decision_s, decision_s, drive_s, tick_s)
        self.sites, self.specs, self.station = tuple(sites), tuple(specs), station
        self.tick_s, self.relay, self.faults, self.zones, self.threads = tick_s, relay, faults, zones, max(threads, 1)
        robots, ref = len(self.specs), self.sites[0].ref
        if outages < 0 or worlds < 1:
            raise MissionError(
                f"worlds = {worlds}, outages = {outages}: need at least one world, and no less than no outages"
            )
        self.clocks = clocks_of(self.specs, station, decision_s, drive_s)
        # most missions begin on a whole decision step
        span = dates[0] // decision_s * decision_s, dates[1] + hours * 3600.0
        # the sky at the end of a drive step is there before it only if that is one run of ticks
        self._shares_sky = span[1] - span[0] <= MOST_SKY_ROWS * tick_s and drive_s // tick_s <= SKY_TICKS
        self.world = World(
            self.sites, self.specs, np.broadcast_to(np.array(ref.centre), (worlds, robots, 2)), span[0], tick_s=float(tick_s),
            relay=relay, station=station, seed=[0] * worlds, faults=faults, threads=self.threads,
            sky_span=span if self._shares_sky else None, strays=True,
        )  # fmt: skip
        self.jobs, self.given = blank_jobs(worlds, robots, jobs, needs), blank_given(worlds, robots, havens, outages)
        self.briefings = Briefings(
            self.sites,
            self.specs,
            station,
            self.jobs,
            self.given.home,
            havens=havens,
            relay=relay,
            dates=dates,
            hours=hours,
        )
        self.fleet = fleet_block(self.specs, self.briefings.machines.drive_class)
        self.work, self.boards = blank_work(worlds, robots, jobs), blank_boards(worlds, robots, jobs)
        self.minds, self.ways = (
            blank_minds(worlds, robots),
            shared_ways(self.sites, tuple(self.briefings.classes), zones),
        )
        self.ground = self.fleet.role != ORBITER
        heights = np.stack([ground_layers(site)[0].elevation for site in self.sites])
        self.air = Air(heights, ground_cell(self.sites[0].grid), ground_layers(self.sites[0])[0].frame, ~self.ground)
        self._known: set[tuple[int, int, tuple[float, float]]] = set()  # places that `ways` was asked for
        self.begun = np.zeros(worlds, dtype=np.bool_)
        self._everyone = np.arange(worlds)
        self._search = np.zeros((worlds, robots), dtype=np.bool_)
        self._helped = np.zeros(worlds, dtype=np.bool_)
        self._asked = np.zeros((worlds, robots), dtype=np.bool_)
        self._body = instruments_of(self.world.state)

    @property
    def worlds(self) -> int:
        """Number of worlds W."""
        return len(self.begun)

    @property
    def handed(self) -> Handed:
        """What the robots decide on, as of the last step: vectors, masks, slots of jobs, havens."""
        return self.briefings.out

    @property
    def t_s(self) -> Ints:
        """Seconds since the start of each mission, int64 [W]."""
        return self.work.steps_done * self.clocks.decision_s

    @property
    def all_lost(self) -> Bools:
        """Whether every robot but the orbiters is lost, bool [W]."""
        return self.ends()[0]

    @property
    def finished(self) -> Bools:
        """Whether the time is up or nobody is left on the ground, bool [W]."""
        return self.ends()[1]

    def ends(self) -> tuple[Bools, Bools]:
        """`all_lost` and `finished` at once."""
        all_lost, finished = np.empty(self.worlds, dtype=np.bool_), np.empty(self.worlds, dtype=np.bool_)
        find_ends(self.work.lost, self.ground, self.work.steps_done, self.given.steps, all_lost, finished)
        return all_lost, finished

    # -- beginning -------------------------------------------------------------------------------------------------

    def begin(self, worlds: Sequence[int] | Ints, missions: Sequence[MissionSpec]) -> None:
        """Begin a mission in each of ``worlds`` [n]; the others do not notice.

        Raises
        ------
        MissionError
            A mission is not of this fleet, station, clocks, relay, zones or grounds, or there is no room for it.
        """
        who = np.asarray(worlds, dtype=np.int64)
        grounds = [self._ground_of(mission) for mission in missions]
        for w, mission, ground in zip(who.tolist(), missions, grounds, strict=True):
            write_jobs(self.jobs, w, mission)
            write_given(self.given, w, mission, ground)
            self.briefings.begin(w, mission, ground)
            self._need_ways(mission, ground)
            begin_work(self.work, w)
            self.work.landed[w] = self.given.lands_s[w] == 0
            begin_boards(self.boards, w, self.station)
            begin_minds(self.minds, w, self.given.home[w])
        centre = self.sites[0].ref.centre
        starts = [[member.xy or centre for member in mission.fleet] for mission in missions]
        self.world.reset_worlds(
            who,
            t0=np.array([mission.t0 for mission in missions]),
            start_xy=np.array(starts, dtype=np.float64).reshape(len(who), len(self.specs), 2),
            seeds=[mission.seed for mission in missions],
            ground=np.array(grounds, dtype=np.int64),
        )
        self.begun[who] = True
        later, robots = np.nonzero(~self.work.landed[who])
        if len(later):
            self.world.park(who[later], robots)
        one, outlooks = self._all(), self._outlooks()
        self._spread(lambda a, b: send_off(who[a:b], one, outlooks), len(who))
        self.brief(who)

    def _ground_of(self, mission: MissionSpec) -> int:
        """The number of a mission's ground; `MissionError` where it is not one of these missions."""
        clocks = (mission.decision_s, mission.drive_s, mission.tick_s)
        mine = (self.clocks.decision_s, self.clocks.drive_s, self.tick_s)
        if mission.perception != "map":
            raise MissionError(f"perception = {mission.perception!r}: many missions side by side drive by 'map'")
        if mission.specs != self.specs or mission.station_index != self.station:
            raise MissionError(
                f"fleet: {[spec.kind for spec in mission.specs]}, station {mission.station!r}: another than these missions'"
            )
        if clocks != mine or mission.faults != self.faults or mission.zones != self.zones:
            raise MissionError(
                f"clocks {clocks} s, faults {mission.faults}, zones: must be those of these missions, {mine} s, {self.faults}"
            )
        if mission.relay is not self.relay and _identity(mission.relay) != _identity(self.relay):
            raise MissionError("relay: another than these missions'")
        for ground, site in enumerate(self.sites):
            if site is mission.site or site.key == mission.site.key:
                return ground
        raise MissionError(f"site {mission.site.key}: not one of these missions' {len(self.sites)} grounds")

    def _need_ways(self, mission: MissionSpec, ground: int) -> None:
        """See to the tables of turning points of a mission's places, for the machines that have business there."""
        places: set[tuple[int, tuple[float, float]]] = set()  # (drive class, place)
        for robot, number in enumerate(self.fleet.drive_class.tolist()):
            if number < 0:
                continue
            tools = self.specs[robot].tools
            places |= {(number, job.xy) for job in mission.jobs if not job.tool or job.tool in tools}
            for _, xy in mission.havens:  # where zones are, spots may have been moved: each has a table of its own
                at = xy if self.zones is None else haven_spot(mission.site, self.zones, xy, robot)
                places.add((number, at))
        for number, xy in sorted(places):
            if (ground, number, xy) not in self._known:
                self._known.add((ground, number, xy))
                self.ways.need(ground, number, xy)

    # -- deciding --------------------------------------------------------------------------------------------------

    def brief(self, worlds: Ints) -> None:
        """Make what the robots of ``worlds`` decide on: see `handed`."""
        sky, desk = self.world.sky_now(), self.briefings
        desk.clock.t_s[worlds] = self.t_s[worlds]
        desk.sun(worlds, sky.sun_az_deg[worlds], sky.sun_el_deg[worlds])
        self._spread(lambda a, b: self._hand_out(worlds, a, b), len(worlds))

    def _hand_out(self, worlds: Ints, start: int, end: int) -> None:
        """Fill `handed` for ``worlds[start:end]``, whose clocks are set."""
        work, board, which = self.work, self.boards, worlds[start:end]
        self._asked[which] = work.landed[which] & ~work.lost[which]
        tasks = Tasks(self._asked, work.job, work.phase, board.floats, board.ints, board.done)
        self.briefings.hand_out(tasks, self._body, worlds, start, end)

    def step(self, actions: Ints, active: Bools | None = None) -> Gains:
        """Make one decision step of every world that is ``active`` bool [W] (None: all) with the choices ``actions`` int64 [W, R].

        A choice that is masked counts as "go on"; those of robots that are not there are not looked at. Worlds that are not active
        rest.

        Raises
        ------
        RobotError
            A choice that is none; nothing has changed then.
        MissionError
            No mission was begun in an active world.
        """
        worlds = self._everyone if active is None else np.flatnonzero(active)
        choices = np.ascontiguousarray(actions, dtype=np.int64)
        self._check(choices, worlds)
        work, archive = self.work, self.world.archive_mbit
        gains = Gains(np.empty(self.worlds), np.empty(self.worlds), *np.zeros((2, self.worlds), dtype=np.int64))
        note_score(work.value, archive, work.lost, gains.value, gains.archive_mbit, gains.losses)
        self._play(choices, worlds)
        helped = worlds[self._helped[worlds]]
        if helped.size:
            self._help(helped)
        behind = helped if self._shares_sky else worlds
        if behind.size:
            self.brief(behind)
        count_gains(work.value, archive, work.lost, gains.value, gains.archive_mbit, gains.losses)
        return gains

    def _play(self, choices: Ints, worlds: Ints) -> None:
        """Carry out choices, tick, and see to what follows; every thread goes through all of it with its worlds.

        Where the sky is there ahead of time, robots are handed what they decide on next, too.
        """
        one, outlooks, ticks = self._all(), self._outlooks(), self.clocks.drive_s // self.tick_s
        last = self.clocks.decision_s // self.clocks.drive_s - 1
        everybody = len(worlds) == self.worlds

        def before(who: Ints, start: int, end: int) -> None:
            decide(start, end, who, choices, one, self._search)
            self._search_routes(who[start:end], one)

        def foresee(sky: Floats, now: Ints) -> None:
            end = sky[now[worlds] + ticks]
            self.briefings.clock.t_s[worlds] = self.t_s[worlds] + self.clocks.decision_s
            self.briefings.sun(worlds, end[:, SUN_AZ], end[:, SUN_EL])

        for drive in range(last + 1):

            def after(who: Ints, start: int, end: int, drive: int = drive) -> None:
                after_ticks(start, end, who, drive, drive == last, one, self.air, outlooks, self._search, self._helped)
                if drive < last:
                    self._search_routes(who[start:end], one)
                elif self._shares_sky:
                    self._hand_out(who, start, end)

            self.world.tick(
                ticks, None if everybody else worlds, before=before if drive == 0 else None, after=after,
                sky=foresee if drive == last and self._shares_sky else None,
            )  # fmt: skip

    def _check(self, choices: Ints, worlds: Ints) -> None:
        count = self.handed.masks.shape[2]
        if choices.shape != self.work.job.shape:
            raise RobotError(f"actions of shape {choices.shape}: must be {self.work.job.shape}")
        answer, w, r = check_choices(worlds, choices, count, self.work.lost, self.work.landed, self.begun)
        if answer == NO_CHOICE:
            raise RobotError(f"actions: {choices[w, r]} is none; must be 0..{count - 1}")
        if answer == NOT_BEGUN:
            raise MissionError(f"world {w}: no mission was begun there")

    def _search_routes(self, worlds: Ints, one: All) -> None:
        """Search the routes that cannot be read off the tables: round ground that the wheels refused, mostly."""
        wanted = self._search[worlds]
        if not wanted.any():
            return
        for at, r in zip(*np.nonzero(wanted), strict=True):
            w, robot = int(worlds[at]), int(r)
            minds, state = self.minds, self.world.state
            ground, number = int(self.given.ground[w]), int(self.fleet.drive_class[robot])
            here = float(state.x[w, robot]), float(state.y[w, robot])
            goal = float(minds.goal[w, robot, 0]), float(minds.goal[w, robot, 1])
            try:
                route = search_route(
                    self.sites[ground], self.ways.block.cost[ground, number], here, goal,
                    minds.refused[w, robot, : minds.refused_n[w, robot]],
                )  # fmt: skip
            except PlanError:
                route = np.empty((0, 2))
            minds.route[w, robot, : len(route)] = route
            take_up(w, robot, len(route), one)
            self._search[w, robot] = False

    def _help(self, waiting: Ints) -> None:
        """Let robots land whose time has come, and mend and free those next to them that wait for help; then tell the news there."""
        state, given, work = self.world.state, self.given, self.work
        due = ~work.landed[waiting] & (given.lands_s[waiting] <= self.t_s[waiting, None])
        rows, robots = np.nonzero(due)
        if len(rows):
            work.landed[waiting[rows], robots] = True
            self.world.land(waiting[rows], robots, given.home[waiting[rows], robots])
        for w in waiting.tolist():
            ails = ((state.faults[w] != 0) | (state.trapped[w] != 0)) & ~self.work.lost[w]
            for robot in np.flatnonzero(ails).tolist():
                self.world.assist(w, robot)
        tell_news(waiting, self._all())

    def _spread(self, part: object, count: int) -> None:
        spread(part, count, self.threads, count * len(self.specs) * 100)  # pyright: ignore[reportArgumentType]

    def _all(self) -> All:
        return All(
            self.clocks, self.fleet, self.jobs, self.given, self.work, self.boards, self.minds, self.handed, self.ways.block,
            self.world.block(),
        )  # fmt: skip

    def _outlooks(self) -> Outlooks:
        desk = self.briefings
        return Outlooks(desk.sky.almanac, desk.machines, desk.havens, desk.ways, desk.hours, desk.places)

    # -- state -----------------------------------------------------------------------------------------------------

    def get_state(self, w: int) -> State:
        """Everything that the rest of a world's mission depends on besides the mission itself, as a flat mapping of arrays."""
        saved: State = {f"world.{name}": array for name, array in self.world.get_world(w).items()}
        return saved | {name: array.copy() for name, array in self._goals(w).items()}

    def set_state(self, w: int, saved: Mapping[str, NDArray[np.generic]]) -> None:
        """Take up a state made by `get_state`, in a world in which the same mission was begun; it goes on as that one would have.

        Raises
        ------
        MissionError, WorldError
            It is not such a state; nothing has changed then.
        """
        goals = self._goals(w)
        count, steps = int(self.jobs.number[w]), int(self.given.steps[w])
        check_mission_state(saved, goals, jobs=count, steps=steps, shape=self.sites[0].ref.shape)
        body = {name.removeprefix("world."): array for name, array in saved.items() if name.startswith("world.")}
        self._check_clock(w, saved["work.steps_done"], body)
        self.world.set_world(w, body)
        for name, goal in goals.items():
            goal[...] = saved[name]
        self.brief(np.array([w]))

    def _goals(self, w: int) -> State:
        return goals_of(w, self.work, self.boards, self.minds)

    def _check_clock(self, w: int, steps: NDArray[np.generic], body: Mapping[str, NDArray[np.generic]]) -> None:
        """Raise `MissionError` unless the body's time and ground are those of the mission in world ``w`` after ``steps`` steps."""
        begun = self.world.get_world(w)
        ticks = int(steps) * (self.clocks.decision_s // self.tick_s)
        for name, want in (("t0", begun["t0"]), ("ground_of", begun["ground_of"]), ("tick_index", np.array([ticks]))):
            if not np.array_equal(np.asarray(body.get(name)), want):
                raise MissionError(f"state.world.{name}: {body.get(name)}: must be {want}, of this mission")
