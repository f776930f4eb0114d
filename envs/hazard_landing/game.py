"""HazardLanding: bring one lander down on a safe place, from what lidar and camera show, before the fuel runs out.

A step is one second. The lander comes down from gate to gate (120, 30 and 2 m) at an even deceleration toward its aim; an action moves
the aim to a place that is in view, keeps it, or commits to it: then the lander skips the gates that are left but the last, which
saves fuel, and can be diverted no more. What is in view shrinks with the height, and the hazards show ever better. There is no
physics in this file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.flight import MASS, Z
from moonfleet.agents.landers import GATES, Landers
from moonfleet.agents.landing_eye import SYMMETRIES, LandingEye, look
from moonfleet.agents.landing_tiles import SUN_AZIMUTHS, SUN_EL_DEG, TileRecipe, landing_tiles
from moonfleet.agents.touchdown import OUTCOMES, Outcome
from moonfleet.autonomy.lander_limits import LanderLimits
from moonfleet.terrain.threads import for_each

from ..errors import EnvStateError, need_count, need_number, need_state
from ..game import Bools, Episode, Game, Ints, State, Step
from ..options import need_flag
from ..same_options import told_level
from ..saved import need_arrays
from . import spaces
from .generator import Starts, make_starts
from .levels import level_of
from .picture import LandingPicture
from .rewards import TERMS, RewardWeights, reward_terms

ALOFT = -1  # in place of an outcome while it flies
SUN_ELEVATIONS = np.repeat(np.array(SUN_EL_DEG), SUN_AZIMUTHS)  # [deg] by the number of a Sun
SAFE = OUTCOMES.index(Outcome.SAFE)
MAX_TILES = 4096
MOST_FUEL_KG = 1000.0
FARTHEST = 1e5  # [m, m/s, s] no lander is so far, fast or long under way
Floats = NDArray[np.float64]


class HazardLandingGame(Game):
    """W landers, each with a descent of its own.

    Parameters
    ----------
    worlds, threads
        As of `Game`.
    level
        ``easy``, ``default`` or ``hard``: a set of the options below (`levels`).
    tiles
        How many tiles of ground are in the pool; made and kept on first use, about 0.3 s each.
    continuous
        ``False``: Discrete(26). ``True``: Box(3), where to move the aim, and whether to commit.
    max_steps
        Steps until ``truncated``; a descent takes about 65.
    terrain, fuel_kg, noise, fault_chance, fault_s, sun_el, eye, weights
        Change one value of the level (`levels.Level`); ``None`` keeps it.

    ``reset(options={"fuel_kg": 150.0, "tile": 3})`` fixes the fuel on board and the tile of ground.
    ``info``: ``outcome`` (number in `moonfleet.agents.touchdown.OUTCOMES`, -1 aloft), ``is_safe``, ``committed``, ``refused`` (the last
    divert could not be flown), ``fuel_kg`` left, ``height_m`` above the ground at the aim.

    Raises
    ------
    EnvOptionError
        For an option that is not allowed.
    """

    name = "HazardLanding"
    step_s = 1.0
    terms = TERMS
    reset_options: ClassVar[tuple[str, ...]] = ("fuel_kg", "tile")
    dated: ClassVar[bool] = False  # the Sun stands where the level says

    def __init__(
        self,
        worlds: int,
        threads: int = 1,
        *,
        level: str = "default",
        tiles: int = 32,
        continuous: bool = False,
        max_steps: int = 120,
        terrain: TileRecipe | None = None,
        fuel_kg: tuple[float, float] | None = None,
        noise: tuple[float, float] | None = None,
        fault_chance: float | None = None,
        fault_s: tuple[float, float] | None = None,
        sun_el: tuple[int, ...] | None = None,
        eye: LandingEye | None = None,
        weights: RewardWeights | None = None,
    ) -> None:
        self.worlds = need_count("worlds", worlds, 1, 1_000_000)
        self.threads = need_count("threads", threads, 1, 256)
        self.max_steps = need_count("max_steps", max_steps, 1, 1_000_000)
        changes: dict[str, object] = {
            "terrain": terrain, "fuel_kg": fuel_kg, "noise": noise, "fault_chance": fault_chance, "fault_s": fault_s,
            "sun_el": sun_el, "eye": eye, "weights": weights,
        }  # fmt: skip
        self.level = level_of(level, changes)
        self.continuous = need_flag("continuous", continuous)
        self.limits = LanderLimits()
        self.tiles = landing_tiles(self.level.terrain, need_count("tiles", tiles, 1, MAX_TILES), self.limits)
        self.agents = ("lander",)
        self.single_observation_space = spaces.observation_space()
        self.single_action_space = spaces.continuous_space() if self.continuous else spaces.discrete_space()
        self.t0, self._every = np.zeros(worlds), np.arange(worlds)
        self.landers = Landers(worlds, self.tiles, self.limits, threads=threads)
        self._key_of_tiles = np.array(f"{self.level.terrain.key(self.limits)}-{tiles}")
        self._eye = self.level.eye.numbers()
        self.sun, self.symmetry = np.zeros(worlds, np.int64), np.zeros(worlds, np.int64)
        self.key, self.blur = np.zeros(worlds, np.uint64), np.ones(worlds)
        self.bias = np.zeros(worlds)  # of the altimeter [m]
        self.fault = np.zeros((worlds, 2), np.int64)
        self.steps, self.outcome = np.zeros(worlds, np.int64), np.full(worlds, ALOFT)
        self.committed, self.refused = np.zeros(worlds, np.bool_), np.zeros(worlds, np.bool_)
        self.start_fuel_kg = np.ones(worlds)
        self.first_aim = np.zeros((worlds, 2))
        self._picture: LandingPicture | None = None

    # -- Game ----------------------------------------------------------------------------------------------------

    def begin(self, worlds: Ints, episodes: Sequence[Episode]) -> None:
        """Begin an episode in each of ``worlds``."""
        starts = make_starts(episodes, self.level, self.tiles.number)
        for k, episode in enumerate(episodes):
            if episode.options:
                self._fix(starts, k, episode.options)
        landers, at = self.landers, worlds
        landers.tile[at], landers.aim[at], landers.error[at] = starts.tile, starts.aim, starts.error
        landers.state[at], landers.gate[at], landers.left_s[at], landers.down[at] = starts.state, 0, -1.0, False
        landers.state[at, MASS] += self.limits.dry_kg
        landers.state[at, Z] += landers.under_aim(self.tiles.level)[at]
        self.sun[at], self.symmetry[at], self.key[at] = starts.sun, starts.symmetry, starts.key
        self.blur[at], self.fault[at], self.bias[at] = starts.blur, starts.fault, starts.error[:, Z]
        self.steps[at], self.outcome[at] = 0, ALOFT
        self.committed[at], self.refused[at] = False, False
        self.start_fuel_kg[at], self.first_aim[at] = starts.state[:, MASS], starts.aim

    def step(self, actions: NDArray[np.generic], active: Bools) -> Step:
        """Divert or commit, and fly on for a second."""
        landers, level = self.landers, self.tiles.level
        free = active & ~self.committed & ~landers.down
        wish, asked, commit = (
            np.zeros((self.worlds, 2)),
            np.empty(self.worlds, np.bool_),
            np.empty(self.worlds, np.bool_),
        )
        choices, moves = np.zeros(0, np.int64), np.zeros((0, 3), np.float32)
        if self.continuous:
            moves = np.ascontiguousarray(actions, np.float32)
        else:
            choices = np.ascontiguousarray(actions, np.int64)
        spaces.wishes(
            choices, moves, self.symmetry, landers.state, landers.error, landers.aim, landers.tile, level, free,
            wish, asked, commit,
        )  # fmt: skip
        before, guide_before = landers.aim.copy(), self._guide()
        mass = landers.state[:, MASS].copy()
        taken = landers.retarget(asked, wish)
        self.refused[active] = (asked & ~taken)[active]
        self.committed |= commit
        landers.commit(commit)
        moved = np.hypot(landers.aim[:, 0] - before[:, 0], landers.aim[:, 1] - before[:, 1])
        landers.step(active, np.where(self._working(), self.bias, np.nan))
        self.steps[active] += 1
        terminated = active & landers.down
        safe, crashed, margin = np.zeros(self.worlds), np.zeros(self.worlds), np.zeros(self.worlds)
        ended = np.flatnonzero(terminated)
        if ended.size:
            stance, self.outcome[ended] = landers.touchdowns(ended)
            safe[ended] = self.outcome[ended] == SAFE
            crashed[ended] = 1.0 - safe[ended]
            margin[ended] = landers.margins(stance)
        spent = self.limits.exhaust_m_s * np.log(mass / landers.state[:, MASS])
        terms = reward_terms(
            self.level.weights, safe, margin, crashed, self._guide() - guide_before, moved, spent
        )  # fmt: skip
        terms[~active] = 0.0
        truncated = active & ~terminated & (self.steps >= self.max_steps)
        return Step(terms, terminated, truncated)

    def observe(self, out: NDArray[np.float32]) -> None:
        """Write what every lander sees."""
        self.observe_worlds(out, self._every)

    def observe_worlds(self, out: NDArray[np.float32], worlds: Ints) -> None:
        """Write what the landers ``worlds`` see."""
        landers, working = self.landers, self._working()
        look(
            landers, self._eye, self.sun, self.symmetry, self.key, self.steps, working, self.blur, spaces.PATCHES, out, worlds
        )  # fmt: skip
        fill = partial(
            spaces.fill_own, parts=self.threads, rows=worlds, state=landers.state, error=landers.error, aim=landers.aim,
            gate=landers.gate, tile=landers.tile, level=self.tiles.level, gates=landers.gates,
            exhaust=self.limits.exhaust_m_s, dry_kg=self.limits.dry_kg, symmetry=self.symmetry, sun=self.sun,
            sun_az_deg=self.tiles.sun_az_deg, sun_el_deg=SUN_ELEVATIONS, committed=self.committed, working=working,
            refused=self.refused, out=out,
        )  # fmt: skip
        if self.threads == 1:
            fill(0)
        else:
            for_each(fill, self.threads, self.threads)

    def info(self) -> dict[str, NDArray[np.generic]]:
        """Return what became of every lander."""
        return {
            "outcome": self.outcome.copy(),
            "is_safe": self.outcome == SAFE,
            "committed": self.committed.copy(),
            "refused": self.refused.copy(),
            "fuel_kg": self.landers.state[:, MASS] - self.limits.dry_kg,
            "height_m": self.landers.state[:, Z] - self.landers.under_aim(self.tiles.level),
        }

    def picture(self, world: int) -> NDArray[np.uint8]:
        """Return the scene of one world."""
        self._picture = self._picture or LandingPicture()
        seen = np.empty((self.worlds, spaces.SIZE), np.float32)
        self.observe(seen)
        return self._picture.draw(self, world, seen[world])

    # -- state ---------------------------------------------------------------------------------------------------

    def world_options(self) -> Mapping[str, object]:
        """See `Game.world_options`."""
        own = {"max_steps": self.max_steps, "continuous": self.continuous, "tiles": self.tiles.number}
        return {**told_level(self.level), **own}

    def get_state(self, world: int) -> State:
        """Return everything that the rest of a world's episode depends on."""
        parts = {name: array[world].copy() for name, array in self._parts().items()}
        return {"tiles": self._key_of_tiles.copy(), **parts}

    def set_state(self, world: int, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Take up a state of `get_state`."""
        parts = self._parts()
        need_state(state, ("tiles", *parts))
        if str(state["tiles"]) != str(self._key_of_tiles):
            raise EnvStateError(f"set_state: tiles {state['tiles']}; this game has {self._key_of_tiles}.")
        most_kg = self.limits.dry_kg + MOST_FUEL_KG
        low, high = np.full(7, -FARTHEST), np.full(7, FARTHEST)  # of the motion
        low[MASS], high[MASS] = self.limits.dry_kg * 0.99, most_kg
        ranges = {
            "state": (low, high), "error": (-FARTHEST, FARTHEST), "aim": (-FARTHEST, FARTHEST), "gate": (0, len(GATES)),
            "left_s": (-1.0, FARTHEST), "tile": (0, self.tiles.number - 1), "sun": (0, self.tiles.sun_az_deg.shape[1] - 1),
            "symmetry": (0, SYMMETRIES - 1), "blur": (0.0, FARTHEST), "bias": (-FARTHEST, FARTHEST),
            "fault": (0, 10**9), "steps": (0, self.max_steps), "outcome": (ALOFT, len(OUTCOMES) - 1),
            "start_fuel_kg": (0.0, most_kg), "first_aim": (-FARTHEST, FARTHEST),
        }  # fmt: skip
        need_arrays(state, {name: array[world, ...] for name, array in parts.items()}, ranges)
        for name, array in parts.items():
            array[world] = state[name]

    # -- inside --------------------------------------------------------------------------------------------------

    def _fix(self, starts: Starts, k: int, options: Mapping[str, object]) -> None:
        """Put what reset was asked for into the ``k``-th of ``starts``."""
        if "fuel_kg" in options:
            starts.state[k, MASS] = need_number("options['fuel_kg']", options["fuel_kg"], 1.0, 1000.0)
        if "tile" in options:
            starts.tile[k] = need_count("options['tile']", options["tile"], 0, self.tiles.number - 1)

    def _parts(self) -> dict[str, NDArray[np.generic]]:
        """Return the arrays [W, ...] that make up the state."""
        landers = self.landers
        return {
            "state": landers.state, "error": landers.error, "aim": landers.aim, "gate": landers.gate,
            "left_s": landers.left_s, "tile": landers.tile,
            "down": landers.down, "sun": self.sun, "symmetry": self.symmetry, "key": self.key, "blur": self.blur,
            "bias": self.bias, "fault": self.fault, "steps": self.steps, "outcome": self.outcome,
            "committed": self.committed, "refused": self.refused, "start_fuel_kg": self.start_fuel_kg,
            "first_aim": self.first_aim,
        }  # fmt: skip

    def _working(self) -> Bools:
        """Return whose lidar works now, bool [W]."""
        return (self.steps < self.fault[:, 0]) | (self.steps >= self.fault[:, 1])

    def _guide(self) -> Floats:
        """Return the share of safe ground around every aim, float64 [W]; not worked out where it earns nothing."""
        if self.level.weights.guide == 0.0:
            return np.zeros(self.worlds)
        return self.landers.under_aim(self.tiles.safe)
