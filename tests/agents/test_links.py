"""Who can talk to whom, how fast, and where every bit is."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.agents.catalogue import robot_spec
from moonfleet.agents.links import rate_at, reach_m, received
from moonfleet.agents.state import Activity, Link
from moonfleet.agents.world import World
from tests.stand_in import T0, StillRelay, make_site

LANDER, VIPER, YUTU = (robot_spec(kind) for kind in ("ce7-lander", "viper-rover", "yutu-rover"))
MINUTE = 60.0


def base(site: object, rover: object = VIPER, away_m: float = 100.0, **options: object) -> World:
    x, y = site.ref.centre  # type: ignore[attr-defined]
    starts = [[x, y], [x + away_m, y]]
    return World(site, [LANDER, rover], starts, T0, station=0, **options)  # type: ignore[arg-type]


def measure(world: World, r: int, mbps: float, ticks: int) -> None:
    world.set_activity(0, r, Activity.WORK, work_w=10.0, data_mbps=mbps)
    world.tick(ticks)


def total(world: World) -> float:
    return float(world.state.data_mbit.sum() + world.station_mbit.sum() + world.archive_mbit.sum())


def test_the_station_is_heard_within_range_and_in_sight() -> None:
    assert base(make_site()).state.link[0, 1] == Link.STATION
    near = VIPER.model_copy(update={"range_station_m": 90.0, "station_steps_mbps": ()})
    assert base(make_site(), near).state.link[0, 1] == 0
    wall = make_site(lambda dx, dy: np.where(np.abs(dx - 100.0) < 20.0, 200.0, 0.0))
    assert base(wall, away_m=200.0).state.link[0, 1] == 0


@pytest.mark.parametrize("activity", [Activity.HIBERNATE, Activity.LOST])
def test_a_station_that_sleeps_or_is_lost_hears_nobody(activity: Activity) -> None:
    world = base(make_site())
    world.state.activity[0, 0] = activity
    world.tick(1)
    assert world.state.link[0, 1] == 0


def test_relay_and_earth_are_up_when_they_stand_above_the_terrain() -> None:
    site = make_site(earth_el_deg=3.0, horizon_deg=2.0)
    assert base(site, relay=StillRelay(el_deg=2.5)).state.link[0, 0] == Link.RELAY | Link.EARTH
    assert base(site, relay=StillRelay(el_deg=1.5)).state.link[0, 0] == Link.EARTH
    hidden = make_site(earth_el_deg=3.0, horizon_deg=4.0)
    assert base(hidden, relay=StillRelay(el_deg=3.5)).state.link[0, 0] == 0
    assert base(hidden).state.link[0, 0] == 0


def test_a_robot_without_the_radio_has_no_link() -> None:
    site = make_site(earth_el_deg=3.0)
    assert base(site, YUTU).state.link[0, 1] == Link.STATION  # no direct Earth antenna


def test_data_waits_on_board_then_goes_at_the_rate_of_the_link() -> None:
    site = make_site(horizon_deg=0.5)
    world = base(site, YUTU.model_copy(update={"range_station_m": 0.0}))
    measure(world, 1, 2.0, 10)
    assert world.state.data_mbit[0, 1] == pytest.approx(2.0 * 10 * MINUTE)
    world.set_activity(0, 1, Activity.HOLD)
    linked = base(site, YUTU)
    saved = world.get_state()
    linked.set_state(saved)
    linked.tick(1)
    assert linked.state.data_mbit[0, 1] == pytest.approx(1200.0 - YUTU.rate_station_mbps * MINUTE)
    assert linked.station_mbit[0] == pytest.approx(YUTU.rate_station_mbps * MINUTE)
    assert linked.state.load_w[0, 1] == pytest.approx(YUTU.idle_w + YUTU.comm_w)


def test_a_short_message_keeps_the_transmitter_on_for_its_share_of_the_tick() -> None:
    world = base(make_site())
    measure(world, 1, 0.5, 1)
    share = 0.5 / VIPER.rate_station_mbps
    assert world.state.load_w[0, 1] == pytest.approx(VIPER.idle_w + 10.0 + share * VIPER.comm_w)


def test_the_station_passes_on_what_it_was_sent_when_the_earth_rises() -> None:
    site = make_site(earth_el_deg=lambda t: np.where(t - T0 < 3600.0, -5.0, 5.0))
    world = base(site, YUTU)
    measure(world, 1, 0.5, 60)
    assert world.station_mbit[0] == pytest.approx(0.5 * 3600)
    assert world.archive_mbit[0] == 0.0
    world.set_activity(0, 1, Activity.HOLD)
    world.tick(5)
    assert world.archive_mbit[0] == pytest.approx(5 * MINUTE * LANDER.rate_earth_mbps)
    world.tick(100)
    assert world.station_mbit[0] == 0.0
    assert world.archive_mbit[0] == pytest.approx(0.5 * 3600)


def test_a_sleeping_robot_sends_nothing() -> None:
    world = base(make_site())
    world.state.data_mbit[0, 1] = 50.0
    world.set_activity(0, 1, Activity.HIBERNATE)
    world.tick(10)
    assert world.state.data_mbit[0, 1] == 50.0


def test_a_full_store_drops_and_counts() -> None:
    world = base(make_site(), VIPER.model_copy(update={"storage_mbit": 100.0, "range_station_m": 0.0}))
    measure(world, 1, 1.0, 3)
    assert world.state.data_mbit[0, 1] == 100.0
    assert world.state.dropped_mbit[0, 1] == pytest.approx(80.0)
    assert world.state.generated_mbit[0, 1] == pytest.approx(180.0)


def test_a_full_station_takes_no_more_and_nothing_is_lost() -> None:
    site = make_site()
    x, y = site.ref.centre
    small = LANDER.model_copy(update={"storage_mbit": 100.0})
    world = World(site, [small, VIPER], [[x, y], [x + 50.0, y]], T0, station=0)
    measure(world, 1, 1.0, 10)
    assert world.station_mbit[0] == 100.0
    assert total(world) == pytest.approx(600.0)


def test_every_bit_measured_is_on_board_at_the_station_on_earth_or_counted_as_dropped() -> None:
    site = make_site(earth_el_deg=lambda t: 3.0 * np.sin(t / 9000.0))
    x, y = site.ref.centre
    tight = VIPER.model_copy(update={"storage_mbit": 500.0})
    world = World(
        site, [LANDER, tight, YUTU], [[x, y], [x + 50, y], [x, y + 50]], T0, station=0, relay=StillRelay(el_deg=-1.0)
    )
    for r, mbps in ((0, 0.7), (1, 3.0), (2, 0.4)):
        world.set_activity(0, r, Activity.WORK, work_w=5.0, data_mbps=mbps)
    world.tick(2_000)
    measured = world.state.generated_mbit.sum()
    assert world.state.dropped_mbit.sum() > 0
    assert world.archive_mbit[0] > 0
    assert total(world) + world.state.dropped_mbit.sum() == pytest.approx(measured, rel=1e-12)


# --- the budget of a link ---------------------------------------------------------------------------------------------


def test_received_power_falls_with_the_square_of_the_distance_and_rates_with_it() -> None:
    powers = [received(1_000.0, metres**2) for metres in (500.0, 1_000.0, 2_000.0, 4_000.0)]
    assert powers == pytest.approx([4.0, 1.0, 0.25, 0.0625])
    assert received(0.0, 1e20) == 1.0
    rates = [rate_at(received(1e7, d * d), 0.285, 0.14, 0.0007, 0.0) for d in np.linspace(1e6, 4e8, 2_000)]
    assert (np.diff(rates) <= 0).all()
    assert set(rates) == {0.285, 0.14, 0.0007, 0.0}


def test_the_local_radio_steps_down_with_distance() -> None:
    near = YUTU.model_copy(update={"range_station_m": 100.0, "station_steps_mbps": (0.25, 0.04)})
    rates = []
    for metres in (90.0, 110.0, 210.0, 380.0):
        world = base(make_site(horizon_deg=0.5), near, away_m=metres)
        measure(world, 1, 2.0, 10)
        rates.append(float(world.state.sent_mbit[0, 1]) / (10 * MINUTE))
    assert rates == pytest.approx([YUTU.rate_station_mbps, 0.25, 0.04, 0.04])
    assert reach_m(100.0, (YUTU.rate_station_mbps, 0.25, 0.04)) == pytest.approx(
        100.0 * (YUTU.rate_station_mbps / 0.04) ** 0.5
    )
    world = base(make_site(horizon_deg=0.5), near, away_m=150.0)
    measure(world, 1, 2.0, 10)
    assert world.station_mbit[0] + world.archive_mbit[0] == pytest.approx(0.25 * 10 * MINUTE)


def test_a_mast_hands_on_what_the_station_cannot_hear_and_no_bit_is_lost() -> None:
    wall = make_site(lambda dx, dy: np.where((np.abs(dx - 100.0) < 15.0) & (dy < 100.0), 40.0, 0.0), earth_el_deg=-5.0)
    x, y = wall.ref.centre
    mast = robot_spec("ce8-lander").model_copy(update={"mast_m": 10.0, "rate_earth_mbps": 0.0, "rate_relay_mbps": 0.0,
                                                       "relay_steps_mbps": (), "earth_steps_mbps": ()})  # fmt: skip
    lander = LANDER.model_copy(update={"rate_earth_mbps": 0.0})
    starts = [[x, y], [x + 200.0, y], [x + 100.0, y + 300.0]]
    world = World(wall, [lander, YUTU, mast], starts, T0, station=0)
    assert world.state.link[0].tolist() == [0, Link.MAST, Link.STATION]
    measure(world, 1, 0.5, 30)
    world.set_activity(0, 1, Activity.HOLD)
    world.tick(10)
    assert world.state.received_mbit[0, 2] == pytest.approx(0.5 * 30 * MINUTE)
    assert world.station_mbit[0] == pytest.approx(0.5 * 30 * MINUTE)
    assert world.audit().data_mbit[0] == pytest.approx(0.0, abs=1e-9)


def test_the_relay_of_the_fleet_keeps_what_it_cannot_pass_on() -> None:
    site = make_site()
    x, y = site.ref.centre
    narrow = robot_spec("queqiao2").model_copy(update={"rate_earth_mbps": 0.1, "storage_mbit": 100.0})
    world = World(site, [VIPER, narrow], [[x, y], [x, y]], T0, relay=StillRelay(el_deg=30.0))
    measure(world, 0, 0.5, 60)
    assert world.archive_mbit[0] == pytest.approx(0.1 * 60 * MINUTE)
    assert 100.0 - 0.1 * MINUTE <= world.relay_mbit[0] <= 100.0
    assert world.audit().data_mbit[0] == pytest.approx(0.0, abs=1e-9)
