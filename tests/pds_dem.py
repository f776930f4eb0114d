"""Writes small PDS3 images with labels in the very form of the LOLA archive (LRO-L-LOLA-4-GDR-V1.0, version 2.0)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

TYPES = {"LSB_INTEGER": "<i2", "MSB_INTEGER": ">i2", "PC_REAL": "<f4", "IEEE_REAL": ">f4"}

LABEL = """PDS_VERSION_ID            = "PDS3"

/*** GENERAL DATA DESCRIPTION PARAMETERS ***/
PRODUCT_VERSION_ID        = "V2.0"
DATA_SET_ID               = "LRO-L-LOLA-4-GDR-V1.0"
PRODUCT_ID                = "{name}"
INSTRUMENT_HOST_NAME      = "LUNAR RECONNAISSANCE ORBITER"
INSTRUMENT_NAME           = "LUNAR ORBITER LASER ALTIMETER"
INSTRUMENT_ID             = "LOLA"
MISSION_PHASE_NAME        = {{"COMMISSIONING","NOMINAL MISSION","SCIENCE
                              MISSION","EXTENDED SCIENCE MISSION"}}
TARGET_NAME               = MOON
START_TIME                = 2009-07-13T17:33:17
DESCRIPTION               = "This data product is a shape map (radius) of the Moon.
  PLANETARY_RADIUS = (DN * SCALING_FACTOR) + OFFSET, LINES = 1 is no keyword here."

OBJECT                    = UNCOMPRESSED_FILE
 FILE_NAME               = "{image}"
 RECORD_TYPE             = FIXED_LENGTH
 FILE_RECORDS            = {rows}
 RECORD_BYTES            = {record}
 ^IMAGE                  = "{image}"
  OBJECT                  = IMAGE
    NAME                  = HEIGHT
    DESCRIPTION           = "Each sample represents height relative to a
      reference radius (OFFSET) and is generated using preliminary LOLA data
      produced by the LOLA team."
    LINES                 = {rows}
    LINE_SAMPLES          = {cols}
    SAMPLE_TYPE           = {kind}
    SAMPLE_BITS           = {bits}
    UNIT                  = {unit}
    SCALING_FACTOR        = {scale}
    OFFSET                = {offset}
{missing}  END_OBJECT              = IMAGE
END_OBJECT                = UNCOMPRESSED_FILE
OBJECT                    = IMAGE_MAP_PROJECTION
{place} COORDINATE_SYSTEM_TYPE       = "BODY-FIXED ROTATING"
 COORDINATE_SYSTEM_NAME       = "MEAN EARTH/POLAR AXIS OF DE421"
END_OBJECT                    = IMAGE_MAP_PROJECTION
END
"""

POLAR = """ ^DATA_SET_MAP_PROJECTION     = "DSMAP_POLAR.CAT"
 MAP_PROJECTION_TYPE          = "POLAR STEREOGRAPHIC"
 MAP_RESOLUTION               = {per_degree:.2f} <pix/deg>
 A_AXIS_RADIUS                = 1737.4 <km>
 B_AXIS_RADIUS                = 1737.4 <km>
 C_AXIS_RADIUS                = 1737.4 <km>
 FIRST_STANDARD_PARALLEL      = 'N/A'
 SECOND_STANDARD_PARALLEL     = 'N/A'
 POSITIVE_LONGITUDE_DIRECTION = "EAST"
 CENTER_LATITUDE              = -90 <deg>
 CENTER_LONGITUDE             = 0 <deg>
 LINE_FIRST_PIXEL             = 1
 LINE_LAST_PIXEL              = {rows}
 SAMPLE_FIRST_PIXEL           = 1
 SAMPLE_LAST_PIXEL            = {cols}
 MAP_PROJECTION_ROTATION      = 0.0
 MAP_SCALE                    = {map_scale}
 MAXIMUM_LATITUDE             = {max_lat:.5f} <deg>
 MINIMUM_LATITUDE             = -90 <deg>
 WESTERNMOST_LONGITUDE        = 'N/A'
 EASTERNMOST_LONGITUDE        = 'N/A'
 LINE_PROJECTION_OFFSET       = {line_offset} <pix>
 SAMPLE_PROJECTION_OFFSET     = {sample_offset} <pix>
"""

CYLINDER = """ ^DATA_SET_MAP_PROJECTION     = "DSMAP.CAT"
 MAP_PROJECTION_TYPE          = "SIMPLE CYLINDRICAL"
 MAP_RESOLUTION               = {per_degree:g} <pix/deg>
 A_AXIS_RADIUS                = 1737.4 <km>
 B_AXIS_RADIUS                = 1737.4 <km>
 C_AXIS_RADIUS                = 1737.4 <km>
 POSITIVE_LONGITUDE_DIRECTION = "EAST"
 CENTER_LATITUDE              = 0 <deg>
 CENTER_LONGITUDE             = 180 <deg>
 REFERENCE_LATITUDE           = 'N/A'
 REFERENCE_LONGITUDE          = 'N/A'
 LINE_FIRST_PIXEL             = 1
 LINE_LAST_PIXEL              = {rows}
 SAMPLE_FIRST_PIXEL           = 1
 SAMPLE_LAST_PIXEL            = {cols}
 MAP_PROJECTION_ROTATION      = 0.0
 MAP_SCALE                    = {map_scale}
 MAXIMUM_LATITUDE             = 90 <deg>
 MINIMUM_LATITUDE             = -90 <deg>
 WESTERNMOST_LONGITUDE        = 0 <deg>
 EASTERNMOST_LONGITUDE        = 360 <deg>
 LINE_PROJECTION_OFFSET       = {line_offset} <pix>
 SAMPLE_PROJECTION_OFFSET     = {sample_offset} <pix>
"""


def put_pds(
    folder: Path, name: str, numbers: NDArray[Any], place: str, image: str = "", label: str = "", **more: Any
) -> Path:
    """Write ``NAME.IMG`` and ``NAME.LBL`` and return the label; ``more`` fills in or replaces fields of the label."""
    kind = str(more.pop("kind", "LSB_INTEGER"))
    rows, cols = numbers.shape
    raw = numbers.astype(TYPES[kind])
    image, label = image or f"{name}.IMG", label or f"{name}.LBL"
    raw.tofile(folder / image)
    fields = {
        "name": name, "image": more.pop("names_image", image), "rows": rows, "cols": cols, "kind": kind,
        "record": cols * raw.itemsize, "bits": 8 * raw.itemsize, "unit": "METER", "scale": 0.5, "offset": "1737400.",
        "missing": "", "line_offset": rows / 2 - 0.5, "sample_offset": cols / 2 - 0.5,
    } | more  # fmt: skip
    path = folder / label
    path.write_text(LABEL.format(**fields, place=place.format(**fields)), encoding="ascii")
    return path


def put_polar(folder: Path, name: str, z: NDArray[np.float64], cell_m: float = 20.0, **more: Any) -> Path:
    """Write heights [m] around the south pole as 16-bit half metres, the pole between the four middle cells."""
    numbers = np.rint(z / 0.5)
    return put_pds(
        folder, name, more.pop("numbers", numbers), POLAR, per_degree=30_323.35 / cell_m, max_lat=-89.9,
        map_scale=more.pop("map_scale", f"{cell_m:g} <m/pix>"), **more,
    )  # fmt: skip
