"""Many worlds at once: what is told, reset, saved or spread in one call is what single calls and single worlds give."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from moonfleet.agents.catalogue import robot_spec
from moonfleet.agents.errors import RobotError, WorldError
from moonfleet.agents.sky_blocks import SKY_TICKS
from moonfleet.agents.state import Activity, Loss
from moonfleet.agents.world import World
from moonfleet.terrain.errors import SkyError
from moonfleet.terrain.relay import queqiao2
from moonfleet.terrain.sky import Sky
from tests.stand_in import T0, make_site

SPECS = [robot_spec(kind) for kind in ("ce7-lander", "viper-rover", "yutu-rover", "ce7-hopper", "queqiao2")]
WORLDS = 6


def ground(bump: float) -> Any:
    """Ground with bumps and a random skyline, under the true sky."""
    rng = np.random.default_rng(int(10 * bump))
    site = make_site(
        lambda dx, dy: bump * np.sin(dx / 45.0) * np.cos(dy / 60.0), horizon_deg=rng.uniform(-2.0, 1.0, (36, 40, 40))
    )
    site.sky = Sky(*site.ref.lonlat())
    return site


def places(site: Any, worlds: int = WORLDS, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.array(site.ref.centre) + rng.uniform(-300.0, 300.0, (worlds, len(SPECS), 2))


def many(sites: Any, worlds: int = WORLDS, **options: Any) -> World:
    first = sites[0] if isinstance(sites, list) else sites
    times = T0 + 86_400.0 * np.arange(worlds)
    known: dict[str, Any] = {"relay": queqiao2(), "station": 0, "faults": True, "battery_frac": 0.5}
    return World(sites, SPECS, places(first, worlds), times, **(known | options))


def difference(a: World, b: World) -> list[str]:
    one, two = a.get_state(), b.get_state()
    return [name for name in one if one[name].tobytes() != two[name].tobytes()]


def test_orders_with_a_tick_are_those_given_before_it_by_any_number_of_threads() -> None:
    site = ground(3.0)
    apart = many(site)
    rng = np.random.default_rng(3)
    offsets = np.vstack([[0.0, 0.0], rng.uniform(-80.0, 80.0, (5, 2))])
    turns = [(rng.permutation(WORLDS)[: WORLDS - 1], rng.integers(6, size=WORLDS)) for _ in range(6)]
    for who, choices in turns:
        apart.command_offsets(who, 1, offsets[choices[who]], Activity.HIBERNATE)
        apart.tick(3, who)
    seen: list[int] = []
    for threads in (1, 2):
        together = many(site)
        together.threads = threads
        for who, choices in turns:
            told = together.moves(1, choices, offsets, Activity.HIBERNATE)
            together.tick(3, who, before=told, after=lambda w, start, end: seen.extend(w[start:end].tolist()))
            assert sorted(seen) == sorted(who.tolist())
            seen.clear()
        for name, values in together.get_state().items():
            assert values.tobytes() == apart.get_state()[name].tobytes(), name
    choices = turns[0][1]
    for wrong, ways in (
        (choices + 6, offsets),
        (choices - 6, offsets),
        (choices[1:], offsets),
        (choices, offsets * 1e9),
    ):
        with pytest.raises(RobotError):
            apart.moves(1, wrong, ways)
    with pytest.raises(RobotError, match="cannot drive"):
        apart.moves(0, choices, offsets)


def test_orders_in_one_call_are_those_given_one_by_one() -> None:
    site = ground(3.0)
    together, apart = many(site), many(site)
    rng = np.random.default_rng(2)
    for turn in range(12):
        w = rng.integers(WORLDS, size=20)
        r = rng.choice([1, 2], size=20)
        legs = np.array(site.ref.centre) + rng.uniform(-300.0, 300.0, (20, 5, 2))
        sizes = rng.integers(1, 6, size=20)
        done = together.command_legs(w, r, legs, sizes)
        assert done.tolist() == [apart.set_leg(w[k], r[k], legs[k, : sizes[k]]) for k in range(20)]
        offsets = rng.uniform(-80.0, 80.0, (4, 2)) * (rng.random(4) < 0.7)[:, None]
        assert together.command_offsets(w[:4], 2, offsets).all()
        for k in range(4):
            here = np.array([apart.state.x[w[k], 2], apart.state.y[w[k], 2]])
            if offsets[k].any():
                apart.set_leg(w[k], 2, (here + offsets[k])[None])
            else:
                apart.set_activity(w[k], 2, Activity.CHARGE)
        r = rng.integers(len(SPECS), size=20)
        what = rng.choice([0, 2, 3, 4, 5], size=20)
        watts, rate, wake = rng.uniform(0.0, 60.0, 20), rng.uniform(0.0, 1.0, 20), rng.uniform(0.0, 1.0, 20)
        done = together.command_activities(w[:7], r[:7], what[:7], watts[:7], rate[:7], wake[:7])
        assert done.tolist() == [
            apart.set_activity(w[k], r[k], what[k], work_w=watts[k], data_mbps=rate[k], wake_frac=wake[k])
            for k in range(7)
        ]
        goals = legs[:, 0]
        flown = []
        for k in range(20):
            try:
                flown.append(apart.hop(w[k], r[k], goals[k]))
            except RobotError:
                flown.append(False)
        assert together.command_hops(w, r, goals).tolist() == flown
        assert together.command_assists(w, r).tolist() == [apart.assist(w[k], r[k]) for k in range(20)]
        assert together.command_cleanings(w, r).tolist() == [apart.clean(w[k], r[k]) for k in range(20)]
        together.cut_links(np.array([1, 3]), np.full((2, len(SPECS)), turn % 16))
        for world in (1, 3):
            apart.cut_links(world, np.full(len(SPECS), turn % 16))
        together.tick(37)
        apart.tick(37)
        assert difference(together, apart) == []


def test_orders_that_cannot_be_given_change_nothing() -> None:
    site = ground(3.0)
    world, before = many(site), many(site)
    leg = np.tile(site.ref.centre, (2, 1, 1))
    for told, call in (
        ("cannot drive", lambda: world.command_legs([0, 1], [1, 0], leg)),
        ("must be finite points", lambda: world.command_legs([0, 1], [1, 1], leg * [[[1.0]], [[np.nan]]])),
        ("sizes: 2: must be 1..1", lambda: world.command_legs([0, 1], 1, leg, [1, 2])),
        (r"must be \[n, m, 2\]", lambda: world.command_legs([0], [1], leg[0])),
        ("world 6: must be a world's index", lambda: world.command_legs([0, 6], 1, leg)),
        ("robot 5: must be a robot's index", lambda: world.command_activities([0], [5], [0])),
        ("activity = 1: must be one of HOLD, WORK", lambda: world.command_activities([0, 1], 1, [0, 1])),
        ("work_w = -1.0: must be >= 0", lambda: world.command_activities([0, 1], 1, 2, [1.0, -1.0])),
        ("wake_frac = 2.0: must be in 0..1", lambda: world.command_activities([0], 1, 4, wake_frac=2.0)),
        ("must be whole numbers", lambda: world.command_activities([0.5], 1, 0)),
    ):
        with pytest.raises((RobotError, WorldError), match=told):
            call()
    assert difference(world, before) == []


def test_many_worlds_reset_at_once_are_those_reset_one_by_one() -> None:
    site = ground(3.0)
    together, apart = many(site), many(site)
    for world in (together, apart):
        world.command_legs(np.arange(WORLDS), 1, places(site, seed=3)[:, :4])
        world.tick(100)
    who, starts = np.array([4, 1, 2]), places(site, 3, seed=4)
    charge = np.linspace(0.1, 0.9, 3)
    together.reset_worlds(who, t0=T0 + who * 3_600.0, start_xy=starts, battery_frac=charge, seeds=[7, 8, 9])
    for k, w in enumerate(who.tolist()):
        apart.reset(w, t0=T0 + w * 3_600.0, start_xy=starts[k], battery_frac=charge[k], seed=7 + k)
    assert difference(together, apart) == []
    alone = World(
        site, SPECS, starts[1], T0 + 3_600.0, relay=queqiao2(), station=0, faults=True, battery_frac=charge[1], seed=8
    )
    together.tick(300)
    alone.tick(300)
    ours, theirs = together.get_world(1), alone.get_state()
    assert [name for name in ours if ours[name].tobytes() != theirs[name].tobytes()] == []


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ({"worlds": [1, 1]}, "named twice"),
        ({"worlds": [9]}, "world 9: must be 0..5"),
        ({"t0": [T0, T0, T0]}, "reset of 2 worlds"),
        ({"seeds": [1]}, "one number for each of 2 worlds"),
        ({"ground": 1}, "ground = 1: must be 0..0"),
        ({"battery_frac": [0.5, 1.5]}, "must be in 0..1"),
        ({"start_xy": np.zeros((2, 5, 2))}, r"start_xy\[1\]\[0\] \(ce7-lander\)"),
    ],
)
def test_resets_that_fail_change_nothing(bad: dict[str, Any], told: str) -> None:
    world, before = many(ground(3.0)), many(ground(3.0))
    with pytest.raises(WorldError, match=told):
        world.reset_worlds(**({"worlds": [1, 3]} | bad))
    assert difference(world, before) == []


def test_worlds_on_several_grounds_are_single_worlds_on_each() -> None:
    sites = [ground(1.0), ground(5.0), ground(9.0)]
    stands = np.array([2, 0, 1, 1, 2, 0])
    world = many(sites, ground=stands, threads=2)
    for w, g in enumerate(stands.tolist()):
        alone = World(
            sites[g], SPECS, places(sites[0])[w], T0 + 86_400.0 * w, relay=queqiao2(), station=0, faults=True,
            battery_frac=0.5, seed=[w],
        )  # fmt: skip
        world.reset(w, battery_frac=0.5, seed=w)
        way = places(sites[0], seed=5)[w, :3]
        for one, at in ((world, w), (alone, 0)):
            one.set_leg(at, 1, way)
            one.set_activity(at, 2, Activity.WORK, work_w=20.0, data_mbps=0.3)
        world_before = world.get_world(w)
        world.tick(200)
        alone.tick(200)
        ours, theirs = world.get_world(w), alone.get_state()
        differ = [name for name in ours if name != "ground_of" and ours[name].tobytes() != theirs[name].tobytes()]
        assert differ == []
        assert int(ours["ground_of"][0]) == g
        assert world_before["x"].shape == (1, len(SPECS))


def test_grounds_that_differ_in_more_than_relief_are_refused() -> None:
    other = make_site(size=50)
    with pytest.raises(WorldError, match=r"site\[1\]: has the georeference"):
        many([ground(1.0), other])
    coarse = ground(1.0)
    coarse.horizon = SimpleNamespace(millideg=np.zeros((18, 40, 40), np.int16), observer_m=2.0)
    with pytest.raises(WorldError, match=r"site\[1\]: has horizons \(18, 40, 40\)"):
        many([ground(1.0), coarse])
    with pytest.raises(WorldError, match=r"ground = 2: must be 0\.\.1"):
        many([ground(1.0), ground(2.0)], ground=2)


def test_a_single_ground_is_not_copied() -> None:
    site = ground(1.0)
    world = many(site)
    assert np.shares_memory(world._grounds.low, site.horizon.millideg)
    assert np.shares_memory(world._ground.slope, site.slope_deg)


def test_worlds_that_rest_do_not_notice_the_others() -> None:
    site = ground(3.0)
    some, apart = many(site), many(site)
    for world in (some, apart):
        world.command_legs(np.arange(WORLDS), 1, places(site, seed=3)[:, :4])
    some.tick(100)
    some.tick(250, [4, 1])
    some.tick(30)
    apart.tick(130)
    for w in (1, 4):
        apart.tick(250, [w])
    assert difference(some, apart) == []
    assert some.tick_index.tolist() == [130, 380, 130, 130, 380, 130]


def test_threads_do_not_change_a_byte() -> None:
    site = ground(3.0)
    one, three = many(site), many(site, threads=3)
    for world in (one, three):
        world.command_legs(np.arange(WORLDS), 1, places(site, seed=3)[:, :4])
        world.tick(2 * SKY_TICKS + 11)
    assert difference(one, three) == []


def test_one_world_saved_goes_on_in_another_place() -> None:
    site = ground(3.0)
    source, goal = many(site), many(site)
    source.tick(123)
    goal.tick(7)
    goal.set_world(2, source.get_world(5))
    source.tick(300)
    goal.tick(300)
    ours, theirs = goal.get_world(2), source.get_world(5)
    assert [name for name in ours if ours[name].tobytes() != theirs[name].tobytes()] == []
    before = goal.get_state()
    with pytest.raises(WorldError, match=r"state\.x: holds .*: what no state can"):
        goal.set_world(1, theirs | {"x": theirs["x"] + 1e6})
    with pytest.raises(WorldError, match=r"world 6: must be 0\.\.5"):
        goal.get_world(6)
    assert all(before[name].tobytes() == value.tobytes() for name, value in goal.get_state().items())


def test_a_robot_that_has_not_landed_takes_part_in_nothing() -> None:
    site = ground(3.0)
    world, empty = many(site), many(site)
    world.park(2, 1)
    assert world.parked.sum() == 1
    assert world.state.loss[2, 1] == Loss.NONE
    assert not world.takes_commands(2, 1)
    assert not world.listens(2, 1)
    assert not world.set_leg(2, 1, [site.ref.centre])
    before = world.get_state()
    world.tick(500)
    empty.tick(500)
    after = world.get_state()
    changed = [
        n
        for n, v in after.items()
        if v.shape[:2] == (WORLDS, len(SPECS)) and not np.array_equal(v[2, 1], before[n][2, 1])
    ]
    assert changed == []
    others = np.ones((WORLDS, len(SPECS)), dtype=bool)
    others[2, 1] = False
    for name, value in after.items():
        if value.shape[:2] == (WORLDS, len(SPECS)):
            np.testing.assert_array_equal(value[others], empty.get_state()[name][others])


def test_a_robot_that_lands_is_as_at_a_reset_and_leaves_the_others_alone() -> None:
    site = ground(3.0)
    world, twin = many(site), many(site)
    for one in (world, twin):
        one.park(np.array([1, 2]), np.array([2, 2]))
        one.tick(250)
    place = np.array(site.ref.centre) + 55.0
    fresh = World(site, SPECS, np.tile(place, (len(SPECS), 1)), float(world.time[2]), faults=True, battery_frac=0.25)
    world.land(2, 2, place, 0.25)
    assert world.parked[2].sum() == 0
    assert world.parked[1, 2]
    for name in ("x", "y", "battery_wh", "start_wh", "temp_k", "lit", "hops_left", "activity", "loss"):
        assert getattr(world.state, name)[2, 2] == getattr(fresh.state, name)[0, 2], name
    ours, theirs = world.get_state(), twin.get_state()
    for name, value in ours.items():
        if value.shape[:2] == (WORLDS, len(SPECS)):
            same = value != theirs[name]
            assert not same.reshape(WORLDS, len(SPECS), -1).any(axis=2)[[0, 1, 3, 4, 5]].any(), name
            assert not same.reshape(WORLDS, len(SPECS), -1).any(axis=2)[2, [0, 1, 3, 4]].any(), name
    assert world.set_leg(2, 2, [site.ref.centre])
    world.tick(10)
    assert world.state.odometer_m[2, 2] > 0.0
    with pytest.raises(WorldError, match="robot 2 of world 2 has landed already"):
        world.land(2, 2, place)
    with pytest.raises(WorldError, match=r"land \(yutu-rover\) at"):
        world.land(1, 2, (0.0, 0.0))
    audit = world.audit()
    assert abs(audit.battery_wh).max() < 1e-6


def test_a_shared_sky_is_the_sky_of_each() -> None:
    site = ground(3.0)
    own = many(site)
    shared = many(site, sky_span=(T0, T0 + 20 * 86_400.0))
    for world in (own, shared):
        world.command_activities(np.arange(WORLDS), 0, Activity.WORK, 30.0, 0.2)
        world.command_legs(np.arange(WORLDS), 1, places(site, seed=3)[:, :4])
        world.tick(3 * SKY_TICKS + 17)
    assert difference(shared, own) == []
    np.testing.assert_array_equal(shared.sky_now().sun_az_deg, own.sky_now().sun_az_deg)
    single = World(
        site, SPECS, places(site)[3], T0 + 3 * 86_400.0, relay=queqiao2(), station=0, faults=True, battery_frac=0.5,
        sky_span=(T0, T0 + 20 * 86_400.0),
    )  # fmt: skip
    single.set_world(0, many(site, sky_span=(T0, T0 + 20 * 86_400.0)).get_world(3))
    single.set_activity(0, 0, Activity.WORK, work_w=30.0, data_mbps=0.2)
    single.set_leg(0, 1, places(site, seed=3)[3, :4])
    single.tick(3 * SKY_TICKS + 17)
    ours, theirs = single.get_world(0), shared.get_world(3)
    assert [name for name in ours if ours[name].tobytes() != theirs[name].tobytes()] == []


def test_strays_see_the_sky_of_their_own_time() -> None:
    site = ground(3.0)
    own = many(site)
    shared = many(site, sky_span=(T0, T0 + 5.5 * 86_400.0), strays=True)  # some worlds run past its end
    for world in (own, shared):
        world.reset(1, t0=T0 + 30.5)  # off the clock
        world.reset(2, t0=T0 - 86_400.0)
    for _ in range(3):
        for world in (own, shared):
            world.tick(SKY_TICKS + 17)
        assert difference(shared, own) == []
    for world in (own, shared):
        with pytest.raises(SkyError, match="outside 1973"):
            world.reset(1, t0=-1e10)
        with pytest.raises(SkyError, match="outside 1973"):
            world.reset(1, t0=-1e10)
        world.reset(1, t0=T0)
        world.tick(3)
    assert difference(shared, own) == []


def test_a_shared_sky_has_one_clock_and_an_end() -> None:
    site = ground(3.0)
    world, before = many(site, sky_span=(T0, T0 + 10 * 86_400.0)), many(site, sky_span=(T0, T0 + 10 * 86_400.0))
    for t0, told in (
        (T0 + 30.0, "must be a whole number of ticks"),
        (T0 - 60.0, "must be a whole number"),
        (T0 + 1e7, "at most"),
    ):
        with pytest.raises(WorldError, match=told):
            world.reset(1, t0=t0)
    assert difference(world, before) == []
    with pytest.raises(WorldError, match="must be two times"):
        many(site, sky_span=(T0, T0))
    with pytest.raises(WorldError, match="runs past the end of its sky_span"):
        world.tick(30 * 1440)
