"""What the fleet of StationOps sees and may do.

The observation is a Dict: ``observation`` float32 [R, F], one row per robot in fleet order, whose columns are those of
`moonfleet.autonomy.observation` (`column_table()` prints them); ``action_mask`` int8 [R, N_ACTIONS], 1 where an action
is allowed. The action is one index per robot, ``MultiDiscrete([N_ACTIONS] * R)``: go on, hold, charge, hibernate, relay, or one
of the job slots of that robot's own table. A masked action is carried out as "go on".
"""

from __future__ import annotations

import gymnasium
import numpy as np

from moonfleet.autonomy import observation as layout
from moonfleet.autonomy.observation import N_ACTIONS


def agent_space() -> gymnasium.spaces.Box:
    """Return the Box of what one robot sees, float32 [F]; the bounds are those of the layout's columns."""
    return gymnasium.spaces.Box(layout.LOW, layout.HIGH, dtype=np.float32)


def agent_actions() -> gymnasium.spaces.Discrete[np.int64]:
    """Return one robot's choices."""
    return gymnasium.spaces.Discrete(N_ACTIONS)
