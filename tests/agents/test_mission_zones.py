"""Zones of a mission: part of what it is, closed to every driver, and refused where somebody has to be inside."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely

from moonfleet.agents.errors import MissionError
from moonfleet.agents.events import read_events
from moonfleet.agents.fleet import robot_setups
from moonfleet.agents.forecast import Forecast
from moonfleet.agents.mission import MissionSpec, mission_key
from moonfleet.agents.mission_zones import MissionZones, closed_cells, mission_zones
from moonfleet.agents.roles import make_robot
from moonfleet.agents.simulation import Simulation
from moonfleet.agents.travel import Travel, site_cost, travel_field
from moonfleet.autonomy.jobs import Job
from moonfleet.autonomy.policy import RandomPolicy
from moonfleet.autonomy.traversability import DriveLimits
from moonfleet.autonomy.zones_geojson import Corridor, PlanZones, ScienceArea
from moonfleet.terrain.site import Site
from tests.missions import small_mission

SQUARE = shapely.box(0.0, 0.0, 1.0, 1.0)


def zones_of(plan: PlanZones) -> MissionZones:
    zones = mission_zones(plan)
    assert zones is not None
    return zones


def forecast_of(mission: MissionSpec) -> Forecast:
    return Forecast(mission.site, mission.t0, mission.duration_s, mission.relay)


def wall_between(mission: MissionSpec) -> PlanZones:
    """A keep-out across the middle of the way from the station to the first job, but for one end."""
    (x0, y0), (x1, y1) = mission.fleet[0].xy or (0.0, 0.0), mission.jobs[0].xy
    away = np.array([x1 - x0, y1 - y0]) / np.hypot(x1 - x0, y1 - y0)
    across = np.array([-away[1], away[0]])
    middle = np.array([0.5 * (x0 + x1), 0.5 * (y0 + y1)])
    line = shapely.LineString([middle - 120.0 * across, middle + 60.0 * across])
    return PlanZones(keep_out=(shapely.Polygon(line.buffer(8.0, quad_segs=2)),))


def test_zones_are_part_of_the_key_and_science_areas_bind_nobody(small_site: Site) -> None:
    mission = small_mission(small_site)
    xmin, ymin, _, _ = small_site.ref.bounds
    corner = shapely.box(xmin, ymin, xmin + 30.0, ymin + 30.0)
    keys = [mission_key(mission)]
    for plan in (
        PlanZones(keep_out=(corner,)),
        PlanZones(stay_in=(shapely.box(*small_site.ref.bounds),)),
        PlanZones(corridors=(Corridor("a", corner, 0.5, None),)),
        PlanZones(corridors=(Corridor("a", corner, 0.5, 0.0),)),
        PlanZones(corridors=(Corridor("a", corner, 0.6, 0.0),)),
    ):
        keys.append(mission_key(replace(mission, zones=zones_of(plan))))
        assert keys[-1] == mission_key(replace(mission, zones=zones_of(plan)))
    assert len(set(keys)) == len(keys)
    assert mission_zones(PlanZones(science=(ScienceArea("rim", corner, 1.0),))) is None
    assert mission_zones(PlanZones(keep_out=(SQUARE,))) != mission_zones(PlanZones(stay_in=(SQUARE,)))


def test_drivers_and_estimates_reckon_with_zones(small_site: Site) -> None:
    mission = small_mission(small_site)
    plan = wall_between(mission)
    zoned = replace(mission, zones=zones_of(plan))
    closed = closed_cells(small_site, zones_of(plan))
    assert 5 < closed.sum() < 60
    rover = zoned.specs[1]
    limits = DriveLimits(rover.max_slope_deg, rover.speed_m_s)
    cost = site_cost(small_site, limits, zoned.zones)
    assert np.isinf(cost[closed]).all()
    np.testing.assert_array_equal(cost[~closed], site_cost(small_site, limits)[~closed])
    robot = make_robot(robot_setups(zoned)[1], small_site, RandomPolicy(1))
    assert robot.cost is cost  # type: ignore[attr-defined]
    start, goal = zoned.fleet[1].xy or (0.0, 0.0), zoned.jobs[0].xy  # the first place of all
    hours = [Travel(one, forecast_of(one)).hours(1, start)[0] for one in (mission, zoned)]
    assert hours[0] < hours[1] < 3.0 * hours[0]
    shut = zones_of(PlanZones(keep_out=(shapely.Point(*goal).buffer(10.0),)))
    assert travel_field(small_site, limits, small_site.ref.cell_of(*goal), shut) is None


@pytest.mark.parametrize("block", ["fleet", "jobs", "havens"])
def test_nobody_starts_works_or_waits_inside(small_site: Site, block: str) -> None:
    mission = small_mission(small_site)
    xy = {"fleet": mission.fleet[1].xy, "jobs": mission.jobs[0].xy, "havens": mission.havens[0][1]}[block]
    assert xy is not None
    name = {
        "fleet": r"fleet\[1\].at \(rover-1\)",
        "jobs": r"jobs\[0\].at \(survey-1\)",
        "havens": r"havens\[0\] \(haven\)",
    }
    zones = zones_of(PlanZones(keep_out=(shapely.Point(*xy).buffer(3.0),)))
    with pytest.raises(MissionError, match=name[block] + ": .*lies in a keep-out"):
        replace(mission, zones=zones)
    xmin, ymin, _, _ = small_site.ref.bounds
    aside = zones_of(PlanZones(stay_in=(shapely.box(xmin, ymin, xmin + 50.0, ymin + 50.0),)))
    with pytest.raises(MissionError, match="outside the stay-in zones"):
        replace(mission, zones=aside)
    with pytest.raises(MissionError, match="zones: stay-in zones: none lies on the map"):
        replace(mission, zones=zones_of(PlanZones(stay_in=(SQUARE,))))


def test_a_lander_may_stand_in_a_zone_and_work_there_with_its_own_tools(small_site: Site) -> None:
    mission = small_mission(small_site)
    lander = mission.fleet[0]
    assert lander.xy is not None
    x, y = lander.xy
    row, col = small_site.ref.cell_of(x, y)
    cx, cy = (float(v) for v in small_site.ref.xy(row, col))
    own = zones_of(PlanZones(keep_out=(shapely.box(cx - 1.0, cy - 1.0, cx + 1.0, cy + 1.0),)))
    fleet = (lander, replace(mission.fleet[1], xy=(x + 60.0, y)))
    watch = Job("watch", "observe", (x, y), 1.0, tool="observe")
    assert replace(mission, fleet=fleet, jobs=(watch,), zones=own).zones == own
    survey = Job("survey", "survey", (x, y), 1.0, tool="survey")
    with pytest.raises(MissionError, match=r"jobs\[0\].at \(survey\)"):
        replace(mission, fleet=fleet, jobs=(survey,), zones=own)


def test_no_robot_drives_into_a_keep_out(small_site: Site, tmp_path: Path) -> None:
    mission = small_mission(small_site)
    mission = replace(mission, fleet=mission.fleet[:3], jobs=mission.jobs[:2], duration_s=6 * 3600)
    free = routes_of(mission, tmp_path / "free")
    zone = shapely.Polygon(free[0].interpolate(0.5, normalized=True).buffer(25.0, quad_segs=2))
    zoned = routes_of(replace(mission, zones=zones_of(PlanZones(keep_out=(zone,)))), tmp_path / "zoned")
    assert free[0].intersects(zone)
    assert zoned
    assert not any(route.intersects(zone) for route in zoned)


def routes_of(mission: MissionSpec, run: Path) -> list[shapely.LineString]:
    Simulation(mission, run, "local").run()
    return [shapely.from_wkt(row["wkt"]) for row in read_events(run).to_pylist() if row["kind"] == "route"]  # type: ignore[misc]
