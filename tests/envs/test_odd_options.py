"""Options of types and sizes that nobody should give: each is refused by name, or taken for what it plainly is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import moonfleet.envs
from moonfleet.envs.errors import EnvOptionError, need_count, need_date, need_name, need_number
from moonfleet.envs.hazard_landing.rewards import RewardWeights as LandingWeights
from moonfleet.envs.ice_prospecting.rewards import RewardWeights as IceWeights
from moonfleet.envs.options import need_flag, plain_option
from moonfleet.envs.polar_traverse.rewards import RewardWeights as TraverseWeights
from moonfleet.envs.site_construction.rewards import RewardWeights as SiteWeights
from moonfleet.envs.station_ops.rewards import RewardWeights as StationWeights
from moonfleet.terrain.errors import MoonfleetError

NAMES = ("PolarTraverse", "IceProspecting", "HazardLanding", "SiteConstruction", "StationOps")
WEIGHTS = (TraverseWeights, IceWeights, LandingWeights, SiteWeights, StationWeights)


def make(name: str, num: Any = 1, /, **options: Any) -> Any:
    return moonfleet.envs.vector_env(f"moonfleet/{name}-v0", num, **({"level": "easy"} | options))


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("value", [None, "1", True, -1.0, np.nan, np.inf, 1e300, [1.0], 1j, np.array(1.0)])
def test_weights_are_finite_numbers(weights: Any, value: Any) -> None:
    field = next(iter(weights.__dataclass_fields__))
    with pytest.raises(EnvOptionError, match=rf"weights\.{field}"):
        weights(**{field: value})
    assert getattr(weights(**{field: np.float64(2.0)}), field) == 2.0


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("HazardLanding", {"max_step": 5}, "Did you mean 'max_steps'"),
        ("PolarTraverse", {"target": 5}, "Did you mean 'targets'"),
        ("IceProspecting", {"max_step": 5}, "Did you mean 'max_steps'"),
        ("SiteConstruction", {"pad_cell": 5}, "Did you mean 'pad_cells'"),
        ("StationOps", {"day": 5}, "Did you mean 'days'"),
        ("HazardLanding", {"level": "eazy"}, "Did you mean 'easy'"),
        ("HazardLanding", {"level": np.array(["easy"])}, "level"),
        ("HazardLanding", {"worlds": 3}, "num_envs"),
        ("HazardLanding", {"sun_el": 1}, "sun_el"),
        ("HazardLanding", {"continuous": "yes"}, "continuous"),
        ("HazardLanding", {"copy": np.zeros(2)}, "copy"),
        ("PolarTraverse", {"faults": 1}, "faults"),
        ("PolarTraverse", {"building": 5}, "building"),
        ("PolarTraverse", {"robot": ["viper-rover"]}, "robot"),
        ("PolarTraverse", {"dates": ("2028-01-01T00:00:00",)}, "dates"),
        ("PolarTraverse", {"dates": ("1700-01-01", "1701-01-01")}, "dates.*1973"),
        ("PolarTraverse", {"dates": ("2029-01-01", "2028-01-01")}, "before"),
        ("IceProspecting", {"weights": None}, "weights"),
        ("SiteConstruction", {"arrivals": 3}, "arrivals"),
        ("SiteConstruction", {"robots": (["grader"],)}, "robots"),
        ("SiteConstruction", {"faults": 2}, "faults"),
        ("StationOps", {"fleet": 7}, "fleet"),
        ("StationOps", {"dates": ("2029-01-01T00:00:00", "2029-01-01T00:00:01")}, "whole hour"),
        ("StationOps", {"fleet": ("ce7-lander", 3)}, "fleet"),
    ],
)
def test_options_are_refused_by_name(name: str, options: dict[str, Any], told: str, site_cache: Path) -> None:
    with pytest.raises(MoonfleetError, match=told):
        make(name, **options)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("wrong", ["levl", "thread", "max_stepz"])
def test_unknown_options_are_told_by_the_same_words(name: str, wrong: str) -> None:
    near = {"levl": "level", "thread": "threads", "max_stepz": "days" if name == "StationOps" else "max_steps"}[wrong]
    faces = (moonfleet.envs.solo_env, lambda env_id, **options: moonfleet.envs.vector_env(env_id, 1, **options))
    for face in faces:
        with pytest.raises(EnvOptionError, match=f"there is no '{wrong}'") as told:
            face(f"moonfleet/{name}-v0", **{wrong: "easy"})  # pyright: ignore[reportArgumentType]
        if near != "days":
            assert f"Did you mean '{near}'" in str(told.value)
        if "Known" in str(told.value):
            assert {"level", "threads", near} <= set(str(told.value).partition("Known: ")[2].rstrip(".").split(", "))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "HazardLanding"])
def test_ground_that_cannot_be_opened_is_refused_as_an_option(name: str, tmp_path: Path) -> None:
    (tmp_path / "site.json").write_text("{}")
    for wrong in ("/nowhere", Path("/nowhere"), str(tmp_path), "nobody\0s"):
        with pytest.raises(EnvOptionError, match=r"^site: got '") as told:
            make(name, site=wrong)
        assert told.value.__cause__ is not None


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("PolarTraverse", {"robot": "viper"}, "^robot: got 'viper'.*Did you mean 'viper-rover'"),
        ("IceProspecting", {"robot": "viper"}, "^robot: got 'viper'.*Did you mean 'viper-rover'"),
        ("SiteConstruction", {"robots": ("grader", "pavr")}, r"^robots\[1\]: got 'pavr'.*Did you mean 'paver'"),
        ("StationOps", {"fleet": ("ce7-lander", "viper")}, r"^fleet\[1\]: got 'viper'.*Did you mean 'viper-rover'"),
    ],
)
def test_machines_that_are_none_are_refused_as_an_option(name: str, options: dict[str, Any], told: str) -> None:
    with pytest.raises(EnvOptionError, match=told):
        make(name, **options)


@pytest.mark.parametrize("name", NAMES)
def test_a_team_face_of_one_agent_says_that_it_has_no_team(name: str) -> None:
    pytest.importorskip("pettingzoo")
    if f"moonfleet/{name}-v0" in moonfleet.envs.TEAMS:
        return
    with pytest.raises(EnvOptionError, match=f"{name}-v0 has one agent in each world, no team"):
        moonfleet.envs.parallel_env(f"moonfleet/{name}-v0")
    with pytest.raises(EnvOptionError, match=f"Did you mean 'moonfleet/{name}-v0'"):
        moonfleet.envs.parallel_env(f"moonfleet/{name}-v1")


def test_numbers_of_numpy_and_lists_are_plain_options(site_cache: Path) -> None:
    assert plain_option([np.int64(3), (np.float64(0.5), [np.bool_(True)])]) == (3, (0.5, (True,)))
    env = make("IceProspecting", np.int64(2), max_steps=np.int64(24), range_min=[np.float64(8.0), 20.0])
    assert env.num_envs == 2 and env.game.level == make("IceProspecting", 2, max_steps=24).game.level


def test_the_checks_take_numbers_of_numpy_and_no_others() -> None:
    assert need_count("n", np.uint8(3), 0, 5) == 3 and type(need_count("n", np.uint8(3), 0, 5)) is int
    assert type(need_number("x", np.float32(0.5), 0, 1)) is float
    assert need_flag("f", np.bool_(True)) is True
    for bad in (np.bool_(True), np.nan, np.inf, 10**400, -(10**400), "1", None, np.array(1.0), 1j):
        with pytest.raises(EnvOptionError, match="x: got"):
            need_number("x", bad, 0.0, 1e9)
    for bad in (np.array(["a"]), None, 5, {}):
        with pytest.raises(EnvOptionError, match="name: got"):
            need_name("name", bad, ["a", "b"])
    for bad in ("0001-01-01T00:00:00+14:00", "2095-13-01", None, 5, ["2030-01-01"]):
        with pytest.raises(EnvOptionError, match="t: got"):
            need_date("t", bad)


@pytest.mark.parametrize("seed", [1.5, np.nan, np.array(5), "abc", b"ab", {}, [1, "x"], [[1], [2, 3]], -1, 2**63, True])
def test_seeds_are_whole_numbers(seed: Any, site_cache: Path) -> None:
    env = make("HazardLanding", 2)
    with pytest.raises(EnvOptionError, match="seed"):
        env.reset(seed=seed)


@pytest.mark.parametrize("seed", [True, -1, 2**63, 1.5, "a"])
def test_seeds_of_a_single_station_are_whole_numbers(seed: Any, site_cache: Path) -> None:
    env = moonfleet.envs.solo_env("moonfleet/StationOps-v0", level="easy", fleet="pair")
    with pytest.raises(EnvOptionError, match="seed"):
        env.reset(seed=seed)
    _, info = env.reset()
    assert 0 <= info["seed"] < 2**63
