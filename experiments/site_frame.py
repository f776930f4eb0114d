"""What stands around and on a map: frame, latitude circles, longitude ticks, scale bar, north arrow, names; all as SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from moonfleet.terrain.constants import MOON_RADIUS_M
from moonfleet.terrain.grid import polar_lonlat, polar_xy

from .report_svg import num

LAT_STEPS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)  # [deg]
LON_STEPS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0)  # [deg]
LETTER = 8.0  # [px] room for a letter of a label
STAR = "M0,-9L2.6,-2.9 9,-2.5 4.1,1.6 5.6,8 0,4.5 -5.6,8 -4.1,1.6 -9,-2.5 -2.6,-2.9Z"
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Frame:
    """A map of ``bounds`` (xmin, ymin, xmax, ymax [m]) on paper: its upper left corner and its width [px]."""

    bounds: Box
    left: float = 64.0
    top: float = 28.0
    width: float = 500.0

    @property
    def height(self) -> float:
        """Height of the map [px]."""
        xmin, ymin, xmax, ymax = self.bounds
        return self.width * (ymax - ymin) / (xmax - xmin)

    @property
    def m_per_px(self) -> float:
        """Metres of the map per pixel."""
        return (self.bounds[2] - self.bounds[0]) / self.width

    def px(self, x: float | np.ndarray, y: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the pixel places of x, y [m]."""
        across = self.left + (np.asarray(x) - self.bounds[0]) / self.m_per_px
        down = self.top + (self.bounds[3] - np.asarray(y)) / self.m_per_px
        return across, down

    def holds(self, x: float, y: float) -> bool:
        """Whether a place [m] is on the map."""
        xmin, ymin, xmax, ymax = self.bounds
        return xmin <= x <= xmax and ymin <= y <= ymax

    def box(self, css: str) -> str:
        """Return the frame itself as a rectangle with a CSS class."""
        return (
            f'<rect x="{num(self.left)}" y="{num(self.top)}" width="{num(self.width)}" height="{num(self.height)}" '
            f'class="{css}"/>'
        )


def latitude_circles(frame: Frame, clip: str, taken: Sequence[Box] = ()) -> str:
    """Return the circles of latitude that cross the map; their labels keep clear of boxes ``taken`` [px].

    ``clip`` is the id of the frame's clip path.
    """
    xmin, ymin, xmax, ymax = frame.bounds
    near = math.hypot(max(xmin, -xmax, 0.0), max(ymin, -ymax, 0.0))
    far = max(math.hypot(x, y) for x in (xmin, xmax) for y in (ymin, ymax))
    low, high = (math.degrees(2.0 * math.atan(rho / (2.0 * MOON_RADIUS_M))) for rho in (near, far))
    step = next((s for s in LAT_STEPS if (high - low) / s <= 6.0), 10.0)
    pole = frame.px(0.0, 0.0)
    lines: list[str] = []
    labels: list[str] = []
    for k in range(math.floor(low / step) + 1, math.floor(high / step) + 1):
        rho = float(polar_xy(0.0, k * step - 90.0)[1])
        lines.append(f'<circle cx="{num(float(pole[0]))}" cy="{num(float(pole[1]))}" r="{num(rho / frame.m_per_px)}"/>')
        at = _label_place(frame, rho, taken)
        if at is not None:
            labels.append(
                f'<text x="{num(at[0])}" y="{num(at[1] + 4)}" class="halo" text-anchor="middle">'
                f"{_degrees(90.0 - k * step, step)} S</text>"
            )
    return f'<g clip-path="url(#{clip})" class="graticule">{"".join(lines)}</g>{"".join(labels)}'


def _label_place(frame: Frame, rho: float, taken: Sequence[Box]) -> tuple[float, float] | None:
    """Return where on a circle of latitude its label stands best: well inside, right of the middle; None if nowhere."""
    middle = (0.5 * (frame.bounds[0] + frame.bounds[2]), 0.5 * (frame.bounds[1] + frame.bounds[3]))
    # all around, and densely where the circle passes the map
    reach = min(math.pi, 2.0 * frame.width * frame.m_per_px / rho)
    toward = math.atan2(*middle)
    angle = np.concatenate([np.linspace(0.0, 2.0 * math.pi, 721), toward + np.linspace(-reach, reach, 721)])
    across, down = frame.px(rho * np.sin(angle), rho * np.cos(angle))
    left, top, w, h = frame.left, frame.top, frame.width, frame.height
    inside = (across > left + 36) & (across < left + w - 36) & (down > top + 14) & (down < top + h - 14)
    # the scale bar and the arrow have these corners
    inside &= ~((across < left + 0.45 * w) & (down > top + h - 56)) & ~((across > left + w - 96) & (down < top + 84))
    for x0, y0, x1, y1 in taken:
        inside &= ~((across > x0 - 34) & (across < x1 + 34) & (down > y0 - 9) & (down < y1 + 9))
    if not inside.any():
        return None
    score = np.where(inside, np.hypot(across - (left + 0.64 * w), 0.6 * (down - (top + 0.56 * h))), np.inf)
    best = int(np.argmin(score))
    return float(across[best]), float(down[best])


def longitude_ticks(frame: Frame) -> str:
    """Return ticks and labels [deg east] where meridians cross the frame."""
    xmin, ymin, xmax, ymax = frame.bounds
    share = np.linspace(0.0, 1.0, 2001)
    edges = {  # x, y along an edge; where ticks point and labels stand
        "top": (xmin + (xmax - xmin) * share, np.full(share.size, ymax), (0, -1), "middle"),
        "bottom": (xmin + (xmax - xmin) * share, np.full(share.size, ymin), (0, 1), "middle"),
        "left": (np.full(share.size, xmin), ymax + (ymin - ymax) * share, (-1, 0), "end"),
        "right": (np.full(share.size, xmax), ymax + (ymin - ymax) * share, (1, 0), "start"),
    }
    lons = {name: np.unwrap(np.asarray(polar_lonlat(x, y)[0]), period=360.0) for name, (x, y, *_) in edges.items()}
    turned = sum(float(np.ptp(lon)) for lon in lons.values())
    step = next((s for s in LON_STEPS if turned / s <= 18.0), 45.0)
    out: list[str] = []
    for name, (x, y, (ox, oy), anchor) in edges.items():
        last = -1e9
        for i in np.flatnonzero(np.diff(np.floor(lons[name] / step)) != 0.0):
            a, b = float(lons[name][i]), float(lons[name][i + 1])
            value = math.ceil(min(a, b) / step - 1e-9) * step
            across, down = (float(v[i]) for v in frame.px(x, y))
            out.append(
                f'<line x1="{num(across)}" y1="{num(down)}" x2="{num(across + 6 * ox)}" y2="{num(down + 6 * oy)}"/>'
            )
            along, room = (across, 52.0) if ox == 0 else (down, 20.0)
            if along - last >= room:
                last = along
                lift = 5.0 if ox else (14.0 if oy > 0 else 0.0)
                out.append(
                    f'<text x="{num(across + 10 * ox)}" y="{num(down + 9 * oy + lift)}" text-anchor="{anchor}">'
                    f"{_degrees(value % 360.0, step)}</text>"
                )
    return f'<g class="ticks">{"".join(out)}</g>'


def _degrees(value: float, step: float) -> str:
    digits = next((d for d in range(4) if abs(step * 10**d - round(step * 10**d)) < 1e-6), 3)
    return f"{value:.{digits}f}°"


def round_length(most: float) -> float:
    """Return the longest of 1, 2, 5, 10, 20 ... that is not longer than ``most``."""
    power = 10.0 ** math.floor(math.log10(most))
    return max(m * power for m in (1.0, 2.0, 5.0) if m * power <= most * (1.0 + 1e-9))


def scale_bar(frame: Frame) -> str:
    """Return a bar of a round length on the ground, at the lower left; the map's own stretch is taken out."""
    xmin, ymin, xmax, ymax = frame.bounds
    stretch = 1.0 + (0.25 * (xmin + xmax) ** 2 + 0.25 * (ymin + ymax) ** 2) / (4.0 * MOON_RADIUS_M**2)
    length = round_length(0.28 * (xmax - xmin) / stretch)
    width = length * stretch / frame.m_per_px
    x, y = frame.left + 14.0, frame.top + frame.height - 14.0
    half = num(width / 2.0)
    words = f"{length / 1000:g} km" if length >= 1000.0 else f"{length:g} m"
    return (
        f'<g class="scale"><rect x="{num(x)}" y="{num(y - 6)}" width="{num(width)}" height="6" class="bar"/>'
        f'<rect x="{num(x)}" y="{num(y - 6)}" width="{half}" height="6" class="half"/>'
        f'<text x="{num(x + width / 2.0)}" y="{num(y - 12)}" class="halo" text-anchor="middle">{words}</text></g>'
    )


def north_arrow(frame: Frame) -> str:
    """Return an arrow to north (away from the pole) in the middle of the map, at the upper right."""
    x, y = 0.5 * (frame.bounds[0] + frame.bounds[2]), 0.5 * (frame.bounds[1] + frame.bounds[3])
    turn = math.atan2(x, y) if math.hypot(x, y) > 1.0 else 0.0
    cx, cy = frame.left + frame.width - 38.0, frame.top + 40.0
    tip = (cx + 27.0 * math.sin(turn), cy - 27.0 * math.cos(turn) + 4.5)
    return (
        f'<g class="north"><path d="M0,-17L7.5,13 0,8 -7.5,13Z" transform="translate({num(cx)} {num(cy)}) '
        f'rotate({num(math.degrees(turn))})"/>'
        f'<text x="{num(tip[0])}" y="{num(tip[1])}" class="halo" text-anchor="middle">N</text></g>'
    )


def name_marks(frame: Frame, places: Mapping[str, tuple[float, float]], boxes: list[Box]) -> str:
    """Return a dot and a name for each place (x, y [m]) on the map, first come first served: without room no name.

    ``boxes``: (left, top, right, bottom [px]) that names keep clear of; those of the names are added.
    """
    spots = {name: tuple(float(v) for v in frame.px(*xy)) for name, xy in places.items() if frame.holds(*xy)}
    boxes += [(x - 5.0, y - 5.0, x + 5.0, y + 5.0) for x, y in spots.values()]
    out: list[str] = []
    for name, (x, y) in spots.items():
        out.append(f'<circle cx="{num(x)}" cy="{num(y)}" r="3.6" class="dot"><title>{escape(name)}</title></circle>')
        wide = LETTER * len(name)
        for dx, dy, anchor in ((9, 4, "start"), (-9, 4, "end"), (0, -10, "middle"), (0, 19, "middle")):
            left = x + dx - {"start": 0.0, "end": wide, "middle": wide / 2.0}[anchor]
            box = (left, y + dy - 12.0, left + wide, y + dy + 4.0)
            inside = box[0] > frame.left and box[2] < frame.left + frame.width
            inside &= box[1] > frame.top and box[3] < frame.top + frame.height
            if inside and not any(box[0] < o[2] and o[0] < box[2] and box[1] < o[3] and o[1] < box[3] for o in boxes):
                boxes.append(box)
                out.append(
                    f'<text x="{num(x + dx)}" y="{num(y + dy)}" class="halo" text-anchor="{anchor}">{escape(name)}</text>'
                )
                break
    return f'<g class="places">{"".join(out)}</g>'


def star(frame: Frame, xy: tuple[float, float], words: str) -> str:
    """Return a star at a place (x, y [m]), with a tooltip."""
    x, y = (float(v) for v in frame.px(*xy))
    return (
        f'<path d="{STAR}" class="star" transform="translate({num(x)} {num(y)})"><title>{escape(words)}</title></path>'
    )
