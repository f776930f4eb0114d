"""Measure the rendered eye and write the table that the statistical eye draws from.

    python -m moonfleet.experiments.bench.eye_rates [OUT.json]

Frames of seeded ground at several light elevations, one-to-one matching of detections to true rocks (nearest first,
within half the larger diameter plus 0.2 m). Deterministic: the same file comes out again.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from moonfleet.agents import eye_rates as target
from moonfleet.agents.messages import Sense
from moonfleet.agents.sensors import RenderedEye
from moonfleet.autonomy.camera import MastCamera
from moonfleet.terrain.site import SiteRecipe, build_site

LIGHT_EL_DEG = (0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 25.0)  # 25 deg is the lamp
DIAMETER_M = (0.15, 0.2, 0.25, 0.35, 0.5, 0.7, 1.0)
SMALLEST_M = 0.12  # a detection of a rock from here on is not false, though smaller than those counted
FRAMES = 120
ENOUGH = 30  # rocks of a size that make a share worth telling
CAMERA = MastCamera(range_m=20.0, fov_deg=110.0)
EDGE = 0.95  # only rocks within this share of the range and the field of view are counted


def match(seen: np.ndarray, rocks: np.ndarray) -> np.ndarray:
    """Index of the rock each detection stands for, -1 none; ``seen`` [n, 3], ``rocks`` [m, 3] are x, y, diameter."""
    partner = np.full(len(seen), -1)
    if len(seen) == 0 or len(rocks) == 0:
        return partner
    gap = np.hypot(seen[:, None, 0] - rocks[None, :, 0], seen[:, None, 1] - rocks[None, :, 1])
    reach = 0.2 + 0.5 * np.maximum(seen[:, None, 2], rocks[None, :, 2])
    for flat in np.argsort(gap, axis=None):
        detection, rock = divmod(int(flat), len(rocks))
        if gap[detection, rock] > reach[detection, rock]:
            continue
        if partner[detection] < 0 and rock not in partner:
            partner[detection] = rock
    return partner


def shares(hits: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Share seen [L, D]; a size that occurred too seldom to tell has the share of the next smaller one."""
    seen = hits / np.maximum(total, 1)
    for column in range(1, seen.shape[1]):
        missing = total[:, column] < ENOUGH
        seen[missing, column] = seen[missing, column - 1]
    return seen


def measure() -> dict[str, object]:
    """Run the frames and return the table."""
    site = build_site(SiteRecipe("eye-rates", 123.4, -88.8, size_m=2_560, cell_m=20, seed=7, azimuths=36))
    eye = RenderedEye(site.ground, CAMERA, seed=7, robot=0)
    inner = CAMERA._replace(range_m=EDGE * CAMERA.range_m, fov_deg=EDGE * CAMERA.fov_deg)
    area = np.radians(inner.fov_deg) / 2 * (inner.range_m**2 - inner.near_m**2)
    edges = np.array([*DIAMETER_M, 9.0])
    hits, total = np.zeros((len(LIGHT_EL_DEG), len(DIAMETER_M))), np.zeros((len(LIGHT_EL_DEG), len(DIAMETER_M)))
    false_rate: list[float] = []
    offsets, sizes, false_sizes, confidences = [], [], [], []
    cx, cy = site.ref.centre
    for row, elevation in enumerate(LIGHT_EL_DEG):
        false = 0
        for frame in range(FRAMES):
            x, y = cx - 1_000 + 17.0 * frame, cy - 900 + 14.0 * ((frame * 7) % FRAMES)
            lit = 1.0 if elevation < 20 else 0.0
            toward = (frame * 53.0) % 360.0
            sense = Sense(frame, x, y, 0.0, (frame * 97.0) % 360.0, elevation, lit, 1.0, 1, False, 0.0)
            found = np.column_stack(eye.look(sense, toward))
            reach = CAMERA.range_m
            rocks = site.ground.rocks(x - reach, y - reach, x + reach, y + reach)
            rocks = rocks[(rocks[:, 2] >= SMALLEST_M) & inner.sees(rocks[:, 0], rocks[:, 1], (x, y), toward)]
            inside = inner.sees(found[:, 0], found[:, 1], (x, y), toward)
            found = found[inside & (found[:, 3] >= 0.5)]
            partner = match(found[:, :3], rocks)
            bins = np.digitize(rocks[:, 2], edges) - 1
            np.add.at(total[row], bins[bins >= 0], 1)
            met = bins[partner[partner >= 0]]
            np.add.at(hits[row], met[met >= 0], 1)
            good = partner >= 0
            false += int((~good).sum())
            offsets.append(found[good, :2] - rocks[partner[good], :2])
            sizes.append(np.log(found[good, 2] / rocks[partner[good], 2]))
            false_sizes.append(found[~good, 2])
            confidences.append(found[good, 3])
        false_rate.append(round(false / (FRAMES * area), 6))
    false_all = np.concatenate(false_sizes)
    steps = np.quantile(false_all, np.linspace(0.05, 0.95, 10)) if len(false_all) else np.array([DIAMETER_M[0]])
    return {
        "made_by": "moonfleet.experiments.bench.eye_rates",
        "frames_per_light": FRAMES,
        "light_el_deg": list(LIGHT_EL_DEG),
        "diameter_m": list(DIAMETER_M),
        "rocks": total.astype(int).tolist(),
        "p_seen": np.round(shares(hits, total), 4).tolist(),
        "false_rate": false_rate,
        "false_diameter_m": np.round(steps, 3).tolist(),
        "place_sigma_m": round(float(np.concatenate(offsets).std()), 4),
        "size_sigma": round(float(np.concatenate(sizes).std()), 4),
        "confidence": round(float(np.median(np.concatenate(confidences))), 3),
    }


def main() -> None:
    """Measure and write."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(target.__file__).with_name("eye_rates.json")
    out.write_text(json.dumps(measure(), indent=1) + "\n")


if __name__ == "__main__":
    main()
