"""The multi-agent face of a team game against its single face."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from ..errors import EnvExtraError
from ..solo import SoloEnv
from .compare import need_same
from .play import draw_actions
from .subject import Subject, fail

EPISODES = 3


def check_team_face(subject: Subject) -> str | None:
    """Each agent of the PettingZoo face sees its row of the world and gets the world's reward; robots leave and join as they should."""
    if subject.game is None or not subject.game(1, 1).team:
        return "no team game"
    try:
        multi: Any = importlib.import_module("moonfleet.envs.multi")
    except EnvExtraError as error:
        return str(error)
    team, solo = multi.TeamEnv(subject.game(1, 1)), SoloEnv(subject.game(1, 1))
    for episode in range(EPISODES):
        seed = subject.seed if episode == 0 else None
        seen, _ = team.reset(seed=seed)
        world, _ = solo.reset(seed=seed)
        world, earned = _catch_up(solo, team, world)
        _need_rows(seen, world, team, 0)
        for step in range(1, subject.steps + 1):
            actions = draw_actions(
                team.game.single_action_space, len(team.possible_agents), subject.seed + episode, step
            )
            chosen = {name: actions[k] for k, name in enumerate(team.possible_agents) if name in team.agents}
            before = set(team.agents)
            seen, rewards, terminated, truncated, infos = team.step(chosen)
            world, reward, ended, timed_out, _ = solo.step(_whole(team, actions, before, solo))
            earned += reward
            over = ended or timed_out
            while not over and not team.agents:
                raise fail("nobody is left, and the episode is not over", step=step)
            if not over:
                world, more = _catch_up(solo, team, world)
                earned += more
            told = set(seen)
            if not (told == set(rewards) == set(terminated) == set(truncated) == set(infos)):
                raise fail("observations, rewards, flags and infos are of different agents", step=step)
            if not before <= told:
                raise fail(f"{sorted(before - told)} acted and were told nothing", step=step)
            for name in told:
                need_same(rewards[name], earned if name in before else 0.0, f"reward of {name}", step=step)
                if (terminated[name] or truncated[name]) == (name in team.agents):
                    raise fail(f"{name}: the flags say something else than the list of agents", step=step)
            earned = 0.0
            _need_rows(seen, world, team, step)
            if not team.agents:
                break
    team.close()
    return None


TEAM_CHECKS = (check_team_face,)


def _whole(team: Any, actions: Any, here: set[str], solo: SoloEnv) -> Any:
    """Return the actions of all robots: absent ones send the first action that their mask allows."""
    from ..faces import masks_of, resting_actions

    rest = resting_actions(solo.game, masks_of(solo.game)[0])
    for k, name in enumerate(team.possible_agents):
        if name in here:
            rest[k] = actions[k]
    return rest


def _catch_up(solo: SoloEnv, team: Any, world: Any) -> tuple[Any, float]:
    """Let a single environment go on while nobody is there, as the team face does."""
    earned = 0.0
    while team.agents and not solo.game.present()[0].any():
        world, reward, ended, timed_out, _ = solo.step(_whole(team, None, set(), solo))
        earned += reward
        if ended or timed_out:
            break
    return world, earned


def _need_rows(seen: dict[str, Any], world: Any, team: Any, step: int) -> None:
    """Compare what agents see with the rows of the world."""
    for name, value in seen.items():
        k = team.possible_agents.index(name)
        wanted = {part: rows[k] for part, rows in world.items()} if isinstance(world, dict) else world[k]
        need_same(value, wanted, f"observation of {name}", step=step)
        if not team.observation_space(name).contains(value):
            raise fail(f"observation of {name} is not in its space", step=step)
    if not np.isfinite(team.state()).all():
        raise fail("state() is not finite", step=step)
