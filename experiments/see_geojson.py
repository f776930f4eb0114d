"""What was seen as GeoJSON (RFC 7946): one polygon per crater or rock, its measures as properties.

Coordinates are WGS 84 longitude and latitude where the picture is georeferenced on the Earth, as RFC 7946 wants. That standard knows no
other body, so on the Moon they are those of the picture's own coordinate system, and without georeference pixels: x to the
right, y down, from the outer corner of the top left pixel. The member ``crs`` says which (a code, or null as GeoJSON 2008 marks
coordinates that are not to be taken for longitude and latitude), and ``moonfleet.coordinates`` says it in words.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from moonfleet.autonomy.craters_seen import CLASSES

from .errors import OptionError
from .see import F64, Found, Seen, size_error

CORNERS: Final = {"crater": 24, "rock": 12}  # of an ellipse's polygon
AT_ONCE: Final = 10_000  # features made ready at once


def write_geojson(seen: Seen, path: Path) -> None:
    """Write what was seen, piece by piece; raises OptionError where the file cannot be written."""
    head = json.dumps(_head(seen), allow_nan=False, separators=(",", ":"))
    try:
        with path.open("w", encoding="utf-8") as file:
            file.write(head.removesuffix("}") + ',"features":[')
            for number, feature in enumerate(features(seen)):
                words = json.dumps(feature, allow_nan=False, separators=(",", ":"))
                file.write((",\n" if number else "\n") + words)
            file.write("\n]}\n")
    except OSError as error:
        raise OptionError(f"--out: {path} cannot be written: {error.strerror}") from error


def geojson(seen: Seen) -> dict[str, object]:
    """Return what was seen as a FeatureCollection."""
    return _head(seen) | {"features": list(features(seen))}


def _head(seen: Seen) -> dict[str, object]:
    """Return the collection without its features."""
    crs, words, wkt = _coordinates(seen)
    about: dict[str, object] = {"coordinates": words, **({"wkt": wkt} if wkt else {}), **seen.to_json()}
    head: dict[str, object] = {"type": "FeatureCollection"}
    return head | ({} if crs == "wgs84" else {"crs": crs}) | {"moonfleet": about}


def features(seen: Seen) -> Iterator[dict[str, object]]:
    """Yield the craters, then the rocks."""
    for kind, found in (("crater", seen.craters), ("rock", seen.rocks)):
        for first in range(0, 0 if found is None else len(found.row), AT_ONCE):
            if found is not None:
                yield from _features(seen, kind, found.take(np.arange(first, min(first + AT_ONCE, len(found.row)))))


def rings(found: Found, corners: int) -> tuple[F64, F64]:
    """Return the corners of each ellipse as (col, row) of pixel corners, float64 [n, corners + 1], closed."""
    turn = np.linspace(0.0, 2.0 * math.pi, corners + 1)
    turn[-1] = 0.0
    a = found.semi_col_px[:, None] * np.cos(turn)
    b = found.semi_row_px[:, None] * np.sin(turn)
    axis = np.radians(found.axis_deg)[:, None]
    col = found.col[:, None] + 0.5 + a * np.sin(axis) + b * np.cos(axis)
    row = found.row[:, None] + 0.5 - a * np.cos(axis) + b * np.sin(axis)
    return col, row


def _features(seen: Seen, kind: str, found: Found) -> Iterator[dict[str, object]]:
    col, row = rings(found, CORNERS[kind])
    ground = seen.ground
    xy = np.stack([col, row], axis=-1) if ground is None else ground.coordinates(col, row)
    middle = None if ground is None else ground.lonlat(found.col + 0.5, found.row + 0.5)
    decimals = 2 if ground is None else 9 if ground.on_earth or ground.crs.is_geographic else 3
    with np.errstate(invalid="ignore"):  # places outside the projection are infinite, and get no geometry
        x, y = xy[..., 0] - xy[:, :1, 0], xy[..., 1] - xy[:, :1, 1]
    turned = (x[:, :-1] * y[:, 1:] - x[:, 1:] * y[:, :-1]).sum(axis=1) < 0.0
    xy[turned] = xy[turned, ::-1]  # outer rings run counterclockwise
    polygons = np.round(xy, decimals).tolist()
    placed = [bool(np.isfinite(ring).all()) for ring in xy]
    sigma = size_error(found) if kind == "crater" else None
    for i in range(len(found.row)):
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
        # the edge of a picture may lie beyond what its projection shows: RFC 7946 allows a feature without a place
        polygon = {"type": "Polygon", "coordinates": [polygons[i]]} if placed[i] else None
        yield {"type": "Feature", "geometry": polygon, "properties": about}


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


def _number(value: float, digits: int) -> float | None:
    """Return a value for JSON, which knows no NaN."""
    return round(float(value), digits) if math.isfinite(value) else None
