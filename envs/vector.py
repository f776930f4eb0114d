"""The batched face of a game: a native `gymnasium.vector.VectorEnv` of many worlds in one process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from .actions import check_actions
from .errors import EnvOptionError, EnvStateError, need_name, need_reset_options
from .faces import Observed, mask_shape, masks_of, observed_space, vector_shape, world_action_space
from .game import Bools, Episode, Game, Ints, State

Infos = dict[str, Any]
AUTORESET = tuple(mode.value for mode in AutoresetMode)


class GameVectorEnv(gymnasium.vector.VectorEnv[Observed, Any, Any]):
    """W worlds of a game, stepped together.

    Parameters
    ----------
    game
        The worlds.
    autoreset_mode
        What happens to a world whose episode is over (`gymnasium.vector.AutoresetMode` or its value), declared in
        ``metadata["autoreset_mode"]``. ``NextStep``: the next step begins a new episode, ignores the action and gives reward 0.
        ``SameStep``: the new episode begins at once, the last observation is in ``infos["final_obs"]`` and what was told of the
        last step in ``infos["final_info"]``. ``Disabled``: the world rests until
        ``reset(options={"reset_mask": mask})`` begins it anew.
    copy
        Whether each step returns arrays of its own. ``False`` returns the same arrays each time, overwritten by the next step.
    render_mode
        ``None`` or ``"rgb_array"``: `render` returns one picture per world.

    ``reset(seed=s)`` gives world i the root seed s + i, a list gives each its own; without a seed every world goes on to its next
    episode. World i with root seed s plays what a single environment with seed s plays, to the bit. ``infos`` holds ``reward_terms``
    (name -> float64 [W]) and what the game tells (arrays [W, ...]); at reset also ``seed`` and ``episode`` of each world.

    Raises
    ------
    EnvOptionError, EnvActionError, EnvStateError
        For an option, action or saved state that is not allowed.
    """

    def __init__(
        self,
        game: Game,
        *,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        copy: bool = True,
        render_mode: str | None = None,
    ) -> None:
        value = autoreset_mode.value if isinstance(autoreset_mode, AutoresetMode) else autoreset_mode
        self.autoreset_mode = AutoresetMode(need_name("autoreset_mode", value, AUTORESET))
        self.game, self.copy = game, copy
        self.render_mode = None if render_mode is None else need_name("render_mode", render_mode, ["rgb_array"])
        self.metadata = {"render_modes": ["rgb_array"], "render_fps": 12, "autoreset_mode": self.autoreset_mode}
        self.num_envs = game.worlds
        self.single_observation_space = cast(Any, observed_space(game))
        self.single_action_space = cast(Any, world_action_space(game))
        self.observation_space = cast(Any, batch_space(self.single_observation_space, self.num_envs))
        self.action_space = cast(Any, batch_space(self.single_action_space, self.num_envs))
        self._roots: list[int] = []
        self._numbers = np.zeros(self.num_envs, dtype=np.int64)
        self._over = np.ones(self.num_envs, dtype=np.bool_)
        self._seen = np.zeros((self.num_envs, *vector_shape(game)), np.float32)
        self._masks = np.ones((self.num_envs, *mask_shape(game)), np.bool_)

    # -- gymnasium -----------------------------------------------------------------------------------------------

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observed, Infos]:
        """Begin the next episodes: of all worlds, or of those in ``options["reset_mask"]`` bool [W]."""
        given = need_reset_options(options, ("reset_mask", *self.game.reset_options))
        which = self._which(given.pop("reset_mask", None))
        fresh = self._seeds(seed)
        before = self._roots, self._numbers.copy()
        if fresh is not None:
            chosen = np.zeros(self.num_envs, dtype=np.bool_)
            chosen[which] = True
            if not self._roots and len(which) < self.num_envs:
                raise EnvStateError(
                    "reset: options['reset_mask'] leaves worlds that have never begun; reset all first."
                )
            self._roots = [
                new if use else old for new, old, use in zip(fresh, self._roots or fresh, chosen, strict=True)
            ]
            self._numbers[which] = 0
        else:
            self._numbers[which] += 1
        try:
            self._begin(which, given)
        except Exception:
            self._roots, self._numbers = before
            raise
        return self._observe(), self._infos(None) | {"seed": list(self._roots), "episode": self._numbers.copy()}

    def step(self, actions: object) -> tuple[Observed, NDArray[np.float64], Bools, Bools, Infos]:
        """Carry out one action per world."""
        if not self._roots:
            raise EnvStateError("step: no episode yet; call reset first.")
        waiting = self._over
        if self.autoreset_mode == AutoresetMode.DISABLED and waiting.all():
            raise EnvStateError("step: every world's episode is over; call reset first.")
        done = self.game.step(check_actions(self.single_action_space, actions, self.num_envs), ~waiting)
        over = done.terminated | done.truncated
        infos = {"reward_terms": {name: done.terms[:, k] for k, name in enumerate(self.game.terms)}}
        if self.autoreset_mode == AutoresetMode.NEXT_STEP and waiting.any():
            self._next(np.flatnonzero(waiting))
        infos |= self._infos(infos["reward_terms"])
        if self.autoreset_mode == AutoresetMode.DISABLED:
            self._over = waiting | over
        elif self.autoreset_mode == AutoresetMode.NEXT_STEP:
            self._over = over
        elif over.any():
            last = self._observe(fresh=True)
            self._next(np.flatnonzero(over))
            infos = self._infos(None) | {
                "final_obs": last,
                "_final_obs": over,
                "final_info": infos,
                "_final_info": over,
            }
        return self._observe(), done.terms.sum(axis=1), done.terminated, done.truncated, infos

    def action_masks(self) -> Bools:
        """Return which actions are allowed now, bool [W, A] (team: [W, R * A])."""
        return masks_of(self.game).reshape(self.num_envs, -1)

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """Return a picture of every world, uint8 [H, W, 3] each, in mode ``rgb_array``; else None."""
        if self.render_mode is None or not self._roots:
            return None
        return tuple(self.game.picture(world) for world in range(self.num_envs))

    # -- state ---------------------------------------------------------------------------------------------------

    def get_state(self, world: int) -> State:
        """Return everything that the rest of a world's episode depends on; `SoloEnv.set_state` takes it too."""
        if not self._roots:
            raise EnvStateError("no episode yet: call reset first.")
        face = np.array([self._numbers[world], int(self._over[world])])
        return {"face.seed": np.array(str(self._roots[world])), "face.episode": face} | self.game.get_state(world)

    def set_state(self, world: int, state: State) -> Observed:
        """Take up a state made by `get_state` (of a single environment, too); return the observation of all worlds."""
        if not self._roots:
            raise EnvStateError("set_state: no episode yet; call reset first.")
        missing = {"face.seed", "face.episode"} - set(state)
        if missing:
            raise EnvStateError(f"set_state: {', '.join(sorted(missing))} missing; need what get_state returned.")
        self.game.set_state(world, {name: value for name, value in state.items() if not name.startswith("face.")})
        self._roots[world] = int(str(state["face.seed"]))
        number, over = (int(value) for value in state["face.episode"])
        self._numbers[world], self._over[world] = number, bool(over)
        return self._observe()

    # -- inside --------------------------------------------------------------------------------------------------

    def _which(self, mask: object) -> Ints:
        """Return the worlds that reset was asked for."""
        if mask is None:
            return np.arange(self.num_envs)
        chosen = np.asarray(mask)
        if chosen.shape != (self.num_envs,) or chosen.dtype != np.bool_ or not chosen.any():
            raise EnvOptionError(f"options['reset_mask']: need bool [{self.num_envs}] with at least one True.")
        return np.flatnonzero(chosen)

    def _seeds(self, seed: int | Sequence[int | None] | None) -> list[int] | None:
        """Return a root seed for every world, None to go on."""
        if seed is None and self._roots:
            return None
        if seed is None or isinstance(seed, (int, np.integer)):
            super().reset(seed=None if seed is None else int(seed))
            first = int(self.np_random_seed or 0) if seed is None else int(seed)
            return [first + world for world in range(self.num_envs)]
        if len(seed) != self.num_envs:
            raise EnvOptionError(
                f"seed: got {len(seed)} of them for {self.num_envs} worlds; need one number, or one each."
            )
        if any(one is None for one in seed):
            raise EnvOptionError("seed: a list must hold a whole number for every world.")
        return [int(one) for one in seed if one is not None]

    def _next(self, worlds: Ints) -> None:
        """Begin the next episode of ``worlds``."""
        self._numbers[worlds] += 1
        self._begin(worlds, {})

    def _begin(self, worlds: Ints, options: dict[str, object]) -> None:
        """Begin the episodes that ``_roots`` and ``_numbers`` say."""
        episodes = [Episode(self._roots[world], int(self._numbers[world]), options) for world in worlds.tolist()]
        self.game.begin(worlds, episodes)
        self._over[worlds] = False

    def _observe(self, *, fresh: bool = False) -> Observed:
        """Return what is seen, in arrays of their own or always the same ones."""
        game = self.game
        seen = np.empty_like(self._seen) if self.copy or fresh else self._seen
        game.observe(seen)
        if not game.masked:
            return seen
        masks = np.empty_like(self._masks) if self.copy or fresh else self._masks
        game.masks(masks)
        return {"observation": seen, "action_mask": masks.view(np.int8)}

    def _infos(self, terms: dict[str, NDArray[np.float64]] | None) -> Infos:
        """Return what the game tells, with the masks that gymnasium asks for."""
        every = np.ones(self.num_envs, dtype=np.bool_)
        told: Infos = {} if terms is None else {"reward_terms": terms, "_reward_terms": every}
        for name, value in self.game.info().items():
            told[name], told[f"_{name}"] = value, every
        return told
