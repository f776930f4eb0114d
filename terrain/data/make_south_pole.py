"""Derive the shipped grid ``south_pole_1600m.tif`` from NASA LOLA data; run by hand when the recipe changes.

The source is the file ``lola_dem_south.tif`` inside the registry package ``lunar-toolkit==0.1.0`` (an unpacked wheel or
sdist, or its installed directory), or a copy of that file (``lola_south_1600m.tif``)::

    pip download --no-deps lunar-toolkit==0.1.0 -d /tmp/lt && unzip /tmp/lt/*.whl -d /tmp/lt/whl
    python terrain/data/make_south_pole.py /tmp/lt/whl terrain/data/south_pole_1600m.tif

Every cell is checked and kept as it is; only the container changes (one strip of tiles, predictor 2, named CRS, tags that
say where it comes from). The same input gives the same pixels, whose SHA-256 the script returns and PROVENANCE.md quotes.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.crs import CRS
from rasterio.transform import from_origin

SIDE = 762  # [cells]
CELL_M = 1600.0  # [m]
HALF_M = SIDE * CELL_M / 2.0  # [m] 609 600
CRS_WKT = (
    'PROJCS["Moon (2015) south polar stereographic",GEOGCS["Moon (2015)",DATUM["Moon (2015)",'
    'SPHEROID["Moon (2015)",1737400,0]],PRIMEM["Reference Meridian",0],UNIT["degree",0.0174532925199433]],'
    'PROJECTION["Polar_Stereographic"],PARAMETER["latitude_of_origin",-90],PARAMETER["central_meridian",0],'
    'PARAMETER["false_easting",0],PARAMETER["false_northing",0],UNIT["metre",1],'
    'AXIS["Easting",NORTH],AXIS["Northing",NORTH]]'
)
LANDMARKS = {  # name: x, y [m] of a cell, lowest and highest elevation [m] it may have; after published LOLA maps
    "Shackleton floor": (8_154.0, -6_794.0, -2_850.0, -2_650.0),
    "Malapert massif": (5_730.0, 121_511.0, 4_950.0, 5_200.0),
    "connecting ridge": (-11_160.0, -12_394.0, 1_700.0, 1_950.0),
}


def find_source(given: Path) -> Path:
    """Return the GeoTIFF itself, or the one inside a folder of the unpacked package."""
    if given.is_file():
        return given
    for name in ("lola_dem_south.tif", "lola_south_1600m.tif"):
        found = sorted(given.rglob(name))
        if found:
            return found[0]
    raise SystemExit(f"{given}: no lola_dem_south.tif in it; unpack lunar-toolkit==0.1.0 there")


def derive(source: Path, target: Path) -> str:
    """Check ``source`` and write ``target``; return the SHA-256 of the pixels (int16, little endian, row by row)."""
    with rasterio.open(source) as data:
        z = np.asarray(data.read(1), dtype=np.int16)
        t = data.transform
        placed = (t.a, t.e, t.c, t.f) == (CELL_M, -CELL_M, -HALF_M, HALF_M)
        if z.shape != (SIDE, SIDE) or not placed or data.crs.to_dict().get("R") not in (1737400, 1737400.0):
            raise SystemExit(f"{source}: not the LOLA south-polar 1600 m grid this script knows")
    if int(z.min()) < -9200 or int(z.max()) > 10800:
        raise SystemExit(f"{source}: elevations {z.min()}..{z.max()} m are not the Moon's")
    for name, (x, y, lowest, highest) in LANDMARKS.items():
        row, col = int((HALF_M - y) // CELL_M), int((x + HALF_M) // CELL_M)
        if not lowest <= z[row, col] <= highest:
            raise SystemExit(f"{source}: {name} is {z[row, col]} m, expected {lowest}..{highest}")
    profile: dict[str, Any] = {
        "driver": "GTiff", "dtype": "int16", "count": 1, "width": SIDE, "height": SIDE,
        "crs": CRS.from_wkt(CRS_WKT), "transform": from_origin(-HALF_M, HALF_M, CELL_M, CELL_M),
        "compress": "deflate", "zlevel": 9, "predictor": 2, "tiled": True, "blockxsize": 256, "blockysize": 256,
    }  # fmt: skip
    with rasterio.open(target, "w", **profile) as out:
        out.write(z, 1)
        out.update_tags(
            SOURCE="NASA LOLA gridded data LRO-L-LOLA-4-GDR-V1.0 (LDEM), public domain",
            VIA="lunar-toolkit 0.1.0, lola_dem_south.tif",
            UNIT="metre above the sphere of 1737400 m",
        )
    return hashlib.sha256(z.astype("<i2").tobytes()).hexdigest()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit("usage: make_south_pole.py SOURCE_FILE_OR_FOLDER TARGET.tif")
    sys.stdout.write(derive(find_source(Path(sys.argv[1])), Path(sys.argv[2])) + "\n")
