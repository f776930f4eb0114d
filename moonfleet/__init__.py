"""moonfleet: autonomy for a robot fleet at the lunar south pole.

The five rooms, each importing only those to its right::

    experiments -> envs -> agents -> autonomy -> terrain

================  =================================================================================================
ground and sky    `build_site`, `open_site`, `Site`, `SiteRecipe`, `HeightGrid`, `GeoRef`, `read_dem`, `Sky`
robots            `robot_spec`, `load_catalogue`, `RobotSpec`, `World`
seeing            `detect_rocks`, `detect_craters`, `footprint_hazard`, `HazardMap`, `route_risk`, `land`, `LanderLimits`
routes            `plan_light`, `light_problem`, `LightRules`
thinking          `Policy`, `Observation`, `Job`, `Driver`
missions          `load_scenario`, `Simulation`, `read_events`
errors            `MoonfleetError`, the root of every error raised on purpose
================  =================================================================================================

Importing this package is cheap: a public name loads its room, and the room's heavy libraries, when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

# public name -> the module that defines it
_HOME = {
    "Driver": "moonfleet.autonomy.driver",
    "GeoRef": "moonfleet.terrain.grid",
    "HazardMap": "moonfleet.autonomy.hazard_map",
    "HeightGrid": "moonfleet.terrain.grid",
    "Job": "moonfleet.autonomy.jobs",
    "LanderLimits": "moonfleet.autonomy.lander_limits",
    "LightRules": "moonfleet.autonomy.lightplan_problem",
    "MoonfleetError": "moonfleet.terrain.errors",
    "Observation": "moonfleet.autonomy.policy",
    "Policy": "moonfleet.autonomy.policy",
    "RobotSpec": "moonfleet.agents.catalogue",
    "Simulation": "moonfleet.agents.simulation",
    "Site": "moonfleet.terrain.site",
    "SiteRecipe": "moonfleet.terrain.site",
    "Sky": "moonfleet.terrain.sky",
    "World": "moonfleet.agents.world",
    "build_site": "moonfleet.terrain.site",
    "detect_craters": "moonfleet.autonomy.craters_seen",
    "detect_rocks": "moonfleet.autonomy.rocks_seen",
    "footprint_hazard": "moonfleet.autonomy.footprint",
    "land": "moonfleet.agents.descent",
    "light_problem": "moonfleet.agents.light_problem",
    "load_catalogue": "moonfleet.agents.catalogue",
    "load_scenario": "moonfleet.experiments.scenario",
    "open_site": "moonfleet.terrain.site",
    "plan_light": "moonfleet.autonomy.lightplan",
    "read_dem": "moonfleet.terrain.dem_io",
    "read_events": "moonfleet.agents.events",
    "robot_spec": "moonfleet.agents.catalogue",
    "route_risk": "moonfleet.autonomy.route_risk",
}

if TYPE_CHECKING:
    from moonfleet.agents.catalogue import RobotSpec, load_catalogue, robot_spec
    from moonfleet.agents.descent import land
    from moonfleet.agents.events import read_events
    from moonfleet.agents.light_problem import light_problem
    from moonfleet.agents.simulation import Simulation
    from moonfleet.agents.world import World
    from moonfleet.autonomy.craters_seen import detect_craters
    from moonfleet.autonomy.driver import Driver
    from moonfleet.autonomy.footprint import footprint_hazard
    from moonfleet.autonomy.hazard_map import HazardMap
    from moonfleet.autonomy.jobs import Job
    from moonfleet.autonomy.lander_limits import LanderLimits
    from moonfleet.autonomy.lightplan import plan_light
    from moonfleet.autonomy.lightplan_problem import LightRules
    from moonfleet.autonomy.policy import Observation, Policy
    from moonfleet.autonomy.rocks_seen import detect_rocks
    from moonfleet.autonomy.route_risk import route_risk
    from moonfleet.experiments.scenario import load_scenario
    from moonfleet.terrain.dem_io import read_dem
    from moonfleet.terrain.errors import MoonfleetError
    from moonfleet.terrain.grid import GeoRef, HeightGrid
    from moonfleet.terrain.site import Site, SiteRecipe, build_site, open_site
    from moonfleet.terrain.sky import Sky

__all__ = [
    "Driver",
    "GeoRef",
    "HazardMap",
    "HeightGrid",
    "Job",
    "LanderLimits",
    "LightRules",
    "MoonfleetError",
    "Observation",
    "Policy",
    "RobotSpec",
    "Simulation",
    "Site",
    "SiteRecipe",
    "Sky",
    "World",
    "__version__",
    "build_site",
    "detect_craters",
    "detect_rocks",
    "footprint_hazard",
    "land",
    "light_problem",
    "load_catalogue",
    "load_scenario",
    "open_site",
    "plan_light",
    "read_dem",
    "read_events",
    "robot_spec",
    "route_risk",
]


def __getattr__(name: str) -> object:
    """Load a public name from its room when it is first asked for (PEP 562)."""
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
