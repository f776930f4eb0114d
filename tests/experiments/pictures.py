"""Picture files for tests, written by the means that users have: OpenCV and rasterio."""

from __future__ import annotations

import warnings
from pathlib import Path

import cv2
import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import Affine

MOON_POLAR = "IAU_2015:30135"  # south polar stereographic on the sphere of 1737.4 km
MOON_OWN = "+proj=eqc +lat_ts=-80 +R=1737400 +units=m +no_defs"  # has no authority's code
UTM = "EPSG:32633"


def put(path: Path, image: np.ndarray, *settings: int) -> Path:
    """Write a picture in the format of the name's ending."""
    assert cv2.imwrite(str(path), image, list(settings))
    return path


def put_tiff(
    path: Path, image: np.ndarray, crs: str | None = None, transform: Affine | None = None, **profile: object
) -> Path:
    """Write a (Geo)TIFF of one band or [bands, rows, cols]."""
    bands = image if image.ndim == 3 else image[None]
    settings: dict[str, object] = {"driver": "GTiff", "dtype": bands.dtype, "count": len(bands), "crs": crs}
    settings |= {"width": bands.shape[2], "height": bands.shape[1], "transform": transform} | profile
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", **settings) as file:
            file.write(bands)
    return path
