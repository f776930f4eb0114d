"""How the speed and the power of a wheeled machine follow the grade: one law, for the World that moves it and for its own planner.

The motors run at the rated power on the flat and uphill, so the wheels turn slower as the grade grows:
``resistance = cos(g) + sin(g) / f`` relative to the flat (f: rolling and bulldozing resistance of regolith), ``wheel
speed = rated / max(resistance, 1)``. Downhill the power falls, to a fifth at most. Slip then takes its share of the
way, so the energy of a metre rises with the grade by both (the drawbar balance of Bekker-type vehicle models, Carrier
et al., Lunar Sourcebook ch. 9).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel
from moonfleet.terrain.lanes import least, most
from moonfleet.terrain.soil import slip

ROLLING = 0.15  # [1] motion resistance over weight of a light wheeled vehicle on regolith [W]
LEAST_POWER = 0.2  # [1] share of the rated drive power that driving takes even downhill [W]
PITCHES = 7  # points of the mean over a normal pitch
HEADINGS = (
    120  # over which the pace on a slope is averaged, for a planner that does not know which way it will cross it
)


@kernel
def speed_and_power(grade: float, rated_m_s: float, rated_w: float) -> tuple[float, float]:
    """Return ground speed [m/s] and motor power [W] on a signed ``grade`` [deg]."""
    angle = math.radians(grade)
    return speed_against(math.cos(angle) + math.sin(angle) / ROLLING, grade, rated_m_s, rated_w)


@kernel
def speed_against(resistance: float, grade: float, rated_m_s: float, rated_w: float) -> tuple[float, float]:
    """Return speed and power as `speed_and_power` does, given the ``resistance`` relative to the flat; one number each, or lanes."""
    wheels = rated_m_s / most(resistance, 1.0)
    power = rated_w * least(most(resistance, LEAST_POWER), 1.0)
    return wheels * (1.0 - slip(grade)), power


def mean_pace(slope_deg: NDArray[np.float64], rated_m_s: float) -> NDArray[np.float64]:
    """Return seconds per metre on slopes [deg], float64 like ``slope_deg``: the mean over all headings across each."""
    headings = np.arange(HEADINGS) * 2.0 * math.pi / HEADINGS
    grades = np.degrees(np.arctan(np.tan(np.radians(slope_deg))[:, None] * np.cos(headings)))
    paces = [[1.0 / speed_and_power(float(grade), rated_m_s, 0.0)[0] for grade in row] for row in grades]
    return np.array(paces, dtype=np.float64).mean(axis=1)


def mean_pace_energy(
    slope_deg: NDArray[np.float64], tilt_deg: NDArray[np.float64], rated_m_s: float, rated_w: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return seconds and joules of the motors per metre, float64 [slopes, tilts], on rough slopes.

    The mean over all headings across each slope [deg], and over a pitch that is normal about the grade with a standard deviation of
    ``tilt_deg`` [deg] (Gauss-Hermite with `PITCHES` points); without tilt the pace is `mean_pace`.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(PITCHES)
    return _mean_pace_energy(slope_deg, tilt_deg, rated_m_s, rated_w, nodes, weights / weights.sum())


@kernel
def _mean_pace_energy(
    slope_deg: NDArray[np.float64], tilt_deg: NDArray[np.float64], rated_m_s: float, rated_w: float,
    nodes: NDArray[np.float64], weights: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:  # fmt: skip
    pace = np.zeros((slope_deg.size, tilt_deg.size))
    joules = np.zeros((slope_deg.size, tilt_deg.size))
    for i in range(slope_deg.size):
        steep = math.tan(math.radians(slope_deg[i]))
        for k in range(HEADINGS):
            grade = math.degrees(math.atan(steep * math.cos(k * 2.0 * math.pi / HEADINGS)))
            for j in range(tilt_deg.size):
                for n in range(nodes.size):
                    speed, power = speed_and_power(grade + tilt_deg[j] * nodes[n], rated_m_s, rated_w)
                    share = weights[n] / HEADINGS
                    pace[i, j] += share / speed
                    joules[i, j] += share * power / speed
    return pace, joules
