"""Mast stereo: error of depth, rocks seen and rocks that are none, by range and height of the Sun, with shadow masked and without.

Pairs rendered on seeded ground that no law of the detector was fitted on. The same counts make the table that the planner's chance of a
miss is read from: ``python -m moonfleet.experiments.bench.hazards_stereo [OUT.json]``.

A rock is seen if a detection of confidence 0.5 is matched to it, one to one, nearest and likest in height first, within half the
larger diameter, 0.2 m and 1.5 standard deviations of depth, and a factor of 2 in height. Every rock in the wedge counts, hidden or
not. A detection so near to no rock of 0.05 m or more is false; one that is only of another height is told beside.
"""

from __future__ import annotations

import json
import math
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.camera_frames import take_pair
from moonfleet.agents.messages import Sense
from moonfleet.agents.stereo_eye import StereoEye
from moonfleet.autonomy.camera import MastCamera
from moonfleet.autonomy.rocks_seen import Detections
from moonfleet.autonomy.stereo import Depth, StereoRig, stereo_depth
from moonfleet.autonomy.stereo_rocks import stereo_rocks
from moonfleet.terrain.local_ground import LocalGround
from moonfleet.terrain.seeds import stream
from moonfleet.terrain.shading import Sun
from moonfleet.terrain.site import SiteRecipe, build_site

from .registry import Bar, Row, Tell, at_least, at_most
from .share_interval import wilson

BAR: Final = "hazards.5"
SEED: Final = 41  # no ground of the fitting scenes
FRAMES: Final = 40  # for each light
LAMP_DEG: Final = 25.0  # [deg] stands for the lamp in tables by the height of the light
LIGHTS: Final = (1.5, 3.0, 6.0, 10.0, LAMP_DEG)
RANGE_EDGES_M: Final = (2.0, 4.0, 6.0, 8.0, 10.0, 12.5, 15.0)
HEIGHT_EDGES_M: Final = (0.1, 0.15, 0.2, 0.3, 0.45, 0.9)
LOWEST_M: Final = 0.05  # [m] a detection of a rock this high is not false, though lower than those counted
UNLIKE: Final = 2.0  # [-] a rock that is more times higher or lower than the detection is not seen by it
COVER: Final = (
    0.04  # [-] share of the ground under rocks: more than most ground has, so that large ones are counted too
)
CAMERA: Final = MastCamera(1.5, 15.0, 70.0)
SURE: Final = 0.5  # confidence from which a detection counts
ENOUGH: Final = 20  # rocks that make a share worth telling
SHIFT_M: Final = 3.0  # [m] how far detections are moved to see what chance alone would match
Counts = NDArray[np.float64]


class Tally(NamedTuple):
    """Sums over frames of one light: rocks and rocks seen [K, D], seen by chance [K, D], false ones and false without mask [K]."""

    rocks: Counts
    seen: Counts
    chance: Counts
    false: Counts
    false_naive: Counts
    unlike: Counts  # [K] detections at a rock of another height
    shifted: Counts  # [2] shifted detections at some rock, and all of them
    error_m: list[list[NDArray[np.float32]]]  # [K] errors of trusted depth
    trusted: Counts  # [K] pixels
    pixels: Counts  # [K]
    masked_bad: list[float]  # share of the pixels that the mask took out whose depth was off by more than a pixel
    offset_m: list[NDArray[np.float64]]  # [K] detections' places off
    offset_bin: list[NDArray[np.int64]]
    size: list[NDArray[np.float64]]  # ln of diameter over true diameter
    confidence: list[NDArray[np.float64]]

    @classmethod
    def empty(cls) -> Tally:
        """Nothing counted yet."""
        k, d = len(RANGE_EDGES_M) - 1, len(HEIGHT_EDGES_M) - 1
        a, b = (np.zeros((k, d)) for _ in range(2))
        return cls(
            a,
            b,
            np.zeros((k, d)),
            np.zeros(k),
            np.zeros(k),
            np.zeros(k),
            np.zeros(2),
            [[] for _ in range(k)],
            np.zeros(k),
            np.zeros(k),
            [],
            [],
            [],
            [],
            [],
        )


def match(
    seen: Detections, rocks: NDArray[np.float64], slack_m: NDArray[np.float64], most: float = UNLIKE
) -> NDArray[np.int64]:
    """Return the index of the rock that each detection stands for, -1 none: one to one, nearest and likest in height first.

    ``rocks`` float64 [m, 4]; ``slack_m`` [n]: how far off beyond half the larger diameter; ``most``: how many times higher or lower.
    """
    partner = np.full(len(seen.x), -1, dtype=np.int64)
    if len(seen.x) == 0 or len(rocks) == 0:
        return partner
    gap = np.hypot(seen.x[:, None] - rocks[:, 0], seen.y[:, None] - rocks[:, 1])
    reach = slack_m[:, None] + 0.5 * np.maximum(seen.diameter_m[:, None], rocks[:, 2])
    ratio = np.abs(np.log(seen.height_m[:, None] / rocks[:, 3]))
    which, rock = np.nonzero((gap <= reach) & (ratio <= math.log(most)))
    unlike = ratio[which, rock]  # among pebbles the rock that was meant is the one as high
    taken: set[int] = set()
    for k in np.argsort(gap[which, rock] / reach[which, rock] + unlike, kind="stable"):
        if partner[which[k]] < 0 and int(rock[k]) not in taken:
            partner[which[k]] = rock[k]
            taken.add(int(rock[k]))
    return partner


def slack(rig: StereoRig, away_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far off a detection at a range may be [m], besides half a diameter."""
    return 0.2 + 1.5 * np.asarray(rig.sigma_depth_m(away_m), dtype=np.float64)


def ground(seed: int = SEED) -> LocalGround:
    """Return the ground that is looked at: the relief of a south polar site, with `COVER` of rocks."""
    site = build_site(SiteRecipe("hazards-stereo", 123.4, -88.8, size_m=2_560, cell_m=20, seed=seed, azimuths=36))
    return LocalGround(site.ground.grid, np.full(site.ref.shape, COVER, dtype=np.float32), seed)


def pose(frame: int, here: LocalGround, elevation: float) -> tuple[Sense, float]:
    """Return where a frame is taken from, under which light, and the azimuth looked to."""
    rng = stream(SEED, "hazards.stereo", index=(frame,))
    cx, cy = here.grid.ref.centre
    x, y = cx + rng.uniform(-1000.0, 1000.0), cy + rng.uniform(-1000.0, 1000.0)
    toward, sun_az = rng.uniform(0.0, 360.0), rng.uniform(0.0, 360.0)
    lamp = elevation == LAMP_DEG
    return Sense(
        frame, x, y, toward, sun_az, -5.0 if lamp else elevation, 0.0 if lamp else 1.0, 1.0, 1, False, 0.0
    ), toward


def count(elevation: float, here: LocalGround, frames: int = FRAMES) -> Tally:
    """Take the frames of one light and count."""
    tally = Tally.empty()
    eye = StereoEye(here, CAMERA, SEED, 0)
    for frame in range(frames):
        sense, toward = pose(frame, here, elevation)
        sun = None if elevation == LAMP_DEG else Sun(sense.sun_az_deg, sense.sun_el_deg)
        pair = take_pair(
            here,
            sense.x,
            sense.y,
            toward,
            eye.rig,
            sun,
            SEED,
            range_m=CAMERA.range_m,
            index=(frame, round(10 * elevation)),
        )
        masked, naive = (stereo_depth(pair.left.image, pair.right.image, eye.rig, mask=m) for m in (True, False))
        truth = pair.left.truth
        angle = math.radians(toward)
        offset = truth.xyz_m - (pair.left.camera.x, pair.left.camera.y, 0.0)
        true = offset[..., 0] * math.sin(angle) + offset[..., 1] * math.cos(angle)
        _depths(tally, true, masked, naive, eye.rig)
        _rocks(tally, here, sense, toward, masked, naive, eye.rig)
    return tally


def _depths(tally: Tally, true: NDArray[np.float64], masked: Depth, naive: Depth, rig: StereoRig) -> None:
    for k, (low, high) in enumerate(pairwise(RANGE_EDGES_M)):
        there = (true >= low) & (true < high)
        good = there & masked.trusted
        tally.error_m[k].append(np.abs(masked.depth_m[good] - true[good]).astype(np.float32))
        tally.trusted[k] += good.sum()
        tally.pixels[k] += there.sum()
    out = naive.trusted & ~masked.trusted & (true < RANGE_EDGES_M[-1])
    if out.any():
        pixel = np.asarray(rig.sigma_depth_m(true[out], 1.0))
        tally.masked_bad.append(float(np.mean(np.abs(naive.depth_m[out] - true[out]) > pixel)))


def _rocks(
    tally: Tally, here: LocalGround, sense: Sense, toward: float, masked: Depth, naive: Depth, rig: StereoRig
) -> None:
    at = (sense.x, sense.y)
    reach = RANGE_EDGES_M[-1] + 2.0
    rocks = here.rocks(at[0] - reach, at[1] - reach, at[0] + reach, at[1] + reach)
    rocks = rocks[rocks[:, 3] >= LOWEST_M]
    inner = CAMERA._replace(fov_deg=0.93 * CAMERA.fov_deg)  # rocks cut by the edge of the picture are left out
    away = np.hypot(rocks[:, 0] - at[0], rocks[:, 1] - at[1])
    inside = inner.sees(rocks[:, 0], rocks[:, 1], at, toward)
    k = np.digitize(away, RANGE_EDGES_M) - 1
    d = np.digitize(rocks[:, 3], HEIGHT_EDGES_M) - 1
    ok = inside & (k >= 0) & (k < len(RANGE_EDGES_M) - 1) & (d >= 0) & (d < len(HEIGHT_EDGES_M) - 1)
    np.add.at(tally.rocks, (k[ok], d[ok]), 1.0)
    for depth, shift in ((masked, 0.0), (masked, SHIFT_M), (naive, 0.0)):
        seen = stereo_rocks(depth, rig, *at, toward, CAMERA.range_m)
        seen = seen.take(seen.confidence >= SURE)
        if shift:
            seen = seen._replace(x=seen.x + shift)
        far = np.hypot(seen.x - at[0], seen.y - at[1])
        partner = match(seen, rocks, slack(rig, far))
        good, somewhere = partner >= 0, match(seen, rocks, slack(rig, far), math.inf) >= 0
        hit = np.zeros(len(rocks), dtype=bool)
        hit[partner[good]] = True
        hit &= ok
        own = inner.sees(seen.x, seen.y, at, toward)
        bins = np.digitize(far, RANGE_EDGES_M) - 1
        own &= (bins >= 0) & (bins < len(RANGE_EDGES_M) - 1)
        if shift:
            np.add.at(tally.chance, (k[hit], d[hit]), 1.0)
            tally.shifted[:] += (own & somewhere).sum(), own.sum()
        elif depth is naive:
            np.add.at(tally.false_naive, bins[own & ~somewhere], 1.0)
        else:
            np.add.at(tally.seen, (k[hit], d[hit]), 1.0)
            np.add.at(tally.false, bins[own & ~somewhere], 1.0)
            np.add.at(tally.unlike, bins[own & somewhere & ~good], 1.0)
            met = own & good
            mate = rocks[partner[met]]
            tally.offset_m.append(np.stack([seen.x[met] - mate[:, 0], seen.y[met] - mate[:, 1]], axis=1))
            tally.offset_bin.append(bins[met])
            tally.size.append(np.log(seen.diameter_m[met] / mate[:, 2]))
            tally.confidence.append(seen.confidence[met])


def areas_m2() -> Counts:
    """Return the ground of each range bin in one look [m2]."""
    edges = np.array(RANGE_EDGES_M)
    return np.radians(0.93 * CAMERA.fov_deg) / 2.0 * (edges[1:] ** 2 - edges[:-1] ** 2)


def name(elevation: float) -> str:
    """Return how a light is called."""
    return "lamp" if elevation == LAMP_DEG else f"{elevation:g} deg"


def told(tally: Tally, elevation: float, rig: StereoRig, frames: int, tell: Tell) -> None:
    """Tell one light's table."""
    area = areas_m2() * frames
    tell(
        f"light {name(elevation)}: range m | depth error median, p95, sigma m | trusted | P(seen) by height "
        f"{'-'.join(f'{h:g}' for h in HEIGHT_EDGES_M)} m (shifted) | false per 100 m2 (no mask)"
    )
    for k, (low, high) in enumerate(pairwise(RANGE_EDGES_M)):
        error = np.concatenate(tally.error_m[k])
        middle, tail = np.quantile(error, (0.5, 0.95)) if error.size else (math.nan, math.nan)
        sigma = float(rig.sigma_depth_m(0.5 * (low + high)))
        shares = " ".join(
            f"{s / n:.2f}/{c / n:.2f}" if n >= ENOUGH else "-"
            for s, c, n in zip(tally.seen[k], tally.chance[k], tally.rocks[k], strict=True)
        )
        tell(
            f"  {low:4.1f}-{high:4.1f} | {middle:.3f} {tail:.3f} {sigma:.3f} | {tally.trusted[k] / max(tally.pixels[k], 1):.2f} | "
            f"{shares} | {100 * tally.false[k] / area[k]:.2f} ({100 * tally.false_naive[k] / area[k]:.2f})"
        )


def stereo(tell: Tell) -> list[Row]:
    """Depth error beside theory, rocks seen beside chance, false rocks with and without the shadow mask, time of a look."""
    import cv2

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        here = ground()
        eye = StereoEye(here, CAMERA, SEED, 0)
        tallies = measure(here, tell)
        seconds = time_of_look(eye, here)
    finally:
        cv2.setNumThreads(threads)
    return rows(tallies, eye.rig, seconds)


def measure(here: LocalGround, tell: Tell, frames: int = FRAMES) -> dict[float, Tally]:
    """Return the counts of every light."""
    rig = StereoEye(here, CAMERA, SEED, 0).rig
    tallies: dict[float, Tally] = {}
    for elevation in LIGHTS:
        tallies[elevation] = count(elevation, here, frames)
        told(tallies[elevation], elevation, rig, frames, tell)
    return tallies


def time_of_look(eye: StereoEye, here: LocalGround) -> float:
    """Return the CPU time of one look [s], picture and detection, the best of several places."""
    times: list[float] = []
    for frame in range(6):
        sense, toward = pose(frame, here, 6.0)
        began = time.process_time()
        eye.look(sense, toward)
        times.append(time.process_time() - began)
    return min(times[1:])


def rows(tallies: dict[float, Tally], rig: StereoRig, seconds: float) -> list[Row]:
    """Return the claims."""
    middles = 0.5 * (np.array(RANGE_EDGES_M[1:]) + np.array(RANGE_EDGES_M[:-1]))
    sunlit = [tallies[e] for e in LIGHTS if e != LAMP_DEG]
    worst = max(
        float(np.median(np.concatenate(t.error_m[k]))) / float(rig.sigma_depth_m(middles[k]))
        for t in sunlit
        for k in range(len(middles))
    )
    near, high = 4, HEIGHT_EDGES_M.index(0.3)  # bins up to 10 m; rocks from 0.3 m
    clear = [tallies[e] for e in LIGHTS if 3.0 <= e < LAMP_DEG]
    hits, total, chance = (
        sum(float(getattr(t, field)[:near, high:].sum()) for t in clear) for field in ("seen", "rocks", "chance")
    )
    low, up = wilson(hits, total)
    false = sum(float(t.false.sum()) for t in sunlit)
    naive = sum(float(t.false_naive.sum()) for t in sunlit)
    unlike = sum(float(t.unlike.sum()) for t in sunlit)
    by_chance, moved = (sum(float(t.shifted[i]) for t in sunlit) for i in range(2))
    area = float(areas_m2().sum()) * FRAMES * len(sunlit)
    bad = float(np.mean(np.concatenate([t.masked_bad for t in sunlit])))
    what = f"rocks >= 0.3 m high to 10 m, Sun 3-10 deg: seen ({low:.3f}-{up:.3f} of {total:.0f}; shifted {chance / max(total, 1):.3f})"
    return [
        at_most(BAR, "worst median depth error over z^2 sigma_d / (f B), any range and Sun", worst, "", 1.5),
        at_least(BAR, what, hits / max(total, 1.0), "", 0.9),
        at_most(
            BAR, f"false rocks in sunlight ({false:.0f}; moved by {SHIFT_M:g} m, {by_chance / max(moved, 1.0):.0%} stand at some rock too)",
            100.0 * false / area, "/100 m2", 1.0,
        ),
        Row(
            BAR, f"and at rocks of less than half or more than twice the height ({unlike:.0f})", 100.0 * unlike / area, "/100 m2",
            "told", True,
        ),
        Row(
            BAR, "false rocks without the shadow mask over those with it", naive / max(false, 1.0), "", ">= 1", naive >= false,
            f"no mask {100.0 * naive / area:.3g}", naive / max(false, 1.0),
        ),
        at_least(BAR, "share of what the mask takes out that is off by more than a pixel", bad, "", 0.25),
        at_most(BAR, "CPU time of one look, pictures included", seconds, "s", 0.3),
    ]  # fmt: skip


def table(counted: dict[float, Tally], frames: int = FRAMES) -> dict[str, object]:
    """Return the table of rates that the planner reads."""
    tallies = [counted[elevation] for elevation in LIGHTS]
    area = areas_m2() * frames
    offsets = [np.concatenate(t.offset_m) for t in tallies]
    bins = [np.concatenate(t.offset_bin) for t in tallies]
    every, where = np.concatenate(offsets), np.concatenate(bins)
    edges = np.array(RANGE_EDGES_M)
    return {
        "made_by": "moonfleet.experiments.bench.hazards_stereo",
        "seed": SEED,
        "frames_per_light": frames,
        "light_el_deg": list(LIGHTS),
        "range_m": np.round(0.5 * (edges[1:] + edges[:-1]), 3).tolist(),
        "height_m": np.round(np.sqrt(np.array(HEIGHT_EDGES_M[1:]) * np.array(HEIGHT_EDGES_M[:-1])), 3).tolist(),
        "rocks": [t.rocks.astype(int).tolist() for t in tallies],
        "p_seen": [np.round(shares(t.seen, t.rocks), 4).tolist() for t in tallies],
        "false_per_m2": [np.round(t.false / area, 6).tolist() for t in tallies],
        "place_sigma_m": [round(float(every[where == k].std()), 4) for k in range(len(edges) - 1)],
        "size_sigma": round(float(np.concatenate([s for t in tallies for s in t.size]).std()), 4),
        "confidence": round(float(np.median(np.concatenate([c for t in tallies for c in t.confidence]))), 3),
    }


def shares(seen: Counts, rocks: Counts) -> Counts:
    """Return the share seen [K, D]; a height that occurred too seldom to tell has the share of the next lower one."""
    out = seen / np.maximum(rocks, 1.0)
    for column in range(1, out.shape[1]):
        few = rocks[:, column] < ENOUGH
        out[few, column] = out[few, column - 1]
    return out


def main() -> None:
    """Measure and write."""
    from moonfleet.autonomy import data

    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(str(data.__file__)).with_name("eyesight_stereo.json")
    rates = table(measure(ground(), lambda line: None))
    out.write_text(json.dumps(rates, indent=1) + "\n")


BARS: dict[str, Bar] = {BAR: stereo}

if __name__ == "__main__":
    main()
