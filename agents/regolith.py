"""Lunar soil as machines meet it: how dense it lies, how hard it is to cut, push and bake. Numbers and scalar kernels.

Cutting follows the fundamental equation of earthmoving (Reece 1964) with the factors of a plane wedge (McKyes 1985):
``force = width (density g depth^2 N_gamma + cohesion depth N_c)``. It is what the published lunar excavation models (Balovnev;
Zeng et al. 2007; Wilkinson and DeGennaro 2007) come to for a flat blade without surcharge and at low speed.

>>> round(float(cutting_force_n(1.4, 0.02)), 1)
38.9
>>> round(SINTER_J_KG / 3.6e6, 2)  # kWh/kg
0.47
"""

from __future__ import annotations

import math
from typing import Final

from moonfleet.terrain.constants import MOON_GRAVITY_M_S2
from moonfleet.terrain.kernel import leaf_kernel

FIRM_KG_M3: Final = (
    1740.0  # [kg/m3] in place, 30-60 cm deep (Carrier, Olhoeft and Mendell 1991, Lunar Sourcebook table 9.4) [S]
)
LOOSE_KG_M3: Final = 1400.0  # [kg/m3] dug and poured, of a range of 1300-1500 (Carrier et al. 1991) [W]
SLAB_KG_M3: Final = 2300.0  # [kg/m3] sintered, of a range of 1900-2800 in tests with simulants [W]
REPOSE_DEG: Final = 35.0  # [deg] at which loose soil comes to rest (Carrier et al. 1991: 35-40) [W]
FRICTION_DEG: Final = 42.0  # [deg] internal friction, 0-15 cm (Carrier et al. 1991, table 9.12) [S]
COHESION_PA: Final = 520.0  # [Pa] 0-15 cm (Carrier et al. 1991, table 9.12) [S]
RAKE_DEG: Final = 45.0  # [deg] of a bucket's or blade's edge against the ground [W]
WALL_SHARE: Final = 0.5  # [1] friction of soil on steel over internal friction (McKyes 1985: a half to two thirds) [W]
DRAWBAR: Final = 0.2  # [1] pull over weight of a light wheeled machine (Wilkinson and DeGennaro 2007: 0.2-0.3) [W]
CUT_DEPTH_M: Final = 0.02  # [m] of one pass of an edge [W]
CUT_SPEED_M_S: Final = 0.03  # [m/s] of an edge through the soil, of RASSOR's class [W]
EDGE_SHARE: Final = 0.4  # [1] width of a bucket drum over that of its machine [W]
LIFT_M: Final = 0.6  # [m] that dug soil is raised into the drum [W]
DRIVE_SHARE: Final = 0.3  # [1] of the electrical power that reaches the soil [W]
NO_LOAD: Final = 0.4  # [1] share of its rated power that a running tool takes before it touches the soil [W]
TURN_S: Final = 30.0  # [s] to line up for one push of a blade [W]
SINTER_C_J_KG_K: Final = 900.0  # [J/kg/K] specific heat [S]
SINTER_RISE_K: Final = 1120.0  # [K] from cold ground to baking [C]
SINTER_SHARE: Final = 0.6  # [1] of the electrical energy that ends in the soil [W]
SINTER_J_KG: Final = SINTER_C_J_KG_K * SINTER_RISE_K / SINTER_SHARE  # [J/kg] 0.47 kWh/kg

SOIL_FRICTION: Final = math.tan(math.radians(REPOSE_DEG))  # [1] of a heap that is pushed over the ground


def wedge_factors(rake_deg: float, friction_deg: float, wall_deg: float) -> tuple[float, float]:
    """Return (N_gamma, N_c) of a plane failure wedge before a blade, McKyes 1985; its plane rises at 45 deg less half the friction."""
    rake, friction, wall = (math.radians(angle) for angle in (rake_deg, friction_deg, wall_deg))
    plane = math.pi / 4.0 - friction / 2.0
    cot_plane, cot_both = 1.0 / math.tan(plane), 1.0 / math.tan(plane + friction)
    bearing = math.cos(rake + wall) + math.sin(rake + wall) * cot_both
    return (1.0 / math.tan(rake) + cot_plane) / (2.0 * bearing), (1.0 + cot_plane * cot_both) / bearing


N_GAMMA, N_C = wedge_factors(RAKE_DEG, FRICTION_DEG, WALL_SHARE * FRICTION_DEG)
FORCE_PER_M: Final = FIRM_KG_M3 * MOON_GRAVITY_M_S2 * N_GAMMA  # [N/m3] times depth^2 and width
STICK_PER_M: Final = COHESION_PA * N_C  # [N/m2] times depth and width


@leaf_kernel
def cutting_force_n(width_m: float, depth_m: float) -> float:
    """Return the horizontal force [N] on an edge that cuts undisturbed soil."""
    return width_m * (FORCE_PER_M * depth_m * depth_m + STICK_PER_M * depth_m)


@leaf_kernel
def dig_rate_kg_s(width_m: float, tool_w: float) -> float:
    """Return how fast a bucket drum of a machine ``width_m`` wide fills [kg/s]; slower where ``tool_w`` does not suffice."""
    edge = EDGE_SHARE * width_m
    rate = FIRM_KG_M3 * edge * CUT_DEPTH_M * CUT_SPEED_M_S
    need = (cutting_force_n(edge, CUT_DEPTH_M) * CUT_SPEED_M_S + rate * MOON_GRAVITY_M_S2 * LIFT_M) / DRIVE_SHARE
    spare = (1.0 - NO_LOAD) * tool_w
    return rate * min(spare / need, 1.0)


@leaf_kernel
def dig_power_w(width_m: float, tool_w: float) -> float:
    """Return the electrical power [W] while it fills, at most ``tool_w``."""
    edge = EDGE_SHARE * width_m
    rate = FIRM_KG_M3 * edge * CUT_DEPTH_M * CUT_SPEED_M_S
    need = (cutting_force_n(edge, CUT_DEPTH_M) * CUT_SPEED_M_S + rate * MOON_GRAVITY_M_S2 * LIFT_M) / DRIVE_SHARE
    return min(NO_LOAD * tool_w + need, tool_w)


@leaf_kernel
def blade_load_kg(mass_kg: float, width_m: float) -> float:
    """Return the soil that a blade pushes at once [kg]: what the pull of the wheels leaves after cutting a thin layer."""
    pull = DRAWBAR * mass_kg * MOON_GRAVITY_M_S2
    cut = cutting_force_n(width_m, 0.5 * CUT_DEPTH_M)
    return max(pull - cut, 0.25 * pull) / (SOIL_FRICTION * MOON_GRAVITY_M_S2)


@leaf_kernel
def push_rate_kg_s(mass_kg: float, width_m: float, speed_m_s: float, reach_m: float) -> float:
    """Return how much a blade moves over ``reach_m`` [kg/s], lining up and driving back included."""
    return blade_load_kg(mass_kg, width_m) / (TURN_S + 2.0 * reach_m / speed_m_s)


@leaf_kernel
def push_power_w(mass_kg: float, speed_m_s: float, tool_w: float) -> float:
    """Return the mean electrical power [W] while a blade works, at most ``tool_w``."""
    return min(NO_LOAD * tool_w + DRAWBAR * mass_kg * MOON_GRAVITY_M_S2 * speed_m_s / DRIVE_SHARE, tool_w)
