"""Terrain, the ground: roughness of refined and made ground beside the published figures of real polar ground.

Sites are compared with the three published 16 km sites at 40 m and more, and their gentle patches of 500 m, steep as the
published patch over 80 m, with that patch at 5 to 80 m: a whole site cannot be as gentle as that at any lag, because the
RMS difference at 40 m is at most eight times that at 5 m.

The places were chosen before anything was fitted, by the real 1600 m grid alone: its smooth surface there has RMS differences
at 2.5 and 5 km within the published ranges, and a median slope within 10 % of its range.
"""

from __future__ import annotations

import resource
import time
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.catalogue import named_place, regional_grid
from moonfleet.terrain.craters import craters_near
from moonfleet.terrain.grid import GeoRef, HeightGrid, polar_xy
from moonfleet.terrain.ground_figures import (
    PATCH_RMS_M,
    PATCH_SLOPES_DEG,
    REGION_SLOPE_BASE_M,
    REGION_SLOPES_DEG,
    SITE_RMS_M,
    SITE_SLOPE_BASE_M,
    SITE_SLOPES_DEG,
    Range,
    patch_figures,
    rms_difference,
    slope_percentiles,
)
from moonfleet.terrain.site_ground import synthetic_ground
from moonfleet.terrain.synthesis import refine
from moonfleet.terrain.synthetic_region import CELL_M, REACH_M, synthetic_region
from moonfleet.terrain.threads import cores, for_each

from .registry import Bar, Row, Tell, at_least, at_most, holds

BAR: Final = "terrain.6"
SITES: Final = ("connecting-ridge", "change7", "de-gerlache-rim-2")
SEEDS: Final = tuple(range(1, 11))
SIZE_M: Final = 16_000.0
FINE_M: Final = 5.0  # [m] cells of the refined ground
RMS_PERCENT: Final = 25.0
SLOPE_PERCENT: Final = 20.0
MEAN_OFF_M: Final = 1.0
PATCHES: Final = 24  # fewest patches that make a mean
SHORT_M: Final = (5.0, 10.0, 20.0)  # lags below those published for sites
REGION_SEEDS: Final = tuple(range(1, 7))
MADE_AT: Final = (30_000.0, 10_000.0)  # [m] where the made site lies; there its region is as rugged as the real sites
CRATERS_M: Final = (20.0, 40.0, 80.0, 160.0)  # diameters between which the slope of the density is measured


class Figures(NamedTuple):
    """What is measured of one site and seed; RMS differences [m], slopes [deg]."""

    rms: dict[float, float]
    slopes: tuple[float, float, float]
    short: tuple[float, ...]
    patches: int
    patch_rms: dict[float, float]
    patch_slopes: tuple[float, float, float]
    mean_off_m: float


def outside(value: float, published: Range) -> float:
    """Return by how many percent a value lies outside a range; 0 inside.

    >>> outside(12.0, (5.0, 10.0)), outside(7.0, (5.0, 10.0)), outside(4.0, (5.0, 10.0))
    (20.0, 0.0, 20.0)
    """
    low, high = published
    return round(100.0 * max(value / high - 1.0, 1.0 - value / low, 0.0), 9)


def mean_off(fine: HeightGrid, coarse: HeightGrid) -> float:
    """Return the largest difference [m] between a whole coarse cell and the mean of the fine ground in it."""
    k = round(coarse.ref.cell_m / fine.ref.cell_m)
    col = (coarse.ref.x_left - fine.ref.x_left) / fine.ref.cell_m
    row = (fine.ref.y_top - coarse.ref.y_top) / fine.ref.cell_m
    c0, r0 = round(col) % k, round(row) % k  # first fine cell that begins a coarse one
    x, y = fine.ref.x_left + c0 * fine.ref.cell_m, fine.ref.y_top - r0 * fine.ref.cell_m
    z = np.ascontiguousarray(fine.elevation_m[r0:, c0:])
    means = HeightGrid(z, GeoRef(x, y, fine.ref.cell_m, *z.shape)).block_mean(k)
    real = coarse.crop(*means.ref.bounds)
    return float(np.abs(means.elevation_m - real.elevation_m).max())


def measure(fine: HeightGrid, coarse: HeightGrid) -> Figures:
    """Return the figures of a refined site."""
    patch = patch_figures(fine)
    return Figures(
        {lag: rms_difference(fine, lag) for lag in SITE_RMS_M},
        slope_percentiles(fine, SITE_SLOPE_BASE_M),
        tuple(rms_difference(fine, lag) for lag in SHORT_M),
        patch.count,
        patch.rms_m,
        patch.slopes_deg,
        mean_off(fine, coarse),
    )


def site_ref(name: str) -> GeoRef:
    """Return the cells of a refined site."""
    place = named_place(name)
    return GeoRef.centred(*polar_xy(place.lon_deg, place.lat_deg), SIZE_M, FINE_M)


def rows_of(what: str, found: list[Figures]) -> list[Row]:
    """Return the rows of one site: the worst of its seeds."""
    rms = max(outside(f.rms[lag], SITE_RMS_M[lag]) for f in found for lag in SITE_RMS_M)
    slopes = max(outside(v, r) for f in found for v, r in zip(f.slopes, SITE_SLOPES_DEG, strict=True))
    patch_rms = max(outside(f.patch_rms[lag], (v, v)) for f in found for lag, v in PATCH_RMS_M.items())
    patch_slopes = max(outside(v, (r, r)) for f in found for v, r in zip(f.patch_slopes, PATCH_SLOPES_DEG, strict=True))
    few = min(f.patches for f in found)
    lags, deg = "RMS differences 40 m .. 5.1 km", "slopes over 40 m, p50 p90 p99"
    return [
        at_most(BAR, f"{what}: {lags}, most outside the published", rms, "%", RMS_PERCENT, peer=_ends(SITE_RMS_M)),
        at_most(
            BAR, f"{what}: {deg}, most outside the published", slopes, "%", SLOPE_PERCENT, peer=_percentiles()
        ),
        at_least(BAR, f"{what}: patches like the published one", few, "", PATCHES),
        at_most(
            BAR, f"{what}: patches' RMS differences 5 .. 80 m, off by", patch_rms, "%", RMS_PERCENT,
            peer="LOLA " + " ".join(f"{v:g}" for v in PATCH_RMS_M.values()) + " m",
        ),
        at_most(
            BAR, f"{what}: patches' slopes over 5 m, p50 p90 p99, off by", patch_slopes, "%", SLOPE_PERCENT,
            peer="LOLA " + " ".join(f"{v:g}" for v in PATCH_SLOPES_DEG) + " deg",
        ),
        at_most(BAR, f"{what}: block means off the 1600 m grid by", max(f.mean_off_m for f in found), "m", MEAN_OFF_M),
    ]  # fmt: skip


def _ends(published: dict[float, Range]) -> str:
    first, last = next(iter(published.values())), list(published.values())[-1]
    return f"LOLA {first[0]:g}-{first[1]:g} .. {last[0]:g}-{last[1]:g} m"


def _percentiles() -> str:
    return "LOLA " + " ".join(f"{low:g}-{high:g}" for low, high in SITE_SLOPES_DEG) + " deg"


def _text(f: Figures) -> str:
    """Return figures in one line."""
    lags = " ".join(f"{lag:g}:{v:.3g}" for lag, v in (dict(zip(SHORT_M, f.short, strict=True)) | f.rms).items())
    slopes, patch = "/".join(f"{v:.1f}" for v in f.slopes), "/".join(f"{v:.1f}" for v in f.patch_slopes)
    rms = " ".join(f"{lag:g}:{v:.3g}" for lag, v in f.patch_rms.items())
    return f"RMS [m] {lags}; slopes {slopes}; {f.patches} patches: {rms}; slopes {patch}"


def ground(tell: Tell) -> list[Row]:
    """Refine three places with ten seeds at 5 m, make ground from nothing, and compare with what was published."""
    coarse = regional_grid()
    work = [(name, seed) for name in SITES for seed in SEEDS]
    found: dict[tuple[str, int], Figures] = {}
    spent = np.zeros(len(work))

    def one(i: int) -> None:
        name, seed = work[i]
        began = time.thread_time()
        fine = refine(coarse, site_ref(name), seed, threads=1)
        spent[i] = time.thread_time() - began
        found[name, seed] = measure(fine, coarse)

    cells = round(SIZE_M / FINE_M)
    tell(f"{len(work)} grounds of {cells} x {cells} cells on {cores()} threads")
    for_each(one, len(work))
    rows: list[Row] = []
    for name in SITES:
        tell(f"{name}, seed {SEEDS[0]}: {_text(found[name, SEEDS[0]])}")
        rows += rows_of(name, [found[name, seed] for seed in SEEDS])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    tell(f"one refined ground: {float(np.median(spent)):.1f} CPU-seconds; largest memory of this process {peak:.2f} GB")
    return [*rows, same_bytes(coarse), *craters(), *regions(coarse), *made(tell)]


def same_bytes(coarse: HeightGrid) -> Row:
    """One and two threads give the same bytes."""
    ref = site_ref(SITES[0])
    one, two = (refine(coarse, ref, 1, threads=n).elevation_m.tobytes() for n in (1, 2))
    return holds(BAR, "the same bytes on 1 and 2 threads", one == two)


def craters() -> list[Row]:
    """The cumulative density of the seeded craters falls with the square of the diameter."""
    low, high = CRATERS_M[0], CRATERS_M[-1]
    box = (0.0, 0.0, SIZE_M, SIZE_M)
    c = np.concatenate([craters_near(seed, box, low, 65_536.0) for seed in SEEDS])
    c = c[(c[:, 0] >= 0.0) & (c[:, 0] < SIZE_M) & (c[:, 1] >= 0.0) & (c[:, 1] < SIZE_M)]
    count = np.array([(c[:, 2] > d).sum() for d in CRATERS_M]) / (len(SEEDS) * SIZE_M**2)
    slope = float(np.polyfit(np.log(CRATERS_M), np.log(count), 1)[0])
    off = max(outside(float(n), (v, v)) for n, v in zip(count, 0.079 * np.array(CRATERS_M) ** -2.0, strict=True))
    return [
        at_most(BAR, f"craters {low:g} .. {high:g} m: slope of density off -2 by", abs(slope + 2.0), "", 0.1),
        at_most(BAR, f"craters {low:g} .. {high:g} m: density off 0.079 D^-2 by", off, "%", 10.0),
    ]


def regions(coarse: HeightGrid) -> list[Row]:
    """Made regions beside the real one, both within 250 km."""
    reach = REACH_M + CELL_M / 4.0
    real = coarse.crop(-reach, -reach, reach, reach)
    grounds = [synthetic_region(GeoRef.centred(0.0, 0.0, SIZE_M, FINE_M), seed) for seed in REGION_SEEDS]
    lags = [CELL_M * 2.0**k for k in range(6)]
    rms: NDArray[np.float64] = np.array([[rms_difference(g, lag) for lag in lags] for g in [real, *grounds]])
    slopes = np.mean([slope_percentiles(g, REGION_SLOPE_BASE_M)[:2] for g in grounds], axis=0)
    off = float(100.0 * np.abs(rms[1:].mean(axis=0) / rms[0] - 1.0).max())
    slope_off = max(outside(float(v), (r, r)) for v, r in zip(slopes, REGION_SLOPES_DEG, strict=True))
    n = len(REGION_SEEDS)
    return [
        at_most(
            BAR, f"made regions, mean of {n}: RMS differences 1.6 .. 51 km, off by", off, "%", RMS_PERCENT,
            peer=f"LOLA {rms[0, 0]:.0f} .. {rms[0, -1]:.0f} m",
        ),
        at_most(
            BAR, f"made regions, mean of {n}: slopes over 1600 m, p50 p90, off by", slope_off, "%", SLOPE_PERCENT,
            peer=f"LOLA {REGION_SLOPES_DEG[0]:g} {REGION_SLOPES_DEG[1]:g} deg",
        ),
    ]  # fmt: skip


def made(tell: Tell) -> list[Row]:
    """A made site at small scale, and its means."""
    ref = GeoRef.centred(*MADE_AT, SIZE_M, FINE_M)
    fine, _ = synthetic_ground(ref, 2)
    found = measure(fine, synthetic_region(ref, 2))
    tell(f"made site: {_text(found)}")
    return [row for row in rows_of("made site", [found]) if "published" not in row.what or "like" in row.what]


BARS: dict[str, Bar] = {BAR: ground}
