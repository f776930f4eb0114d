"""What all faces of a game share: the spaces of one world, the shapes of its arrays, seeds, and the sum of a reward."""

from __future__ import annotations

from collections.abc import Mapping

import gymnasium
import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.clock import tdb_to_utc

from .errors import EnvStateError
from .game import Bools, Floats, Game
from .same_options import need_same_game, options_state

Observed = NDArray[np.float32] | dict[str, NDArray[np.float32] | NDArray[np.int8]]
ACTIVE = np.ones(1, dtype=np.bool_)  # of one world
RENDER_MODES = ["human", "rgb_array"]
RENDER_FPS = 12
FACE_STATE = ("face.seed", "face.episode")  # what a face adds to the state of its game
LAST_EPISODE = 2**31 - 1
SEED_BITS = 62  # of a root seed that nobody gave; seeds of later worlds are counted up from it


def vector_shape(game: Game) -> tuple[int, ...]:
    """Return the shape of one world's observation: (F,) or (R, F)."""
    (size,) = game.single_observation_space.shape
    return (len(game.agents), size) if game.team else (size,)


def mask_shape(game: Game) -> tuple[int, ...]:
    """Return the shape of one world's masks: (A,) or (R, A); A = 0 for actions that are not discrete."""
    actions = int(getattr(game.single_action_space, "n", 0))
    return (len(game.agents), actions) if game.team else (actions,)


def agent_space(game: Game) -> gymnasium.Space[Observed]:
    """Return the space of what one agent sees: a Box, or with masks a Dict of ``observation`` and ``action_mask``."""
    seen = game.single_observation_space
    return _with_mask(game, gymnasium.spaces.Box(seen.low, seen.high, dtype=np.float32), mask_shape(game)[-1:])


def observed_space(game: Game) -> gymnasium.Space[Observed]:
    """Return the space of what one world shows: a Box, or with masks a Dict of ``observation`` and ``action_mask``."""
    low, high = (np.broadcast_to(bound, vector_shape(game)).copy() for bound in _bounds(game))
    return _with_mask(game, gymnasium.spaces.Box(low, high, dtype=np.float32), mask_shape(game))


def world_action_space(game: Game) -> gymnasium.Space[NDArray[np.generic]]:
    """Return the space of one world's actions: the agent's own, or one choice per agent of a team."""
    single = game.single_action_space
    if not game.team:
        return single  # pyright: ignore[reportReturnType]
    if isinstance(single, gymnasium.spaces.Discrete):
        return gymnasium.spaces.MultiDiscrete(np.full(len(game.agents), single.n, np.int64))  # pyright: ignore[reportReturnType]
    agents = len(game.agents)
    low, high = np.tile(single.low, (agents, 1)), np.tile(single.high, (agents, 1))
    return gymnasium.spaces.Box(low, high, dtype=np.float32)  # pyright: ignore[reportReturnType]


def masks_of(game: Game) -> Bools:
    """Return which actions are allowed, bool [W, A] or [W, R, A]; all of them in a game without masks."""
    out = np.ones((game.worlds, *mask_shape(game)), dtype=np.bool_)
    if game.masked:
        game.masks(out)
    return out


def resting_actions(game: Game, masks: Bools) -> NDArray[np.generic]:
    """Return what faces send for agents that are absent: the first allowed action of ``masks``, or zeros within the bounds.

    ``masks``: bool [..., A], as of `masks_of`, any leading axes. Returns int64 [...], or float32 [..., n].
    """
    single = game.single_action_space
    if isinstance(single, gymnasium.spaces.Box):
        zero = np.clip(np.zeros(single.shape, np.float32), single.low, single.high)
        return np.broadcast_to(zero, (*masks.shape[:-1], *single.shape)).copy()
    return masks.argmax(axis=-1).astype(np.int64)


def total(terms: Floats) -> Floats:
    """Return the reward float64 [W] of terms float64 [W, T]: added in their order, so that it does not depend on W."""
    first, *others = terms.T
    out = first.copy()
    for term in others:
        out += term
    return out


def drawn_seed(seed: int) -> int:
    """Return the root seed that follows from the 128 bits of a generator that nobody seeded."""
    return seed & ((1 << SEED_BITS) - 1)


def nearest_second(t: float) -> str:
    """Return a moment [s TDB past J2000] as UTC text to the nearest whole second: clocks that count in TDB drift by milliseconds."""
    return tdb_to_utc(t + 0.5)[:19] + "Z"


def face_state(game: Game, root: int, number: int, over: bool) -> dict[str, NDArray[np.generic]]:
    """Return what a face adds to the state of one world of its game."""
    own: dict[str, NDArray[np.generic]] = {
        "face.seed": np.array(str(root)),
        "face.episode": np.array([number, int(over)]),
    }
    return own | options_state(game)


def read_face_state(
    game: Game,
    state: Mapping[str, NDArray[np.generic]],
) -> tuple[int, int, bool, dict[str, NDArray[np.generic]]]:
    """Return root seed, episode number, whether it is over, and the state of the game.

    Raises
    ------
    EnvStateError
        It is not what `get_state` of a face returned, or of a game with other options.
    """
    if not isinstance(state, Mapping):
        raise EnvStateError(f"set_state: got {type(state).__name__}, need what get_state returned.")
    missing = set(FACE_STATE) - set(state)
    if missing:
        raise EnvStateError(f"set_state: {', '.join(sorted(missing))} missing; need what get_state returned.")
    need_same_game(state, game)
    try:
        root = int(str(state["face.seed"]))
        number, over = (int(value) for value in state["face.episode"])
    except (TypeError, ValueError, OverflowError) as error:
        raise EnvStateError("set_state: face.seed or face.episode is damaged; need what get_state returned.") from error
    if not (0 <= root < 2**63 and 0 <= number <= LAST_EPISODE and over in (0, 1)):
        raise EnvStateError(
            f"set_state: face.seed {root} or face.episode {number}, {over} is none; need what get_state returned."
        )
    return root, number, bool(over), {name: value for name, value in state.items() if not name.startswith("face.")}


def _with_mask(game: Game, seen: gymnasium.spaces.Box, mask: tuple[int, ...]) -> gymnasium.Space[Observed]:
    """Return ``seen`` with the mask beside it, if the game has masks."""
    if not game.masked:
        return seen  # pyright: ignore[reportReturnType]
    allowed = gymnasium.spaces.Box(0, 1, mask, dtype=np.int8)
    return gymnasium.spaces.Dict({"observation": seen, "action_mask": allowed})  # pyright: ignore[reportReturnType]


def _bounds(game: Game) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the bounds of one agent's observation."""
    space = game.single_observation_space
    return space.low, space.high
