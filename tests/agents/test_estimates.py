"""What a robot reckons with is what its body will take: estimates against the World itself."""

from __future__ import annotations

import pytest

from moonfleet.agents.catalogue import RobotSpec, load_catalogue
from moonfleet.agents.estimates import drain_rates
from moonfleet.agents.power import CHARGE_EFFICIENCY
from moonfleet.agents.state import Activity
from moonfleet.agents.thermal import HEATER_MARGIN_K
from moonfleet.agents.world import START_TEMP_K, World
from tests.stand_in import T0, make_site

ON_GROUND = [spec for spec in load_catalogue().values() if spec.role != "orbiter"]
HOURS = 2.0


def drained(spec: RobotSpec, activity: Activity, keep_k: float, sun_el_deg: float) -> float:
    """Part of its battery that a robot of the World uses in an hour, warm enough and left alone."""
    site = make_site(sun_el_deg=sun_el_deg)
    world = World(site, [spec], [site.ref.centre], T0, battery_frac=0.4)
    world.set_activity(0, 0, activity)
    world.state.temp_k[0, 0] = keep_k + HEATER_MARGIN_K
    world.state.dust_ug_cm2[0, 0] = spec.dust_ug_cm2_yr  # planners count on a year of it
    before = float(world.state.battery_wh[0, 0])
    world.tick(round(HOURS * 60))
    return (before - float(world.state.battery_wh[0, 0])) / world.specs[0].battery_wh / HOURS


@pytest.mark.parametrize("spec", ON_GROUND, ids=lambda spec: spec.kind)
def test_sleeping_through_the_dark_takes_what_was_reckoned(spec: RobotSpec) -> None:
    taken = drained(spec, Activity.HIBERNATE, spec.temp_survive_k, sun_el_deg=-5.0)
    assert drain_rates(spec).asleep == pytest.approx(taken, rel=1e-4)


@pytest.mark.parametrize("spec", ON_GROUND, ids=lambda spec: spec.kind)
def test_an_hour_in_the_sun_brings_what_was_reckoned_the_radio_off(spec: RobotSpec) -> None:
    gained = -drained(spec, Activity.CHARGE, START_TEMP_K, sun_el_deg=1.5)
    radio = CHARGE_EFFICIENCY * spec.comm_w / spec.battery_wh  # reckoned as on all the time
    assert drain_rates(spec).charging == pytest.approx(gained - radio, rel=2e-3)  # an upright panel


@pytest.mark.parametrize("spec", ON_GROUND, ids=lambda spec: spec.kind)
def test_being_awake_in_the_dark_takes_no_more_than_was_reckoned(spec: RobotSpec) -> None:
    taken = drained(spec, Activity.HOLD, spec.temp_op_min_k, sun_el_deg=-5.0)
    rates = drain_rates(spec)
    assert rates.asleep < taken <= rates.awake + 1e-9
