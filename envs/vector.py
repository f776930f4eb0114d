"""The batched face of a game: a native `gymnasium.vector.VectorEnv` of many worlds in one process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from .actions import check_actions
from .errors import EnvOptionError, EnvStateError, need_count, need_name, need_reset_options, need_seed
from .faces import (
    LAST_EPISODE,
    RENDER_FPS,
    RENDER_MODES,
    Observed,
    drawn_seed,
    face_state,
    mask_shape,
    masks_of,
    observed_space,
    read_face_state,
    total,
    vector_shape,
    world_action_space,
)
from .game import Bools, Episode, Game, Ints, State
from .options import need_flag
from .window import MOST, Window, tiled

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
        ``SameStep``: the new episode begins at once; the last observation is in ``infos["final_obs"]`` and what was told of the
        last step in ``infos["final_info"]``. ``Disabled``: the world rests, with reward 0, until
        ``reset(options={"reset_mask": mask})`` begins it anew; a step when all rest is an error.
    copy
        Whether each step returns arrays of its own. ``False`` returns the same arrays each time, overwritten by the next step;
        what is in ``final_obs`` is never overwritten.
    render_mode
        ``None``, ``"rgb_array"`` (`render` returns one picture per world) or ``"human"`` (a window with the first nine worlds).

    ``reset(seed=s)`` gives world i the root seed s + i, a list gives each its own (None: that world goes on); without a seed every
    world goes on to its next episode; ``options={"episode": n}`` (or an int array [W]) goes to episode n. World i with root seed s
    plays what a single environment with seed s plays, to the bit.

    ``infos`` follows gymnasium: beside each array ``name`` [W, ...] stands ``_name`` bool [W], for which worlds it was told. It
    holds ``reward_terms`` (name -> float64 [W]) of the worlds that were stepped, what the game tells, and ``seed``, ``episode`` and
    ``t0`` of the worlds that began. In mode ``SameStep`` the ``reward_terms`` of the step stay at the top level too, so that they
    always sum to the reward.

    Raises
    ------
    EnvOptionError, EnvActionError, EnvStateError
        For an option, action or saved state that is not allowed.
    EnvExtraError, EnvDisplayError
        A window that cannot be shown.
    """

    _window: Window | None = None

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
        self.game, self.copy = game, need_flag("copy", copy)
        self.render_mode = None if render_mode is None else need_name("render_mode", render_mode, RENDER_MODES)
        self.metadata = {
            "render_modes": RENDER_MODES,
            "render_fps": RENDER_FPS,
            "autoreset_mode": self.autoreset_mode,
        }
        self.num_envs = game.worlds
        self.single_observation_space = cast(Any, observed_space(game))
        self.single_action_space = cast(Any, world_action_space(game))
        self.observation_space = cast(Any, batch_space(self.single_observation_space, self.num_envs))
        self.action_space = cast(Any, batch_space(self.single_action_space, self.num_envs))
        self._begun = False
        self._roots = np.zeros(self.num_envs, dtype=np.int64)
        self._numbers = np.zeros(self.num_envs, dtype=np.int64)
        self._over = np.ones(self.num_envs, dtype=np.bool_)
        self._seen = np.zeros((self.num_envs, *vector_shape(game)), np.float32)
        self._masks = np.ones((self.num_envs, *mask_shape(game)), np.bool_)
        self._window = Window(game.name) if render_mode == "human" else None

    # -- gymnasium -----------------------------------------------------------------------------------------------

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observed, Infos]:
        """Begin the next episodes: of all worlds, or of those in ``options["reset_mask"]`` bool [W]."""
        given = need_reset_options(options, ("reset_mask", "episode", *self.game.reset_options))
        chosen = self._chosen(given.pop("reset_mask", None))
        if not self._begun and not chosen.all():
            raise EnvStateError("reset: options['reset_mask'] leaves worlds that have never begun; reset all first.")
        roots, fresh = self._seeds(seed)
        numbers = np.where(fresh, 0, self._numbers + 1)
        if "episode" in given:
            numbers[:] = self._episode(given.pop("episode"))
        self._begin(np.flatnonzero(chosen), roots, numbers, given)
        self._begun = True
        self._look()
        return self._observe(), self._told(chosen) | self._births(chosen)

    def step(self, actions: object) -> tuple[Observed, NDArray[np.float64], Bools, Bools, Infos]:
        """Carry out one action per world."""
        if not self._begun:
            raise EnvStateError("step: no episode yet; call reset first.")
        waiting = self._over.copy()
        some = bool(waiting.any())
        if some and self.autoreset_mode == AutoresetMode.DISABLED and waiting.all():
            raise EnvStateError("step: every world's episode is over; call reset first.")
        stepped = ~waiting
        chosen = check_actions(self.single_action_space, actions, self.num_envs)
        seen: Observed | None = None
        looked: NDArray[np.float32] | None = None
        if self.game.looks_at_once and self.autoreset_mode != AutoresetMode.SAME_STEP:
            looked = self._room()
            done = self.game.step_and_look(chosen, stepped, looked)
        else:
            done = self.game.step(chosen, stepped)
        over = done.terminated | done.truncated
        terms: Infos = {}
        for k, name in enumerate(self.game.terms):
            terms[name], terms[f"_{name}"] = done.terms[:, k], stepped
        infos: Infos = {"reward_terms": terms, "_reward_terms": stepped}
        if self.autoreset_mode == AutoresetMode.DISABLED:
            self._over = waiting | over
        elif self.autoreset_mode == AutoresetMode.NEXT_STEP:
            if some:
                self._next(np.flatnonzero(waiting))
                infos |= self._births(waiting)
            self._over = over
        elif over.any():
            seen = self._same_step(np.flatnonzero(over), over, infos)
        infos |= self._told(np.ones(self.num_envs, dtype=np.bool_))
        if looked is not None:
            if some:
                self.game.observe_worlds(looked, np.flatnonzero(waiting))
            seen = self._masked(looked)
        self._look()
        return (
            self._observe() if seen is None else seen,
            total(done.terms),
            done.terminated,
            done.truncated,
            infos,
        )

    def action_masks(self) -> Bools:
        """Return which actions are allowed now, bool [W, A] (team: [W, R * A])."""
        if not self._begun:
            raise EnvStateError("action_masks: no episode yet; call reset first.")
        return masks_of(self.game).reshape(self.num_envs, -1)

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """Return a picture of every world, uint8 [H, W, 3] each, in mode ``rgb_array``; show some in mode ``human``."""
        if self.render_mode is None or not self._begun:
            return None
        self._look()
        if self.render_mode == "human":
            return None
        return tuple(self.game.picture(world) for world in range(self.num_envs))

    def close_extras(self, **kwargs: object) -> None:
        """Close the window and let go of what the game holds."""
        if self._window is not None:
            self._window.close()
        if hasattr(self, "game"):  # not when the constructor failed
            self.game.close()

    # -- state ---------------------------------------------------------------------------------------------------

    def get_state(self, world: int) -> State:
        """Return everything that the rest of a world's episode depends on; `SoloEnv.set_state` takes it too."""
        if not self._begun:
            raise EnvStateError("no episode yet: call reset first.")
        world = need_count("world", world, 0, self.num_envs - 1)
        face = face_state(self.game, int(self._roots[world]), int(self._numbers[world]), bool(self._over[world]))
        return face | self.game.get_state(world)

    def set_state(self, world: int, state: Mapping[str, NDArray[np.generic]]) -> Observed:
        """Take up a state made by `get_state` (of a single environment, too); return the observation of all worlds."""
        if not self._begun:
            raise EnvStateError("set_state: no episode yet; call reset first.")
        world = need_count("world", world, 0, self.num_envs - 1)
        root, number, over, inner = read_face_state(self.game, state)
        self.game.set_state(world, inner)
        self._roots[world], self._numbers[world], self._over[world] = root, number, over
        return self._observe()

    # -- inside --------------------------------------------------------------------------------------------------

    def _chosen(self, mask: object) -> Bools:
        """Return the worlds that reset was asked for, bool [W]."""
        if mask is None:
            return np.ones(self.num_envs, dtype=np.bool_)
        chosen = np.asarray(mask)
        if chosen.shape != (self.num_envs,) or chosen.dtype != np.bool_ or not chosen.any():
            raise EnvOptionError(
                f"options['reset_mask']: got {mask!r}, need bool [{self.num_envs}] with at least one True."
            )
        return chosen.copy()

    def _episode(self, value: object) -> int | Ints:
        """Return the numbers of the episodes that reset was asked for."""
        if not isinstance(value, (np.ndarray, list, tuple)):
            return need_count("options['episode']", value, 0, LAST_EPISODE)
        numbers = np.asarray(value)
        if numbers.shape != (self.num_envs,) or not np.issubdtype(numbers.dtype, np.integer):
            raise EnvOptionError(f"options['episode']: need a whole number, or int [{self.num_envs}].")
        if numbers.min() < 0 or numbers.max() > LAST_EPISODE:
            raise EnvOptionError(f"options['episode']: each must be from 0 to {LAST_EPISODE}.")
        return numbers.astype(np.int64)

    def _seeds(self, seed: int | Sequence[int | None] | None) -> tuple[Ints, Bools]:
        """Return a root seed for every world, and which of them are new."""
        every = np.ones(self.num_envs, dtype=np.bool_)
        if seed is None or isinstance(seed, (int, np.integer)):
            if seed is None and self._begun:
                return self._roots.copy(), ~every
            last = 2**63 - self.num_envs
            if seed is not None and need_seed("seed", seed) > last:
                raise EnvOptionError(f"seed: got {seed}, need at most {last} for {self.num_envs} worlds.")
            super().reset(seed=None if seed is None else int(seed))
            first = drawn_seed(int(self.np_random_seed or 0)) if seed is None else int(seed)
            return first + np.arange(self.num_envs, dtype=np.int64), every
        if not isinstance(seed, (list, tuple, np.ndarray)) or getattr(seed, "ndim", 1) != 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise EnvOptionError(f"seed: got {seed!r}, need a whole number from 0 to 2**63 - 1, one each, or None.")
        if len(seed) != self.num_envs:
            raise EnvOptionError(
                f"seed: got {len(seed)} of them for {self.num_envs} worlds; need one number, or one each."
            )
        fresh = np.array([one is not None for one in seed], dtype=np.bool_)
        roots, others = self._seeds(None)
        for world in np.flatnonzero(fresh).tolist():
            roots[world] = need_seed(f"seed[{world}]", seed[world])
        return roots, fresh | others

    def _next(self, worlds: Ints) -> None:
        """Begin the next episode of ``worlds``."""
        self._begin(worlds, self._roots, self._numbers + 1, {})

    def _begin(self, worlds: Ints, roots: Ints, numbers: Ints, options: dict[str, object]) -> None:
        """Begin the episodes of ``roots`` and ``numbers`` int64 [W] in ``worlds``; nothing has changed if the game refuses."""
        given = zip(roots[worlds].tolist(), numbers[worlds].tolist(), strict=True)
        self.game.begin(worlds, [Episode(root, number, options) for root, number in given])
        self._roots[worlds], self._numbers[worlds], self._over[worlds] = roots[worlds], numbers[worlds], False

    def _same_step(self, which: Ints, over: Bools, infos: Infos) -> Observed:
        """Begin ``which`` anew, add what is told of their last step to ``infos``; return what all worlds show then."""
        last = self._observe(fresh=True)
        final = np.full(self.num_envs, None, dtype=object)
        for world in which.tolist():
            final[world] = _row(last, world)
        infos["final_info"] = _of(infos | self._told(over), over)
        infos["_final_info"] = over
        infos["final_obs"], infos["_final_obs"] = final, over
        self._next(which)
        infos |= self._births(over)
        return self._observe(again=(last, which))

    def _observe(self, *, fresh: bool = False, again: tuple[Observed, Ints] | None = None) -> Observed:
        """Return what is seen, in arrays of their own or always the same ones.

        ``again``: what was seen a moment ago, and which worlds began anew since.
        """
        seen = self._room(fresh=fresh)
        if again is None:
            self.game.observe(seen)
        else:
            seen[...] = again[0]["observation"] if isinstance(again[0], dict) else again[0]
            self.game.observe_worlds(seen, again[1])
        return self._masked(seen, fresh=fresh)

    def _room(self, *, fresh: bool = False) -> NDArray[np.float32]:
        """Return an array for what is seen."""
        return np.empty_like(self._seen) if self.copy or fresh else self._seen

    def _masked(self, seen: NDArray[np.float32], *, fresh: bool = False) -> Observed:
        """Return ``seen``, with what is allowed now in a game that has masks."""
        if not self.game.masked:
            return seen
        masks = np.empty_like(self._masks) if self.copy or fresh else self._masks
        self.game.masks(masks)
        return {"observation": seen, "action_mask": masks.view(np.int8)}

    def _told(self, which: Bools) -> Infos:
        """Return what the game tells, with the masks that gymnasium asks for."""
        told: Infos = {}
        for name, value in self.game.info().items():
            told[name], told[f"_{name}"] = value, which
        return told

    def _births(self, which: Bools) -> Infos:
        """Return what is told of worlds that began."""
        born: Infos = {"seed": self._roots.copy(), "episode": self._numbers.copy()}
        if self.game.dated:
            born["t0"] = self.game.t0.copy()
        return born | {f"_{name}": which for name in born}

    def _look(self) -> None:
        """Show the first worlds, if there is a window."""
        if self._window is not None:
            shown = min(self.num_envs, MOST)
            self._window.show(tiled([self.game.picture(world) for world in range(shown)]))


def _row(seen: Observed, world: int) -> Observed:
    """Return a copy of what one world shows."""
    if isinstance(seen, dict):
        return {name: value[world].copy() for name, value in seen.items()}  # pyright: ignore[reportReturnType]
    return seen[world].copy()


def _of(infos: Infos, which: Bools) -> Infos:
    """Return ``infos`` with every mask narrowed to ``which``; arrays are copies, so that nothing later changes them."""
    out: Infos = {}
    for name, value in infos.items():
        if isinstance(value, dict):
            out[name] = _of(value, which)
        elif name.startswith("_") and name[1:] in infos:
            out[name] = which
        else:
            out[name] = value.copy()
    return out
