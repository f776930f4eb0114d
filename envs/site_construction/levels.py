"""How hard SiteConstruction is: levels as sets of options.

==========  ================================================================================================
level       what it asks
==========  ================================================================================================
easy        a grader and a paver, a small pad on nearly flat ground, always in the light
default     two excavators, a grader and a paver; cut and fill far apart, light for about half of the time
hard        eight machines, two of which land later, on steeper ground that lacks soil; machines break down
==========  ================================================================================================
"""

from __future__ import annotations

import dataclasses

from ..errors import EnvOptionError, need_count, need_dates, need_name, need_number
from ..machines import need_machine
from ..options import need_flag, need_known, plain_options
from .rewards import RewardWeights

MOST_ROBOTS = 8
WEIGHTS = RewardWeights()


@dataclasses.dataclass(frozen=True, slots=True)
class Level:
    """Options of a game; each may be given on its own too. Pairs are ranges that an episode draws from."""

    robots: tuple[str, ...] = ("excavator", "excavator", "grader", "paver")  # kinds of the catalogue
    arrivals: tuple[int, ...] = ()  # step from which each robot is there, 0 from the start; () for all from the start
    pad_cells: tuple[int, int] = (5, 6)  # side of the square pad [cells of 1 m]
    slope_deg: tuple[float, float] = (2.0, 4.0)  # slope of the site where it is built
    bumps_m: tuple[float, float] = (0.04, 0.08)  # amplitude of the unevenness below the site's grid
    offset_m: tuple[float, float] = (-0.02, 0.02)  # height of the design above the one that balances cut and fill
    lit: tuple[float, float] = (0.4, 0.7)  # mean share of the Sun's disc in sight over the episode
    battery_frac: tuple[float, float] = (0.5, 0.9)  # charge at the start, fraction of the capacity
    tolerance_m: float = 0.025  # a cell this near to the design is level
    sinter_m: float = 0.005  # depth of firm ground that a finished cell has had sintered
    max_steps: int = 432  # steps until ``truncated``
    faults: bool = False  # whether machines break down as the catalogue says
    dates: tuple[str, str] = ("2027-01-01T00:00:00", "2031-01-01T00:00:00")  # UTC range of the starts
    weights: RewardWeights = WEIGHTS

    def check(self) -> None:
        """Raise `EnvOptionError` for an option that is not allowed."""
        if not isinstance(self.robots, (tuple, list)) or not 1 <= len(self.robots) <= MOST_ROBOTS:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise EnvOptionError(f"robots: got {self.robots!r}, need 1 to {MOST_ROBOTS} kinds of the catalogue.")
        for i, kind in enumerate(self.robots):
            if not isinstance(kind, str):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise EnvOptionError(f"robots[{i}]: got {kind!r}, need a kind of the catalogue.")
            if need_machine(f"robots[{i}]", kind).speed_m_s <= 0.0:
                raise EnvOptionError(f"robots[{i}]: {kind!r} does not drive.")
        if not isinstance(self.arrivals, tuple):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise EnvOptionError(f"arrivals: got {self.arrivals!r}, need one step per robot, or ().")
        if len(self.arrivals) not in (0, len(self.robots)):
            raise EnvOptionError(f"arrivals: got {len(self.arrivals)} steps for {len(self.robots)} robots.")
        for i, step in enumerate(self.arrivals):
            need_count(f"arrivals[{i}]", step, 0, 1_000_000)
        _pair("pad_cells", self.pad_cells, 3, 12)
        for i, side in enumerate(self.pad_cells):
            need_count(f"pad_cells[{i}]", side, 3, 12)
        _pair("slope_deg", self.slope_deg, 0.0, 15.0)
        _pair("bumps_m", self.bumps_m, 0.0, 0.5)
        _pair("offset_m", self.offset_m, -0.5, 0.5)
        _pair("lit", self.lit, 0.0, 1.0)
        _pair("battery_frac", self.battery_frac, 0.01, 1.0)
        need_number("tolerance_m", self.tolerance_m, 0.001, 0.5)
        need_number("sinter_m", self.sinter_m, 0.0005, 0.2)
        need_count("max_steps", self.max_steps, 1, 100_000)
        need_flag("faults", self.faults)
        need_dates(self.dates)
        if not isinstance(self.weights, RewardWeights):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise EnvOptionError(f"weights: got {type(self.weights).__name__}, need RewardWeights.")


def _pair(field: str, value: object, low: float, high: float) -> None:
    """Raise `EnvOptionError` unless ``value`` is two numbers within [low, high], the first not above the second."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise EnvOptionError(f"{field}: got {value!r}, need two numbers (from, to).")
    first, last = need_number(f"{field}[0]", value[0], low, high), need_number(f"{field}[1]", value[1], low, high)
    if first > last:
        raise EnvOptionError(f"{field}: got {value!r}, the first number must not be above the second.")


LEVELS: dict[str, Level] = {
    "easy": Level(
        robots=("grader", "paver"),
        pad_cells=(4, 5),
        slope_deg=(0.0, 1.5),
        bumps_m=(0.02, 0.04),
        offset_m=(0.0, 0.0),
        lit=(0.98, 1.0),
        battery_frac=(0.8, 1.0),
        tolerance_m=0.03,
        sinter_m=0.002,
        max_steps=96,
    ),
    "default": Level(),
    "hard": Level(
        robots=("excavator", "excavator", "grader", "paver", "excavator", "paver", "grader", "paver"),
        arrivals=(0, 0, 0, 0, 0, 0, 72, 144),
        pad_cells=(7, 9),
        slope_deg=(3.0, 5.0),
        offset_m=(0.0, 0.06),
        lit=(0.35, 0.65),
        faults=True,
        max_steps=720,
    ),
}


def level_of(name: str, options: dict[str, object]) -> Level:
    """Return the level ``name`` with the ``options`` that differ.

    Raises `EnvOptionError` for an unknown level or option, or a value that is not allowed.
    """
    level = LEVELS[need_name("level", name, LEVELS)]
    need_known(options, [field.name for field in dataclasses.fields(Level)])
    made = dataclasses.replace(level, **plain_options(options))
    if "robots" in options and "arrivals" not in options:
        made = dataclasses.replace(made, arrivals=())
    made.check()
    return made
