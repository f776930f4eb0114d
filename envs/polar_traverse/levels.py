"""How hard PolarTraverse is: named sets of options, each of which can still be given by itself."""

from __future__ import annotations

import dataclasses

DATES = ("2029-01-01T00:00:00", "2030-01-01T00:00:00")  # a year holds every season and thirteen lunar days


@dataclasses.dataclass(frozen=True, slots=True)
class TraverseLevel:
    """Options of one level; see `PolarTraverseGame` for what they mean."""

    targets: int
    target_range_m: tuple[float, float]
    reach_m: float
    max_steps: int
    battery_frac: float
    lit_share: float
    faults: bool
    max_slope_deg: float | None = None  # the machine's own


LEVELS: dict[str, TraverseLevel] = {
    # near targets, a full battery and a lit country: the way round steep cells, of which there are many, is all there is to learn
    "easy": TraverseLevel(4, (150.0, 450.0), 40.0, 144, 1.0, 0.6, faults=False, max_slope_deg=9.0),
    # three days: more way than the battery holds, in light that comes and goes
    "default": TraverseLevel(16, (500.0, 2000.0), 40.0, 864, 0.5, 0.1, faults=False),
    # a week with little light to begin with, and machines that fail
    "hard": TraverseLevel(32, (800.0, 3000.0), 30.0, 2016, 0.35, 0.05, faults=True),
}
