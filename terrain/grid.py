"""Elevation on a regular grid, and where that grid lies on the Moon.

The internal frame is south polar stereographic on the sphere of 1 737 400 m, true scale at the pole:
``rho = 2 R tan(colatitude / 2)``, ``x = rho sin(lon)``, ``y = rho cos(lon)`` (Snyder 1987, USGS PP 1395, eq. 21-5 ff.).
Arrays are ``[row, col]``, row 0 at the top (+y).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from .constants import MOON_RADIUS_M
from .errors import SiteError

Float32Grid = NDArray[np.float32]
Float64Array = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@overload
def polar_xy(lon_deg: float, lat_deg: float) -> tuple[float, float]: ...
@overload
def polar_xy(lon_deg: Float64Array, lat_deg: Float64Array) -> tuple[Float64Array, Float64Array]: ...
def polar_xy(
    lon_deg: float | Float64Array, lat_deg: float | Float64Array
) -> tuple[float, float] | tuple[Float64Array, Float64Array]:
    """Return polar stereographic x, y [m] of planetocentric longitude and latitude [deg]; scalars or arrays alike.

    >>> x, y = polar_xy(90.0, -89.0)
    >>> round(x), round(y)
    (30324, 0)
    """
    lon = np.radians(lon_deg)
    rho = 2.0 * MOON_RADIUS_M * np.tan(np.radians(90.0 + np.asarray(lat_deg, dtype=np.float64)) / 2.0)
    x, y = rho * np.sin(lon), rho * np.cos(lon)
    if np.ndim(x) == 0:
        return float(x), float(y)
    return np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)


@overload
def polar_lonlat(x: float, y: float) -> tuple[float, float]: ...
@overload
def polar_lonlat(x: Float64Array, y: Float64Array) -> tuple[Float64Array, Float64Array]: ...
def polar_lonlat(
    x: float | Float64Array, y: float | Float64Array
) -> tuple[float, float] | tuple[Float64Array, Float64Array]:
    """Return longitude in [0, 360) and latitude [deg] of polar stereographic x, y [m]; the inverse of `polar_xy`."""
    lon = np.mod(np.degrees(np.arctan2(x, y)), 360.0)
    lat = np.degrees(2.0 * np.arctan(np.hypot(x, y) / (2.0 * MOON_RADIUS_M))) - 90.0
    if np.ndim(lon) == 0:
        return float(lon), float(lat)
    return np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class GeoRef:
    """Where a grid lies: outer top-left corner [m], square cell size [m], shape.

    Raises `SiteError` for a cell size that is not positive and finite, or an empty shape.
    """

    x_left: float
    y_top: float
    cell_m: float
    rows: int
    cols: int

    def __post_init__(self) -> None:
        if not (math.isfinite(self.cell_m) and self.cell_m > 0.0):
            raise SiteError(f"grid.cell_m: {self.cell_m!r} is not a cell size; allowed: a positive number of metres.")
        if self.rows < 1 or self.cols < 1:
            raise SiteError(f"grid.shape: {self.rows} x {self.cols} cells; allowed: at least 1 x 1.")
        if not (math.isfinite(self.x_left) and math.isfinite(self.y_top)):
            raise SiteError(f"grid.corner: ({self.x_left!r}, {self.y_top!r}); allowed: finite metres.")

    @classmethod
    def centred(cls, x: float, y: float, size_m: float, cell_m: float) -> GeoRef:
        """Return a square grid around (x, y), its corner snapped to whole multiples of ``cell_m`` in the frame."""
        if not (math.isfinite(cell_m) and cell_m > 0.0):
            raise SiteError(f"grid.cell_m: {cell_m!r} is not a cell size; allowed: a positive number of metres.")
        n = max(1, round(size_m / cell_m))
        left = round((x - n * cell_m / 2.0) / cell_m) * cell_m
        top = round((y + n * cell_m / 2.0) / cell_m) * cell_m
        return cls(float(left), float(top), float(cell_m), n, n)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows, self.cols

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Outer edges (xmin, ymin, xmax, ymax) [m]."""
        return (
            self.x_left,
            self.y_top - self.rows * self.cell_m,
            self.x_left + self.cols * self.cell_m,
            self.y_top,
        )

    @property
    def centre(self) -> tuple[float, float]:
        """Middle of the grid (x, y) [m]."""
        return self.x_left + self.cols * self.cell_m / 2.0, self.y_top - self.rows * self.cell_m / 2.0

    def lonlat(self) -> tuple[float, float]:
        """Longitude and latitude [deg] of the middle."""
        return polar_lonlat(*self.centre)

    @overload
    def xy(self, row: float, col: float) -> tuple[float, float]: ...
    @overload
    def xy(self, row: NDArray[np.generic], col: NDArray[np.generic]) -> tuple[Float64Array, Float64Array]: ...
    def xy(
        self, row: float | NDArray[np.generic], col: float | NDArray[np.generic]
    ) -> tuple[float, float] | tuple[Float64Array, Float64Array]:
        """Return x, y [m] of (fractional) row, col; whole numbers are cell centres."""
        r, c = np.asarray(row, dtype=np.float64), np.asarray(col, dtype=np.float64)
        x = self.x_left + (c + 0.5) * self.cell_m
        y = self.y_top - (r + 0.5) * self.cell_m
        if np.ndim(x) == 0 and np.ndim(y) == 0:
            return float(x), float(y)
        return np.asarray(x), np.asarray(y)

    @overload
    def rowcol(self, x: float, y: float) -> tuple[float, float]: ...
    @overload
    def rowcol(self, x: Float64Array, y: Float64Array) -> tuple[Float64Array, Float64Array]: ...
    def rowcol(
        self, x: float | Float64Array, y: float | Float64Array
    ) -> tuple[float, float] | tuple[Float64Array, Float64Array]:
        """Return fractional row, col of x, y [m]; ``round`` gives the cell. The inverse of `xy`."""
        row = (self.y_top - np.asarray(y, dtype=np.float64)) / self.cell_m - 0.5
        col = (np.asarray(x, dtype=np.float64) - self.x_left) / self.cell_m - 0.5
        if np.ndim(row) == 0 and np.ndim(col) == 0:
            return float(row), float(col)
        return np.asarray(row), np.asarray(col)

    def cell_of(self, x: float, y: float) -> tuple[int, int]:
        """Return the (row, col) of the cell that holds (x, y), clipped to the grid."""
        row = math.floor((self.y_top - y) / self.cell_m)
        col = math.floor((x - self.x_left) / self.cell_m)
        return min(max(row, 0), self.rows - 1), min(max(col, 0), self.cols - 1)

    @overload
    def inside(self, x: float, y: float) -> bool: ...
    @overload
    def inside(self, x: Float64Array, y: Float64Array) -> BoolArray: ...
    def inside(self, x: float | Float64Array, y: float | Float64Array) -> bool | BoolArray:
        """Whether (x, y) lies within the outer edges (edges included)."""
        xmin, ymin, xmax, ymax = self.bounds
        xa, ya = np.asarray(x), np.asarray(y)
        ok = (xa >= xmin) & (xa <= xmax) & (ya >= ymin) & (ya <= ymax)
        return bool(ok) if np.ndim(ok) == 0 else np.asarray(ok)

    def covers(self, other: GeoRef) -> bool:
        """Whether every part of ``other`` lies inside this grid."""
        a, b = self.bounds, other.bounds
        return a[0] <= b[0] and a[1] <= b[1] and a[2] >= b[2] and a[3] >= b[3]


def freeze(array: ArrayLike) -> Float32Grid:
    """Return a read-only, C-contiguous plain float32 array (a view where that is possible)."""
    out = np.ascontiguousarray(array, dtype=np.float32).view(np.ndarray)
    if out.flags.writeable:
        out = out.view()
        out.flags.writeable = False
    return out


def label_cells(mask: BoolArray, diagonal: bool = False) -> NDArray[np.int32]:
    """Number the patches of True cells that hang together (by sides, or corners too): int32 [R, C], 0 where False."""
    out = np.zeros(mask.shape, dtype=np.int32)
    ndimage.label(mask, structure=np.ones((3, 3)) if diagonal else None, output=out)
    return out


@dataclass(frozen=True, slots=True, eq=False)
class HeightGrid:
    """Elevation above the 1 737.4 km sphere; immutable.

    ``elevation_m`` is float32 ``[ref.rows, ref.cols]``, read-only and C-contiguous (always one type for the kernels).
    """

    elevation_m: Float32Grid
    ref: GeoRef

    def __post_init__(self) -> None:
        if np.shape(self.elevation_m) != self.ref.shape:
            raise SiteError(
                f"grid.elevation_m: shape {np.shape(self.elevation_m)}; allowed: {self.ref.shape}, as its georeference."
            )
        object.__setattr__(self, "elevation_m", freeze(self.elevation_m))

    @overload
    def sample(self, x: float, y: float) -> float: ...
    @overload
    def sample(self, x: Float64Array, y: Float64Array) -> Float64Array: ...
    def sample(self, x: float | Float64Array, y: float | Float64Array) -> float | Float64Array:
        """Return elevation [m] at x, y [m]: bilinear between cell centres, NaN outside the outer edges."""
        xa, ya = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        row, col = (np.asarray(v) for v in self.ref.rowcol(xa, ya))
        outside = ~np.asarray(self.ref.inside(xa, ya))
        row = np.clip(np.where(outside, 0.0, row), 0.0, self.ref.rows - 1)
        col = np.clip(np.where(outside, 0.0, col), 0.0, self.ref.cols - 1)
        r0 = np.minimum(row.astype(np.int64), max(self.ref.rows - 2, 0))
        c0 = np.minimum(col.astype(np.int64), max(self.ref.cols - 2, 0))
        r1, c1 = np.minimum(r0 + 1, self.ref.rows - 1), np.minimum(c0 + 1, self.ref.cols - 1)
        fr, fc = row - r0, col - c0
        z = self.elevation_m
        top = z[r0, c0] * (1.0 - fc) + z[r0, c1] * fc
        low = z[r1, c0] * (1.0 - fc) + z[r1, c1] * fc
        out = np.where(outside, np.nan, top * (1.0 - fr) + low * fr)
        return float(out) if np.ndim(out) == 0 else np.asarray(out, dtype=np.float64)

    def slope_deg(self) -> Float32Grid:
        """Return slope [deg], float32 [R, C]: central differences (a baseline of two cells), one-sided at the edges."""
        if min(self.ref.shape) < 2:
            return freeze(np.zeros(self.ref.shape, dtype=np.float32))
        dz_row, dz_col = np.gradient(self.elevation_m.astype(np.float64), self.ref.cell_m)
        return freeze(np.degrees(np.arctan(np.hypot(dz_row, dz_col))))

    def crop(self, xmin: float, ymin: float, xmax: float, ymax: float) -> HeightGrid:
        """Return the cells whose centres lie inside the box [m]; raises `SiteError` where there is none."""
        ref = self.ref
        c0 = max(0, math.ceil((xmin - ref.x_left) / ref.cell_m - 0.5))
        c1 = min(ref.cols, math.floor((xmax - ref.x_left) / ref.cell_m - 0.5) + 1)
        r0 = max(0, math.ceil((ref.y_top - ymax) / ref.cell_m - 0.5))
        r1 = min(ref.rows, math.floor((ref.y_top - ymin) / ref.cell_m - 0.5) + 1)
        if c1 <= c0 or r1 <= r0:
            raise SiteError(f"crop: box {(xmin, ymin, xmax, ymax)} holds no cell; allowed: a part of {ref.bounds}.")
        out = GeoRef(ref.x_left + c0 * ref.cell_m, ref.y_top - r0 * ref.cell_m, ref.cell_m, r1 - r0, c1 - c0)
        return HeightGrid(self.elevation_m[r0:r1, c0:c1].copy(), out)

    def resample(self, ref: GeoRef) -> HeightGrid:
        """Return bilinear elevation at the cell centres of ``ref``; raises `SiteError` if they are not all inside."""
        rows, cols = np.arange(ref.rows), np.arange(ref.cols)
        x, _ = ref.xy(np.zeros(ref.cols), cols)
        _, y = ref.xy(rows, np.zeros(ref.rows))
        xx, yy = np.meshgrid(x, y)
        z = self.sample(xx, yy)
        if np.isnan(z).any():
            raise SiteError(f"resample: {ref.bounds} is not all inside the grid; allowed: a part of {self.ref.bounds}.")
        return HeightGrid(z.astype(np.float32), ref)

    def block_mean(self, k: int) -> HeightGrid:
        """Return means over k x k cells (float64 sums); rows and columns left over at bottom and right are dropped."""
        ref = self.ref
        rows, cols = ref.rows // k, ref.cols // k
        if k < 1 or rows < 1 or cols < 1:
            raise SiteError(f"block_mean: k = {k} for a grid of {ref.rows} x {ref.cols}; allowed: 1..{min(ref.shape)}.")
        z = self.elevation_m[: rows * k, : cols * k].astype(np.float64)
        mean = z.reshape(rows, k, cols, k).mean(axis=(1, 3))
        return HeightGrid(mean.astype(np.float32), GeoRef(ref.x_left, ref.y_top, ref.cell_m * k, rows, cols))
