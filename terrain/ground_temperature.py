"""First-order temperature of the ground: a column of regolith that conducts, stores, and radiates to space.

One dimension, no topography below the cell: dust over denser soil, with conductivity and heat capacity that grow with
temperature, heated by what the surface absorbs and, from below, by the Moon. The model and its constants are those of Hayne
et al. 2017 (J. Geophys. Res. Planets 122, 2371; table A1), after Vasavada et al. 2012 (J. Geophys. Res. 117, E00H18), who
fitted them to Diviner's temperatures. The step is implicit, so that an hour is a good step.

>>> round(equilibrium_k(absorbed_w_m2(1361.0, 1.0, 1.0)), 0)  # the subsolar point
386.0
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import SkyError
from .flux import incident_w_m2
from .kernel import kernel
from .threads import Progress, for_each

Array = NDArray[np.float64]
Float32Grid = NDArray[np.float32]

STEFAN_BOLTZMANN: Final = 5.670_374_419e-8  # [W/m2/K4] SI, CODATA 2018 [D]
EMISSIVITY: Final = 0.95  # [-] broadband infrared, Hayne et al. 2017 [S]
ALBEDO: Final = 0.12  # [-] solar, at normal incidence, mean highlands and maria: Hayne et al. 2017 [S]
ALBEDO_RISE: Final = (
    0.06,
    0.25,
)  # [-] growth with incidence i: a (i/45)^3 + b (i/90)^8, Keihm 1984, Hayne et al. 2017 [S]
GEOTHERMAL_W_M2: Final = 0.018  # [W/m2] heat flow from within, Langseth et al. 1976 [S]
SCATTERED_W_M2: Final = (
    0.2  # [W/m2] absorbed from crater walls in old shadow: 45 K, as Haworth's floor, Paige et al. 2010 [W]
)
DENSITY: Final = (1100.0, 1800.0)  # [kg/m3] at the surface and at depth, Hayne et al. 2017 [S]
CONDUCTIVITY: Final = (7.4e-4, 3.4e-3)  # [W/m/K] of contacts, at the surface and at depth, Hayne et al. 2017 [S]
SCALE_M: Final = 0.06  # [m] over which density and conductivity grow, Hayne et al. 2017 [S]
RADIATIVE: Final = 2.7  # [-] radiative conductivity over that of contacts at 350 K, Vasavada et al. 2012 [S]
HEAT_CAPACITY: Final = (-3.6125, 2.7431, 2.3616e-3, -1.2340e-5, 8.9093e-9)  # [J/kg/K^(1+n)] Hayne et al. 2017 [S]
COLDEST_K: Final = 15.0  # [K] heat capacity is held below this, where the fit ends
FIRST_M: Final = 0.002  # [m] uppermost layer: a fifteenth of the skin depth of a lunar day
GROWTH: Final = 1.2  # [-] each layer over the one above it
LAYERS: Final = 24  # 0.8 m in all, where the swing of a year is nearly gone
SOLVES: Final = 12  # Newton steps at most; three or four do


@kernel
def albedo_at(cosine: float) -> float:
    """Return the ground's solar albedo at an incidence of which ``cosine`` is the cosine."""
    incidence = math.degrees(math.acos(min(max(cosine, 0.0), 1.0)))
    return ALBEDO + ALBEDO_RISE[0] * (incidence / 45.0) ** 3 + ALBEDO_RISE[1] * (incidence / 90.0) ** 8


@kernel
def absorbed_w_m2(flux_w_m2: float, lit: float, cosine: float, scattered_w_m2: float = 0.0) -> float:
    """Return what the ground absorbs [W/m2]: direct sunlight less its albedo, and what the surroundings send."""
    return (1.0 - albedo_at(cosine)) * incident_w_m2(flux_w_m2, lit, cosine) + scattered_w_m2


@kernel
def equilibrium_k(absorbed: float) -> float:
    """Return the temperature [K] at which the surface radiates what it absorbs and what comes from within."""
    return ((absorbed + GEOTHERMAL_W_M2) / (EMISSIVITY * STEFAN_BOLTZMANN)) ** 0.25


def absorbed_series(flux_w_m2: ArrayLike, lit: ArrayLike, cosine: ArrayLike, scattered_w_m2: float = 0.0) -> Array:
    """Return `absorbed_w_m2` for arrays that broadcast, float64 of their common shape."""
    given = np.broadcast_arrays(*(np.asarray(v, dtype=np.float64) for v in (flux_w_m2, lit, cosine)))
    flux, share, cos = (np.ascontiguousarray(v).ravel() for v in given)
    out = np.empty(flux.size)
    _absorbed(flux, share, cos, float(scattered_w_m2), out)
    return out.reshape(given[0].shape)


def ground_temperature(
    absorbed: ArrayLike,
    step_s: float = 3600.0,
    *,
    spin_up: int = 3,
    progress: Progress | None = None,
    threads: int | None = None,
) -> Float32Grid:
    """Return the surface temperature [K] at the end of each step, float32 of the shape of ``absorbed``.

    Parameters
    ----------
    absorbed
        What the surface absorbs in each step [W/m2], [times] or [cells, times]; see `absorbed_series`.
    step_s
        Length of a step [s]; an hour is good to about 1 K.
    spin_up
        How often the whole series is run through before it counts. The column starts in equilibrium with the mean of
        ``absorbed``; a year needs 2 or 3, one lunar day about 20.
    progress
        Called as ``progress(done, cells)`` from this thread.
    threads
        Number of threads; default: all cores. The result does not depend on it.

    Raises
    ------
    SkyError
        No times, power that is negative or not finite, a step that is not positive, a negative ``spin_up``.
    """
    power = np.asarray(absorbed, dtype=np.float64)
    if power.ndim not in (1, 2) or power.shape[-1] == 0:
        raise SkyError(f"absorbed: shape {power.shape}; allowed: [times] or [cells, times], at least one time.")
    if not (np.isfinite(power).all() and (power >= 0.0).all()):
        raise SkyError("absorbed: power that is negative or not a finite number; allowed: 0 W/m2 or more.")
    if not (math.isfinite(step_s) and step_s > 0.0 and spin_up >= 0):
        raise SkyError(f"step_s = {step_s!r}, spin_up = {spin_up!r}; allowed: a positive step, 0 or more runs.")
    cells = np.ascontiguousarray(np.atleast_2d(power))
    out = np.empty(cells.shape, dtype=np.float32)
    for_each(lambda i: _column(cells[i], float(step_s), int(spin_up), out[i]), cells.shape[0], threads, progress)
    return out.reshape(power.shape)


@kernel
def heat_capacity(temp_k: float) -> float:
    """Return the specific heat of regolith [J/kg/K]."""
    t = max(temp_k, COLDEST_K)
    c = HEAT_CAPACITY
    return c[0] + t * (c[1] + t * (c[2] + t * (c[3] + t * c[4])))


@kernel
def _absorbed(flux: Array, lit: Array, cosine: Array, scattered: float, out: Array) -> None:
    """Fill out [n]; all of that length."""
    for i in range(out.size):
        out[i] = absorbed_w_m2(flux[i], lit[i], cosine[i], scattered)


@kernel
def _column(absorbed: Array, step_s: float, spin_up: int, out: NDArray[np.float32]) -> None:
    """Fill out [times] with the surface temperature of one column; temperatures live at the borders of the layers."""
    n = LAYERS + 1
    gap = np.empty(LAYERS)
    mass = np.zeros(n)
    contact = np.empty(LAYERS)
    depth, thick = 0.0, FIRST_M
    for k in range(LAYERS):
        fade = math.exp(-(depth + 0.5 * thick) / SCALE_M)
        contact[k] = CONDUCTIVITY[1] - (CONDUCTIVITY[1] - CONDUCTIVITY[0]) * fade
        half = 0.5 * thick * (DENSITY[1] - (DENSITY[1] - DENSITY[0]) * fade)
        mass[k] += half
        mass[k + 1] += half
        gap[k] = thick
        depth += thick
        thick *= GROWTH
    temp = np.full(n, equilibrium_k(absorbed.mean()))
    for k in range(LAYERS):  # warmer downwards, as the heat from within needs it
        temp[k + 1] = temp[k] + GEOTHERMAL_W_M2 * gap[k] / _conductivity(contact[k], temp[k])
    upper, lower, middle, right, new = np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    for run in range(spin_up + 1):
        for i in range(absorbed.size):
            _step(temp, absorbed[i], step_s, gap, mass, contact, lower, middle, upper, right, new)
            if run == spin_up:
                out[i] = temp[0]


@kernel
def _conductivity(contact: float, temp_k: float) -> float:
    """Return the conductivity [W/m/K]: of contacts, and of radiation between the grains."""
    return contact * (1.0 + RADIATIVE * (temp_k / 350.0) ** 3)


@kernel
def _step(
    temp: Array, absorbed: float, step_s: float, gap: Array, mass: Array, contact: Array,
    lower: Array, middle: Array, upper: Array, right: Array, new: Array,
) -> None:  # fmt: skip
    """Take temp [n] one implicit step on: conduction with the properties of its start, radiation by Newton's method."""
    n = temp.size
    for k in range(n):
        store = mass[k] * heat_capacity(temp[k]) / step_s
        middle[k] = store
        right[k] = store * temp[k]
        lower[k] = 0.0
        upper[k] = 0.0
    for k in range(n - 1):
        mean = 0.5 * (temp[k] + temp[k + 1])
        flow = _conductivity(contact[k], mean) / gap[k]
        middle[k] += flow
        middle[k + 1] += flow
        upper[k] = -flow
        lower[k + 1] = -flow
    right[0] += absorbed
    right[n - 1] += GEOTHERMAL_W_M2
    # everything below the surface is linear: eliminate it from the bottom up, then solve one equation for the surface
    for k in range(n - 1, 0, -1):
        share = upper[k - 1] / middle[k]
        middle[k - 1] -= share * lower[k]
        right[k - 1] -= share * right[k]
    surface = temp[0]
    for _ in range(SOLVES):
        glow = EMISSIVITY * STEFAN_BOLTZMANN * surface**3
        change = (right[0] - middle[0] * surface - glow * surface) / (middle[0] + 4.0 * glow)
        surface = max(surface + change, 1.0)
        if abs(change) < 1e-6:
            break
    new[0] = surface
    for k in range(1, n):
        new[k] = (right[k] - lower[k] * new[k - 1]) / middle[k]
    for k in range(n):
        temp[k] = new[k]
