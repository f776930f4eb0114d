"""The chart of the grounds once more, laid out so that what one look needs lies together.

A look of a rover takes 81 slopes, 25 horizons towards two azimuths, and the horizons of two cells towards wherever the Sun will be in
48 hours. In maps they lie in as many rows of memory, and fetching those took most of the time. Here they lie in a few:

* ``strips``: for every column the nine slopes around it, row below row. A patch of 9 x 9 is 81 numbers in one piece.
* ``tiles``: cells `LIGHT_STRIDE` apart are neighbours, in columns of eight of them that overlap by four, azimuth after azimuth.
* ``cells``: the horizons of a cell, azimuth after azimuth, the first again at the end.
* ``spans``: the hours of the Sun, even and odd ones apart: a forecast is made of every second hour from the next on.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .outlook import EAST, ELEVATION, NORTH, PLACE, RADIUS, SAMPLES
from .spaces import LIGHT_SIDE, LIGHT_STRIDE, SLOPE_SIDE

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]

WIDTH = 8  # columns of a tile, of which the last four are the first of the next
STEP = 4  # columns from tile to tile: a look begins in the first four, and takes five
EDGE = LIGHT_SIDE // 2  # rows and columns of tiles put around the map
DARK = np.iinfo(np.int16).max  # horizon off the map
SPAN = sum(SAMPLES)  # samples of a forecast
# columns of `Layouts.spans`; azimuths are in `Layouts.bins`
WEIGHT, RAISED, EASTWARD, NORTHWARD, DISC = range(5)
LINE = 16  # float32 of a line of memory


class Layouts(NamedTuple):
    """What the eyes read; G grounds of R x C cells, A azimuths, read only."""

    strips: Floats32  # [G, C, R + 8, 9]
    tiles: NDArray[np.int16]  # [G, 5, 5, tiles, A + 1, ceil(R / 5) + 4, 8] 0.001 deg
    cells: NDArray[np.int16]  # [G, R, C, A + 1] 0.001 deg
    spans: Floats32  # [5, 2, n] column, even or odd, half the hour; hours for which there is no forecast are left out
    bins: NDArray[np.int32]  # [2, n]
    havens: Floats  # [G, 2, H] m, H a multiple of 8, inf: none


def lay_out(slope: Floats32, millideg: NDArray[np.int16], hours: Floats32, havens_xy: Floats) -> Layouts:
    """Return the layouts of a chart's ``slope``, ``millideg``, ``hours`` and ``havens_xy``."""
    spans, bins = _spans(hours)
    made = Layouts(_strips(slope), _tiles(millideg), _cells(millideg), spans, bins, _havens(havens_xy))
    for layer in made:
        layer.flags.writeable = False
    return made


def _strips(slope: Floats32) -> Floats32:
    windows = np.lib.stride_tricks.sliding_window_view(slope, SLOPE_SIDE, axis=2)  # [G, R + 8, C, 9]
    return np.ascontiguousarray(windows.transpose(0, 2, 1, 3))


def _tiles(millideg: NDArray[np.int16]) -> NDArray[np.int16]:
    grounds, azimuths, rows, cols = millideg.shape
    high, wide = -(-rows // LIGHT_STRIDE) + 2 * EDGE, -(-cols // LIGHT_STRIDE) + 2 * EDGE
    count = -(-(wide - STEP) // STEP)
    shape = (grounds, LIGHT_STRIDE, LIGHT_STRIDE, count, azimuths + 1, high, WIDTH)
    held = np.full(math.prod(shape) + WIDTH, DARK, np.int16)  # a look at the last row reads a little beyond it
    tiles = held[:-WIDTH].reshape(shape)
    for g in range(grounds):
        for r in range(LIGHT_STRIDE):
            for c in range(LIGHT_STRIDE):
                every = millideg[g, :, r::LIGHT_STRIDE, c::LIGHT_STRIDE]
                plane = np.full((azimuths, high, STEP * (count + 1)), DARK, np.int16)
                plane[:, EDGE : EDGE + every.shape[1], EDGE : EDGE + every.shape[2]] = every
                for tile in range(count):
                    tiles[g, r, c, tile, :-1] = plane[:, :, STEP * tile : STEP * tile + WIDTH]
    tiles[..., -1, :, :] = tiles[..., 0, :, :]
    return tiles


def _cells(millideg: NDArray[np.int16]) -> NDArray[np.int16]:
    grounds, azimuths, rows, cols = millideg.shape
    cells = np.empty((grounds, rows, cols, azimuths + 1), np.int16)
    cells[..., :-1] = millideg.transpose(0, 2, 3, 1)
    cells[..., -1] = cells[..., 0]
    return cells


def _spans(hours: Floats32) -> tuple[Floats32, NDArray[np.int32]]:
    """Return the hours [2, n, 5], column by column."""
    whole = hours[:, :, PLACE].astype(np.int32)
    columns = [
        hours[:, :, PLACE] - whole.astype(np.float32),
        *(hours[:, :, k] for k in (ELEVATION, EAST, NORTH, RADIUS)),
    ]
    return np.stack(columns), whole


def _havens(havens_xy: Floats) -> Floats:
    grounds, count = havens_xy.shape[:2]
    havens = np.full((grounds, 2, -(-count // WIDTH) * WIDTH), np.inf)
    havens[:, :, :count] = np.where(np.isnan(havens_xy), np.inf, havens_xy).transpose(0, 2, 1)
    return havens
