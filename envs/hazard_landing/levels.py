"""Difficulty levels of HazardLanding: sets of options, each of which a constructor may change.

=========  ======================================================================  ============  ==========
level      ground                                                                  fuel          faults
=========  ======================================================================  ============  ==========
easy       wide boulder fields and wide clear ground between them                  generous      none
default    boulders everywhere, denser in fields; rough, cratered                  tight         none
hard       the same, denser                                                        tighter       the lidar goes out
=========  ======================================================================  ============  ==========
"""

from __future__ import annotations

import dataclasses

from moonfleet.agents.landing_eye import LandingEye
from moonfleet.agents.landing_tiles import TileRecipe
from moonfleet.autonomy.errors import LandingError

from ..errors import EnvOptionError, need_name, need_number, need_range
from ..options import plain_options
from .rewards import RewardWeights


@dataclasses.dataclass(frozen=True, slots=True)
class Level:
    """What decides how hard it is; ranges are drawn from anew in every episode.

    Raises `EnvOptionError` for a value that is out of range.
    """

    terrain: TileRecipe  # of the pool of tiles
    fuel_kg: tuple[float, float]  # on board at the start
    noise: tuple[float, float]  # multiplies the noise of lidar and camera
    fault_chance: float  # of an episode in which the lidar goes out once
    fault_s: tuple[float, float]  # for how long
    sun_el: tuple[int, ...]  # which of `SUN_EL_DEG` are drawn
    eye: LandingEye
    weights: RewardWeights

    def __post_init__(self) -> None:
        """Check every range."""
        if not isinstance(self.terrain, TileRecipe):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise EnvOptionError(f"terrain: got {type(self.terrain).__name__}, need a TileRecipe.")
        if not isinstance(self.eye, LandingEye):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise EnvOptionError(f"eye: got {type(self.eye).__name__}, need a LandingEye.")
        if not isinstance(self.weights, RewardWeights):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise EnvOptionError(f"weights: got {type(self.weights).__name__}, need RewardWeights.")
        need_range("fuel_kg", self.fuel_kg, 1.0, 1000.0)
        need_range("noise", self.noise, 0.0, 100.0)
        need_number("fault_chance", self.fault_chance, 0.0, 1.0)
        need_range("fault_s", self.fault_s, 0.0, 1000.0)
        if not isinstance(self.sun_el, tuple) or not self.sun_el or any(k not in (0, 1, 2) for k in self.sun_el):
            raise EnvOptionError(f"sun_el: got {self.sun_el!r}, need some of 0 (3 deg), 1 (6 deg) and 2 (12 deg).")


EASY = Level(
    terrain=TileRecipe(clear_cover=0.005, field_cover=0.3, field_share=0.6, field_m=60.0),
    fuel_kg=(170.0, 200.0),
    noise=(0.5, 1.0),
    fault_chance=0.0,
    fault_s=(5.0, 20.0),
    sun_el=(1, 2),
    eye=LandingEye(),
    weights=RewardWeights(guide=6.0),
)
DEFAULT = Level(
    terrain=TileRecipe(
        clear_cover=0.04, field_cover=0.25, field_share=0.6, field_m=40.0, roughness=2.0, crater_density=4.0,
        max_slope_deg=12.0,
    ),
    fuel_kg=(109.0, 126.0),
    noise=(0.7, 1.5),
    fault_chance=0.0,
    fault_s=(5.0, 20.0),
    sun_el=(0, 1, 2),
    eye=LandingEye(),
    weights=RewardWeights(),
)  # fmt: skip
HARD = dataclasses.replace(
    DEFAULT,
    terrain=dataclasses.replace(DEFAULT.terrain, clear_cover=0.06, field_cover=0.3),
    fuel_kg=(102.0, 118.0),
    noise=(1.0, 2.0),
    fault_chance=0.5,
)
LEVELS: dict[str, Level] = {"easy": EASY, "default": DEFAULT, "hard": HARD}


def level_of(name: str, changes: dict[str, object]) -> Level:
    """Return a level by name with some of its values changed (those that are not None).

    Raises `EnvOptionError` for a name or value that is not allowed.
    """
    given = {key: value for key, value in plain_options(changes).items() if value is not None}
    try:
        return dataclasses.replace(LEVELS[need_name("level", name, LEVELS)], **given)  # pyright: ignore[reportArgumentType]
    except LandingError as error:
        raise EnvOptionError(str(error)) from error
