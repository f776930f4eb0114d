"""How the made ground differs from the calibrated Moon: three multipliers, for training on many kinds of ground."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .errors import SiteError

HIGHEST = 4.0  # [-] of each multiplier; ground four times rougher than the polar highlands is no longer the Moon


@dataclass(frozen=True, slots=True)
class GroundStyle:
    """Multipliers of the calibrated ground, each 0 to 4; 1 is the ground of real polar sites.

    ``roughness`` scales the amplitude of the relief between craters, ``crater_density`` the number of seeded craters of
    every size, ``rock_abundance`` the share of ground that rocks cover. Raises `SiteError` for a value out of range.

    >>> GroundStyle(roughness=0.5).crater_density
    1.0
    """

    roughness: float = 1.0
    crater_density: float = 1.0
    rock_abundance: float = 1.0

    def __post_init__(self) -> None:
        for field in ("roughness", "crater_density", "rock_abundance"):
            value = getattr(self, field)
            if not (math.isfinite(value) and 0.0 <= value <= HIGHEST):
                raise SiteError(f"site.style.{field}: {value!r}; allowed: 0 to {HIGHEST:g}.")


CALIBRATED = GroundStyle()
