"""Fits ``ROUGHNESS`` of `moonfleet.terrain.relief` to the figures of real polar sites: run it, copy the lines it prints.

Not a test: ``python -m tests.terrain.fit_relief``. Seeds 101-102; tests and bench judge others.

Of each site the real grid gives the height differences at 2560 m; from there down to 40 m the ground should have the shape
that the published sites share (the geometric mean of their range). Squares of height
differences add up over independent parts of the relief: the smooth surface and the craters are given, each lattice adds
its share. The amplitudes are held to a power law of the spacing with the Hurst exponent of the highlands (median 0.95 from
17 m to 2.7 km, Rosenburg et al. 2011), so one number is fitted.
"""

from __future__ import annotations

import sys

import numpy as np

from moonfleet.terrain import relief
from moonfleet.terrain.catalogue import named_place, regional_grid
from moonfleet.terrain.grid import GeoRef, HeightGrid, polar_xy
from moonfleet.terrain.ground_figures import SITE_RMS_M, patch_figures, rms_difference
from moonfleet.terrain.ground_style import GroundStyle
from moonfleet.terrain.synthesis import refine

SITES = ("connecting-ridge", "change7", "de-gerlache-rim-2")
SEEDS = (101, 102)
LEVELS = tuple(spacing for spacing, _ in relief.ROUGHNESS)
HURST = 0.95
LAGS = (40.0, 80.0, 160.0, 320.0, 640.0, 1280.0)


def shape(lag: float) -> float:
    """Return the RMS difference at a lag over that at 2560 m, of the published ground."""
    return float(np.sqrt(np.prod(SITE_RMS_M[lag]) / np.prod(SITE_RMS_M[2560.0])))


def squares(grid: HeightGrid) -> np.ndarray:
    """Return squared RMS differences at ``LAGS``."""
    return np.array([rms_difference(grid, lag) ** 2 for lag in LAGS])


def main() -> None:
    """Measure the parts on every site and seed, fit, and show what is left."""
    coarse = regional_grid()
    rows, target, weight = [], [], []
    for name in SITES:
        place = named_place(name)
        ref = GeoRef.centred(*polar_xy(place.lon_deg, place.lat_deg), 16_000.0, 5.0)
        smooth = refine(coarse, ref, 0, GroundStyle(0.0, 0.0))
        for seed in SEEDS:
            base = refine(coarse, ref, seed, GroundStyle(roughness=0.0))
            want = np.array([shape(lag) for lag in LAGS]) ** 2 * rms_difference(base, 2560.0) ** 2
            parts = []
            for level in LEVELS:
                relief.ROUGHNESS = tuple((h, float(h == level)) for h in LEVELS)
                one = refine(coarse, ref, seed, GroundStyle(crater_density=0.0))
                parts.append(squares(HeightGrid(one.elevation_m - smooth.elevation_m, ref)))
            rows.append(np.column_stack(parts))
            target.append(want - squares(base))
            weight.append(1.0 / want)
    a, b, w = np.concatenate(rows), np.concatenate(target), np.concatenate(weight)
    size = (np.array(LEVELS) / LEVELS[0]) ** HURST
    unit = w * (a @ size**2)
    found = np.sqrt(max(0.0, float(unit @ (w * b) / (unit @ unit)))) * size
    out = ["ROUGHNESS:", *(f"    ({h:.1f}, {v:.3g})," for h, v in zip(LEVELS, found, strict=True))]
    relief.ROUGHNESS = tuple((h, float(v)) for h, v in zip(LEVELS, found, strict=True))
    for name in SITES:
        place = named_place(name)
        ref = GeoRef.centred(*polar_xy(place.lon_deg, place.lat_deg), 16_000.0, 5.0)
        made = refine(coarse, ref, SEEDS[0])
        at = rms_difference(made, 2560.0)
        out.append(
            f"{name}: over the shape "
            + " ".join(f"{lag:g} {rms_difference(made, lag) / at / shape(lag):.3f}" for lag in LAGS)
        )
        out.append(f"    {patch_figures(made)}")
    sys.stdout.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
