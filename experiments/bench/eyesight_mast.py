"""Measure the rendered mast eye and write the table that robots plan with and the statistical eye draws from.

    python -m moonfleet.experiments.bench.eyesight_mast [OUT.json]

Frames of seeded rocky ground at several light elevations, light from all sides. A rock is met where a detection lies within half the
larger diameter plus 0.2 m, be it of its neighbour too: a robot keeps away from both. Sizes and heights are compared, and false
detections told, by one-to-one matching (nearest first, as near). Rocks that nearer ground hides are told of apart. Deterministic: the
same file comes out again.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.messages import Sense
from moonfleet.agents.sensors import Eye, RenderedEye
from moonfleet.autonomy import data
from moonfleet.autonomy.camera import MastCamera
from moonfleet.autonomy.eyesight import HEIGHT_AT_M
from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.local_ground import LocalGround
from moonfleet.terrain.seeds import stream

Floats = NDArray[np.float64]

SEED = 7_300_000  # of the grounds: no bench scores on them
LIGHT_EL_DEG = (0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 25.0)  # 25 deg is the lamp
RANGE_M = (1.5, 3.0, 5.0, 7.0, 9.0, 11.0, 14.0, 18.0)
RANGE_EDGES_M = (0.0, 2.25, 4.0, 6.0, 8.0, 10.0, 12.5, 16.0, 20.0)
HEIGHT_M = (0.08, 0.12, 0.16, 0.2, 0.25, 0.32, 0.42, 0.6)
HEIGHT_EDGES_M = (0.07, 0.1, 0.14, 0.18, 0.225, 0.285, 0.37, 0.5, 9.0)
SMALLEST_M = 0.12  # [m] a detection of a rock this wide or wider is not false, though lower than those counted
FRAMES = 400  # per light
GROUNDS = 8
COVER = (0.015, 0.07)  # [-] of the ground under rocks
PRIOR = 12.0  # rocks that the shares of all lights or ranges count for in one bin
CAMERA = MastCamera(range_m=20.0, fov_deg=110.0)
EDGE = 0.95  # only rocks within this share of the field of view are counted
STEP_M = 4.0  # [m] the second look of the same ground is taken from so much nearer
FITTED = 400  # rocks that a line is fitted to
TELLING_M = (0.15, 0.5)  # [m] heights of rocks whose told heights are compared


class Seen(NamedTuple):
    """One frame's rocks in view and what the eye made of them."""

    rocks: Floats  # [n, 4] x, y, diameter, height
    met: NDArray[np.bool_]  # [n] a detection lies on it
    told_m: Floats  # [n] height told, NaN where it has no detection of its own
    shown: NDArray[np.bool_]  # [n] no nearer ground hides its top
    range_m: Floats  # [n]
    found: Floats  # [m, 5] x, y, diameter, confidence, height
    partner: NDArray[np.int64]  # [m] -1: false


def match(seen: Floats, rocks: Floats) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Index of the rock each detection stands for, -1 none, and which rocks have any detection near.

    ``seen`` [n, 3+], ``rocks`` [m, 3+] are x, y, diameter.
    """
    partner, met = np.full(len(seen), -1), np.zeros(len(rocks), dtype=np.bool_)
    if len(seen) == 0 or len(rocks) == 0:
        return partner, met
    gap = np.hypot(seen[:, None, 0] - rocks[None, :, 0], seen[:, None, 1] - rocks[None, :, 1])
    reach = 0.2 + 0.5 * np.maximum(seen[:, None, 2], rocks[None, :, 2])
    which, rock = np.nonzero(gap <= reach)
    met[rock] = True
    taken: set[int] = set()
    for pair in np.argsort(gap[which, rock], kind="stable").tolist():
        one, at = int(which[pair]), int(rock[pair])
        if partner[one] < 0 and at not in taken:
            partner[one] = at
            taken.add(at)
    return partner, met


def grounds() -> list[LocalGround]:
    """Return rolling grounds of several rock covers."""
    ref = GeoRef.centred(0.0, 0.0, 640.0, 20.0)
    covers = np.linspace(*COVER, GROUNDS)
    made: list[LocalGround] = []
    for number, cover in enumerate(covers.tolist()):
        height = 0.35 * stream(SEED + number, "eyesight ground").standard_normal(ref.shape)
        made.append(
            LocalGround(
                HeightGrid(height.astype(np.float32), ref), np.full(ref.shape, cover, np.float32), SEED + number
            )
        )
    return made


def one_frame(eye: Eye, ground: LocalGround, sense: Sense, toward: float) -> Seen:
    """Return what one look shows, beside the truth."""
    inner = CAMERA._replace(fov_deg=EDGE * CAMERA.fov_deg)
    here, reach = (sense.x, sense.y), CAMERA.range_m
    look, views = eye.look(sense, toward)
    found = np.column_stack([look.x, look.y, look.diameter_m, look.confidence, look.height_m])
    rocks = ground.rocks(sense.x - reach, sense.y - reach, sense.x + reach, sense.y + reach)
    rocks = rocks[(rocks[:, 2] >= SMALLEST_M) & inner.sees(rocks[:, 0], rocks[:, 1], here, toward)]
    found = found[inner.sees(found[:, 0], found[:, 1], here, toward)]
    partner, met = match(found, rocks)
    told = np.full(len(rocks), np.nan)
    told[partner[partner >= 0]] = found[partner >= 0, 4]
    shown = np.zeros(len(rocks), dtype=np.bool_)
    for view in views:
        row, col = view.ref.rowcol(rocks[:, 0], rocks[:, 1])
        row = np.clip(np.rint(row), 0, view.ref.rows - 1).astype(np.int64)
        col = np.clip(np.rint(col), 0, view.ref.cols - 1).astype(np.int64)
        shown |= view.seen[row, col]
    return Seen(rocks, met, told, shown, np.hypot(rocks[:, 0] - sense.x, rocks[:, 1] - sense.y), found, partner)


def shares(hits: Floats, total: Floats) -> Floats:
    """Return hits over total [L, K, D], each bin drawn by `PRIOR` rocks' worth to that of all lights, and those to all ranges.

    Bins of few rocks would else say 0 or 1 (shrinkage: Efron and Morris 1975).
    """
    everywhere = (hits.sum(axis=(0, 1)) + 0.5) / (total.sum(axis=(0, 1)) + 1.0)  # [D]
    any_light = (hits.sum(axis=0) + PRIOR * everywhere) / (total.sum(axis=0) + PRIOR)  # [K, D]
    return (hits + PRIOR * any_light) / (total + PRIOR)


class Tally:
    """Counts over all frames."""

    def __init__(self) -> None:
        self.total = np.zeros((len(LIGHT_EL_DEG), len(RANGE_M), len(HEIGHT_M)))
        self.hits = np.zeros_like(self.total)
        self.in_view, self.in_sight = np.zeros(len(RANGE_M)), np.zeros(len(RANGE_M))
        self.pairs: list[tuple[float, ...]] = []  # light, two ranges, log heights told over true, log of the true
        self.false = np.zeros(self.total.shape[:2])
        self.told: list[
            Floats
        ] = []  # [n, 8] range, offsets x y, log size, log height, confidence, log of the true height, light
        self.wrong: list[Floats] = []  # [n, 2] diameter, height
        self.missed = np.zeros(3)  # rocks in both of two looks: missed by the first, by the second, by both
        self.twice = 0

    def add(self, row: int, seen: Seen, here: tuple[float, float]) -> None:
        """Count one frame."""
        at, size = np.digitize(seen.range_m, RANGE_EDGES_M) - 1, np.digitize(seen.rocks[:, 3], HEIGHT_EDGES_M) - 1
        fits = (size >= 0) & (at < len(RANGE_M))
        np.add.at(self.in_view, at[fits], 1)
        fits &= seen.shown
        np.add.at(self.in_sight, at[fits], 1)
        np.add.at(self.total[row], (at[fits], size[fits]), 1)
        fits &= seen.met
        np.add.at(self.hits[row], (at[fits], size[fits]), 1)
        far = np.hypot(seen.found[:, 0] - here[0], seen.found[:, 1] - here[1])
        bins = np.clip(np.digitize(far, RANGE_EDGES_M) - 1, 0, len(RANGE_M) - 1)
        good = seen.partner >= 0
        np.add.at(self.false[row], bins[~good], 1)
        self.wrong.append(seen.found[~good][:, [2, 4]])
        true, told = seen.rocks[seen.partner[good]], seen.found[good]
        logs = np.log(np.maximum(told[:, [2, 4]], 0.01) / true[:, [2, 3]])
        high = np.log(true[:, 3] / HEIGHT_AT_M)
        whole = (bins[good].astype(np.float64), told[:, :2] - true[:, :2], logs, told[:, 3], high)
        rows = np.column_stack([*whole, np.full(len(true), row)])
        self.told.append(rows[(true[:, 3] >= TELLING_M[0]) & (true[:, 3] <= TELLING_M[1])])

    def compare(self, row: int, one: Seen, two: Seen) -> None:
        """Count the hazards that two looks had in view, and which of them each missed."""
        hazard = [(seen.rocks[:, 3] >= TELLING_M[0]) & seen.shown for seen in (one, two)]
        at = {(x, y): number for number, (x, y) in enumerate(one.rocks[:, :2].tolist()) if hazard[0][number]}
        for number, (x, y) in enumerate(two.rocks[:, :2].tolist()):
            if not hazard[1][number] or (x, y) not in at:
                continue
            before = at[x, y]
            first, second = bool(one.met[before]), bool(two.met[number])
            self.twice += 1
            self.missed += (not first, not second, not first and not second)
            told = np.log(np.array([one.told_m[before], two.told_m[number]]) / two.rocks[number, 3])
            if np.isfinite(told).all() and two.rocks[number, 3] <= TELLING_M[1]:
                bins = np.digitize([one.range_m[before], two.range_m[number]], RANGE_EDGES_M) - 1
                high = float(np.log(two.rocks[number, 3] / HEIGHT_AT_M))
                self.pairs.append((row, *np.minimum(bins, len(RANGE_M) - 1).tolist(), *told.tolist(), high))

    def again(self) -> float:
        """Return how much a second look is worth: P(both miss) = P(first misses) P(second misses) ^ again."""
        one, two, both = np.maximum(self.missed, 0.5) / max(self.twice, 1)
        return float(np.clip(np.log(both / one) / np.log(two), 0.0, 1.0))


def measure(kind: type[RenderedEye] = RenderedEye) -> dict[str, object]:
    """Run the frames and return the table."""
    rng = stream(SEED, "eyesight frames")
    eyes = [(kind(ground, CAMERA, SEED, 0), ground) for ground in grounds()]
    tally = Tally()
    for row, elevation in enumerate(LIGHT_EL_DEG):
        lit = 1.0 if elevation < 20 else 0.0
        for frame in range(FRAMES):
            eye, ground = eyes[frame % GROUNDS]
            x, y = rng.uniform(-280.0, 280.0, 2).tolist()
            toward, sun = rng.uniform(0.0, 360.0, 2).tolist()
            sense = Sense(frame, x, y, 0.0, sun, elevation, lit, 1.0, 1, False, 0.0)
            seen = one_frame(eye, ground, sense, toward)
            tally.add(row, seen, (x, y))
            if frame % 4 == 0:
                x, y = x + STEP_M * np.sin(np.radians(toward)), y + STEP_M * np.cos(np.radians(toward))
                tally.compare(row, seen, one_frame(eye, ground, sense._replace(x=x, y=y), toward))
    return table(tally)


def heights_told(told: Floats) -> tuple[Floats, Floats, Floats]:
    """Return bias, slope and sigma [L, K] of ln(told height) on ln(true height), ``told`` as in `Tally`; thin bins are widened."""
    out = np.zeros((3, len(LIGHT_EL_DEG), len(RANGE_M)))
    for row in range(len(LIGHT_EL_DEG)):
        for column in range(len(RANGE_M)):
            wide = 0
            own = np.zeros(len(told), dtype=np.bool_)
            while own.sum() < FITTED and wide < len(RANGE_M):
                own = (told[:, 7] == row) & (np.abs(told[:, 0] - column) <= wide)
                wide += 1
            high, over = told[own, 6], told[own, 4]
            slope, bias = np.polyfit(high, over, 1)
            out[:, row, column] = bias, 1.0 + slope, (over - bias - slope * high).std()
    return out[0], out[1], out[2]


def alike(pairs: Floats, bias: Floats, slope: Floats, sigma: Floats) -> float:
    """Return how far the errors of one rock's height in two looks go together, ``pairs`` as in `Tally`."""
    row, high = pairs[:, 0].astype(np.int64), pairs[:, 5]
    columns = pairs[:, 1:3].astype(np.int64)
    off = [
        (pairs[:, 3 + k] - bias[row, at] - (slope[row, at] - 1.0) * high) / sigma[row, at]
        for k, at in enumerate(columns.T)
    ]
    return float(np.corrcoef(off[0], off[1])[0, 1])


def table(tally: Tally) -> dict[str, object]:
    """Return the counts as the mapping that `moonfleet.autonomy.eyesight` reads."""
    ring = np.radians(EDGE * CAMERA.fov_deg) / 2 * np.diff(np.maximum(RANGE_EDGES_M, CAMERA.near_m) ** 2)
    told = np.concatenate(tally.told)
    place = [float(told[told[:, 0] == column, 1:3].std()) for column in range(len(RANGE_M))]
    bias, slope, sigma = heights_told(told)
    wrong = np.concatenate([*tally.wrong, [[0.3, 0.15]]])
    steps = np.linspace(0.05, 0.95, 10)
    return {
        "made_by": "moonfleet.experiments.bench.eyesight_mast",
        "seed": SEED,
        "frames_per_light": FRAMES,
        "lens_m": CAMERA.height_m,
        "light_el_deg": list(LIGHT_EL_DEG),
        "range_m": list(RANGE_M),
        "height_m": list(HEIGHT_M),
        "rocks": tally.total.astype(int).tolist(),
        "p_seen": np.round(shares(tally.hits, tally.total), 4).tolist(),
        "false_per_m2": np.round(tally.false / (FRAMES * ring), 6).tolist(),
        "place_sigma_m": np.round(place, 4).tolist(),
        "size_sigma": round(float(told[:, 3].std()), 4),
        "height_sigma": np.round(sigma, 4).tolist(),
        "height_bias": np.round(bias, 4).tolist(),
        "height_slope": np.round(slope, 4).tolist(),
        "confidence": round(float(np.median(told[:, 5])), 3),
        "again": round(tally.again(), 3),
        "height_again": round(alike(np.array(tally.pairs), bias, slope, sigma), 3),
        "p_in_sight": np.round(tally.in_sight / np.maximum(tally.in_view, 1.0), 4).tolist(),
        "false_diameter_m": np.round(np.quantile(wrong[:, 0], steps), 3).tolist(),
        "false_height_m": np.round(np.quantile(wrong[:, 1], steps), 3).tolist(),
    }


def main() -> None:
    """Measure and write."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(data.__file__ or "").with_name("eyesight_mast.json")
    out.write_text(json.dumps(measure(), indent=None, separators=(",", ":")).replace('],"', '],\n"') + "\n")


if __name__ == "__main__":
    main()
