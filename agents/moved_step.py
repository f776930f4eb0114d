"""Orders and the ticks after them in one kernel: a thread that comes back in between waits for the interpreter's lock."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

from .ground import GroundLayers
from .orders import order_moves
from .step import run_ticks

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@kernel
def move_and_run(
    robot: int, choices: Ints, moves: Floats, rest: int, used: Ints,
    which: Ints, k_from: int, k_to: int, floats: Floats, ints: Ints, legs: Floats, stores: Floats, keys: NDArray[np.uint64],
    sky: Floats, first: Ints, rhu: Floats, ticks: int, dt_s: float, spec: Floats, station: int, mast: int, orbiter: int,
    ground: GroundLayers, views: NDArray[np.bool_], view_of: Ints,
) -> None:  # fmt: skip
    """Do what `orders.order_moves` and then `step.run_ticks` do."""
    order_moves(which, k_from, k_to, robot, choices, moves, rest, floats, ints, legs, used)
    run_ticks(
        which, k_from, k_to, floats, ints, legs, stores, keys, sky, first, rhu, ticks, dt_s, spec, station, mast, orbiter,
        ground, views, view_of,
    )  # fmt: skip
