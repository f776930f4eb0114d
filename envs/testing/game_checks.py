"""The protocol of a `Game`: what the faces rely on and cannot see from outside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.errors import MoonfleetError

from ..faces import mask_shape, masks_of, resting_actions, vector_shape
from ..game import Episode, Game
from .compare import kept, need_same
from .play import draw_actions
from .subject import Subject, fail

GameCheck = Callable[[Subject], str | None]


def check_declarations(subject: Subject) -> str | None:
    """Names, spaces and terms are as `Game` says."""
    game = _make(subject)
    if game.worlds != subject.worlds or game.t0.shape != (subject.worlds,):
        raise fail(f"worlds is {game.worlds}, t0 {game.t0.shape}; asked for {subject.worlds} worlds")
    if not game.terms or len(set(game.terms)) != len(game.terms):
        raise fail(f"terms are {game.terms}, need different names")
    if len(set(game.agents)) != len(game.agents) or (len(game.agents) != 1 and not game.team):
        raise fail(f"agents are {game.agents}, need different names, one if the game is no team's")
    seen, action = game.single_observation_space, game.single_action_space
    if not isinstance(seen, gymnasium.spaces.Box) or seen.dtype != np.float32 or len(seen.shape) != 1:
        raise fail(f"single_observation_space is {seen}, need a float32 Box [F]")
    if game.masked and not isinstance(action, gymnasium.spaces.Discrete):
        raise fail(f"masked, but the actions are {action}")
    if isinstance(action, gymnasium.spaces.Discrete) and int(action.start) != 0:
        raise fail(f"single_action_space is {action}, need choices from 0")
    return None


def check_resting_worlds(subject: Subject) -> str | None:
    """A world that is not active rests: terms 0, neither flag, its state unchanged, whatever action it is given."""
    game = _begun(subject)
    over = np.zeros(game.worlds, np.bool_)
    for step in range(1, 6):
        active = (np.arange(game.worlds) % 2 == step % 2) & ~over
        before = {w: kept(game.get_state(w)) for w in np.flatnonzero(~active).tolist()}
        done = game.step(_actions(game, subject.seed, step), active)
        over |= done.terminated | done.truncated
        for world, state in before.items():
            if np.any(done.terms[world]) or done.terminated[world] or done.truncated[world]:
                raise fail("a world that is not active earned or ended", world=world, step=step)
            need_same(game.get_state(world), state, "a world that is not active: state", world=world, step=step)
    return None


def check_begin(subject: Subject) -> str | None:
    """Worlds begin alone, without a trace of what was played, and not at all when an option is not allowed."""
    game, fresh = _begun(subject), _begun(subject)
    active = np.ones(game.worlds, np.bool_)
    for step in range(1, 4):
        done = game.step(_actions(game, subject.seed, step), active)
        active = active & ~(done.terminated | done.truncated)
    states = [kept(game.get_state(w)) for w in range(game.worlds)]
    chosen = np.array([subject.worlds - 1])
    game.begin(chosen, [Episode(subject.seed + subject.worlds - 1, 0, {})])
    for world in range(game.worlds - 1):
        need_same(game.get_state(world), states[world], "a neighbour of a world that began: state", world=world)
    last = subject.worlds - 1
    need_same(game.get_state(last), fresh.get_state(last), "a world begun again: state", world=last)
    if not game.reset_options:
        return None
    states = [kept(game.get_state(w)) for w in range(game.worlds)]
    episode = Episode(subject.seed, 0, {name: object() for name in game.reset_options})
    try:
        game.begin(np.arange(game.worlds), [episode] * game.worlds)
    except (ValueError, TypeError, MoonfleetError):
        pass
    except Exception as error:
        raise fail(f"begin with options that make no sense: {type(error).__name__}, need an EnvOptionError") from error
    else:
        raise fail(f"begin took options that make no sense for {game.reset_options}")
    for world, state in enumerate(states):
        need_same(game.get_state(world), state, "after a refused begin: state", world=world)
    return None


def check_arrays_are_fresh(subject: Subject) -> str | None:
    """What `step` and `info` return is not used again by later steps."""
    game = _begun(subject)
    active = np.ones(game.worlds, np.bool_)
    held: list[tuple[Any, Any]] = []
    for step in range(1, 5):
        done = game.step(_actions(game, subject.seed, step), active)
        active = active & ~(done.terminated | done.truncated)
        told = game.info()
        held.append(({**done._asdict(), "info": told}, kept({**done._asdict(), "info": told})))
    for step, (now, then) in enumerate(held, 1):
        need_same(now, then, "changed by a later step", step=step)
    return None


def check_observe_worlds(subject: Subject) -> str | None:
    """`observe_worlds` writes the rows it was asked for as `observe` does, and no other row in another way."""
    game = _begun(subject)
    shape = (game.worlds, *vector_shape(game))
    whole, part = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    game.observe(part)
    game.begin(np.array([0]), [Episode(subject.seed + 31, 2, {})])
    game.observe_worlds(part, np.array([0]))
    game.observe(whole)
    need_same(part, whole, "observe_worlds against observe")
    return None


def check_presence(subject: Subject) -> str | None:
    """Who has left does not come back; absent agents have a harmless row, and any action of theirs does the same."""
    game = _make(subject)
    if not game.team:
        return "one agent"
    game, twin = _begun(subject), _begun(subject)
    every = np.ones(game.worlds, np.bool_)
    gone = np.zeros((game.worlds, len(game.agents)), np.bool_)
    there, over = game.present(), np.zeros(game.worlds, np.bool_)
    for step in range(1, subject.steps + 1):
        actions = _actions(game, subject.seed, step)
        rest = resting_actions(game, masks_of(game))
        quiet = np.where(there.reshape(*there.shape, *(1,) * (actions.ndim - 2)), actions, rest)
        done = game.step(actions, every & ~over)
        twin.step(quiet, every & ~over)
        over |= done.terminated | done.truncated
        now = game.present()
        back = now & gone & ~over[:, None]
        if back.any():
            world, agent = (int(i) for i in np.argwhere(back)[0])
            raise fail(f"{game.agents[agent]} had left and is back", world=world, step=step)
        gone |= there & ~now
        there = now
        for world in range(game.worlds):
            need_same(
                game.get_state(world),
                twin.get_state(world),
                "an absent agent's action mattered: state",
                world=world,
                step=step,
            )
        if over.all():
            break
    return None


def check_game_masks(subject: Subject) -> str | None:
    """`masks` writes every entry, leaves at least one action to each agent, and is not moved by being asked."""
    game = _begun(subject)
    if not game.masked:
        return "no masks"
    shape = (game.worlds, *mask_shape(game))
    ones, zeros = np.ones(shape, np.bool_), np.zeros(shape, np.bool_)
    game.masks(ones)
    game.masks(zeros)
    need_same(ones, zeros, "masks written over ones and over zeros")
    if not ones.any(axis=-1).all():
        raise fail("an agent has no allowed action", world=int(np.argwhere(~ones.any(axis=-1))[0][0]))
    return None


def check_game_threads(subject: Subject) -> str | None:
    """The number of threads changes no bit of the state, the terms or the observation."""
    one, two = _begun(subject, threads=1), _begun(subject, threads=2)
    active = np.ones(one.worlds, np.bool_)
    for step in range(1, min(subject.steps, 30) + 1):
        actions = _actions(one, subject.seed, step)
        done = one.step(actions, active)
        need_same(two.step(actions, active)._asdict(), done._asdict(), "two threads: step", step=step)
        for world in range(one.worlds):
            need_same(two.get_state(world), one.get_state(world), "two threads: state", world=world, step=step)
        active = active & ~(done.terminated | done.truncated)
    return None


def check_picture(subject: Subject) -> str | None:
    """A picture is uint8 [H, W, 3], the same size each time, and looking changes nothing."""
    game = _begun(subject)
    before = kept(game.get_state(0))
    first = game.picture(0)
    if first.dtype != np.uint8 or first.ndim != 3 or first.shape[2] != 3:
        raise fail(f"picture is {first.dtype} {first.shape}, need uint8 (H, W, 3)", world=0)
    need_same(game.picture(0), first, "a second picture of the same scene", world=0)
    need_same(game.get_state(0), before, "after a picture: state", world=0)
    return None


GAME_CHECKS: tuple[GameCheck, ...] = (
    check_declarations,
    check_resting_worlds,
    check_begin,
    check_arrays_are_fresh,
    check_observe_worlds,
    check_presence,
    check_game_masks,
    check_game_threads,
    check_picture,
)


def _make(subject: Subject, threads: int = 1) -> Game:
    """Return a fresh game."""
    if subject.game is None:
        raise fail("the checks of a game need Subject.game")
    return subject.game(subject.worlds, threads)


def _begun(subject: Subject, threads: int = 1) -> Game:
    """Return a fresh game whose worlds have begun episode 0 of seed, seed + 1, ..."""
    game = _make(subject, threads)
    game.begin(np.arange(game.worlds), [Episode(subject.seed + w, 0, {}) for w in range(game.worlds)])
    return game


def _actions(game: Game, seed: int, step: int) -> NDArray[Any]:
    """Return random actions of all worlds, masked ones among them."""
    if not game.team:
        return draw_actions(game.single_action_space, game.worlds, seed, step)
    rows = [draw_actions(game.single_action_space, len(game.agents), seed + 7919 * w, step) for w in range(game.worlds)]
    return np.stack(rows)
