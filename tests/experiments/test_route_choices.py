"""Ends that ``moonfleet route`` picks itself, one-way corridors that it keeps to, waits put together, and folders and sites it takes."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely

from moonfleet.autonomy.errors import NoLitWindow
from moonfleet.autonomy.lightplan import LightWait
from moonfleet.autonomy.lightplan_open import charge_needed, ever_open, ever_reached
from moonfleet.autonomy.one_way import against_one_way
from moonfleet.autonomy.zones_geojson import read_zones
from moonfleet.experiments.route_facts import merged_waits, plan_json, verdict_of
from moonfleet.experiments.route_page import plan_sheet
from moonfleet.experiments.route_places import place_xy
from moonfleet.experiments.route_plan import RouteAnswer, RouteAsk, answer
from moonfleet.terrain.site import Site, SiteRecipe, build_site
from tests.experiments.test_cli import call
from tests.own_dem import put_dem

FRAME = {"type": "name", "properties": {"name": "IAU_2015:30135"}}
ASK = RouteAsk(days=5.0)


def quiet(stage: str, share: float) -> None:
    pass


def zones_file(path: Path, *features: tuple[dict[str, object], shapely.geometry.base.BaseGeometry]) -> Path:
    made = [
        {"type": "Feature", "properties": about, "geometry": shapely.geometry.mapping(shape)}
        for about, shape in features
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": FRAME, "features": made}), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def found(small_site: Site) -> RouteAnswer:
    return answer(small_site, ASK, quiet)


@pytest.mark.parametrize("ask", [replace(ASK, lit=True), replace(ASK, lit=True, goal="flat")])
def test_ends_by_a_rule_are_where_light_lets_the_robot_through(small_site: Site, ask: RouteAsk) -> None:
    told = answer(small_site, ask, quiet)
    assert told.check.faults == ()
    row, col = (int(v) for v in told.plan.cells[-1])
    around = told.problem.lit[:, row - 1 : row + 2, col - 1 : col + 2]
    assert (around.min(axis=(1, 2)) >= 0.3 * 255).any()
    best = place_xy(small_site, "--to", ask.goal or "best-lit", told.spec.max_slope_deg)
    assert told.passed_over == (tuple(told.track.xy[-1]) != best) or ask.start is not None
    assert ("No plan leads to the" in verdict_of(told)[0]) == told.passed_over


def test_coarse_reach_agrees_with_the_planner_on_what_it_found(found: RouteAnswer) -> None:
    start, goal = ((int(cell[0]), int(cell[1])) for cell in (found.plan.cells[0], found.plan.cells[-1]))
    assert charge_needed(found.problem, goal)[start] <= found.start_wh
    assert ever_reached(found.problem, start, found.start_wh)[goal]
    assert ever_open(found.problem).all()
    dark = found.problem._replace(
        lit=np.zeros_like(found.problem.lit), rules=found.problem.rules._replace(drive_lit=0.3)
    )
    assert not ever_open(dark).any()
    assert np.isfinite(charge_needed(dark, goal)).sum() == 1
    assert ever_reached(dark, start, found.start_wh).sum() == 1


def test_a_goal_that_never_sees_the_sun_gets_no_advice_to_look_further(small_site: Site) -> None:
    row, col = (int(v) for v in np.argwhere(small_site.permanent_shadow)[0])
    x, y = small_site.ref.xy(row, col + 2)  # beside it, itself lit at times
    for place in (small_site.ref.xy(row, col), (x, y)):
        with pytest.raises(NoLitWindow, match="permanent shadow or beside it") as told:
            answer(small_site, replace(ASK, lit=True, goal=f"{place[0]:.0f},{place[1]:.0f}"), quiet)
        assert "further ahead" not in str(told.value)
        hint = str(told.value).rpartition("--to ")[2].removesuffix(".")
        row, col = small_site.ref.cell_of(*place_xy(small_site, "--to", hint, 20.0))
        assert not small_site.permanent_shadow[row - 1 : row + 2, col - 1 : col + 2].any()


def test_a_picked_end_lies_outside_the_zones(small_site: Site, found: RouteAnswer, tmp_path: Path) -> None:
    goal = shapely.Point(found.track.xy[-1]).buffer(70.0)
    file = zones_file(tmp_path / "zones.geojson", ({"zone": "keep-out"}, goal))
    told = answer(small_site, replace(ASK, zones=file), quiet)
    assert not goal.intersects(shapely.LineString(told.track.xy))
    assert told.passed_over
    page = plan_sheet(told)
    assert ">keep-out<" in page
    assert "impassable" in page
    assert ">keep-out<" not in plan_sheet(found)


def test_a_one_way_corridor_is_driven_along_or_not_at_all(small_site: Site, found: RouteAnswer, tmp_path: Path) -> None:
    xy = found.track.xy
    dx, dy = (xy[-1] - xy[0]).tolist()
    heading = math.degrees(math.atan2(dx, dy)) % 360.0
    middle = shapely.LineString(xy).interpolate(0.5, normalized=True).buffer(130.0)
    for turn, allowed in ((heading, True), ((heading + 180.0) % 360.0, False)):
        about = {"zone": "corridor", "one_way": turn, "name": "lane", "cost_factor": 1.0}
        file = zones_file(tmp_path / "zones.geojson", (about, middle))
        corridors = read_zones(file).corridors
        told = answer(small_site, replace(ASK, zones=file), quiet)
        assert told.check.faults == ()
        assert told.against == ()
        assert against_one_way(small_site.ref, corridors, told.plan.cells) == []
        assert plan_json(told)["against_one_way"] == []
        if not allowed:
            assert against_one_way(small_site.ref, corridors, found.plan.cells) == [0]
            assert not shapely.LineString(told.track.xy).intersects(middle)
    whole = shapely.box(*small_site.ref.bounds).buffer(100.0)
    about = {"zone": "corridor", "one_way": (heading + 180.0) % 360.0, "name": "lane"}
    told = answer(small_site, replace(ASK, zones=zones_file(tmp_path / "zones.geojson", (about, whole))), quiet)
    assert told.against == ("lane",)
    assert verdict_of(told) == (verdict_of(told)[0], False)
    assert "against the one-way of lane" in verdict_of(told)[0]


def test_waits_from_cell_to_cell_are_told_as_one(small_site: Site, found: RouteAnswer) -> None:
    def wait(event: int, reason: str) -> LightWait:
        return LightWait(event, event, (0, 0), 3600.0 * event, 3600.0 * event + 1800.0, reason, 5.0)

    plan = found.plan._replace(
        waits=tuple(wait(*one) for one in ((2, "charge"), (4, "charge"), (5, "link"), (9, "link"), (40, "link")))
    )
    cell_m = small_site.ref.cell_m
    merged = merged_waits(plan, cell_m)
    assert [(one.first, one.stops, one.reason) for one in merged] == [
        (2, 2, "charge"),
        (5, 1, "link"),
        (9, 1, "link"),
        (40, 1, "link"),
    ]
    assert (merged[0].hours, merged[0].gained_wh, merged[0].end_s) == (1.0, 10.0, 4 * 3600.0 + 1800.0)
    driven = float(np.hypot(*np.diff(plan.cells[2:5].astype(float), axis=0).T).sum()) * cell_m
    assert merged[0].driven_m == pytest.approx(driven)
    told = plan_json(found._replace(plan=plan))["waits"]
    assert [one["stops"] for one in told] == [2, 1, 1, 1]  # type: ignore[union-attr, index]


def test_problems_of_the_folder_are_found_before_planning(
    small_site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    (tmp_path / "full" / "plan.json").mkdir(parents=True)
    for folder, words in (
        ("file/a", "is not a folder"),
        ("full", "plan.json in it cannot be written over"),
        ("a" * 300, "cannot be made"),
    ):
        code, _, err = call(capsys, "route", "small", "--out", folder)
        assert (code, words in " ".join(err.split())) == (2, True)
        assert "planning" not in err
    (tmp_path / "route-small").write_text("")  # the folder that is made when none is given
    code, _, err = call(capsys, "route", "small")
    assert (code, "is a file" in err, "planning" in err) == (2, True, False)
    monkeypatch.setattr("os.access", lambda *_: False)
    code, _, err = call(capsys, "route", "small", "--out", "new")
    assert (code, "no permission in" in err, "planning" in err) == (2, True, False)


def test_elevation_files_and_folders_of_sites(
    small_site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    z = np.random.default_rng(0).normal(0.0, 0.2, (64, 64)).astype(np.float32)
    put_dem(tmp_path / "my_dem.tif", z)
    code, out, _ = call(
        capsys, "route", "my_dem.tif", "--days", "2", "--from", "30200,-20200", "--to", "30900,-20900", "--no-open"
    )
    assert code == 0
    assert "site 1.28 km in cells of 40 m" in out or "site 1.24 km in cells of 40 m" in out
    code, _, err = call(capsys, "route", "no_dem.tif", "-q")
    assert (code, "no_dem.tif: no such elevation file" in err) == (2, True)
    for option in (("--size", "2km"), ("--cell-m", "40")):
        code, _, err = call(capsys, "route", str(small_site.path), "-q", *option)
        assert (code, "is the folder of a site that has its size" in " ".join(err.split())) == (2, True)


def test_of_several_sites_of_a_name_the_one_used_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MOONFLEET_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    for size_m in (1_280.0, 1_600.0):
        build_site(SiteRecipe("twin", 123.4, -88.8, size_m=size_m, azimuths=8))
    code, out, _ = call(capsys, "route", "twin", "--days", "3", "--no-open")
    assert code == 0
    assert "site 1.6 km in cells of 20 m, the latest of 2 that are built" in " ".join(out.split())
