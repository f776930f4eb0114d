"""The single face of a game: a `gymnasium.Env` of one world."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, cast

import gymnasium
import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.clock import tdb_to_utc

from .actions import check_actions
from .errors import EnvStateError, need_count, need_name, need_reset_options
from .faces import ACTIVE, Observed, masks_of, observed_space, vector_shape, world_action_space
from .game import Episode, Game

WORLD = np.zeros(1, dtype=np.int64)


class SoloEnv(gymnasium.Env[Observed, Any]):
    """One world of a game.

    The observation is a float32 Box [F] (team: [R, F]); of a game with masks a Dict of ``observation`` and ``action_mask`` (int8).
    Episodes follow from the seed and the number of resets since it was given, not from how long earlier ones ran.
    ``reset(options={"episode": n})`` goes to episode n of the seed. ``info`` holds ``reward_terms`` (name -> value) and what the
    game tells; at reset ``seed``, ``episode`` and ``t0_utc``.

    Raises
    ------
    EnvOptionError, EnvActionError, EnvStateError
        For an option, action or saved state that is not allowed.
    """

    metadata: ClassVar[dict[str, object]] = {"render_modes": ["rgb_array"], "render_fps": 12}  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(self, game: Game, render_mode: str | None = None) -> None:
        self.game = game
        self.render_mode = None if render_mode is None else need_name("render_mode", render_mode, ["rgb_array"])
        self.observation_space = cast(Any, observed_space(game))
        self.action_space = cast(Any, world_action_space(game))
        self._root: int | None = None
        self._number = 0
        self._over = True

    def reset(
        self, *, seed: int | None = None, options: dict[str, object] | None = None
    ) -> tuple[Observed, dict[str, object]]:
        """Begin the next episode of the seed; see the class for ``options``."""
        super().reset(seed=seed)
        given = need_reset_options(options, ("episode", *self.game.reset_options))
        if seed is not None or self._root is None:
            root, number = int(seed) if seed is not None else int(self.np_random_seed), 0
        else:
            root, number = self._root, self._number + 1
        if "episode" in given:
            number = need_count("options['episode']", given.pop("episode"), 0, 2**31 - 1)
        self.game.begin(WORLD, [Episode(root, number, given)])
        self._root, self._number, self._over = root, number, False
        return self._observe(), {
            "seed": root,
            "episode": number,
            "t0_utc": tdb_to_utc(float(self.game.t0[0])),
            **self._info(),
        }

    def step(self, action: object) -> tuple[Observed, float, bool, bool, dict[str, object]]:
        """Carry out one action."""
        if self._over:
            raise EnvStateError("step: the episode is over (or never began); call reset first.")
        done = self.game.step(check_actions(self.action_space, action)[None], ACTIVE)
        terminated, truncated = bool(done.terminated[0]), bool(done.truncated[0])
        self._over = terminated or truncated
        terms = dict(zip(self.game.terms, done.terms[0].tolist(), strict=True))
        reward = float(done.terms.sum(axis=1)[0])
        return self._observe(), reward, terminated, truncated, {"reward_terms": terms, **self._info()}

    def action_masks(self) -> NDArray[np.bool_]:
        """Return which actions are allowed, bool [A] (team: [R * A], one agent after the other), as MaskablePPO wants them."""
        return masks_of(self.game)[0].reshape(-1)

    def render(self) -> NDArray[np.uint8] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return the scene as uint8 [H, W, 3] in mode ``rgb_array``, else None."""
        return None if self.render_mode is None or self._root is None else self.game.picture(0)

    def get_state(self) -> dict[str, NDArray[np.generic]]:
        """Return everything that the rest of the episode depends on, as plain arrays (no pickle needed)."""
        if self._root is None:
            raise EnvStateError("no episode yet: call reset first.")
        face = np.array([self._number, int(self._over)])
        return {"face.seed": np.array(str(self._root)), "face.episode": face} | self.game.get_state(0)

    def set_state(self, state: Mapping[str, NDArray[np.generic]]) -> Observed:
        """Take up a state made by `get_state` of an environment with the same options; return the observation."""
        missing = {"face.seed", "face.episode"} - set(state)
        if missing:
            raise EnvStateError(f"set_state: {', '.join(sorted(missing))} missing; need what get_state returned.")
        self.game.set_state(0, {name: value for name, value in state.items() if not name.startswith("face.")})
        self._root = int(str(state["face.seed"]))
        self._number, over = (int(value) for value in state["face.episode"])
        self._over = bool(over)
        return self._observe()

    def _observe(self) -> Observed:
        """Return fresh arrays of what is seen."""
        game = self.game
        seen = np.empty((1, *vector_shape(game)), np.float32)
        game.observe(seen)
        return {"observation": seen[0], "action_mask": masks_of(game)[0].astype(np.int8)} if game.masked else seen[0]

    def _info(self) -> dict[str, object]:
        """Return what the game tells of the world, as plain values."""
        return {name: value[0].item() if value.ndim == 1 else value[0] for name, value in self.game.info().items()}
