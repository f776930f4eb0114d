"""Who can talk to whom: against a slow reading of the same rules, and as links fail."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.random import default_rng

from moonfleet.agents.contact_graph import LOSS_EDGE, LOSS_NEAR, ContactGraph, radio_on, surface_loss
from moonfleet.agents.errors import MissionError
from moonfleet.agents.mission import MissionSpec
from moonfleet.agents.outages import Cuts, Outage
from moonfleet.agents.state import Activity, Link
from moonfleet.agents.world import World
from moonfleet.terrain.sight import line_of_sight
from moonfleet.terrain.site import Site
from tests.missions import small_mission

STATION, ROVER, YUTU, RELAY, EARTH = 0, 1, 2, 6, 8
HOUR_S = 3600
ASLEEP = (Activity.HIBERNATE, Activity.HOP, Activity.LOST)


def new_world(mission: MissionSpec) -> World:
    start = np.array([member.xy or mission.site.ref.centre for member in mission.fleet])
    return World(mission.site, mission.specs, start, mission.t0, relay=mission.relay, station=mission.station_index)


def slow_contacts(mission: MissionSpec, world: World, cut: np.ndarray) -> set[tuple[int, int]]:
    """Pairs in contact, by the rules one by one."""
    state, specs = world.state, mission.specs
    robots = range(len(specs))
    awake = [state.activity[0, r] not in ASLEEP for r in robots]
    pairs: set[tuple[int, int]] = set()
    for a in robots:
        link = int(state.link[0, a]) & ~int(cut[a])
        if awake[a] and link & Link.EARTH:
            pairs.add((a, EARTH))
        if awake[a] and link & Link.RELAY and awake[RELAY] and a != RELAY:
            pairs.add((a, RELAY))
        for b in robots:
            if a == b or not (awake[a] and awake[b]) or RELAY in (a, b):
                continue
            if b == STATION:
                if link & Link.STATION:
                    pairs.add((a, b))
                continue
            if a == STATION or (int(cut[a]) | int(cut[b])) & 8:
                continue
            if 0.0 in (specs[a].rate_station_mbps, specs[b].rate_station_mbps):
                continue
            one = (float(state.x[0, a]), float(state.y[0, a]))
            two = (float(state.x[0, b]), float(state.y[0, b]))
            near = math.dist(one, two) <= min(specs[a].range_station_m, specs[b].range_station_m)
            if near and line_of_sight(mission.site.grid, one, specs[a].mast_m, two, specs[b].mast_m):
                pairs.add((a, b))
    return {(min(pair), max(pair)) for pair in pairs}


def test_contacts_are_those_of_the_rules(small_site: Site) -> None:
    mission = small_mission(small_site)
    mission = replace(
        mission,
        fleet=tuple(
            replace(member, spec=member.spec.model_copy(update={"range_station_m": 900.0}))
            if member.name in ("rover-2", "grader-1")
            else member
            for member in mission.fleet
        ),
    )
    world, graph, rng = new_world(mission), ContactGraph(mission), default_rng(4)
    found = hidden = 0
    for _ in range(150):
        moved = rng.random(7) < 0.5  # the others' lines of sight are remembered
        low, high = small_site.ref.bounds[:2], small_site.ref.bounds[2:]
        world.state.x[0, moved] = rng.uniform(low[0], high[0], 7)[moved]
        world.state.y[0, moved] = rng.uniform(low[1], high[1], 7)[moved]
        world.state.activity[0] = rng.choice([0, 0, 0, 1, 2, int(Activity.HIBERNATE)], 7)
        world.state.link[0] = rng.integers(0, 8, 7)
        cut = rng.choice([0, 0, 0, 1, 2, 4, 8, 15], 7)
        now = graph.find(world.state, radio_on(world.state), cut)
        rows, cols = np.nonzero(np.triu(now.up))
        assert set(zip(rows.tolist(), cols.tolist(), strict=True)) == slow_contacts(mission, world, cut)
        np.testing.assert_array_equal(now.up, now.up.T)
        assert ((now.loss > 0) == now.up).all()
        found += int(now.up[1:6, 1:6].sum())
        hidden += int((graph.seen == 0).sum())
    assert found > 30
    assert hidden > 50  # some stood behind a hill


def test_the_farther_the_likelier_a_message_is_lost() -> None:
    chances = [surface_loss(d, 1000.0) for d in (0.0, 100.0, 500.0, 1000.0, 2000.0)]
    assert chances == sorted(chances)
    assert chances[0] == LOSS_NEAR
    assert chances[-1] == LOSS_EDGE


def test_a_fleet_without_an_orbiter_still_has_its_relay(small_site: Site) -> None:
    mission = small_mission(small_site)
    mission = replace(mission, fleet=mission.fleet[:-1])
    world, graph = new_world(mission), ContactGraph(mission)
    world.state.link[0] = int(Link.RELAY)
    up = graph.find(world.state, radio_on(world.state), np.zeros(6, dtype=np.int64)).up
    assert graph.names[graph.relay] == "@relay"
    assert up[:6, graph.relay].all()
    assert up[graph.relay, graph.earth]


def test_outages_cut_what_they_say_for_as_long_as_they_say(small_site: Site) -> None:
    names = [member.name for member in small_mission(small_site).fleet]
    cuts = Cuts(
        [Outage(HOUR_S, 2 * HOUR_S, ("rover-1",), ("relay", "robots")), Outage(5 * HOUR_S, 6 * HOUR_S, ("lander",))],
        names,
        station=0,
        relay=6,
    )
    assert not cuts.at(0).any()
    assert cuts.at(HOUR_S).tolist() == [0, 10, 0, 0, 0, 0, 0]
    assert not cuts.at(2 * HOUR_S).any()
    assert cuts.at(5 * HOUR_S).tolist() == [15, 1, 1, 1, 1, 1, 1]  # nobody reaches a station whose radio is dead
    assert Cuts([Outage(0, 9, ("relay",), ("relay",))], names, station=0, relay=6).at(0).tolist() == [2] * 7
    assert [up for up, _ in cuts.changes(0, 2 * HOUR_S)] == [False, True]


def test_outages_are_told_as_they_happen() -> None:
    short, next_one = Outage(600, 900, ("lander",)), Outage(900, 1200, ("lander",))
    told = Cuts([next_one, short], ["lander"], station=0, relay=9).changes(0, 3600)
    assert told == [(False, short), (True, short), (False, next_one), (True, next_one)]


@pytest.mark.parametrize(
    ("outage", "told"),
    [
        (Outage(5, 5), "must be 0 <= from < to"),
        (Outage(5, 10**30), "must be 0 <= from < to"),
        (Outage(0, 5, ("rovr-1",)), "Did you mean 'rover-1'"),
        (Outage(0, 5, (), ("erth",)), "Did you mean 'earth'"),
        (Outage(0, 5, (), ()), "is empty"),
    ],
)
def test_an_outage_that_cannot_be_is_refused(small_site: Site, outage: Outage, told: str) -> None:
    with pytest.raises(MissionError, match=told):
        small_mission(small_site, outages=(outage,))
