"""Rocks of at least 0.3 m height in rendered pictures of 1 MP from above at 0.1 m/px: recall, precision, chance, peers, calibration, time.

Scenes and the definition of a visible rock: `rock_scenes`. A rock counts if it is at least 0.3 m high above the ground under it and
visible: more than half the Sun's disc reaches at least 15 % of the cells that it covers (an unshadowed rock in low light shows about
half of them lit), or its own shadow darkens lit ground of at least half the area that it covers. A rock that lies wholly in the shadow of
another rock or of a crater does not count; a detection of such a rock counts neither way. Detections are matched one to one, nearest first,
within 0.3 m or 0.6 diameters. ``strict`` precision holds a detection of a rock lower than 0.3 m for false, ``lenient`` leaves it out. The
thresholds of confidence and height stand in the model's file, fixed on other scenes; those of the peers are fixed here on such scenes.

With the map: a robot knows the ground as an orbiter measured it, on the cells that the fine ground was made on (20 m), smooth, without
the craters and the roughness below those and without rocks; that tells how the ground slopes along the light. What the picture
alone gives is said too.
"""

from __future__ import annotations

import time
from typing import Any, cast

import numpy as np

from .registry import Bar, Row, Tell, at_least, at_most
from .rock_peers import Found, Peer, peers
from .rock_scenes import Scene, some_view, take
from .rock_scores import NOTHING, Tally, tally
from .share_interval import wilson

BAR = "hazards.1"
RECALL, PRECISION = 0.90, 0.80
BARRED_EL = (5.0, 10.0)  # [deg]
CURVE_EL = (1.5, 3.0)
SCENES, FIRST_SEED = 16, 9000  # of each light; not seen in training
PEER_SCENES, PEER_TRAINING, TRAINING_SEED = 6, 3, 3000
MS_PER_MP = 500.0  # [ms] one core
FRAME_MS, FRAME_PX = 60.0, 400  # [ms] a rover's picture
RUNS = 3  # the fastest counts


def rocks(tell: Tell) -> list[Row]:
    """Recall and precision by light, peers, calibration and speed."""
    import cv2

    from moonfleet.autonomy.rocks_seen import MODEL_FILE
    from moonfleet.autonomy.verifier import read_model_file

    notes = cast(dict[str, Any], read_model_file(MODEL_FILE)["notes"])
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        rows: list[Row] = []
        for el in (*BARRED_EL, *CURVE_EL):
            scenes = [take(some_view(FIRST_SEED + number, el)) for number in range(SCENES)]
            rows += light_rows(el, scenes, notes, tell, mapped=True)
            rows += light_rows(el, scenes, notes, tell, mapped=False)
            if el in BARRED_EL:
                rows += peer_rows(el, scenes[:PEER_SCENES], notes, tell)
        rows += time_rows()
    finally:
        cv2.setNumThreads(threads)
    return rows


def light_rows(el: float, scenes: list[Scene], notes: dict[str, Any], tell: Tell, *, mapped: bool) -> list[Row]:
    """Return what ours finds in one light, with the map (which is barred) or from the picture alone: recall, both precisions."""
    total = ours(scenes, notes, mapped=mapped)
    how = "with the map" if mapped else "picture alone"
    low, high = wilson(total.found, total.wanted)
    claimed = total.found + total.low + total.false
    strict = wilson(total.found, claimed)
    tell(
        f"{el:g} deg, {how}: {total.wanted} rocks, recall {total.recall:.3f} [{low:.3f}, {high:.3f}], chance {total.chance:.3f}, "
        f"precision strict {total.strict:.3f} [{strict[0]:.3f}, {strict[1]:.3f}], lenient {total.lenient:.3f}"
    )
    barred = mapped and el in BARRED_EL
    where = f"rocks >= 0.3 m at {el:g} deg Sun, {how}"
    return [
        at_least(
            BAR,
            f"recall, {total.wanted} {where} [{low:.3f}, {high:.3f}] (shifted: {total.chance:.3f})",
            total.recall,
            "",
            RECALL if barred else 3.0 * total.chance,
        ),
        at_least(
            BAR,
            f"precision, strict, {where} [{strict[0]:.3f}, {strict[1]:.3f}]",
            total.strict,
            "",
            PRECISION if barred else 0.0,
        ),
        at_least(BAR, f"precision, lower rocks left out, {where}", total.lenient, "", PRECISION if barred else 0.0),
    ]


def ours(scenes: list[Scene], notes: dict[str, Any], *, mapped: bool) -> Tally:
    """Count ours over scenes of one light, at the thresholds of that light in the model's notes."""
    from moonfleet.autonomy.rocks_seen import detect_rocks

    total, fixed = NOTHING, notes["thresholds"]["map" if mapped else "picture"]
    for scene in scenes:
        view = scene.view
        confidence, height = (float(value) for value in fixed[f"{view.light_el_deg:g}"])
        seen = detect_rocks(
            scene.image,
            view.cell_m,
            view.light_az_deg,
            view.light_el_deg,
            ground_m=scene.map_m if mapped else None,
            min_confidence=confidence,
        )
        tall = seen.take(seen.height_m >= height)
        total = total.plus(tally(scene, tall.x, tall.y))
    return total


def summed(scenes: list[Scene], found: list[Found], least: float) -> Tally:
    """Count a peer's answers of at least a score."""
    total = NOTHING
    for scene, (x, y, score) in zip(scenes, found, strict=True):
        total = total.plus(tally(scene, x[score >= least], y[score >= least]))
    return total


def peer_rows(el: float, scenes: list[Scene], notes: dict[str, Any], tell: Tell) -> list[Row]:
    """Return ours beside each peer, whose threshold is fixed on training scenes by the F1 of the strict score."""
    taught = [take(some_view(TRAINING_SEED + 5 * number + 1, el)) for number in range(PEER_TRAINING)]
    rows: list[Row] = []
    mine = ours(scenes, notes, mapped=False)  # as the peers, without a map
    for name, variants in peers().items():
        peer, least = taught_peer(variants, taught)
        began = time.process_time()
        answers = [peer(scene) for scene in scenes]
        ms = 1e3 * (time.process_time() - began) / (sum(scene.image.size for scene in scenes) / 1e6)
        got = summed(scenes, answers, least)
        shown = (
            f"recall {got.recall:.2f} (shifted {got.chance:.2f}), precision {got.strict:.2f} strict, "
            f"{got.lenient:.2f} lenient, {ms:.0f} ms/MP"
        )
        tell(f"{el:g} deg, {name}: {shown}")
        ratio = mine.f1 / max(got.f1, 1e-3)
        rows.append(Row(BAR, f"F1 at {el:g} deg over {name}'s", ratio, "", ">= 1", ratio >= 1.0, shown, ratio))
    return rows


def taught_peer(variants: tuple[Peer, ...], scenes: list[Scene]) -> tuple[Peer, float]:
    """Return the variant and the least score that give the best F1, strict, on training scenes."""
    best, chosen = -1.0, (variants[0], 0.0)
    for peer in variants:
        found = [peer(scene) for scene in scenes]
        for least in np.quantile(np.concatenate([one[2] for one in found]), np.linspace(0.0, 0.999, 50)):
            f1 = summed(scenes, found, float(least)).f1
            if f1 > best:
                best, chosen = f1, (peer, float(least))
    return chosen


def time_rows() -> list[Row]:
    """Return CPU time per megapixel and of a rover's picture, the fastest of some runs, all code compiled before."""
    from moonfleet.autonomy.rocks_seen import detect_rocks

    rows: list[Row] = []
    for what, half_m, limit in (("of 1 MP", 50.0, MS_PER_MP), (f"of {FRAME_PX}^2", 0.05 * FRAME_PX, FRAME_MS)):
        scene = take(some_view(FIRST_SEED + 5, BARRED_EL[0], half_m))
        view, times = scene.view, list[float]()
        for _ in range(RUNS + 1):
            began = time.process_time()
            detect_rocks(scene.image, view.cell_m, view.light_az_deg, view.light_el_deg, ground_m=scene.map_m)
            times.append(1e3 * (time.process_time() - began))
        rows.append(at_most(BAR, f"time, a picture {what}, one core", min(times), "ms", limit))
    return rows


BARS: dict[str, Bar] = {BAR: rocks}
