"""The ground of a site: from the shipped regional grid, from a user's elevation file, fine or coarse, or made from nothing."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from scipy import ndimage

from .catalogue import regional_grid
from .craters import LARGEST_M
from .dem_io import DemInfo, dem_info, warp_dem, without_collar
from .errors import DemRange, DemTooSmall, SiteError
from .grid import GeoRef, HeightGrid, polar_lonlat, polar_xy
from .ground_style import CALIBRATED, GroundStyle
from .relief import largest_crater
from .site_recipe import MIN_SITE_M
from .synthesis import refine
from .synthetic_region import synthetic_region

COARSE = 1.5  # a file whose cells are larger than this many site cells is refined with seeded relief
MAX_COARSE_M = 2_000.0  # [m] coarsest elevation file accepted
SPARE = 4  # coarse cells read around a site, for its spline


def regional_ground(ref: GeoRef, seed: int, style: GroundStyle = CALIBRATED) -> tuple[HeightGrid, float | None]:
    """Return ``ref`` out of the shipped grid with seeded relief, and the largest seeded crater [m].

    Raises `SiteError` for a place the shipped grid does not cover.
    """
    regional = regional_grid()
    if not regional.ref.covers(ref):
        lon, lat = ref.lonlat()
        raise SiteError(
            f"site: longitude {lon:.2f}, latitude {lat:.2f} is outside the shipped elevation grid; allowed: within "
            f"{-regional.ref.bounds[0] / 1000:.1f} km of the pole in x and y (about 70 S), or a GeoTIFF of your own."
        )
    return refine(regional, ref, seed, style), largest_crater(regional.ref.cell_m)


def synthetic_ground(ref: GeoRef, seed: int, style: GroundStyle = CALIBRATED) -> tuple[HeightGrid, float | None]:
    """Return made ground on the cells of ``ref``, all of it seeded, and the largest seeded crater [m].

    It refines `synthetic_region`; sites of one seed and style agree where they overlap, wherever they lie. Raises `SiteError`
    if the cells do not divide 1 600 m.
    """
    region = synthetic_region(ref, seed, style)
    return refine(region, ref, seed, style, craters_to_m=LARGEST_M), LARGEST_M


def _coarse_cell(info: DemInfo, cell_m: float) -> float:
    """Return the whole multiple of ``cell_m`` next to the file's own cell, or ``cell_m`` if the file is fine enough."""
    if info.cell_m > MAX_COARSE_M:
        raise DemRange(f"{info.path}: cells of {info.cell_m:.0f} m; allowed: up to {MAX_COARSE_M:.0f} m.")
    if info.cell_m <= COARSE * cell_m:
        return cell_m
    return max(2, round(info.cell_m / cell_m)) * cell_m


def dem_ground(path: Path, ref: GeoRef, seed: int, style: GroundStyle = CALIBRATED) -> tuple[HeightGrid, float | None]:
    """Return ``ref`` out of a user's file, and the largest seeded crater [m] (None where nothing is seeded).

    A file with cells up to 1.5 site cells is measured ground and stays as it is; a coarser one is refined.
    Raises a `DemError` child: see `dem_io`; `DemTooSmall` if it does not cover ``ref``, `DemHoles` for holes in it.
    """
    info = dem_info(path)
    cell = _coarse_cell(info, ref.cell_m)
    if cell == ref.cell_m:
        grid = warp_dem(path, ref)
        _check_covered(path, grid, ref)
        return grid, None
    x0, y0, x1, y1 = ref.bounds
    left, top = math.floor(x0 / cell + 1e-6) * cell, math.ceil(y1 / cell - 1e-6) * cell
    cols, rows = round(math.ceil((x1 - left) / cell - 1e-6)), round(math.ceil((top - y0) / cell - 1e-6))
    coarse = warp_dem(path, GeoRef(left - SPARE * cell, top + SPARE * cell, cell, rows + 2 * SPARE, cols + 2 * SPARE))
    z = np.array(coarse.elevation_m)
    core = HeightGrid(z[SPARE:-SPARE, SPARE:-SPARE].copy(), GeoRef(left, top, cell, rows, cols))
    _check_covered(path, core, ref)
    empty = ~np.isfinite(z)
    if empty.any():  # beyond the file's edge: the nearest cell goes on
        nearest = ndimage.distance_transform_edt(empty, return_distances=False, return_indices=True)
        rc = np.asarray(nearest)
        z = z[rc[0], rc[1]]
    return refine(HeightGrid(z, coarse.ref), ref, seed, style), largest_crater(cell)


def _check_covered(path: Path, grid: HeightGrid, ref: GeoRef) -> None:
    """Raise unless every cell of ``grid`` has data: a hole, or a file that is too small for ``ref``."""
    if np.isfinite(grid.elevation_m).all():
        return
    asked = ref.rows * ref.cell_m
    fits = without_collar(path, grid)  # raises DemHoles for holes away from the edge
    lon, lat = ref.lonlat()
    raise DemTooSmall(
        f"{path}: covers only a square of {fits.ref.rows * fits.ref.cell_m:.0f} m around longitude {lon:.4f}, latitude "
        f"{lat:.4f}; {asked:.0f} m were asked for. Allowed: a size up to that, or a place further inside the file."
    )


def largest_site(
    path: Path, lonlat: tuple[float, float] | None, up_to_m: float, cell_m: float
) -> tuple[float, float, float]:
    """Return longitude, latitude [deg] and size [m] of the largest square site that a file allows, up to ``up_to_m``.

    Around ``lonlat``, or the middle of the file. Raises a `DemError` child; `DemTooSmall` below 1 000 m.
    """
    info = dem_info(path)
    x, y = polar_xy(*lonlat) if lonlat is not None else info.centre
    cell = _coarse_cell(info, cell_m)
    side = max(2, math.floor(min(up_to_m, max(info.extent_m) * 1.5) / cell))
    ref = GeoRef.centred(x, y, side * cell, cell)
    grid = warp_dem(path, ref)
    fits = without_collar(path, grid)
    size = fits.ref.rows * cell
    lon, lat = polar_lonlat(*fits.ref.centre)
    if size < MIN_SITE_M:
        raise DemTooSmall(
            f"{path}: covers only a square of {size:.0f} m around longitude {lon:.4f}, latitude {lat:.4f}; allowed: at "
            f"least {MIN_SITE_M:.0f} m."
        )
    return lon, lat, size
