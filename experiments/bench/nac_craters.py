"""Labelled pictures of real craters and how detections are scored on them: one-to-one matches of boxes, F1, and what chance would give."""

from __future__ import annotations

import csv
import hashlib
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import BenchError

F64 = NDArray[np.float64]
FOLDER = "MOONFLEET_NAC_CRATERS"  # environment variable: a folder of other pictures to be scored
WIDTH_MIN = 16.0  # [px] of the boxes that count
OVERLAP = 0.5  # intersection over union of a match
SHIFTS = 20  # random shifts that make chance


class Picture(NamedTuple):
    """One labelled picture."""

    name: str
    image: NDArray[np.uint8]  # [R, C]
    boxes: F64  # [n, 4] x, y, w, h [px], all sizes
    digest: str  # of the picture's pixels


class Hits(NamedTuple):
    """What became of one picture's detections; ``confidence`` and ``true`` by falling confidence."""

    name: str
    confidence: F64  # [d]
    true: NDArray[np.bool_]  # [d]
    labels: int


def folder() -> Path:
    """Return where the labelled pictures lie: `FOLDER`, or ``../shared/data/nac_craters`` beside the checkout.

    Raises
    ------
    BenchError : there are none.
    """
    path = Path(os.environ.get(FOLDER) or Path(__file__).resolve().parents[3] / "shared" / "data" / "nac_craters")
    if not any(path.glob("*.png")):
        raise BenchError(f"{path}: no labelled crater pictures; set {FOLDER} to a folder of NAME.png with NAME.txt")
    return path


def read(path: Path) -> list[Picture]:
    """Return the pictures of a folder (``NAME.png`` with ``NAME.txt``: ID,X,Y,W,H,...), by name."""
    import cv2

    pictures: list[Picture] = []
    for png in sorted(path.glob("*.png")):
        image = cv2.imread(str(png), cv2.IMREAD_GRAYSCALE)
        if image is None:
            raise BenchError(f"{png}: cannot be read as a picture")
        try:
            with png.with_suffix(".txt").open(encoding="utf-8", newline="") as file:
                rows = [[float(row[key]) for key in "XYWH"] for row in csv.DictReader(file)]
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise BenchError(f"{png.with_suffix('.txt')}: must be a table with X, Y, W, H: {error}") from error
        pixels = np.asarray(image, dtype=np.uint8)
        digest = hashlib.sha256(pixels.tobytes()).hexdigest()[:16]
        pictures.append(Picture(png.stem, pixels, np.array(rows).reshape(-1, 4), digest))
    return pictures


def overlaps(a: F64, b: F64) -> F64:
    """Return intersection over union of boxes x, y, w, h: float64 [len(a), len(b)]."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum((a[:, :2] + a[:, 2:])[:, None], (b[:, :2] + b[:, 2:])[None])
    common = np.prod(np.maximum(high - low, 0.0), axis=2)
    return common / np.maximum(np.prod(a[:, 2:], axis=1)[:, None] + np.prod(b[:, 2:], axis=1)[None] - common, 1e-9)


def match(name: str, boxes: F64, confidence: F64, labels: F64, *, ignore_small: bool = False) -> Hits:
    """Match detections to labels one to one, the surest first, each with its best free label.

    Only labels at least `WIDTH_MIN` wide count. Detections must be as wide too; with ``ignore_small`` (as the COCO benchmark treats
    limits of size) narrower ones may match, and those that match nothing but a narrower label, or are narrower, are left out.
    """
    counted = labels[labels[:, 2] >= WIDTH_MIN]
    if not ignore_small:
        wide = boxes[:, 2] >= WIDTH_MIN
        boxes, confidence = boxes[wide], confidence[wide]
    order = np.argsort(-confidence, kind="stable")
    boxes, confidence = boxes[order], confidence[order]
    common = overlaps(boxes, counted)
    on_small = (overlaps(boxes, labels[labels[:, 2] < WIDTH_MIN]) >= OVERLAP).any(axis=1)
    true, free = np.zeros(len(boxes), bool), np.ones(len(counted), bool)
    for i in range(len(boxes)):
        best = int(np.argmax(common[i] * free)) if len(counted) else -1
        if best >= 0 and free[best] and common[i, best] >= OVERLAP:
            free[best], true[i] = False, True
    kept = true | ~(on_small | (boxes[:, 2] < WIDTH_MIN)) if ignore_small else np.ones(len(boxes), bool)
    return Hits(name, confidence[kept], true[kept], len(counted))


def score(hits: list[Hits], threshold: float) -> tuple[float, float, float]:
    """Return F1, recall and precision of all pictures together, of the detections at least ``threshold`` sure."""
    found = sum(int((h.confidence >= threshold).sum()) for h in hits)
    true = sum(int(h.true[h.confidence >= threshold].sum()) for h in hits)
    labels = sum(h.labels for h in hits)
    return 2.0 * true / max(found + labels, 1), true / max(labels, 1), true / max(found, 1)


def best_threshold(hits: list[Hits]) -> float:
    """Return the confidence above which F1 of all pictures together is greatest."""
    confidence = np.concatenate([h.confidence for h in hits])
    true = np.concatenate([h.true for h in hits])
    order = np.argsort(-confidence, kind="stable")
    f1 = 2.0 * np.cumsum(true[order]) / (np.arange(1, len(order) + 1) + sum(h.labels for h in hits))
    return float(confidence[order][f1.argmax()]) if len(order) else 1.0


def shifted_recall(picture: Picture, boxes: F64, rng: np.random.Generator) -> float:
    """Return the mean recall of the same boxes, all shifted by one random vector around the picture (mean of `SHIFTS`)."""
    rows, cols = picture.image.shape
    found = labels = 0
    for _ in range(SHIFTS):
        middle = boxes[:, :2] + 0.5 * boxes[:, 2:] + rng.uniform(0.0, 1.0, 2) * (cols, rows)
        moved = np.column_stack([middle % (cols, rows) - 0.5 * boxes[:, 2:], boxes[:, 2:]])
        hits = match(picture.name, moved, np.ones(len(boxes)), picture.boxes)
        found, labels = found + int(hits.true.sum()), labels + hits.labels
    return found / max(labels, 1)
