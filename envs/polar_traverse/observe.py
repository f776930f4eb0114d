"""The kernel that fills the observation of PolarTraverse, for any number of worlds; the table of what is where is in `spaces`."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents import state as s
from moonfleet.agents.sky_blocks import SKY_TICKS
from moonfleet.terrain.constants import MOON_RADIUS_M
from moonfleet.terrain.kernel import inlined_kernel, kernel, leaf_kernel
from moonfleet.terrain.lane_math import cosine_near, sine_near
from moonfleet.terrain.lane_memory import bit_count, copier, lanes_least, load_flat, store_flat
from moonfleet.terrain.lane_turns import eight, number
from moonfleet.terrain.lanes import WIDTH as LANES
from moonfleet.terrain.lanes import least, mask, most, nearest, root, select
from moonfleet.terrain.prefetch import prefetch

from .layouts import DARK, LINE, STEP, WIDTH, Layouts, lay_out
from .lit_share import lit_ahead
from .outlook import CELL, CENTRE_X, CENTRE_Y, X_LEFT, Y_TOP, outlook
from .spaces import (
    EARTH_EL_SCALE_DEG,
    LIGHT_SIDE,
    LIGHT_STRIDE,
    MARGIN_SCALE_DEG,
    NEAR_M,
    OFFSET,
    SLOPE_SIDE,
    SUN_EL_SCALE_DEG,
)

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Ints = NDArray[np.int64]

# offsets as plain numbers: the kernel freezes them at compile time
_LIGHT = OFFSET["light"]
_TARGET = OFFSET["target_direction"]
_NEXT = OFFSET["next_direction"]
_HAVEN = OFFSET["haven_direction"]
_OWN = OFFSET["battery"]
_SUN = OFFSET["sun"]
_FORECAST_HERE = OFFSET["forecast_here"]
_LAST = OFFSET["targets_left"]
_RAD = math.pi / 180.0
_DEG_PER_M = 180.0 / (math.pi * MOON_RADIUS_M)  # deg by which a body stands higher per metre towards it
MARGIN = SLOPE_SIDE // 2  # cells of steep ground put around the map
AHEAD = 8  # worlds ahead of which memory is asked for
SWEEP_DEG = 25  # that the Sun goes round, either way, in the 48 hours of the forecasts
REACH = LIGHT_SIDE // 2 * LIGHT_STRIDE  # cells that the light is seen around
DARK_DEG = 0.001 * DARK  # horizon of layouts off the map
STEEPEST = 2.0  # what slopes are clipped to, and what is off the map

# columns of `Progress.tally`
STEPS, CURRENT, BROWNOUTS = range(3)
# columns of spots, int64 [W, 5]: where a rover stands, and the places in `Layouts.tiles`, `strips` and `cells` of what it sees there
ROW, COL, TILE, STRIP, HORIZON = range(5)
SPOTS = 5
# columns of `Progress.known`: what the forecasts in `Progress.ahead` are of
HERE_CELL, HERE_HOUR, HAVEN, HAVEN_HOUR = range(4)


# columns of an almanac, float64 [n, 16], a row for every row of the World's sky: direction, elevation and azimuth of Sun and Earth (the
# azimuth of the horizons before them, and weights of it and the next), and the whole hour
SUN_X, SUN_Y, SUN_EL, SUN_BIN, SUN_HERE, SUN_NEXT = range(6)
EARTH_X, EARTH_Y, EARTH_EL, EARTH_BIN, EARTH_PART = range(6, 11)
HOUR = 11
# pi/2 in two parts of 33 bits and the rest; factors on both sides of 1 by more than `direction` errs
HALF_PI_A, HALF_PI_B, HALF_PI_C = 1.57079632673412561417, 6.07710050630396597660e-11, 2.02226624879595063154e-21
LESS, MORE = 1.0 - 1e-14, 1.0 + 1e-14
ALMANAC = 16  # two lines of memory
_COLUMNS = np.array([float(c * LIGHT_STRIDE - REACH) for c in range(LANES)])
copy_slopes = copier(SLOPE_SIDE * SLOPE_SIDE)
copy_forecasts = copier(8)

# what a game is given: float64 [5]
CAPACITY_WH, SOLAR_W, MAX_STEPS, TICK_S, PER_DIAGONAL = range(5)


class Chart(NamedTuple):
    """What the eyes of the game need of the grounds; G grounds."""

    slope: Floats32  # [G, R + 8, C + 8] slope / steepest allowed, clipped to 2, with a margin of 2
    millideg: NDArray[np.int16]  # [G, A, R, C] horizons, 0.001 deg
    hours: Floats32  # [2, n, 5] the Sun hour by hour, see `outlook`
    frame: Floats  # [5] of the map, see `outlook`
    havens_xy: Floats  # [G, H, 2] m, NaN: fewer
    places_xy: Floats  # [G, K, 2] m


class Progress(NamedTuple):
    """How far every world is."""

    ground_of: Ints  # [W]
    chain: Ints  # [W, T] numbers of the places that are targets
    tally: Ints  # [W, 3] STEPS, CURRENT target, BROWNOUTS so far
    route_m: Floats  # [W] way to the current target
    known: Ints  # [W, 4]
    ahead: Floats32  # [W, 8] forecasts here and at the nearest haven


@leaf_kernel
def _clip(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


@inlined_kernel
def _write_aim(out: Floats32, at: int, k: int, x: Any, y: Any, distance: Any) -> None:
    """Write direction (2) and distance over the diagonal (1) of lane ``k``."""
    out[at], out[at + 1], out[at + 2] = number(x, k), number(y, k), number(distance, k)


@leaf_kernel
def cell_of(frame: Floats, x: float, y: float, rows: int, cols: int) -> tuple[int, int]:
    """Return row, col of the cell that a place on the map lies in."""
    row = min(max(int(math.floor((frame[Y_TOP] - y) / frame[CELL])), 0), rows - 1)
    col = min(max(int(math.floor((x - frame[X_LEFT]) / frame[CELL])), 0), cols - 1)
    return row, col


@inlined_kernel
def _near_light(
    out: Floats32, at: int, layouts: Layouts, begin: int, row: int, col: int, rows: int, cols: int, base: float, down: float,
    per_cell: float, first: float, second: float,
) -> None:  # fmt: skip
    """Write how far the Sun stands above the horizon of cells around from number ``at`` on, and three numbers of no meaning after them.

    ``begin``: place in the tiles of the horizons towards the azimuth before the Sun, of which ``first`` is the weight, ``second`` that of
    the next; ``base``: its elevation at the column of the rover in the row at the top; ``down`` and ``per_cell``: deg lower per row of
    these and higher per column of the map.
    """
    high = layouts.tiles.shape[5]
    aside = load_flat(_COLUMNS, 0) * per_cell
    for i in range(LIGHT_SIDE):
        local = (base - down * i) + aside
        here = load_flat(layouts.tiles, begin + WIDTH * i)
        there = load_flat(layouts.tiles, begin + WIDTH * (i + high))
        margin = local - (here * first + there * second)
        store_flat(out, at + LIGHT_SIDE * i, least(most(margin * (1.0 / MARGIN_SCALE_DEG), -1.0), 1.0))
    if row < REACH or col < REACH or row >= rows - REACH or col >= cols - REACH:
        highest = abs(base) + abs(down) * LIGHT_SIDE + abs(per_cell) * REACH
        if highest > DARK_DEG - 2.0 * MARGIN_SCALE_DEG:  # lower, it is as dark as can be behind the horizon off the map
            _darken(out, at, row, col, rows, cols)


@leaf_kernel
def _darken(out: Floats32, at: int, row: int, col: int, rows: int, cols: int) -> None:
    """Write over what lies off the map."""
    flat = out.reshape(-1)
    for i in range(LIGHT_SIDE):
        r = row - REACH + i * LIGHT_STRIDE
        for j in range(LIGHT_SIDE):
            c = col - REACH + j * LIGHT_STRIDE
            if not (0 <= r < rows and 0 <= c < cols):
                flat[at + LIGHT_SIDE * i + j] = -1.0


@leaf_kernel
def _bin(azimuths: int, az_deg: float) -> tuple[int, int, float]:
    """Return what `horizon.azimuth_bin` does, of an azimuth within 0..360 deg."""
    place = az_deg * azimuths / 360.0
    a = min(int(place), azimuths - 1)
    return a, a + 1 if a + 1 < azimuths else 0, place - a


@leaf_kernel
def nearest_haven(havens: Floats, g: int, x: float, y: float) -> int:
    """Return the number of the haven nearest to (x, y), the first of them; ``havens`` as in `Layouts`."""
    count = havens.shape[2]
    best, haven = math.inf, 0
    for h in range(0, count, LANES):
        at = 2 * count * g + h
        dx, dy = load_flat(havens, at) - x, load_flat(havens, at + count) - y
        apart = dx * dx + dy * dy
        near = lanes_least(apart)
        if near < best:
            equal = mask(apart <= near)
            best, haven = near, h + bit_count((equal & -equal) - 1)
    return haven


@leaf_kernel
def note_sky(sky: Floats, row: int, azimuths: int, tick_s: float, almanac: Floats) -> None:
    """Fill row ``row`` of the almanac: what the observation needs of a row of the World's sky."""
    a, _, w = _bin(azimuths, sky[row, s.SUN_AZ])
    sun_az, earth_az = sky[row, s.SUN_AZ] * _RAD, sky[row, s.EARTH_AZ] * _RAD
    note = almanac[row]
    note[SUN_X], note[SUN_Y], note[SUN_EL] = math.sin(sun_az), math.cos(sun_az), sky[row, s.SUN_EL]
    note[SUN_BIN], note[SUN_HERE], note[SUN_NEXT] = a, 0.001 * (1.0 - w), 0.001 * w
    a, _, w = _bin(azimuths, sky[row, s.EARTH_AZ])
    note[EARTH_X], note[EARTH_Y], note[EARTH_EL] = math.sin(earth_az), math.cos(earth_az), sky[row, s.EARTH_EL]
    note[EARTH_BIN], note[EARTH_PART], note[HOUR] = a, w, int(row * tick_s / 3600.0)


@kernel
def note_skies(
    which: Ints, now: Ints, sky: Floats, azimuths: int, tick_s: float, noted: NDArray[np.bool_], almanac: Floats
) -> None:  # fmt: skip
    """See that rows ``now[which]`` of the almanac are there.

    The rows of the sky are made a block at a time, and these too: ``noted`` [blocks] says of which blocks they are there.
    """
    for k in range(which.size):
        block = now[which[k]] // SKY_TICKS
        if not noted[block]:
            for row in range(block * SKY_TICKS, min((block + 1) * SKY_TICKS, len(sky))):
                note_sky(sky, row, azimuths, tick_s, almanac)
            noted[block] = True


@leaf_kernel
def direction(angle: float) -> tuple[float, float]:
    """Return sine and cosine of an angle -10..10, such that as float32 they are those of `math.sin` and `math.cos`.

    The angle is reduced to -pi/4..pi/4 with pi/2 in three parts (as in fdlibm, Sun Microsystems 1993), and where what is left of the
    errors could round to another float32, the slower functions are asked.
    """
    turns = nearest(angle * (2.0 / math.pi))
    r = ((angle - turns * HALF_PI_A) - turns * HALF_PI_B) - turns * HALF_PI_C
    a, b = sine_near(r), cosine_near(r)
    quarter = int(turns) & 3
    if quarter & 1:
        a, b = b, a
    a = -a if quarter & 2 else a
    b = -b if (quarter + 1) & 2 else b
    low_a, high_a, low_b, high_b = (
        np.float32(a * LESS),
        np.float32(a * MORE),
        np.float32(b * LESS),
        np.float32(b * MORE),
    )
    if low_a == high_a and low_b == high_b:
        return high_a, high_b  # pyright: ignore[reportReturnType]
    return math.sin(angle), math.cos(angle)


@inlined_kernel
def _observe_one(
    out: Floats32, w: int, spot: Ints, chart: Chart, layouts: Layouts, horizons: NDArray[np.int16], progress: Progress, f: Floats,
    note: Floats, given: Floats,
) -> None:  # fmt: skip
    g, row, col = progress.ground_of[w], spot[ROW], spot[COL]
    frame, (rows, cols) = chart.frame, chart.millideg.shape[2:]
    per_m = given[PER_DIAGONAL]
    targets = progress.chain.shape[1]
    current = progress.tally[w, CURRENT]
    x, y = f[s.X, 0], f[s.Y, 0]
    cell = row * cols + col
    sun_x, sun_y, sun_el = note[SUN_X], note[SUN_Y], note[SUN_EL]
    seen, at = out[w], np.int64(w) * out.shape[1]

    copy_slopes(out, at, layouts.strips, spot[STRIP])
    east, north = sun_x * _DEG_PER_M, sun_y * _DEG_PER_M
    base = sun_el + north * (frame[Y_TOP] - (row - REACH + 0.5) * frame[CELL] - frame[CENTRE_Y])
    base += east * (frame[X_LEFT] + (col + 0.5) * frame[CELL] - frame[CENTRE_X])
    _near_light(
        out, at + _LIGHT, layouts, spot[TILE], row, col, rows, cols, base, north * frame[CELL] * LIGHT_STRIDE, east * frame[CELL],
        note[SUN_HERE], note[SUN_NEXT],
    )  # fmt: skip

    aim = progress.chain[w, min(current, targets - 1)]
    aim_x, aim_y = chart.places_xy[g, aim, 0] - x, chart.places_xy[g, aim, 1] - y
    next_x, next_y = 0.0, 0.0
    if current + 1 < targets:
        after = progress.chain[w, current + 1]
        next_x, next_y = chart.places_xy[g, after, 0] - x, chart.places_xy[g, after, 1] - y
    haven = nearest_haven(layouts.havens, g, x, y)
    haven_x, haven_y = chart.havens_xy[g, haven, 0], chart.havens_xy[g, haven, 1]
    # lanes: target, the one after it, haven; then shares that are quotients
    dx, dy = (
        eight(aim_x, next_x, haven_x - x, 0.0, 0.0, 0.0, 0.0, 0.0),
        eight(aim_y, next_y, haven_y - y, 0.0, 0.0, 0.0, 0.0, 0.0),
    )
    distance = root(dx * dx + dy * dy)
    parts = eight(
        1.0, 1.0, 1.0, f[s.BATTERY, 0], f[s.SOLAR, 0], float(targets - current), float(progress.tally[w, STEPS]), 0.0
    )
    wholes = eight(1.0, 1.0, 1.0, given[CAPACITY_WH], given[SOLAR_W], float(targets), given[MAX_STEPS], 1.0)
    away = distance > 1e-6
    quotient = parts / select(away, distance, wholes)
    to_x = select(away, least(most(dx * quotient, -1.0), 1.0), 0.0)
    to_y = select(away, least(most(dy * quotient, -1.0), 1.0), 0.0)
    far = least(most(distance * per_m, 0.0), 1.0)
    _write_aim(seen, _TARGET, 0, to_x, to_y, far)
    _write_aim(seen, _NEXT, 1, to_x, to_y, far)
    _write_aim(seen, _HAVEN, 2, to_x, to_y, far)
    seen[_TARGET + 3] = _clip(number(distance, 0) * (1.0 / NEAR_M), 0.0, 1.0)
    seen[_TARGET + 4] = _clip(0.5 * progress.route_m[w] * per_m, 0.0, 1.0)

    seen[_OWN] = _clip(number(quotient, 3), 0.0, 1.0)
    seen[_OWN + 1] = _clip((f[s.TEMP, 0] - 250.0) * (1.0 / 150.0), -1.0, 1.0)
    seen[_OWN + 2] = _clip(f[s.LIT, 0], 0.0, 1.0)
    seen[_OWN + 3] = _clip(number(quotient, 4), 0.0, 1.0)
    seen[_OWN + 4], seen[_OWN + 5] = direction(f[s.HEADING, 0] * _RAD)
    seen[_OWN + 6] = seen[SLOPE_SIDE * MARGIN + MARGIN]

    # a place off the middle of the site has a horizontal plane of its own (`light.local_elevation_deg`)
    east, north = (x - frame[CENTRE_X]) * _DEG_PER_M, (y - frame[CENTRE_Y]) * _DEG_PER_M
    earth_el = note[EARTH_EL] + (east * note[EARTH_X] + north * note[EARTH_Y])
    seen[_SUN] = sun_x
    seen[_SUN + 1] = sun_y
    seen[_SUN + 2] = _clip((sun_el + (east * sun_x + north * sun_y)) * (1.0 / SUN_EL_SCALE_DEG), -1.0, 1.0)
    seen[_SUN + 3] = note[EARTH_X]
    seen[_SUN + 4] = note[EARTH_Y]
    seen[_SUN + 5] = _clip(earth_el * (1.0 / EARTH_EL_SCALE_DEG), -1.0, 1.0)
    a, part = int(note[EARTH_BIN]), note[EARTH_PART]
    edge = np.uint64(spot[HORIZON] + a)  # without a sign: no check whether it counts from the end
    edge = 0.001 * ((1.0 - part) * horizons[edge] + part * horizons[edge + np.uint64(1)])
    seen[_SUN + 6] = 1.0 if earth_el >= edge else 0.0

    # forecasts are of cells and whole hours: they are kept until either changes
    known, ahead, hour = progress.known[w], progress.ahead[w], int(note[HOUR])
    if known[HERE_CELL] != cell or known[HERE_HOUR] != hour:
        _forecast(chart, layouts, g, row, col, hour, ahead[:4])
        known[HERE_CELL], known[HERE_HOUR] = cell, hour
    if known[HAVEN] != haven or known[HAVEN_HOUR] != hour:
        haven_row, haven_col = cell_of(frame, haven_x, haven_y, rows, cols)
        _forecast(chart, layouts, g, haven_row, haven_col, hour, ahead[4:])
        known[HAVEN], known[HAVEN_HOUR] = haven, hour
    copy_forecasts(out, at + _FORECAST_HERE, progress.ahead, np.int64(w) * 8)
    seen[_LAST] = number(quotient, 5)
    seen[_LAST + 1] = _clip(1.0 - number(quotient, 6), 0.0, 1.0)


@inlined_kernel
def _forecast(chart: Chart, layouts: Layouts, g: int, row: int, col: int, hour: int, ahead: Floats32) -> None:
    frame, (rows, cols, azimuths) = chart.frame, layouts.cells.shape[1:]
    dx = frame[X_LEFT] + (col + 0.5) * frame[CELL] - frame[CENTRE_X]
    dy = frame[Y_TOP] - (row + 0.5) * frame[CELL] - frame[CENTRE_Y]
    cell = ((g * rows + row) * cols + col) * azimuths
    if not lit_ahead(layouts.cells, layouts.spans, layouts.bins, cell, hour, dx, dy, ahead):
        outlook(chart.millideg, g, row, col, chart.hours, hour, frame, ahead)


@inlined_kernel
def _hint(
    chart: Chart, layouts: Layouts, tiles: NDArray[np.int16], strips: Floats32, horizons: NDArray[np.int16], progress: Progress,
    w: int, f: Floats, note: Floats, spot: Ints,
) -> None:  # fmt: skip
    """Find where a rover stands, and ask for what `_observe_one` will read around it; three layouts once more, flat."""
    g = progress.ground_of[w]
    azimuths, rows, cols = chart.millideg.shape[1:]
    count, planes, high = layouts.tiles.shape[3:6]
    row, col = cell_of(chart.frame, f[s.X, 0], f[s.Y, 0], rows, cols)
    strip = ((g * cols + col) * (rows + 2 * MARGIN) + row) * SLOPE_SIDE
    for k in range(0, SLOPE_SIDE * SLOPE_SIDE + LINE - 1, LINE):
        prefetch(strips, (strip + k,))
    up, left, a = row // LIGHT_STRIDE, col // LIGHT_STRIDE, int(note[SUN_BIN])
    r, c = row - LIGHT_STRIDE * up, col - LIGHT_STRIDE * left
    tile, start = left // STEP, left % STEP
    light = ((((g * LIGHT_STRIDE + r) * LIGHT_STRIDE + c) * count + tile) * planes + a) * high + up
    light = light * WIDTH + start
    for plane in range(2):
        begin = light + plane * high * WIDTH
        prefetch(tiles, (begin,))
        prefetch(tiles, (begin + WIDTH * (LIGHT_SIDE - 1),))
        prefetch(tiles, (begin + WIDTH * LIGHT_SIDE - 1,))
    cell = row * cols + col
    horizon = (g * rows * cols + cell) * (azimuths + 1)
    prefetch(horizons, (horizon + int(note[EARTH_BIN]),))
    spot[ROW], spot[COL], spot[TILE], spot[STRIP], spot[HORIZON] = row, col, light, strip, horizon
    known = progress.known[w]
    if known[HERE_CELL] != cell or known[HERE_HOUR] != int(note[HOUR]):
        sweep = SWEEP_DEG * azimuths // 360 + 1
        prefetch(horizons, (horizon + a,))
        prefetch(horizons, (horizon + min(a + sweep, azimuths),))
        prefetch(horizons, (horizon + (a - sweep if a >= sweep else a - sweep + azimuths),))


@leaf_kernel
def see_worlds(
    which: Ints, start: int, end: int, out: Floats32, chart: Chart, layouts: Layouts, progress: Progress, floats: Floats,
    almanac: Floats, now: Ints, spots: Ints, given: Floats,
) -> None:  # fmt: skip
    """Fill the rows ``which[start:end]`` of ``out`` float32 [W, 141].

    ``floats`` is the World's block of numbers, ``now`` [W] the rows of the almanac, which are there; ``spots`` [W, 5] takes where
    they stand; ``given`` float64 [5]: battery [Wh], panel at 1 au [W], steps of an episode, seconds per row of the sky, one over the
    diagonal of the map [1/m].
    """
    tiles, strips, horizons = layouts.tiles.reshape(-1), layouts.strips.reshape(-1), layouts.cells.reshape(-1)
    for k in range(start, end + AHEAD):
        # scattered memory is asked for some worlds ahead: first where a rover stands, then what lies around it
        if k + AHEAD < end:
            far = which[k + AHEAD]
            prefetch(floats, (far, s.X, 0))
            prefetch(almanac, (now[far], 0))
            prefetch(almanac, (now[far], LANES))
            prefetch(progress.tally, (far, 0))
        if k < end:
            near = np.uint64(which[k])  # without a sign: no check whether it counts from the end
            _hint(
                chart, layouts, tiles, strips, horizons, progress, near, floats[near], almanac[now[near]], spots[near],  # pyright: ignore[reportArgumentType]
            )  # fmt: skip
        if k >= start + AHEAD:
            w = np.uint64(which[k - AHEAD])
            _observe_one(
                out, w, spots[w], chart, layouts, horizons, progress, floats[w], almanac[now[w]], given,  # pyright: ignore[reportArgumentType]
            )  # fmt: skip


def observe_worlds(
    which: Ints, start: int, end: int, out: Floats32, chart: Chart, progress: Progress, floats: Floats, sky: Floats,
    now: Ints, given: Floats,
) -> None:  # fmt: skip
    """As `see_worlds`, for a chart that is not laid out yet and rows ``sky`` of the World: what is made of them is made for this call."""
    layouts = lay_out(chart.slope, chart.millideg, chart.hours, chart.havens_xy)
    almanac = np.zeros((len(sky), ALMANAC))
    noted = np.zeros(-(-len(sky) // SKY_TICKS), np.bool_)
    note_skies(which, now, sky, chart.millideg.shape[1], float(given[TICK_S]), noted, almanac)
    see_worlds(
        which,
        start,
        end,
        out,
        chart,
        layouts,
        progress,
        floats,
        almanac,
        now,
        np.zeros((len(now), SPOTS), np.int64),
        given,
    )
