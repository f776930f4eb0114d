"""How hard StationOps is, and who works there: levels as sets of options, and fleets.

==========  =================================================================================================
level       what it asks
==========  =================================================================================================
easy        a week that begins in the light, nothing fails, and every hour of work is rewarded
default     two weeks with nights, and machines that fail; only what is finished and sent home counts
hard        a month, begun at any hour, without the relay satellite
==========  =================================================================================================
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections import Counter
from collections.abc import Sequence

from moonfleet.agents.catalogue import RobotSpec

from ..errors import EnvOptionError, need_count, need_dates, need_name, need_number
from ..machines import need_machine
from ..options import need_flag, need_known, plain_options
from .rewards import RewardWeights

FLEETS: dict[str, tuple[str, ...]] = {
    "pair": ("ce7-lander", "yutu-rover"),
    "small": ("ce7-lander", "yutu-rover", "viper-rover", "queqiao2"),
    "default": (
        *("ce7-lander", "yutu-rover", "viper-rover", "ce7-hopper", "grader", "grader", "yutu-rover"),
        "queqiao2",
    ),
    "large": (
        *("ce7-lander", *("yutu-rover",) * 5, *("viper-rover",) * 4, "ce7-hopper", *("grader",) * 4),
        "queqiao2",
    ),
}
NAMES = {  # what robots of a kind are called
    "ce7-lander": "station", "yutu-rover": "surveyor", "viper-rover": "driller", "ce7-hopper": "hopper", "grader": "builder",
    "queqiao2": "relay",
}  # fmt: skip
LEAST, MOST = 2, 64  # robots
HOUR_S = 3600  # of a decision
PERCEPTIONS = ("map", "statistical", "stereo", "rendered")


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Fleet:
    """The robots of a game: names and machines, the station first. Two are the same only if they are one object."""

    names: tuple[str, ...]
    specs: tuple[RobotSpec, ...]

    @property
    def tools(self) -> frozenset[str]:
        """Tools that somebody has."""
        return frozenset(tool for spec in self.specs for tool in spec.tools)


@dataclasses.dataclass(frozen=True, slots=True)
class Level:
    """Options of a game; each may be given on its own too."""

    days: float = 14.0  # length of a mission; whole hours
    dates: tuple[str, str] = ("2027-01-01T00:00:00", "2031-01-01T00:00:00")  # UTC range of the starts
    lit_start_h: int = 1  # hours that the station stands in the light at the start
    faults: bool = True  # whether machines fail as the catalogue says
    relay: bool = True  # whether there is a relay satellite
    drive_s: int = 3600  # between two looks at robots under way [s]
    tick_s: int = 300  # of the physics [s]
    perception: str = "map"  # how robots see the ground; many worlds side by side know "map" only
    weights: RewardWeights = dataclasses.field(default_factory=RewardWeights)

    @property
    def hours(self) -> int:
        """Decision steps of a mission."""
        return round(self.days * 24.0)

    @property
    def span(self) -> tuple[float, float]:
        """The dates, seconds TDB past J2000."""
        return _span_of(tuple(self.dates))  # pyright: ignore[reportArgumentType]

    def check(self) -> None:
        """Raise `EnvOptionError` for an option that is not allowed."""
        need_number("days", self.days, 1.0 / 24.0, 3660.0)
        first, last = (math.ceil(date / HOUR_S) for date in need_dates(self.dates))
        if first >= last:
            raise EnvOptionError(
                f"dates: got {self.dates!r}; missions start on a whole hour of TDB, and none lies between."
            )
        need_count("lit_start_h", self.lit_start_h, 0, 10_000)
        need_count("drive_s", self.drive_s, 1, 3600)
        need_count("tick_s", self.tick_s, 1, 300)
        if 3600 % self.drive_s or self.drive_s % self.tick_s:
            raise EnvOptionError(
                f"drive_s, tick_s: got {self.drive_s}, {self.tick_s}; ticks must divide drive steps, and these 3600 s."
            )
        need_name("perception", self.perception, PERCEPTIONS)
        for name in ("faults", "relay"):
            need_flag(name, getattr(self, name))
        if not isinstance(self.weights, RewardWeights):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise EnvOptionError(f"weights: got {type(self.weights).__name__}, need RewardWeights.")


@functools.lru_cache(maxsize=64)
def _span_of(dates: tuple[str, str]) -> tuple[float, float]:
    """Return `need_dates` of dates that were checked; every episode asks for it."""
    return need_dates(dates)


LEVELS: dict[str, Level] = {
    "easy": Level(days=7.0, lit_start_h=24, faults=False, weights=RewardWeights(work=1.0)),
    "default": Level(),
    "hard": Level(days=29.0, lit_start_h=0, relay=False),
}


def level_of(name: str, options: dict[str, object]) -> Level:
    """Return the level ``name`` with the ``options`` that differ; None leaves one as it is.

    Raises `EnvOptionError` for an unknown level or option, or a value that is not allowed.
    """
    level = LEVELS[need_name("level", name, LEVELS)]
    need_known(options, [field.name for field in dataclasses.fields(Level)])
    given = {name: value for name, value in plain_options(options).items() if value is not None}
    chosen = dataclasses.replace(level, **given)
    chosen.check()
    return chosen


def fleet_of(fleet: str | Sequence[str]) -> Fleet:
    """Return a named fleet of `FLEETS`, or one of these kinds of the robot catalogue, the station's lander first.

    Raises `EnvOptionError` for a name that is not known, fewer than 2 or more than 64 robots, or no lander in front.
    """
    if not isinstance(fleet, (str, list, tuple)) or not all(isinstance(kind, str) for kind in fleet):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise EnvOptionError(f"fleet: got {fleet!r}, need the name of a fleet or a list of kinds of the catalogue.")
    kinds = FLEETS[need_name("fleet", fleet, FLEETS)] if isinstance(fleet, str) else tuple(fleet)
    if not LEAST <= len(kinds) <= MOST:
        raise EnvOptionError(f"fleet: got {len(kinds)} robots, need {LEAST} to {MOST}.")
    specs = tuple(need_machine(f"fleet[{i}]", kind) for i, kind in enumerate(kinds))
    if specs[0].role != "lander":
        raise EnvOptionError(f"fleet: got {kinds[0]!r} in front, need the lander that is the station.")
    return Fleet(_names(kinds), specs)


def _names(kinds: tuple[str, ...]) -> tuple[str, ...]:
    """Return a name for each robot: what its kind is called, numbered where there are several."""
    called = [NAMES.get(kind, kind) for kind in kinds]
    count, seen = Counter(called), Counter[str]()
    names: list[str] = []
    for name in called:
        seen[name] += 1
        names.append(name if count[name] == 1 else f"{name}-{seen[name]}")
    return tuple(names)
