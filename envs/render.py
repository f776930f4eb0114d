"""Pictures of an episode that a person understands: ground, light, robots, routes, batteries.

`Picture` draws one site. Everything is drawn at twice the size and averaged down, which smooths lines and letters.
Colours are from the Okabe-Ito set, which colour-blind people can tell apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.clock import tdb_to_utc
from moonfleet.terrain.light import lit_map
from moonfleet.terrain.maps import hillshade
from moonfleet.terrain.site import Site
from moonfleet.terrain.sky import SkyTable

Rgb = NDArray[np.uint8]
Colour = tuple[int, int, int]
Legend = tuple[str, Colour, str]  # shape, colour, text

ORANGE, SKY_BLUE, GREEN, YELLOW = (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66)
BLUE, VERMILION, PURPLE, WHITE = (0, 114, 178), (213, 94, 0), (204, 121, 167), (255, 255, 255)
INK, PAPER, GREY, DIM = (226, 230, 236), (16, 18, 24), (128, 134, 146), (58, 62, 74)

SS = 2  # supersampling
MAP_PX = 560  # side of the map, pixels of the final picture
PANEL_PX = 216
DIAL_PX = 152  # height kept for the sky's dial
FONT = cv2.FONT_HERSHEY_SIMPLEX


class RobotMark(NamedTuple):
    """A robot on the map: place, heading (None for one that does not drive), charge 0..1, state word."""

    name: str
    x: float
    y: float
    heading_deg: float | None
    battery_frac: float
    word: str
    colour: Colour


class PlaceMark(NamedTuple):
    """A place on the map: ``shape`` is 'target', 'done', 'haven' or 'job'."""

    label: str
    x: float
    y: float
    shape: str
    colour: Colour


class Gauge(NamedTuple):
    """A labelled bar in the panel; ``value`` 0..1, ``text`` what is written at its end."""

    label: str
    value: float
    text: str
    colour: Colour


class Sky(NamedTuple):
    """Directions for one moment at the site's centre [deg]."""

    sun_az_deg: float
    sun_el_deg: float
    sun_radius_deg: float
    earth_az_deg: float
    earth_el_deg: float

    @classmethod
    def of(cls, table: SkyTable, row: int = 0) -> Sky:
        """Return one row of a sky table."""
        return cls(
            float(table.sun_az_deg[row]),
            float(table.sun_el_deg[row]),
            float(table.sun_radius_deg[row]),
            float(table.earth_az_deg[row]),
            float(table.earth_el_deg[row]),
        )


def battery_colour(frac: float) -> Colour:
    """Return green, yellow or vermilion for a charge of 0..1."""
    return GREEN if frac > 0.5 else YELLOW if frac > 0.25 else VERMILION


def clock_text(t: float) -> str:
    """Return a moment [s TDB] to the nearest minute, as the panels write it: ``2029-09-19  20:00 UTC``."""
    return tdb_to_utc(t + 30.0)[:16].replace("T", "  ") + " UTC"


class Picture:
    """Draws scenes of one site: a square map of a ``view`` (x, y of the centre, side in metres) and a panel beside it."""

    def __init__(self, site: Site, view: tuple[float, float, float] | None = None) -> None:
        self.site = site
        self.set_view(view)

    def set_view(self, view: tuple[float, float, float] | None) -> None:
        """Look at another part of the site, moved and shrunk so that it lies inside; None is all of it."""
        xmin, ymin, xmax, ymax = self.site.ref.bounds
        whole = min(xmax - xmin, ymax - ymin)
        x, y, span = view if view is not None else (0.5 * (xmin + xmax), 0.5 * (ymin + ymax), whole)
        self.span_m = min(span, whole)
        half = 0.5 * self.span_m
        self.centre_x = min(max(x, xmin + half), xmax - half)
        self.centre_y = min(max(y, ymin + half), ymax - half)
        self._map_px = MAP_PX * SS
        self._scale = self._map_px / self.span_m  # px per metre

    def px(self, x: float, y: float) -> tuple[int, int]:
        """Return the supersampled pixel (across, down) of a place."""
        half = self._map_px / 2.0
        return round(half + (x - self.centre_x) * self._scale), round(half - (y - self.centre_y) * self._scale)

    def draw(
        self,
        sky: Sky,
        robots: Sequence[RobotMark],
        places: Sequence[PlaceMark],
        routes: Sequence[tuple[NDArray[np.float64], Colour]],
        title: str,
        lines: Sequence[str],
        gauges: Sequence[Gauge],
        legend: Sequence[Legend] = (),
    ) -> Rgb:
        """Return the scene uint8 [560, 776, 3]: ``routes`` are polylines float64 [n, 2], ``lines`` the panel's text."""
        canvas = self._ground(sky)
        for xy, colour in routes:
            self._line(canvas, xy, colour)
        for place in places:
            _mark(canvas, self.px(place.x, place.y), place.shape, place.colour)
        for robot in robots:
            self._robot(canvas, robot)
        self._labels(canvas, robots, places)
        self._scale_bar(canvas)
        panel = np.empty((self._map_px, PANEL_PX * SS, 3), np.uint8)
        panel[:] = PAPER
        self._panel(panel, sky, title, lines, gauges, legend)
        whole = np.concatenate([canvas, panel], axis=1)
        small = cv2.resize(whole, (MAP_PX + PANEL_PX, MAP_PX), interpolation=cv2.INTER_AREA)
        return np.ascontiguousarray(small, dtype=np.uint8)

    # -- the map -------------------------------------------------------------------------------------------------

    def _ground(self, sky: Sky) -> Rgb:
        """Return the map's background: relief shaded from the Sun's side, warm grey where lit, deep blue where dark."""
        lit = lit_map(self.site.ref, self.site.horizon, sky.sun_az_deg, sky.sun_el_deg, sky.sun_radius_deg)
        relief = hillshade(self.site.grid, sky.sun_az_deg, 25.0, 2.0).astype(np.float32) / 255.0
        shade, light = self._cut(relief), self._cut(np.asarray(lit, np.float32))
        light = cv2.GaussianBlur(light, (0, 0), 0.25 * self.site.ref.cell_m * self._scale)
        tone = np.clip(0.08 + 0.92 * shade, 0.0, 1.0)[..., None]
        warm = tone * np.array([214.0, 203.0, 184.0], np.float32)
        cold = tone * np.array([46.0, 58.0, 98.0], np.float32)
        mixed = cold + (warm - cold) * np.clip(light, 0.0, 1.0)[..., None]
        return np.clip(mixed, 0.0, 255.0).astype(np.uint8)

    def _cut(self, layer: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a site layer [R, C] as the map shows it, one value per supersampled pixel."""
        ref = self.site.ref
        per_px = 1.0 / (self._scale * ref.cell_m)  # cells per pixel
        col0 = (self.centre_x - 0.5 * self.span_m - ref.x_left) / ref.cell_m - 0.5 + 0.5 * per_px
        row0 = (ref.y_top - self.centre_y - 0.5 * self.span_m) / ref.cell_m - 0.5 + 0.5 * per_px
        warp = np.array([[per_px, 0.0, col0], [0.0, per_px, row0]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size = (self._map_px, self._map_px)
        out = cv2.warpAffine(np.ascontiguousarray(layer), warp, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(out, np.float32)

    def _line(self, canvas: Rgb, xy: NDArray[np.float64], colour: Colour) -> None:
        """Draw a polyline with a dark edge."""
        if len(xy) < 2:
            return
        points = np.array([self.px(float(x), float(y)) for x, y in xy], np.int32).reshape(-1, 1, 2)
        cv2.polylines(canvas, [points], False, PAPER, 4 * SS, cv2.LINE_AA)
        cv2.polylines(canvas, [points], False, colour, 2 * SS, cv2.LINE_AA)

    def _robot(self, canvas: Rgb, robot: RobotMark) -> None:
        """Draw a robot: an arrowhead along its heading, or a hexagon, with its charge as a bar above."""
        across, down = self.px(robot.x, robot.y)
        r = 9 * SS
        if robot.heading_deg is None:
            corners = [(r * 0.9 * math.cos(a), r * 0.9 * math.sin(a)) for a in np.arange(6) * math.pi / 3.0]
        else:
            turn = math.radians(robot.heading_deg)
            along, side = (math.sin(turn), -math.cos(turn)), (math.cos(turn), math.sin(turn))
            shape = ((1.25, 0.0), (-0.85, 0.85), (-0.45, 0.0), (-0.85, -0.85))
            corners = [(r * (a * along[0] + s * side[0]), r * (a * along[1] + s * side[1])) for a, s in shape]
        outline = np.array([(across + dx, down + dy) for dx, dy in corners]).round().astype(np.int32)
        cv2.fillPoly(canvas, [outline], robot.colour, cv2.LINE_AA)
        cv2.polylines(canvas, [outline], True, PAPER, 2 * SS, cv2.LINE_AA)
        left, top, width, height = across - 12 * SS, down - 20 * SS, 24 * SS, 5 * SS
        _bar(canvas, left, top, width, height, robot.battery_frac, battery_colour(robot.battery_frac))

    def _labels(self, canvas: Rgb, robots: Sequence[RobotMark], places: Sequence[PlaceMark]) -> None:
        """Write the names beside their marks, each in the first free spot of a few (none free: not written)."""
        taken: list[tuple[int, int, int, int]] = []
        marks = [(robot.x, robot.y, robot.name) for robot in robots] + [(p.x, p.y, p.label) for p in places if p.label]
        for x, y, _ in marks:
            across, down = self.px(x, y)
            taken.append((across - 9 * SS, down - 9 * SS, across + 9 * SS, down + 9 * SS))
        for x, y, label in marks:
            across, down = self.px(x, y)
            (width, height), _ = cv2.getTextSize(label, FONT, 0.42 * SS, SS)
            gap = 13 * SS
            spots = (
                (across + gap, down + height // 2),
                (across - gap - width, down + height // 2),
                (across - width // 2, down + gap + height),
                (across - width // 2, down - gap - 9 * SS),
                (across + gap, down + gap + height),
                (across - gap - width, down + gap + height),
            )
            for left, base in spots:
                box = (left - SS, base - height - SS, left + width + SS, base + 2 * SS)
                inside = box[0] >= 0 and box[1] >= 0 and box[2] < self._map_px and box[3] < self._map_px
                if inside and not any(_overlap(box, other) for other in taken):
                    taken.append(box)
                    _text(canvas, label, left, base, 0.42, WHITE, edge=True)
                    break

    def _scale_bar(self, canvas: Rgb) -> None:
        """Draw a bar of a round length in the lower left corner."""
        length = 10.0 ** math.floor(math.log10(self.span_m / 4.0))
        length *= 5.0 if 5.0 * length <= self.span_m / 4.0 else 2.0 if 2.0 * length <= self.span_m / 4.0 else 1.0
        left, down, width = 14 * SS, self._map_px - 14 * SS, round(length * self._scale)
        cv2.rectangle(canvas, (left - SS, down - 3 * SS), (left + width + SS, down + 2 * SS), PAPER, -1)
        cv2.rectangle(canvas, (left, down - 2 * SS), (left + width, down + SS), WHITE, -1)
        text = f"{length / 1000:g} km" if length >= 1000.0 else f"{length:g} m"
        _text(canvas, text, left, down - 8 * SS, 0.42, WHITE, edge=True)

    # -- the panel -----------------------------------------------------------------------------------------------

    def _panel(
        self,
        panel: Rgb,
        sky: Sky,
        title: str,
        lines: Sequence[str],
        gauges: Sequence[Gauge],
        legend: Sequence[Legend],
    ) -> None:
        """Fill the panel: title, text, bars, and the sky's dial at the bottom."""
        left, down = 14 * SS, 28 * SS
        _text(panel, title, left, down, 0.58, INK)
        down += 12 * SS
        for line in lines:
            down += 18 * SS
            _text(panel, line, left, down, 0.42, INK if line and not line.startswith(" ") else GREY)
        down += 8 * SS
        pitch = 34 * SS if len(gauges) <= 4 else 24 * SS
        room = max((self._map_px - DIAL_PX * SS - down) // pitch, 1)
        shown = gauges if len(gauges) <= room else gauges[: room - 1]
        for gauge in shown:
            self._gauge(panel, gauge, left, down + 18 * SS, pitch)
            down += pitch
        if len(shown) < len(gauges):
            _text(panel, f"and {len(gauges) - len(shown)} more", left, down + 18 * SS, 0.42, GREY)
            down += pitch
        step = (20 if len(legend) <= 4 else 18) * SS
        if self._map_px - DIAL_PX * SS - down > step * len(legend):
            down += 8 * SS
            for shape, colour, text in legend:
                down += step
                _mark(panel, (left + 8 * SS, down - 4 * SS), shape, colour)
                _text(panel, text, left + 24 * SS, down, 0.38, GREY)
        self._dial(panel, sky)

    def _gauge(self, panel: Rgb, gauge: Gauge, left: int, base: int, pitch: int) -> None:
        """Draw one labelled bar; ``pitch`` is the room it has downwards."""
        right, roomy = (PANEL_PX - 14) * SS, pitch >= 30 * SS
        (width, _), _ = cv2.getTextSize(gauge.text, FONT, 0.42 * SS, SS)
        _text(panel, gauge.label, left, base, 0.42, INK)
        _text(panel, gauge.text, right - width, base, 0.42, GREY)
        height = (7 if roomy else 3) * SS
        _bar(panel, left, base + (6 if roomy else 5) * SS, right - left, height, gauge.value, gauge.colour)

    def _dial(self, panel: Rgb, sky: Sky) -> None:
        """Draw where Sun and Earth stand: azimuth round the ring (up is +y), filled when above the horizontal."""
        centre, r = (PANEL_PX * SS // 2, self._map_px - 84 * SS), 52 * SS
        cv2.circle(panel, centre, r, DIM, 2 * SS, cv2.LINE_AA)
        bodies = (
            ("Sun", sky.sun_az_deg, sky.sun_el_deg, YELLOW, 8),
            ("Earth", sky.earth_az_deg, sky.earth_el_deg, SKY_BLUE, 6),
        )
        for k, (name, az_deg, el_deg, colour, size) in enumerate(bodies):
            az = math.radians(az_deg)
            at = (round(centre[0] + r * math.sin(az)), round(centre[1] - r * math.cos(az)))
            cv2.circle(panel, at, size * SS, PAPER, -1, cv2.LINE_AA)
            cv2.circle(panel, at, size * SS, colour, -1 if el_deg > 0.0 else 2 * SS, cv2.LINE_AA)
            text = f"{name} {el_deg:+.1f} deg"
            (width, _), _ = cv2.getTextSize(text, FONT, 0.38 * SS, SS)
            _text(panel, text, centre[0] - width // 2, centre[1] + (-4 + 18 * k) * SS, 0.38, colour)


def _mark(canvas: Rgb, at: tuple[int, int], shape: str, colour: Colour) -> None:
    """Draw a target (ring), a reached one (disc), a haven (square) or a job (diamond); for a legend also a line, a bar or a patch."""
    r = 7 * SS
    if shape in ("line", "bar", "patch"):
        half = {"line": SS, "bar": 2 * SS, "patch": 5 * SS}[shape]
        corner, other = (at[0] - r - SS, at[1] - half), (at[0] + r + SS, at[1] + half)
        cv2.rectangle(canvas, (corner[0] - SS, corner[1] - SS), (other[0] + SS, other[1] + SS), PAPER, -1)
        cv2.rectangle(canvas, corner, other, colour, -1)
    elif shape == "target":
        cv2.circle(canvas, at, r, PAPER, 5 * SS, cv2.LINE_AA)
        cv2.circle(canvas, at, r, colour, 3 * SS, cv2.LINE_AA)
    elif shape == "done":
        cv2.circle(canvas, at, r - SS, PAPER, -1, cv2.LINE_AA)
        cv2.circle(canvas, at, r - 2 * SS, colour, -1, cv2.LINE_AA)
    elif shape == "haven":
        r = 5 * SS
        corner, other = (at[0] - r, at[1] - r), (at[0] + r, at[1] + r)
        cv2.rectangle(canvas, corner, other, PAPER, 4 * SS)
        cv2.rectangle(canvas, corner, other, colour, 2 * SS)
    else:
        r = 6 * SS
        diamond = np.array([[at[0], at[1] - r], [at[0] + r, at[1]], [at[0], at[1] + r], [at[0] - r, at[1]]], np.int32)
        cv2.fillPoly(canvas, [diamond], colour, cv2.LINE_AA)
        cv2.polylines(canvas, [diamond], True, PAPER, SS, cv2.LINE_AA)


def _overlap(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> bool:
    """Return whether two boxes (left, top, right, bottom) share a pixel."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _bar(canvas: Rgb, left: int, top: int, width: int, height: int, value: float, colour: Colour) -> None:
    """Draw a bar filled to ``value`` 0..1."""
    cv2.rectangle(canvas, (left - SS, top - SS), (left + width + SS, top + height + SS), PAPER, -1)
    cv2.rectangle(canvas, (left, top), (left + width, top + height), DIM, -1)
    filled = round(width * min(max(value, 0.0), 1.0))
    if filled > 0:
        cv2.rectangle(canvas, (left, top), (left + filled, top + height), colour, -1)


def _text(canvas: Rgb, text: str, left: int, base: int, size: float, colour: Colour, edge: bool = False) -> None:
    """Write ``text`` with its left end at ``left`` and its foot at ``base``."""
    if edge:
        for dx, dy in ((-3, 0), (3, 0), (0, -3), (0, 3), (-2, -2), (-2, 2), (2, -2), (2, 2)):
            cv2.putText(canvas, text, (left + dx, base + dy), FONT, size * SS, PAPER, SS, cv2.LINE_AA)
    cv2.putText(canvas, text, (left, base), FONT, size * SS, colour, SS, cv2.LINE_AA)
