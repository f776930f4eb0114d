"""Fits the noise of `moonfleet.terrain.synthetic_region` to the real 1600 m grid: run it, copy the two numbers it prints.

Not a test: ``python -m tests.terrain.fit_region``. The real ground is that within 250 km of the pole; seeds 101-108, the
tests judge others. The squares of height differences are those of the craters plus those of the noise.
"""

from __future__ import annotations

import sys

import numpy as np
from scipy.optimize import least_squares

from moonfleet.terrain import synthetic_region as made
from moonfleet.terrain.catalogue import regional_grid
from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.ground_figures import rms_difference, slope_percentiles
from moonfleet.terrain.ground_style import GroundStyle

LAGS = tuple(1_600.0 * 2**k for k in range(6))
SEEDS = range(101, 109)
REF = GeoRef.centred(0.0, 0.0, 16_000.0, 20.0)


def squares(grid: HeightGrid) -> np.ndarray:
    """Return squared RMS differences at ``LAGS``."""
    return np.array([rms_difference(grid, lag) ** 2 for lag in LAGS])


def main() -> None:
    """Measure craters and each lattice alone, fit the power law, and show what comes out."""
    real = regional_grid().crop(-250_400.0, -250_400.0, 250_400.0, 250_400.0)
    want = squares(real)
    craters = np.mean([squares(made.synthetic_region(REF, s, GroundStyle(roughness=0.0))) for s in SEEDS], axis=0)
    levels = made.roughness_levels()
    parts = []
    for alone, _ in levels:
        made.roughness_levels = lambda alone=alone: [(h, float(h == alone)) for h, _ in levels]
        bare = GroundStyle(crater_density=0.0)
        parts.append(np.mean([squares(made.synthetic_region(REF, s, bare)) for s in SEEDS], axis=0))
    a = np.column_stack(parts)
    size = np.array([h for h, _ in levels]) / levels[0][0]

    def off(law: np.ndarray) -> np.ndarray:
        return np.log((a @ (law[0] * size ** law[1]) ** 2 + craters) / want)

    law = least_squares(off, np.array([1_000.0, 1.0])).x
    made.roughness_levels = lambda: [(h, law[0] * (h / levels[0][0]) ** law[1]) for h, _ in levels]
    out = [f"WIDEST_AMPLITUDE_M = {law[0]:.4g}", f"STEEPNESS = {law[1]:.3g}"]
    out.append("real   " + " ".join(f"{v:.0f}" for v in np.sqrt(want)) + f" {slope_percentiles(real, 1_600.0)}")
    out.append("craters " + " ".join(f"{v:.0f}" for v in np.sqrt(craters)))
    for seed in SEEDS:
        z = made.synthetic_region(REF, seed)
        ratio = " ".join(f"{v:.2f}" for v in np.sqrt(squares(z) / want))
        out.append(f"seed {seed}: over the real {ratio}, slopes {np.round(slope_percentiles(z, 1_600.0), 1)}")
    sys.stdout.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
