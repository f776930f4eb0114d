"""Decisions: a year of twenty robots on one core, ten years in flat memory, and what spreading minds over Ray actors costs.

The year is the shipped scenario ``station-year``, events and checkpoints written as in any run. The ten years repeat its jobs
with a few of its robots. Ray is measured with the same fleet grown to 32 and to 256 robots.
"""

from __future__ import annotations

import dataclasses
import gc
import multiprocessing
import tempfile
import time
from pathlib import Path
from statistics import median

import pyarrow as pa

from moonfleet.agents.cluster import cluster
from moonfleet.agents.events import read_events
from moonfleet.agents.fleet import Fleet, LocalFleet
from moonfleet.agents.messages import Asked, Replies
from moonfleet.agents.mission import FleetMember, MissionSpec
from moonfleet.agents.mission_loop import MissionLoop
from moonfleet.agents.simulation import Simulation, StepInfo
from moonfleet.autonomy.jobs import Job

from ..mission_build import build_mission
from ..scenario import load_scenario
from .house import family
from .registry import Bar, Row, Tell, at_least, at_most
from .terrain_site import mapped_bytes

YEAR, ROBOTS, YEAR_DAYS = "station-year", 20, 365
DAYS_PER_S = 10.0
SAVED_STEPS = 120  # divides a year: each is measured just after its events are written
YEARS, GROWTH, SMALL = 10, 0.02, ("station", "yutu-a", "viper-a", "grader-a", "relay")
ACTORS, SQUAD, ROUNDS, RATIO = 2, 16, 300, 2.5
MANY, MANY_STEPS, MANY_GB, CORES = 256, 6, 4.0, 2
SITE_ONCE = 1.05  # of the size of the site's files: what all processes together may hold of them
HOUR_S, DAY_S = 3600, 86_400


def year_mission() -> MissionSpec:
    """The shipped scenario's mission."""
    return build_mission(load_scenario(YEAR)).mission


# -- fleet.5 -----------------------------------------------------------------------------------------------------------


def years(tell: Tell) -> list[Row]:
    """Speed of a year, and memory over ten."""
    return [*one_year(tell), *ten_years(tell)]


def one_year(tell: Tell) -> list[Row]:
    """Simulated days per CPU second of the shipped year."""
    with (
        tempfile.TemporaryDirectory() as folder
    ):  # a day on a site opened anew: kernels are compiled, nothing else is kept
        Simulation(dataclasses.replace(year_mission(), duration_s=DAY_S), Path(folder), "local").run()
    mission = dataclasses.replace(year_mission(), duration_s=YEAR_DAYS * DAY_S)
    begun: list[float] = []
    with tempfile.TemporaryDirectory() as folder:

        def on_step(info: StepInfo) -> None:
            if info.step == 1:
                begun.append(time.process_time())  # the first step makes the travel fields, once a site

        before = time.process_time()
        loop = Simulation(mission, Path(folder), "local").run(on_step)
        whole_s = time.process_time() - before
        after_s = time.process_time() - begun[0]
        events = read_events(Path(folder)).num_rows
    done, lost = float(loop.ops.done.mean()), int(loop.ops.lost.sum())
    tell(
        f"  {YEAR_DAYS} days in {whole_s:.1f} s of CPU, {after_s:.1f} s after the first step; {events} events, {lost} lost"
    )
    what = f"{len(mission.fleet)} robots x {YEAR_DAYS} days, {mission.tick_s} s ticks, hourly decisions: days per CPU second"
    return [
        Row("fleet.5", "robots in the year", len(mission.fleet), "", f">= {ROBOTS}", len(mission.fleet) >= ROBOTS),
        at_least("fleet.5", what, YEAR_DAYS / whole_s, "d/s", DAYS_PER_S),
        at_least("fleet.5", "share of the year's jobs done", done, "", 0.9),
        at_most("fleet.5", "robots lost in the year", lost, "", 0),
    ]


def ten_years(tell: Tell) -> list[Row]:
    """Growth of resident memory after the first of ten years, in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        sizes, spent_s = pool.apply(fly_years, (YEARS,))
    tell(
        "  resident MB after each year: "
        + ", ".join(f"{size / 1e6:.1f}" for size in sizes)
        + f"; {spent_s:.0f} s of CPU"
    )
    growth = max(sizes[1:]) / sizes[0] - 1.0
    what = f"{len(SMALL)} robots x {len(sizes)} years: growth of memory after the first year"
    return [at_most("fleet.5", what, growth, "", GROWTH)]


def fly_years(count: int) -> tuple[list[int], float]:
    """Fly ``count`` years of the small fleet; resident bytes after each year, and CPU seconds."""
    base = year_mission()
    fleet = tuple(member for member in base.fleet if member.name in SMALL)
    tools = {tool for member in fleet for tool in member.spec.tools}
    jobs = tuple(job for year in range(count) for job in shifted(base.jobs, year) if job.tool in tools)
    mission = dataclasses.replace(
        base, fleet=fleet, jobs=jobs, duration_s=count * YEAR_DAYS * DAY_S, checkpoint_every=SAVED_STEPS
    )
    sizes: list[int] = []

    def on_step(info: StepInfo) -> None:
        if info.t_s % (YEAR_DAYS * DAY_S) == 0:
            gc.collect()
            pa.default_memory_pool().release_unused()  # what the allocator holds back is no growth of the mission
            sizes.append(resident_bytes())

    before = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        Simulation(mission, Path(folder), "local").run(on_step)
    return sizes, time.process_time() - before


def shifted(jobs: tuple[Job, ...], year: int) -> list[Job]:
    """The jobs of a year, in a later one: new names, windows moved; those without a window open when their year begins."""
    after_s = float(year * YEAR_DAYS * DAY_S)
    out: list[Job] = []
    for job in jobs:
        opens, closes = job.window_s or (0.0, float(YEAR_DAYS * DAY_S))
        window = (opens + after_s, closes + after_s)
        needs = tuple(f"{need}-y{year}" for need in job.needs)
        out.append(dataclasses.replace(job, id=f"{job.id}-y{year}", needs=needs, window_s=window))
    return out


def resident_bytes() -> int:
    """Resident memory of this process without the pages of files, which the kernel takes and gives as it likes."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


# -- fleet.6 -----------------------------------------------------------------------------------------------------------


def grown(robots: int, per_actor: int) -> MissionSpec:
    """The year's mission with its driving robots repeated until there are ``robots``."""
    base = year_mission()
    fleet = list(base.fleet)
    drivers = [member for member in fleet if member.spec.speed_m_s > 0]
    for number in range(robots - len(fleet)):
        one = drivers[number % len(drivers)]
        fleet.append(FleetMember(f"{one.name}-{number}", one.spec, one.xy))
    return dataclasses.replace(base, fleet=tuple(fleet), robots_per_actor=per_actor)


def spread(tell: Tell) -> list[Row]:
    """What a decision costs on actors, and what many robots weigh."""
    with cluster():
        return [*trips(tell), *weights(tell)]


def trips(tell: Tell) -> list[Row]:
    """A decision of 32 robots in 2 actors against an empty call to the same actors, in turns."""
    import ray

    from moonfleet.agents.ray_fleet import RayFleet

    fleet = RayFleet(grown(ACTORS * SQUAD, SQUAD))
    try:
        loop = MissionLoop(grown(ACTORS * SQUAD, SQUAD), fleet)
        loop.begin()
        watched = Watched(fleet)
        loop.fleet = watched
        empty, whole = [], []
        for number in range(ROUNDS):
            before = time.perf_counter()
            ray.get([actor.relive.remote(None, []) for actor in fleet.actors])
            empty.append(time.perf_counter() - before)
            before = time.perf_counter()
            loop.step()
            whole.append(time.perf_counter() - before)
            if number % 24 == 0:
                fleet.get_state()  # as a checkpoint does: what was heard until now is forgotten
        actors = len(fleet.actors)
    finally:
        fleet.close()
    ratio = median(watched.took_s) / median(empty)
    tell(
        f"  {actors} actors: empty call {median(empty) * 1e3:.2f} ms, decision step {median(watched.took_s) * 1e3:.2f} ms, "
        f"whole step of the mission {median(whole) * 1e3:.2f} ms (medians of {ROUNDS})"
    )
    what = f"decision step of {ACTORS * SQUAD} robots in {actors} actors over an empty round trip to them"
    return [at_most("fleet.6", what, ratio, "x", RATIO)]


class Watched(LocalFleet):
    """Another fleet, whose decisions are timed."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.took_s: list[float] = []

    def decide(self, asked: Asked) -> Replies:
        """See `Fleet.decide`."""
        before = time.perf_counter()
        replies = self.fleet.decide(asked)
        self.took_s.append(time.perf_counter() - before)
        return replies


def weights(tell: Tell) -> list[Row]:
    """Memory of 256 robots and of the site, over all processes of the run."""
    import os

    from moonfleet.agents.ray_fleet import RayFleet, squad_size

    mission = grown(MANY, squad_size("auto", MANY, CORES))
    mission = dataclasses.replace(mission, perception="statistical", drive_s=600)
    fleet = RayFleet(mission)
    try:
        loop = MissionLoop(mission, fleet)
        for _ in range(MANY_STEPS):
            loop.step()
        pids = family(os.getpid())
        whole = sum(pss_bytes(pid) for pid in pids)
        folder = Path(str(mission.site.path))
        shares = [mapped_bytes(pid, folder) for pid in pids]
        actors = len(fleet.actors)
    finally:
        fleet.close()
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    holders = sum(share > 0 for share in shares)
    tell(
        f"  {MANY} robots, {actors} actors, {len(pids)} processes: {whole / 1e9:.2f} GB; the site's files of {size / 1e6:.0f} MB "
        f"are mapped by {holders} of them, {sum(shares) / 1e6:.0f} MB in all"
    )
    return [
        at_most(
            "fleet.6", f"{MANY} robots on {CORES} cores: memory (PSS) of all processes", whole / 1e9, "GB", MANY_GB
        ),
        at_most("fleet.6", f"the site in {holders} processes (PSS) over its size", sum(shares) / size, "x", SITE_ONCE),
        at_least("fleet.6", "actors that read the mapped site", holders, "", actors),
    ]


def pss_bytes(pid: int) -> int:
    """Proportional set size of a process, 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


BARS: dict[str, Bar] = {"fleet.5": years, "fleet.6": spread}
