"""Two small games, written plainly: a puck with Box actions, and a crew of diggers who land, dig, and are lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import gymnasium
import numpy as np
from numpy.typing import NDArray

from moonfleet.envs.errors import EnvOptionError, EnvStateError, need_count, need_date, need_number
from moonfleet.envs.game import Bools, Episode, Game, Ints, State, Step
from moonfleet.envs.solo import SoloEnv
from moonfleet.envs.vector import GameVectorEnv
from moonfleet.terrain.seeds import stream


class ToyGame(Game):
    """What the two share: arrays by name, begun and saved row by row."""

    max_steps: int

    def _allocate(self, worlds: int, threads: int) -> None:
        self.worlds, self.threads = worlds, threads
        self.t0 = np.zeros(worlds)
        self.steps = np.zeros(worlds, np.int64)
        self.key = np.zeros((worlds, 2), np.int64)  # root seed, episode

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return every array with a row per world, by name."""
        return {"t0": self.t0, "steps": self.steps, "key": self.key}

    def _blank(self, worlds: Ints, episodes: Sequence[Episode]) -> None:
        given = [episode.options.get("t0_utc") for episode in episodes]
        dates = [None if date is None else need_date("options['t0_utc']", date) for date in given]
        for k, (world, episode) in enumerate(zip(worlds.tolist(), episodes, strict=True)):
            self.key[world] = episode.root, episode.number
            self.steps[world] = 0
            day = int(self.stream(world, "date").integers(365))
            self.t0[world] = dates[k] if dates[k] is not None else 8.5e8 + 86400.0 * day

    def stream(self, world: int, purpose: str, *index: int) -> np.random.Generator:
        root, number = self.key[world].tolist()
        return stream(root, f"toy {purpose}", episode=number, index=index)

    def get_state(self, world: int) -> State:
        return {name: array[world].copy() for name, array in self.arrays().items()}

    def set_state(self, world: int, state: Mapping[str, NDArray[np.generic]]) -> None:
        own = self.arrays()
        for name, array in own.items():
            if name not in state or np.shape(state[name]) != array.shape[1:]:
                raise EnvStateError(f"set_state: {name} is missing or of another shape.")
        for name, array in own.items():
            array[world] = state[name]

    def picture(self, world: int) -> NDArray[np.uint8]:
        out = np.zeros((24, 32, 3), np.uint8)
        out[:, : 1 + int(self.steps[world]) % 32] = 200
        out[0, 0] = world % 256
        return out


class PuckGame(ToyGame):
    """Push a puck on a line to a goal; every push is a little off."""

    name = "Puck"
    step_s = 60.0
    terms = ("nearer", "arrived", "push")
    reset_options = ("t0_utc", "goal")

    def __init__(self, worlds: int, threads: int = 1, *, max_steps: int = 12, reach: float = 0.1) -> None:
        self._allocate(worlds, threads)
        self.max_steps = need_count("max_steps", max_steps, 1, 10_000)
        self.reach = need_number("reach", reach, 0.0, 1.0)
        self.agents = ("puck_0",)
        self.x, self.goal = np.zeros(worlds), np.zeros(worlds)
        self.single_observation_space = gymnasium.spaces.Box(-1.0, 1.0, (3,), np.float32)
        self.single_action_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        return super().arrays() | {"x": self.x, "goal": self.goal}

    def begin(self, worlds: Ints, episodes: Sequence[Episode]) -> None:
        goals = [episode.options.get("goal") for episode in episodes]
        for goal in goals:
            if goal is not None and not isinstance(goal, float):
                raise EnvOptionError(f"options['goal']: got {goal!r}, need a number.")
        self._blank(worlds, episodes)
        for world, goal in zip(worlds.tolist(), goals, strict=True):
            rng = self.stream(world, "start")
            self.x[world] = rng.uniform(-1.0, 1.0)
            drawn = rng.uniform(-1.0, 1.0)
            self.goal[world] = drawn if goal is None else goal

    def step(self, actions: NDArray[np.generic], active: Bools) -> Step:
        terms = np.zeros((self.worlds, len(self.terms)))
        over = np.zeros(self.worlds, np.bool_)
        for w in np.flatnonzero(active).tolist():
            push, damp = actions[w].tolist()
            noise = self.stream(w, "push", int(self.steps[w])).normal(0.0, 0.02)
            before = abs(self.goal[w] - self.x[w])
            self.x[w] = min(max(self.x[w] + 0.3 * push * (1.0 - 0.5 * abs(damp)) + noise, -1.0), 1.0)
            self.steps[w] += 1
            away = abs(self.goal[w] - self.x[w])
            over[w] = away <= self.reach
            terms[w] = before - away, float(over[w]), -0.01 * push * push
        return Step(terms, over, active & ~over & (self.steps >= self.max_steps))

    def observe(self, out: NDArray[np.float32]) -> None:
        out[:, 0], out[:, 1], out[:, 2] = self.x, self.goal, 1.0 - self.steps / self.max_steps

    def info(self) -> dict[str, NDArray[np.generic]]:
        return {"away": np.abs(self.goal - self.x), "place": np.stack([self.x, self.goal], axis=1)}


WAIT, LEFT, RIGHT, DIG = range(4)


class CrewGame(ToyGame):
    """Diggers on a strip of holes: robot r lands at step ``lands[r]`` and is lost at step ``lost[r]``. A masked action waits."""

    name = "Crew"
    step_s = 3600.0
    terms = ("dug", "lost")
    team = True
    masked = True

    def __init__(self, worlds: int, threads: int = 1, *, robots: int = 3, max_steps: int = 15, holes: int = 5) -> None:
        self._allocate(worlds, threads)
        self.max_steps = need_count("max_steps", max_steps, 1, 10_000)
        robots, self.holes = need_count("robots", robots, 1, 64), need_count("holes", holes, 2, 100)
        self.agents = tuple(f"digger_{r}" for r in range(robots))
        self.place = np.zeros((worlds, robots), np.int64)
        self.lands, self.lost = np.zeros_like(self.place), np.zeros_like(self.place)
        self.full = np.zeros((worlds, holes))
        self.single_observation_space = gymnasium.spaces.Box(0.0, 1.0, (3 + holes,), np.float32)
        self.single_action_space = gymnasium.spaces.Discrete(4)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        own = {"place": self.place, "lands": self.lands, "lost": self.lost, "full": self.full}
        return super().arrays() | own

    def begin(self, worlds: Ints, episodes: Sequence[Episode]) -> None:
        self._blank(worlds, episodes)
        for w in worlds.tolist():
            rng = self.stream(w, "crew")
            self.place[w] = rng.integers(self.holes, size=len(self.agents))
            self.lands[w] = np.where(rng.random(len(self.agents)) < 0.3, rng.integers(1, 5, len(self.agents)), 0)
            self.lost[w] = self.lands[w] + rng.integers(3, 2 * self.max_steps, len(self.agents))
            self.full[w] = rng.random(self.holes)

    def present(self) -> Bools:
        now = self.steps[:, None]
        return (self.lands <= now) & (now < self.lost)

    def masks(self, out: Bools) -> None:
        here = self.present()
        dug = np.take_along_axis(self.full, self.place, axis=1) > 0.0
        out[..., WAIT] = True
        out[..., LEFT] = here & (self.place > 0)
        out[..., RIGHT] = here & (self.place < self.holes - 1)
        out[..., DIG] = here & dug

    def step(self, actions: NDArray[np.generic], active: Bools) -> Step:
        allowed = np.zeros((self.worlds, len(self.agents), 4), np.bool_)
        self.masks(allowed)
        terms = np.zeros((self.worlds, len(self.terms)))
        here = self.present()
        for w in np.flatnonzero(active).tolist():
            for r, action in enumerate(actions[w].tolist()):
                if not allowed[w, r, action]:
                    continue
                hole = self.place[w, r]
                self.place[w, r] += {LEFT: -1, RIGHT: 1}.get(action, 0)
                if action == DIG:
                    got = min(0.25, self.full[w, hole])
                    self.full[w, hole] -= got
                    terms[w, 0] += got
            self.steps[w] += 1
        fallen = here & ~self.present()
        terms[:, 1] = -fallen.sum(axis=1)
        over = active & (self.lost <= self.steps[:, None]).all(axis=1)
        return Step(terms, over, active & ~over & (self.steps >= self.max_steps))

    def observe(self, out: NDArray[np.float32]) -> None:
        out[..., 0] = self.place / (self.holes - 1)
        out[..., 1] = self.present()
        out[..., 2] = np.maximum(1.0 - self.steps / self.max_steps, 0.0)[:, None]
        out[..., 3:] = self.full[:, None, :]
        out[~self.present()] = 0.0

    def info(self) -> dict[str, NDArray[np.generic]]:
        return {"left": self.full.sum(axis=1), "present": self.present()}


class PushCrewGame(CrewGame):
    """The same crew, told by two numbers each: way, and whether to dig; without masks."""

    name = "PushCrew"
    masked = False

    def __init__(self, worlds: int, threads: int = 1, **options: int) -> None:
        super().__init__(worlds, threads, **options)
        self.single_action_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)

    def step(self, actions: NDArray[np.generic], active: Bools) -> Step:
        way, dig = actions[..., 0], actions[..., 1]
        chosen = np.where(way > 0.5, RIGHT, np.where(way < -0.5, LEFT, np.where(dig > 0.0, DIG, WAIT)))
        return super().step(chosen, active)


class Puck(SoloEnv):
    """One puck."""

    def __init__(self, *, render_mode: str | None = None, **options: object) -> None:
        super().__init__(PuckGame(1, **options), render_mode)  # type: ignore[arg-type]


class PuckVector(GameVectorEnv):
    """Many pucks."""

    def __init__(
        self,
        num_envs: int,
        *,
        autoreset_mode: str = "NextStep",
        copy: bool = True,
        render_mode: str | None = None,
        **options: object,
    ) -> None:
        game = PuckGame(num_envs, **options)  # type: ignore[arg-type]
        super().__init__(game, autoreset_mode=autoreset_mode, copy=copy, render_mode=render_mode)


class Crew(SoloEnv):
    """One crew."""

    def __init__(self, *, render_mode: str | None = None, **options: object) -> None:
        super().__init__(CrewGame(1, **options), render_mode)  # type: ignore[arg-type]


class CrewVector(GameVectorEnv):
    """Many crews."""

    def __init__(
        self,
        num_envs: int,
        *,
        autoreset_mode: str = "NextStep",
        copy: bool = True,
        render_mode: str | None = None,
        **options: object,
    ) -> None:
        game = CrewGame(num_envs, **options)  # type: ignore[arg-type]
        super().__init__(game, autoreset_mode=autoreset_mode, copy=copy, render_mode=render_mode)
