"""Scenarios: shipped ones load, what is written back is the same, and faults point at their line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from moonfleet.agents.state import Link
from moonfleet.agents.world import World
from moonfleet.experiments.errors import ScenarioError
from moonfleet.experiments.mission_build import build_mission, override_site, recipe_of
from moonfleet.experiments.scenario import (
    dump_scenario,
    group_points,
    job_ids,
    load_scenario,
    load_text,
    place_order,
    point_names,
    shipped_scenarios,
    with_seed,
)
from moonfleet.experiments.scenario_model import PlaceBlock, SiteBlock
from moonfleet.experiments.yaml_source import parse_yaml
from moonfleet.terrain.errors import SiteError
from moonfleet.terrain.ground_style import GroundStyle
from moonfleet.terrain.relay import relay_named, relay_names

FIRST_LIGHT = shipped_scenarios()["first-light"].read_text(encoding="utf-8")


def changed(old: str, new: str) -> str:
    assert old in FIRST_LIGHT
    return FIRST_LIGHT.replace(old, new, 1)


@pytest.mark.parametrize("name", shipped_scenarios())
def test_shipped_scenarios_load_and_survive_being_written(name: str) -> None:
    scenario = load_scenario(name)
    assert scenario.name == name
    assert scenario.description
    assert load_text(dump_scenario(scenario)) == scenario


def test_pathfinder_is_the_mission_that_was_asked_for() -> None:
    scenario = load_scenario("pathfinder")
    assert scenario.steps == 709
    assert scenario.duration_s == 709 * 3600
    assert [member.robot for member in scenario.fleet].count("grader") == 2
    assert {job.kind for job in scenario.jobs} >= {"survey", "drill", "hop", "grade"}


def test_a_place_with_a_count_makes_numbered_points_and_jobs() -> None:
    scenario = load_scenario("first-light")
    assert group_points("survey", scenario.places["survey"]) == ("survey-1", "survey-2", "survey-3")
    assert job_ids(scenario) == {"survey": ("survey-1", "survey-2", "survey-3"), "drill": ("drill",)}
    assert point_names(scenario)["survey-2"] == ("survey", 1)


def test_places_come_after_those_they_refer_to() -> None:
    order = place_order(load_scenario("pathfinder"))
    assert order.index("lander") < order.index("ramp")
    assert order.index("drill") < order.index("dawn")


def test_errors_carry_path_value_and_line() -> None:
    with pytest.raises(ScenarioError) as error:
        load_text(changed("effort_h: 5", "effort_h: -5"), "mine.yaml")
    line = FIRST_LIGHT[: FIRST_LIGHT.index("effort_h: 5")].count("\n") + 1
    assert str(error.value) == f"jobs[1].effort_h = -5: must be > 0 (mine.yaml, line {line})"


def test_all_faults_of_the_schema_are_told_at_once() -> None:
    text = changed("effort_h: 5", "effort_h: -5").replace("perception: rendered", "perception: guessed")
    with pytest.raises(ScenarioError) as error:
        load_text(text)
    assert len(str(error.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: &x [1]\nb: *x\n", "aliases are not allowed"),
        ("[" * 3000 + "]" * 3000, "nested too deeply"),
        ("- 1\n- 2\n", "must be a block of keys"),
        ("name: x\nname: y\n", "given twice"),
        ("name: !!python/object:os.system x\n", "not valid YAML"),
        ("name: !!float abc\n", "not valid YAML for a scenario: a tag"),
        ("name: \0x\n", "not valid YAML"),
        ('name: "\\ud800"\n', "not text that can be written again"),
        ("seed: 1" + "0" * 5000 + "\n", "number that cannot be read"),
        ("seed: 0x_\n", "number that cannot be read"),
    ],
)
def test_hostile_yaml_is_refused(text: str, words: str) -> None:
    with pytest.raises(ScenarioError, match=words):
        load_text(text)


def test_dates_stay_text() -> None:
    assert parse_yaml("when: 2029-07-04T00:00:00", "x").data == {"when": "2029-07-04T00:00:00"}


@pytest.mark.parametrize(
    "keys", [{}, {"offset_m": (0.0, 0.0), "pick": "lit"}, {"offset_m": (0.0, 0.0), "max_slope_deg": 3.0}]
)
def test_a_place_is_given_in_exactly_one_way(keys: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"exactly one of|only with pick"):
        PlaceBlock.model_validate(keys)


def test_need_of_a_group_means_all_of_it() -> None:
    plan = build_mission(load_text(changed("needs: [survey-1]", "needs: [survey]")))
    drill = next(job for job in plan.mission.jobs if job.id == "drill")
    assert drill.needs == ("survey-1", "survey-2", "survey-3")


def test_resolved_scenario_gives_the_same_mission_without_picking_again() -> None:
    plan = build_mission(load_scenario("first-light"), seed=9)
    again = build_mission(load_text(dump_scenario(plan.scenario)))
    assert again.scenario == plan.scenario
    assert again.mission.seed == 9
    assert again.mission.jobs == plan.mission.jobs
    assert again.mission.fleet == plan.mission.fleet
    assert again.mission.havens == plan.mission.havens
    assert again.mission.site.key == plan.mission.site.key
    assert all(block.xy_m is not None for block in plan.scenario.places.values())


def test_robots_start_in_the_light_they_were_promised() -> None:
    mission = build_mission(load_scenario("first-light")).mission
    lit = [mission.site.mean_lit[mission.site.ref.cell_of(*m.xy)] for m in mission.fleet if m.xy is not None]
    assert min(lit) > 0.3


def test_site_override_by_name_and_by_file(tmp_path: Path) -> None:
    block = SiteBlock(name="change7", size_m=4000.0, azimuths=36)
    assert override_site(block, "shackleton").name == "shackleton"
    path = tmp_path / "own.tif"
    path.write_bytes(b"")
    own = override_site(block, str(path))
    assert (own.dem, own.name, own.azimuths) == (str(path), None, 36)
    assert "size_m" not in own.model_fields_set


def test_pick_rules_are_tried_in_order() -> None:
    assert load_text(FIRST_LIGHT).places["drill"].pick == ("shadow", "flat")
    # no shadow lies within 60 m of the lander: the second rule answers
    text = changed(
        "min_m: 150, max_m: 1000, max_slope_deg: 12, reachable_from", "max_m: 60, max_slope_deg: 6, reachable_from"
    )
    plan = build_mission(load_text(text))
    x, y = plan.mission.jobs[-1].xy
    assert plan.mission.site.mean_lit[plan.mission.site.ref.cell_of(x, y)] > 0.02


@pytest.mark.parametrize("name", relay_names())
def test_the_relay_of_a_scenario_stands_in_the_sky_of_its_world(name: str) -> None:
    mission = build_mission(load_text(changed("relay: queqiao2", f"relay: {name}"))).mission
    station = mission.station_index
    starts = [member.xy or mission.site.ref.centre for member in mission.fleet]
    world = World(mission.site, mission.specs, starts, mission.t0, relay=mission.relay, station=station)
    el_deg, heard = [], []
    for _ in range(24):
        el_deg.append(float(world.relay_now()[1][0]))
        heard.append(bool(world.state.link[0, station] & Link.RELAY))
        world.tick(60)
    look = relay_named(name).look(mission.t0 + 3600.0 * np.arange(24), *mission.site.ref.lonlat())
    assert el_deg == pytest.approx(look.el_deg)
    assert sum(heard) > 12


def test_a_sky_without_a_relay_and_one_that_is_not_there() -> None:
    assert build_mission(load_text(changed("relay: queqiao2", "relay: null"))).mission.relay is None
    with pytest.raises(ScenarioError, match=r"relay = gatway: not known. Did you mean 'gateway'"):
        load_text(changed("relay: queqiao2", "relay: gatway"))


def test_the_station_is_the_haven_where_none_is_named() -> None:
    mission = build_mission(load_text(changed("havens: [lander, haven]\n", ""))).mission
    station = mission.fleet[mission.station_index]
    assert mission.havens == ((station.name, station.xy),)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("lander: {pick: flat, max_m: 1500, max_slope_deg: 6}", "lander: {xy_m: []}", "places.lander"),
        ("value: 30", "value: 1.0e+308", "must be <= 1e\\+09"),
        ("effort_h: 5", "effort_h: 1.0e-320", "must be <= 1e\\+08 Mbit per hour"),
    ],
)
def test_values_that_would_break_a_run_later_are_refused_now(old: str, new: str, words: str) -> None:
    with pytest.raises(ScenarioError, match=words):
        load_text(changed(old, new))


@pytest.mark.parametrize("seed", [-1, 2**63, 1.5, True])
def test_a_seed_from_outside_is_checked_like_the_scenario_s_own(seed: int) -> None:
    with pytest.raises(ScenarioError, match="must be a whole number from 0"):
        with_seed(load_scenario("first-light"), seed)


def test_names_that_no_file_system_takes_are_errors_of_our_own() -> None:
    with pytest.raises(ScenarioError, match="not a shipped scenario or a file"):
        load_scenario("x" * 5000)
    with pytest.raises(SiteError, match="no such file"):
        override_site(SiteBlock(name="change7"), "x" * 5000)
    with pytest.raises(SiteError, match="no such file"):
        override_site(SiteBlock(name="change7"), "~nobody-of-this-name/x.tif")


def on_site(block: str) -> str:
    """The scenario `first-light` on another ground."""
    return changed(next(line for line in FIRST_LIGHT.splitlines() if line.startswith("site:")), f"site: {block}")


def test_synthetic_ground_of_a_style_is_resolved_and_found_again() -> None:
    block = "{synthetic: true, size_m: 3000, azimuths: 36, roughness: 0.5, rock_abundance: 2, masts_m: [10]}"
    text = on_site(block).replace("area_m: 1500", "area_m: 1000")
    recipe = recipe_of(load_text(text))
    assert (recipe.synthetic, recipe.style, recipe.masts_m) == (True, GroundStyle(0.5, 1.0, 2.0), (2.0, 10.0))
    assert (recipe.name, recipe.lon_deg, recipe.lat_deg) == ("first-light", 0.0, -89.0)
    plan = build_mission(load_text(text))
    assert sorted(plan.mission.site.horizons) == [2.0, 10.0]
    assert recipe_of(load_text(dump_scenario(plan.scenario))) == recipe


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ("{size_m: 4000}", "needs a name, lon_deg and lat_deg, dem, or synthetic"),
        ("{synthetic: true, dem: a.tif}", "does not go with dem or regions"),
        ("{name: change7, roughness: 9}", "site.roughness = 9: must be <= 4"),
        ("{name: change7, masts_m: [10, -1]}", "site.masts_m"),
        ("{name: change7, rougness: 1}", "Did you mean 'roughness'"),
    ],
)
def test_grounds_that_cannot_be(block: str, words: str) -> None:
    with pytest.raises(ScenarioError, match=words):
        load_text(on_site(block))


def test_override_by_a_place_keeps_the_rest_of_the_ground() -> None:
    block = SiteBlock(
        name="x", lon_deg=3.0, lat_deg=-88.0, size_m=4000.0, azimuths=36, masts_m=(10.0,), regions=("a.tif",)
    )
    named = override_site(block, "connecting-ridge")
    assert (named.name, named.size_m, named.masts_m, named.regions) == ("connecting-ridge", 4000.0, (10.0,), ())
    assert not override_site(SiteBlock(synthetic=True), "connecting-ridge").synthetic
    recipe = recipe_of(load_scenario("first-light").model_copy(update={"site": named}))
    assert (recipe.lon_deg, recipe.lat_deg) == pytest.approx((222.7, -89.45), abs=0.5)
    assert recipe.dem is None  # the shipped grid: no network


def test_outages_are_written_in_hours_and_name_robots_of_the_fleet() -> None:
    more = "\noutages:\n  - {window_h: [10, 34], robots: [%s], peers: [station, robots]}\n  - {window_h: [40, 41.5]}\n"
    scenario = load_text(FIRST_LIGHT + more % load_text(FIRST_LIGHT).fleet[1].name)
    assert scenario.outages[0].peers == ("station", "robots")
    assert scenario.outages[1].peers == ("station", "relay", "earth", "robots")
    assert load_text(dump_scenario(scenario)) == scenario
    with pytest.raises(ScenarioError, match=r"outages\[0\]\.robots\[0\] = nobody: not in the fleet"):
        load_text(FIRST_LIGHT + more % "nobody")
    for far in ("[5, 1.0e+300]", "[0, 1.0e+308]"):
        with pytest.raises(ScenarioError, match=r"window_h: must be \[down, up again\].* <= 1e\+08"):
            load_text(FIRST_LIGHT + f"\noutages:\n  - {{window_h: {far}}}\n")
    with pytest.raises(ScenarioError, match=r"window_h: must be \[down, up again\]"):
        load_text(FIRST_LIGHT + "\noutages:\n  - {window_h: [5, 5]}\n")


def test_the_year_is_one_of_twenty_mixed_robots_by_the_map() -> None:
    scenario = load_scenario("station-year")
    assert len(scenario.fleet) == 20
    assert scenario.steps == 365 * 24
    assert scenario.perception == "map"
    assert scenario.drive_step_s == scenario.decision_step_s == 3600
    assert len({member.robot for member in scenario.fleet}) >= 7


def test_a_robot_may_land_later_but_not_the_station() -> None:
    member = "- {name: surveyor, robot: yutu-rover, at: ramp-1"
    mission = build_mission(load_text(changed(member, member + ", lands_h: 2.5"))).mission
    assert [one.lands_s for one in mission.fleet if one.lands_s] == [9000]
    station = "- {name: station, robot: ce7-lander, at: lander"
    with pytest.raises(ScenarioError, match="is the station; it must be there from the start"):
        build_mission(load_text(changed(station, station + ", lands_h: 1")))
