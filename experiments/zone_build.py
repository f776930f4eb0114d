"""From the zones of a scenario to those of a mission: circles, rings and lines at places of the site, and GeoJSON files.

Every shape goes through the same rules as a GeoJSON feature (`moonfleet.autonomy.zones_geojson`), so both are the same zones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from moonfleet.agents.mission import FleetMember, Use, closed_uses
from moonfleet.agents.mission_zones import MissionZones, mission_zones
from moonfleet.autonomy.errors import ZoneError
from moonfleet.autonomy.jobs import Job
from moonfleet.autonomy.zone_raster import cells_touched
from moonfleet.autonomy.zones import with_doubt
from moonfleet.autonomy.zones_geojson import FRAME, PlanZones, parse_zones, read_zones
from moonfleet.terrain.site import Site

from .errors import RunFolderError
from .scenario import fault, job_ids, labels_of, zone_file, zone_points
from .scenario_model import Scenario, ZoneBlock

Point = tuple[float, float]
Flat = Mapping[str, Point]
NUMBERS = ("radius_m", "width_m", "margin_m", "sigma_m", "cost_factor", "one_way", "value")


def file_zones(scenario: Scenario) -> dict[int, PlanZones]:
    """Return the zones of each block that names a GeoJSON file. Raises `ScenarioError`, with the feature that is at fault."""
    found: dict[int, PlanZones] = {}
    for index, block in enumerate(scenario.zones):
        if block.geojson is not None:
            try:
                found[index] = read_zones(zone_file(scenario, block.geojson))
            except ZoneError as error:
                raise fault(scenario, ("zones", index, "geojson"), None, str(error).rstrip(".")) from error
    return found


class ZonesSoFar:
    """Zones of a scenario as its places become known, and the cells that they close to the places picked after them."""

    def __init__(self, scenario: Scenario, site: Site, files: dict[int, PlanZones]) -> None:
        self.scenario = scenario
        self.site = site
        self.plans = dict(files)
        self.closed: NDArray[np.bool_] | None = None
        self._shut()

    def learn(self, flat: Flat) -> None:
        """Take up the zones whose places are all in ``flat`` by now."""
        fresh = [
            index
            for index, block in enumerate(self.scenario.zones)
            if index not in self.plans and all(name in flat for _, name in zone_points(block))
        ]
        for index in fresh:
            self.plans[index] = zone_of_block(self.scenario, index, flat)
        if fresh:
            self._shut()

    def _shut(self) -> None:
        plan = merged(self.plans)
        if len(self.plans) < len(self.scenario.zones):  # the union of the stay-in zones is not known yet
            plan = plan._replace(stay_in=())
        if plan.keep_out or plan.stay_in:
            self.closed = cells_touched(keepouts_on(self.scenario, self.site, plan), self.site.ref)


def merged(plans: Mapping[int, PlanZones]) -> PlanZones:
    """Return the zones of several blocks as one, in the order of the blocks."""
    parts = [plans[index] for index in sorted(plans)]
    return PlanZones(
        tuple(one for part in parts for one in part.keep_out), tuple(one for part in parts for one in part.stay_in),
        tuple(one for part in parts for one in part.corridors), tuple(one for part in parts for one in part.science),
    )  # fmt: skip


def keepouts_on(scenario: Scenario, site: Site, plan: PlanZones) -> Sequence[shapely.Polygon]:
    """Return the keep-outs on a site; raises `ScenarioError` where stay-in zones leave nothing of it."""
    try:
        return plan.keepouts(site.ref.bounds)
    except ZoneError as error:
        raise fault(scenario, ("zones",), None, str(error).rstrip(".")) from error


def corners(block: ZoneBlock, given: Sequence[str | Point], flat: Flat) -> list[Point]:
    """Return x, y [m] of corners, rounded to a millimetre as they are written."""
    dx, dy = (0.0, 0.0) if block.near is None else flat[block.near]
    return [
        (round(flat[one][0], 3), round(flat[one][1], 3))
        if isinstance(one, str)
        else (round(dx + one[0], 3), round(dy + one[1], 3))
        for one in given
    ]


def zone_of_block(scenario: Scenario, index: int, flat: Flat) -> PlanZones:
    """Return the zones of one block that is no file, its places being known. Raises `ScenarioError` for a shape that is none."""
    block = scenario.zones[index]
    here = ("zones", index)
    numbers: dict[str, float] = {key: value for key in NUMBERS if (value := getattr(block, key)) is not None}
    if block.ring is not None:
        ring = corners(block, block.ring, flat)
        shape: dict[str, object] = {"type": "Polygon", "coordinates": [[list(one) for one in (*ring, ring[0])]]}
    elif block.line is not None:
        shape = {"type": "LineString", "coordinates": [list(one) for one in corners(block, block.line, flat)]}
    else:
        middle = corners(block, [block.around or (0.0, 0.0)], flat)[0]
        shape = {"type": "Point", "coordinates": list(middle)}
        if block.kind != "hazard":
            circle = with_doubt([shapely.Point(middle)], 0.0, clearance_m=numbers.pop("radius_m"))[0]
            shape = {"type": "Polygon", "coordinates": [shapely.get_coordinates(circle).tolist()]}
    feature = {
        "type": "Feature",
        "crs": {"type": "name", "properties": {"name": FRAME[0]}},
        "properties": {"zone": block.kind, "name": block.name, **numbers},
        "geometry": shape,
    }
    try:
        return parse_zones(feature)
    except ZoneError as error:
        words = str(error).removeprefix("feature[0].").removeprefix("geometry.").removeprefix("geometry: ")
        raise fault(scenario, here, None, words.rstrip(".")) from error


def resolved_zones(scenario: Scenario, flat: Flat) -> tuple[ZoneBlock, ...]:
    """Return the blocks with coordinates in the place of names, and files by their whole path."""
    done: list[ZoneBlock] = []
    for block in scenario.zones:
        data = block.model_dump(exclude_unset=True)
        if block.geojson is not None:
            data["geojson"] = str(zone_file(scenario, block.geojson).resolve())
        for key in ("ring", "line"):
            if data.get(key) is not None:
                data[key] = tuple(corners(block, data[key], flat))
        if data.get("around") is not None:
            data["around"] = corners(block, [data["around"]], flat)[0]
        data.pop("near", None)
        done.append(ZoneBlock(**data))
    return tuple(done)


def zones_of(scenario: Scenario, files: dict[int, PlanZones]) -> dict[int, PlanZones]:
    """Return the zones of every block of a resolved scenario."""
    own = {i: zone_of_block(scenario, i, {}) for i, block in enumerate(scenario.zones) if block.geojson is None}
    return {**files, **own}


def zones_of_mission(scenario: Scenario, plans: Mapping[int, PlanZones]) -> MissionZones | None:
    """Return the zones that a mission heeds, None where there are none.

    Raises `RunFolderError` when they are not those that a resolved scenario was made with: a file has changed.
    """
    zones = mission_zones(merged(plans))
    before = None if scenario.resolved is None else scenario.resolved.zones_key
    if before is not None and (zones is None or zones.key != before):
        raise RunFolderError(
            f"resolved.zones_key = {before[:12]}: the zones are now {'none' if zones is None else zones.key[:12]}; a GeoJSON file "
            "or the version of moonfleet has changed since this run was started"
        )
    return zones


def check_open(
    scenario: Scenario, site: Site, plans: Mapping[int, PlanZones], fleet: Sequence[FleetMember], jobs: Sequence[Job],
    havens: Sequence[tuple[str, Point]],
) -> None:  # fmt: skip
    """Raise `ScenarioError`, with the line and the zone, when a start, job or haven lies on a cell that zones close."""
    plan = merged(plans)
    if not (plan.keep_out or plan.stay_in):
        return
    closed = cells_touched(keepouts_on(scenario, site, plan), site.ref)
    for use in closed_uses(fleet, jobs, havens, site, closed):
        cell = site.ref.cell_of(*use.xy)
        by = "outside the stay-in zones"
        for index, one in plans.items():
            if one.keep_out and cells_touched(one.keep_out, site.ref)[cell]:
                block = scenario.zones[index]
                called = f" ({block.name})" if block.name else f" ({block.geojson})" if block.geojson else ""
                by = f"in zones[{index}]{called}"
                break
        message = (
            f"{use.name} would be {by} at ({use.xy[0]:.0f}, {use.xy[1]:.0f}) m, or on a cell of {site.ref.cell_m:g} m that touches "
            "it; move it or make the zone smaller"
        )
        raise fault(scenario, _path(scenario, use, jobs), None, message)


def _path(scenario: Scenario, use: Use, jobs: Sequence[Job]) -> tuple[str | int, ...]:
    """Return where in the scenario a start, job or haven was asked for."""
    if use.block == "fleet":
        return ("fleet", use.number, "at")
    if use.block == "jobs":
        made = [block for block, ids in enumerate(job_ids(scenario).values()) for _ in ids]
        return ("jobs", made[use.number], "at")
    named = [number for number, haven in enumerate(scenario.havens) for _ in labels_of(scenario, haven)]
    return ("havens", named[use.number]) if named else ("havens",)
