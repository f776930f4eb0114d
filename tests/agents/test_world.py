"""The World as a whole: time, bytes, saving, hopping, losing, and what it says to bad arguments."""

from __future__ import annotations

import math

import numpy as np
import pytest

from moonfleet.agents.catalogue import robot_spec
from moonfleet.agents.errors import RobotError, WorldError
from moonfleet.agents.spec_block import SPEC_FIELDS
from moonfleet.agents.state import FLOAT_FIELDS, FLOATS, INT_FIELDS, Activity, Link, Loss, WorldState
from moonfleet.agents.world import World
from moonfleet.terrain.errors import MoonfleetError
from moonfleet.terrain.horizon import compute_horizon
from moonfleet.terrain.sky import Sky
from tests.stand_in import T0, StillRelay, make_site

KINDS = ("ce7-lander", "viper-rover", "yutu-rover", "ce7-hopper", "queqiao2")
SPECS = [robot_spec(kind) for kind in KINDS]
HOPPER = 3


def moving_sky() -> dict[str, object]:
    return {
        "sun_az_deg": lambda t: (t - T0) / 400.0 % 360.0,
        "sun_el_deg": lambda t: 1.2 * np.sin((t - T0) / 30_000.0),
        "earth_el_deg": lambda t: 2.0 * np.cos((t - T0) / 50_000.0),
    }


def bumps(dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
    return 6.0 * np.sin(dx / 45.0) * np.cos(dy / 60.0)


def busy_world(worlds: int = 2) -> World:
    """Worlds in which every kind of thing goes on, each started at its own time."""
    site = make_site(bumps, **moving_sky())
    x, y = site.ref.centre
    starts = np.array([[x + 40.0 * r, y - 30.0 * r] for r in range(len(SPECS))])
    world = World(site, SPECS, starts, T0 + 86_400.0 * np.arange(worlds), relay=StillRelay(30.0, 1.0), station=0)
    for w in range(worlds):
        world.set_activity(w, 0, Activity.WORK, work_w=40.0, data_mbps=0.3)
        world.set_leg(w, 1, [[x + 200.0, y + 10.0 * w], [x + 210.0, y + 150.0], [x - 100.0, y + 160.0]])
        world.set_activity(w, 2, Activity.WORK, work_w=15.0, data_mbps=0.5)
        world.hop(w, HOPPER, (x - 150.0, y - 150.0))
    return world


def same_bytes(a: World, b: World) -> bool:
    one, two = a.get_state(), b.get_state()
    return one.keys() == two.keys() and all(one[name].tobytes() == two[name].tobytes() for name in one)


@pytest.mark.parametrize("split", [[1] * 60 + [239, 241, 240, 220], [500, 500], [7] * 142 + [6]])
def test_any_split_of_the_ticks_gives_the_same_bytes(split: list[int]) -> None:
    whole, parts = busy_world(), busy_world()
    whole.tick(1_000)
    for n in split:
        parts.tick(n)
    assert same_bytes(whole, parts)


def test_worlds_never_touch_each_other() -> None:
    both, alone = busy_world(2), busy_world(1)
    both.tick(700)
    alone.tick(700)
    for name in WorldState._fields:
        assert getattr(both.state, name)[0].tobytes() == getattr(alone.state, name)[0].tobytes(), name


def test_saved_and_restored_in_another_world_it_goes_on_with_the_same_bytes() -> None:
    run, other = busy_world(), busy_world()
    run.tick(333)
    saved = run.get_state()
    run.tick(500)
    other.tick(900)  # wherever it was
    other.set_state(saved)
    other.tick(500)
    assert same_bytes(run, other)


def test_a_saved_state_is_a_copy() -> None:
    world = busy_world()
    saved = world.get_state()
    before = saved["battery_wh"].copy()
    world.tick(10)
    np.testing.assert_array_equal(saved["battery_wh"], before)


def test_a_state_that_does_not_fit_is_refused_and_changes_nothing() -> None:
    world = busy_world()
    saved, before = world.get_state(), busy_world()
    with pytest.raises(WorldError, match="version"):
        world.set_state(saved | {"version": np.array(99)})
    with pytest.raises(WorldError, match=r"missing \['temp_k'\]"):
        world.set_state({name: value for name, value in saved.items() if name != "temp_k"})
    with pytest.raises(WorldError, match=r"unknown \['mood'\]"):
        world.set_state(saved | {"mood": np.zeros(1)})
    with pytest.raises(WorldError, match=r"state.temp_k: float32\(2, 5\): must be float64\(2, 5\)"):
        world.set_state(saved | {"temp_k": saved["temp_k"].astype(np.float32)})
    assert same_bytes(world, before)


@pytest.mark.parametrize(
    ("field", "value"),
    [("leg_size", 10**6), ("leg_next", 3), ("activity", 8), ("activity", -1), ("tick_index", -1), ("x", np.nan), ("y", 1e9)],
)  # fmt: skip
def test_a_state_that_no_world_can_have_is_refused_and_changes_nothing(field: str, value: float) -> None:
    world, before = busy_world(), busy_world()
    saved = world.get_state()
    saved[field].ravel()[0] = value
    with pytest.raises(WorldError, match=rf"state\.{field}: holds .*what no state can"):
        world.set_state(saved)
    assert same_bytes(world, before)


def test_a_leg_to_nowhere_is_refused() -> None:
    with pytest.raises(RobotError, match=r"none beyond 1e\+09 m"):
        busy_world().set_leg(0, 1, [[1e200, 0.0]])


@pytest.mark.parametrize(
    "bad",
    [{"t0": 1e12}, {"t0": np.nan}, {"battery_frac": 2.0}, {"start_xy": np.full((5, 2), 1e9)}, {"seed": -1}],
)  # fmt: skip
def test_a_reset_that_fails_changes_nothing(bad: dict[str, object]) -> None:
    world, before = busy_world(), busy_world()
    for one in (world, before):
        one.tick(300)
    with pytest.raises(MoonfleetError):
        world.reset(1, **bad)  # type: ignore[arg-type]
    assert same_bytes(world, before)
    for one in (world, before):
        one.tick(300)
    assert same_bytes(world, before)


def test_ticks_and_seeds_that_are_none_are_refused() -> None:
    world, before = busy_world(), busy_world()
    with pytest.raises(WorldError, match=r"tick\(1.5\): must be a whole number"):
        world.tick(1.5)  # type: ignore[arg-type]
    assert same_bytes(world, before)
    site = make_site()
    for bad, told in (
        ({"seed": -1}, "seed = -1"),
        ({"seed": [1.5]}, "seed = 1.5"),
        ({"tick_s": 1e-9}, "tick_s = 1e-09"),
    ):
        with pytest.raises(WorldError, match=told):
            World(site, SPECS[:1], [site.ref.centre], T0, **bad)  # type: ignore[arg-type]


def test_reset_starts_one_world_anew_and_leaves_the_others() -> None:
    world, fresh, untouched = busy_world(), busy_world(), busy_world()
    world.tick(400)
    untouched.tick(400)
    world.reset(1)
    assert world.time.tolist() == [T0 + 24_000.0, T0 + 86_400.0]
    assert world.state.x[1].tolist() == fresh.state.x[1].tolist()
    assert (world.state.activity[1] == Activity.HOLD).all()
    assert world.archive_mbit[1] == 0.0
    world.tick(100)
    untouched.tick(100)
    for name in WorldState._fields:
        assert getattr(world.state, name)[0].tobytes() == getattr(untouched.state, name)[0].tobytes(), name


def test_light_and_links_are_known_before_the_first_tick() -> None:
    world = World(make_site(), SPECS[:2], np.tile(make_site().ref.centre, (2, 1)), T0, station=0)
    assert world.state.lit.tolist() == [[1.0, 1.0]]
    assert world.state.link[0, 1] == Link.STATION
    assert world.time[0] == T0


def test_the_sky_now_is_the_sky_of_the_site() -> None:
    world = busy_world()
    world.tick(250)
    expected = world.site.sky.sample(world.time)
    for got, want in zip(world.sky_now(), expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12)
    assert world.relay_now()[1].tolist() == [1.0, 1.0]


# --- hops -----------------------------------------------------------------------------------------------------------


def hopper_at_centre(**options: object) -> tuple[World, float, float]:
    site = make_site(**options)  # type: ignore[arg-type]
    return World(site, [SPECS[HOPPER]], [site.ref.centre], T0), *site.ref.centre


def test_a_hop_takes_five_ticks_one_flight_and_its_energy() -> None:
    world, x, y = hopper_at_centre(sun_el_deg=-5.0)
    spec = SPECS[HOPPER]
    assert world.hop(0, 0, (x + 200.0, y + 100.0))
    world.tick(4)
    assert world.state.activity[0, 0] == Activity.HOP
    assert world.state.x[0, 0] == x
    assert not world.set_activity(0, 0, Activity.HOLD), "nothing is heard in flight"
    world.tick(1)
    assert (world.state.x[0, 0], world.state.y[0, 0]) == (x + 200.0, y + 100.0)
    assert world.state.activity[0, 0] == Activity.HOLD
    assert world.state.hops_left[0, 0] == spec.hops - 1
    used = spec.battery_wh - world.state.battery_wh[0, 0]
    assert used == pytest.approx(spec.hop_wh + spec.idle_w * 5 / 60.0, rel=1e-9)


def test_hops_that_the_body_cannot_do_are_refused() -> None:
    world, x, y = hopper_at_centre()
    with pytest.raises(RobotError, match="ends outside the site"):
        world.hop(0, 0, (x + 5_000.0, y))
    short = World(world.site, [SPECS[HOPPER].model_copy(update={"hop_range_m": 50.0})], [[x, y]], T0)
    with pytest.raises(RobotError, match="hop of 60 m: must be <= hop_range_m = 50"):
        short.hop(0, 0, (x + 60.0, y))
    world.state.battery_wh[0, 0] = 10.0
    world.state.temp_k[0, 0] = 253.0
    world.state.battery_wh[0, 0] = 350.0
    with pytest.raises(RobotError, match="battery 350 Wh, 330 Wh of it out of reach in the cold: a hop takes 60 Wh"):
        world.hop(0, 0, (x + 60.0, y))
    world.state.temp_k[0, 0] = 288.0
    world.state.battery_wh[0, 0] = 10.0
    with pytest.raises(RobotError, match="battery 10 Wh: a hop takes 60 Wh"):
        world.hop(0, 0, (x + 60.0, y))
    world.state.hops_left[0, 0] = 0
    with pytest.raises(RobotError, match="has no hops left"):
        world.hop(0, 0, (x + 60.0, y))


def test_a_hop_onto_a_cliff_tips_over() -> None:
    world, x, y = hopper_at_centre(height=lambda dx, dy: np.where(dx > 100.0, dx - 100.0, 0.0))
    world.hop(0, 0, (x + 200.0, y))
    world.tick(5)
    assert world.state.loss[0, 0] == Loss.TIPPED
    assert world.state.activity[0, 0] == Activity.LOST


# --- losses ---------------------------------------------------------------------------------------------------------


def test_lost_robots_change_nothing_any_more() -> None:
    site = make_site(sun_el_deg=lambda t: np.where(t - T0 < 20 * 86_400.0, -5.0, 5.0))
    x, y = site.ref.centre
    world = World(site, [SPECS[1]], [[x, y]], T0, battery_frac=0.05)
    world.tick(20 * 1440)
    assert world.state.loss[0, 0] == Loss.FROZEN
    before = world.get_state()
    world.tick(10_000)  # the Sun is up again
    assert not world.set_activity(0, 0, Activity.WORK, work_w=10.0, data_mbps=1.0)
    assert not world.set_leg(0, 0, [[x + 50.0, y]])
    world.tick(10)
    after = world.get_state()
    changed = [name for name in before if before[name].tobytes() != after[name].tobytes()]
    assert changed == ["tick_index"]


def test_a_machine_without_panels_is_lost_when_its_battery_is_empty() -> None:
    spec = SPECS[2].model_copy(update={"solar_w_1au": 0.0})
    site = make_site()
    world = World(site, [spec], [site.ref.centre], T0, battery_frac=0.02)
    world.tick(24 * 60 * 2)
    assert world.state.loss[0, 0] == Loss.DEPLETED


def test_an_orbiter_has_no_ground_under_it() -> None:
    world = busy_world(1)
    world.tick(2_000)
    orbiter = KINDS.index("queqiao2")
    assert (world.state.x[0, orbiter], world.state.y[0, orbiter]) == (0.0, 0.0)
    assert world.state.lit[0, orbiter] == 1.0
    assert world.state.link[0, orbiter] == Link.EARTH
    assert world.state.loss[0, orbiter] == Loss.NONE
    assert world.state.temp_k[0, orbiter] == 288.0


def test_a_rover_in_a_deep_crater_at_the_pole_never_charges() -> None:
    """Bar house.7: real sky, a crater 3 km wide and 600 m deep right at the pole, one year."""

    def crater(dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
        return -600.0 * np.clip(1.0 - (dx**2 + dy**2) / 1500.0**2, 0.0, 1.0)

    site = make_site(crater, size=170, centre=(10.0, 10.0))
    site.sky = Sky(*site.ref.lonlat())
    site.horizon = compute_horizon_layer(site)
    x, y = site.ref.centre
    rim = y + 1_560.0
    world = World(site, [SPECS[2], SPECS[2]], [[x, y], [x, rim]], T0)
    world.tick(525_960)
    assert world.state.energy_in_wh[0, 0] == 0.0
    assert world.state.battery_wh[0, 0] == 0.0
    assert world.state.energy_in_wh[0, 1] > 5 * SPECS[2].battery_wh


def compute_horizon_layer(site: object) -> object:
    """Horizons of a hand-made site, by the project's own computation."""
    from moonfleet.terrain.horizon import Horizon

    return Horizon(np.ascontiguousarray(compute_horizon(site.grid, azimuths=36, observer_m=2.0)), 2.0)  # type: ignore[attr-defined]


# --- arguments ------------------------------------------------------------------------------------------------------


def test_bad_arguments_are_told_in_words() -> None:
    site = make_site()
    centre = site.ref.centre
    with pytest.raises(WorldError, match="needs at least one robot"):
        World(site, [], np.zeros((0, 2)), T0)
    with pytest.raises(WorldError, match=r"must be \[2, 2\] or \[W, 2, 2\]"):
        World(site, SPECS[:2], [centre], T0)
    with pytest.raises(WorldError, match=r"start_xy\[0\]\[1\] \(viper-rover\) = \(0, 0\): must be inside the site"):
        World(site, SPECS[:2], [centre, (0.0, 0.0)], T0)
    with pytest.raises(WorldError, match=r"station = 4: must be a robot's index, 0..1"):
        World(site, SPECS[:2], [centre, centre], T0, station=4)
    with pytest.raises(WorldError, match="station = 1: is an orbiter"):
        World(site, [SPECS[0], SPECS[4]], [centre, centre], T0, station=1)
    with pytest.raises(WorldError, match="t0 = nan"):
        World(site, SPECS[:1], [centre], math.nan)
    with pytest.raises(WorldError, match=r"battery_frac = 1.5: must be in 0..1"):
        World(site, SPECS[:1], [centre], T0, battery_frac=1.5)
    world = World(site, SPECS[:1], [centre], T0)
    with pytest.raises(WorldError, match=r"tick\(-1\)"):
        world.tick(-1)
    with pytest.raises(RobotError, match="must be one of HOLD, WORK, CHARGE, HIBERNATE, RELAY"):
        world.set_activity(0, 0, Activity.DRIVE)
    with pytest.raises(RobotError, match="must be >= 0"):
        world.set_activity(0, 0, Activity.WORK, work_w=-1.0)


def test_the_names_of_the_rows_agree_with_their_numbers() -> None:
    from moonfleet.agents import spec_block as c
    from moonfleet.agents import state as s

    rows = {"x": s.X, "battery_wh": s.BATTERY, "odometer_m": s.ODOMETER, "worked_s": s.WORKED, "hop_y": s.HOP_Y}
    rows |= {"dust_ug_cm2": s.DUST, "mobility_at_s": s.FAULT_AT, "made_wh": s.MADE, "received_mbit": s.RECEIVED}
    assert {name: FLOAT_FIELDS.index(name) for name in rows} == rows
    assert len(FLOAT_FIELDS) == FLOATS == s.RECEIVED + 1
    whole = {"activity": s.ACTIVITY, "brownouts": s.BROWNOUTS, "leg_size": s.LEG_SIZE, "hop_ticks": s.HOP_TICKS}
    whole |= {"faults": s.FAULTS, "traps": s.TRAPS, "mobility_draws": s.FAULT_DRAWS}
    assert {name: INT_FIELDS.index(name) for name in whole} == whole
    assert len(INT_FIELDS) == s.FAULT_DRAWS + s.SUBSYSTEMS
    specs = {"battery_wh": c.CAPACITY, "rhu_w": c.RHU_W, "temp_survive_k": c.TEMP_SURVIVE, "hop_wh": c.HOP_WH}
    specs |= {"cold_loss_per_k": c.COLD_LOSS, "panel_facing_deg": c.PANEL_FACING, "trap_per_m": c.TRAP_PER_M}
    assert {name: SPEC_FIELDS.index(name) for name in specs} == specs
    assert len(SPEC_FIELDS) == c.IS_ORBITER
    assert (c.STATION_STEPS + 3, c.RELAY_STEPS + 3, c.EARTH_STEPS + 3) == (c.RELAY_STEPS, c.EARTH_STEPS, c.FAILS)
    assert c.HELP + s.SUBSYSTEMS == c.SPEC_ROWS
    assert [a.value for a in Activity] == list(range(8))
    assert (Activity.HOP, Activity.LOST, Loss.TIPPED, Loss.ENTRAPPED) == (s.HOP, s.LOST, s.TIPPED, s.ENTRAPPED)
