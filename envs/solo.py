"""The single face of a game: a `gymnasium.Env` of one world."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import gymnasium
import numpy as np
from numpy.typing import NDArray

from .actions import check_actions
from .errors import EnvStateError, need_count, need_name, need_reset_options, need_seed
from .faces import (
    ACTIVE,
    LAST_EPISODE,
    RENDER_FPS,
    RENDER_MODES,
    Observed,
    drawn_seed,
    face_state,
    masks_of,
    nearest_second,
    observed_space,
    read_face_state,
    total,
    vector_shape,
    world_action_space,
)
from .game import Episode, Game
from .window import Window

WORLD = np.zeros(1, dtype=np.int64)


class SoloEnv(gymnasium.Env[Observed, Any]):
    """One world of a game.

    The observation is a float32 Box [F] (team: [R, F]); of a game with masks a Dict of ``observation`` and ``action_mask`` (int8).
    Episodes follow from the seed and the number of resets since it was given, not from how long earlier ones ran.
    ``reset(options={"episode": n})`` goes to episode n of the seed. ``info`` holds ``reward_terms`` (name -> value; their sum is
    the reward) and what the game tells; at reset ``seed``, ``episode``, and of a game with dates ``t0`` (seconds TDB)
    and ``t0_utc`` (to the second).
    ``render_mode``: ``"rgb_array"``, or ``"human"`` for a window that follows every step (needs the [viz] extra and a display).

    Raises
    ------
    EnvOptionError, EnvActionError, EnvStateError
        For an option, action or saved state that is not allowed.
    EnvExtraError, EnvDisplayError
        A window that cannot be shown.
    """

    metadata: dict[str, object] = {"render_modes": RENDER_MODES, "render_fps": RENDER_FPS}  # noqa: RUF012 - as gymnasium has it

    def __init__(self, game: Game, render_mode: str | None = None) -> None:
        self.game = game
        self.metadata = dict(type(self).metadata)  # gymnasium's SyncVectorEnv writes into it
        self.render_mode = None if render_mode is None else need_name("render_mode", render_mode, RENDER_MODES)
        self.observation_space = cast(Any, observed_space(game))
        self.action_space = cast(Any, world_action_space(game))
        self._root: int | None = None
        self._number = 0
        self._over = True
        self._followed = render_mode is None  # games note a robot's way from its first picture on
        self._window = Window(game.name) if render_mode == "human" else None

    def reset(
        self, *, seed: int | None = None, options: dict[str, object] | None = None
    ) -> tuple[Observed, dict[str, object]]:
        """Begin the next episode of the seed; see the class for ``options``."""
        given = need_reset_options(options, ("episode", *self.game.reset_options))
        chosen = need_count("options['episode']", given.pop("episode"), 0, LAST_EPISODE) if "episode" in given else None
        root, number = self._root, self._number + 1
        if seed is not None or root is None:
            super().reset(seed=None if seed is None else need_seed("seed", seed))
            root, number = drawn_seed(int(self.np_random_seed)) if seed is None else int(seed), 0
        number = number if chosen is None else chosen
        self.game.begin(WORLD, [Episode(root, number, given)])
        self._root, self._number, self._over = root, number, False
        if not self._followed:
            self.game.picture(0)
            self._followed = True
        self._look()
        told: dict[str, object] = {"seed": root, "episode": number}
        if self.game.dated:
            t0 = float(self.game.t0[0])
            told |= {"t0": t0, "t0_utc": nearest_second(t0)}
        return self._observe(), told | self._info()

    def step(self, action: object) -> tuple[Observed, float, bool, bool, dict[str, object]]:
        """Carry out one action."""
        if self._over:
            raise EnvStateError("step: the episode is over (or never began); call reset first.")
        done = self.game.step(check_actions(self.action_space, action)[None], ACTIVE)
        terminated, truncated = bool(done.terminated[0]), bool(done.truncated[0])
        self._over = terminated or truncated
        terms = dict(zip(self.game.terms, done.terms[0].tolist(), strict=True))
        reward = float(total(done.terms)[0])
        self._look()
        return self._observe(), reward, terminated, truncated, {"reward_terms": terms, **self._info()}

    @property
    def over(self) -> bool:
        """Whether there is no episode under way."""
        return self._over

    def action_masks(self) -> NDArray[np.bool_]:
        """Return which actions are allowed, bool [A] (team: [R * A], one agent after the other), as MaskablePPO wants them."""
        if self._root is None:
            raise EnvStateError("action_masks: no episode yet; call reset first.")
        return masks_of(self.game)[0].reshape(-1)

    def render(self) -> NDArray[np.uint8] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return the scene as uint8 [H, W, 3] in mode ``rgb_array``; show it in mode ``human``; else do nothing."""
        if self.render_mode is None or self._root is None:
            return None
        self._look()
        return self.game.picture(0) if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        """Close the window and let go of what the game holds; closing twice does no harm."""
        if self._window is not None:
            self._window.close()
        self.game.close()

    def get_state(self) -> dict[str, NDArray[np.generic]]:
        """Return everything that the rest of the episode depends on, as plain arrays (no pickle needed)."""
        if self._root is None:
            raise EnvStateError("no episode yet: call reset first.")
        return face_state(self.game, self._root, self._number, self._over) | self.game.get_state(0)

    def set_state(self, state: Mapping[str, NDArray[np.generic]]) -> Observed:
        """Take up a state made by `get_state` of an environment with the same options; return the observation."""
        root, number, over, inner = read_face_state(self.game, state)
        self.game.set_state(0, inner)
        self._root, self._number, self._over = root, number, over
        self._look()
        return self._observe()

    def _look(self) -> None:
        """Show the scene, if there is a window."""
        if self._window is not None:
            self._window.show(self.game.picture(0))

    def _observe(self) -> Observed:
        """Return fresh arrays of what is seen."""
        game = self.game
        seen = np.empty((1, *vector_shape(game)), np.float32)
        game.observe(seen)
        return {"observation": seen[0], "action_mask": masks_of(game)[0].astype(np.int8)} if game.masked else seen[0]

    def _info(self) -> dict[str, object]:
        """Return what the game tells of the world, as plain values and arrays of its own."""
        return {
            name: value[0].item() if value.ndim == 1 else value[0].copy() for name, value in self.game.info().items()
        }
