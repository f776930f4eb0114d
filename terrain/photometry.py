"""How lunar soil reflects light: brightest straight back to where it came from, and the same whichever way it goes.

Radiance is ``D(mu0, mu, g) f(g)``: the lunar-Lambert law, a mix of Lommel-Seeliger and Lambert whose weight falls with the phase
angle (McEwen 1996, LPSC 27, 841), times the phase function of dark soil with the shadow-hiding opposition surge (Hapke 1986, Icarus
67, 264) and the parameters of the average Moon (Helfenstein & Veverka 1987, Icarus 72, 342). 1 is ground under an overhead Sun with
the Sun behind the camera. The law holds for pictures of ground between some degrees and 120 degrees of phase; beyond, where the
Sun stands before the camera, the mix is Lambert's.

What lies in shadow is not black: lit slopes around scatter light into it, and Earth shines. Both are given as one small even light.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .kernel import kernel

Float64Array = NDArray[np.float64]

SURGE: Final = (
    2.01  # [-] B0, height of the opposition surge; Helfenstein & Veverka 1987: S(0) = 0.71 = w B0 p(0), w = 0.21
)
SURGE_WIDTH: Final = 0.07  # [-] h, its angular half width is about 2 h rad; Helfenstein & Veverka 1987
LOBE_1: Final = 0.29  # [-] b of p(g) = 1 + b cos g + c (1.5 cos2 g - 0.5); Helfenstein & Veverka 1987
LOBE_2: Final = 0.39  # [-] c of the same
SCATTERED: Final = (
    0.02  # [-] light from lit ground around, of what level ground gets from the Sun; albedo 0.13 times 0.15 of the view
)
EARTHSHINE: Final = 5e-5  # [-] of the solar flux: a full Earth gives 0.1 W/m2 (Glenar et al. 2019, Icarus 321, 841)
EVEN_LIGHT: Final = 0.28  # [-] f(g) averaged over a sky that is bright all around (about that at 50 deg)


@kernel
def lunar_weight(phase_deg: float) -> float:
    """Return the share 0..1 of the Lommel-Seeliger part at a phase angle [deg] (McEwen 1996)."""
    weight = 1.0 - 0.019 * phase_deg + 2.42e-4 * phase_deg * phase_deg - 1.46e-6 * phase_deg * phase_deg * phase_deg
    return min(max(weight, 0.0), 1.0)


@kernel
def surge(cos_phase: float) -> float:
    """Return the shadow-hiding opposition surge B(g) = B0 / (1 + tan(g / 2) / h) (Hapke 1986)."""
    half = math.sqrt(max(1.0 - cos_phase, 0.0) / max(1.0 + cos_phase, 1e-12))
    return SURGE / (1.0 + half / SURGE_WIDTH)


@kernel
def phase_factor(cos_phase: float) -> float:
    """Return f(g) = (1 + B(g)) p(g), 1 at no phase."""
    lobes = 1.0 + LOBE_1 * cos_phase + LOBE_2 * (1.5 * cos_phase * cos_phase - 0.5)
    return (1.0 + surge(cos_phase)) * lobes / ((1.0 + SURGE) * (1.0 + LOBE_1 + LOBE_2))


@kernel
def brightness(mu0: float, mu: float, cos_phase: float) -> float:
    """Return the radiance of ground with cosines of incidence ``mu0``, emission ``mu`` and phase; 0 where either is not above 0."""
    if mu0 <= 0.0 or mu <= 0.0:
        return 0.0
    weight = lunar_weight(math.degrees(math.acos(min(max(cos_phase, -1.0), 1.0))))
    return mu0 * ((1.0 - weight) + 2.0 * weight / (mu0 + mu)) * phase_factor(cos_phase)


@kernel
def _brightness_of(mu0: Float64Array, mu: Float64Array, cos_phase: Float64Array, out: Float64Array) -> None:
    for i in range(out.size):
        out[i] = brightness(mu0[i], mu[i], cos_phase[i])


def radiance(incidence_deg: ArrayLike, emission_deg: ArrayLike, phase_deg: ArrayLike) -> Float64Array:
    """Return the radiance of soil, float64 of the shape that the angles [deg] broadcast to.

    1 is ground seen and lit from straight above. The caller's angles must make a triangle on the sphere; they are not checked.

    >>> float(radiance(0.0, 0.0, 0.0))
    1.0
    >>> bool(radiance(60.0, 0.0, 60.0) < 0.25 * radiance(60.0, 60.0, 0.0))
    True
    """
    angles = np.broadcast_arrays(*(np.asarray(a, dtype=np.float64) for a in (incidence_deg, emission_deg, phase_deg)))
    mu0, mu, cos_phase = (np.ascontiguousarray(np.cos(np.radians(a))).ravel() for a in angles)
    out = np.empty(mu0.shape)
    _brightness_of(mu0, mu, cos_phase, out)
    return out.reshape(angles[0].shape)


def even_light(sun_el_deg: float) -> float:
    """Return the radiance of ground that only scattered light and Earthshine reach, the Sun at an elevation [deg].

    >>> round(even_light(5.0) / float(radiance(85.0, 0.0, 85.0)), 3)
    0.025
    """
    return EVEN_LIGHT * (SCATTERED * max(math.sin(math.radians(sun_el_deg)), 0.0) + EARTHSHINE)
