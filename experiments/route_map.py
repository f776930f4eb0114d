"""The map of a route sheet: the ground around the way, the way coloured by battery, stops, start, goal and havens."""

from __future__ import annotations

import itertools
import math
from html import escape
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from moonfleet.autonomy.zone_raster import cells_touched
from moonfleet.autonomy.zones_geojson import PlanZones
from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.maps import contour_share, hillshade, jpeg_bytes, resized
from moonfleet.terrain.site import Site

from .page import data_uri
from .report_svg import num
from .route_track import HOUR_S, RouteTrack
from .site_frame import (
    LETTER,
    Box,
    Frame,
    latitude_circles,
    longitude_ticks,
    north_arrow,
    round_length,
    scale_bar,
    star,
)

# viridis (Smith and van der Walt 2015), dark is empty: as the report of a run colours batteries
BATTERY: Final = (
    "#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725",
)  # fmt: skip
PLAIN: Final = "#ffc845"  # of a way without a battery
REASONS: Final = {
    "link": ("#56B4E9", "waits for the Earth"),
    "sun": ("#D9820B", "waits for light on the way"),
    "night": ("#4b5468", "waits out the dark"),
    "charge": ("#009E73", "waits to charge"),
    "timing": ("#8a93a3", "waits, no sooner there"),
}  # reason of a stop -> colour, words
MAP_LEFT, MAP_TOP, MAP_WIDTH = 62.0, 26.0, 700.0  # [px] of the map on its paper
PICTURE_PX: Final = 1100  # side of the embedded picture, the longer one
MARGIN: Final = 0.16  # [-] of the way's extent, around it
WIDEST: Final = 1.2  # [-] width of the map over its height
LEAST_M: Final = 600.0  # [m] side of the map at least
APART_PX: Final = 28.0  # [px] stops nearer to each other than this share a mark
NAMED_WAIT_H: Final = 0.5  # [h] stops shorter than this are drawn without their hours
STEEP = np.array([150.0, 74.0, 58.0])
DARK = np.array([52.0, 74.0, 140.0])
HAVEN = np.array([86.0, 180.0, 120.0])
KEEP_OUT = np.array([194.0, 66.0, 155.0])
CORRIDOR = np.array([60.0, 190.0, 200.0])
SCIENCE = np.array([225.0, 190.0, 60.0])
HATCH_PX: Final = 14  # [px] of the picture from stripe to stripe of a keep-out
RIM_PX: Final = 2  # [px] of its outline


def bounds_around(site: Site, xy: NDArray[np.float64]) -> Box:
    """Return the part of the site around points [m] that a map of them shows: no wider than `WIDEST`, no taller than square."""
    xmin, ymin, xmax, ymax = site.ref.bounds
    (left, bottom), (right, top) = xy.min(axis=0), xy.max(axis=0)
    margin = max(MARGIN * max(right - left, top - bottom), 4.0 * site.ref.cell_m)
    wide, tall = max(right - left + 2 * margin, LEAST_M), max(top - bottom + 2 * margin, LEAST_M)
    wide, tall = max(wide, tall), max(tall, wide / WIDEST)
    wide, tall = min(wide, xmax - xmin), min(tall, ymax - ymin)
    x0 = min(max(0.5 * (left + right) - 0.5 * wide, xmin), xmax - wide)
    y0 = min(max(0.5 * (bottom + top) - 0.5 * tall, ymin), ymax - tall)
    return float(x0), float(y0), float(x0 + wide), float(y0 + tall)


def map_figure(
    site: Site, track: RouteTrack, *, other: RouteTrack | None, capacity_wh: float | None, blocked: NDArray[np.bool_] | None,
    havens: NDArray[np.bool_] | None, zones: PlanZones | None = None,
) -> str:  # fmt: skip
    """Return the map as an SVG with its legend; the arguments as `moonfleet.experiments.route_page.route_sheet`."""
    points = track.xy if other is None else np.concatenate([track.xy, other.xy])
    frame = Frame(bounds_around(site, points), MAP_LEFT, MAP_TOP, MAP_WIDTH)
    picture, box, interval = _ground(site, frame.bounds, blocked, havens, zones)
    left, top = (float(v) for v in frame.px(box[0], box[3]))
    right, bottom = (float(v) for v in frame.px(box[2], box[1]))
    image = (
        f'<image href="{picture}" x="{num(left)}" y="{num(top)}" width="{num(right - left)}" height="{num(bottom - top)}" '
        'preserveAspectRatio="none"/>'
    )
    ends = _ends(frame, track)
    taken = [(x - 16.0, y - 16.0, x + 16.0, y + 16.0) for x, y in zip(*frame.px(*track.xy[::8].T), strict=True)]
    height = frame.top + frame.height + 28.0
    words = f"Map: the way of {track.metres / 1000.0:.2f} km on the shaded ground"
    return (
        f'<figure id="map"><svg viewBox="0 0 {num(frame.width + 2 * frame.left)} {num(height)}" role="img" aria-label="{words}">'
        f'<clipPath id="map-inside">{frame.box("")}</clipPath><g clip-path="url(#map-inside)">{image}</g>'
        f"{latitude_circles(frame, 'map-inside', taken)}{longitude_ticks(frame)}"
        f'<g clip-path="url(#map-inside)">{"" if other is None else _dashed(frame, other)}{_way(frame, track, capacity_wh)}</g>'
        f'{_stops(frame, track)}{ends}{frame.box("frame")}{scale_bar(frame)}{north_arrow(frame)}<circle id="here" r="7" class="here" '
        f'visibility="hidden"/></svg>{_legend(track, other, capacity_wh, blocked, havens, interval, zones)}</figure>'
    )


def _ground(
    site: Site,
    bounds: Box,
    blocked: NDArray[np.bool_] | None,
    havens: NDArray[np.bool_] | None,
    zones: PlanZones | None,
) -> tuple[str, Box, float]:
    """Return the shaded ground as an address, the bounds of its cells, and the interval of its contours [m]."""
    ref = site.ref
    c0, c1 = (int(round((x - ref.x_left) / ref.cell_m)) for x in (bounds[0], bounds[2]))
    r0, r1 = (int(round((ref.y_top - y) / ref.cell_m)) for y in (bounds[3], bounds[1]))
    rows, cols = slice(max(r0 - 1, 0), min(r1 + 1, ref.rows)), slice(max(c0 - 1, 0), min(c1 + 1, ref.cols))
    z = np.asarray(site.grid.elevation_m[rows, cols])
    finer = max(1, round(PICTURE_PX / max(z.shape)))
    shape = (z.shape[0] * finer, z.shape[1] * finer)
    x_left, y_top = ref.x_left + cols.start * ref.cell_m, ref.y_top - rows.start * ref.cell_m
    smooth = np.asarray(ndimage.gaussian_filter(resized(z, *shape), 0.6 * finer, mode="nearest"), dtype=np.float32)
    fine = HeightGrid(smooth, GeoRef(x_left, y_top, ref.cell_m / finer, *shape))
    relief = 40.0 + 0.74 * hillshade(fine).astype(np.float64)
    colour = relief[..., None] * np.array([1.0, 0.985, 0.955])
    near = np.ix_((np.arange(shape[0]) // finer) + rows.start, (np.arange(shape[1]) // finer) + cols.start)
    dark = np.asarray(site.permanent_shadow)[near] != 0
    for mask, tint, share in (
        (dark, DARK, 0.5),
        (None if havens is None else havens[near], HAVEN, 0.28),
        (None if blocked is None else blocked[near], STEEP, 0.45),
    ):
        if mask is not None:
            colour[mask] = (1.0 - share) * colour[mask] + share * tint
    interval = round_length(max(float(np.ptp(z)) / 12.0, 0.5))
    colour *= 1.0 - 0.32 * contour_share(fine.elevation_m, interval)[..., None]
    if zones is not None:
        _tint_zones(colour, fine.ref, site.ref, zones)
    xmin, ymin, xmax, ymax = fine.ref.bounds
    image = jpeg_bytes(np.clip(colour, 0.0, 255.0).astype(np.uint8), 88)
    return data_uri(image, "image/jpeg"), (xmin, ymin, xmax, ymax), interval


def _tint_zones(colour: NDArray[np.float64], ref: GeoRef, of_site: GeoRef, zones: PlanZones) -> None:
    """Colour zones on a picture, float64 [H, W, 3] on the cells of ``ref``: plain tints, and keep-outs hatched, for they are no ground."""
    for shapes, tint, share in (
        ([way.polygon for way in zones.corridors], CORRIDOR, 0.4),
        ([area.polygon for area in zones.science], SCIENCE, 0.4),
    ):
        if shapes:
            inside = cells_touched(shapes, ref)
            colour[inside] = (1.0 - share) * colour[inside] + share * tint
    shut = cells_touched(zones.keepouts(of_site.bounds), ref)
    rim = shut & np.logical_not(ndimage.binary_erosion(shut, iterations=RIM_PX, border_value=1))
    row, col = np.indices(shut.shape)
    hatched = shut & ((row + col) % HATCH_PX < HATCH_PX // 2)
    colour[shut] = 0.82 * colour[shut] + 0.18 * KEEP_OUT
    colour[hatched] = 0.4 * colour[hatched] + 0.6 * KEEP_OUT
    colour[rim] = KEEP_OUT


def _points(frame: Frame, xy: NDArray[np.float64]) -> str:
    across, down = frame.px(xy[:, 0], xy[:, 1])
    return " ".join(f"{num(float(x))},{num(float(y))}" for x, y in zip(across, down, strict=True))


def _dashed(frame: Frame, track: RouteTrack) -> str:
    points, words = _points(frame, track.xy), "straight through, whatever the light"
    body = f'<polyline points="{points}" class="naivedge"/><polyline points="{points}" class="naive"><title>{words}</title></polyline>'
    if track.lost:
        x, y = (num(float(v)) for v in frame.px(*track.xy[-1]))
        cross = f'<path d="M-7,-7L7,7M-7,7L7,-7" class="lost" transform="translate({x} {y})">'
        body += f"{cross}<title>{escape(track.lost)}</title></path>"
    return body


def _way(frame: Frame, track: RouteTrack, capacity_wh: float | None) -> str:
    """Return the way: pieces of one colour of the battery, on a dark edge."""
    out = [f'<polyline points="{_points(frame, track.xy)}" class="edge"/>']
    if track.battery_wh is None or not capacity_wh:
        return out[0] + f'<polyline points="{_points(frame, track.xy)}" class="way" stroke="{PLAIN}"/>'
    share = np.clip(0.5 * (track.battery_wh[1:] + track.battery_wh[:-1]) / capacity_wh, 0.0, 1.0)
    level = np.minimum((share * len(BATTERY)).astype(np.int64), len(BATTERY) - 1)
    edges = [0, *(np.flatnonzero(np.diff(level)) + 1).tolist(), len(level)]
    for a, b in itertools.pairwise(edges):
        if b > a:
            out.append(
                f'<polyline points="{_points(frame, track.xy[a : b + 1])}" class="way" stroke="{BATTERY[int(level[a])]}"/>'
            )
    return "".join(out)


def _stops(frame: Frame, track: RouteTrack) -> str:
    """Return a mark for each place of stops, with its hours; stops that would cover each other share one."""
    if track.times_s is None:
        return ""
    spots: list[tuple[float, float, dict[str, float]]] = []  # of the first stop [px], hours by reason
    for stop in track.stops:
        hours = float(track.times_s[stop.last] - track.times_s[stop.first]) / HOUR_S
        px, py = (float(v) for v in frame.px(*track.xy[stop.first]))
        near = next((spot for spot in spots if math.hypot(spot[0] - px, spot[1] - py) < APART_PX), None)
        if near is None:
            near = (px, py, {})
            spots.append(near)
        near[2][stop.reason] = near[2].get(stop.reason, 0.0) + hours
    out: list[str] = []
    ends = zip(*frame.px(track.xy[[0, -1], 0], track.xy[[0, -1], 1]), strict=True)
    boxes: list[Box] = [_around(float(x), float(y), 15.0) for x, y in ends]
    boxes += [_around(px, py, 8.0) for px, py, _ in spots]
    for px, py, waits in spots:
        total, longest = sum(waits.values()), max(waits, key=lambda reason: waits[reason])
        words = ", ".join(
            f"{REASONS.get(reason, REASONS['timing'])[1]} {hours:.1f} h" for reason, hours in waits.items()
        )
        radius = 5.0 + 1.2 * math.sqrt(min(total, 60.0))
        colour = REASONS.get(longest, REASONS["timing"])[0]
        circle = f'<circle cx="{num(px)}" cy="{num(py)}" r="{num(radius)}" class="stop" fill="{colour}">'
        out.append(f"{circle}<title>{escape(words)}</title></circle>")
        if total >= NAMED_WAIT_H:
            out.append(_label(frame, px, py, max(radius, 12.0) + 3.0, f"{total:.1f} h", boxes))
    return f'<g class="stops">{"".join(out)}</g>'


def _around(px: float, py: float, reach: float) -> Box:
    return px - reach, py - reach, px + reach, py + reach


def _label(frame: Frame, px: float, py: float, off: float, words: str, boxes: list[Box]) -> str:
    """Return a label beside a place where none stands yet, and add its box; nothing where there is no room."""
    wide = LETTER * len(words)
    for dx, dy, anchor in (
        (off, 4.0, "start"),
        (-off, 4.0, "end"),
        (0.0, 6.0 + off, "middle"),
        (0.0, -off, "middle"),
        (off, 6.0 + off, "start"),
        (off, -off, "start"),
        (-off, 6.0 + off, "end"),
        (-off, -off, "end"),
    ):
        left = px + dx - {"start": 0.0, "end": wide, "middle": 0.5 * wide}[anchor]
        box = (left, py + dy - 11.0, left + wide, py + dy + 3.0)
        inside = box[0] > frame.left and box[2] < frame.left + frame.width
        inside &= box[1] > frame.top and box[3] < frame.top + frame.height
        if inside and not any(box[0] < o[2] and o[0] < box[2] and box[1] < o[3] and o[1] < box[3] for o in boxes):
            boxes.append(box)
            return f'<text x="{num(px + dx)}" y="{num(py + dy)}" class="halo" text-anchor="{anchor}">{words}</text>'
    return ""


def _ends(frame: Frame, track: RouteTrack) -> str:
    (sx, sy), (gx, gy) = (tuple(float(v) for v in frame.px(*point)) for point in (track.xy[0], track.xy[-1]))
    return (
        f'<rect x="{num(sx - 7)}" y="{num(sy - 7)}" width="14" height="14" rx="2" class="start"><title>start</title></rect>'
        f'<text x="{num(sx)}" y="{num(sy + 23)}" class="halo" text-anchor="middle">start</text>'
        f"{star(frame, (float(track.xy[-1, 0]), float(track.xy[-1, 1])), 'goal')}"
        f'<text x="{num(gx)}" y="{num(gy - 14)}" class="halo" text-anchor="middle">goal</text>'
    )


def _legend(
    track: RouteTrack, other: RouteTrack | None, capacity_wh: float | None, blocked: object, havens: object, interval: float,
    zones: PlanZones | None,
) -> str:  # fmt: skip
    items: list[str] = []
    if track.battery_wh is not None and capacity_wh:
        stops = "".join(f'<i style="background:{colour}"></i>' for colour in BATTERY)
        items.append(f'<span class="scale10">battery empty {stops} full</span>')
    if other is not None:
        items.append('<span class="swatch dashed">straight through, whatever the light</span>')
    for reason in dict.fromkeys(stop.reason for stop in track.stops):
        colour, words = REASONS.get(reason, REASONS["timing"])
        items.append(f'<span class="swatch round" style="--c:{colour}">{words}</span>')
    if blocked is not None:
        items.append('<span class="swatch" style="--c:#96644f">impassable</span>')
    if zones is not None and (zones.keep_out or zones.stay_in):
        words = "keep-out" if not zones.stay_in else "keep-out, or outside the stay-in zones"
        items.append(f'<span class="swatch hatched" style="--c:#c2429b">{words}</span>')
    if zones is not None and zones.corridors:
        items.append('<span class="swatch" style="--c:#5fb0b4">corridor</span>')
    if zones is not None and zones.science:
        items.append('<span class="swatch" style="--c:#c9b45a">science area</span>')
    if havens is not None:
        items.append('<span class="swatch" style="--c:#84ab90">haven: its nights are short enough to wait in</span>')
    items.append('<span class="swatch" style="--c:#4d5f90">permanent shadow</span>')
    items.append(f"<span>contours every {interval:g} m</span>")
    return f'<div class="marks">{"".join(items)}</div>'
