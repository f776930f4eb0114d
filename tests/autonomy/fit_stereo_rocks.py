"""Fit the laws of size, height and chance in `autonomy.stereo_rocks`: ``python -m tests.autonomy.fit_stereo_rocks``.

Rendered pairs of seeded ground at Sun 1.5-15 deg and by lamp, candidates matched one to one to the true rocks; prints what to put
into the module.
"""

from __future__ import annotations

import sys

import cv2
import numpy as np
from sklearn.linear_model import HuberRegressor, LogisticRegression

from moonfleet.agents.camera_frames import pair_images
from moonfleet.autonomy import stereo_rocks as law
from moonfleet.autonomy.camera import MastCamera
from moonfleet.autonomy.rocks_seen import round_rocks
from moonfleet.autonomy.stereo import in_site, points_of, rig_for, stereo_depth
from moonfleet.experiments.bench.hazards_stereo import match, slack
from moonfleet.terrain.shading import Sun
from tests.autonomy.rock_scenes import ground

CAMERA = MastCamera(1.5, 15.0, 70.0)
LIGHTS = (1.5, 2.0, 3.0, 4.5, 6.0, 10.0, 15.0, None)
SMALLEST_M = 0.05
PLAIN_M = 0.12  # [m] rocks from this height tell size and height
LOWEST_M = 0.08  # [m] a candidate on a lower rock is neither right nor wrong


def main() -> None:
    """Fit and print."""
    cv2.setNumThreads(1)
    rig = rig_for(CAMERA)
    terms: dict[str, list[np.ndarray]] = {"size": [], "height": [], "rock": []}
    truth: dict[str, list[np.ndarray]] = {"size": [], "height": [], "rock": [], "deeper": []}
    places = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    for place in range(places):
        here = ground(900 + place, (0.02, 0.03, 0.05, 0.08)[place % 4], 2.0 + place % 5)
        for k, elevation in enumerate(LIGHTS):
            sun = None if elevation is None else Sun((97.0 * place + 53.0 * k) % 360.0, elevation)
            left, right = pair_images(here, 0.0, 0.0, 0.0, rig, sun, place, range_m=CAMERA.range_m, index=(k,))
            found = law.candidates(points_of(stereo_depth(left, right, rig), rig, CAMERA.range_m), rig)
            if found.right.size == 0:
                continue
            site = in_site(np.stack([found.right, found.ahead, found.height], axis=1), 0.0, 0.0, 0.0)
            rocks = here.rocks(-20.0, -20.0, 20.0, 20.0)
            rocks = rocks[rocks[:, 3] >= SMALLEST_M]
            seen = round_rocks(site[:, 0], site[:, 1], found.width, np.ones_like(found.width))._replace(
                height_m=found.height
            )
            partner = match(seen, rocks, slack(rig, np.hypot(site[:, 0], site[:, 1])), np.inf)
            good = partner >= 0
            low = good & (rocks[partner, 3] < LOWEST_M)
            good &= ~low
            columns = {
                "size": np.column_stack(np.broadcast_arrays(*law.size_terms(found))),
                "height": np.column_stack(np.broadcast_arrays(*law.height_terms(found))),
                "rock": np.column_stack(np.broadcast_arrays(*law.rock_terms(found))),
            }
            plain = good & (rocks[partner, 3] >= PLAIN_M)
            terms["size"].append(columns["size"][plain])
            terms["height"].append(columns["height"][plain])
            terms["rock"].append(columns["rock"][~low])
            truth["size"].append(np.log(rocks[partner[plain], 2]))
            truth["height"].append(np.log(rocks[partner[plain], 3]))
            truth["rock"].append(good[~low])
            away = np.hypot(rocks[partner[plain], 0], rocks[partner[plain], 1])
            truth["deeper"].append((away - np.hypot(site[plain, 0], site[plain, 1])) / rocks[partner[plain], 2])
    x = {name: np.concatenate(parts) for name, parts in terms.items()}
    y = {name: np.concatenate(parts) for name, parts in truth.items()}
    for name in ("size", "height"):
        fit = HuberRegressor(fit_intercept=False, alpha=0.0, max_iter=1000).fit(x[name], y[name])
        rest = y[name] - fit.predict(x[name])
        sys.stdout.write(f"_{name.upper()} = {tuple(np.round(fit.coef_, 3).tolist())}  sigma {rest.std():.3f}\n")
    sys.stdout.write(f"_DEEPER = {np.median(y['deeper']):.3f}\n")
    fit = LogisticRegression(fit_intercept=False, C=10.0, max_iter=1000).fit(x["rock"], y["rock"])
    sys.stdout.write(f"_ROCK = {tuple(np.round(fit.coef_[0], 3).tolist())}\n")
    chance = fit.predict_proba(x["rock"])[:, 1]
    sys.stdout.write(f"{len(chance)} candidates, {y['rock'].mean():.3f} rocks\n")
    for cut in (0.3, 0.5, 0.7):
        kept = chance >= cut
        sys.stdout.write(
            f"cut {cut}: precision {y['rock'][kept].mean():.3f}, rocks kept {kept[y['rock']].mean():.3f}\n"
        )


if __name__ == "__main__":
    main()
