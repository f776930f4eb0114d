"""The suite that ships: sound games pass every check, and each fault is found by the check that is there for it."""

from __future__ import annotations

from functools import partial
from typing import Any

import gymnasium
import numpy as np
import pytest

from moonfleet.envs.game import Game
from moonfleet.envs.testing import (
    ALL_GAME_CHECKS,
    FOREIGN_CHECKS,
    VECTOR_CHECKS,
    Check,
    ConformanceError,
    Subject,
    basic_checks,
    check_game,
    check_vector_env,
    game_checks,
    game_subject,
    same_checks,
    state_checks,
)

from . import broken_games as broken
from .toy_game import Crew, CrewGame, CrewVector, Puck, PuckGame, PuckVector, PushCrewGame

SLOW = {state_checks.check_state_in_another_process}
QUICK_GAME = [pytest.param(c, marks=pytest.mark.slow if c in SLOW else ()) for c in ALL_GAME_CHECKS]


@pytest.mark.parametrize("check", QUICK_GAME)
@pytest.mark.parametrize("game", [PuckGame, CrewGame, PushCrewGame])
def test_sound_games_pass(game: type[Game], check: Check) -> None:
    check(game_subject(game))


def test_a_game_without_reset_options_begins_as_it_should() -> None:
    class Bare(PuckGame):
        reset_options = ()

    assert game_checks.check_begin(game_subject(Bare)) is None


@pytest.mark.slow
def test_all_at_once_and_what_is_said() -> None:
    told = check_game(CrewGame, steps=30)
    assert len(told) == len(ALL_GAME_CHECKS)
    assert told["check_masks"] == "passed"
    told = check_vector_env(PuckVector, Puck, steps=30)
    assert len(told) == len(VECTOR_CHECKS)
    assert told["check_masks"] == "no masks"
    assert told["check_threads"] == "passed"
    assert told["check_state_in_another_process"] == "passed"
    assert check_vector_env(CrewVector, Crew, steps=30)["check_batched_equals_single"] == "passed"


@pytest.mark.rl
@pytest.mark.parametrize(
    "check", [pytest.param(c, marks=pytest.mark.slow if "rllib" in c.__name__ else ()) for c in FOREIGN_CHECKS]
)
@pytest.mark.parametrize("game", [PuckGame, CrewGame, PushCrewGame])
def test_other_libraries_checkers_pass(game: type[Game], check: Check) -> None:
    why = check(game_subject(game))
    assert why is None or "no team" in why or "not installed" in why


FAULTS: list[tuple[type[Game], Check, str]] = [
    (broken.NeighbourNoise, same_checks.check_number_of_worlds, r"beside 8 others: observation.*world 0, at reset"),
    (broken.OneGenerator, same_checks.check_seeding, r"seeded again"),
    (broken.GlobalGenerator, same_checks.check_global_random, r"global generator was used"),
    (broken.LengthMatters, same_checks.check_episode_length, r"second episode after 1 and after \d+ steps"),
    (
        broken.OutOfBounds,
        basic_checks.check_results,
        r"observation\[0\] is 1\..* outside \[-1.0, 1.0\] \(world \d, step 3\)",
    ),
    (broken.ShowsNan, basic_checks.check_results, r"observation\[1\] is nan.*step 5"),
    (broken.ReusedInfo, game_checks.check_arrays_are_fresh, r"changed by a later step\['info'\]\['x'\]"),
    (broken.ReusedInfo, basic_checks.check_buffers, r"changed by a later step: result\['infos'\]\['x'\]"),
    (broken.ReusedTerms, basic_checks.check_buffers, r"changed by a later step: result\['infos'\]\['reward_terms'\]"),
    (broken.RestlessWorlds, game_checks.check_resting_worlds, r"not active: state\['steps'\]"),
    (broken.BothFlags, basic_checks.check_results, r"terminated and truncated at once"),
    (broken.ForgetfulState, state_checks.check_state_elsewhere, r"restored in another world: observation"),
    (broken.CarelessState, state_checks.check_state_refused, r"after a refused state without 't0': state\['x'\]"),
    (broken.SharedState, state_checks.check_state_elsewhere, r"a neighbour of a restored world"),
    (broken.HalfBegun, game_checks.check_begin, r"after a refused begin: state\['steps'\]"),
    (broken.ThreadsMatter, game_checks.check_game_threads, r"two threads: step\['terms'\]"),
    (broken.ThreadsMatter, same_checks.check_threads, r"two threads against one"),
    (broken.NothingAllowed, basic_checks.check_masks, r"no action of agent \d is allowed"),
    (broken.LazyMasks, game_checks.check_game_masks, r"over ones and over zeros"),
    (broken.Risen, game_checks.check_presence, r"digger_\d had left and is back"),
    (broken.Ghosts, game_checks.check_presence, r"an absent agent's action mattered"),
]


@pytest.mark.parametrize(("game", "check", "words"), FAULTS, ids=[f"{g.__name__}-{c.__name__}" for g, c, _ in FAULTS])
def test_each_fault_is_found(game: type[Game], check: Check, words: str) -> None:
    with pytest.raises(ConformanceError, match=words):
        check(game_subject(game, steps=80))


class StaleFinal(PuckVector):
    """Lets the last observation of an episode be overwritten."""

    def step(self, actions: object) -> Any:
        out = super().step(actions)
        final = out[4].get("final_obs")
        if final is not None:
            self.shared = getattr(self, "shared", np.zeros(3, np.float32))
            for world in np.flatnonzero(out[4]["_final_obs"]):
                self.shared[:] = final[world]
                final[world] = self.shared
        return out


class NoFinal(PuckVector):
    """Shows the first observation of the next episode as the last one."""

    def step(self, actions: object) -> Any:
        observation, *rest = super().step(actions)
        for world in np.flatnonzero(rest[3].get("_final_obs", ())):
            rest[3]["final_obs"][world] = observation[world].copy()
        return observation, *rest


class TakesAnything(PuckVector):
    """Takes actions that are not finite."""

    def step(self, actions: object) -> Any:
        return super().step(np.nan_to_num(np.asarray(actions, dtype=np.float32)))


@pytest.mark.parametrize(
    ("vector", "check", "words"),
    [
        (StaleFinal, basic_checks.check_buffers, r"changed by a later step: result\['infos'\]\['final_obs'\]"),
        (NoFinal, same_checks.check_same_step, r"final_obs"),
        (TakesAnything, basic_checks.check_invalid_actions, r"were taken|need a ValueError"),
    ],
)
def test_faults_of_faces_are_found(vector: Any, check: Check, words: str) -> None:
    with pytest.raises(ConformanceError, match=words):
        check(Subject(vector, Puck, steps=80))


def test_other_vector_environments_can_be_checked() -> None:
    make = partial(gymnasium.make_vec, "CartPole-v1", vectorization_mode="sync")
    subject = Subject(lambda num_envs, **options: make(num_envs=num_envs, vector_kwargs=options), steps=30)
    assert same_checks.check_seeding(subject) is None
    assert basic_checks.check_masks(subject) == "no masks"
    assert state_checks.check_state_elsewhere(subject) == "no get_state and set_state"
    assert same_checks.check_threads(subject) == "no option threads"
    with pytest.raises(ConformanceError, match="has no finite bounds"):
        basic_checks.check_spaces(subject)
