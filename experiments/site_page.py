"""The figure page of a site: one HTML file that needs no network, with its maps, its skylines and its facts.

Pictures are embedded files; everything on and around them is SVG and text, so that it stays sharp at any size and on
paper. The values under the mouse are whole numbers beside the pictures.
"""

from __future__ import annotations

import json
import math
from html import escape
from pathlib import Path

import numpy as np

from moonfleet.terrain.catalogue import NAMED_PLACES, regional_grid
from moonfleet.terrain.colours import colour_table
from moonfleet.terrain.constants import MOON_RADIUS_M
from moonfleet.terrain.errors import SiteError
from moonfleet.terrain.grid import GeoRef, HeightGrid, polar_xy
from moonfleet.terrain.maps import jpeg_bytes, resized, terrain_map
from moonfleet.terrain.site import LIT_YEAR, Site

from .page import data_script, data_uri, part, write_page
from .report_svg import num
from .site_facts import BestCell, best_cell, cards, facts_table, place_words, recipe_of_folder
from .site_frame import (
    Frame,
    latitude_circles,
    longitude_ticks,
    name_marks,
    north_arrow,
    scale_bar,
    star,
)  # fmt: skip
from .site_layers import Layer, contours, layers_of
from .site_plots import histogram, panorama, sky_ways

MAX_BYTES = 6_000_000  # [B] a page stays a file one can send
AROUND_M = 200_000.0  # [m] from the pole that the map of the region shows, at least
STOPS = 24  # colours that a colour bar is made of


def write_site_page(site: Site, path: Path) -> Path:
    """Write the figure page of a site into the file ``path`` and return it. Raises `SiteError` if it cannot be written."""
    path = Path(path)
    page = render_site(site)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return write_page(path, page)
    except OSError as error:
        raise SiteError(
            f"{path}: cannot be written: {error.strerror}; allowed: a file in a writable folder."
        ) from error


def render_site(site: Site) -> str:
    """Return the whole page; the same site gives the same text."""
    year = LIT_YEAR[0][:4]
    best, layers, frame = best_cell(site), layers_of(site, year), Frame(site.ref.bounds)
    lines, interval = contours(site)
    payload = {
        "layers": [layer.reading.to_json() for layer in layers],
        "bounds": list(site.ref.bounds),
        "frame": [frame.left, frame.top, frame.width, frame.height],
        "radius": MOON_RADIUS_M,
    }
    figures = "".join(_map_figure(layer, frame, chr(97 + i)) for i, layer in enumerate(layers))
    lon, lat = site.ref.lonlat()
    lead = (
        f"{site.ref.cols * site.ref.cell_m / 1000:g} x {site.ref.rows * site.ref.cell_m / 1000:g} km of the Moon around "
        f"{place_words(lon, lat)}, in cells of {site.ref.cell_m:g} m. Light and Earth for {year}."
    )
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(site.name)} · moonfleet site</title>",
            part("site_style.html"),
            "</head><body>",
            _shared(frame, site, best, lines),
            f'<main><header><div><h1>{escape(site.name)}</h1><p class="lead">{escape(lead)}</p></div>{_switches(interval)}</header>',
            cards(site, best),
            f'<div class="figures">{figures}{_region_figure(site, chr(97 + len(layers)))}</div>',
            _skylines(site, best),
            _histograms(site, best),
            facts_table(site, best, recipe_of_folder(site.path), year),
            "<footer>Made by moonfleet. This page is complete in itself and needs no network.</footer></main>",
            '<div id="tip" role="status" aria-live="polite" hidden></div>',
            data_script("site-data", json.dumps(payload, separators=(",", ":"), allow_nan=False)),
            part("site_script.html"),
            "</body></html>\n",
        )
    )


def _switches(interval_m: float) -> str:
    words = f"{interval_m:g} m" if interval_m < 1000.0 else f"{interval_m / 1000:g} km"
    boxes = (("contours", f"contours every {words}"), ("graticules", "latitudes"), ("names", "places"))
    labels = "".join(f'<label><input type="checkbox" data-show="{key}" checked>{name}</label>' for key, name in boxes)
    return f'<div class="switches">{labels}<button id="theme" type="button">dark / light</button></div>'


def _shared(frame: Frame, site: Site, best: BestCell, lines: str) -> str:
    """Return what all maps of the page have in common; each of them refers to it."""
    x, y = (float(v) for v in frame.px(*best.xy))
    taken = [(x - 10.0, y - 10.0, x + 10.0, y + 10.0)]
    names = name_marks(frame, _places(site), taken)
    return (
        '<svg class="shared" width="0" height="0" aria-hidden="true"><defs>'
        f'<clipPath id="inside">{frame.box("")}</clipPath>'
        f'<g id="lines">{_image(frame, lines)}</g><g id="circles">{latitude_circles(frame, "inside", taken)}</g>'
        f'<g id="names">{names}{star(frame, best.xy, "best-lit cell")}</g>'
        f'<g id="border">{longitude_ticks(frame)}{frame.box("frame")}{scale_bar(frame)}{north_arrow(frame)}</g>'
        "</defs></svg>"
    )


def _places(site: Site) -> dict[str, tuple[float, float]]:
    """Return the named places, x, y [m], those near the site first; two at one spot share a name."""
    spots: dict[tuple[float, float], str] = {}
    for name, place in NAMED_PLACES.items():
        xy = polar_xy(place.lon_deg, place.lat_deg)
        spots[xy] = f"{spots[xy]}, {name}" if xy in spots else name
    return {spots[xy]: xy for xy in sorted(spots, key=lambda xy: math.dist(xy, site.ref.centre))}


def _image(frame: Frame, address: str) -> str:
    return (
        f'<image href="{address}" x="{num(frame.left)}" y="{num(frame.top)}" width="{num(frame.width)}" '
        f'height="{num(frame.height)}" preserveAspectRatio="none"/>'
    )


def _map_figure(layer: Layer, frame: Frame, letter: str) -> str:
    bar_top = frame.top + frame.height + 42.0
    height = bar_top + 58.0
    return (
        f'<figure id="{layer.key}"><svg class="map" viewBox="0 0 {num(2 * frame.left + frame.width)} {num(height)}" role="img" '
        f'tabindex="0" aria-labelledby="{layer.key}-title {layer.key}-words">{_image(frame, layer.picture)}'
        f'<use href="#lines" class="contours"/><use href="#circles" class="graticules"/><use href="#border"/>'
        f'<use href="#names" class="names"/>{_bar(layer, frame, bar_top)}</svg>'
        f'<figcaption><b id="{layer.key}-title"><span>({letter})</span> {escape(layer.title)}</b> '
        f'<span id="{layer.key}-words">{escape(layer.caption)}</span></figcaption></figure>'
    )


def _bar(layer: Layer, frame: Frame, top: float) -> str:
    """Return the colour bar with its ticks and unit, or the swatches of a layer that has no scale."""
    out: list[str] = []
    left, width = frame.left, frame.width
    wide = sum(29.0 + 10.5 * len(words) for _, words in layer.swatches)
    if layer.ticks:
        if layer.swatches:  # they stand at the right end of the bar
            width -= wide
        table = colour_table(layer.table)
        stops = "".join(
            f'<stop offset="{k / (STOPS - 1):.4f}" stop-color="rgb({r},{g},{b})"/>'
            for k in range(STOPS)
            for r, g, b in [table[round(255 * k / (STOPS - 1))]]
        )
        out.append(f'<linearGradient id="{layer.key}-colours">{stops}</linearGradient>')
        out.append(
            f'<rect x="{num(left)}" y="{num(top)}" width="{num(width)}" height="13" fill="url(#{layer.key}-colours)" class="bar"/>'
        )
        if layer.over:
            end = left + width
            red, green, blue = table[255]
            out.append(
                f'<path d="M{num(end)},{num(top)}l11,6.5l-11,6.5Z" fill="rgb({red},{green},{blue})"><title>and more</title></path>'
            )
        for tick, place in zip(layer.ticks, layer.scale.place(layer.ticks), strict=True):
            x = left + width * float(place)
            out.append(
                f'<line x1="{num(x)}" y1="{num(top + 13)}" x2="{num(x)}" y2="{num(top + 18)}" class="tickmark"/>'
            )
            out.append(f'<text x="{num(x)}" y="{num(top + 31)}" text-anchor="middle">{tick:g}</text>')
        out.append(
            f'<text x="{num(left + width / 2)}" y="{num(top + 52)}" text-anchor="middle" class="unit">{escape(layer.unit)}</text>'
        )
        left += width + 24.0
    for colour, words in layer.swatches:
        out.append(f'<rect x="{num(left)}" y="{num(top)}" width="22" height="13" fill="{colour}" class="bar"/>')
        out.append(f'<text x="{num(left + 29)}" y="{num(top + 11.5)}">{escape(words)}</text>')
        left += 29.0 + 10.5 * len(words)
    return f'<g class="legend">{"".join(out)}</g>'


def _region_figure(site: Site, letter: str) -> str:
    """Return where the site lies: the shipped grid around the pole, with the named places."""
    whole = regional_grid()
    x, y = site.ref.centre
    reach = math.ceil(max(AROUND_M, 1.2 * math.hypot(x, y)) / 1e4) * 1e4
    frame = Frame((-reach, -reach, reach, reach))
    part_of = whole.crop(-reach, -reach, reach, reach)
    side = 2 * max(part_of.ref.shape)
    fine = HeightGrid(
        resized(part_of.elevation_m, side, side),
        GeoRef(part_of.ref.x_left, part_of.ref.y_top, part_of.ref.cell_m * part_of.ref.cols / side, side, side),
    )
    x0, y0, x1, y1 = part_of.ref.bounds
    left, top = (float(v) for v in frame.px(x0, y1))
    right, bottom = (float(v) for v in frame.px(x1, y0))
    image = (
        f'<image href="{data_uri(jpeg_bytes(terrain_map(fine), 85), "image/jpeg")}" x="{num(left)}" y="{num(top)}" '
        f'width="{num(right - left)}" height="{num(bottom - top)}" preserveAspectRatio="none"/>'
    )
    sx, sy = (float(v) for v in frame.px(x, y))
    half = max(0.5 * site.ref.cols * site.ref.cell_m / frame.m_per_px, 5.0)
    box = f'<rect x="{num(sx - half)}" y="{num(sy - half)}" width="{num(2 * half)}" height="{num(2 * half)}" class="here"/>'
    taken = [(sx - half - 2, sy - half - 2, sx + half + 2, sy + half + 2)]
    names = name_marks(frame, _places(site), taken)
    caption = (
        "Where the site lies (square): NASA LOLA elevation of 1600 m a cell, shaded, around the south pole. Longitude 0 is up: "
        "the side that faces the Earth."
    )
    return (
        f'<figure id="region"><svg class="around" viewBox="0 0 {num(2 * frame.left + frame.width)} '
        f'{num(frame.top + frame.height + 28)}" role="img" aria-labelledby="region-title region-words">'
        f'<clipPath id="region-inside">{frame.box("")}</clipPath><g clip-path="url(#region-inside)">{image}</g>'
        f"{latitude_circles(frame, 'region-inside', taken)}{longitude_ticks(frame)}{frame.box('frame')}{scale_bar(frame)}"
        f"{names}{box}</svg>"
        f'<figcaption><b id="region-title"><span>({letter})</span> Region</b> <span id="region-words">{escape(caption)}</span>'
        "</figcaption></figure>"
    )


def _skylines(site: Site, best: BestCell) -> str:
    ways = sky_ways(site, LIT_YEAR)
    middle = (site.ref.rows // 2, site.ref.cols // 2)
    mast = f"{site.horizon.observer_m:g} m"
    others = ", ".join(f"{m:g} m" for m in sorted(site.horizons) if m != site.horizon.observer_m)
    keys = (
        '<div class="keys"><span class="key ground">ground</span>'
        f'<span class="key sun">the Sun between its winter and summer paths ({LIT_YEAR[0][:4]})</span>'
        '<span class="key earth">the Earth’s centre over 18.6 years</span></div>'
    )
    figures = "".join(
        f"<figure><figcaption><b>{name}</b> {escape(words)}</figcaption>{panorama(site, cell, ways, name)}</figure>"
        for name, cell, words in (
            ("Best-lit cell", (best.row, best.col), _light_words(site, best.row, best.col)),
            ("Middle of the site", middle, _light_words(site, *middle)),
        )
    )
    note = f"seen {mast} above the ground; azimuth clockwise from local north [deg], elevation [deg]"
    note += f"; dashed: from {others}" if others else ""
    return f'<section id="skylines"><h2>Skylines <span class="note">{escape(note)}</span></h2>{keys}{figures}</section>'


def _light_words(site: Site, row: int, col: int) -> str:
    return (
        f"{100 * float(site.mean_lit[row, col]):.1f} % lit, longest night {float(site.longest_night_s[row, col]) / 86400:.1f} "
        f"days, Earth in sight {100 * float(site.earth_visible[row, col]):.0f} % of the time"
    )


def _histograms(site: Site, best: BestCell) -> str:
    slope = np.asarray(site.slope_deg).ravel()
    lit = 100.0 * np.asarray(site.mean_lit, dtype=np.float32).ravel()
    p50, p90, p99 = (float(v) for v in np.percentile(slope, (50, 90, 99)))
    high = min(90.0, math.ceil(float(np.percentile(slope, 99.9)) / 5.0) * 5.0 + 5.0)
    top = math.ceil(100.0 * best.lit / 10.0) * 10.0 or 10.0
    middle = float(np.median(lit))
    return (
        '<div class="figures"><figure><figcaption><b>Slopes</b> How much of the area is how steep; the lines are the median '
        "and the steepness that 90 % and 99 % stay below.</figcaption>"
        f"{histogram(slope, high, 1.0, 'deg', ((p50, 'p50'), (p90, 'p90'), (p99, 'p99')), 'slope')}</figure>"
        "<figure><figcaption><b>Sunlight</b> How much of the area has how much light; the lines are the median and the best "
        f"cell.</figcaption>{histogram(lit, top, 2.0, '%', ((middle, 'p50'), (100.0 * best.lit, 'best')), 'average illumination')}"
        "</figure></div>"
    )
