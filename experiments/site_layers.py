"""The layers of a site as pictures: what each shows, in which colours, on which scale, and its values for the mouse.

A large site is first averaged down to `PICTURE` cells a side; a small one is drawn cell by cell, enlarged to at least
`SHARP` pixels.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from moonfleet.terrain.colours import Scale, colour_table
from moonfleet.terrain.constants import DAY_S
from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.maps import blend, contour_share, hillshade, indexed_png, jpeg_bytes, paint, resized
from moonfleet.terrain.site import Site

from .page import data_uri
from .report_timelines import nice_ticks
from .site_frame import round_length

PICTURE = 900  # [px] side of the picture of a large site
SHARP = 900  # [px] side of the picture of a small site at least
READ_OUT = 320  # [cells] side of the values under the mouse at most
SHADOW = (8, 8, 12)  # RGB of permanent shadow on the map of nights
VEIL = (52, 36, 200)  # RGB laid over permanent shadow on shaded relief
NIGHT_KNOTS = (
    (0.0, 0.0),
    (5.0, 1 / 6),
    (10.0, 1 / 3),
    (15.0, 0.5),
    (30.0, 0.6),
    (60.0, 0.7),
    (120.0, 0.8),
    (366.0, 1.0),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """Values for the mouse: whole numbers ``codes`` [r, c]; value = offset + step * code, shown with ``digits``."""

    name: str
    unit: str
    digits: int
    codes: np.ndarray
    step: float
    offset: float = 0.0

    def to_json(self) -> dict[str, object]:
        """Return it as plain values; the codes little-endian, deflated, in base64."""
        rows, cols = self.codes.shape
        packed = zlib.compress(np.ascontiguousarray(self.codes).astype(self.codes.dtype.newbyteorder("<")).tobytes(), 9)
        return {
            "name": self.name, "unit": self.unit, "digits": self.digits, "step": self.step, "offset": self.offset,
            "rows": rows, "cols": cols, "bytes": self.codes.itemsize, "data": base64.b64encode(packed).decode("ascii"),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Layer:
    """One map: ``picture`` is an address that holds it; ``over`` says that values go on beyond the end of the scale."""

    key: str
    title: str
    unit: str
    caption: str
    picture: str
    table: str
    scale: Scale
    ticks: tuple[float, ...]
    reading: Reading
    over: bool = False
    swatches: tuple[tuple[str, str], ...] = ()


def layers_of(site: Site, year: str) -> list[Layer]:
    """Return the maps of a site; ``year`` is the one that light was averaged over, in words."""
    return [
        _height(site),
        _slope(site),
        _share(
            site.mean_lit, "light", "Average illumination", "% of the Sun's disc",
            f"Share of the Sun's disc above the terrain, seen {site.horizon.observer_m:g} m above the ground, mean over {year}. "
            f"Horizons in {site.horizon.azimuths} directions on the curved Moon.",
        ),
        _night(site, year),
        _shadow(site),
        _share(
            site.earth_visible, "earth", "Earth visibility", "% of the time",
            f"Share of {year} in which the Earth's centre stands above the terrain, seen {site.horizon.observer_m:g} m above "
            "the ground.",
        ),
        _rock(site),
    ]  # fmt: skip


def contours(site: Site) -> tuple[str, float]:
    """Return the contour lines of the ground as a transparent picture, and their interval [m]; each fifth is stronger."""
    z = picture_ground(site.grid).elevation_m
    interval = round_length(max(float(np.ptp(z)), 1.0) / 12.0)
    width = max(z.shape) / 700.0
    fine, strong = contour_share(z, interval, width), contour_share(z, 5.0 * interval, 1.9 * width)
    alpha = np.round(15.0 * np.maximum(0.55 * fine, strong)).astype(np.uint8)
    palette = np.full((16, 4), 112, dtype=np.uint8)
    palette[:, 3] = np.arange(16) * 11
    return data_uri(indexed_png(alpha, palette), "image/png"), interval


def picture_ground(grid: HeightGrid) -> HeightGrid:
    """Return the ground at the number of cells that a picture has pixels: averaged down or smoothly enlarged."""
    rows, cols = grid.ref.shape
    side = max(rows, cols)
    factor = PICTURE / side if side > PICTURE else -(-SHARP // side)
    new = (max(1, round(rows * factor)), max(1, round(cols * factor)))
    ref = GeoRef(grid.ref.x_left, grid.ref.y_top, grid.ref.cell_m * cols / new[1], *new)
    return HeightGrid(resized(grid.elevation_m, *new), ref)


def _fitted(values: np.ndarray, most: int) -> np.ndarray:
    """Return float32 values averaged down to at most ``most`` cells a side; as they are when there are not more."""
    rows, cols = values.shape
    side = max(rows, cols)
    if side <= most:
        return np.array(values, dtype=np.float32)
    return resized(values, max(1, round(rows * most / side)), max(1, round(cols * most / side)))


def _enlarged(index: np.ndarray) -> np.ndarray:
    """Return each cell as a square of pixels, at least `SHARP` of them a side in all."""
    k = -(-SHARP // max(index.shape))
    return np.repeat(np.repeat(index, k, axis=0), k, axis=1) if k > 1 else index


def _picture(values: np.ndarray, table: str, scale: Scale) -> str:
    index = np.round(255.0 * _fitted(scale.place(values), PICTURE)).astype(np.uint8)
    return data_uri(indexed_png(_enlarged(index), colour_table(table)), "image/png")


def _codes(values: np.ndarray, step: float, offset: float = 0.0, kind: str = "<u2") -> np.ndarray:
    fitted = _fitted(values, READ_OUT)
    return np.clip(np.round((fitted - offset) / step), 0, np.iinfo(kind).max).astype(kind)


def _spread(values: np.ndarray, unit: str, digits: int = 0) -> str:
    """Return the middle and the range of values in words."""
    low, middle, high = (f"{v:.{digits}f}" for v in np.percentile(values, (0.0, 50.0, 100.0)))
    return f"Median {middle} {unit}, from {low} to {high} {unit}."


def _height(site: Site) -> Layer:
    ground = picture_ground(site.grid)
    z = ground.elevation_m
    low, high = float(z.min()), float(z.max())
    step = round_length(max(high - low, 1.0) / 4.0)
    scale = Scale.even(np.floor(low / step * 2.0) * step / 2.0, np.ceil(high / step * 2.0) * step / 2.0)
    image = blend(paint(z, "terrain", scale.values[0], scale.values[-1]), hillshade(ground))
    offset = float(np.floor(low)) - 1.0
    return Layer(
        "height", "Height", "m above the sphere of 1737.4 km",
        f"Elevation, over relief shaded from the upper left and exaggerated 1.5 times. {_spread(site.grid.elevation_m, 'm')}",
        data_uri(jpeg_bytes(image), "image/jpeg"), "terrain", scale, tuple(nice_ticks(scale.values[0], scale.values[-1], 6)),
        Reading("height", "m", 1, _codes(site.grid.elevation_m, 0.5, offset), 0.5, offset),
    )  # fmt: skip


def _slope(site: Site) -> Layer:
    most = float(np.percentile(site.slope_deg, 99.8))
    high = next(v for v in (5.0, 10.0, 20.0, 30.0, 40.0, 60.0, 90.0) if most <= v)
    scale = Scale.even(0.0, high)
    p50, p90, p99 = np.percentile(site.slope_deg, (50, 90, 99))
    return Layer(
        "slope", "Slope", "degrees",
        f"Steepness of the ground from central differences, a baseline of {2 * site.ref.cell_m:g} m. "
        f"Median {p50:.1f}°, 90 % below {p90:.1f}°, 99 % below {p99:.1f}°.",
        _picture(site.slope_deg, "slope", scale), "slope", scale, tuple(nice_ticks(0.0, high, 6)),
        Reading("slope", "°", 1, _codes(site.slope_deg, 0.4, kind="u1"), 0.4), bool(site.slope_deg.max() > high),
    )  # fmt: skip


def _share(values: np.ndarray, key: str, title: str, unit: str, caption: str) -> Layer:
    """Return a map of shares 0..1 in percent, on a scale that ends at the next full ten."""
    percent = 100.0 * np.asarray(values, dtype=np.float32)
    high = float(np.clip(np.ceil(float(percent.max()) / 10.0) * 10.0, 10.0, 100.0))
    scale = Scale.even(0.0, high)
    return Layer(
        key, title, unit, f"{caption} {_spread(percent, '%')}", _picture(percent, key, scale), key, scale,
        tuple(nice_ticks(0.0, high, 6)),
        Reading(title.lower(), "%", 1, _codes(percent, 0.5, kind="u1"), 0.5),
    )  # fmt: skip


def _night(site: Site, year: str) -> Layer:
    days = np.asarray(site.longest_night_s, dtype=np.float32) / np.float32(DAY_S)
    knots = np.array(NIGHT_KNOTS)
    scale = Scale(tuple(knots[:, 0]), tuple(knots[:, 1]))
    index = np.round(254.0 * _fitted(scale.place(days), PICTURE)).astype(np.uint8)
    dark = _fitted(np.asarray(site.permanent_shadow != 0, dtype=np.float32), PICTURE) >= 0.5
    index[dark] = 255
    palette = colour_table("night")[np.round(np.linspace(0, 255, 255)).astype(int)]
    palette = np.concatenate([palette, np.array([SHADOW], dtype=np.uint8)])
    lit = days[site.permanent_shadow == 0]
    words = _spread(lit, "days", 1) if lit.size else "The whole site lies in permanent shadow."
    return Layer(
        "night", "Longest night", "Earth days",
        f"Longest time in {year} with less than 5 % of the Sun's disc in sight. The scale is even up to 15 days, about half a "
        f"lunar day, and then each step doubles. Outside permanent shadow: {words[0].lower()}{words[1:]}",
        data_uri(indexed_png(_enlarged(index), palette), "image/png"), "night", scale, scale.values,
        Reading("longest night", "d", 1, _codes(days, 0.1), 0.1), swatches=((_css(SHADOW), "permanent shadow"),),
    )  # fmt: skip


def _shadow(site: Site) -> Layer:
    ground = picture_ground(site.grid)
    mask = np.asarray(site.permanent_shadow != 0, dtype=np.float32)
    inside = resized(mask, *ground.ref.shape) >= 0.5
    grey = hillshade(ground, sun_el_deg=25.0, exaggeration=1.0) // 2 + inside.astype(np.uint8) * np.uint8(128)
    tones = 40.0 + 215.0 * np.linspace(0.0, 1.0, 128)[:, None] * np.ones(3)
    palette = np.round(np.concatenate([tones, 0.5 * (tones + np.array(VEIL))])).astype(np.uint8)
    veil = 0.5 * (150.0 + np.array(VEIL))
    return Layer(
        "shadow", "Permanent shadow", "",
        "Ground on which no part of the Sun's disc ever shines, over shaded relief. It holds "
        f"{100.0 * float(mask.mean()):.1f} % of the site.",
        data_uri(indexed_png(grey, palette), "image/png"), "grey", Scale.even(0.0, 1.0), (),
        Reading("permanent shadow", "", 0, (_fitted(mask, READ_OUT) >= 0.5).astype("u1"), 1.0),
        swatches=((_css(tuple(int(v) for v in veil)), "permanent shadow"), ("#bdbdbd", "sees the Sun at times")),
    )  # fmt: skip


def _rock(site: Site) -> Layer:
    percent = 100.0 * np.asarray(site.rock_cover, dtype=np.float32)
    most = max(float(np.percentile(percent, 99.5)), 0.1)
    high = next(m * p for p in (0.1, 1.0, 10.0, 100.0) for m in (1.0, 2.0, 5.0) if most <= m * p)
    scale = Scale.even(0.0, high)
    return Layer(
        "rock", "Rock cover", "% of the ground",
        f"Share of the ground covered by rocks, drawn by the seeded model. {_spread(percent, '%', 1)}",
        _picture(percent, "rock", scale), "rock", scale, tuple(nice_ticks(0.0, high, 6)),
        Reading("rock cover", "%", 1, _codes(percent, 0.2, kind="u1"), 0.2), bool(percent.max() > high),
    )  # fmt: skip


def _css(rgb: Sequence[int]) -> str:
    return "#" + "".join(f"{v:02x}" for v in rgb)
