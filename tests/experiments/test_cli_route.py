"""``moonfleet route``: what is planned, printed and written, and that nothing a user gives ends in a traceback."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely

from moonfleet.autonomy.errors import GoalBlocked, GoalOutside, StartBlocked, ZoneError
from moonfleet.autonomy.lightplan_check import check_light_plan
from moonfleet.experiments.errors import OptionError
from moonfleet.experiments.route_facts import merged_waits, plan_json, verdict_of
from moonfleet.experiments.route_places import cell_of_end, place_xy, spot
from moonfleet.experiments.route_plan import RouteAnswer, RouteAsk, answer, charge_wh, longest_dark_h
from moonfleet.terrain.grid import polar_xy
from moonfleet.terrain.site import Site
from tests.experiments.test_cli import call

ASK = RouteAsk(days=5.0, haven_hours=24.0)
ENDS = ("--from", "29710,-18870", "--to", "29930,-20130")


def quiet(stage: str, share: float) -> None:
    assert 0.0 <= share <= 1.0, stage


@pytest.fixture(scope="module")
def found(small_site: Site) -> RouteAnswer:
    return answer(small_site, ASK, quiet)


def test_help_has_an_example_that_names_options(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "route", "--help")
    assert code == 0
    assert "Example: moonfleet route connecting-ridge" in out


def test_plan_holds_and_goes_from_place_to_place(small_site: Site, found: RouteAnswer) -> None:
    again = check_light_plan(found.problem, found.plan.times_s, found.plan.cells, found.start_wh)
    for one, two in zip(found.check, again, strict=True):
        assert np.array_equal(one, two)
    assert found.check.faults == ()
    assert found.plan.margin_wh >= 0.0
    assert longest_dark_h(found.track) == pytest.approx(found.plan.dark_s / 3600.0)
    assert found.track.metres == pytest.approx(found.plan.metres)
    first, last = found.track.xy[0], found.track.xy[-1]
    best = place_xy(small_site, "--to", "best-lit", found.spec.max_slope_deg)
    assert tuple(last) == best
    assert math.dist(first, last) >= 0.3 * small_site.ref.cols * small_site.ref.cell_m


def test_zones_are_kept_out_of(small_site: Site, found: RouteAnswer, tmp_path: Path) -> None:
    half = shapely.LineString(found.track.xy).interpolate(0.5, normalized=True).buffer(60.0)
    inframe = {"type": "name", "properties": {"name": "IAU_2015:30135"}}
    feature = {"type": "Feature", "properties": {"zone": "keep-out"}, "geometry": shapely.geometry.mapping(half)}
    path = tmp_path / "zones.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": inframe, "features": [feature]}))
    kept = answer(small_site, replace(ASK, zones=path), quiet)
    assert shapely.LineString(found.track.xy).intersects(half)
    for track in (kept.track, kept.naive):
        assert not shapely.LineString(track.xy).intersects(half)
    assert json.loads(json.dumps(plan_json(kept)))["asked"]["zones"] == str(path)
    x, y = shapely.get_coordinates(half.centroid)[0].tolist()
    with pytest.raises(StartBlocked, match="is in a keep-out of --zones"):
        answer(small_site, replace(ASK, zones=path, start=f"{x:.0f},{y:.0f}"), quiet)
    path.write_text(
        json.dumps({"type": "FeatureCollection", "crs": inframe, "features": [feature | {"properties": {}}]})
    )
    with pytest.raises(ZoneError, match=r"feature\[0\]"):
        answer(small_site, replace(ASK, zones=path), quiet)


def test_straight_through_is_driven_until_the_battery_is_empty(small_site: Site, found: RouteAnswer) -> None:
    naive = found.naive
    assert (naive.lost, naive.times_s is not None and naive.times_s[0]) == ("", 0.0)
    assert naive.times_s is not None
    assert naive.times_s[-1] <= found.plan.driving_s  # the plan counts whole ticks
    assert naive.driving.all()
    weak = answer(small_site, RouteAsk(days=5.0, battery="420Wh", reserve="0Wh", depart="2029-01-20"), quiet)
    assert weak.naive.lost == "battery empty"
    assert weak.naive.battery_wh is not None
    assert weak.naive.battery_wh[-1] == 0.0
    assert (weak.naive.battery_wh[:-1] > 0.0).all()
    assert weak.naive.metres < naive.metres
    assert weak.check.faults == ()
    assert "would be lost: battery empty" in verdict_of(weak)[0]
    with pytest.raises(OptionError, match="less than the whole battery"):
        answer(small_site, RouteAsk(reserve="100%"), quiet)


def test_command_writes_and_prints(
    small_site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = call(
        capsys, "route", "small", "--days", "5", "--from", "centre", "--depart", "2029-01-20", "--no-open"
    )
    assert code == 0
    assert "planning over place, time and battery" in err
    folder = tmp_path / "route-small"
    assert {path.name for path in folder.iterdir()} == {"sheet.html", "route.geojson", "plan.json"}
    for words in (
        "this plan",
        "straight through",
        "leaves",
        "arrives",
        "least above the reserve",
        "sheet.html",
    ):
        assert words in out
    told = json.loads((folder / "plan.json").read_text())
    assert told["holds"] is True
    assert told["robot"] == "yutu-rover"
    assert told["departs_utc"] == "2029-01-20T00:00:00Z"
    assert told["asked"]["start"] == "centre"
    assert told["straight_through"]["lost"] is None
    code, out, err = call(
        capsys, "route", "small", "--days", "5", "--from", "centre", "--depart", "2029-01-20", "--json", "--no-open"
    )
    assert (code, err) == (0, "")
    assert json.loads(out) == told


def test_geojson_lies_on_the_way(
    small_site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str], found: RouteAnswer
) -> None:
    folder = tmp_path / "deep" / "route"
    code, out, err = call(
        capsys, "route", str(small_site.path), "--days", "5", "--haven-hours", "24", "-q", "--out", str(folder)
    )
    assert (code, err) == (0, "")
    assert out.split() == [str(folder / name) for name in ("sheet.html", "route.geojson", "plan.json")]
    data = json.loads((folder / "route.geojson").read_text())
    assert data["crs"]["properties"]["name"] == "urn:ogc:def:crs:IAU_2015::30100"
    route, straight = (
        next(f for f in data["features"] if f["properties"]["kind"] == kind) for kind in ("route", "straight-through")
    )
    for feature in (route, straight):
        line, about = shapely.from_geojson(json.dumps(feature["geometry"])), feature["properties"]
        assert line.is_valid
        lonlat = shapely.get_coordinates(line)
        xy = np.stack(polar_xy(lonlat[:, 0], lonlat[:, 1]), axis=-1)
        np.testing.assert_allclose(xy, about["xy_m"], atol=0.06)
        assert len(about["utc"]) == len(xy)
        assert about["utc"] == sorted(about["utc"])
    np.testing.assert_allclose(route["properties"]["xy_m"], found.track.xy, atol=0.05)
    np.testing.assert_allclose(route["properties"]["battery_wh"], found.plan.battery_wh, atol=0.05)
    kinds = [f["properties"]["kind"] for f in data["features"]]
    assert kinds.count("wait") == len(merged_waits(found.plan, small_site.ref.cell_m)) <= len(found.plan.waits)
    assert (kinds.count("start"), kinds.count("goal")) == (1, 1)


def test_places_as_users_write_them(small_site: Site) -> None:
    ref = small_site.ref
    middle = place_xy(small_site, "--from", "centre", 20.0)
    assert middle == ref.centre
    lon, lat = ref.lonlat()
    for words in (f"{lon:.6f}E,{-lat:.6f}S", f"{lon:.6f}° E, {-lat:.6f}° S", f"{360.0 - lon:.6f}W {-lat:.6f}s"):
        assert place_xy(small_site, "--from", words, 20.0) == pytest.approx(middle, abs=0.1)
    assert place_xy(small_site, "--from", spot(middle).partition(" (")[0], 20.0) == pytest.approx(middle, abs=2.0)
    assert place_xy(small_site, "--to", "-12.5, 3e1".replace("3e1", "30"), 20.0) == (-12.5, 30.0)
    for words in ("here", "1,2,3", "20E", "20E,10N", "", "nan,1"):
        with pytest.raises(OptionError, match="--to = "):
            place_xy(small_site, "--to", words, 20.0)
    with pytest.raises(OptionError, match=r"--to = flat: the site has no such ground of at most 0\.01 degrees"):
        place_xy(small_site, "--to", "flat", 0.01)
    with pytest.raises(OptionError, match="Did you mean 'best-lit'"):
        place_xy(small_site, "--to", "bestlit", 20.0)


def test_ends_that_cannot_be_say_what_would_do(small_site: Site) -> None:
    pace = np.ones(small_site.ref.shape, dtype=np.float32)
    pace[:10, :10] = np.inf
    corner = small_site.ref.xy(5.0, 5.0)
    for option, kind in (("--from", StartBlocked), ("--to", GoalBlocked)):
        with pytest.raises(kind, match=f"the nearest passable ground: {option} ") as told:
            cell_of_end(small_site, option, corner, pace)
        place = str(told.value).rpartition(f"{option} ")[2].removesuffix(".")
        again = place_xy(small_site, option, place, 20.0)
        assert np.isfinite(pace[cell_of_end(small_site, option, again, pace)])
    for option, kind in (("--from", StartBlocked), ("--to", GoalOutside)):
        with pytest.raises(kind, match="larger --size"):
            cell_of_end(small_site, option, (0.0, 0.0), pace)


@pytest.mark.parametrize(("words", "wh"), [("80%", 80.0), ("12.5 Wh", 12.5), ("0%", 0.0), ("100wh", 100.0)])
def test_charges(words: str, wh: float) -> None:
    assert charge_wh("--battery", words, 100.0) == pytest.approx(wh)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--robot", "yutu-rove"), "Did you mean 'yutu-rover'"),
        (("--robot", "ce7-lander"), "does not drive"),
        (("--depart", "soon"), "not an ISO 8601 UTC time"),
        (("--days", "nan"), "--days = nan: allowed"),
        (("--days", "500"), "--days = 500: allowed"),
        (("--haven-hours", "-1"), "--haven-hours = -1"),
        (("--battery", "full"), "--battery = full: is not a charge"),
        (("--battery", "0.8"), "--battery = 0.8: is not a charge; allowed: a number with its unit"),
        (("--zones", "no/such.geojson"), "no/such.geojson: cannot be read"),
        (("--battery", "101%"), "up to 100%"),
        (("--from", "0,0"), "is not on the site"),
        (("--to", "0,0"), "is not on the site"),
        (("--to", "there"), "is not a place"),
        (("--from", "best-lit", "--to", "best-lit"), "lie in one cell"),
        ((*ENDS, "--lit", "--days", "5"), "if it might drive without sunlight it could be there after"),
        ((*ENDS, "--battery", "40%", "--days", "5"), "charge first"),
        (("--battery", "10%", "--days", "5"), "below the reserve|less than the reserve"),
        ((*ENDS, "--days", "0.1", "--battery", "100%"), "look at least as far ahead"),
        (("--size", "wide"), "--size = wide"),
        (("--to", "29530,-19690", "--lit"), "in permanent shadow or beside it, so it is never lit enough"),
    ],
)
def test_bad_input_and_no_plan_are_one_message(
    arguments: tuple[str, ...], words: str, small_site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    code, out, err = call(capsys, "route", "small", "--quiet", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("Error: ")
    assert any(one in " ".join(err.split()) for one in words.split("|"))
    assert "Traceback" not in err
    assert "look further ahead" not in err
    assert list(tmp_path.iterdir()) == []


def test_places_and_folders_that_are_not_there(
    small_site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = call(capsys, "route", "connecting-rigde", "--quiet")
    assert (code, "Did you mean 'connecting-ridge'" in err) == (2, True)
    (tmp_path / "file").write_text("")
    code, _, err = call(capsys, "route", "small", "--out", str(tmp_path / "file"))
    assert (code, "is a file" in err) == (2, True)
    code, _, err = call(capsys, "route", "small", "--days", "5", "-q", "--out", str(tmp_path / "file" / "a"))
    assert (code, "cannot be made" in err) == (2, True)
