"""Who talks to whom: sight, range, sleep."""

from __future__ import annotations

import numpy as np

from moonfleet.agents.catalogue import robot_spec
from moonfleet.agents.state import Activity
from moonfleet.agents.world import World
from tests.stand_in import T0, StillRelay, make_site

SPECS = [robot_spec(kind) for kind in ("ce7-lander", "yutu-rover", "scout", "queqiao2")]


def fleet(height: object = None, relay_el: float = 60.0) -> World:
    site = make_site(height)  # type: ignore[arg-type]
    x, y = site.ref.centre
    starts = [[x, y], [x + 300.0, y], [x + 100.0, y], [x, y]]
    return World(site, SPECS, starts, T0, station=0, relay=StillRelay(el_deg=relay_el))  # type: ignore[arg-type]


def test_on_a_plain_everybody_in_range_hears_the_other_at_the_slower_rate() -> None:
    rates = fleet().link_rates(0)
    assert (rates == rates.T).all()
    assert rates[0, 1] == SPECS[1].rate_station_mbps
    assert rates[1, 2] == min(SPECS[1].rate_station_mbps, SPECS[2].rate_station_mbps)
    assert rates[1, 3] == SPECS[1].rate_relay_mbps
    assert rates[2, 3] == 0.0, "a scout has no radio for the relay"
    assert not np.diag(rates).any()


def test_a_ridge_a_low_relay_and_sleep_cut_links() -> None:
    world = fleet(lambda dx, dy: np.where(np.abs(dx - 200.0) < 15.0, 50.0, 0.0) + 0.0 * dy, relay_el=-1.0)
    seen = world.contacts(0)
    assert seen[0, 2]
    assert not seen[0, 1]
    assert not seen[1, 3]
    world.set_activity(0, 2, Activity.HIBERNATE)
    assert not world.contacts(0)[0, 2]
