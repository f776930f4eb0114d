"""The machines of a scenario: the shipped catalogue, and those of the scenario's own, out of a folder or out of the file itself.

A folder (``catalogue: ./my_robots``) is read once, when the scenario is: the kinds that its fleet uses become ``robots`` of the
scenario. So the copy in a run folder, and whatever is sent to another machine, holds all it needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from .errors import ScenarioError
from .scenario_faults import fault, schema_faults
from .scenario_model import Scenario
from .yaml_source import Place, YamlSource

if TYPE_CHECKING:
    from moonfleet.agents.catalogue import RobotSpec


def take_in_catalogue(scenario: Scenario, source: YamlSource) -> Scenario:
    """Return the scenario with the kinds of its ``catalogue`` folder that its fleet uses as ``robots`` of its own.

    A relative folder stands beside the scenario's file (beside the working directory for a scenario that is no file).

    Raises
    ------
    ScenarioError
        No such folder, a bad file in it, or a kind that ``robots`` defines as well.
    """
    if scenario.catalogue is None:
        return scenario
    from moonfleet.agents.catalogue import load_catalogue
    from moonfleet.agents.errors import RobotError

    here: Place = ("catalogue",)
    given = scenario.catalogue
    try:
        folder = source.folder / Path(given).expanduser()
        found = folder.is_dir()
    except (OSError, RuntimeError, ValueError) as error:  # a name too long, a home that nobody has, a zero byte
        raise fault(scenario, here, given, f"no such folder of robot files ({error.args[-1]})") from error
    if not found:
        raise fault(scenario, here, given, f"no such folder of robot files ({folder})")
    try:
        shipped, kinds = load_catalogue(), load_catalogue(folder)
    except RobotError as error:
        raise fault(scenario, here, given, str(error)) from error
    own = {kind: spec for kind, spec in kinds.items() if kind not in shipped}
    for kind in scenario.robots:
        if kind in own:
            raise fault(scenario, ("robots", kind), None, f"is in {scenario.catalogue} too; keep one")
    used = {member.robot for member in scenario.fleet}
    taken = {kind: spec.model_dump(mode="json", exclude_unset=True) for kind, spec in own.items() if kind in used}
    whole = scenario.model_copy(update={"robots": {**scenario.robots, **taken}})
    alone = Scenario.model_validate(whole.model_dump(exclude_unset=True, exclude={"catalogue"}))
    return alone.from_source(source)


def kinds_of(scenario: Scenario) -> Mapping[str, RobotSpec]:
    """Return every kind that the fleet of a scenario may name: the shipped ones and its own ``robots``.

    Raises
    ------
    ScenarioError
        One of ``robots`` is refused by the schema of a robot file, or has the name of a shipped kind.
    """
    from moonfleet.agents.catalogue import RobotSpec, load_catalogue

    kinds = dict(load_catalogue())
    for kind, figures in scenario.robots.items():
        here: Place = ("robots", kind)
        if kind in kinds and scenario.resolved is None:  # a run goes on with the machine that it began with
            raise fault(
                scenario, here, None, "is in the shipped catalogue; give yours another name, or use 'overrides'"
            )
        try:
            kinds[kind] = RobotSpec.model_validate({"kind": kind, **figures})
        except ValidationError as error:
            keys = tuple(RobotSpec.model_fields)
            raise ScenarioError("\n".join(schema_faults(error, scenario.source, prefix=here, keys=keys))) from None
        if kinds[kind].kind != kind:
            raise fault(scenario, (*here, "kind"), kinds[kind].kind, f"must be {kind!r}, the key it stands under")
    return kinds


def member_spec(scenario: Scenario, index: int) -> RobotSpec:
    """Return the catalogue entry of one fleet member with its overrides, checked by the same schema.

    Raises
    ------
    ScenarioError
        An override that the schema refuses, with the path, value and line in the scenario.
    """
    from moonfleet.agents.catalogue import RobotSpec

    member = scenario.fleet[index]
    spec = kinds_of(scenario)[member.robot]
    here: Place = ("fleet", index, "overrides")
    for key in ("kind", "role", "sources"):
        if key in member.overrides:
            raise fault(scenario, (*here, key), None, f"cannot be overridden; {key!r} belongs to the catalogue")
    try:
        return RobotSpec.model_validate({**spec.model_dump(exclude_unset=True), **member.overrides})
    except ValidationError as error:
        keys = tuple(RobotSpec.model_fields)
        raise ScenarioError("\n".join(schema_faults(error, scenario.source, prefix=here, keys=keys))) from None
