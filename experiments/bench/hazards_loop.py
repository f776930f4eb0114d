"""Perception in the loop: a real rover's mind drives 500 m through rock fields at low Sun, and truth counts what it hits.

The rover is the one that missions fly (its belief, driver and looks); only what its eye tells differs from way to way: pictures of the true
ground searched by the detector (on some fields also stereo pairs), detections drawn from measured rates, nothing at all, or the truth.
Every way drives the same fields. A collision is a rock higher than the wheels take, under the swept body, counted once. Beside the
collisions stand those that the rover's own map led it to expect (`moonfleet.autonomy.route_risk`) on the legs that it chose to drive.
"""

from __future__ import annotations

import math
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TYPE_CHECKING, Final, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.seeds import stream

from .registry import Bar, Row, Tell, at_least, at_most

if TYPE_CHECKING:
    from moonfleet.agents.messages import Sense
    from moonfleet.agents.rover import Rover
    from moonfleet.autonomy.camera import MastCamera
    from moonfleet.autonomy.eyesight import Eyesight, Look
    from moonfleet.terrain.grid import GeoRef
    from moonfleet.terrain.local_ground import LocalGround
    from moonfleet.terrain.site import Site

BAR = "hazards.6"
TRAVERSES: Final = 200
WAY_M: Final = 500.0
FEWER: Final = 20.0  # times fewer collisions than blind
KIND = "yutu-rover"
DRIVE_S = 300  # [s] between two looks, as in the missions
FIRST_SEED = 9_100_000  # no detector and no table of rates was fitted on these grounds
SIDE_M, CELL_M = 640.0, 20.0
COVER = (0.02, 0.06)  # [-] of the ground under rocks: the Moon's rocky places
SUN_EL_DEG = (3.0, 10.0)
ROLLING_M = 0.35  # [m] standard deviation of the heights 20 m apart: some 2 degrees of slope
STEPS_MAX = 200
BOOTSTRAPS = 2_000
CALIBRATED: Final = 2.0  # a rate foretold is off by no more than this factor
DETOUR: Final = 1.25  # times the way of a rover that knows every rock
ARRIVE_M = 5.0  # [m] the driver stops so near its goal
WAYS = ("rendered", "statistical", "blind", "perfect")
STEREO_FIELDS: Final = 6  # the first fields are driven with two eyes too: pictures in perspective take longer


class Traverse(NamedTuple):
    """What came of one traverse."""

    hits: int
    driven_m: float
    arrived: bool
    expected: float  # hits that the rover's map foretold


class Field:
    """A stretch of rolling ground strewn with rocks: what a rover's mind needs of a site."""

    def __init__(self, number: int) -> None:
        from moonfleet.terrain.grid import GeoRef, HeightGrid
        from moonfleet.terrain.local_ground import LocalGround

        rng = stream(FIRST_SEED + number, "rock field")
        self.ref: GeoRef = GeoRef.centred(0.0, 0.0, SIDE_M, CELL_M)
        height = ROLLING_M * rng.standard_normal(self.ref.shape)
        self.rock_cover: NDArray[np.float32] = np.full(self.ref.shape, rng.uniform(*COVER), np.float32)
        south, east = np.gradient(height, CELL_M)
        self.slope_deg: NDArray[np.float32] = np.degrees(np.arctan(np.hypot(south, east))).astype(np.float32)
        self.ground: LocalGround = LocalGround(
            HeightGrid(height.astype(np.float32), self.ref), self.rock_cover, FIRST_SEED + number
        )
        self.sun = (float(rng.uniform(0.0, 360.0)), float(rng.uniform(*SUN_EL_DEG)))
        turn = rng.uniform(0.0, 2.0 * math.pi)
        half = 0.5 * WAY_M * np.array([math.sin(turn), math.cos(turn)])
        self.start, self.goal = (float(-half[0]), float(-half[1])), (float(half[0]), float(half[1]))


class Blind:
    """Sees nothing."""

    def __init__(self) -> None:
        from moonfleet.autonomy.eyesight import eyesight

        self.sight: Eyesight = eyesight("mast")

    def look(self, sense: Sense, toward_deg: float, number: int = 0) -> Look:
        """Return no detection, no ground."""
        from moonfleet.autonomy.eyesight import Look
        from moonfleet.autonomy.rocks_seen import Detections

        return Look(Detections(*(np.empty(0) for _ in Detections._fields)), ())


class Perfect:
    """Knows every rock in its camera's view that the wheels do not take, and knows that it does."""

    def __init__(self, ground: LocalGround, camera: MastCamera, obstacle_m: float) -> None:
        from moonfleet.autonomy.eyesight import Eyesight

        self.ground, self.camera, self.obstacle_m = ground, camera, obstacle_m
        one, none = np.ones(1), np.zeros(1)
        self.sight: Eyesight = Eyesight(one, one, one, np.ones((1, 1, 1)), np.zeros((1, 1)), none, 0.0, 0.98, 1e-3, 0.0)

    def look(self, sense: Sense, toward_deg: float, number: int = 0) -> Look:
        """Return the true rocks that the wheels do not take."""
        from moonfleet.autonomy.eyesight import Look, View
        from moonfleet.autonomy.rocks_seen import Detections
        from moonfleet.terrain.grid import GeoRef

        reach, here = self.camera.range_m, (sense.x, sense.y)
        rocks = self.ground.rocks(sense.x - reach, sense.y - reach, sense.x + reach, sense.y + reach)
        inside = self.camera.sees(rocks[:, 0], rocks[:, 1], here, toward_deg)
        x, y, diameter, height = rocks[inside & (rocks[:, 3] > self.obstacle_m)].T
        found = Detections(
            x, y, diameter, np.full(x.size, 0.98), height + 0.01, diameter / 2, diameter / 2, np.zeros(x.size)
        )
        ref = GeoRef.centred(*here, 2.0 * reach + 2.0, 0.5)
        return Look(found, (View(ref, self.camera.mask(ref, here, toward_deg), 5.0),))


def mind(field: Field, way: str) -> Rover:
    """Return a rover whose eye works the given way."""
    from moonfleet.agents.catalogue import load_catalogue
    from moonfleet.agents.robot import RobotSetup
    from moonfleet.agents.rover import Rover
    from moonfleet.autonomy.policy import StationKeeper

    spec = load_catalogue()[KIND]
    perception = way if way in ("statistical", "stereo") else "rendered"
    setup = RobotSetup(0, KIND, spec, field.start, field.ground.seed, perception, DRIVE_S)
    rover = Rover(setup, cast("Site", field), StationKeeper())
    if way == "blind":
        rover.see_with(Blind())
    elif way == "perfect":
        rover.see_with(Perfect(field.ground, rover.camera, spec.obstacle_m))
    return rover


def drive(number: int, way: str) -> Traverse:
    """Drive one traverse; what the rover's legs say is where it goes."""
    from moonfleet.agents.messages import JobOffer, Sense
    from moonfleet.agents.state import Activity
    from moonfleet.agents.tracks import driven, rocks_touched
    from moonfleet.autonomy.route_risk import route_risk

    field = Field(number)
    rover = mind(field, way)
    spec = rover.setup.spec
    here, way_m, expected, hits = field.start, 0.0, 0.0, set[tuple[int, int]]()

    def sense(step: int) -> Sense:
        return Sense(step * DRIVE_S, *here, 0.0, *field.sun, 1.0, 1.0, Activity.DRIVE, False, 0.0)

    reply = rover.take(JobOffer(0, *field.goal, "survey", 0.0, 0.0), sense(0))
    for step in range(1, STEPS_MAX):
        if not reply.commands or reply.commands[-1].activity != Activity.DRIVE:
            break
        path, _ = driven(reply.commands[-1].xy, spec.speed_m_s * DRIVE_S)
        expected += route_risk(rover.map, path, spec.width_m / 2, rover.odometer_m).expected
        for x, y, _ in rocks_touched(field.ground, path, spec.width_m / 2, spec.obstacle_m):
            hits.add((round(x * 100), round(y * 100)))
        way_m += float(np.hypot(*np.diff(path, axis=0).T).sum())
        here = (float(path[-1, 0]), float(path[-1, 1]))
        reply = rover.step(sense(step))
    return Traverse(len(hits), way_m, math.dist(here, field.goal) < 12.0, expected)


def one(number: int) -> tuple[int, list[Traverse]]:
    """Drive one field all ways (in a process of its own)."""
    import cv2

    cv2.setNumThreads(1)
    ways = (*WAYS, "stereo") if number < STEREO_FIELDS else WAYS
    return number, [drive(number, way) for way in ways]


def loop(tell: Tell) -> list[Row]:
    """Collisions and detours of all ways over the same fields."""
    found: dict[int, list[Traverse]] = {}
    workers = max(1, min(os.cpu_count() or 1, 8))
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        for done in as_completed([pool.submit(one, number) for number in range(TRAVERSES)]):
            number, traverses = done.result()
            found[number] = traverses
            if len(found) % 10 == 0:
                tell(f"{len(found)} of {TRAVERSES} fields driven")
    table = np.array([found[number][: len(WAYS)] for number in sorted(found)], dtype=np.float64)
    two_eyed = np.array([traverses[-1] for _, traverses in sorted(found.items()) if len(traverses) > len(WAYS)])
    return [*rows_of(table, tell), stereo_row(two_eyed, table[: len(two_eyed)], tell)]


def stereo_row(two_eyed: NDArray[np.float64], table: NDArray[np.float64], tell: Tell) -> Row:
    """Return the row of the traverses driven with two eyes, float64 [traverse, 4], beside the others' on the same fields."""
    count = len(two_eyed)
    pick = stream(FIRST_SEED, "bootstrap").integers(0, count, (BOOTSTRAPS, count))
    again = two_eyed[pick].sum(axis=1)
    hits, driven_m, arrived, expected = two_eyed.sum(axis=0).tolist()
    others = table.sum(axis=0)
    per_km = 1e3 * others[:, 0] / others[:, 1]
    tell(f"stereo: {hits:.0f} hits in {driven_m / 1e3:.1f} km, {1e3 * hits / driven_m:.3f}/km "
         f"({spread(1e3 * again[:, 0] / again[:, 1])}), foretold {1e3 * expected / driven_m:.3f}/km, "
         f"arrived {arrived:.0f} of {count}")  # fmt: skip
    blind = WAYS.index("blind")
    return at_most(
        BAR, f"collisions with stereo in place of one picture, {count} traverses ({spread(1e3 * again[:, 0] / again[:, 1])})",
        1e3 * hits / driven_m, "/km", float(per_km[blind]) / FEWER, peer=f"one picture {per_km[0]:.2f}/km, blind {per_km[blind]:.2f}/km",
    )  # fmt: skip


def spread(values: NDArray[np.float64]) -> str:
    """Return the middle 95 % of bootstrapped values, in words."""
    low, high = np.quantile(values, (0.025, 0.975))
    return f"95 %: {low:.3g}-{high:.3g}"


def rows_of(table: NDArray[np.float64], tell: Tell) -> list[Row]:
    """Return the rows of all traverses, float64 [traverse, way, hits driven arrived expected]; `WAYS` in order."""
    count = len(table)
    sums = table.sum(axis=0)
    pick = stream(FIRST_SEED, "bootstrap").integers(0, count, (BOOTSTRAPS, count))
    again = table[pick].sum(axis=1)  # [bootstrap, way, 4]
    rates = 1e3 * again[:, :, 0] / again[:, :, 1]
    per_km = 1e3 * sums[:, 0] / sums[:, 1]
    foretold = 1e3 * sums[:, 3] / sums[:, 1]
    for at, way in enumerate(WAYS):
        there = table[table[:, at, 2] > 0, at]
        tell(f"{way}: {sums[at, 0]:.0f} hits in {sums[at, 1] / 1e3:.1f} km, {per_km[at]:.3f}/km ({spread(rates[:, at])}), "
             f"foretold {foretold[at]:.3f}/km, arrived {len(there)} of {count}, "
             f"way {100 * (there[:, 1].mean() / (WAY_M - ARRIVE_M) - 1.0):.1f} % over the straight line")  # fmt: skip
    seeing, guessing, blind, perfect = range(4)
    ratio = float(per_km[blind] / max(per_km[seeing], 1e-9))
    ratios = rates[:, blind] / np.maximum(rates[:, seeing], 1e-9)
    arrived = table[:, :, 2].mean(axis=0)
    both = (table[:, seeing, 2] > 0) & (table[:, perfect, 2] > 0)
    detour = float(table[both, seeing, 1].sum() / table[both, perfect, 1].sum())
    calibration = float(foretold[seeing] / max(per_km[seeing], 1e-9))
    foretold_over = again[:, seeing, 3] / np.maximum(again[:, seeing, 0], 1.0)
    return [
        at_least(BAR, f"collisions blind over seeing, {count} traverses of {WAY_M:.0f} m ({spread(ratios)})", ratio, "x", FEWER),
        at_most(BAR, f"collisions with perception ({spread(rates[:, seeing])})", float(per_km[seeing]), "/km", float(per_km[blind]) / FEWER,
                peer=f"blind {per_km[blind]:.2f}/km, perfect {per_km[perfect]:.2f}/km", ratio=ratio),
        at_most(BAR, f"collisions by measured rates in place of pictures ({spread(rates[:, guessing])}): off by a factor",
                _factor(float(per_km[guessing]), float(per_km[seeing])), "x", CALIBRATED),
        at_most(BAR, f"collisions foretold by route risk over measured: {calibration:.2f} ({spread(foretold_over)}), off by a factor",
                _factor(float(foretold[seeing]), float(per_km[seeing])), "x", CALIBRATED),
        at_most(BAR, "the same for the blind rover, from orbit's rock cover alone: off by a factor",
                _factor(float(foretold[blind]), float(per_km[blind])), "x", CALIBRATED),
        at_least(BAR, "share of traverses that arrive, with perception", float(arrived[seeing]), "", 0.98),
        at_most(BAR, "way over that with perfect knowledge", detour, "", DETOUR),
    ]  # fmt: skip


def _factor(one: float, other: float) -> float:
    """Return how far apart two rates are, as a factor >= 1."""
    one, other = max(one, 1e-9), max(other, 1e-9)
    return max(one / other, other / one)


BARS: dict[str, Bar] = {BAR: loop}
