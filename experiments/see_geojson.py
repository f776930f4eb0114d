"""What was seen as GeoJSON (RFC 7946): one polygon per crater or rock, its measures as properties.

Coordinates are WGS 84 longitude and latitude where the picture is georeferenced on the Earth, as RFC 7946 wants. That standard knows no
other body, so on the Moon they are those of the picture's own coordinate system, and without georeference pixels: x to the
right, y down, from the outer corner of the top left pixel. The member ``crs`` says which (a code, or null as GeoJSON 2008 marks
coordinates that are not to be taken for longitude and latitude), and ``moonfleet.coordinates`` says it in words.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Final

import numpy as np

from moonfleet.autonomy.craters_seen import CLASSES

from .errors import OptionError
from .see import F64, Found, Seen, size_error

CORNERS: Final = 24  # of an ellipse's polygon


def write_geojson(seen: Seen, path: Path) -> None:
    """Write what was seen; raises OptionError where the file cannot be written."""
    try:
        path.write_text(json.dumps(geojson(seen), allow_nan=False, separators=(",", ":")) + "\n", encoding="utf-8")
    except OSError as error:
        raise OptionError(f"--out: {path} cannot be written: {error.strerror}") from error


def geojson(seen: Seen) -> dict[str, object]:
    """Return what was seen as a FeatureCollection."""
    features: list[dict[str, object]] = []
    for kind, found in (("crater", seen.craters), ("rock", seen.rocks)):
        if found is not None and len(found.row):
            features += _features(seen, kind, found)
    crs, words, wkt = _coordinates(seen)
    about: dict[str, object] = {"coordinates": words, **({"wkt": wkt} if wkt else {}), **seen.to_json()}
    head: dict[str, object] = {"type": "FeatureCollection"}
    if crs != "wgs84":
        head["crs"] = crs
    return head | {"moonfleet": about, "features": features}


def rings(found: Found) -> tuple[F64, F64]:
    """Return the corners of each ellipse as (col, row) of pixel corners, float64 [n, `CORNERS` + 1], closed."""
    turn = np.linspace(0.0, 2.0 * math.pi, CORNERS + 1)
    turn[-1] = 0.0
    a = found.semi_col_px[:, None] * np.cos(turn)
    b = found.semi_row_px[:, None] * np.sin(turn)
    axis = np.radians(found.axis_deg)[:, None]
    col = found.col[:, None] + 0.5 + a * np.sin(axis) + b * np.cos(axis)
    row = found.row[:, None] + 0.5 - a * np.cos(axis) + b * np.sin(axis)
    return col, row


def _features(seen: Seen, kind: str, found: Found) -> list[dict[str, object]]:
    col, row = rings(found)
    ground = seen.ground
    xy = np.stack([col, row], axis=-1) if ground is None else ground.coordinates(col, row)
    middle = None if ground is None else ground.lonlat(found.col + 0.5, found.row + 0.5)
    decimals = 2 if ground is None else 9 if ground.on_earth or ground.crs.is_geographic else 3
    sigma = size_error(found) if kind == "crater" else None
    out: list[dict[str, object]] = []
    for i in range(len(found.row)):
        ring = xy[i] if _area(xy[i]) > 0.0 else xy[i][::-1]  # outer rings run counterclockwise
        about: dict[str, object] = {
            "kind": kind,
            "confidence": _number(found.confidence[i], 3),
            "col_px": _number(found.col[i], 2),
            "row_px": _number(found.row[i], 2),
            "width_px": _number(2.0 * math.sqrt(found.semi_col_px[i] * found.semi_row_px[i]), 2),
            "diameter_m": _number(found.diameter_m[i], 3),
        }
        if sigma is not None:
            about["diameter_sigma_m"] = _number(sigma[i], 3)
            about["depth_ratio"], about["depth_class"] = _number(found.tall[i], 3), CLASSES[found.depth_class[i]]
        else:
            about["height_m"] = _number(found.tall[i], 3)
        if middle is not None:
            about["lon_deg"], about["lat_deg"] = _number(middle[i, 0], 7), _number(middle[i, 1], 7)
        polygon = {"type": "Polygon", "coordinates": [np.round(ring, decimals).tolist()]}
        out.append({"type": "Feature", "geometry": polygon, "properties": about})
    return out


def _coordinates(seen: Seen) -> tuple[object, str, str]:
    """Return the member ``crs`` ("wgs84": none needed), what coordinates are in words, and the CRS as WKT where it has no code."""
    ground = seen.ground
    if ground is None:
        return None, "pixels: x to the right, y down, from the outer corner of the picture's top left pixel", ""
    if ground.on_earth:
        return "wgs84", "longitude and latitude in degrees, WGS 84 (RFC 7946)", ""
    name, code = ground.crs.name, ground.code()
    unit = "degrees" if ground.crs.is_geographic else "the units of that system"
    words = f"x, y of the picture's own coordinate system ({name}), in {unit}; not on the Earth"
    if code is None:
        return None, words, ground.crs.to_wkt()
    return {"type": "name", "properties": {"name": code}}, f"{words}; {code}", ""


def _area(ring: F64) -> float:
    """Return twice the area of a closed ring, positive counterclockwise."""
    x, y = ring[:, 0] - ring[0, 0], ring[:, 1] - ring[0, 1]
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum())


def _number(value: float, digits: int) -> float | None:
    """Return a value for JSON, which knows no NaN."""
    return round(float(value), digits) if math.isfinite(value) else None
