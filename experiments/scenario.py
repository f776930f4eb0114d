"""Reading a scenario: file -> schema -> the rules that cross blocks (names, references, cycles). Every fault is a `ScenarioError`."""

from __future__ import annotations

import contextlib
import graphlib
import importlib.resources
from pathlib import Path

import yaml
from pydantic import ValidationError

from moonfleet.terrain.errors import MoonfleetError, did_you_mean

from .errors import ScenarioError
from .policy_build import check_policy
from .scenario_faults import fault, schema_faults, show_value
from .scenario_model import JobBlock, PlaceBlock, Scenario, ZoneBlock
from .scenario_robots import kinds_of, member_spec, take_in_catalogue
from .yaml_source import Place, YamlSource, parse_yaml, read_yaml


def shipped_scenarios() -> dict[str, Path]:
    """Return the scenarios that come with the package: name -> file."""
    folder = Path(str(importlib.resources.files("moonfleet.experiments") / "scenarios"))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


# what people give in the stead of a scenario, by a file that tells it
FOLDERS = {
    "campaign.json": "the folder of a campaign, no scenario; 'moonfleet campaign {0} --resume' goes on with it",
    "scenario.yaml": "the folder of a run; its scenario is {0}/scenario.yaml, and 'moonfleet resume {0}' goes on with it",
}


def load_scenario(name_or_path: str | Path) -> Scenario:
    """Read and check one scenario, by the name of a shipped one or by a path.

    Raises
    ------
    ScenarioError
        Unknown name, unreadable file, or anything the schema or its rules refuse; all faults of the schema at once.
    """
    shipped = shipped_scenarios()
    if str(name_or_path) in shipped:
        return check_scenario(read_yaml(shipped[str(name_or_path)]))
    path = Path(name_or_path)
    if is_file(path):
        return check_scenario(read_yaml(path))
    for inside, words in FOLDERS.items():
        if is_file(path / inside):
            raise ScenarioError(f"{path}: {words.format(path)}")
    if path.suffix in (".yaml", ".yml") or path.parent != Path():
        raise ScenarioError(f"{path}: no such scenario file")
    raise ScenarioError(
        f"scenario = {str(name_or_path)!r}: not a shipped scenario or a file.{did_you_mean(str(name_or_path), shipped)}"
    )


def is_file(path: Path) -> bool:
    """Say whether ``path`` is a file; what the system cannot even look up (a name too long, say) is none."""
    try:
        return path.is_file()
    except OSError:
        return False


def with_seed(scenario: Scenario, seed: int) -> Scenario:
    """Return the scenario with another root seed; raises `ScenarioError` for one that is no whole number from 0 below 2^63."""
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ScenarioError(f"seed = {show_value(seed)}: must be a whole number from 0 to {2**63 - 1}")
    return scenario.model_copy(update={"seed": seed})


def with_policy(scenario: Scenario, policy: str) -> Scenario:
    """Return the scenario with another policy for every robot; raises `PolicyError` for one that does not exist."""
    return scenario.model_copy(
        update={
            "policy": check_policy(policy),
            "fleet": tuple(one.model_copy(update={"policy": None}) for one in scenario.fleet),
        }
    )


def load_text(text: str, filename: str = "scenario.yaml") -> Scenario:
    """Check a scenario given as YAML text."""
    return check_scenario(parse_yaml(text, filename))


def dump_scenario(scenario: Scenario) -> str:
    """Return a scenario as YAML text that `load_text` reads back to an equal one."""
    data = scenario.model_dump(mode="json", exclude_unset=True)
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)


def check_scenario(source: YamlSource) -> Scenario:
    """Validate parsed data against the schema and the rules across blocks."""
    if not isinstance(source.data, dict):
        raise ScenarioError(
            f"{source.filename}: must be a block of keys such as 'name:', not {type(source.data).__name__}"
        )
    try:
        scenario = Scenario.model_validate(source.data).from_source(source)
    except ValidationError as error:
        raise ScenarioError("\n".join(schema_faults(error, source))) from None
    scenario = take_in_catalogue(scenario, source)
    _check_times(scenario)
    _check_places(scenario)
    _check_fleet(scenario)
    _check_jobs(scenario)
    _check_zones(scenario)
    return scenario


def _check_times(scenario: Scenario) -> None:
    from moonfleet.terrain.clock import utc_to_tdb

    for short, long in (("physics_tick_s", "drive_step_s"), ("drive_step_s", "decision_step_s")):
        a, b = getattr(scenario, short), getattr(scenario, long)
        if b % a:
            raise fault(scenario, (long,), b, f"must be a whole multiple of {short} = {a}")
    try:
        utc_to_tdb(scenario.start_utc)
    except (MoonfleetError, ValueError) as error:
        example = "must be a UTC time such as 2030-06-02T00:00:00, in the years 1973 to 2099"
        raise fault(scenario, ("start_utc",), scenario.start_utc, example) from error


def point_names(scenario: Scenario) -> dict[str, tuple[str, int]]:
    """Return every single point: name -> (place, index); a place with a count gives ``place-1 .. place-n``."""
    names: dict[str, tuple[str, int]] = {}
    for place, block in scenario.places.items():
        for index, name in enumerate(group_points(place, block)):
            if name in names or (name != place and name in scenario.places):
                raise fault(scenario, ("places", place), None, f"its point {name!r} has the name of another place")
            names[name] = (place, index)
    return names


def group_points(place: str, block: PlaceBlock) -> tuple[str, ...]:
    """Return the names of the points of one place."""
    count = block.count
    if block.xy_m is not None and isinstance(block.xy_m[0], tuple):
        count = len(block.xy_m)
    elif block.xy_m is not None or "count" not in block.model_fields_set:
        return (place,)
    return tuple(f"{place}-{i + 1}" for i in range(count))


def labels_of(scenario: Scenario, name: str) -> tuple[str, ...]:
    """Return the points that a place name or a point name means."""
    return group_points(name, scenario.places[name]) if name in scenario.places else (name,)


def place_order(scenario: Scenario) -> tuple[str, ...]:
    """Return the places in an order in which ``near`` and ``reachable_from`` are known before they are used.

    Those that zones are drawn by, and what these refer to, come first: the others are picked outside the zones.
    """
    points = point_names(scenario)
    graph = {
        place: [points[other][0] for other in (block.near, block.reachable_from) if other is not None]
        for place, block in scenario.places.items()
    }
    try:
        order = tuple(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError as error:
        chain = " -> ".join(error.args[1])
        raise fault(
            scenario, ("places", error.args[1][0]), None, f"places refer to each other in a circle: {chain}"
        ) from error
    drawn = {points[name][0] for block in scenario.zones for _, name in zone_points(block)}
    for place in reversed(order):
        drawn |= set(graph[place]) if place in drawn else set()
    return (*(place for place in order if place in drawn), *(place for place in order if place not in drawn))


def zone_points(block: ZoneBlock) -> tuple[tuple[Place, str], ...]:
    """Return the points that a zone names: (where in the block, name)."""
    found: list[tuple[Place, str]] = [
        ((key,), name) for key in ("around", "near") if isinstance(name := getattr(block, key), str)
    ]
    for key in ("ring", "line"):
        found += [((key, i), name) for i, name in enumerate(getattr(block, key) or ()) if isinstance(name, str)]
    return tuple(found)


def _check_zones(scenario: Scenario) -> None:
    for index, block in enumerate(scenario.zones):
        if block.geojson is not None and not is_file(zone_file(scenario, block.geojson)):
            raise fault(scenario, ("zones", index, "geojson"), block.geojson, "no such file")


def zone_file(scenario: Scenario, given: str) -> Path:
    """Return the path of a GeoJSON file; one that is not absolute lies beside the scenario's own file."""
    path = Path(given)
    with contextlib.suppress(RuntimeError):  # a home that nobody has
        path = path.expanduser()
    return scenario.source.folder / path


def _check_places(scenario: Scenario) -> None:
    points = point_names(scenario)
    for place, block in scenario.places.items():
        for key in ("near", "reachable_from"):
            other = getattr(block, key)
            if other is not None and other not in points:
                raise fault(scenario, ("places", place, key), other, f"no such place.{did_you_mean(other, points)}")
    for index, zone in enumerate(scenario.zones):
        for path, name in zone_points(zone):
            if name not in points:
                raise fault(scenario, ("zones", index, *path), name, f"no such place.{did_you_mean(name, points)}")
    place_order(scenario)
    for index, haven in enumerate(scenario.havens):
        if haven not in points and haven not in scenario.places:
            raise fault(scenario, ("havens", index), haven, f"no such place.{did_you_mean(haven, points)}")


def _check_fleet(scenario: Scenario) -> None:
    points, catalogue = point_names(scenario), kinds_of(scenario)
    first: dict[str, int] = {}
    landers: list[str] = []
    for index, member in enumerate(scenario.fleet):
        here: Place = ("fleet", index)
        if member.name in first:
            raise fault(scenario, (*here, "name"), member.name, f"name used twice, by fleet[{first[member.name]}] too")
        first[member.name] = index
        if member.robot not in catalogue:
            raise fault(
                scenario,
                (*here, "robot"),
                member.robot,
                f"not in the robot catalogue.{did_you_mean(member.robot, catalogue)}",
            )
        member_spec(scenario, index)
        role = catalogue[member.robot].role
        if role == "lander":
            landers.append(member.name)
        if role == "orbiter" and member.at is not None:
            raise fault(scenario, (*here, "at"), member.at, "an orbiter stands nowhere; leave 'at' out")
        if role != "orbiter" and member.at is None:
            raise fault(
                scenario, (*here, "at"), None, f"is missing: where {member.name!r} starts.{did_you_mean('', points)}"
            )
        if member.at is not None and member.at not in points:
            raise fault(scenario, (*here, "at"), member.at, f"no such place.{did_you_mean(member.at, points)}")
    for index, outage in enumerate(scenario.outages):
        for number, robot in enumerate(outage.robots):
            if robot not in first:
                where = ("outages", index, "robots", number)
                raise fault(scenario, where, robot, f"not in the fleet.{did_you_mean(robot, first)}")
    if scenario.station is not None and scenario.station not in landers:
        raise fault(
            scenario,
            ("station",),
            scenario.station,
            f"must be a lander of the fleet.{did_you_mean(scenario.station, landers)}",
        )
    if not landers:
        raise fault(
            scenario, ("fleet",), None, "needs a lander: it is the station that allocates jobs and keeps the data"
        )


def job_points(scenario: Scenario, job: JobBlock) -> tuple[str, ...]:
    """Return the points of one job block: one point, or all of a place with a count."""
    if job.at in scenario.places:
        return group_points(job.at, scenario.places[job.at])
    return (job.at,)


def job_ids(scenario: Scenario) -> dict[str, tuple[str, ...]]:
    """Return for each job block the ids of the jobs it makes: ``id``, or ``id-1 .. id-n``."""
    ids: dict[str, tuple[str, ...]] = {}
    for job in scenario.jobs:
        points = job_points(scenario, job)
        ids[job.id] = (job.id,) if len(points) == 1 else tuple(f"{job.id}-{i + 1}" for i in range(len(points)))
    return ids


def _check_jobs(scenario: Scenario) -> None:
    from moonfleet.autonomy.jobs import JobKind

    points, kinds = point_names(scenario), [kind.value for kind in JobKind]
    tools = {tool for index in range(len(scenario.fleet)) for tool in member_spec(scenario, index).tools}
    known: dict[str, int] = {}
    for index, job in enumerate(scenario.jobs):
        here: Place = ("jobs", index)
        if job.id in known:
            raise fault(scenario, (*here, "id"), job.id, f"id used twice, by jobs[{known[job.id]}] too")
        if job.kind not in kinds:
            raise fault(scenario, (*here, "kind"), job.kind, f"no such kind of job.{did_you_mean(job.kind, kinds)}")
        if job.at not in points and job.at not in scenario.places:
            raise fault(scenario, (*here, "at"), job.at, f"no such place.{did_you_mean(job.at, points)}")
        if (job.tool or job.kind) not in tools:
            key = "kind" if job.tool is None else "tool"
            message = f"no robot of the fleet carries the tool.{did_you_mean(job.tool or job.kind, tools)}"
            raise fault(scenario, (*here, key), job.tool or job.kind, message)
        known[job.id] = index
    owner = {one: block for block, made in job_ids(scenario).items() for one in (block, *made)}
    graph: dict[str, list[str]] = {}
    for index, job in enumerate(scenario.jobs):
        for number, need in enumerate(job.needs):
            if need not in owner:
                raise fault(
                    scenario, ("jobs", index, "needs", number), need, f"no such job.{did_you_mean(need, owner)}"
                )
        graph[job.id] = [owner[need] for need in job.needs]
    try:
        tuple(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError as error:
        chain = error.args[1]
        raise fault(
            scenario,
            ("jobs", known[chain[0]], "needs"),
            None,
            f"jobs wait for each other in a circle: {' -> '.join(chain)}",
        ) from error
