"""Games with one fault each, to see that the suite finds it and says what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from moonfleet.envs.game import Bools, Episode, Ints, State, Step

from .toy_game import CrewGame, PuckGame


class NeighbourNoise(PuckGame):
    """A world depends on how many others there are."""

    def observe(self, out: NDArray[np.float32]) -> None:
        super().observe(out)
        out[:, 2] *= 1.0 - 1e-3 * self.worlds


class OneGenerator(PuckGame):
    """One generator for all episodes: later ones depend on earlier ones."""

    def __init__(self, worlds: int, threads: int = 1) -> None:
        super().__init__(worlds, threads)
        self.rng = np.random.default_rng(3)

    def begin(self, worlds: Ints, episodes: Sequence[Episode]) -> None:
        super().begin(worlds, episodes)
        self.x[worlds] = self.rng.uniform(-1.0, 1.0, len(worlds))


class GlobalGenerator(PuckGame):
    """Draws from numpy's global generator."""

    def begin(self, worlds: Ints, episodes: Sequence[Episode]) -> None:
        super().begin(worlds, episodes)
        self.goal[worlds] += 0.0 * np.random.random(len(worlds))  # noqa: NPY002


class LengthMatters(PuckGame):
    """What is left of the last episode moves the next one."""

    def begin(self, worlds: Ints, episodes: Sequence[Episode]) -> None:
        before = self.steps[worlds].copy()
        super().begin(worlds, episodes)
        self.x[worlds] = np.clip(self.x[worlds] + 1e-3 * before, -1.0, 1.0)


class OutOfBounds(PuckGame):
    """Shows more than 1 now and then."""

    def observe(self, out: NDArray[np.float32]) -> None:
        super().observe(out)
        out[:, 0] += 0.5 * (self.steps == 3)


class ShowsNan(PuckGame):
    """Shows NaN at the end of time."""

    def observe(self, out: NDArray[np.float32]) -> None:
        super().observe(out)
        out[self.steps == 5, 1] = np.nan


class ReusedInfo(PuckGame):
    """Tells the same array again and again."""

    def info(self) -> dict[str, NDArray[np.generic]]:
        return {"x": self.x}


class ReusedTerms(PuckGame):
    """Returns the same terms again and again."""

    def step(self, actions: NDArray[np.generic], active: Bools) -> Step:
        done = super().step(actions, active)
        self.kept = getattr(self, "kept", np.zeros_like(done.terms))
        self.kept[:] = done.terms
        return Step(self.kept, done.terminated, done.truncated)


class RestlessWorlds(PuckGame):
    """Worlds that are not active move on."""

    def step(self, actions: NDArray[np.generic], active: Bools) -> Step:
        done = super().step(actions, active)
        self.steps[~active] += 1
        return done


class BothFlags(PuckGame):
    """Ends and times out at once."""

    def step(self, actions: NDArray[np.generic], active: Bools) -> Step:
        done = super().step(actions, active)
        return Step(done.terms, done.terminated | done.truncated, done.truncated)


class ForgetfulState(PuckGame):
    """Leaves the goal out of its state."""

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        return {name: array for name, array in super().arrays().items() if name != "goal"}


class CarelessState(PuckGame):
    """Takes up half a state before it finds that the rest is missing."""

    def set_state(self, world: int, state: Mapping[str, NDArray[np.generic]]) -> None:
        if "x" in state:
            self.x[world] = state["x"]
        super().set_state(world, state)


class SharedState(PuckGame):
    """Its state names its place, so that it fits nowhere else."""

    def get_state(self, world: int) -> State:
        return super().get_state(world) | {"world": np.array(world)}

    def set_state(self, world: int, state: Mapping[str, NDArray[np.generic]]) -> None:
        super().set_state(int(state["world"]), state)


class HalfBegun(PuckGame):
    """Begins worlds before it looks at the options."""

    def begin(self, worlds: Ints, episodes: Sequence[Episode]) -> None:
        self.steps[worlds] = 0
        super().begin(worlds, episodes)


class ThreadsMatter(PuckGame):
    """Another sum with another number of threads."""

    def step(self, actions: NDArray[np.generic], active: Bools) -> Step:
        done = super().step(actions, active)
        return Step(done.terms * (1.0 + 1e-9 * (self.threads - 1)), done.terminated, done.truncated)


class NothingAllowed(CrewGame):
    """Robots in the first hole may do nothing."""

    def masks(self, out: Bools) -> None:
        super().masks(out)
        out[self.place == 0] = False


class LazyMasks(CrewGame):
    """Writes only what is forbidden."""

    def masks(self, out: Bools) -> None:
        allowed = np.zeros_like(out)
        super().masks(allowed)
        out &= allowed


class Risen(CrewGame):
    """The lost come back."""

    def present(self) -> Bools:
        return super().present() | (self.steps[:, None] >= self.lost + 2)


class Ghosts(CrewGame):
    """What an absent robot is told to do counts."""

    def step(self, actions: NDArray[np.generic], active: Bools) -> Step:
        absent = ~self.present()
        done = super().step(actions, active)
        self.full[active, 0] = np.maximum(self.full - 0.01 * ((actions > 1) & absent).any(axis=1)[:, None], 0.0)[
            active, 0
        ]
        return done
