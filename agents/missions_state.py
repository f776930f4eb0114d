"""What a saved state of one of many missions must be before it is taken up: the kernels check no index themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moonfleet.autonomy.observation import N_ACTIONS

from .errors import MissionError
from .knowledge import UNFIT
from .map_routes import MAX_REFUSED, ROUTE_POINTS
from .messages import Phase
from .mission_blocks import BoardsBlock, MindsBlock, WorkBlock
from .saved_arrays import MOST, misfit
from .world_state import FAR_M, FAULTS, LINKS, MOST_COUNT

State = dict[str, NDArray[np.generic]]
ENDLESS = frozenset(("boards.sight_at",))  # NaN: not walked yet


def goals_of(w: int, work: WorkBlock, boards: BoardsBlock, minds: MindsBlock) -> State:
    """Return the arrays of world ``w`` that make up the state of its mission, by name."""
    parts = {"work": work, "boards": boards, "minds": minds}
    return {f"{part}.{name}": getattr(block, name)[w, ...] for part, block in parts.items() for name in block._fields}


def ranges_of(robots: int, jobs: int, steps: int) -> dict[str, tuple[ArrayLike, ArrayLike]]:
    """Return the smallest and largest numbers of the arrays of a mission of ``robots``, ``jobs`` and ``steps`` decision steps."""
    last_job, last_choice = jobs - 1, N_ACTIONS - 1
    low, high = np.full(4 * robots + 2, -1), np.full(4 * robots + 2, MOST_COUNT)  # as the columns of `Knowledge`
    low[:robots] = UNFIT
    high[: 2 * robots] = last_job
    high[3 * robots : 4 * robots] = high[-1] = robots - 1
    low[-1] = 0
    count = (0, MOST_COUNT)
    ranges: dict[str, tuple[ArrayLike, ArrayLike]] = {
        "work.steps_done": (0, steps),
        "work.progress_s": (0.0, MOST),
        "work.started": (-1, last_job),
        "work.job": (-1, last_job),
        "work.phase": (0, max(Phase)),
        "work.action": (-1, last_choice),
        "work.worked_s": (0.0, MOST),
        "work.link": (0, LINKS),
        "work.down": (0, FAULTS),
        "boards.floats": (-FAR_M, MOST),
        "boards.ints": (low, high),
        "boards.version": count,
        "boards.taken": (-1, MOST_COUNT),
        "boards.awake_s": (-MOST_COUNT, MOST_COUNT),
        "boards.post": count,
        "boards.loss": (0.0, 1.0),
        "boards.seen": (-1, 1),
        "minds.phase": (0, max(Phase)),
        "minds.action": (0, last_choice),
        "minds.job": (-1, last_job),
        "minds.route_n": (0, ROUTE_POINTS),
        "minds.refused_n": (0, MAX_REFUSED),
    }
    return ranges | {f"minds.{name}": (-FAR_M, FAR_M) for name in ("goal", "place", "bound_for", "route")}


def check_mission_state(
    saved: Mapping[str, Any], goals: State, *, jobs: int, steps: int, shape: tuple[int, int]
) -> None:
    """Check ``saved`` against the arrays ``goals`` that it is to fill, of a mission of ``jobs`` jobs and ``steps`` decision steps.

    ``shape``: rows and columns of the ground. Raises `MissionError` for missing or extra names, wrong shapes or types, numbers that
    no mission has.
    """
    own = {name for name in saved if not name.startswith("world.")}
    if own != set(goals):
        raise MissionError(f"state: missing {sorted(set(goals) - own)}, unknown {sorted(own - set(goals))}")
    robots = goals["work.job"].size
    if (problem := misfit(saved, goals, ranges_of(robots, jobs, steps), ENDLESS)) is not None:
        raise MissionError(f"state.{problem}")
    for robot in range(robots):  # rows beyond the number of cells are of no meaning
        cells = np.asarray(saved["minds.refused"])[robot, : int(saved["minds.refused_n"][robot])]
        if ((cells < 0) | (cells >= np.array(shape))).any():
            raise MissionError("state.minds.refused: holds a cell outside the ground: what no state can")
