"""Where a georeferenced picture lies: size of its pixels on the ground, and pixels as coordinates that a GeoJSON file may hold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyproj
from numpy.typing import NDArray
from pyproj.exceptions import ProjError

from .errors import PictureError

EARTH_M: Final = 6_378_137.0  # [m] a body within a hundredth of this is the Earth
F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PictureGround:
    """Georeference of a picture: ``transform`` (a, b, c, d, e, f) takes pixel corners (col, row) to x, y of ``crs``."""

    crs: pyproj.CRS
    transform: tuple[float, float, float, float, float, float]
    pixel_m: tuple[float, float]  # width and height of the middle pixel on the ground [m]

    @property
    def on_earth(self) -> bool:
        """Whether the body is the Earth, so that coordinates can be WGS 84 as RFC 7946 wants."""
        return abs(radius_m(self.crs) / EARTH_M - 1.0) < 0.01

    def coordinates(self, col: F64, row: F64) -> F64:
        """Return pixel corners as coordinates, float64 [..., 2]: WGS 84 longitude and latitude on Earth, else x, y of the file's CRS."""
        x, y = _apply(self.transform, col, row)
        if self.on_earth:
            x, y = _transformer(self.crs, pyproj.CRS.from_epsg(4326)).transform(x, y)
        return np.stack([np.asarray(x, np.float64), np.asarray(y, np.float64)], axis=-1)

    def lonlat(self, col: F64, row: F64) -> F64:
        """Return pixel corners as longitude and latitude [deg] on the file's own body, float64 [..., 2]."""
        lon, lat = _transformer(self.crs, _geodetic(self.crs)).transform(*_apply(self.transform, col, row))
        return np.stack([np.asarray(lon, np.float64), np.asarray(lat, np.float64)], axis=-1)

    def code(self) -> str | None:
        """Return the code of the CRS as a URN, None where no authority has one that gives the same longitudes and latitudes.

        Files keep a CRS as parameters; what the authority calls the same may differ from them in name, so places decide.
        """
        turn = np.linspace(0.0, 2.0 * math.pi, 5)
        col, row = 1000.0 * np.cos(turn), 1000.0 * np.sin(turn)
        xy = _apply(self.transform, col, row)
        for name, number in ((found.auth_name, found.code) for found in self.crs.list_authority(min_confidence=25)):
            other = pyproj.CRS.from_authority(name, number)
            if abs(radius_m(other) - radius_m(self.crs)) < 0.1 and other.geodetic_crs is not None:
                there = np.stack(_transformer(other, other.geodetic_crs).transform(*xy), axis=-1)
                if np.allclose(there, self.lonlat(col, row), rtol=0.0, atol=1e-9):
                    return f"urn:ogc:def:crs:{name}::{number}"
        return None


def picture_ground(path: Path, wkt: str, transform: tuple[float, ...], rows: int, cols: int) -> PictureGround:
    """Return the georeference of a picture.

    Raises
    ------
    PictureError : a coordinate system that cannot be used, or pixels without a size on the ground.
    """
    try:
        crs = pyproj.CRS.from_wkt(wkt)
        to_lonlat = _transformer(crs, _geodetic(crs))
        middle_col, middle_row = cols / 2.0, rows / 2.0
        at = np.array([[-0.5, 0.0], [0.5, 0.0], [0.0, -0.5], [0.0, 0.5]]) + (middle_col, middle_row)
        lon, lat = to_lonlat.transform(*_apply(transform, at[:, 0], at[:, 1]))
        body = crs.ellipsoid
        geod = pyproj.Geod(a=radius_m(crs), b=radius_m(crs) if body is None else body.semi_minor_metre)
        sides = tuple(float(geod.inv(lon[i], lat[i], lon[i + 1], lat[i + 1])[2]) for i in (0, 2))
    except (ProjError, ValueError) as error:
        why = str(error).splitlines()[0]
        raise PictureError(f"{path}: its coordinate system cannot be used: {why}") from error
    if not all(math.isfinite(side) and side > 0.0 for side in sides):
        raise PictureError(f"{path}: its georeference gives pixels of {sides[0]} x {sides[1]} m; must be above 0.")
    a, b, c, d, e, f = (float(value) for value in transform[:6])
    return PictureGround(crs, (a, b, c, d, e, f), (sides[0], sides[1]))


def radius_m(crs: pyproj.CRS) -> float:
    """Return the equatorial radius of the body [m]."""
    return EARTH_M if crs.ellipsoid is None else float(crs.ellipsoid.semi_major_metre)


def _apply(t: tuple[float, ...], col: Any, row: Any) -> tuple[Any, Any]:
    with np.errstate(invalid="ignore"):  # what is infinitely far off has no place
        return t[0] * col + t[1] * row + t[2], t[3] * col + t[4] * row + t[5]


def _geodetic(crs: pyproj.CRS) -> pyproj.CRS:
    if crs.geodetic_crs is None:
        raise ValueError("it has no longitude and latitude")
    return crs.geodetic_crs


def _transformer(a: pyproj.CRS, b: pyproj.CRS) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(a, b, always_xy=True)
