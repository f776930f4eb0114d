"""Two looks at each place where a rock may stand: a quick one at all, a second, where the first put it, at what remains.

Boosted trees (`verifier`) turn a look into the chance that a rock is there and into the shift and growth of its circle (cascaded
regression: Dollar et al. 2010). Of places that claim the same rock the surest stays. The second look also knows the picture as a whole: how
long shadows are for their widths among the sure rocks (rocks are half as high as wide, all in all, so this tells the light's
elevation above the ground as it lies, which may slope), and how rough the ground looks. It says the height as a correction of what the
shadow's length gives.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

from .rock_frame import F32, F64, Frame
from .rock_looks import LOOK, look, mapped, outline
from .rock_places import Places, places

FIRST_MIN = 0.06  # chance below which a place gets no second look
SAME = 0.6  # two circles whose middles are nearer than this many radii (of the larger) are one rock
SURE = 0.6  # chance of the rocks that tell the picture's measures
SURE_PX = 1.6  # [cells] least radius of those
TYPICAL_STEEP = -0.05  # ln of height over radius where no rock tells
SHIFT_MAX, GROWTH_MAX, HEIGHT_MAX = 1.0, 0.8, 1.2  # what the trees may say, in radii, ln and ln
STEEP, STEEP_HELD, STEEP_TRUST = (
    -0.555,
    15.0,
    0.8,
)  # ln of height over diameter of the sure rocks, as measured in training; rocks; share
STEEP_CHANCE, STEEP_PX = 0.8, 2.0  # chance and radius [cells] of the rocks that tell it
HALF_WIDTH = 0.866  # of the radius: where the outline of a dome's shadow is half as long as in the middle
ROUND = 3.0  # [cells]
STRETCH_MAX = 0.7
MOVES = ("down", "right", "growth")
PICTURE = ("steep", "steep_known", "texture")
BESIDE = ("steep_here", "own_steep", "stands_out", "far_more", "middle_more", "most_more")
OUTLINE = ("low_quarter", "half", "high_quarter", "far_half", "half_near", "half_wide")
MAP = ("map_known", "map_tilt", "map_slope", "map_more", "map_region")
SLOPE_PX = 10  # [cells] half the length over which the map's slope is taken
NEAR_M = 8.0  # [m] distance from which the rocks around tell of the ground at a place
HELD = 4.0  # rocks' worth of weight that the whole picture has against those around
FIRST = LOOK
SECOND = (*LOOK, *PICTURE, *BESIDE, *OUTLINE, *MAP)
HEIGHT = tuple(name for name in SECOND if not name.startswith("patch_"))
MODELS = {
    "first": FIRST,
    **{f"first_{move}": FIRST for move in MOVES},
    "second": SECOND,
    **{f"second_{move}": SECOND for move in MOVES},
    "height": HEIGHT,
}
_AREA, _RADIUS = LOOK.index("ln_height_area"), LOOK.index("ln_radius")
_FAR, _MIDDLE, _MOST = LOOK.index("ln_height_far"), LOOK.index("ln_height_middle"), LOOK.index("ln_height")
_KNOWN = SECOND.index("map_known")
_HALF, _HERE = SECOND.index("half"), SECOND.index("steep_here")
_HEIGHT = np.array([SECOND.index(name) for name in HEIGHT])


class Judge(Protocol):
    """What answers for each row of features; `verifier.Trees` does."""

    def score(self, features: F32) -> F32:
        """Return float32 [n] for features float32 [n, k]."""
        ...


class Judged(NamedTuple):
    """Rocks of one picture in its turned frame."""

    places: Places
    height: F64  # [cells]
    along: F64  # extent along the light over extent across it


def moved(spots: Places, moves: F64) -> Places:
    """Return the circles shifted and grown: ``moves`` [n, 3] down and right [radii], and ln of the growth."""
    shift = np.clip(moves[:, :2], -SHIFT_MAX, SHIFT_MAX) * spots.radius[:, None]
    growth = np.exp(np.clip(moves[:, 2], -GROWTH_MAX, GROWTH_MAX))
    return Places(spots.row + shift[:, 0], spots.col + shift[:, 1], spots.radius * growth, spots.chance)


def first_places(models: Mapping[str, Judge], frame: Frame) -> Places:
    """Return the places that the first look leaves, each moved to where it sees the rock."""
    spots = places(frame)
    features = look(frame, spots)
    chance = models["first"].score(features).astype(np.float64)
    likely = np.flatnonzero(chance >= FIRST_MIN)
    spots, features = spots.take(likely)._replace(chance=chance[likely]), features[likely]
    moves = np.column_stack([models[f"first_{move}"].score(features) for move in MOVES]).astype(np.float64)
    return surest_apart(moved(spots, moves))


def second_features(frame: Frame, spots: Places) -> F32:
    """Return the measures `SECOND` of each place, float32 [n, k]."""
    features = look(frame, spots)
    area, radius = features[:, _AREA].astype(np.float64), features[:, _RADIUS].astype(np.float64)
    sure = (spots.chance >= SURE) & (spots.radius >= SURE_PX)
    count = int(sure.sum())
    steep = area - radius
    told = (float(np.median(steep[sure])) * count + TYPICAL_STEEP * 3.0) / (count + 3.0) if count else TYPICAL_STEEP
    out = np.zeros((len(area), len(PICTURE) + len(BESIDE) + len(OUTLINE) + len(MAP)))
    out[:, :3] = told, min(count, 200), texture(frame)
    _steep_around(
        spots.row, spots.col, sure, np.clip(steep, told - 1.0, told + 1.0), told, NEAR_M / frame.cell_m, out[:, 3]
    )
    out[:, 4] = steep
    out[:, 5] = steep - out[:, 3]
    for column, other in ((6, _FAR), (7, _MIDDLE), (8, _MOST)):
        out[:, column] = features[:, other] - area
    out[:, 9:13] = outline(frame, spots, frame.clear, frame.clear_path)
    out[:, 13] = outline(frame, spots, frame.ground, frame.path)[:, 1]
    out[:, 14] = outline(frame, spots, frame.wide, frame.wide_path)[:, 1]
    out[:, [9, 11, 12, 13, 14]] -= out[:, 10:11]
    out[:, 15:] = _map(frame, spots, out[:, 10])
    return np.column_stack([features, out.astype(np.float32)])


def _map(frame: Frame, spots: Places, half: F64) -> F64:
    """Return the measures `MAP`: whether there is one, its slope here and that of the whole picture, what it makes of the height."""
    out = np.zeros((len(spots.row), len(MAP)))
    out[:, 3] = mapped(frame, spots) - half
    if frame.rise is None or frame.tilt is None:
        return out
    rows, cols = frame.bright.shape
    r = np.clip(np.rint(spots.row), 0, rows - 1).astype(np.int64)
    c = np.clip(np.rint(spots.col), 0, cols - 1).astype(np.int64)
    up, down = np.maximum(r - SLOPE_PX, 0), np.minimum(r + SLOPE_PX, rows - 1)
    slope = (frame.rise[down, c] - frame.rise[up, c]) / np.maximum(down - up, 1)
    out[:, 0] = 1.0
    out[:, 1] = math.log(frame.tan / frame.level_tan)
    out[:, 2] = np.clip(slope / frame.level_tan, -3.0, 3.0)
    out[:, 4] = frame.tilt[r, c]
    return out


@kernel
def _steep_around(row: F64, col: F64, sure: NDArray[np.bool_], steep: F64, whole: float, near: float, out: F64) -> None:
    """Fill ``out`` [n] with the mean steepness of the other sure rocks around (Gaussian weights), held to that of the whole picture."""
    for i in range(row.size):
        weight, total = HELD, HELD * whole
        for j in range(row.size):
            down, right = row[j] - row[i], col[j] - col[i]
            if sure[j] and j != i and abs(down) < 2.0 * near and abs(right) < 2.0 * near:
                w = math.exp(-0.5 * (down * down + right * right) / (near * near))
                weight += w
                total += w * steep[j]
        out[i] = total / weight


def texture(frame: Frame) -> float:
    """Return how much the ground's brightness changes over 1.6 m along the light, a middling value."""
    some = frame.ground[::4, ::4]
    seen = frame.known[::4, ::4] > 0
    if some.shape[0] < 8:
        return 0.0
    both = seen[4:] & seen[:-4]
    change = np.abs(some[4:] - some[:-4])[both]
    return float(np.median(change)) if change.size else 0.0


def base_height(features: F32) -> F64:
    """Return ln of the height [cells] that the shadow's outline gives; trees correct it.

    On ground that lies as the map says, or without one as the rocks around say.
    """
    mapped = features[:, _KNOWN] > 0.5
    return features[:, _HALF].astype(np.float64) - np.where(mapped, 0.0, features[:, _HERE].astype(np.float64))


def two_looks(models: Mapping[str, Judge], frame: Frame) -> Judged:
    """Return the rocks of a picture, surest first."""
    spots = first_places(models, frame)
    features = second_features(frame, spots)
    chance = models["second"].score(features).astype(np.float64)
    moves = np.column_stack([models[f"second_{move}"].score(features) for move in MOVES]).astype(np.float64)
    correction = np.clip(models["height"].score(features[:, _HEIGHT]).astype(np.float64), -HEIGHT_MAX, HEIGHT_MAX)
    height = np.exp(base_height(features) + correction)
    spots = moved(spots._replace(chance=chance), moves)
    order = apart(spots)
    if frame.rise is None:
        height *= _levelled(spots.take(order), height[order], frame.dark_share)
    return Judged(spots.take(order), height[order], _stretch(features, spots.radius)[order])


def _levelled(spots: Places, height: F64, dark_share: float) -> float:
    """Return the factor by which heights are corrected so that the sure rocks of the picture are as steep as rocks are on the whole.

    What remains wrong in common is mostly the slope of the ground. Ground in shadow for its greater part shows too odd a choice of rocks.
    """
    sure = (spots.chance >= STEEP_CHANCE) & (spots.radius >= STEEP_PX)
    count = int(sure.sum())
    trust = STEEP_TRUST * max(1.0 - 2.0 * dark_share, 0.0)
    if count == 0 or trust == 0.0:
        return 1.0
    steep = np.clip(np.log(0.5 * height[sure] / spots.radius[sure]), -1.6, 0.4)
    return math.exp(-trust * (float(steep.mean()) - STEEP) * count / (count + STEEP_HELD))


def _stretch(features: F32, radius: F64) -> F64:
    """Return the extent along the light over that across it, from the lit face's length and the shadow's width.

    What a few cells say is held to a circle: by `ROUND` cells of radius.
    """
    face = features[:, SECOND.index("face_length")].astype(np.float64)
    width = features[:, SECOND.index("width_half")].astype(np.float64) / (2.0 * HALF_WIDTH)
    share = radius / (radius + ROUND)
    return np.exp(share * np.clip(np.log((face + 0.3) / (width + 0.3)), -STRETCH_MAX, STRETCH_MAX))


def surest_apart(spots: Places) -> Places:
    """Return the places, surest first, of which no two claim the same rock."""
    return spots.take(apart(spots))


def apart(spots: Places) -> NDArray[np.int64]:
    """Return the indices of `surest_apart`."""
    order = np.argsort(-spots.chance, kind="stable")
    by_row = np.argsort(spots.row, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    stays = _apart(spots.row[by_row], spots.col[by_row], spots.radius[by_row], rank[by_row])
    keep = np.zeros(len(order), np.bool_)
    keep[by_row] = stays
    return order[keep[order]]


@kernel
def _apart(row: F64, col: F64, radius: F64, rank: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which places stay, bool [n]; rows rising, ``rank`` 0 for the surest."""
    n = row.size
    stays = np.ones(n, np.bool_)
    at = np.empty(n, np.int64)
    for i in range(n):
        at[rank[i]] = i
    widest = radius.max() if n else 0.0
    for k in range(n):
        i = at[k]
        if not stays[i]:
            continue
        reach = SAME * max(widest, radius[i])
        for step in (-1, 1):
            j = i + step
            while 0 <= j < n and abs(row[j] - row[i]) <= reach:
                if stays[j] and rank[j] > k:
                    near = SAME * max(radius[i], radius[j])
                    if (row[j] - row[i]) ** 2 + (col[j] - col[i]) ** 2 < near * near:
                        stays[j] = False
                j += step
    return stays
