"""Perception in the loop: a real rover's mind drives 500 m through rock fields at low Sun, and truth counts what it hits.

The rover is the one that missions fly (its belief, driver and looks); only what its eye tells differs from way to way: pictures of the true
ground searched by the detector, detections drawn from measured rates, nothing at all, or the truth. Every way drives the same
fields. A collision is a rock higher than the wheels take, under the swept body, counted once.
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

from .registry import Bar, Row, Tell, at_least, at_most, holds

if TYPE_CHECKING:
    from moonfleet.agents.messages import Sense
    from moonfleet.agents.rover import Rover
    from moonfleet.autonomy.camera import MastCamera
    from moonfleet.autonomy.rocks_seen import Detections
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
WAYS = ("rendered", "statistical", "blind", "perfect")


class Traverse(NamedTuple):
    """What came of one traverse."""

    hits: int
    driven_m: float
    arrived: bool


class Field:
    """A stretch of rolling ground strewn with rocks: what a rover's mind needs of a site."""

    def __init__(self, number: int) -> None:
        from moonfleet.terrain.grid import GeoRef, HeightGrid
        from moonfleet.terrain.local_ground import LocalGround

        rng = stream(FIRST_SEED + number, "rock field")
        self.ref: GeoRef = GeoRef.centred(0.0, 0.0, SIDE_M, CELL_M)
        height = ROLLING_M * rng.standard_normal(self.ref.shape)
        self.rock_cover: NDArray[np.float32] = np.full(self.ref.shape, rng.uniform(*COVER), np.float32)
        self.slope_deg: NDArray[np.float32] = np.degrees(np.arctan(np.hypot(*np.gradient(height, CELL_M)))).astype(np.float32)
        self.ground: LocalGround = LocalGround(
            HeightGrid(height.astype(np.float32), self.ref), self.rock_cover, FIRST_SEED + number
        )
        self.sun = (float(rng.uniform(0.0, 360.0)), float(rng.uniform(*SUN_EL_DEG)))
        turn = rng.uniform(0.0, 2.0 * math.pi)
        half = 0.5 * WAY_M * np.array([math.sin(turn), math.cos(turn)])
        self.start, self.goal = (float(-half[0]), float(-half[1])), (float(half[0]), float(half[1]))


class Blind:
    """Sees nothing."""

    def look(self, sense: Sense, toward_deg: float, number: int = 0) -> Detections:
        """Return no detection."""
        from moonfleet.autonomy.rocks_seen import Detections

        return Detections(*(np.empty(0) for _ in Detections._fields))


class Perfect:
    """Knows every rock in its camera's view that the wheels do not take."""

    def __init__(self, ground: LocalGround, camera: MastCamera, obstacle_m: float, least_m: float) -> None:
        self.ground, self.camera, self.obstacle_m, self.least_m = ground, camera, obstacle_m, least_m

    def look(self, sense: Sense, toward_deg: float, number: int = 0) -> Detections:
        """Return the true rocks, none of them smaller than the mind heeds."""
        from moonfleet.autonomy.rocks_seen import Detections

        reach = self.camera.range_m
        rocks = self.ground.rocks(sense.x - reach, sense.y - reach, sense.x + reach, sense.y + reach)
        inside = self.camera.sees(rocks[:, 0], rocks[:, 1], (sense.x, sense.y), toward_deg)
        x, y, diameter, _ = rocks[inside & (rocks[:, 3] > self.obstacle_m)].T
        return Detections(x, y, np.maximum(diameter, self.least_m), np.full(x.size, 0.98))


def mind(field: Field, way: str) -> Rover:
    """Return a rover whose eye works the given way."""
    from moonfleet.agents.catalogue import load_catalogue
    from moonfleet.agents.robot import RobotSetup
    from moonfleet.agents.rover import Rover
    from moonfleet.autonomy.policy import RulePolicy

    spec = load_catalogue()[KIND]
    perception = "statistical" if way == "statistical" else "rendered"
    setup = RobotSetup(0, KIND, spec, field.start, field.ground.seed, perception, DRIVE_S)
    rover = Rover(setup, cast("Site", field), RulePolicy())
    if way == "blind":
        rover.eye = Blind()
    elif way == "perfect":
        rover.eye = Perfect(field.ground, rover.camera, spec.obstacle_m, rover.belief.min_diameter_m)
    return rover


def drive(number: int, way: str) -> Traverse:
    """Drive one traverse; what the rover's legs say is where it goes."""
    from moonfleet.agents.messages import JobOffer, Sense
    from moonfleet.agents.state import Activity
    from moonfleet.agents.tracks import driven, rocks_touched

    field = Field(number)
    rover = mind(field, way)
    spec = rover.setup.spec
    here, way_m, hits = field.start, 0.0, set[tuple[int, int]]()

    def sense(step: int) -> Sense:
        return Sense(step * DRIVE_S, *here, 0.0, *field.sun, 1.0, 1.0, Activity.DRIVE, False, 0.0)

    reply = rover.take(JobOffer(0, *field.goal, "survey", 0.0, 0.0), sense(0))
    for step in range(1, STEPS_MAX):
        if not reply.commands or reply.commands[-1].activity != Activity.DRIVE:
            break
        path, _ = driven(reply.commands[-1].xy, spec.speed_m_s * DRIVE_S)
        for x, y, _ in rocks_touched(field.ground, path, spec.width_m / 2, spec.obstacle_m):
            hits.add((round(x * 100), round(y * 100)))
        way_m += float(np.hypot(*np.diff(path, axis=0).T).sum())
        here = (float(path[-1, 0]), float(path[-1, 1]))
        reply = rover.step(sense(step))
    return Traverse(len(hits), way_m, math.dist(here, field.goal) < 12.0)


def one(number: int) -> tuple[int, list[Traverse]]:
    """Drive one field all ways (in a process of its own)."""
    import cv2

    cv2.setNumThreads(1)
    return number, [drive(number, way) for way in WAYS]


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
    table = np.array([found[number] for number in range(TRAVERSES)], dtype=np.float64)  # [traverse, way, hits driven arrived]
    return rows_of(table, tell)


def rows_of(table: NDArray[np.float64], tell: Tell) -> list[Row]:
    """Return the rows of all traverses, float64 [traverse, way, 3]."""
    per_km = 1e3 * table[:, :, 0].sum(axis=0) / table[:, :, 1].sum(axis=0)
    for way, rate, part in zip(WAYS, per_km, table.transpose(1, 0, 2), strict=True):
        extra = part[:, 1].sum() / (WAY_M * max(part[:, 2].sum(), 1.0)) - 1.0
        tell(f"{way}: {int(part[:, 0].sum())} hits in {part[:, 1].sum() / 1e3:.1f} km, {rate:.3f}/km, "
             f"arrived {int(part[:, 2].sum())}, way longer by {100 * extra:.1f} %")  # fmt: skip
    rng = stream(FIRST_SEED, "bootstrap")
    pick = rng.integers(0, len(table), (BOOTSTRAPS, len(table)))
    again = table[pick].sum(axis=1)  # [bootstrap, way, 3]
    rates = again[:, :, 0] / again[:, :, 1]
    low, high = np.quantile(rates[:, 2] / np.maximum(rates[:, 0], 1e-9), (0.025, 0.975))
    ratio = float(per_km[2] / max(per_km[0], 1e-9))
    arrived = table[:, :, 2].mean(axis=0)
    both = (table[:, 0, 2] > 0) & (table[:, 3, 2] > 0)
    detour = float(table[both, 0, 1].sum() / table[both, 3, 1].sum())
    over = float(table[both, 0, 1].mean() / WAY_M - 1.0)
    count = len(table)
    return [
        at_least(BAR, f"collisions blind over seeing, {count} traverses of {WAY_M:.0f} m (95 %: {low:.0f}-{high:.0f})", ratio, "x", FEWER),
        at_most(BAR, "collisions with perception", float(per_km[0]), "/km", float(per_km[2]) / FEWER,
                peer=f"blind {per_km[2]:.2f}/km, perfect {per_km[3]:.2f}/km", ratio=ratio),
        holds(BAR, f"rates in place of pictures: {per_km[1]:.3f}/km, within a factor of 3", bool(per_km[0] / 3 <= per_km[1] <= 3 * per_km[0])),
        at_least(BAR, "share of traverses that arrive, with perception", float(arrived[0]), "", 0.98),
        at_most(BAR, f"way over that with perfect knowledge ({100 * over:.1f} % over the straight line)", detour, "", 1.25),
    ]  # fmt: skip


BARS: dict[str, Bar] = {BAR: loop}
