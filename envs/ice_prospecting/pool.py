"""The pool that episodes are drawn from, and the layers that all worlds share: made once per process for the same grounds and level."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..sites import plain
from .generator import IceGround, drive_field, light_hours, make_situations
from .levels import Level
from .sight import Maps
from .ways import find_next


class Pool(NamedTuple):
    """N situations; arrays read-only by custom."""

    maps: Maps
    ground: NDArray[np.int64]  # [N] number of the ground of each
    t0: NDArray[np.float64]  # [N] start [s TDB past J2000]
    almanac: NDArray[np.float64]  # [N, h, 8] see `ways`


@functools.lru_cache(maxsize=8)
def make_pool(
    grounds: tuple[IceGround, ...], level: Level, dates: tuple[float, float], span_start: float, max_slope_deg: float
) -> Pool:
    """Return the situations of all grounds and what is known of them."""
    ref = grounds[0].site.ref
    made = [(n, one) for n, ground in enumerate(grounds) for one in make_situations(ground, level, dates, span_start)]
    places: dict[tuple[int, int, int], int] = {}  # of the prospects: ground, row, col
    told: list[list[int]] = []
    for number, situation in made:
        keys = [(number, row, col) for row, col in situation.prospects.tolist()]
        told.append([places.setdefault(key, len(places)) for key in keys])
    prospects: list[tuple[float, float, float]] = []
    fields: list[NDArray[np.float32]] = []
    for number, row, col in places:
        ground, cell = grounds[number], np.array([row, col])
        prospects.append((*_cell_xy(ground, cell), float(ground.ice.prior[row, col])))
        fields.append(drive_field(ground.pace, cell[None, :], ref.cell_m))
    home_s, prospect_s = np.stack([situation.home_s for _, situation in made]), np.stack(fields)
    maps = Maps(
        np.stack([plain(ground.site.slope_deg) for ground in grounds]),
        np.stack([ground.ice.prior for ground in grounds]),
        np.stack([ground.ice.cold for ground in grounds]),
        _stack([plain(ground.site.horizon.millideg) for ground in grounds]),
        np.array([ref.x_left, ref.y_top, ref.cell_m, max_slope_deg]),
        np.array([_cell_xy(grounds[number], situation.home) for number, situation in made]),
        home_s,
        _next(home_s),
        np.array(prospects),
        prospect_s,
        _next(prospect_s),
        np.array(told, dtype=np.int64),
    )
    return Pool(
        maps,
        np.array([number for number, _ in made], dtype=np.int64),
        np.array([situation.t0 for _, situation in made]),
        np.stack([light_hours(grounds[number].site, situation.t0, level.max_steps) for number, situation in made]),
    )


def _cell_xy(ground: IceGround, cell: NDArray[np.int64]) -> tuple[float, float]:
    """Return the middle of a cell [m]."""
    x, y = ground.site.ref.xy(float(cell[0]), float(cell[1]))
    return float(x), float(y)


def _stack(layers: list[NDArray[np.int16]]) -> NDArray[np.int16]:
    """Return layers [G, ...]; a single one is not copied."""
    return layers[0][None] if len(layers) == 1 else np.stack(layers)


def _next(fields: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the next cells along fields [N, R, C]."""
    out = np.empty(fields.shape, np.uint8)
    find_next(fields, out)
    return out
