"""What follows from the figures of the catalogue: every machine does what its kind is for, and the World agrees."""

from __future__ import annotations

import math

import pytest

from moonfleet.agents.catalogue import RobotSpec, load_catalogue, robot_spec
from moonfleet.agents.estimates import drain_rates
from moonfleet.agents.figures import RobotFigures, robot_figures
from moonfleet.agents.state import Activity, Loss
from moonfleet.agents.tools import TOOL_W
from moonfleet.agents.world import World
from moonfleet.autonomy.jobs import JobKind
from tests.stand_in import T0, make_site

KINDS = load_catalogue()
ON_GROUND = [kind for kind, spec in KINDS.items() if spec.role != "orbiter"]
DRIVES = [kind for kind, spec in KINDS.items() if spec.speed_m_s > 0]
LUNAR_NIGHT_H = 14.8 * 24.0
HOUR = 60  # ticks
# what each kind is built for: hours awake and days asleep in the dark from full to the reserve; range on a charge [km]
CLAIMS = {
    "ascender": (24, 10, 0),
    "base-mast": (48, 15, 0),
    "ce7-hopper": (24, 14, 0),
    "ce7-lander": (72, 14.8, 0),
    "ce8-lander": (72, 14.8, 0),
    "excavator": (24, 14.8, 4),
    "gateway": (6, 0.5, 0),
    "grader": (24, 14.8, 4),
    "hauler": (36, 14.8, 6),
    "long-range-rover": (36, 14.8, 15),
    "luna27-lander": (36, 14.8, 0),
    "mason": (36, 14.8, 4),
    "paver": (72, 14.8, 4),
    "power-station": (168, 14.8, 0),
    "queqiao2": (2, 0.5, 0),
    "scout": (5, 0.5, 0.5),
    "sinterer": (48, 14.8, 5),
    "viper-rover": (10.5, 2, 4),
    "yutu-rover": (10, 14.8, 1.5),
}
FOR_A_DAY = {"scout", "viper-rover"}  # not built for a whole lunar night
COOL_K = 323.0  # [K] electronics are kept below 50 C
WARM = {
    "scout": 350.0
}  # CADRE's class works in turns of half an hour and rests in between, for the heat of its processor


@pytest.fixture(scope="module")
def figures() -> dict[str, RobotFigures]:
    return {kind: robot_figures(spec) for kind, spec in KINDS.items()}


def test_every_machine_that_was_asked_for_is_there() -> None:
    assert CLAIMS.keys() == KINDS.keys()
    assert {spec.role for spec in KINDS.values()} == {"rover", "lander", "hopper", "orbiter", "construction"}


@pytest.mark.parametrize("kind", KINDS)
def test_it_lasts_in_the_dark_and_goes_as_far_as_its_kind_should(kind: str, figures: dict[str, RobotFigures]) -> None:
    awake_h, asleep_d, range_km = CLAIMS[kind]
    mine = figures[kind]
    assert mine.awake_dark_h >= awake_h
    assert mine.asleep_dark_h >= asleep_d * 24.0
    assert math.isnan(mine.drive_m) if KINDS[kind].speed_m_s == 0 else mine.drive_m >= range_km * 1000.0


@pytest.mark.parametrize("kind", ON_GROUND)
def test_its_heat_is_in_balance(kind: str, figures: dict[str, RobotFigures]) -> None:
    spec, mine = KINDS[kind], figures[kind]
    assert spec.temp_op_min_k < mine.hot_k < WARM.get(kind, COOL_K)
    if kind in FOR_A_DAY:
        assert mine.night_h < LUNAR_NIGHT_H
        return
    assert mine.night_h >= LUNAR_NIGHT_H
    assert mine.asleep_k > spec.temp_survive_k + 5.0, "the heater holds what its thermostat asks for"
    if spec.rhu_w > 0:
        assert mine.bare_k > spec.temp_survive_k, "radioisotope heat alone keeps it alive"


@pytest.mark.parametrize("kind", KINDS)
def test_the_sun_feeds_it(kind: str, figures: dict[str, RobotFigures]) -> None:
    mine = figures[kind]
    assert mine.sun_margin_w > 0
    assert mine.charge_h < 48.0
    if KINDS[kind].speed_m_s > 0:
        assert mine.drive_sun_w > 0
    for tool in mine.tools:
        assert tool.sun_margin_w > 0 or tool.dark_h > 1.0, tool.tool


@pytest.mark.parametrize("kind", KINDS)
def test_it_can_be_heard(kind: str, figures: dict[str, RobotFigures]) -> None:
    spec = KINDS[kind]
    assert max(spec.rate_station_mbps, spec.rate_relay_mbps, spec.rate_earth_mbps) > 0
    assert (spec.rate_station_mbps > 0) == (spec.range_station_m > 0)
    assert figures[kind].send_h < 14 * 24.0, "a full store is sent within half a lunar day"


@pytest.mark.parametrize("kind", KINDS)
def test_its_tools_have_jobs_and_power(kind: str) -> None:
    assert KINDS[kind].tools
    for tool in KINDS[kind].tools:
        assert tool == "relay" or (tool in TOOL_W and tool in set(JobKind)), tool


def test_every_kind_of_job_has_a_machine() -> None:
    assert {kind.value for kind in JobKind} <= {tool for spec in KINDS.values() for tool in spec.tools}


@pytest.mark.parametrize("kind", ON_GROUND)
def test_loads_are_those_that_plans_are_made_with(kind: str, figures: dict[str, RobotFigures]) -> None:
    spec, rates = KINDS[kind], drain_rates(KINDS[kind])
    assert figures[kind].awake_w == pytest.approx(rates.awake * spec.battery_wh)
    assert figures[kind].asleep_w == pytest.approx(rates.asleep * spec.battery_wh)


@pytest.mark.parametrize("kind", ["viper-rover", "power-station", "hauler", "ascender"])
def test_the_world_agrees_on_the_time_asleep(kind: str, figures: dict[str, RobotFigures]) -> None:
    spec = robot_spec(kind)
    world = in_the_dark(spec)
    world.state.temp_k[0, 0] = spec.temp_survive_k + 5.0
    world.set_activity(0, 0, Activity.HIBERNATE)
    world.tick(round(figures[kind].asleep_dark_h * HOUR))
    locked = spec.cold_loss_per_k * (283.0 - spec.temp_survive_k - 5.0)
    assert world.state.battery_wh[0, 0] / spec.battery_wh == pytest.approx(max(spec.reserve_frac, locked), abs=0.02)
    assert world.state.loss[0, 0] == Loss.NONE


@pytest.mark.parametrize("kind", ["viper-rover", "power-station", "scout"])
def test_the_world_agrees_on_when_it_freezes(kind: str, figures: dict[str, RobotFigures]) -> None:
    spec, hours = robot_spec(kind), figures[kind].night_h
    for share, loss in ((0.96, Loss.NONE), (1.04, Loss.FROZEN)):
        world = in_the_dark(spec)
        world.state.temp_k[0, 0] = spec.temp_op_min_k + 5.0
        world.set_activity(0, 0, Activity.HIBERNATE)
        world.tick(round(share * hours * HOUR))
        assert world.state.loss[0, 0] == loss


@pytest.mark.parametrize("kind", DRIVES)
def test_the_world_agrees_on_the_range(kind: str, figures: dict[str, RobotFigures]) -> None:
    spec = robot_spec(kind)
    world = in_the_dark(spec)
    x, y = world.site.ref.centre
    while world.state.battery_wh[0, 0] > spec.reserve_frac * spec.battery_wh:
        if world.state.activity[0, 0] != Activity.DRIVE:
            side = 80.0 if world.state.x[0, 0] <= x else -80.0
            world.set_leg(0, 0, [[x + side, y]])
        world.tick(1)
    assert world.state.odometer_m[0, 0] == pytest.approx(figures[kind].drive_m, rel=0.05)


def in_the_dark(spec: RobotSpec) -> World:
    site = make_site(sun_el_deg=-5.0)
    return World(site, [spec], [site.ref.centre], T0)
