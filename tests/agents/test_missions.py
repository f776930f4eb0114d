"""Many missions side by side go, byte for byte, as each would alone: worlds, work, boards, minds, and what robots are handed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from moonfleet.agents.catalogue import FaultSpec, FaultsSpec
from moonfleet.agents.errors import MissionError, RobotError
from moonfleet.agents.fleet import LocalFleet
from moonfleet.agents.map_drive import MapDriving
from moonfleet.agents.mission import MissionSpec
from moonfleet.agents.mission_loop import MissionLoop
from moonfleet.agents.mission_zones import mission_zones
from moonfleet.agents.missions import Missions
from moonfleet.agents.operations import Operations
from moonfleet.agents.outages import Outage
from moonfleet.autonomy.observation import JOB0, Observation
from moonfleet.autonomy.policy import StationKeeper, act_on_all
from moonfleet.autonomy.zones_geojson import PlanZones
from moonfleet.terrain.site import Site, SiteRecipe, build_site
from tests.missions import small_mission

HOUR_S, DAY_S = 3600, 86_400


def mission_of(site: Site, number: int, **changes: Any) -> MissionSpec:
    """One of many different missions of the small fleet."""
    rng = np.random.default_rng(number)
    base = small_mission(site)
    days = int(rng.integers(0, 300))
    jobs = [job if number % 3 else replace(job, effort_h=job.effort_h / 2, crew=1 + number % 2) for job in base.jobs]
    jobs = [
        replace(job, window_s=(HOUR_S * (n % 3), HOUR_S * 9.0)) if n % 3 == number % 3 else job
        for n, job in enumerate(jobs)
    ]
    places = [job.xy for job in base.jobs[:2]]
    jobs += [
        replace(
            base.jobs[0], id=f"more-{n}", xy=places[(n + number) % 2], effort_h=1.0 + n, needs=("survey-2",) * (n % 2)
        )
        for n in range(number % 4)
    ]
    havens = base.havens if number % 2 else (*base.havens, ("lander", base.fleet[0].xy or (0.0, 0.0)))
    given = {
        "name": f"mission {number}",
        "t0": base.t0 + days * float(DAY_S),
        "seed": 100 + number,
        "jobs": tuple(jobs),
        "havens": havens,
        "perception": "map",
        "tick_s": 300,
        "drive_s": HOUR_S,
        "outages": (
            Outage(3 * HOUR_S, 8 * HOUR_S, robots=("rover-1",)),
            Outage(5 * HOUR_S + 600, 15 * HOUR_S, peers=("station", "robots")),
        )
        if number % 4 == 1
        else (Outage(2 * HOUR_S, 14 * HOUR_S),)
        if number % 4 == 2
        else (),
    }
    return replace(base, **{**given, **changes})


def many(missions: list[MissionSpec], threads: int = 1, worlds: int | None = None) -> Missions:
    """Room for missions like these."""
    first = missions[0]
    sites = list({mission.site.key: mission.site for mission in missions}.values())
    dates = min(one.t0 for one in missions), max(one.t0 for one in missions)
    return Missions(
        sites, first.specs, first.station_index, worlds=worlds or len(missions), jobs=12, needs=6, havens=3, outages=2,
        relay=first.relay, decision_s=first.decision_s, drive_s=first.drive_s, tick_s=first.tick_s, dates=dates,
        hours=max(one.duration_s for one in missions) // HOUR_S, faults=first.faults, zones=first.zones, threads=threads,
    )  # fmt: skip


def compare(many: Missions, w: int, loop: MissionLoop) -> None:
    """World ``w`` and a mission of its own hold the same bytes."""
    for name, array in loop.world.get_state().items():
        if name == "ground_of":  # the number of its ground among those of these missions
            continue
        np.testing.assert_array_equal(many.world.get_world(w)[name], array, err_msg=f"world.{name}")
    ops, work = loop.ops, many.work
    jobs = len(loop.mission.jobs)
    for name in Operations.ARRAYS:
        mine, theirs = getattr(work, name)[w], getattr(ops, name)
        np.testing.assert_array_equal(mine[: theirs.size], theirs, err_msg=f"operations.{name}")
    assert work.value[w] == ops.value
    assert int(work.steps_done[w]) == loop.steps_done
    know, boards = ops.knowledge, many.boards
    room = boards.done.shape[2]
    np.testing.assert_array_equal(boards.floats[w, :, :jobs], know.floats[:, :jobs], err_msg="progress")
    np.testing.assert_array_equal(boards.floats[w, :, room:], know.floats[:, jobs:], err_msg="floats")
    for name in ("ints", "version", "taken"):
        np.testing.assert_array_equal(getattr(boards, name)[w], getattr(know, name), err_msg=name)
    np.testing.assert_array_equal(boards.done[w, :, :jobs], know.done)
    np.testing.assert_array_equal(boards.awake_s[w], loop.mail.awake_s)
    assert isinstance(loop.fleet, LocalFleet)
    minds = many.minds
    for robot, mind in loop.fleet.robots.items():
        task = (mind.phase, mind.action, mind.job, mind.work_w, mind.data_mbps)
        own = [getattr(minds, name)[w, robot] for name in ("phase", "action", "job", "work_w", "data_mbps")]
        assert tuple(own) == tuple(task), mind.setup.name
        assert tuple(minds.goal[w, robot]) == mind.goal
        if isinstance(mind, MapDriving):
            assert tuple(minds.place[w, robot]) == mind.place
            assert bool(minds.charging[w, robot]) == mind.charging
            np.testing.assert_array_equal(minds.route[w, robot, : minds.route_n[w, robot]], mind.route)
            np.testing.assert_array_equal(
                minds.refused[w, robot, : minds.refused_n[w, robot]], mind.refused[0, 0, : mind.refused_n[0, 0]]
            )
    asked = loop.brief()
    handed = many.handed
    np.testing.assert_array_equal(handed.masks[w, asked.robots], asked.masks, err_msg="masks")
    np.testing.assert_array_equal(handed.slots[w, asked.robots], asked.slots, err_msg="slots")
    np.testing.assert_array_equal(handed.havens[w, asked.robots], asked.havens, err_msg="havens")
    np.testing.assert_array_equal(handed.vectors[w, asked.robots], asked.vectors, err_msg="vectors")


def choose(many: Missions, rng: np.random.Generator, how: str) -> np.ndarray:
    """Choices [W, R]: by chance, masked ones among them, or by rules."""
    handed = many.handed
    shape = handed.masks.shape
    if how == "rules":
        flat = Observation(handed.vectors.reshape(-1, handed.vectors.shape[2]), handed.masks.reshape(-1, shape[2]))
        return np.array(act_on_all(StationKeeper(), flat)).reshape(shape[:2])
    any_of = rng.integers(0, shape[2], shape[:2])
    allowed = np.where(handed.masks, rng.random(shape), -1.0)
    jobs = allowed.copy()
    jobs[..., :JOB0] = np.where(jobs[..., :JOB0] >= 0.0, -0.5, -1.0)
    pick = rng.random(shape[:2])
    return np.where(
        pick < 0.1, any_of, np.where(pick < 0.4, 0, np.where(pick < 0.7, jobs.argmax(axis=2), allowed.argmax(axis=2)))
    )


def follow(
    missions: list[MissionSpec], steps: int, how: str, threads: int = 1, every: int = 1
) -> tuple[Missions, list[MissionLoop]]:
    """Fly missions side by side and each alone, with the same choices, and compare all after every step."""
    together = many(missions, threads)
    together.begin(range(len(missions)), missions)
    alone = [MissionLoop(mission, LocalFleet(mission)) for mission in missions]
    for w, loop in enumerate(alone):
        loop.begin()
        compare(together, w, loop)
    rng = np.random.default_rng(7)
    for step in range(steps):
        actions = choose(together, rng, how)
        active = np.array([not loop.finished for loop in alone])
        gains = together.step(actions, None if active.all() else active)
        for w, loop in enumerate(alone):
            if not active[w]:
                continue
            score = loop.step({robot: int(actions[w, robot]) for robot in loop.brief().robots.tolist()})
            assert (gains.value[w], gains.archive_mbit[w], gains.losses[w], gains.contacts[w]) == tuple(score)
            if step % every == 0 or step == steps - 1:
                compare(together, w, loop)
            assert bool(together.finished[w]) == loop.finished
    return together, alone


@pytest.mark.parametrize("how", ["chance", "rules"])
def test_missions_side_by_side_go_as_each_would_alone(small_site: Site, how: str) -> None:
    together, _ = follow([mission_of(small_site, number) for number in range(6)], 24, how)
    assert together.finished.all()
    assert together.work.done.any()


def test_threads_faults_and_drive_steps_change_nothing(small_site: Site) -> None:
    missions = [mission_of(small_site, number, faults=True, drive_s=600, duration_s=12 * HOUR_S) for number in range(4)]
    follow(missions, 12, "chance", threads=3, every=3)


def test_drive_steps_of_more_ticks_than_a_block_of_the_sky_change_nothing(small_site: Site) -> None:
    missions = [mission_of(small_site, number, tick_s=10, duration_s=6 * HOUR_S) for number in range(2)]
    missions.append(replace(missions[0], t0=missions[0].t0 + 7.5, name="off the clock of the others"))
    follow(missions, 6, "chance")


def test_robots_out_of_order_are_helped_as_they_would_be_alone(small_site: Site) -> None:
    """Faults so frequent that robots wait for others, and others come by."""
    base = mission_of(small_site, 3, faults=True)
    fault = FaultSpec(per_h=0.15, repair_h=4.0, help_share=0.7)
    often = {"faults": FaultsSpec(mobility=fault, comm=fault, payload=fault)}
    fleet = tuple(replace(member, spec=member.spec.model_copy(update=often)) for member in base.fleet)
    missions = [replace(base, fleet=fleet, seed=seed, name=f"seed {seed}") for seed in range(3)]
    together, alone = follow(missions, 20, "rules")
    assert any(loop.ops.down.any() for loop in alone)
    assert together.world.state.mobility_draws.max() > 1


def test_missions_on_several_grounds(small_site: Site, site_cache: Path) -> None:
    other = build_site(SiteRecipe("other", 123.4, -88.8, size_m=2_560.0, azimuths=36, seed=2), cache=site_cache)
    grounds = (small_site, other, other, small_site)
    follow([mission_of(site, number) for number, site in enumerate(grounds)], 14, "chance", threads=2, every=2)


def test_robots_that_land_later_are_there_from_then_on(small_site: Site) -> None:
    missions: list[MissionSpec] = []
    for number in range(3):
        base = mission_of(small_site, number, outages=())
        later = {1: 5 * HOUR_S, 3: 3 * HOUR_S + 60, 5: (8 - number) * HOUR_S, 6: number * HOUR_S}
        missions.append(
            replace(base, fleet=tuple(replace(one, lands_s=later.get(r, 0)) for r, one in enumerate(base.fleet)))
        )
    together, alone = follow(missions, 16, "rules")
    assert together.work.landed.all()
    assert not together.work.lost[:, 1].any()
    assert all(loop.world.state.odometer_m[0, 1] > 0.0 for loop in alone)


def test_missions_with_zones(small_site: Site) -> None:
    base = mission_of(small_site, 7)
    (x0, y0), (x1, y1) = base.fleet[0].xy or (0.0, 0.0), base.jobs[0].xy
    wall = shapely.Point(0.5 * (x0 + x1), 0.5 * (y0 + y1)).buffer(60.0)
    zones = mission_zones(PlanZones(keep_out=(wall,)))
    follow([replace(base, zones=zones), replace(base, zones=zones, seed=4)], 20, "rules", every=2)


def test_fleets_of_other_machines(small_site: Site) -> None:
    base = mission_of(small_site, 2)
    few = (*base.fleet[:2], base.fleet[3])
    jobs = tuple(job for job in base.jobs if job.tool in {tool for member in few for tool in member.spec.tools})
    alone = replace(base, fleet=few, jobs=jobs, outages=(), relay=None)
    follow([alone, replace(alone, seed=9, jobs=jobs[:1]), replace(alone, jobs=(), havens=())], 16, "chance")
    x, y = base.fleet[0].xy or (0.0, 0.0)
    crowd = tuple(replace(base.fleet[1 + n % 2], name=f"crowd-{n}", xy=(x + 8.0 * n, y + 20.0)) for n in range(9))  # pyright: ignore
    big = replace(base, fleet=(*base.fleet, *crowd), outages=())
    follow([big], 12, "rules", every=4)


def test_a_world_begun_anew_or_taken_up_elsewhere_goes_on_as_it_should(small_site: Site) -> None:
    missions = [mission_of(small_site, number) for number in range(4)]
    first, second = many(missions, worlds=3), many(missions, worlds=3)
    first.begin([0, 1, 2], [missions[3], missions[0], missions[1]])
    second.begin([2, 1], [missions[3], missions[2]])
    rng = np.random.default_rng(1)
    for _ in range(5):
        first.step(choose(first, rng, "chance"))
    first.begin([1], [missions[2]])
    loop = MissionLoop(missions[2], LocalFleet(missions[2]))
    loop.begin()
    compare(first, 1, loop)
    second.set_state(2, first.get_state(0))
    active = np.array([False, True, True])
    for _ in range(6):
        actions = choose(first, rng, "chance")
        mirrored = actions[[2, 1, 0]]
        one, other = first.step(actions), second.step(mirrored, active)
        assert one.value[0] == other.value[2]
        assert other.value[0] == 0.0
        loop.step({robot: int(actions[1, robot]) for robot in loop.brief().robots.tolist()})
        compare(first, 1, loop)
        for name, array in first.get_state(0).items():
            np.testing.assert_array_equal(second.get_state(2)[name], array, err_msg=name)
        for mine, theirs in zip(first.handed, second.handed, strict=True):
            np.testing.assert_array_equal(mine[0], theirs[2])


def test_refused_ground_is_remembered_and_searched_round_as_it_would_be_alone(small_site: Site) -> None:
    mission = mission_of(small_site, 5)
    together = many([mission])
    together.begin([0], [mission])
    loop = MissionLoop(mission, LocalFleet(mission))
    loop.begin()
    rng = np.random.default_rng(3)
    refused = 0
    for _ in range(20):
        for robot in (1, 2, 4, 5):  # the wheels say no, sometimes
            if together.world.state.activity[0, robot] == 1 and rng.random() < 0.5:
                together.world.state.blocked[0, robot] = loop.world.state.blocked[0, robot] = 1
        loop.asked = None  # what it was going to decide on was seen before
        actions = choose(together, rng, "rules")
        together.step(actions)
        loop.step({robot: int(actions[0, robot]) for robot in loop.brief().robots.tolist()})
        compare(together, 0, loop)
        refused = max(refused, int(together.minds.refused_n.max()))
    assert refused > 0


def test_what_does_not_fit_is_refused_by_name(small_site: Site) -> None:
    mission = mission_of(small_site, 0)
    together = many([mission])
    with pytest.raises(MissionError, match="no mission was begun"):
        together.step(np.zeros((1, 7), dtype=np.int64))
    for change, name in (
        ({"perception": "rendered"}, "perception"),
        ({"fleet": mission.fleet[:-1]}, "fleet"),
        ({"tick_s": 60}, "clocks"),
        ({"relay": None}, "relay"),
        ({"jobs": tuple(replace(mission.jobs[0], id=f"{n}") for n in range(13))}, "jobs"),
        ({"havens": mission.havens * 4}, "havens"),
    ):
        with pytest.raises(MissionError, match=name):
            together.begin([0], [replace(mission, **change)])
    together.begin([0], [mission])
    with pytest.raises(RobotError, match=r"must be 0\.\.12"):
        together.step(np.full((1, 7), 13))
    with pytest.raises(MissionError, match="unknown"):
        together.set_state(0, {"nothing": np.zeros(1)})
