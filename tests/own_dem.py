"""Writes small elevation files for tests, good ones and bad ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.transform import from_origin

POLAR = "+proj=stere +lat_0=-90 +lon_0=0 +k=1 +R=1737400 +units=m +no_defs"


def put_dem(
    path: Path, z: NDArray[Any], crs: str | None = POLAR, at: tuple[float, float] = (30_000.0, -20_000.0), **more: Any
) -> Path:
    """Write an array as a GeoTIFF with its top-left corner at ``at`` and 20 m cells; ``more`` goes to rasterio."""
    profile = {
        "driver": "GTiff", "dtype": z.dtype.name, "count": 1, "height": z.shape[0], "width": z.shape[1],
        "crs": None if crs is None else CRS.from_user_input(crs), "transform": from_origin(*at, 20.0, 20.0),
    } | more  # fmt: skip
    with rasterio.open(path, "w", **profile) as out:
        out.write(z, 1)
    return path
