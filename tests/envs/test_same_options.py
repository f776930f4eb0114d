"""A state goes into a game with the same options, however these were given, and into no other, which names what differs."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import moonfleet.envs
from moonfleet.agents.landing_tiles import TileRecipe
from moonfleet.envs.errors import EnvStateError
from moonfleet.envs.hazard_landing.levels import EASY as EASY_LANDING
from moonfleet.envs.hazard_landing.rewards import RewardWeights
from moonfleet.envs.ice_prospecting.levels import LEVELS as ICE
from moonfleet.envs.polar_traverse.levels import LEVELS as TRAVERSE
from moonfleet.envs.same_options import OPTIONS, need_same_options, options_text, told_keys
from moonfleet.envs.site_construction.levels import LEVELS as SITE
from moonfleet.envs.station_ops.levels import FLEETS
from moonfleet.envs.station_ops.levels import LEVELS as STATION

NAMES = ("PolarTraverse", "IceProspecting", "HazardLanding", "SiteConstruction", "StationOps")
PAIR = {"fleet": "pair"}


def make(name: str, worlds: int = 1, **options: Any) -> Any:
    return moonfleet.envs.vector_env(f"moonfleet/{name}-v0", worlds, **({"level": "easy"} | options))


def begun(name: str, worlds: int = 1, **options: Any) -> Any:
    env = make(name, worlds, **options)
    env.reset(seed=4)
    return env


def fields(level: Any) -> dict[str, Any]:
    return {field.name: getattr(level, field.name) for field in dataclasses.fields(level)}


OTHERS: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("PolarTraverse", {}, {"max_steps": 10}, "with max_steps = 144, this one has 10"),
    ("PolarTraverse", {}, {"continuous": True}, "with continuous = False, this one has True"),
    ("PolarTraverse", {}, {"faults": True}, "with faults = False, this one has True"),
    ("PolarTraverse", {}, {"lit_share": 0.5}, "with lit_share = 0.6, this one has 0.5"),
    ("PolarTraverse", {}, {"battery_frac": 0.5}, "with battery_frac = 1, this one has 0.5"),
    ("PolarTraverse", {}, {"reach_m": 50}, "with reach_m = 40, this one has 50"),
    ("PolarTraverse", {}, {"max_slope_deg": 15}, "with max_slope_deg = 9, this one has 15"),
    ("PolarTraverse", {}, {"targets": 16}, "with targets = 4, this one has 16"),
    ("PolarTraverse", {}, {"robot": "yutu-rover"}, "with robot = 'viper-rover', this one has 'yutu-rover'"),
    ("PolarTraverse", {}, {"dates": ("2029-02-01", "2029-03-01")}, "with dates = .*2029-01-01.*has .*2029-02-01"),
    ("IceProspecting", {}, {"max_steps": 97}, "with max_steps = 96, this one has 97"),
    ("IceProspecting", {}, {"cache_kg": 2.0}, "with cache_kg = 1, this one has 2"),
    ("HazardLanding", {}, {"max_steps": 3}, "with max_steps = 120, this one has 3"),
    ("HazardLanding", {}, {"continuous": True}, "with continuous = False, this one has True"),
    ("HazardLanding", {}, {"fault_chance": 0.5}, "with fault_chance = 0, this one has 0.5"),
    ("HazardLanding", {}, {"tiles": 8}, "with tiles = 32, this one has 8"),
    (
        "HazardLanding",
        {"tiles": 2},
        {"tiles": 2, "terrain": TileRecipe(clear_cover=0.006, field_cover=0.3, field_share=0.6, field_m=60.0)},
        r"with terrain.clear_cover = 0.005, this one has 0.006",
    ),
    ("SiteConstruction", {}, {"tolerance_m": 0.1}, "with tolerance_m = 0.03, this one has 0.1"),
    ("SiteConstruction", {}, {"sinter_m": 0.01}, "with sinter_m = 0.002, this one has 0.01"),
    ("SiteConstruction", {}, {"faults": True}, "with faults = False, this one has True"),
    ("SiteConstruction", {}, {"robots": ("grader",)}, r"with robots = \('grader', 'paver'\), this one has \('grader',\)"),
    ("StationOps", PAIR, {**PAIR, "days": 3.0}, "with days = 7, this one has 3"),
    ("StationOps", PAIR, {**PAIR, "faults": True}, "with faults = False, this one has True"),
    ("StationOps", PAIR, {"fleet": "small"}, "with fleet = .*, this one has .*queqiao2"),
    ("StationOps", PAIR, {**PAIR, "perception": "statistical"}, "with perception = 'map', this one has 'statistical'"),
    ("StationOps", PAIR, {**PAIR, "event_log": True}, "with event_log = False, this one has True"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options", "others", "told"), OTHERS)
def test_a_state_of_other_options_is_refused_by_name(
    name: str, options: dict[str, Any], others: dict[str, Any], told: str, site_cache: Path
) -> None:
    state, other = begun(name, **options).get_state(0), begun(name, **others)
    before = other.get_state(0)
    with pytest.raises(EnvStateError, match=f"^set_state: the state is of a game {told}"):
        other.set_state(0, state)
    after = other.get_state(0)
    assert all(before[part].tobytes() == after[part].tobytes() for part in before)


ALIKE: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("PolarTraverse", {"level": "default", **fields(TRAVERSE["easy"])}, {"max_steps": np.int64(144)}),
    ("PolarTraverse", {"dates": ("2029-01-01", "2030-01-01T00:00:00Z")}, {"battery_frac": 1, "grounds": 1}),
    ("IceProspecting", {"level": "hard", **fields(ICE["easy"])}, {"battery_frac": 1, "range_min": [8, 20]}),
    ("HazardLanding", {"level": "hard", **fields(EASY_LANDING)}, {"weights": RewardWeights(), "fuel_kg": [170, 200]}),
    ("SiteConstruction", {"level": "hard", **fields(SITE["easy"])}, {"robots": ["grader", "paver"]}),
    ("StationOps", {"level": "default", **fields(STATION["easy"]), **PAIR}, {"fleet": list(FLEETS["pair"])}),
]


@pytest.mark.parametrize(("name", "one", "other"), ALIKE)
def test_the_same_options_given_otherwise_are_the_same(
    name: str, one: dict[str, Any], other: dict[str, Any], site_cache: Path
) -> None:
    state = begun(name, **one).get_state(0)
    many = begun(name, 3, **other, threads=2)
    many.set_state(2, state)
    assert all(many.get_state(2)[part].tobytes() == value.tobytes() for part, value in state.items())


@pytest.mark.parametrize("name", NAMES)
def test_the_options_of_a_state_are_one_small_text(name: str, site_cache: Path) -> None:
    env = begun(name)
    state = env.get_state(0)
    told = json.loads(str(state[OPTIONS]))
    assert told["environment"] == name and len(str(state[OPTIONS])) < 1500
    assert not {"threads", "worlds", "level", "render_mode", "copy"} & set(told)
    for bad in (np.array("elsewhere"), np.array("[1]"), np.array("[" * 100_000), np.array("{}"), None):
        with pytest.raises(EnvStateError, match=OPTIONS + " is damaged|with environment = None"):
            env.set_state(0, state | {OPTIONS: bad})
    with pytest.raises(EnvStateError, match=f"{OPTIONS} missing"):
        env.set_state(0, {part: value for part, value in state.items() if part != OPTIONS})


def test_a_state_of_another_environment_is_told_by_name(site_cache: Path) -> None:
    other = begun("HazardLanding")
    with pytest.raises(EnvStateError, match="environment = 'SiteConstruction', this one has 'HazardLanding'"):
        other.set_state(0, begun("SiteConstruction").get_state(0))


def test_a_team_of_another_size_is_told_by_its_options(site_cache: Path) -> None:
    pytest.importorskip("pettingzoo")
    pair, crew = (
        moonfleet.envs.parallel_env("moonfleet/StationOps-v0", level="easy", fleet=name) for name in ("pair", "small")
    )
    pair.reset(seed=1)
    crew.reset(seed=1)
    with pytest.raises(EnvStateError, match="with fleet = "):
        crew.set_state(pair.get_state())


def test_options_are_compared_as_values() -> None:
    own = {"a": 1, "b": (1, 2.0), "c": float("nan"), "d": None, "f": {"g": [1.0]}, "h": 1e300, "i": float("inf")}
    assert '"f": {"g": [1]}' in str(options_text(own))
    need_same_options("x", options_text({**own, "a": 1.0, "b": [1, 2]}), own)
    with pytest.raises(EnvStateError, match=r"with b = \(1, 3\), this one has \(1, 2\)"):
        need_same_options("x", options_text({**own, "b": [1, 3]}), own)
    with pytest.raises(EnvStateError, match="with e = 5, this one has None"):
        need_same_options("x", options_text({**own, "e": np.int64(5)}), own)
    with pytest.raises(EnvStateError, match=r"with a = 'y{50,}\.\.\., this one has 1"):
        need_same_options("x", options_text({**own, "a": "y" * 1000}), own)


def test_keys_of_many_grounds_are_told_briefly() -> None:
    assert told_keys(["a", "b"]) == "a, b"
    many = [f"ground-{k}" for k in range(1000)]
    assert len(told_keys(many)) < 60 and told_keys(many) != told_keys(many[::-1])
