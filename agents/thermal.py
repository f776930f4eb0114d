"""The lumped thermal node: one temperature per robot, stepped exactly, so that no tick length is unstable.

``C dT/dt = P - G (T - T_env)`` with P (heat of the electronics, radioisotope units, heater, sunlight absorbed) and G
held over the tick has the solution ``T_env + P/G + (T - T_env - P/G) exp(-G dt / C)``. All functions take one number or lanes.
"""

from __future__ import annotations

from moonfleet.terrain.flux import suns
from moonfleet.terrain.kernel import kernel
from moonfleet.terrain.lane_math import exp
from moonfleet.terrain.lanes import least, most, root

ENV_LIT_K = (
    230.0  # [K] radiative surroundings of a sunlit machine near the pole: lit polar ground is at 200-270 K [S/W]
)
ENV_DARK_K = 105.0  # [K] the same in the dark: shadowed ground is at 25-110 K, night ground near 100 K [S/W]
LOUVRE_SHUT_K = 288.0  # [K] below this the louvres are shut [W]
LOUVRE_OPEN_K = 308.0  # [K] above this they are fully open [W]
HEATER_MARGIN_K = 5.0  # [K] the thermostat holds the limit plus this
RHU_HALF_LIFE_S = 87.7 * 365.25 * 86_400.0  # [s] plutonium-238 [S]
HOT4, COLD4 = ENV_LIT_K**4, ENV_DARK_K**4


@kernel
def surroundings_k(flux_w_m2: float, lit: float) -> float:
    """Return the temperature [K] that the robot radiates to: fourth powers mixed by the share of the Sun in view."""
    return root(root(COLD4 + lit * (HOT4 * suns(flux_w_m2) - COLD4)))


@kernel
def conductance(temp_k: float, shut_w_k: float, radiator_w_k: float) -> float:
    """Return the conductance [W/K] to the surroundings with louvres that open between 288 and 308 K."""
    opening = (temp_k - LOUVRE_SHUT_K) / (LOUVRE_OPEN_K - LOUVRE_SHUT_K)
    return shut_w_k + radiator_w_k * least(most(opening, 0.0), 1.0)


@kernel
def memory(g_w_k: float, c_j_k: float, dt_s: float) -> float:
    """Return the share 0..1 of a temperature difference that is left after ``dt_s``."""
    return exp(-g_w_k * dt_s / c_j_k)


@kernel
def node_next(temp_k: float, env_k: float, heat_w: float, g_w_k: float, left: float) -> float:
    """Return the node's temperature after a time of constant heat that leaves the share ``left`` of a difference."""
    goal = env_k + heat_w / g_w_k
    return goal + (temp_k - goal) * left


@kernel
def heat_for(temp_k: float, target_k: float, env_k: float, g_w_k: float, left: float) -> float:
    """Return the constant heat [W] for which `node_next` gives ``target_k``; any sign."""
    return g_w_k * ((target_k - temp_k * left) / (1.0 - left) - env_k)


@kernel
def node_after(temp_k: float, env_k: float, heat_w: float, g_w_k: float, c_j_k: float, dt_s: float) -> float:
    """Return the node's temperature after ``dt_s`` of constant heat: the exact solution."""
    return node_next(temp_k, env_k, heat_w, g_w_k, memory(g_w_k, c_j_k, dt_s))


@kernel
def heat_to_hold(temp_k: float, target_k: float, env_k: float, g_w_k: float, c_j_k: float, dt_s: float) -> float:
    """Return the constant heat [W] that brings the node from ``temp_k`` to ``target_k`` in ``dt_s``; any sign."""
    return heat_for(temp_k, target_k, env_k, g_w_k, memory(g_w_k, c_j_k, dt_s))
