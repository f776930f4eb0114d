"""How hard IceProspecting is: levels as sets of options, and the ground that it stands on.

==========  ================================================================================================
level       what it asks
==========  ================================================================================================
easy        ice a short drive from a home in the light, no faults, a large battery, progress is rewarded
default     ice farther away, a small battery, and faults that stop the drive for hours about once a day awake
hard        farther still, more faults and longer ones, and homes that may lie in the dark for part of the time
==========  ================================================================================================
"""

from __future__ import annotations

import dataclasses

from moonfleet.terrain.site import SiteRecipe

from ..errors import EnvOptionError, need_count, need_dates, need_name, need_number, need_range
from ..options import need_known, plain_options
from .rewards import RewardWeights

# 5.12 km at the rim of Haworth, where shadows never lift; 256 x 256 cells, horizons every 5 deg. The seeds differ in the small craters.
GROUNDS: tuple[SiteRecipe, ...] = tuple(
    SiteRecipe(
        name=f"ice-haworth-{seed}", lon_deg=337.22, lat_deg=-86.76, size_m=5120.0, cell_m=20.0, seed=seed, azimuths=72
    )
    for seed in range(1, 5)
)


WEIGHTS = RewardWeights()


@dataclasses.dataclass(frozen=True, slots=True)
class Level:
    """Options of a game; each may be given on its own too."""

    max_steps: int = 288  # steps until ``truncated``
    range_min: tuple[float, float] = (75.0, 150.0)  # driving time from home to the nearest prospect [min]
    battery_wh: float = 2400.0  # capacity
    battery_frac: float = 1.0  # charge at the start, fraction of the capacity
    cache_kg: float = 6.0  # cuttings that the rover can carry
    fault_per_h: float = 0.08  # faults that stop the drive, per hour awake
    repair_h: float = 2.0  # their mean length
    home_lit: float = 0.5  # least mean lit share of the Sun at home over the episode
    dates: tuple[str, str] = ("2027-01-01T00:00:00", "2031-01-01T00:00:00")  # UTC range of the starts
    weights: RewardWeights = WEIGHTS

    def check(self) -> None:
        """Raise `EnvOptionError` for an option that is not allowed."""
        need_count("max_steps", self.max_steps, 1, 100_000)
        need_range("range_min", self.range_min, 0.0, 1e4)
        need_number("battery_wh", self.battery_wh, 100.0, 1e6)
        need_number("battery_frac", self.battery_frac, 0.05, 1.0)
        need_number("cache_kg", self.cache_kg, 0.01, 1e3)
        need_number("fault_per_h", self.fault_per_h, 0.0, 100.0)
        need_number("repair_h", self.repair_h, 0.01, 1e4)
        need_number("home_lit", self.home_lit, 0.0, 1.0)
        need_dates(self.dates)
        if not isinstance(self.weights, RewardWeights):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise EnvOptionError(f"weights: got {type(self.weights).__name__}, need RewardWeights.")


LEVELS: dict[str, Level] = {
    "easy": Level(
        max_steps=96,
        range_min=(8.0, 20.0),
        battery_wh=5000.0,
        cache_kg=1.0,
        fault_per_h=0.0,
        home_lit=0.9,
        weights=RewardWeights(progress_per_h=6.0, drilled_per_kg=30.0, returned_per_kg=70.0),
    ),
    "default": Level(),
    "hard": Level(
        range_min=(100.0, 170.0), fault_per_h=0.15, repair_h=3.0, home_lit=0.25, battery_wh=3000.0, max_steps=576
    ),
}


def level_of(name: str, options: dict[str, object]) -> Level:
    """Return the level ``name`` with the ``options`` that differ.

    Raises `EnvOptionError` for an unknown level or option, or a value that is not allowed.
    """
    level = LEVELS[need_name("level", name, LEVELS)]
    need_known(options, [field.name for field in dataclasses.fields(Level)])
    chosen = dataclasses.replace(level, **plain_options(options))
    chosen.check()
    return chosen
