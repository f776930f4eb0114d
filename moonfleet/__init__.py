"""moonfleet: autonomy for a robot fleet at the lunar south pole.

The five rooms, each importing only those to its right::

    experiments -> envs -> agents -> autonomy -> terrain

================  =================================================================================================
ground and sky    `build_site`, `open_site`, `Site`, `SiteRecipe`, `HeightGrid`, `GeoRef`, `read_dem`, `Sky`
robots            `robot_spec`, `load_catalogue`, `RobotSpec`, `robot_figures`, `World`, `save_world`, `restore_world`
seeing            `detect_rocks`, `detect_craters`, `footprint_hazard`, `HazardMap`, `route_risk`, `land`, `LanderLimits`
thinking          `Policy`, `Observation`, `Job`, `Driver`
routes            `shortest_path`, `distance_field`, `Landmarks`, `traversability`, `any_angle`, `Zones`, `repair`
routes in time    `plan_light`, `light_problem`, `LightRules`
excursions        `site_excursion`, `plan_excursion`, `loss_probability`, `recovery_policy`, `try_excursion`, `FaultLaw`
many robots       `FleetPlanner`, `FleetRobot`, `FleetPlan`, `fleet_conflicts`, `plan_group`, `one_way_moves`, `OneWay`
missions          `load_scenario`, `Simulation`, `read_events`
many runs         `run_campaign`, `read_campaign`
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
    "DriveLimits": "moonfleet.autonomy.traversability",
    "Driver": "moonfleet.autonomy.driver",
    "ExcursionProblem": "moonfleet.autonomy.excursion_model",
    "FaultLaw": "moonfleet.autonomy.excursion_model",
    "FleetPlan": "moonfleet.autonomy.fleet_routes",
    "FleetPlanner": "moonfleet.autonomy.fleetplan",
    "FleetRobot": "moonfleet.autonomy.fleet_routes",
    "GeoRef": "moonfleet.terrain.grid",
    "GroundRoute": "moonfleet.autonomy.any_angle",
    "HazardMap": "moonfleet.autonomy.hazard_map",
    "Hazards": "moonfleet.autonomy.repair",
    "HeightGrid": "moonfleet.terrain.grid",
    "Job": "moonfleet.autonomy.jobs",
    "KeepoutGrid": "moonfleet.autonomy.keepout_grid",
    "LanderLimits": "moonfleet.autonomy.lander_limits",
    "Landmarks": "moonfleet.autonomy.landmarks",
    "LightRules": "moonfleet.autonomy.lightplan_problem",
    "MachineLimits": "moonfleet.autonomy.traversability",
    "MoonfleetError": "moonfleet.terrain.errors",
    "Observation": "moonfleet.autonomy.policy",
    "OneWay": "moonfleet.autonomy.one_way",
    "Policy": "moonfleet.autonomy.policy",
    "RecoveryPolicy": "moonfleet.autonomy.recovery",
    "RobotSpec": "moonfleet.agents.catalogue",
    "SearchGrid": "moonfleet.autonomy.search_grid",
    "Simulation": "moonfleet.agents.simulation",
    "Site": "moonfleet.terrain.site",
    "SiteRecipe": "moonfleet.terrain.site",
    "Sky": "moonfleet.terrain.sky",
    "TrainedPolicy": "moonfleet.experiments.trained",
    "Traversability": "moonfleet.autonomy.traversability",
    "World": "moonfleet.agents.world",
    "ZoneError": "moonfleet.autonomy.errors",
    "Zones": "moonfleet.autonomy.zones",
    "any_angle": "moonfleet.autonomy.any_angle",
    "build_site": "moonfleet.terrain.site",
    "detect_craters": "moonfleet.autonomy.craters_seen",
    "detect_rocks": "moonfleet.autonomy.rocks_seen",
    "distance_field": "moonfleet.autonomy.search",
    "distance_matrix": "moonfleet.autonomy.search",
    "fleet_conflicts": "moonfleet.autonomy.fleet_check",
    "footprint_hazard": "moonfleet.autonomy.footprint",
    "kept_landmarks": "moonfleet.autonomy.landmarks",
    "land": "moonfleet.agents.descent",
    "light_problem": "moonfleet.agents.light_problem",
    "load_catalogue": "moonfleet.agents.catalogue",
    "load_scenario": "moonfleet.experiments.scenario",
    "loss_probability": "moonfleet.autonomy.excursion",
    "one_way_moves": "moonfleet.autonomy.one_way",
    "open_site": "moonfleet.terrain.site",
    "plan_excursion": "moonfleet.autonomy.excursion_plan",
    "plan_group": "moonfleet.autonomy.cbs",
    "plan_light": "moonfleet.autonomy.lightplan",
    "read_campaign": "moonfleet.experiments.campaign",
    "read_dem": "moonfleet.terrain.dem_io",
    "read_events": "moonfleet.agents.events",
    "read_zones": "moonfleet.autonomy.zones_geojson",
    "recovery_policy": "moonfleet.autonomy.recovery",
    "repair": "moonfleet.autonomy.repair",
    "restore_world": "moonfleet.agents.world_file",
    "robot_figures": "moonfleet.agents.figures",
    "robot_spec": "moonfleet.agents.catalogue",
    "route_risk": "moonfleet.autonomy.route_risk",
    "run_campaign": "moonfleet.experiments.campaign",
    "save_world": "moonfleet.agents.world_file",
    "shortest_path": "moonfleet.autonomy.search",
    "site_excursion": "moonfleet.agents.excursion_problem",
    "traversability": "moonfleet.autonomy.traversability",
    "try_excursion": "moonfleet.autonomy.excursion_trial",
    "visible_path": "moonfleet.autonomy.visibility_graph",
}

if TYPE_CHECKING:
    from moonfleet.agents.catalogue import RobotSpec, load_catalogue, robot_spec
    from moonfleet.agents.descent import land
    from moonfleet.agents.events import read_events
    from moonfleet.agents.excursion_problem import site_excursion
    from moonfleet.agents.figures import robot_figures
    from moonfleet.agents.light_problem import light_problem
    from moonfleet.agents.simulation import Simulation
    from moonfleet.agents.world import World
    from moonfleet.agents.world_file import restore_world, save_world
    from moonfleet.autonomy.any_angle import GroundRoute, any_angle
    from moonfleet.autonomy.cbs import plan_group
    from moonfleet.autonomy.craters_seen import detect_craters
    from moonfleet.autonomy.driver import Driver
    from moonfleet.autonomy.errors import ZoneError
    from moonfleet.autonomy.excursion import loss_probability
    from moonfleet.autonomy.excursion_model import ExcursionProblem, FaultLaw
    from moonfleet.autonomy.excursion_plan import plan_excursion
    from moonfleet.autonomy.excursion_trial import try_excursion
    from moonfleet.autonomy.fleet_check import fleet_conflicts
    from moonfleet.autonomy.fleet_routes import FleetPlan, FleetRobot
    from moonfleet.autonomy.fleetplan import FleetPlanner
    from moonfleet.autonomy.footprint import footprint_hazard
    from moonfleet.autonomy.hazard_map import HazardMap
    from moonfleet.autonomy.jobs import Job
    from moonfleet.autonomy.keepout_grid import KeepoutGrid
    from moonfleet.autonomy.lander_limits import LanderLimits
    from moonfleet.autonomy.landmarks import Landmarks, kept_landmarks
    from moonfleet.autonomy.lightplan import plan_light
    from moonfleet.autonomy.lightplan_problem import LightRules
    from moonfleet.autonomy.one_way import OneWay, one_way_moves
    from moonfleet.autonomy.policy import Observation, Policy
    from moonfleet.autonomy.recovery import RecoveryPolicy, recovery_policy
    from moonfleet.autonomy.repair import Hazards, repair
    from moonfleet.autonomy.rocks_seen import detect_rocks
    from moonfleet.autonomy.route_risk import route_risk
    from moonfleet.autonomy.search import distance_field, distance_matrix, shortest_path
    from moonfleet.autonomy.search_grid import SearchGrid
    from moonfleet.autonomy.traversability import DriveLimits, MachineLimits, Traversability, traversability
    from moonfleet.autonomy.visibility_graph import visible_path
    from moonfleet.autonomy.zones import Zones
    from moonfleet.autonomy.zones_geojson import read_zones
    from moonfleet.experiments.campaign import read_campaign, run_campaign
    from moonfleet.experiments.scenario import load_scenario
    from moonfleet.experiments.trained import TrainedPolicy
    from moonfleet.terrain.dem_io import read_dem
    from moonfleet.terrain.errors import MoonfleetError
    from moonfleet.terrain.grid import GeoRef, HeightGrid
    from moonfleet.terrain.site import Site, SiteRecipe, build_site, open_site
    from moonfleet.terrain.sky import Sky

__all__ = [
    "DriveLimits",
    "Driver",
    "ExcursionProblem",
    "FaultLaw",
    "FleetPlan",
    "FleetPlanner",
    "FleetRobot",
    "GeoRef",
    "GroundRoute",
    "HazardMap",
    "Hazards",
    "HeightGrid",
    "Job",
    "KeepoutGrid",
    "LanderLimits",
    "Landmarks",
    "LightRules",
    "MachineLimits",
    "MoonfleetError",
    "Observation",
    "OneWay",
    "Policy",
    "RecoveryPolicy",
    "RobotSpec",
    "SearchGrid",
    "Simulation",
    "Site",
    "SiteRecipe",
    "Sky",
    "TrainedPolicy",
    "Traversability",
    "World",
    "ZoneError",
    "Zones",
    "__version__",
    "any_angle",
    "build_site",
    "detect_craters",
    "detect_rocks",
    "distance_field",
    "distance_matrix",
    "fleet_conflicts",
    "footprint_hazard",
    "kept_landmarks",
    "land",
    "light_problem",
    "load_catalogue",
    "load_scenario",
    "loss_probability",
    "one_way_moves",
    "open_site",
    "plan_excursion",
    "plan_group",
    "plan_light",
    "read_campaign",
    "read_dem",
    "read_events",
    "read_zones",
    "recovery_policy",
    "repair",
    "restore_world",
    "robot_figures",
    "robot_spec",
    "route_risk",
    "run_campaign",
    "save_world",
    "shortest_path",
    "site_excursion",
    "traversability",
    "try_excursion",
    "visible_path",
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
