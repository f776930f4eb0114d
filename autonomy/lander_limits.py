"""What a lander can bear and do: its legs and belly, its engine, and how far it lets itself be diverted.

All of it is known to the lander. The defaults are a 2 700 kg station lander with a throttled 7.5 kN engine; a value without a
published source is a scenario value and says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from moonfleet.terrain.constants import MOON_GRAVITY_M_S2

from .errors import LandingError

STANDARD_GRAVITY_M_S2 = 9.80665  # [m/s2] CGPM 1901; turns specific impulse into exhaust speed
LEGS = (3, 4, 5, 6)


@dataclass(frozen=True, slots=True)
class LanderLimits:
    """Legs, belly, engine and divert limits of a lander.

    Raises `LandingError` for a value that makes no sense, naming field, value and what is allowed.
    """

    legs: int = 4  # [-] evenly spaced
    yaw_deg: float = 45.0  # [deg] grid azimuth of the first leg; the lander holds it
    leg_radius_m: float = 2.0  # [m] middle of the lander to the middle of a pad: half the catalogue's 4 m width
    pad_radius_m: float = 0.25  # [m] scenario value
    belly_radius_m: float = 1.2  # [m] engine bell and tanks, scenario value
    clearance_m: float = (
        0.5  # [m] belly above the plane of the pads, scenario value (Apollo was built for 24 in: TN D-6850)
    )
    pad_rock_m: float = (
        0.2  # [m] tallest rock that a pad may stand on: Chang'e-3's hazards are 20 cm (Huang et al. 2014)
    )
    max_slope_deg: float = (
        12.0  # [deg] tilt of the pads' plane: Apollo's gear, NASA TN D-6850 (Rogers 1972); ce7-lander
    )
    max_down_m_s: float = 3.0  # [m/s] touchdown, vertical: Apollo's gear 10 ft/s, NASA TN D-6850
    max_side_m_s: float = 1.2  # [m/s] touchdown, horizontal: Apollo's gear 4 ft/s, NASA TN D-6850
    dry_kg: float = 2700.0  # [kg] ce7-lander
    fuel_kg: float = 300.0  # [kg] on board at 2 km, scenario value
    reserve_kg: float = 40.0  # [kg] never planned with, scenario value
    thrust_max_n: float = (
        7500.0  # [N] Chang'e-3's engine, 1.5-7.5 kN (Li, Jiang and Tao 2016, J. Spacecraft Rockets 53)
    )
    thrust_min_n: float = 1500.0  # [N] the same
    isp_s: float = 310.0  # [s] the same class
    max_tilt_deg: float = (
        25.0  # [deg] of the thrust from the vertical, so that camera and lidar keep the ground in view
    )
    time_max_s: float = 40.0  # [s] longest fine divert, from the lidar's first scan to the last gate
    range_max_m: float = 28.0  # [m] longest fine divert: what the lidar's first scan shows whole

    def __post_init__(self) -> None:
        if not isinstance(self.legs, int) or self.legs not in LEGS:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise LandingError(f"lander.legs = {self.legs!r}: must be one of {LEGS}")
        for name in (
            "leg_radius_m", "pad_radius_m", "belly_radius_m", "clearance_m", "pad_rock_m", "max_down_m_s", "max_side_m_s",
            "dry_kg", "fuel_kg", "thrust_max_n", "isp_s", "time_max_s", "range_max_m",
        ):  # fmt: skip
            self._within(name, 0.0, math.inf)
        self._within("max_slope_deg", 0.0, 45.0)
        self._within("max_tilt_deg", 0.0, 89.0)
        if not math.isfinite(self.yaw_deg):
            raise LandingError(f"lander.yaw_deg = {self.yaw_deg!r}: must be finite")
        if not 0.0 <= self.thrust_min_n < self.thrust_max_n:
            raise LandingError(f"lander.thrust_min_n = {self.thrust_min_n!r}: must be in 0..{self.thrust_max_n:g} N")
        if not 0.0 <= self.reserve_kg < self.fuel_kg:
            raise LandingError(f"lander.reserve_kg = {self.reserve_kg!r}: must be in 0..{self.fuel_kg:g} kg, the fuel")
        weight_n = (self.dry_kg + self.fuel_kg) * MOON_GRAVITY_M_S2
        if self.thrust_max_n <= weight_n:
            raise LandingError(f"lander.thrust_max_n = {self.thrust_max_n!r}: must be > {weight_n:.0f} N, the weight")

    def _within(self, name: str, low: float, high: float) -> None:
        value = getattr(self, name)
        if not (math.isfinite(value) and low < value <= high):
            allowed = f"> {low:g}" if math.isinf(high) else f"> {low:g} and <= {high:g}"
            raise LandingError(f"lander.{name} = {value!r}: must be {allowed}")

    @property
    def exhaust_m_s(self) -> float:
        """Effective exhaust speed [m/s]."""
        return self.isp_s * STANDARD_GRAVITY_M_S2

    @property
    def reach_m(self) -> float:
        """From the middle of the lander to the outer edge of its pads [m]."""
        return self.leg_radius_m + self.pad_radius_m

    def pads(self) -> list[tuple[float, float]]:
        """Return x, y [m] of the pads from the middle of the lander, clockwise from the first leg."""
        angles = (math.radians(self.yaw_deg + 360.0 * k / self.legs) for k in range(self.legs))
        return [(self.leg_radius_m * math.sin(a), self.leg_radius_m * math.cos(a)) for a in angles]

    def speed_left_m_s(self, mass_kg: float) -> float:
        """Return what the fuel above the reserve can still change of the speed at ``mass_kg`` [m/s] (rocket equation)."""
        return max(0.0, self.exhaust_m_s * math.log(mass_kg / (self.dry_kg + self.reserve_kg)))
