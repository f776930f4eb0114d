"""Zones of a scenario: read, checked with their line, laid at places of the site, and written back to the same mission."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import shapely

from moonfleet.agents.mission import mission_key
from moonfleet.agents.mission_zones import closed_cells
from moonfleet.experiments.errors import RunFolderError, ScenarioError
from moonfleet.experiments.mission_build import build_mission
from moonfleet.experiments.scenario import dump_scenario, load_scenario, load_text, place_order, shipped_scenarios
from moonfleet.experiments.scenario_model import Scenario

FIRST_LIGHT = shipped_scenarios()["first-light"].read_text(encoding="utf-8")
SMALL = FIRST_LIGHT.replace("size_m: 4000, cell_m: 20, seed: 1, azimuths: 90", "size_m: 2560, cell_m: 20, azimuths: 36")
LINES = SMALL.count("\n")


def with_zones(*zones: str, text: str = SMALL) -> str:
    return text + "zones:\n" + "".join(f"  - {zone}\n" for zone in zones)


def square(x: float, y: float, half: float) -> list[list[float]]:
    return [
        [x - half, y - half],
        [x + half, y - half],
        [x + half, y + half],
        [x - half, y + half],
        [x - half, y - half],
    ]


def geojson(path: Path, ring: list[list[float]], zone: str = "keep-out") -> Path:
    feature = {
        "type": "Feature",
        "crs": {"type": "name", "properties": {"name": "IAU_2015:30135"}},
        "properties": {"zone": zone},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    path.write_text(json.dumps(feature), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def plain(site_cache: Path) -> Scenario:
    return build_mission(load_text(SMALL), cache=site_cache).scenario


def flat(scenario: Scenario, place: str) -> tuple[float, float]:
    xy = scenario.places[place].xy_m
    assert xy is not None
    return xy[0] if isinstance(xy[0], tuple) else xy  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        (
            "{kind: keepout, around: lander, radius_m: 9}",
            "zones[0].kind = keepout: not known. Did you mean 'keep-out'?",
        ),
        (
            "{kind: keep-out, around: landr, radius_m: 9}",
            "zones[0].around = landr: no such place. Did you mean 'lander'?",
        ),
        ("{kind: keep-out, ring: [lander, ramp-1, ramp-9]}", "zones[0].ring[2] = ramp-9: no such place."),
        ("{kind: keep-out, near: x, ring: [[0, 0], [1, 0], [1, 1]]}", "zones[0].near = x: no such place."),
        ("{kind: keep-out, around: lander}", "zones[0]: radius_m: is missing; a keep-out by around needs one"),
        ("{kind: keep-out, around: lander, radius_m: -1}", "zones[0].radius_m = -1: must be > 0"),
        ("{kind: keep-out}", "zones[0]: needs exactly one of around, ring, line (given: none)"),
        ("{kind: keep-out, around: lander, radius_m: 9, value: 3}", "zones[0]: value: not of a keep-out by around"),
        ("{kind: stay-in, line: [lander, ramp-1], radius_m: 9}", "zones[0]: line: only of a hazard or corridor"),
        ("{kind: corridor, around: lander, radius_m: 9}", "zones[0]: around: not of a corridor"),
        ("{kind: corridor, line: [lander, ramp-1]}", "zones[0]: width_m: is missing; a corridor by line needs one"),
        (
            "{around: lander, radius_m: 9}",
            "zones[0]: needs a kind (keep-out, stay-in, hazard, corridor or science), or geojson",
        ),
        ("{geojson: a.geojson, kind: keep-out}", "zones[0]: kind: not with geojson"),
        ("{geojson: no/such.geojson}", "zones[0].geojson = no/such.geojson: no such file"),
        ("{kind: keep-out, arround: lander}", "zones[0].arround: unknown key. Did you mean 'around'?"),
    ],
)
def test_what_is_wrong_with_a_zone_is_said_with_its_line(zone: str, words: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load_text(with_zones(zone))
    assert words in str(caught.value)
    assert f"(scenario.yaml, line {LINES + 2})" in str(caught.value)


def test_a_shape_that_is_none_is_said_with_its_line(site_cache: Path, tmp_path: Path) -> None:
    bow = "{kind: keep-out, near: lander, ring: [[0, 0], [50, 50], [50, 0], [0, 50]]}"
    with pytest.raises(ScenarioError, match=r"zones\[0\]: not a valid polygon: Self-intersection.*line"):
        build_mission(load_text(with_zones(bow)), cache=site_cache)
    broken = geojson(tmp_path / "broken.geojson", [[0, 0], [1, 1], [0, 0]])
    with pytest.raises(
        ScenarioError, match=rf"zones\[0\].geojson: .*feature\[0\].geometry: a ring of 3.*line {LINES + 2}"
    ):
        build_mission(load_text(with_zones(f"{{geojson: {broken}}}")), cache=site_cache)
    far = "{kind: stay-in, ring: [[0, 0], [9, 0], [9, 9]]}"
    with pytest.raises(ScenarioError, match=r"zones: stay-in zones: none lies on the map"):
        build_mission(load_text(with_zones(far)), cache=site_cache)


def test_places_are_picked_outside_the_zones(site_cache: Path, plain: Scenario) -> None:
    x, y = flat(plain, "survey")
    zone = f"{{kind: keep-out, name: old pick, around: [{x}, {y}], radius_m: 90, margin_m: 5}}"
    plan = build_mission(load_text(with_zones(zone)), cache=site_cache)
    zones = plan.mission.zones
    assert zones is not None
    circle = zones.plan.keep_out[0]
    assert circle.covers(shapely.Point(x, y).buffer(95.0))
    closed = closed_cells(plan.mission.site, zones)
    for name in ("ramp", "haven", "survey", "drill"):
        for xy in np.reshape(plan.scenario.places[name].xy_m, (-1, 2)).tolist():
            assert not closed[plan.mission.site.ref.cell_of(*xy)]
    assert flat(plan.scenario, "survey") != (x, y)
    assert flat(plan.scenario, "lander") == flat(plain, "lander")


def test_all_kinds_come_together_and_the_written_copy_is_the_same_mission(site_cache: Path, tmp_path: Path) -> None:
    lander = flat(build_mission(load_text(SMALL), cache=site_cache).scenario, "lander")
    file = geojson(tmp_path / "zones.geojson", square(lander[0] + 500.0, lander[1], 20.0))
    (tmp_path / "mine.yaml").write_text(
        with_zones(
            "{geojson: zones.geojson}",
            "{kind: hazard, around: [300, 300], near: lander, radius_m: 4, sigma_m: 1}",
            "{kind: hazard, line: [[200, 200], [260, 200]], near: lander, radius_m: 4}",
            "{kind: stay-in, near: lander, ring: [[-1500, -1500], [1500, -1500], [1500, 1500], [-1500, 1500]]}",
            "{kind: corridor, line: [lander, [0, 200]], near: lander, width_m: 30, cost_factor: 0.5, one_way: 0}",
            "{kind: science, name: rim, around: lander, radius_m: 50, value: 3}",
        ),
        encoding="utf-8",
    )
    scenario = load_scenario(tmp_path / "mine.yaml")
    assert place_order(scenario)[0] == "lander"
    plan = build_mission(scenario, cache=site_cache)
    zones = plan.mission.zones
    assert zones is not None
    assert [len(part) for part in zones.plan] == [3, 1, 1, 1]
    assert zones.plan.corridors[0].one_way_deg == 0.0
    assert zones.plan.corridors[0].polygon.covers(shapely.Point(lander[0], lander[1] + 100.0))
    again = build_mission(load_text(dump_scenario(plan.scenario)), cache=site_cache)
    assert mission_key(again.mission) == mission_key(plan.mission)
    assert again.scenario == plan.scenario
    file.write_text(file.read_text().replace("keep-out", "science"), encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"resolved.zones_key = [0-9a-f]{12}: the zones are now"):
        build_mission(load_text(dump_scenario(plan.scenario)), cache=site_cache)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("ramp-1", r"fleet\[1\].at: surveyor would be in zones\[0\] \(dish\) at"),
        ("survey-2", r"jobs\[0\].at: survey-2 would be in zones\[0\] \(dish\) at"),
        ("haven-1", r"havens\[1\]: haven-1 would be in zones\[0\] \(dish\) at"),
    ],
)
def test_starts_jobs_and_havens_in_a_zone_are_refused_with_their_line(site_cache: Path, place: str, words: str) -> None:
    with pytest.raises(ScenarioError, match=words + r".*\(scenario.yaml, line \d+\)"):
        build_mission(
            load_text(with_zones(f"{{kind: keep-out, name: dish, around: {place}, radius_m: 5}}")), cache=site_cache
        )


def test_without_zones_nothing_of_them_is_written(plain: Scenario) -> None:
    assert "zones" not in dump_scenario(plain)
