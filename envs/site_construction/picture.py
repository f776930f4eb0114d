"""The picture of SiteConstruction: the work area from above, what is too high and too low, what is baked, and the crew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.earth_crew import ROOM
from moonfleet.agents.soil_layers import LOOSE, SLAB
from moonfleet.agents.state import Activity

from ..render import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PAPER,
    PURPLE,
    SKY_BLUE,
    SS,
    VERMILION,
    WHITE,
    YELLOW,
    Colour,
    Gauge,
    Legend,
    Picture,
    PlaceMark,
    Rgb,
    RobotMark,
    Sky,
    battery_colour,
    clock_text,
)
from . import view
from .generator import CELL_M, CELLS, HOUR_S, STEP_S

if TYPE_CHECKING:
    from .game import SiteConstructionGame

FULL_M = 0.15  # [m] off the design that has the full colour
CONTOUR_M = 0.05  # [m] between contour lines
GROUND = (150.0, 142.0, 129.0)
BAKED, DUG_COLOUR = (98, 84, 140), (118, 104, 88)
LEGEND = (
    ("patch", ORANGE, "above design"),
    ("patch", SKY_BLUE, "below design"),
    ("patch", BAKED, "sintered"),
    ("patch", DUG_COLOUR, "loose soil"),
    ("haven", WHITE, "pad"),
    ("target", YELLOW, "pit"),
    ("line", GREY, f"{100.0 * CONTOUR_M:.0f} cm contour"),
)
# the design's orange and blue are not among them: machines stand on the pad
COLOURS: dict[str, Colour] = {"excavator": WHITE, "hauler": GREEN, "grader": PURPLE, "paver": YELLOW, "sinterer": BLUE}


class AreaPicture(Picture):
    """Draws one work area in place of the site's map."""

    def __init__(self, game: SiteConstructionGame, world: int) -> None:
        left, top = game.works.corner_xy[world]
        half = 0.5 * CELLS * CELL_M
        super().__init__(game.site, (float(left) + half, float(top) - half, CELLS * CELL_M))
        self.game, self.world = game, world

    def _ground(self, sky: Sky) -> Rgb:
        """Return the area: shaded relief, the pad coloured by how far it is off the design, slabs, contours, the pad's edge."""
        game, w = self.game, self.world
        off = game.works.heights()[w] + 3.0 - game.level_m[w]
        soil = game.works.soil[w]
        down, right = np.gradient(off, CELL_M)
        turn = np.radians(sky.sun_az_deg)
        lean = right * np.sin(turn) - down * np.cos(turn)  # rise towards the Sun: it turns its back to the light
        shade = np.clip(0.8 - 1.6 * lean, 0.35, 1.25)[..., None]
        tone = np.where((soil[LOOSE] > 1.0)[..., None], np.array(DUG_COLOUR, float), np.array(GROUND)) * shade
        row, col, side = game.pad[w]
        here = (slice(row, row + side), slice(col, col + side))
        high = off[here]
        share = np.clip(np.abs(high) / FULL_M, 0.0, 1.0)[..., None] ** 0.7
        hue = np.where(high[..., None] > 0.0, np.array(ORANGE, float), np.array(SKY_BLUE, float))
        tone[here] = (1.0 - share) * np.array((188.0, 184.0, 176.0)) + share * hue
        baked = np.clip(soil[SLAB][here] / game.limits[view.NEED_KG], 0.0, 1.0)[..., None]
        tone[here] = (1.0 - 0.9 * baked) * tone[here] + 0.9 * baked * np.array(BAKED, float)
        size = self._map_px
        canvas = cv2.resize(np.clip(tone, 0, 255).astype(np.uint8), (size, size), interpolation=cv2.INTER_NEAREST)
        canvas = np.ascontiguousarray(canvas, np.uint8)
        self._contours(canvas, off)
        step = size / CELLS
        corner, other = (round(col * step), round(row * step)), (round((col + side) * step), round((row + side) * step))
        cv2.rectangle(canvas, corner, other, PAPER, 4 * SS)
        cv2.rectangle(canvas, corner, other, WHITE, 2 * SS)
        return canvas

    def _contours(self, canvas: Rgb, off: NDArray[np.float64]) -> None:
        """Draw contour lines of the height off the design; the zero line is bolder."""
        size = self._map_px // 2
        fine = cv2.resize(off.astype(np.float32), (size, size), interpolation=cv2.INTER_LINEAR)
        band = np.floor(fine / CONTOUR_M)
        edge = np.zeros(fine.shape, np.bool_)
        edge[:-1] |= band[:-1] != band[1:]
        edge[:, :-1] |= band[:, :-1] != band[:, 1:]
        edges = cv2.resize(edge.astype(np.uint8), (self._map_px, self._map_px), interpolation=cv2.INTER_NEAREST) > 0
        canvas[edges] = (0.75 * canvas[edges]).astype(np.uint8)


def draw(game: SiteConstructionGame, world: int) -> NDArray[np.uint8]:
    """Return one world of a game as a picture, uint8 [560, 776, 3]."""
    state, works = game.world.state, game.works
    picture = AreaPicture(game, world)
    robots: list[RobotMark] = []
    gauges: list[Gauge] = []
    there = game.present()
    for r, kind in enumerate(game.level.robots):
        charge = float(state.battery_wh[world, r] / game.capacity[r])
        activity = Activity(int(state.activity[world, r])).name.lower()
        load = float(works.load_kg[world, r])
        word = activity if there[world, r] else ("not landed" if game.world.parked[world, r] else "lost")
        text = f"{word}, {load:.0f} kg" if works.machines[r, ROOM] > 0.0 else word
        gauges.append(Gauge(f"{r} {kind}", charge, text, battery_colour(charge)))
        if word == "not landed":
            continue
        colour = COLOURS.get(kind, WHITE) if there[world, r] else VERMILION
        label = f"{r}" if load < 1.0 else f"{r}: {load:.0f} kg"
        x, y, heading = (float(v[world, r]) for v in (state.x, state.y, state.heading_deg))
        robots.append(RobotMark(label, x, y, heading, charge, activity, colour))
    pit = works.xy_of(np.array(world), game.pit[world])
    told = game.info()
    left, within, baked = (float(told[name][world]) for name in ("earth_left", "within", "baked"))
    hours = float(game.steps[world]) * STEP_S / HOUR_S
    progress = (
        Gauge("earthwork", 1.0 - left, f"{100.0 * (1.0 - left):.0f} %", ORANGE),
        Gauge("level", within, f"{100.0 * within:.0f} %", GREEN),
        Gauge("sintered", baked, f"{100.0 * baked:.0f} %", BAKED),
        Gauge("time", float(game.steps[world]) / game.level.max_steps, f"{hours:.0f} h", GREY),
    )
    lit = float(state.lit[world, there[world]].mean()) if there[world].any() else 0.0
    side = int(game.pad[world, 2])
    table = game.world.sky_now()
    sky = Sky(*(float(getattr(table, name)[world]) for name in Sky._fields))
    return picture.draw(
        sky,
        robots,
        [PlaceMark("pit", float(pit[0]), float(pit[1]), "target", YELLOW)],
        [],
        "SiteConstruction",
        (
            clock_text(float(game.world.time[world])),
            f"pad {side} x {side} m, {100.0 * game.limits[view.TOLERANCE]:.1f} cm tolerance",
            f"sunlight {100.0 * lit:.0f} %",
        ),
        (*progress, *gauges),
        legend_of(game.level.robots),
    )


def legend_of(kinds: Sequence[str]) -> tuple[Legend, ...]:
    """Return the legend where there are ``kinds`` of machines."""
    machines = [("robot", COLOURS.get(kind, WHITE), kind) for kind in dict.fromkeys(kinds)]
    return (*LEGEND, *machines, ("robot", VERMILION, "lost machine"))
