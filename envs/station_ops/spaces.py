"""What the fleet of StationOps sees and may do.

The observation is a Dict: ``observation`` float32 [R, F], one row per robot in fleet order, whose columns are those of
`moonfleet.autonomy.observation` (`column_table()` prints them); ``action_mask`` int8 [R, N_ACTIONS], 1 where an action
is allowed. The action is one index per robot, ``MultiDiscrete([N_ACTIONS] * R)``: go on, hold, charge, hibernate, relay, or one
of the job slots of that robot's own table. A masked action is carried out as "go on".
"""

from __future__ import annotations

from collections.abc import Sequence

import gymnasium
import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy import observation as layout
from moonfleet.autonomy.observation import N_ACTIONS, Observation

Observed = dict[str, NDArray[np.float32] | NDArray[np.int8]]


def agent_space() -> gymnasium.spaces.Box:
    """Return the Box of what one robot sees, float32 [F]; the bounds are those of the layout's columns."""
    return gymnasium.spaces.Box(layout.LOW, layout.HIGH, dtype=np.float32)


def agent_actions() -> gymnasium.spaces.Discrete[np.int64]:
    """Return one robot's choices."""
    return gymnasium.spaces.Discrete(N_ACTIONS)


def observation_space(robots: int) -> gymnasium.spaces.Dict:
    """Return the Dict space of a fleet of ``robots``; the bounds are those of the layout's columns."""
    low, high = np.tile(layout.LOW, (robots, 1)), np.tile(layout.HIGH, (robots, 1))
    return gymnasium.spaces.Dict(
        {
            "observation": gymnasium.spaces.Box(low, high, dtype=np.float32),
            "action_mask": gymnasium.spaces.Box(0, 1, (robots, N_ACTIONS), dtype=np.int8),
        }
    )


def action_space(robots: int) -> gymnasium.spaces.MultiDiscrete:
    """Return one choice of ``N_ACTIONS`` per robot."""
    return gymnasium.spaces.MultiDiscrete(np.full(robots, N_ACTIONS, np.int64))


def pack(observations: Sequence[Observation]) -> Observed:
    """Return fresh arrays of the observations of all robots, in fleet order."""
    return {
        "observation": np.stack([one.vector for one in observations]).astype(np.float32, copy=False),
        "action_mask": np.stack([one.mask for one in observations]).astype(np.int8),
    }
