"""Tiles of true ground to land on, made once and kept: heights, rocks, what a lidar and a camera see of them, where it is safe.

A pool of tiles is made from a recipe by the same synthesis as every site (`terrain.site_ground`, `terrain.local_ground`), with rock
fields of its own. It is kept in the cache folder as memory-mapped arrays, so all worlds and processes share one copy. Tile n of a
recipe is the same however many are asked for.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.errors import LandingError
from moonfleet.autonomy.lander_limits import LanderLimits
from moonfleet.terrain.cache_folder import cache_folder
from moonfleet.terrain.grid import GeoRef
from moonfleet.terrain.ground_style import GroundStyle
from moonfleet.terrain.kernel import kernel
from moonfleet.terrain.lattice import lattice_noise
from moonfleet.terrain.local_ground import LocalGround
from moonfleet.terrain.render import shade
from moonfleet.terrain.seeds import stream
from moonfleet.terrain.site_ground import synthetic_ground
from moonfleet.terrain.site_recipe import makers_digest

from .touchdown import leg_rock, stance_at

SIDE_M: Final = 160.0  # [m] side of a tile
CELL_M: Final = 0.25  # [m] cells of the true heights
LEVEL_CELL_M: Final = 1.0  # [m] cells of the even ground and of the margins
SCALES_M: Final = (0.5, 1.0, 2.0, 4.0)  # [m] cells of what is sensed
SUN_AZIMUTHS: Final = 8  # evenly round the compass, from a start of each tile's own
SUN_EL_DEG: Final = (3.0, 6.0, 12.0)  # [deg] elevations
SUNS: Final = SUN_AZIMUTHS * len(SUN_EL_DEG)
ROCK_KEPT_M: Final = 0.1  # [m] lower rocks than this bother no pad and are left out of the list
SITE_M, SITE_CELL_M = 3200.0, 20.0  # [m] of the ground that tiles are cut from
TILES_PER_SITE = 32
LEVEL_GREY = 85.0  # grey level of level sunlit ground
MARGIN_REACH_CELLS = 3  # [cells] of the margins; nearer to the edge nothing is safe

Floats = NDArray[np.float64]
F32 = NDArray[np.float32]


def scale_starts() -> tuple[int, ...]:
    """Return where each of `SCALES_M` begins in a tile's list of sensed cells; the last number is their sum."""
    starts = [0]
    for cell in SCALES_M:
        starts.append(starts[-1] + round(SIDE_M / cell) ** 2)
    return tuple(starts)


SCALE_START: Final = scale_starts()


@dataclass(frozen=True, slots=True)
class TileRecipe:
    """What decides a pool of tiles.

    Rocks cover ``clear_cover`` of the ground between rock fields and ``field_cover`` in them; fields are ``field_m`` across and take
    ``field_share`` of the ground. ``roughness`` and ``crater_density`` are those of `GroundStyle`; the map that the place was chosen by
    shows no slope above ``max_slope_deg`` on cells of 20 m. Raises `LandingError` for values out of range.
    """

    seed: int = 1
    clear_cover: float = 0.02
    field_cover: float = 0.2
    field_share: float = 0.5
    field_m: float = 50.0
    roughness: float = 1.0
    crater_density: float = 1.0
    max_slope_deg: float = 8.0

    def __post_init__(self) -> None:
        most = {"clear_cover": 0.5, "field_cover": 0.5, "field_share": 1.0, "field_m": 1e4, "max_slope_deg": 45.0}
        for field in fields(self):
            value, high = getattr(self, field.name), most.get(field.name, math.inf)
            if not (math.isfinite(value) and 0 <= value <= high):
                raise LandingError(f"tiles.{field.name} = {value!r}: must be 0..{high:g}")
        if self.field_m < 20.0:
            raise LandingError(f"tiles.field_m = {self.field_m!r}: must be >= 20 m, the cells of the rocks")
        GroundStyle(self.roughness, self.crater_density)

    def key(self, limits: LanderLimits) -> str:
        """Return the name under which tiles are kept: of the recipe, the lander that they are judged for, and the makers' code."""
        here = Path(__file__)
        code = [path.read_bytes() for path in (here, here.with_name("touchdown.py"))]
        said = json.dumps([asdict(self), asdict(limits), makers_digest()], sort_keys=True)
        return hashlib.sha256(said.encode() + b"".join(code)).hexdigest()[:20]


class LandingTiles(NamedTuple):
    """T tiles, row 0 at +y, (0, 0) m in the middle; memory-mapped and read-only."""

    ground: F32  # [T, 640, 640] true height [m], cells of `CELL_M`
    level: F32  # [T, 160, 160] the same, even over 5 m: what a lander stands on
    margin: F32  # [T, 160, 160] how far from unsafe a lander stands there, 1 on level bare ground, below 0 unsafe
    safe: F32  # [T, 160, 160] share of safe places within about a metre
    rocks: Floats  # [n, 4] x, y, diameter, height [m], tile by tile, sorted by x
    first_rock: NDArray[np.int64]  # [T + 1]
    mean: F32  # [T, N] mean height [m] of the cells of `SCALES_M`, one scale after the other
    rise: F32  # [T, N] highest point of each cell above its mean [m]
    grey: NDArray[np.uint8]  # [T, SUNS, N] brightness; level sunlit ground has `LEVEL_GREY`
    sun_az_deg: Floats  # [T, SUNS] grid azimuth of the Sun in the tile's frame

    @property
    def number(self) -> int:
        """How many tiles there are, T."""
        return len(self.ground)


def margin_of(tilt: float | Floats, belly: float | Floats, leg: float | Floats, limits: LanderLimits) -> Floats:
    """Return how far a stance is from unsafe, as a share of what the lander bears: at most 1; below 0 it is unsafe."""
    parts = (1.0 - tilt / limits.max_slope_deg, 1.0 - belly / limits.clearance_m, 1.0 - leg / limits.pad_rock_m)
    return np.clip(np.minimum(np.minimum(parts[0], parts[1]), parts[2]), -1.0, 1.0)


@kernel
def _stances(
    z: F32, rocks: Floats, pads: Floats, pad_radius: float, belly_radius: float, out: Floats, edge: int
) -> None:
    """Fill ``out`` [n, n, 3] with tilt, belly and pad rock in the middle of the cells of `LEVEL_CELL_M`, ``edge`` cells left out."""
    n = out.shape[0]
    for c in range(edge, n - edge):
        x = (c + 0.5) * LEVEL_CELL_M - 0.5 * SIDE_M
        west, east = np.searchsorted(rocks[:, 0], x - 4.0), np.searchsorted(rocks[:, 0], x + 4.0)
        near = rocks[west:east]
        near = near[np.argsort(near[:, 1])]
        for r in range(edge, n - edge):
            y = 0.5 * SIDE_M - (r + 0.5) * LEVEL_CELL_M
            south, north = np.searchsorted(near[:, 1], y - 4.0), np.searchsorted(near[:, 1], y + 4.0)
            row, col = (0.5 * SIDE_M - y) / CELL_M - 0.5, (x + 0.5 * SIDE_M) / CELL_M - 0.5
            tilt, belly = stance_at(z, row, col, CELL_M, pads, pad_radius, belly_radius)
            out[r, c, 0], out[r, c, 1] = tilt, belly
            out[r, c, 2] = leg_rock(x, y, pads, pad_radius, near[south:north])


def _blocks(z: F32, cells: int) -> tuple[F32, F32]:
    """Return mean and highest of ``z`` [n, n] over blocks of ``cells`` x ``cells``."""
    n = len(z) // cells
    parts = z.reshape(n, cells, n, cells)
    return parts.mean(axis=(1, 3)), parts.max(axis=(1, 3))


@lru_cache(maxsize=2)
def _site(recipe: TileRecipe, number: int) -> tuple[LocalGround, Floats]:
    """Return the ``number``-th ground that tiles are cut from, and the steepest slope around each of its cells [deg]."""
    import cv2

    seed = int(stream(recipe.seed, "landing site", index=(number,)).integers(2**31))
    ref = GeoRef.centred(0.0, 0.0, SITE_M, SITE_CELL_M)
    style = GroundStyle(recipe.roughness, recipe.crater_density)
    grid, _ = synthetic_ground(ref, seed, style)
    down, across = np.gradient(grid.elevation_m.astype(np.float64), SITE_CELL_M)
    slope = np.degrees(np.arctan(np.hypot(down, across)))
    wide = round(0.75 * SIDE_M / SITE_CELL_M) | 1
    noise = lattice_noise(seed, "rock fields", ref, recipe.field_m)
    edge = np.quantile(noise, 1.0 - recipe.field_share)
    cover = np.where(noise > edge, recipe.field_cover, recipe.clear_cover).astype(np.float32)
    return LocalGround(grid, cover, seed, style), cv2.dilate(slope, np.ones((wide, wide), np.uint8)).astype(np.float64)


def make_tile(recipe: TileRecipe, number: int, limits: LanderLimits) -> dict[str, NDArray[np.generic]]:
    """Return tile ``number`` of a recipe: the fields of `LandingTiles` for one tile, by name."""
    import cv2

    ground, steepest = _site(recipe, number // TILES_PER_SITE)
    rng = stream(recipe.seed, "landing tile", index=(number,))
    away = 0.5 * (SITE_M - SIDE_M) - 2.0 * SITE_CELL_M
    places = np.round(rng.uniform(-away, away, (64, 2)) / CELL_M) * CELL_M
    slopes = [float(steepest[ground.grid.ref.cell_of(x, y)]) for x, y in places.tolist()]
    flat = [k for k, slope in enumerate(slopes) if slope <= recipe.max_slope_deg]
    x, y = places[flat[0] if flat else int(np.argmin(slopes))].tolist()
    patch = ground.patch(x, y, 0.5 * SIDE_M, CELL_M)
    z = (patch.elevation_m - patch.elevation_m.mean()).astype(np.float32)
    middle_x, middle_y = patch.ref.centre
    half = 0.5 * SIDE_M
    rocks = ground.rocks(middle_x - half, middle_y - half, middle_x + half, middle_y + half)
    rocks = rocks[rocks[:, 3] > ROCK_KEPT_M] - np.array([middle_x, middle_y, 0.0, 0.0])
    n = round(SIDE_M / LEVEL_CELL_M)
    stance = np.full((n, n, 3), np.inf)
    pads = np.array(limits.pads())
    _stances(z, rocks, pads, limits.pad_radius_m, limits.belly_radius_m, stance, MARGIN_REACH_CELLS)
    margin = margin_of(stance[..., 0], stance[..., 1], stance[..., 2], limits).astype(np.float32)
    safe = cv2.GaussianBlur((margin >= 0.0).astype(np.float32), (0, 0), 1.0)
    metre, _ = _blocks(z, round(LEVEL_CELL_M / CELL_M))
    level = cv2.blur(metre, (5, 5), borderType=cv2.BORDER_REPLICATE)
    means, rises = [], []
    for cell in SCALES_M:
        mean, highest = _blocks(z, round(cell / CELL_M))
        means.append(mean.ravel())
        rises.append((highest - mean).ravel())
    start = float(rng.uniform(0.0, 360.0 / SUN_AZIMUTHS))
    azimuths = np.tile(start + 360.0 / SUN_AZIMUTHS * np.arange(SUN_AZIMUTHS), len(SUN_EL_DEG))
    fine, _ = _blocks(z, round(SCALES_M[0] / CELL_M))
    grey = np.empty((SUNS, SCALE_START[-1]), np.uint8)
    for k, azimuth in enumerate(azimuths.tolist()):
        grey[k] = _picture(fine, azimuth, SUN_EL_DEG[k // SUN_AZIMUTHS])
    return {
        "ground": z, "level": level, "margin": margin, "safe": safe, "rocks": rocks,
        "mean": np.concatenate(means), "rise": np.concatenate(rises), "grey": grey, "sun_az_deg": azimuths,
    }  # fmt: skip


def _picture(fine: F32, azimuth: float, elevation: float) -> NDArray[np.uint8]:
    """Return the brightness of the cells of all scales under a Sun; ``fine`` is the ground on those of the first."""
    flat = float(shade(np.zeros((4, 4), np.float32), SCALES_M[0], azimuth, elevation)[1, 1])
    radiance = shade(fine, SCALES_M[0], azimuth, elevation) * np.float32(LEVEL_GREY / flat)
    parts = [_blocks(radiance, round(cell / SCALES_M[0]))[0].ravel() for cell in SCALES_M]
    return np.clip(np.concatenate(parts) + 0.5, 0.0, 255.0).astype(np.uint8)


def landing_tiles(
    recipe: TileRecipe, count: int, limits: LanderLimits | None = None, progress: Callable[[int, int], object] | None = None
) -> LandingTiles:  # fmt: skip
    """Return the first ``count`` tiles of a recipe, made and kept in the cache folder on first use; about 0.2 s each.

    ``limits``: the lander whose stances are judged (default: `LanderLimits`). ``progress(done, count)`` is called while they are made.
    Raises `LandingError` for a count below 1, or kept tiles that are damaged.
    """
    if count < 1:
        raise LandingError(f"tiles = {count!r}: must be >= 1")
    lander = limits or LanderLimits()
    folder = cache_folder() / "landing-tiles" / f"{recipe.key(lander)}-{count}"
    if not folder.is_dir():
        _keep(folder, recipe, count, lander, progress)
    return _opened(folder, count)


@lru_cache(maxsize=8)
def _opened(folder: Path, count: int) -> LandingTiles:
    """Return kept tiles, shared by all of a process."""
    parts: dict[str, NDArray[np.generic]] = {}
    for name in LandingTiles._fields:
        try:
            stored = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise LandingError(
                f"{folder}: {name} cannot be read ({error}); remove the folder to make it anew."
            ) from error
        parts[name] = stored.view(np.ndarray)[...]
    tiles = LandingTiles(**parts)  # pyright: ignore[reportArgumentType]
    n, cells = round(SIDE_M / LEVEL_CELL_M), SCALE_START[-1]
    shapes = ((count, 640, 640), (count, n, n), (count, n, n), (count, n, n), (len(tiles.rocks), 4), (count + 1,))
    shapes += ((count, cells), (count, cells), (count, SUNS, cells), (count, SUNS))
    wrong = [name for name, part, shape in zip(tiles._fields, tiles, shapes, strict=True) if part.shape != shape]
    if wrong or int(tiles.first_rock[-1]) != len(tiles.rocks):
        raise LandingError(f"{folder}: damaged ({', '.join(wrong) or 'rocks'}); remove the folder to make it anew.")
    return tiles


def _keep(
    folder: Path, recipe: TileRecipe, count: int, limits: LanderLimits, progress: Callable[[int, int], object] | None
) -> None:
    """Make tiles and put them into ``folder``, whole or not at all."""
    made: list[dict[str, NDArray[np.generic]]] = []
    for number in range(count):
        made.append(make_tile(recipe, number, limits))
        if progress is not None:
            progress(number + 1, count)
    even = [name for name in made[0] if name != "rocks"]
    arrays = {name: np.stack([tile[name] for tile in made]) for name in even} | {
        "rocks": np.concatenate([tile["rocks"] for tile in made]),
        "first_rock": np.cumsum([0, *(len(tile["rocks"]) for tile in made)]).astype(np.int64),
    }
    aside = folder.with_name(f"{folder.name}.{os.getpid()}.tmp")
    aside.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        np.save(aside / f"{name}.npy", array, allow_pickle=False)
    try:
        os.replace(aside, folder)
    except OSError:
        shutil.rmtree(aside)
        if not folder.is_dir():  # else another process was quicker
            raise
