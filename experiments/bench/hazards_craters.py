"""Craters in real pictures: LROC NAC crops with labels, the shipped model on pictures that it was not trained on, peers beside it.

The model's file names the pictures it was trained on (by a digest of their pixels) and the threshold that was fixed on them by
cross-validation. Pictures of the folder that it has not seen are scored with it (`nac_craters.FOLDER` points to other folders).
Where there are none, as with the labelled set itself, all of which the shipped model learned from, the same training is run again
without each fold of pictures, and those models are scored on the fold, with the threshold of the other folds; that needs scikit-learn
and a checkout.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.seeds import stream

from . import nac_craters as nac
from .checkout import from_tests
from .registry import Bar, Row, Tell, at_least, at_most

BAR = "hazards.2"
F1 = 0.70
STRETCH = 0.80
MS_PER_MP = 300.0  # [ms] one core
RUNS = 3  # the fastest counts

Found = tuple[nac.F64, nac.F64]  # boxes x, y, w, h [n, 4] and confidence [n]
Detector = Callable[[NDArray[np.uint8]], Found]


class Measured(NamedTuple):
    """What one detector did on all pictures."""

    found: list[Found]
    ms_per_mp: float


def craters(tell: Tell) -> list[Row]:
    """F1, recall beside chance, and speed of ours and of the peers on pictures kept from training."""
    import cv2

    from moonfleet.autonomy.craters_seen import MODEL_FILE
    from moonfleet.autonomy.verifier import read_model_file

    notes = cast(dict[str, Any], read_model_file(MODEL_FILE)["notes"])
    pictures = nac.read(nac.folder())
    held = [picture for picture in pictures if picture.digest not in notes["trained_on"]]
    known = [picture for picture in pictures if picture.digest in notes["trained_on"]]
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        if held:
            ours, threshold, how = measure(detect, held), float(notes["threshold"]), "unseen"
        else:
            tell(
                f"the shipped model has seen all {len(known)} pictures: training again without each fold (some minutes)"
            )
            held, ours, threshold, how = *trained_again(tell, measure(detect, known).ms_per_mp), 0.0, "cross-validated"
        rows = scored(ours, held, threshold, how, tell)
        for name, detector in peers().items():
            rows.append(peer_row(name, detector, known or held, held, rows[0], tell))
    finally:
        cv2.setNumThreads(threads)
    return rows


def trained_again(tell: Tell, ms_per_mp: float) -> tuple[list[nac.Picture], Measured]:
    """Return the pictures, and what models of the shipped recipe find in each that have not seen it; confidence is above threshold.

    The time is that of the shipped model.
    """
    training = from_tests(
        "autonomy.train_craters", BAR, f"to train again without each fold (or give other pictures in {nac.FOLDER})"
    )
    found = training.cross_validated(tell)
    return [picture for picture, _, _ in found], Measured([(boxes, sure) for _, boxes, sure in found], ms_per_mp)


def scored(ours: Measured, held: list[nac.Picture], threshold: float, how: str, tell: Tell) -> list[Row]:
    """Return our rows, at a threshold fixed on other pictures."""
    strict, lenient = (
        [nac.match(p.name, *found, p.boxes, ignore_small=small) for p, found in zip(held, ours.found, strict=True)]
        for small in (False, True)
    )
    f1, recall, precision = nac.score(strict, threshold)
    chance = by_chance(held, ours.found, threshold)
    for hits in strict:
        tell("{}: F1 {:.3f}, recall {:.3f}, precision {:.3f}".format(hits.name, *nac.score([hits], threshold)))
    what = f"craters >= {nac.WIDTH_MIN:g} px in {len(held)} {how} NAC pictures"
    return [
        at_least(BAR, f"F1, {what}", f1, "", F1),
        at_least(BAR, f"F1 (stretch), {what}", f1, "", STRETCH),
        at_least(BAR, f"recall (shifted boxes {chance:.3f}; precision {precision:.2f})", recall, "", 3.0 * chance),
        at_least(BAR, "F1, narrower boxes ignored as COCO does", nac.score(lenient, threshold)[0], "", F1),
        at_most(BAR, "time, one core", ours.ms_per_mp, "ms/MP", MS_PER_MP),
    ]


def peer_row(
    name: str, detector: Detector, fixed_on: list[nac.Picture], held: list[nac.Picture], first: Row, tell: Tell
) -> Row:
    """Return how far ours is ahead of a peer, whose threshold is fixed on ``fixed_on``."""
    taught = [nac.match(p.name, *detector(p.image), p.boxes) for p in fixed_on]
    theirs = measure(detector, held)
    threshold = nac.best_threshold(taught)
    hits = [nac.match(p.name, *found, p.boxes) for p, found in zip(held, theirs.found, strict=True)]
    f1, recall, _ = nac.score(hits, threshold)
    chance = by_chance(held, theirs.found, threshold)
    tell(f"{name}: F1 {f1:.3f}, recall {recall:.3f} (shifted {chance:.3f}), {theirs.ms_per_mp:.0f} ms/MP")
    ratio = float(first.value) / max(f1, 1e-3)
    peer = f"{name} {f1:.3f}, {theirs.ms_per_mp:.0f} ms/MP"
    return Row(BAR, f"F1 over {name}'s", ratio, "", ">= 1", ratio >= 1.0, peer, ratio)


def by_chance(held: list[nac.Picture], found: list[Found], threshold: float) -> float:
    """Return the recall of the same detections randomly shifted, over all pictures."""
    rng = stream(1, "hazards.craters")
    share = [
        nac.shifted_recall(p, boxes[confidence >= threshold], rng)
        for p, (boxes, confidence) in zip(held, found, strict=True)
    ]
    labels = [int((p.boxes[:, 2] >= nac.WIDTH_MIN).sum()) for p in held]
    return float(np.average(share, weights=labels))


def measure(detector: Detector, pictures: list[nac.Picture]) -> Measured:
    """Return what a detector finds, and its time (thread CPU time, compiled before)."""
    detector(pictures[0].image)
    found: list[Found] = []
    total = 0.0
    for picture in pictures:
        times: list[float] = []
        for run in range(RUNS):
            began = time.process_time()
            one = detector(picture.image)
            times.append(time.process_time() - began)
            if run == 0:
                found.append(one)
        total += min(times)
    return Measured(found, 1e3 * total / (sum(picture.image.size for picture in pictures) / 1e6))


def detect(image: NDArray[np.uint8]) -> Found:
    """Ours; the light is read from the picture."""
    from moonfleet.autonomy.craters_seen import detect_craters

    seen = detect_craters(image, min_width_px=nac.WIDTH_MIN, min_confidence=0.05)
    return seen.boxes, seen.confidence


def peers() -> dict[str, Detector]:
    """Return the detectors that others would reach for."""
    found: dict[str, Detector] = {"cv2 SimpleBlobDetector": simple_blob, "cv2 HoughCircles (ALT)": hough}
    return found | ({"skimage blob_log": blob_log} if find_spec("skimage") else {})


def _squares(col: nac.F64, row: nac.F64, radius: nac.F64) -> nac.F64:
    return np.column_stack([col + 0.5 - radius, row + 0.5 - radius, 2.0 * radius, 2.0 * radius])


def simple_blob(image: NDArray[np.uint8]) -> Found:
    """OpenCV's blob detector, dark and bright blobs, any shape; a crater is a blob twice as wide (its shadow or lit wall)."""
    import cv2

    settings = cv2.SimpleBlobDetector.Params()
    settings.filterByColor = settings.filterByInertia = settings.filterByConvexity = False
    settings.minArea, settings.maxArea = 30.0, 30_000.0
    points = cv2.SimpleBlobDetector.create(settings).detect(image)
    col, row = (np.array([point.pt[axis] for point in points]) for axis in (0, 1))
    size = np.array([point.size for point in points])
    return _squares(col, row, size), size / max(float(size.max(initial=0.0)), 1.0)


def hough(image: NDArray[np.uint8]) -> Found:
    """OpenCV's gradient Hough transform for circles, the order of its answers as confidence."""
    import cv2

    circles = cv2.HoughCircles(
        image, cv2.HOUGH_GRADIENT_ALT, 1.5, 8, param1=200, param2=0.4, minRadius=7, maxRadius=140
    )
    if circles is None:
        return np.empty((0, 4)), np.empty(0)
    col, row, radius = np.asarray(circles, dtype=np.float64).reshape(-1, circles.shape[-1]).T[:3]
    return _squares(col, row, radius), np.linspace(1.0, 0.0, len(col))


def blob_log(image: NDArray[np.uint8]) -> Found:
    """scikit-image's Laplacian of Gaussian on the dark side; a bowl is twice as wide as its shadow."""
    from skimage.feature import blob_log as log

    blobs = np.asarray(log(255 - image, min_sigma=3, max_sigma=40, num_sigma=10, threshold=0.1), dtype=np.float64)
    radius = 2.0 * np.sqrt(2.0) * blobs[:, 2]
    return _squares(blobs[:, 1], blobs[:, 0], radius), np.linspace(1.0, 0.0, len(blobs))


BARS: dict[str, Bar] = {BAR: craters}
