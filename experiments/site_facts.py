"""What a site is, in numbers and words: its place, its ground and where that came from, and its best-lit cell."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import cast

import numpy as np

from moonfleet.terrain.constants import DAY_S, MOON_RADIUS_M
from moonfleet.terrain.grid import GeoRef, polar_lonlat
from moonfleet.terrain.site import Site


@dataclass(frozen=True, slots=True)
class BestCell:
    """The cell with the most sunlight."""

    row: int
    col: int
    xy: tuple[float, float]
    lonlat: tuple[float, float]
    lit: float  # [-] mean share of the Sun's disc
    night_d: float  # [d] longest night
    earth: float  # [-] share of time with the Earth in sight


def best_cell(site: Site) -> BestCell:
    """Return the best-lit cell, the first of equals."""
    row, col = divmod(int(np.argmax(site.mean_lit)), site.ref.cols)
    x, y = site.ref.xy(float(row), float(col))
    lon, lat = polar_lonlat(x, y)
    return BestCell(
        row, col, (x, y), (lon, lat), float(site.mean_lit[row, col]), float(site.longest_night_s[row, col]) / DAY_S,
        float(site.earth_visible[row, col]),
    )  # fmt: skip


def area_km2(ref: GeoRef, mask: np.ndarray) -> float:
    """Return the area of the True cells on the sphere [km2]: each cell over the square of the map's stretch there."""
    x, _ = ref.xy(np.zeros(ref.cols), np.arange(ref.cols))
    _, y = ref.xy(np.arange(ref.rows), np.zeros(ref.rows))
    total = 0.0
    for row in range(ref.rows):
        stretch = 1.0 + (x * x + y[row] * y[row]) / (4.0 * MOON_RADIUS_M**2)
        total += float(np.sum(mask[row] / stretch**2))
    return total * ref.cell_m**2 / 1e6


def recipe_of_folder(path: Path) -> Mapping[str, object]:
    """Return the recipe that a site folder was built from, as it stands in ``site.json``; empty where there is none."""
    try:
        facts = json.loads((path / "site.json").read_text(encoding="utf-8"))
        return cast("Mapping[str, object]", dict(facts["recipe"]))
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def ground_words(recipe: Mapping[str, object], cell_m: float) -> str:
    """Return in words where the heights came from."""
    if recipe.get("synthetic"):
        return "synthetic: roughness, craters and rocks of the seeded model, no measured ground"
    if recipe.get("dem"):
        return f"{Path(str(recipe['dem'])).name}; what it does not resolve is drawn by the seeded model"
    if "dem" not in recipe:
        return "not recorded"
    return (
        "NASA LOLA polar grid of 1600 m a cell, which ships with moonfleet; what is smaller, down to "
        f"{cell_m:g} m, is drawn by the seeded model: alike in its statistics, not measured"
    )


def cards(site: Site, best: BestCell) -> str:
    """Return the numbers at the top of the page."""
    shadow = area_km2(site.ref, np.asarray(site.permanent_shadow != 0))
    items = (
        (f"{100.0 * best.lit:.1f}<small> %</small>", "sunlight at the best cell"),
        (f"{best.night_d:.1f}<small> d</small>", "its longest night"),
        (f"{100.0 * best.earth:.0f}<small> %</small>", "of the time it sees the Earth"),
        (f"{shadow:.2f}<small> km²</small>", "in permanent shadow"),
        (f"{float(np.median(site.slope_deg)):.1f}<small>°</small>", "median slope"),
        (f"{float(np.ptp(site.grid.elevation_m)):.0f}<small> m</small>", "from lowest to highest"),
    )
    body = "".join(f'<div class="card"><b>{value}</b><span>{name}</span></div>' for value, name in items)
    return f'<div class="cards">{body}</div>'


def facts_table(site: Site, best: BestCell, recipe: Mapping[str, object], year: str) -> str:
    """Return all facts of a site as a table."""
    ref, z = site.ref, site.grid.elevation_m
    lon, lat = ref.lonlat()
    x, y = ref.centre
    slopes = np.percentile(site.slope_deg, (50, 90, 99))
    shadow = np.asarray(site.permanent_shadow != 0)
    whole = area_km2(ref, np.ones(ref.shape, dtype=np.bool_))
    dark = area_km2(ref, shadow)
    masts = ", ".join(f"{mast:g} m" for mast in sorted({site.horizon.observer_m, *site.horizons}))
    rows = [
        ("Middle", f"{place_words(lon, lat)} (x {x:.0f} m, y {y:.0f} m, south polar stereographic)"),
        (
            "Size",
            f"{ref.cols * ref.cell_m / 1000:g} x {ref.rows * ref.cell_m / 1000:g} km, {whole:.2f} km² on the sphere",
        ),
        ("Cells", f"{ref.cols} x {ref.rows} of {ref.cell_m:g} m"),
        ("Ground", ground_words(recipe, ref.cell_m)),
        ("Elevation", f"{float(z.min()):.1f} to {float(z.max()):.1f} m, median {float(np.median(z)):.1f} m"),
        ("Slope", f"median {slopes[0]:.1f}°, p90 {slopes[1]:.1f}°, p99 {slopes[2]:.1f}°, over {2 * ref.cell_m:g} m"),
        ("Horizons", f"{site.horizon.azimuths} directions, from {masts} above the ground"),
        ("Best-lit cell", f"{place_words(*best.lonlat)} (x {best.xy[0]:.0f} m, y {best.xy[1]:.0f} m)"),
        ("Light there", f"{100 * best.lit:.1f} % of the Sun's disc over {year}, longest night {best.night_d:.1f} days"),
        ("Permanent shadow", f"{dark:.3f} km², {100.0 * dark / whole:.2f} % of the site"),
        (
            "Earth in sight",
            f"{100 * float(np.mean(site.earth_visible)):.1f} % of the time, mean over the site; "
            f"{100 * float(np.mean(site.earth_visible > 0)):.1f} % of the cells see it at some time",
        ),
        ("Seed", str(site.seed)),
        ("Key", f"<code>{escape(site.key)}</code>"),
    ]
    style = recipe.get("style")
    if isinstance(style, dict) and any(value != 1.0 for value in cast("dict[str, float]", style).values()):
        words = ", ".join(
            f"{name.replace('_', ' ')} {value:g}" for name, value in cast("dict[str, float]", style).items()
        )
        rows.insert(4, ("Style of the model", escape(words)))
    regions = cast("list[str]", recipe.get("regions") or [])
    if regions:
        rows.insert(4, ("Far field", escape(", ".join(Path(region).name for region in regions))))
    body = "".join(f"<tr><th scope='row'>{name}</th><td>{_plain(value)}</td></tr>" for name, value in rows)
    return f'<section id="facts"><h2>Facts</h2><div class="wide"><table>{body}</table></div></section>'


def place_words(lon_deg: float, lat_deg: float) -> str:
    """Return longitude and latitude in words."""
    return f"{lon_deg:.4f}° E, {-lat_deg:.4f}° S"


def _plain(value: str) -> str:
    return value if value.startswith("<code>") else escape(value, quote=False)
