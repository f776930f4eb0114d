"""What the runs of a campaign say together: means and shares with their 95 % intervals, per combination."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from .bench.share_interval import wilson

Row = Mapping[str, Any]


class Estimate(NamedTuple):
    """A figure of a mission as estimated from ``runs`` of it, its 95 % interval, and the least and most seen."""

    mean: float
    low: float
    high: float
    runs: int
    least: float
    most: float


class Figure(NamedTuple):
    """One headline: its name, how it is read from a row, its unit, and whether it is a yes or no."""

    name: str
    title: str
    unit: str
    read: Any  # row -> float
    share: bool = False


FIGURES: tuple[Figure, ...] = (
    Figure("value", "value", "", lambda row: row["value"]),
    Figure("jobs_done", "jobs done", "", lambda row: row["jobs_done"]),
    Figure("all_done", "all jobs done", "", lambda row: row["jobs_done"] >= row["jobs_total"], share=True),
    Figure("losses", "robots lost", "", lambda row: row["losses"]),
    Figure("no_loss", "nobody lost", "", lambda row: row["losses"] == 0, share=True),
    Figure("driven", "driven", "km", lambda row: row["driven_m"] / 1000.0),
    Figure("archive", "data on Earth", "Gbit", lambda row: row["archive_mbit"] / 1000.0),
    Figure("contacts", "rocks hit", "", lambda row: row["contacts"]),
)


def estimate(figure: Figure, rows: Iterable[Row]) -> Estimate:
    """Estimate a figure: Student's interval of the mean, Wilson's of a share.

    Without a run everything is not-a-number; of one run the interval of a mean is infinite.
    """
    values = np.array([float(figure.read(row)) for row in rows])
    count = len(values)
    if count == 0:
        return Estimate(math.nan, math.nan, math.nan, 0, math.nan, math.nan)
    mean, least, most = float(values.mean()), float(values.min()), float(values.max())
    if figure.share:
        return Estimate(mean, *wilson(float(values.sum()), count), count, least, most)
    half = half_width(values)
    return Estimate(mean, mean - half, mean + half, count, least, most)


def half_width(values: np.ndarray) -> float:
    """Return half the 95 % interval of the mean of float64 [n] (Student 1908); infinite for fewer than two."""
    if len(values) < 2:
        return math.inf
    from scipy.special import stdtrit

    return float(stdtrit(len(values) - 1, 0.975) * values.std(ddof=1) / math.sqrt(len(values)))


def by_variant(rows: Sequence[Row], variants: int) -> list[list[Row]]:
    """Return the rows of each combination."""
    groups: list[list[Row]] = [[] for _ in range(variants)]
    for row in rows:
        groups[int(row["variant"])].append(row)
    return groups


def shown(figure: Figure, found: Estimate) -> str:
    """Return an estimate as people read it: ``312 ± 14 km``, ``92 % (85-96)``."""
    if found.runs == 0:
        return "-"
    if figure.share:
        return f"{found.mean:.0%} ({100 * found.low:.0f}-{100 * found.high:.0f})"
    unit = f" {figure.unit}" if figure.unit else ""
    half = found.high - found.mean
    digits = 0 if abs(found.mean) >= 100 else 1 if abs(found.mean) >= 10 else 2
    spread = f" ± {half:.{digits}f}" if math.isfinite(half) else ""
    return f"{found.mean:.{digits}f}{spread}{unit}"
