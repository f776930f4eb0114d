"""The picture of IceProspecting: shadow and light, where ice is expected, the holes and what they showed, the rover and its way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.boring import CARRIED, CARRIED_ICE, FRACTION, HOLE_X, HOLE_Y, STORED_ICE
from moonfleet.agents.ice import MEAN_FRACTION
from moonfleet.agents.state import Activity, Subsystem

from ..render import (
    DIM,
    GREEN,
    GREY,
    ORANGE,
    SKY_BLUE,
    VERMILION,
    WHITE,
    YELLOW,
    Colour,
    Gauge,
    Picture,
    PlaceMark,
    Rgb,
    RobotMark,
    Sky,
    battery_colour,
    clock_text,
)
from . import sight
from .generator import STEP_S, IceGround
from .ways import step_down

if TYPE_CHECKING:
    from .game import IceProspectingGame

MIN_VIEW_M = 600.0  # [m]
ROOM = 1.35  # of the view around what is in it
TEAL = np.array([0.0, 190.0, 200.0], np.float32)  # where ice is expected
POOR, RICH = (120, 120, 130), (120, 255, 255)  # a hole without ice, and with three times the mean
LEGEND = (
    ("haven", YELLOW, "home"),
    ("target", ORANGE, "prospect"),
    ("done", RICH, "hole, rich"),
    ("done", POOR, "hole, dry"),
    ("patch", (21, 104, 122), "ice expected"),  # `TEAL` over ground in the dark
    ("robot", WHITE, "rover"),
    ("robot", VERMILION, "rover, broken or lost"),
    ("line", SKY_BLUE, "driven"),
    ("line", DIM, "way home"),
)


class IceMapPicture(Picture):
    """A picture whose ground is tinted where the orbital map expects ice."""

    def __init__(self, ground: IceGround) -> None:
        self._prior = ground.ice.prior
        super().__init__(ground.site)

    def _ground(self, sky: Sky) -> Rgb:
        base = super()._ground(sky).astype(np.float32)
        share = np.clip(self._cut(self._prior) / MEAN_FRACTION, 0.0, 1.0)[..., None] * 0.45
        return np.clip(base + (TEAL - base) * share, 0.0, 255.0).astype(np.uint8)


class IcePicture:
    """Draws episodes on one ground."""

    def __init__(self, ground: IceGround) -> None:
        self.picture = IceMapPicture(ground)

    def draw(self, game: IceProspectingGame, w: int) -> NDArray[np.uint8]:
        """Return the scene of world ``w``, uint8 [H, W, 3]."""
        state, spec, counts = game.world.state, game.machine, game.counts[w]
        x, y = float(state.x[w, 0]), float(state.y[w, 0])
        situation, steps = int(counts[sight.SITUATION]), int(counts[sight.STEPS])
        home = game.maps.homes[situation]
        prospects = game.maps.prospects[np.unique(game.maps.of_home[situation])]
        seen = np.vstack([[(x, y)], home[None], prospects[:, :2]])
        low, high = seen.min(axis=0), seen.max(axis=0)
        span = max(float((high - low).max()) * ROOM, MIN_VIEW_M)
        self.picture.set_view((float(0.5 * (low[0] + high[0])), float(0.5 * (low[1] + high[1])), span))

        places = [PlaceMark("home", float(home[0]), float(home[1]), "haven", YELLOW)]
        places += [PlaceMark("", float(px), float(py), "target", ORANGE) for px, py, _ in prospects]
        holes = game.bores.holes[w, : game.bores.count[w]]
        for hole in holes:
            places.append(
                PlaceMark("", float(hole[HOLE_X]), float(hole[HOLE_Y]), "done", _shade(float(hole[FRACTION])))
            )
        charge, lit = float(state.battery_wh[w, 0]) / spec.battery_wh, float(state.lit[w, 0])
        lost = bool(counts[sight.OVER]) and steps < game.level.max_steps
        down = bool(int(state.faults[w, 0]) & (1 << Subsystem.MOBILITY))
        word = Activity(int(state.activity[w, 0])).name.lower()
        word = "lost" if lost else "drive down" if down else "drills" if word == "work" else word
        colour = VERMILION if lost or down else WHITE
        robot = RobotMark("", x, y, float(state.heading_deg[w, 0]), charge, word, colour)
        books = game.bores.books[w]
        best = 100.0 * float(holes[:, FRACTION].max()) if len(holes) else 0.0
        return self.picture.draw(
            _sky(game, w),
            [robot],
            places,
            [(_way_home(game, w, x, y), DIM), (game.trail[w, : steps + 1].astype(np.float64), SKY_BLUE)],
            "IceProspecting",
            (
                clock_text(float(game.world.time[w])),
                f"{word}, {int(state.odometer_m[w, 0])} m driven",
                f"{len(holes)} holes, best {best:.1f} % ice",
                f"inside {float(state.temp_k[w, 0]) - 273.15:+.0f} C"
                + (f", panels {float(state.solar_w[w, 0]):.0f} W" if steps else ""),
            ),
            (
                Gauge("battery", charge, f"{100.0 * charge:.0f} %", battery_colour(charge)),
                Gauge("sunlight", lit, f"{100.0 * lit:.0f} %", YELLOW),
                Gauge(
                    "cache", books[CARRIED] / game.level.cache_kg, f"{1000.0 * books[CARRIED_ICE]:.0f} g ice", SKY_BLUE
                ),
                Gauge("at home", min(books[STORED_ICE], 1.0), f"{1000.0 * books[STORED_ICE]:.0f} g ice", GREEN),
                Gauge("time", steps / game.level.max_steps, f"{steps * STEP_S / 3600.0:.0f} h", GREY),
            ),
            LEGEND,
        )


def _sky(game: IceProspectingGame, w: int) -> Sky:
    """Return the sky over a world now."""
    table = game.world.sky_now()
    return Sky(
        float(table.sun_az_deg[w]),
        float(table.sun_el_deg[w]),
        float(table.sun_radius_deg[w]),
        float(table.earth_az_deg[w]),
        float(table.earth_el_deg[w]),
    )


def _shade(fraction: float) -> Colour:
    """Return a hole's colour by its ice."""
    share = min(fraction / (3.0 * MEAN_FRACTION), 1.0)
    red, green, blue = (round(poor + share * (rich - poor)) for poor, rich in zip(POOR, RICH, strict=True))
    return red, green, blue


def _way_home(game: IceProspectingGame, w: int, x: float, y: float) -> NDArray[np.float64]:
    """Return the map's way home from a place, float64 [n, 2]."""
    ref = game.sites[0].ref
    ways = game.maps.home_next[int(game.counts[w, sight.SITUATION])]
    row, col = ref.cell_of(x, y)
    points = [(x, y)]
    while len(points) < ways.size:
        r, c = step_down(ways, row, col)
        if (r, c) == (row, col):
            break
        row, col = int(r), int(c)
        points.append((ref.x_left + (col + 0.5) * ref.cell_m, ref.y_top - (row + 0.5) * ref.cell_m))
    return np.array(points, np.float64)
