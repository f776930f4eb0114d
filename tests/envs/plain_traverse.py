"""What a world of PolarTraverse shows and earns, said plainly: one world, one number at a time, from the site and the sky."""

from __future__ import annotations

import itertools
import math

import numpy as np

from moonfleet.envs.polar_traverse import spaces
from moonfleet.envs.polar_traverse.game import PolarTraverseGame
from moonfleet.terrain.constants import MOON_RADIUS_M
from moonfleet.terrain.light import disc_lit


def clip(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


class PlainView:
    """One world of a game, looked at from outside."""

    def __init__(self, game: PolarTraverseGame, world: int) -> None:
        self.game, self.world = game, world
        truth = game._world
        self.site = game._grounds.sites[int(truth.ground_of[world])]
        self.state = {name: float(values[world, 0]) for name, values in truth.state._asdict().items()}
        self.t = float(truth.time[world])
        self.start = game._clock.start

    def place(self, x: float, y: float) -> tuple[int, int]:
        ref = self.site.ref
        row, col = math.floor((ref.y_top - y) / ref.cell_m), math.floor((x - ref.x_left) / ref.cell_m)
        return min(max(row, 0), ref.rows - 1), min(max(col, 0), ref.cols - 1)

    def sun_margin(self, row: int, col: int, t: float) -> tuple[float, float]:
        """How far the Sun's centre stands above the horizon of the middle of a cell, and its radius [deg]."""
        sky = self.site.sky.sample(np.array([t]))
        az, el = float(sky.sun_az_deg[0]), float(sky.sun_el_deg[0])
        x, y = (float(v) for v in self.site.ref.xy(row, col))
        dx, dy = x - self.site.ref.centre[0], y - self.site.ref.centre[1]
        tilt = math.degrees((dx * math.sin(math.radians(az)) + dy * math.cos(math.radians(az))) / MOON_RADIUS_M)
        return el + tilt - self.site.horizon.at(row, col, az), float(sky.sun_radius_deg[0])

    def forecast(self, row: int, col: int) -> list[float]:
        hour = math.floor((self.t - self.start) / 3600.0 + 1e-9)
        means = []
        for begin, end in itertools.pairwise(spaces.FORECAST_H):
            hours = [hour + h for h in range(begin + 1, end, spaces.FORECAST_STEP_H)]
            lit = [disc_lit(m, 0.0, r) for m, r in (self.sun_margin(row, col, self.start + 3600.0 * h) for h in hours)]
            means.append(sum(lit) / len(lit))
        return means

    def way(self, dx: float, dy: float, diagonal: float) -> list[float]:
        distance = math.hypot(dx, dy)
        unit = [dx / distance, dy / distance] if distance > 1e-6 else [0.0, 0.0]
        return [*unit, clip(distance / diagonal, 0.0, 1.0)]

    def observe(self) -> np.ndarray:
        game, site, s = self.game, self.site, self.state
        ref, spec, progress = site.ref, game.machine, game._progress
        rows, cols = ref.shape
        diagonal = ref.cell_m * math.hypot(rows, cols)
        x, y = s["x"], s["y"]
        row, col = self.place(x, y)
        out: list[float] = []
        for r in range(row - 4, row + 5):
            for c in range(col - 4, col + 5):
                inside = 0 <= r < rows and 0 <= c < cols
                out.append(clip(float(site.slope_deg[r, c]) / spec.max_slope_deg, 0.0, 2.0) if inside else 2.0)
        for r in range(row - 10, row + 11, 5):
            for c in range(col - 10, col + 11, 5):
                inside = 0 <= r < rows and 0 <= c < cols
                out.append(clip(self.sun_margin(r, c, self.t)[0] / 2.0, -1.0, 1.0) if inside else -1.0)
        ground = int(game._world.ground_of[self.world])
        places = [game._chart.places_xy[ground, p] for p in progress.chain[self.world]]
        current = int(progress.tally[self.world, 1])
        aim = places[min(current, game.targets - 1)]
        to_x, to_y = aim[0] - x, aim[1] - y
        out += self.way(to_x, to_y, diagonal)
        out += [
            clip(math.hypot(to_x, to_y) / 250.0, 0.0, 1.0),
            clip(progress.route_m[self.world] / (2.0 * diagonal), 0.0, 1.0),
        ]
        after = places[current + 1] if current + 1 < game.targets else np.array([x, y])
        out += self.way(after[0] - x, after[1] - y, diagonal)
        havens = game._places.havens_xy[ground]
        haven = min((tuple(h) for h in havens.tolist() if h[0] == h[0]), key=lambda h: math.dist(h, (x, y)))
        out += self.way(haven[0] - x, haven[1] - y, diagonal)
        heading = math.radians(s["heading_deg"])
        out += [
            clip(s["battery_wh"] / spec.battery_wh, 0.0, 1.0),
            clip((s["temp_k"] - 250.0) / 150.0, -1.0, 1.0),
            s["lit"],
        ]
        out += [clip(s["solar_w"] / spec.solar_w_1au, 0.0, 1.0), math.sin(heading), math.cos(heading)]
        out.append(clip(float(site.slope_deg[row, col]) / spec.max_slope_deg, 0.0, 2.0))
        sky = site.sky.sample(np.array([self.t]))
        dx, dy = x - ref.centre[0], y - ref.centre[1]
        for name, scale in (("sun", 3.0), ("earth", 10.0)):
            az = math.radians(float(getattr(sky, f"{name}_az_deg")[0]))
            el = float(getattr(sky, f"{name}_el_deg")[0])
            el += math.degrees((dx * math.sin(az) + dy * math.cos(az)) / MOON_RADIUS_M)
            out += [math.sin(az), math.cos(az), clip(el / scale, -1.0, 1.0)]
        out.append(1.0 if el >= site.horizon.at(row, col, math.degrees(az)) else 0.0)
        out += self.forecast(row, col) + self.forecast(*self.place(*haven))
        out += [(game.targets - current) / game.targets, 1.0 - progress.tally[self.world, 0] / game.max_steps]
        return np.array(out)


def plain_route_m(view: PlainView, place: int) -> float:
    """The way from where the rover stands to a place, by its field of route lengths."""
    ref, ground = view.site.ref, int(view.game._world.ground_of[view.world])
    field = view.game._places.fields[ground, place]
    row = (ref.y_top - view.state["y"]) / ref.cell_m - 0.5
    col = (view.state["x"] - ref.x_left) / ref.cell_m - 0.5
    near = [
        float(field[r, c]) + ref.cell_m * math.hypot(row - r, col - c)
        for r in range(ref.rows)
        for c in range(ref.cols)
        if abs(r - math.floor(row + 0.5)) <= 1 and abs(c - math.floor(col + 0.5)) <= 1
    ]
    return min(near)


def plain_terms(
    weights: object, progress_m: float, targets: int, battery: float, reserve: float, brownouts: int, lost: bool
) -> list[float]:
    """The reward's terms, by name in their order."""
    short = max(0.0, 1.0 - battery / reserve) if reserve > 0.0 else 0.0
    w = weights
    return [
        w.progress_per_km * progress_m / 1000.0,  # type: ignore[attr-defined]
        w.target * targets,  # type: ignore[attr-defined]
        -w.low_battery * short,  # type: ignore[attr-defined]
        -w.brownout * brownouts,  # type: ignore[attr-defined]
        -w.time,  # type: ignore[attr-defined]
        -w.lost if lost else 0.0,  # type: ignore[attr-defined]
    ]
