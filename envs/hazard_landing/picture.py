"""The picture of HazardLanding: the true ground with its hazards, the aim and what is in reach; what lidar and camera show; gauges."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.flight import MASS, VX, VY, VZ, X, Y, Z
from moonfleet.agents.landing_eye import scale_of, to_map
from moonfleet.agents.landing_tiles import CELL_M, LEVEL_CELL_M, SCALES_M, SIDE_M, SUN_AZIMUTHS, SUN_EL_DEG
from moonfleet.agents.touchdown import OUTCOMES
from moonfleet.autonomy.landing_view import BLOCK, RISE_UNIT_M, SIDE, height_unit_m
from moonfleet.terrain.render import shade

from ..render import DIM, FONT, GREEN, GREY, INK, ORANGE, PAPER, SKY_BLUE, VERMILION, WHITE, YELLOW, battery_colour
from .spaces import feature_slice

if TYPE_CHECKING:
    from .game import HazardLandingGame

Rgb = NDArray[np.uint8]
F32 = NDArray[np.float32]
Colour = tuple[int, int, int]

MAP_PX: Final = 560  # side of the map
PANEL_PX: Final = 366
PATCH_PX: Final = 165  # side of a patch: 11 pixels a cell
ANGLES: Final = 48  # directions in which the reach is looked for
FARTHEST_M: Final = 90.0  # [m] it is looked for up to there
VIEWS_M: Final = (24.0, 40.0, 80.0, 140.0)  # [m] side of the map, by scale


def _write(canvas: Rgb, text: str, left: int, base: int, size: float, colour: Colour, edge: bool = False) -> None:
    """Write ``text`` with its left end at ``left`` and its foot at ``base``."""
    if edge:
        for dx, dy in ((-1, -1), (-1, 1), (1, -1), (1, 1), (0, 2), (2, 0)):
            cv2.putText(canvas, text, (left + dx, base + dy), FONT, size, PAPER, 1, cv2.LINE_AA)
    cv2.putText(canvas, text, (left, base), FONT, size, colour, 1, cv2.LINE_AA)


class LandingPicture:
    """Draws landings; the map lies as the lander's own map does, north up."""

    def draw(self, game: HazardLandingGame, world: int, seen: F32) -> Rgb:
        """Return the scene of one world, uint8 [560, 926, 3]; ``seen`` float32 [F] is its observation."""
        landers, symmetry = game.landers, int(game.symmetry[world])
        state, error = landers.state[world], landers.error[world]
        aim = landers.aim[world] - error[:2]
        ground = float(landers.under_aim(game.tiles.level)[world])
        height = max(float(state[Z] + error[Z]) - ground, 0.0)
        scale = int(scale_of(height))
        span = VIEWS_M[scale]
        to_px = _Map(aim, span, symmetry)
        canvas = _ground(game, world, to_px)
        self._marks(canvas, game, world, to_px, aim, scale)
        panel = np.empty((MAP_PX, PANEL_PX, 3), np.uint8)
        panel[:] = PAPER
        self._patches(panel, seen, scale)
        self._gauges(panel, game, world, height)
        return np.ascontiguousarray(np.concatenate([canvas, panel], axis=1))

    def _marks(
        self, canvas: Rgb, game: HazardLandingGame, world: int, to_px: _Map, aim: NDArray[np.float64], scale: int
    ) -> None:
        """Draw reach, view, first aim, aim with the pads, the lander and its way there."""
        landers = game.landers
        state, error = landers.state[world], landers.error[world]
        half = 0.5 * SIDE * SCALES_M[scale]
        left, top = to_px.offset(-half, half)
        right, low = to_px.offset(half, -half)
        cv2.rectangle(canvas, (left, top), (right, low), PAPER, 3, cv2.LINE_AA)
        cv2.rectangle(canvas, (left, top), (right, low), WHITE, 1, cv2.LINE_AA)
        if not (landers.down[world] or game.committed[world]):
            outline = [to_px.offset(*point) for point in _reach(game, world)]
            for colour, width in ((PAPER, 4), (SKY_BLUE, 2)):
                cv2.polylines(canvas, [np.array(outline, np.int32)], True, colour, width, cv2.LINE_AA)
        here = to_px.tile(float(state[X]), float(state[Y]))
        at = to_px.tile(float(aim[0]), float(aim[1]))
        cv2.line(canvas, here, at, PAPER, 3, cv2.LINE_AA)
        cv2.line(canvas, here, at, SKY_BLUE, 1, cv2.LINE_AA)
        first = game.first_aim[world] - error[:2]
        cross = to_px.tile(float(first[0]), float(first[1]))
        for colour, width in ((PAPER, 5), (YELLOW, 2)):
            cv2.drawMarker(canvas, cross, colour, cv2.MARKER_TILTED_CROSS, 12, width, cv2.LINE_AA)
        limits = game.limits
        px = MAP_PX / to_px.span
        middle = here if landers.down[world] else at
        ring = GREEN if game.committed[world] else ORANGE
        if landers.down[world]:
            ring = GREEN if OUTCOMES[game.outcome[world]].value == "safe" else VERMILION
        for colour, width in ((PAPER, 5), (ring, 3)):
            cv2.circle(canvas, middle, max(round(limits.reach_m * px), 5), colour, width, cv2.LINE_AA)
        for x, y in limits.pads():
            pad = middle[0] + round(x * px), middle[1] - round(y * px)
            cv2.circle(canvas, pad, max(round(limits.pad_radius_m * px), 1), ring, -1, cv2.LINE_AA)
        for colour, width in ((PAPER, 5), (WHITE, 2)):
            cv2.drawMarker(canvas, here, colour, cv2.MARKER_TRIANGLE_UP, 14, width, cv2.LINE_AA)
        length = 50 if to_px.span > 100 else 20 if to_px.span > 50 else 10 if to_px.span > 30 else 5
        for colour, width in ((PAPER, 6), (WHITE, 3)):
            cv2.line(canvas, (14, MAP_PX - 14), (14 + round(length * px), MAP_PX - 14), colour, width)
        _write(canvas, f"{length} m", 14, MAP_PX - 22, 0.45, WHITE, edge=True)
        _write(canvas, "true ground; red: no safe stance", 14, 22, 0.45, WHITE, edge=True)

    def _patches(self, panel: Rgb, seen: F32, scale: int) -> None:
        """Draw the three patches and a key below them."""
        cell = SCALES_M[scale]
        lidar = seen[feature_slice("lidar_height")].reshape(SIDE, SIDE) * height_unit_m(cell)
        rise = seen[feature_slice("lidar_rise")].reshape(SIDE, SIDE) * RISE_UNIT_M
        camera = seen[feature_slice("camera")].reshape(SIDE, SIDE)
        reach = max(float(np.abs(lidar).max()), 0.05)
        works = bool(seen[feature_slice("lidar_works")][0] > 0.5)
        top = 34
        _write(panel, "lidar: height", 12, 24, 0.42, INK if works else VERMILION)
        _write(panel, "lidar: rocks", 24 + PATCH_PX, 24, 0.42, INK if works else VERMILION)
        _place(panel, _coloured(0.5 + 0.5 * lidar / reach, cv2.COLORMAP_CIVIDIS), 12, top)
        _place(panel, _coloured(rise / RISE_UNIT_M, cv2.COLORMAP_INFERNO), 24 + PATCH_PX, top)
        low = top + PATCH_PX + 26
        _write(panel, "camera", 12, low - 10, 0.42, INK)
        _place(panel, np.repeat(np.clip(camera * 85.0, 0, 255).astype(np.uint8)[..., None], 3, axis=2), 12, low)
        side = 24 + PATCH_PX
        for k, line in enumerate(
            (
                f"cells of {cell:g} m",
                f"heights +-{reach:.1f} m",
                f"rocks to {float(rise.max()):.2f} m",
                "" if works else "lidar out",
                "ring: aim, with the pads",
                "cross: first aim",
                "blue: in reach",
                "square: in view",
                "triangle: lander",
            )
        ):
            _write(panel, line, side, low + 12 + 19 * k, 0.42, VERMILION if line == "lidar out" else GREY)

    def _gauges(self, panel: Rgb, game: HazardLandingGame, world: int, height: float) -> None:
        """Draw title, state and bars."""
        state = game.landers.state[world]
        fuel, start = float(state[MASS]) - game.limits.dry_kg, float(game.start_fuel_kg[world])
        word = "committed" if game.committed[world] else "looking for a place"
        if game.landers.down[world]:
            word = f"down: {OUTCOMES[game.outcome[world]].value}"
        down = 34 + 2 * PATCH_PX + 54
        side = math.hypot(float(state[VX]), float(state[VY]))
        _write(panel, f"HazardLanding  {int(game.steps[world])} s", 12, down, 0.55, INK)
        _write(panel, word + ("; divert refused" if game.refused[world] else ""), 12, down + 22, 0.45, GREY)
        sun = int(game.sun[world])
        east, north = to_map(
            int(game.symmetry[world]),
            *(f(math.radians(game.tiles.sun_az_deg[game.landers.tile[world], sun])) for f in (math.sin, math.cos)),
        )
        elevation = SUN_EL_DEG[sun // SUN_AZIMUTHS]
        centre = (PANEL_PX - 40, down + 2)
        cv2.circle(panel, centre, 24, DIM, 2, cv2.LINE_AA)
        cv2.circle(panel, (round(centre[0] + 24 * east), round(centre[1] - 24 * north)), 6, YELLOW, -1, cv2.LINE_AA)
        _write(panel, f"Sun {elevation:g} deg", centre[0] - 92, centre[1] + 4, 0.38, YELLOW)
        bars = (
            ("height", height / 420.0, f"{height:.1f} m, {-float(state[VZ]):.1f} m/s down, {side:.1f} aside", SKY_BLUE),
            ("fuel", fuel / start, f"{fuel:.0f} of {start:.0f} kg", battery_colour(fuel / start)),
        )
        for k, (name, value, text, colour) in enumerate(bars):
            base = down + 54 + 36 * k
            (width, _), _ = cv2.getTextSize(text, FONT, 0.42, 1)
            _write(panel, name, 12, base, 0.42, INK)
            _write(panel, text, PANEL_PX - 12 - width, base, 0.42, GREY)
            cv2.rectangle(panel, (12, base + 6), (PANEL_PX - 12, base + 14), DIM, -1)
            filled = round((PANEL_PX - 24) * min(max(value, 0.0), 1.0))
            cv2.rectangle(panel, (12, base + 6), (12 + filled, base + 14), colour, -1)


class _Map:
    """Where places are on the map: a square of ``span`` metres around the aim, turned as the lander's map is."""

    def __init__(self, aim: NDArray[np.float64], span: float, symmetry: int) -> None:
        self.x, self.y, self.span, self.symmetry = float(aim[0]), float(aim[1]), span, symmetry

    def offset(self, east: float, north: float) -> tuple[int, int]:
        """Return the pixel (across, down) of an offset from the aim [m]; far ones are held at a map's width outside."""
        px = MAP_PX / self.span
        across, down = 0.5 * MAP_PX + east * px, 0.5 * MAP_PX - north * px
        return round(min(max(across, -MAP_PX), 2 * MAP_PX)), round(min(max(down, -MAP_PX), 2 * MAP_PX))

    def tile(self, x: float, y: float) -> tuple[int, int]:
        """Return the pixel of a place of the tile [m]."""
        return self.offset(*to_map(self.symmetry, x - self.x, y - self.y))

    def places(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return x, y of every pixel in the tile's frame [m], float64 [MAP_PX, MAP_PX]."""
        metres = (np.arange(MAP_PX) + 0.5) * self.span / MAP_PX - 0.5 * self.span
        east, north = np.meshgrid(metres, -metres)
        if self.symmetry & 1:
            east, north = north, east
        return self.x + (-east if self.symmetry & 2 else east), self.y + (-north if self.symmetry & 4 else north)

    def cut(self, layer: F32, cell_m: float) -> F32:
        """Return a layer of the tile as the map shows it, float32 [MAP_PX, MAP_PX]."""
        x, y = self.places()
        cols, rows = (x + 0.5 * SIDE_M) / cell_m - 0.5, (0.5 * SIDE_M - y) / cell_m - 0.5
        edge = cv2.BORDER_REPLICATE
        return np.asarray(
            cv2.remap(layer, cols.astype(np.float32), rows.astype(np.float32), cv2.INTER_LINEAR, borderMode=edge),
            np.float32,
        )


def _ground(game: HazardLandingGame, world: int, to_px: _Map) -> Rgb:
    """Return the map's background: the true ground in its light, what is unsafe to stand on tinted red."""
    tile, sun = int(game.landers.tile[world]), int(game.sun[world])
    azimuth, elevation = float(game.tiles.sun_az_deg[tile, sun]), SUN_EL_DEG[sun // SUN_AZIMUTHS]
    z = np.ascontiguousarray(game.tiles.ground[tile])
    level = float(shade(np.zeros((4, 4), np.float32), CELL_M, azimuth, elevation)[1, 1])
    light = shade(z, CELL_M, azimuth, elevation) / np.float32(level)
    relief = shade(z, CELL_M, azimuth, 35.0)  # so that something is seen in the shadows
    tone = np.clip(0.35 * to_px.cut(light, CELL_M) + 0.55 * to_px.cut(relief, CELL_M), 0.0, 1.0)
    rgb = tone[..., None] * np.array([214.0, 203.0, 184.0], np.float32)
    unsafe = to_px.cut((game.tiles.margin[tile] < 0.0).astype(np.float32), LEVEL_CELL_M) > 0.5
    rgb[unsafe] *= np.array([1.0, 0.5, 0.42], np.float32)
    x, y = to_px.places()
    rgb[(np.abs(x) > 0.5 * SIDE_M) | (np.abs(y) > 0.5 * SIDE_M)] = PAPER
    return np.clip(rgb, 0.0, 255.0).astype(np.uint8)


def _reach(game: HazardLandingGame, world: int) -> list[tuple[float, float]]:
    """Return the outline of the places that a divert would be flown to now: offsets from the aim on the map [m]."""
    landers = game.landers
    points: list[tuple[float, float]] = []
    for angle in np.arange(ANGLES) * 2.0 * math.pi / ANGLES:
        low, high = 0.0, FARTHEST_M
        for _ in range(7):
            middle = 0.5 * (low + high)
            fits = landers.could_fly(world, middle * math.sin(angle), middle * math.cos(angle))
            low, high = (middle, high) if fits else (low, middle)
        points.append(to_map(int(game.symmetry[world]), low * math.sin(angle), low * math.cos(angle)))
    return points


def _coloured(values: NDArray[np.floating], colours: int) -> Rgb:
    """Return values 0..1 [n, n] in colours."""
    grey = np.clip(values * 255.0, 0.0, 255.0).astype(np.uint8)
    return np.asarray(cv2.cvtColor(cv2.applyColorMap(grey, colours), cv2.COLOR_BGR2RGB), np.uint8)


def _place(panel: Rgb, patch: Rgb, left: int, top: int) -> None:
    """Put a patch onto the panel, with the grid of its places."""
    big = cv2.resize(patch, (PATCH_PX, PATCH_PX), interpolation=cv2.INTER_NEAREST)
    step = PATCH_PX * BLOCK // SIDE
    for k in range(0, PATCH_PX + 1, step):
        cv2.line(big, (k, 0), (k, PATCH_PX), DIM, 1)
        cv2.line(big, (0, k), (PATCH_PX, k), DIM, 1)
    middle = PATCH_PX // 2
    cv2.drawMarker(big, (middle, middle), ORANGE, cv2.MARKER_CROSS, 10, 1)
    panel[top : top + PATCH_PX, left : left + PATCH_PX] = big
