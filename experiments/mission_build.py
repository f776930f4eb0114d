"""From a scenario to a mission: build the site, turn place rules into coordinates, and check that the fleet fits the ground."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.errors import MissionError
from moonfleet.agents.mission import FleetMember, MissionSpec
from moonfleet.agents.mission_zones import MissionZones
from moonfleet.agents.outages import Outage
from moonfleet.autonomy.errors import JobError
from moonfleet.autonomy.jobs import Job, JobKind
from moonfleet.autonomy.zones_geojson import PlanZones
from moonfleet.terrain.catalogue import named_place
from moonfleet.terrain.clock import utc_to_tdb
from moonfleet.terrain.errors import SiteError
from moonfleet.terrain.grid import polar_xy
from moonfleet.terrain.ground_style import GroundStyle
from moonfleet.terrain.places import PlaceRule, pick_places
from moonfleet.terrain.relay import relay_named
from moonfleet.terrain.site import Site, SiteRecipe, build_site, recipe_of_dem

from .errors import RunFolderError, ScenarioError
from .scenario import group_points, is_file, job_ids, job_points, labels_of, place_order, with_seed
from .scenario_faults import fault
from .scenario_model import PlaceBlock, ResolvedBlock, Scenario, SiteBlock
from .scenario_robots import member_spec
from .site_options import DEM_SUFFIXES, SYNTHETIC_LONLAT
from .zone_build import ZonesSoFar, check_open, file_zones, resolved_zones, zones_of, zones_of_mission

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Plan:
    """A mission ready to fly, and the scenario as resolved for it: loading that one gives the same mission again."""

    mission: MissionSpec
    scenario: Scenario


def build_mission(
    scenario: Scenario,
    *,
    site: str | None = None,
    seed: int | None = None,
    cache: Path | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Plan:
    """Resolve a scenario.

    Parameters
    ----------
    site
        A user's elevation file or the name of a known place, in the stead of the scenario's own.
    seed
        Root seed in the stead of the scenario's own.
    cache
        Folder of built sites; the default is the user's cache.
    progress
        Called with (what is being done, fraction done) while the site is built.

    Raises
    ------
    ScenarioError
        A place that cannot be found, ground too small, a robot that would start where it cannot stand.
    SiteError
        An elevation file or place name that cannot be used.
    """
    if seed is not None:
        scenario = with_seed(scenario, seed)
    if site is not None:
        scenario = scenario.model_copy(update={"site": override_site(scenario.site, site)})
    files = file_zones(scenario)
    recipe = recipe_of(scenario)
    built = build_site(recipe, cache=cache, progress=progress)
    check_key(scenario, built)
    check_area(scenario, built)
    points = resolve_places(scenario, built, files)
    scenario = resolved_copy(scenario, recipe, built, points)
    flat = resolve_flat(scenario)
    plans = zones_of(scenario, files)
    zones = zones_of_mission(scenario, plans)
    mission = assemble(scenario, built, flat, plans, zones)
    scenario = scenario.model_copy(update={"station": mission.station})  # the report names it
    if zones is not None and scenario.resolved is not None:
        stamp = scenario.resolved.model_copy(update={"zones_key": zones.key})
        scenario = scenario.model_copy(update={"resolved": stamp})
    return Plan(mission, scenario)


def override_site(block: SiteBlock, given: str) -> SiteBlock:
    """Return the site block for ``--site``: an elevation file when it looks like one, else the name of a place."""
    try:
        path = Path(given).expanduser()
        looks_like_one = path.exists() or path.suffix.lower() in DEM_SUFFIXES
    except (OSError, RuntimeError) as error:  # a name too long, a home that nobody has
        raise SiteError(f"--site = {given[:60]}: no such file ({error.args[-1]})") from error
    if looks_like_one:
        if not is_file(path):
            raise SiteError(f"--site = {given}: no such file")
        kept = ("cell_m", "seed", "azimuths", "roughness", "crater_density", "rock_abundance", "masts_m")
        return SiteBlock(dem=str(path.resolve()), **{key: getattr(block, key) for key in kept})
    place = {"name": given, "lon_deg": None, "lat_deg": None, "dem": None, "synthetic": False, "regions": ()}
    return block.model_copy(update=place)


def assemble(
    scenario: Scenario,
    site: Site,
    flat: dict[str, Point],
    plans: dict[int, PlanZones] | None = None,
    zones: MissionZones | None = None,
) -> MissionSpec:
    """Make the mission out of a resolved scenario; faults of the fleet or jobs on this ground become `ScenarioError`."""
    specs = [member_spec(scenario, index) for index in range(len(scenario.fleet))]
    fleet = tuple(
        FleetMember(member.name, spec, None if member.at is None else flat[member.at], round(member.lands_h * 3600.0))
        for member, spec in zip(scenario.fleet, specs, strict=True)
    )
    landers = [member.name for member in fleet if member.spec.role == "lander"]
    station = scenario.station or landers[0]
    at_station = [(member.name, member.xy) for member in fleet if member.name == station and member.xy is not None]
    havens = tuple((name, flat[name]) for haven in scenario.havens for name in labels_of(scenario, haven))
    jobs = make_jobs(scenario, flat)
    check_open(scenario, site, plans or {}, fleet, jobs, havens)
    try:
        return MissionSpec(
            name=scenario.name,
            site=site,
            fleet=fleet,
            jobs=jobs,
            t0=utc_to_tdb(scenario.start_utc),
            duration_s=round(scenario.duration_s),
            seed=scenario.seed,
            station=station,
            havens=havens or tuple(at_station),
            relay=None if scenario.relay is None else relay_named(scenario.relay),
            decision_s=scenario.decision_step_s,
            drive_s=scenario.drive_step_s,
            tick_s=scenario.physics_tick_s,
            perception=scenario.perception,
            faults=scenario.faults,
            robots_per_actor=scenario.robots_per_actor,
            checkpoint_every=scenario.checkpoint_every_steps,
            outages=tuple(
                Outage(round(one.window_h[0] * 3600.0), round(one.window_h[1] * 3600.0), one.robots, one.peers)
                for one in scenario.outages
            ),
            zones=zones,
        )
    except (MissionError, JobError) as error:
        raise ScenarioError(f"{error} ({scenario.name} on site {site.name!r})") from error


def make_jobs(scenario: Scenario, flat: dict[str, Point]) -> tuple[Job, ...]:
    """Return the jobs; a block at a place with a count makes one per point, and needing it means needing all of them."""
    ids = job_ids(scenario)
    jobs: list[Job] = []
    for block in scenario.jobs:
        needs = tuple(one for need in block.needs for one in ids.get(need, (need,)))
        window = None if block.window_h is None else (block.window_h[0] * 3600.0, block.window_h[1] * 3600.0)
        for ident, point in zip(ids[block.id], job_points(scenario, block), strict=True):
            jobs.append(
                Job(
                    id=ident,
                    kind=JobKind(block.kind),
                    xy=flat[point],
                    effort_h=block.effort_h,
                    tool=block.kind if block.tool is None else block.tool,
                    value=block.value,
                    data_mbit=block.data_mbit,
                    needs=needs,
                    crew=block.crew,
                    window_s=window,
                )
            )
    return tuple(jobs)


def recipe_of(scenario: Scenario) -> SiteRecipe:
    """Return the site recipe of a scenario; of a user's elevation file, the largest square when no size is given."""
    block = scenario.site
    lonlat = (block.lon_deg, block.lat_deg) if block.lon_deg is not None and block.lat_deg is not None else None
    style = GroundStyle(block.roughness, block.crater_density, block.rock_abundance)
    regions = tuple(Path(path).expanduser().resolve() for path in block.regions)
    if block.dem is not None and scenario.resolved is None:
        return recipe_of_dem(
            Path(block.dem).expanduser(), name=block.name, lonlat=lonlat,
            size_m=block.size_m if "size_m" in block.model_fields_set else None, cell_m=block.cell_m, seed=block.seed,
            azimuths=block.azimuths, style=style, regions=regions, masts_m=block.masts_m,
        )  # fmt: skip
    if lonlat is None and block.synthetic:
        lonlat = SYNTHETIC_LONLAT
    elif lonlat is None:
        place = named_place(block.name or "")
        lonlat = (place.lon_deg, place.lat_deg)
    return SiteRecipe(
        block.name or scenario.name, *lonlat, size_m=block.size_m, cell_m=block.cell_m, seed=block.seed,
        azimuths=block.azimuths, dem=None if block.dem is None else Path(block.dem), style=style,
        synthetic=block.synthetic, regions=regions, masts_m=block.masts_m,
    )  # fmt: skip


def check_key(scenario: Scenario, site: Site) -> None:
    """Raise when a resolved scenario's coordinates belong to another ground than the one just built."""
    if scenario.resolved is not None and scenario.resolved.site_key != site.key:
        raise RunFolderError(
            f"resolved.site_key = {scenario.resolved.site_key[:12]}: the ground is now {site.key[:12]}; "
            "the elevation file or the version of moonfleet has changed since this run was started"
        )


def check_area(scenario: Scenario, site: Site) -> None:
    """Raise `ScenarioError` when the site is smaller than the area the fleet needs."""
    xmin, ymin, xmax, ymax = site.ref.bounds
    width = min(xmax - xmin, ymax - ymin)
    if width < scenario.area_m:
        raise ScenarioError(
            f"site {site.name!r}: {xmax - xmin:.0f} m by {ymax - ymin:.0f} m is smaller than the fleet's area of "
            f"{scenario.name!r} (area_m = {scenario.area_m:g}); use a larger elevation file or a scenario with less ground"
        )


def resolve_places(
    scenario: Scenario, site: Site, files: dict[int, PlanZones] | None = None
) -> dict[str, tuple[Point, ...]]:
    """Return the points of every place, following ``near`` and ``reachable_from`` in order; picked ones outside the zones."""
    points: dict[str, tuple[Point, ...]] = {}
    flat: dict[str, Point] = {}
    zones = ZonesSoFar(scenario, site, files or {})
    for place in place_order(scenario):
        zones.learn(flat)
        block = scenario.places[place]
        points[place] = resolve_place(scenario, site, place, block, flat, zones.closed)
        flat.update(zip(group_points(place, block), points[place], strict=True))
        for x, y in points[place]:
            if not bool(site.ref.inside(x, y)):
                where = f"{'offset_m' if block.offset_m else 'lonlat' if block.lonlat else 'xy_m'}"
                message = f"({x:.0f}, {y:.0f}) m lies outside the site, x y {_box(site)}"
                raise fault(scenario, ("places", place, where), None, message)
    return {place: points[place] for place in scenario.places}


def resolve_place(
    scenario: Scenario,
    site: Site,
    place: str,
    block: PlaceBlock,
    flat: dict[str, Point],
    closed: NDArray[np.bool_] | None = None,
) -> tuple[Point, ...]:
    """Return the points of one place, given those it refers to."""
    cx, cy = site.ref.centre
    if block.xy_m is not None:
        first = block.xy_m[0]
        return tuple(block.xy_m) if isinstance(first, tuple) else (block.xy_m,)  # type: ignore[return-value]
    if block.lonlat is not None:
        x, y = polar_xy(*block.lonlat)
        return ((float(x), float(y)),)
    near = flat[block.near] if block.near is not None else None
    if block.offset_m is not None:
        x, y = near or (float(cx), float(cy))
        return ((x + block.offset_m[0], y + block.offset_m[1]),)
    xmin, _, xmax, _ = site.ref.bounds
    rule = PlaceRule(
        pick="",
        near=near,
        min_m=block.min_m,
        max_m=block.max_m if block.max_m is not None else float(xmax - xmin),
        max_slope_deg=block.max_slope_deg,
        apart_m=block.apart_m,
        count=block.count,
    )
    start = flat[block.reachable_from] if block.reachable_from is not None else None
    found: list[Point] = []
    picks = (block.pick,) if isinstance(block.pick, str) else block.pick or ()
    for number, pick in enumerate(picks):
        try:
            found = pick_places(site, replace(rule, pick=pick), reachable_from=start, closed=closed)
            break
        except SiteError as error:
            if number == len(picks) - 1:
                raise fault(scenario, ("places", place), None, str(error)) from error
    if len(found) < block.count:
        message = f"found {len(found)} of {block.count} places on site {site.name!r}; allow more slope or distance, or ask for fewer"
        raise fault(scenario, ("places", place), None, message)
    return tuple((float(x), float(y)) for x, y in found)


def resolved_copy(scenario: Scenario, recipe: SiteRecipe, site: Site, points: dict[str, tuple[Point, ...]]) -> Scenario:
    """Return the scenario with coordinates in the place of rules, and the key of the ground they belong to."""
    from moonfleet import __version__

    blocks = {
        place: PlaceBlock(xy_m=_rounded(xys) if is_group(scenario, place) else _rounded(xys)[0])
        for place, xys in points.items()
    }
    stamp = ResolvedBlock(moonfleet=__version__, site_key=site.key)
    if scenario.resolved is not None and scenario.resolved.zones_key is not None:
        stamp = stamp.model_copy(update={"zones_key": scenario.resolved.zones_key})
    ground = SiteBlock(
        name=recipe.name,
        lon_deg=recipe.lon_deg,
        lat_deg=recipe.lat_deg,
        dem=None if recipe.dem is None else str(recipe.dem),
        size_m=recipe.size_m,
        cell_m=recipe.cell_m,
        seed=recipe.seed,
        azimuths=recipe.azimuths,
        synthetic=recipe.synthetic,
        roughness=recipe.style.roughness,
        crater_density=recipe.style.crater_density,
        rock_abundance=recipe.style.rock_abundance,
        regions=tuple(str(path) for path in recipe.regions),
        masts_m=recipe.masts_m,
    )
    changes: dict[str, object] = {"places": blocks, "site": ground, "resolved": stamp}
    if scenario.zones:
        flat = {
            name: xy
            for place, xys in points.items()
            for name, xy in zip(group_points(place, scenario.places[place]), xys, strict=True)
        }
        changes["zones"] = resolved_zones(scenario, flat)
    return scenario.model_copy(update=changes)


def is_group(scenario: Scenario, place: str) -> bool:
    """Say whether a place has numbered points."""
    return group_points(place, scenario.places[place]) != (place,)


def resolve_flat(scenario: Scenario) -> dict[str, Point]:
    """Return the coordinates of every point of a resolved scenario, as written (rounded to a millimetre)."""
    flat: dict[str, Point] = {}
    for place, block in scenario.places.items():
        xys = block.xy_m if block.xy_m is not None and isinstance(block.xy_m[0], tuple) else (block.xy_m,)
        flat.update(zip(group_points(place, block), xys, strict=True))  # type: ignore[arg-type]
    return flat


def _rounded(xys: tuple[Point, ...]) -> tuple[Point, ...]:
    return tuple((round(x, 3), round(y, 3)) for x, y in xys)


def _box(site: Site) -> str:
    xmin, ymin, xmax, ymax = site.ref.bounds
    return f"{xmin:.0f}..{xmax:.0f}, {ymin:.0f}..{ymax:.0f} m"
