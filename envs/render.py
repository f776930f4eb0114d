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
DIAL_PX = 84  # height kept for the sky's dial
# pitch of the gauges, columns of the legend: the first that fits is taken
LAYOUTS = ((34, 1), (24, 1), (24, 2), (22, 2), (20, 2))
LEGEND_STEP = {1: 18, 2: 16}  # pixels from row to row
LEGEND_SIZE = {1: 0.38, 2: 0.36}  # of its letters
LEGEND_INDENT_PX, LEGEND_COLUMN_PX = 21, 96
LABEL_SIZE = 0.42
LABEL_GAPS = (13, 22, 32, 44, 58, 74)  # pixels from a mark to its label; all but the first have a leader line
DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))  # across, down
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
    """A place on the map: ``shape`` is 'current', 'target', 'dot', 'done', 'haven' or 'job'."""

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


class PlacedLabel(NamedTuple):
    """A label with room of its own: ``box`` (left, top, right, bottom), ``mark`` what it belongs to; supersampled pixels."""

    text: str
    colour: Colour
    left: int
    base: int
    box: tuple[int, int, int, int]
    mark: tuple[int, int]
    leader: bool


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
    """Draws scenes of one site: a square map of a ``view`` (x, y of the centre, side in metres) and a panel beside it.

    ``frame_px`` is the width of an empty frame round the ground, in which marks of places at its edge have room.
    """

    def __init__(self, site: Site, view: tuple[float, float, float] | None = None, frame_px: int = 0) -> None:
        self.site, self._frame_px = site, frame_px * SS
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
        self._scale = (self._map_px - 2 * self._frame_px) / self.span_m  # px per metre

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
        """Return the scene uint8 [560, 776, 3]: ``routes`` are polylines float64 [n, 2], ``lines`` the panel's text.

        Later places lie over earlier ones and are labelled before them; robots lie over places and are labelled after them.
        """
        canvas = self._ground(sky)
        if frame := self._frame_px:
            for edge in (canvas[:frame], canvas[-frame:], canvas[:, :frame], canvas[:, -frame:]):
                edge[:] = PAPER
        for xy, colour in routes:
            self._line(canvas, xy, colour)
        labels = self.place_labels(robots, places)
        for label in labels:
            if label.leader:
                _leader(canvas, label)
        for place in places:
            _mark(canvas, self.px(place.x, place.y), place.shape, place.colour)
        for robot in robots:
            self._robot(canvas, robot)
        for label in labels:
            _text(canvas, label.text, label.left, label.base, LABEL_SIZE, label.colour, edge=True)
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
        half = 0.5 * self._map_px / self._scale
        col0 = (self.centre_x - half - ref.x_left) / ref.cell_m - 0.5 + 0.5 * per_px
        row0 = (ref.y_top - self.centre_y - half) / ref.cell_m - 0.5 + 0.5 * per_px
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
        _body(canvas, (across, down), robot.heading_deg, 9 * SS, robot.colour, 2 * SS)
        left, top, width, height = across - 12 * SS, down - 20 * SS, 24 * SS, 5 * SS
        _bar(canvas, left, top, width, height, robot.battery_frac, battery_colour(robot.battery_frac))

    def place_labels(self, robots: Sequence[RobotMark], places: Sequence[PlaceMark]) -> list[PlacedLabel]:
        """Return the labels that find room, each in the nearest free spot in one of eight directions round its mark.

        None covers another, a mark or a leader line. The last place comes first and the last robot last: who comes late may go without.
        """
        wanted = [(self.px(p.x, p.y), p.label, WHITE) for p in reversed(places)]
        wanted += [(self.px(robot.x, robot.y), robot.name, robot.colour) for robot in robots]
        marks = [_around(self.px(p.x, p.y), (4 if p.shape == "dot" else 9) * SS) for p in places]
        for robot in robots:
            across, down = self.px(robot.x, robot.y)
            marks += [
                _around((across, down), 9 * SS),
                (across - 13 * SS, down - 21 * SS, across + 13 * SS, down - 14 * SS),
            ]
        # the scale bar's corner
        inset = 22 * SS + self._frame_px
        marks.append((0, self._map_px - 14 * SS - inset, inset + round(self.span_m / 4.0 * self._scale), self._map_px))
        taken = np.array(marks, np.int64).reshape(-1, 4)
        boxes = np.empty((0, 4), np.int64)  # of labels alone: leader lines may cross marks, but not these
        placed: list[PlacedLabel] = []
        for mark, text, colour in wanted:
            label = self._find_room(mark, text, colour, taken, boxes) if text else None
            if label is not None:
                placed.append(label)
                boxes = np.vstack([boxes, [label.box]])
                taken = np.vstack([taken, [label.box], *([_beads(label)] if label.leader else [])])
        return placed

    def _find_room(
        self, mark: tuple[int, int], text: str, colour: Colour, taken: NDArray[np.int64], boxes: NDArray[np.int64]
    ) -> PlacedLabel | None:
        """Return a label beside its mark, clear of what is ``taken`` int64 [n, 4]; its leader is clear of ``boxes`` [m, 4]."""
        (width, height), _ = cv2.getTextSize(text, FONT, LABEL_SIZE * SS, SS)
        for gap in LABEL_GAPS:
            for right, down in DIRECTIONS:
                away = gap * SS if not right or not down else round(0.7 * gap * SS)
                left = mark[0] + right * away - (width if right < 0 else 0 if right else width // 2)
                base = mark[1] + down * away + (height if down > 0 else 0 if down else height // 2)
                box = (left - 2 * SS, base - height - 2 * SS, left + width + 2 * SS, base + 3 * SS)
                inside = min(box) >= 0 and max(box) < self._map_px
                if not inside or _overlap(np.array([box]), taken):
                    continue
                label = PlacedLabel(text, colour, left, base, box, mark, gap > LABEL_GAPS[0])
                if not label.leader or not _overlap(_beads(label), boxes):
                    return label
        return None

    def _scale_bar(self, canvas: Rgb) -> None:
        """Draw a bar of a round length in the lower left corner."""
        length = 10.0 ** math.floor(math.log10(self.span_m / 4.0))
        length *= 5.0 if 5.0 * length <= self.span_m / 4.0 else 2.0 if 2.0 * length <= self.span_m / 4.0 else 1.0
        inset = 14 * SS + self._frame_px
        left, down, width = inset, self._map_px - inset, round(length * self._scale)
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
        foot = self._map_px - DIAL_PX * SS
        pitch, columns, kept = _layout(foot - down, len(gauges), len(legend))
        room = max((foot - down - kept) // pitch, 1)
        shown = gauges if len(gauges) <= room else gauges[: room - 1]
        for gauge in shown:
            self._gauge(panel, gauge, left, down + 18 * SS, pitch)
            down += pitch
        if len(shown) < len(gauges):
            _text(panel, f"and {len(gauges) - len(shown)} more", left, down + 18 * SS, 0.42, GREY)
            down += pitch
        down += 10 * SS
        rows = -(-len(legend) // columns)
        for k, (shape, colour, text) in enumerate(legend):
            column, row = divmod(k, rows)
            at = left + column * LEGEND_COLUMN_PX * SS, down + (row + 1) * LEGEND_STEP[columns] * SS
            _mark(panel, (at[0] + 7 * SS, at[1] - 4 * SS), shape, colour, 5 * SS)
            _text(panel, text, at[0] + LEGEND_INDENT_PX * SS, at[1], LEGEND_SIZE[columns], GREY)
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
        centre, r = (50 * SS, self._map_px - 44 * SS), 29 * SS
        cv2.circle(panel, centre, r, DIM, 2 * SS, cv2.LINE_AA)
        bodies = (
            ("Sun", sky.sun_az_deg, sky.sun_el_deg, YELLOW, 7),
            ("Earth", sky.earth_az_deg, sky.earth_el_deg, SKY_BLUE, 5),
        )
        left = centre[0] + 48 * SS
        for k, (name, az_deg, el_deg, colour, size) in enumerate(bodies):
            az = math.radians(az_deg)
            at = (round(centre[0] + r * math.sin(az)), round(centre[1] - r * math.cos(az)))
            cv2.circle(panel, at, (size + 1) * SS, PAPER, -1, cv2.LINE_AA)
            cv2.circle(panel, at, size * SS, colour, -1 if el_deg > 0.0 else 2 * SS, cv2.LINE_AA)
            _text(panel, f"{name} {el_deg:+.1f} deg", left, centre[1] + (-18 + 17 * k) * SS, 0.4, colour)
        for k, text in enumerate(("hollow: below", "the horizon")):
            _text(panel, text, left, centre[1] + (17 + 14 * k) * SS, 0.36, GREY)


def _layout(room: int, gauges: int, legend: int) -> tuple[int, int, int]:
    """Return the gauges' pitch, the legend's columns and its height: the airiest that fits ``room``; supersampled pixels."""
    pitch, columns, kept = 0, 1, 0
    for pitch_px, columns in LAYOUTS:
        pitch = pitch_px * SS
        kept = (14 + LEGEND_STEP[columns] * -(-legend // columns)) * SS if legend else 0
        if pitch * gauges + kept <= room and (pitch_px < LAYOUTS[0][0] or gauges <= 5):
            break
    return pitch, columns, kept


def _body(canvas: Rgb, at: tuple[int, int], heading_deg: float | None, r: int, colour: Colour, edge: int) -> None:
    """Draw a robot's body, an arrowhead along its heading or a hexagon, with a dark ``edge``."""
    if heading_deg is None:
        corners = [(r * 0.9 * math.cos(a), r * 0.9 * math.sin(a)) for a in np.arange(6) * math.pi / 3.0]
    else:
        turn = math.radians(heading_deg)
        along, side = (math.sin(turn), -math.cos(turn)), (math.cos(turn), math.sin(turn))
        shape = ((1.25, 0.0), (-0.85, 0.85), (-0.45, 0.0), (-0.85, -0.85))
        corners = [(r * (a * along[0] + s * side[0]), r * (a * along[1] + s * side[1])) for a, s in shape]
    outline = np.array([(at[0] + dx, at[1] + dy) for dx, dy in corners]).round().astype(np.int32)
    cv2.fillPoly(canvas, [outline], colour, cv2.LINE_AA)
    cv2.polylines(canvas, [outline], True, PAPER, edge, cv2.LINE_AA)


def _mark(canvas: Rgb, at: tuple[int, int], shape: str, colour: Colour, r: int = 7 * SS) -> None:
    """Draw the mark of a place, or of a legend's line.

    Places: a target (ring), the current one (ring round a disc), one far off (dot), a reached one (disc), a haven (square) or a job
    (diamond). A legend's: also a line, a bar, a patch, a robot (arrowhead), one with its track, or one that stands (hexagon).
    """
    if shape in ("line", "bar", "patch"):
        half = {"line": SS, "bar": 2 * SS, "patch": 5 * SS}[shape]
        corner, other = (at[0] - 7 * SS, at[1] - half), (at[0] + 7 * SS, at[1] + half)
        cv2.rectangle(canvas, (corner[0] - SS, corner[1] - SS), (other[0] + SS, other[1] + SS), PAPER, -1)
        cv2.rectangle(canvas, corner, other, colour, -1)
    elif shape == "track":
        cv2.line(canvas, (at[0] - 7 * SS, at[1]), at, colour, 2 * SS)
        _body(canvas, (at[0] + 2 * SS, at[1]), 90.0, r + SS, colour, SS)
    elif shape in ("robot", "stander"):
        _body(canvas, at, 45.0 if shape == "robot" else None, r + SS, colour, SS)
    elif shape in ("target", "current"):
        r = r + SS if shape == "current" else r
        cv2.circle(canvas, at, r, PAPER, 5 * SS, cv2.LINE_AA)
        cv2.circle(canvas, at, r, colour, 3 * SS, cv2.LINE_AA)
        if shape == "current":
            cv2.circle(canvas, at, r // 2, colour, -1, cv2.LINE_AA)
    elif shape in ("done", "dot"):
        r = r - 2 * SS if shape == "done" else 3 * SS
        cv2.circle(canvas, at, r + SS, PAPER, -1, cv2.LINE_AA)
        cv2.circle(canvas, at, r, colour, -1, cv2.LINE_AA)
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


def _around(at: tuple[int, int], r: int) -> tuple[int, int, int, int]:
    """Return the box (left, top, right, bottom) round a mark."""
    return at[0] - r, at[1] - r, at[0] + r, at[1] + r


def _overlap(some: NDArray[np.int64], others: NDArray[np.int64]) -> bool:
    """Return whether any of some boxes (left, top, right, bottom) int64 [m, 4] shares a pixel with any of others [n, 4]."""
    low, high = some[:, None, :2], some[:, None, 2:]
    return bool(((low < others[:, 2:]) & (others[:, :2] < high)).all(axis=2).any())


def _leader_end(label: PlacedLabel) -> tuple[int, int]:
    """Return the place of a label's edge that is nearest to its mark."""
    left, top, right, bottom = label.box
    return min(max(label.mark[0], left), right), min(max(label.mark[1], top), bottom)


def _beads(label: PlacedLabel) -> NDArray[np.int64]:
    """Return small boxes int64 [n, 4] along a label's leader line, the part under its mark left out."""
    start, end = np.array(label.mark, float), np.array(_leader_end(label), float)
    length = float(np.hypot(*(end - start)))
    along = np.arange(10 * SS, length - SS, 4.0 * SS)[:, None] / max(length, 1.0)
    at = (start + along * (end - start)).round().astype(np.int64)
    return np.concatenate([at - 2 * SS, at + 2 * SS], axis=1)


def _leader(canvas: Rgb, label: PlacedLabel) -> None:
    """Draw the thin line from a mark to its label."""
    end = _leader_end(label)
    cv2.line(canvas, label.mark, end, PAPER, 3 * SS, cv2.LINE_AA)
    cv2.line(canvas, label.mark, end, label.colour, SS, cv2.LINE_AA)


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
