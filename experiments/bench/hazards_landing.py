"""Landings among rocks: safe touchdowns of 1 000 seeded grounds, beside landers that choose otherwise and one that knows the truth.

Each ground has one rock cover of 5-15 % all over (the picture cannot lead to bare ground), rolling slopes, small craters. All landers fly
the same descent to the same first scan (0.1 m noise, 5 % dropouts); then each chooses by its own policy at all three scans, within the same
divert limits. Grounds and constants were fitted on seeds below 1 000; these are others.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from moonfleet.agents.descent import Landing, to_first_scan
from moonfleet.agents.touchdown import Outcome
from moonfleet.autonomy.lander_limits import LanderLimits
from moonfleet.autonomy.landing import Policy, Scores, Survey, Verdict, by_hazard, by_roughness, by_slope
from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.local_ground import LocalGround
from moonfleet.terrain.seeds import stream

from .registry import Bar, Row, Tell, at_least, at_most, holds
from .share_interval import wilson

BAR = "hazards.4"
SAFE = 0.99
GROUNDS = 1_000
FIRST_SEED = 10_001
NOISE_M = 0.1
COVER = (0.05, 0.15)
SITE_M, CELL_M = 800.0, 20.0
ROUGH_M = (0.5, 1.5)  # [m] standard deviation of heights on 20 m cells: slopes of 2-6 deg, as on smooth polar ground
TILT_MAX_DEG = 6.0
SUN_EL_DEG = (3.0, 10.0)
BINS = (0.0, 0.01, 0.03, 0.1, 0.3, 0.6, 0.9, 1.0)  # of the claimed chance
CALIBRATED = 0.05


class Result(NamedTuple):
    """One landing, as the table needs it."""

    outcome: Outcome
    verdict: Verdict
    claimed: float
    cover: float
    fuel_kg: float
    divert_m: float
    miss_m: float


def rocky_ground(seed: int, cover: float | None = None) -> LocalGround:
    """Return ground to land on: a tilt of up to 6 deg, rolls on top, one rock cover (default: seeded, 5-15 %)."""
    rng = stream(seed, "landing ground")
    ref = GeoRef.centred(0.0, 0.0, SITE_M, CELL_M)
    share = float(rng.uniform(*COVER))
    rough = float(rng.uniform(*ROUGH_M))
    tilt, bearing = math.radians(rng.uniform(0.0, TILT_MAX_DEG)), rng.uniform(0.0, 2.0 * math.pi)
    x, y = np.meshgrid(np.arange(ref.cols) * CELL_M, np.arange(ref.rows) * CELL_M)
    z = math.tan(tilt) * (math.cos(bearing) * x + math.sin(bearing) * y) + rough * rng.standard_normal(ref.shape)
    rocks = np.full(ref.shape, share if cover is None else cover, np.float32)
    return LocalGround(HeightGrid(z.astype(np.float32), ref), rocks, seed)


def at_random(seed: int) -> Policy:
    """Return a policy that takes any place in reach, and says what ours would claim of it."""
    rng = stream(seed, "random landing")

    def policy(survey: Survey, limits: LanderLimits) -> Scores:
        ours = by_hazard(survey, limits)
        return Scores(ours.ref, rng.random(ours.score.shape), ours.p_unsafe)

    return policy


def fly_all(seeds: range, tell: Tell) -> dict[str, list[Result]]:
    """Return the landings of every policy on every ground."""
    limits = LanderLimits()
    found: dict[str, list[Result]] = {}
    for seed in seeds:
        ground = rocky_ground(seed)
        rng = stream(seed, "landing sun")
        sun = float(rng.uniform(0.0, 360.0)), float(rng.uniform(*SUN_EL_DEG))
        start = to_first_scan(ground, (0.0, 0.0), limits, seed, sun=sun, noise_m=NOISE_M)
        flights: dict[str, Callable[[], Landing]] = {
            "ours": lambda d=start: d.land(),
            "random": lambda d=start, s=seed: d.land(at_random(s)),
            "least slope": lambda d=start: d.land(by_slope),
            "proxy roughness": lambda d=start: d.land(by_roughness),
            "perfect knowledge": lambda d=start: d.land(knows_truth=True),
        }
        for name, flight in flights.items():
            landing = flight()
            choice = landing.choice
            result = Result(
                landing.outcome, choice.verdict, choice.p_unsafe, float(ground.cover[0, 0]), landing.fuel_kg, landing.divert_m,
                landing.miss_m,
            )  # fmt: skip
            found.setdefault(name, []).append(result)
        done = seed - seeds.start + 1
        if done % 100 == 0:
            tell(f"{done} grounds: " + ", ".join(f"{name} {share(results):.3f}" for name, results in found.items()))
    return found


def share(results: list[Result]) -> float:
    """Return the share of safe touchdowns."""
    return sum(result.outcome is Outcome.SAFE for result in results) / len(results)


def landing(tell: Tell) -> list[Row]:
    """Safe touchdowns of ours and of the others, with their intervals; calibration of what ours claims."""
    import cv2

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        found = fly_all(range(FIRST_SEED, FIRST_SEED + GROUNDS), tell)
    finally:
        cv2.setNumThreads(threads)
    return table(found, tell)


def table(found: dict[str, list[Result]], tell: Tell) -> list[Row]:
    """Return the rows of all landings."""
    limits = LanderLimits()
    rows: list[Row] = []
    ours = share(found["ours"])
    for name, results in found.items():
        safe = sum(result.outcome is Outcome.SAFE for result in results)
        low, high = wilson(safe, len(results))
        endings = Counter(result.outcome.value for result in results if result.outcome is not Outcome.SAFE)
        worst = sum(result.verdict is not Verdict.SAFE for result in results)
        tell(
            f"{name}: {', '.join(f'{n} {why}' for why, n in endings.items()) or 'all safe'}; {worst} chose what was not safe enough"
        )
        by_cover = [[r for r in results if lo <= r.cover < hi] for lo, hi in ((0.0, 0.08), (0.08, 0.12), (0.12, 1.0))]
        tell(
            "  at covers 5-8, 8-12, 12-15 %: "
            + ", ".join(f"{share(part):.4f} of {len(part)}" for part in by_cover if part)
        )
        what = f"safe touchdowns of {len(results)}, {name} (95 %: {low:.4f}-{high:.4f})"
        if name == "ours":
            rows.append(at_least(BAR, what, ours, "", SAFE))
        elif name == "perfect knowledge":
            rows.append(Row(BAR, what, share(results), "", "upper bound", True))
        else:
            ratio = (1.0 - share(results)) / max(1.0 - ours, 0.5 / len(results))
            rows.append(
                Row(BAR, what, share(results), "", "<= ours", share(results) <= ours, f"{ratio:.0f} x as many unsafe")
            )
    claimed = np.array([result.claimed for result in found["ours"]])
    unsafe = 1.0 - ours
    tell(f"ours claimed {claimed.mean():.4f} unsafe on the mean, measured {unsafe:.4f}")
    tell(
        "miss of the place chosen, each axis: {:.3f} m".format(
            math.sqrt(np.mean([r.miss_m**2 for r in found["ours"]]) / 2)
        )
    )
    rows.append(
        at_most(
            BAR,
            "calibration: |claimed - measured| chance at random places, mean over bins",
            calibration(found["random"], tell),
            "",
            CALIBRATED,
        )
    )
    least = min(result.fuel_kg for result in found["ours"])
    rows.append(
        holds(
            BAR,
            f"reserve of {limits.reserve_kg:g} kg untouched (least left {least:.0f} kg)",
            least >= limits.reserve_kg,
        )
    )
    farthest = max(result.divert_m for result in found["ours"])
    rows.append(
        at_most(BAR, "longest divert from 100 m", farthest, "m", limits.range_max_m + limits.range_max_m / 2.0 + 4.0)
    )
    return rows


def calibration(results: list[Result], tell: Tell) -> float:
    """Return the mean distance of claimed and measured chance over bins, weighted by their landings."""
    claimed = np.array([result.claimed for result in results])
    unsafe = np.array([result.outcome is not Outcome.SAFE for result in results])
    known = np.isfinite(claimed)
    total = 0.0
    for low, high in pairwise(BINS):
        part = known & (claimed >= low) & ((claimed < high) | (high == BINS[-1]))
        if part.any():
            gap = abs(float(claimed[part].mean()) - float(unsafe[part].mean()))
            total += gap * part.sum() / known.sum()
            tell(f"  claimed {claimed[part].mean():.3f}, measured {unsafe[part].mean():.3f} ({part.sum()} landings)")
    return total


BARS: dict[str, Bar] = {BAR: landing}
