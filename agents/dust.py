"""Dust on panels: it settles with time and is thrown up by the wheels, and takes the current exponentially. Kernels of one number or lanes.

Loading: about 21 ug/cm2 a year at 1.9 m above ground (reanalysis of Apollo's Dust Detector Experiment, Hollick and O'Brien 2013), the
catalogue's figure; what wheels add per kilometre is a scenario value. The short-circuit current falls exponentially with the load
(Katzan and Edwards 1991, NASA CR-4404).
"""

from __future__ import annotations

from moonfleet.terrain.kernel import kernel
from moonfleet.terrain.lane_math import exp

FADING_UG_CM2 = 1_000.0  # [ug/cm2] load that takes the current to 1/e [W]


@kernel
def current_share(dust_ug_cm2: float) -> float:
    """Return the share 0..1 of a clean panel's current that gets through a load of dust."""
    return exp(-dust_ug_cm2 / FADING_UG_CM2)
