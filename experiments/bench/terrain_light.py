"""Terrain, the light: permanent shadow beside the published regions, and a year of hours beside the same done with numpy.

    python -m moonfleet.experiments.bench.terrain_light

writes the table of shadowed regions as Markdown to its output.
"""

from __future__ import annotations

import csv
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from moonfleet.terrain.catalogue import named_place, regional_grid
from moonfleet.terrain.clock import utc_to_tdb
from moonfleet.terrain.constants import DARK_BELOW, MOON_RADIUS_M
from moonfleet.terrain.grid import GeoRef, HeightGrid, label_cells, polar_xy
from moonfleet.terrain.horizon import Horizon, compute_horizon
from moonfleet.terrain.light_year import light_year
from moonfleet.terrain.shadow import permanent_shadow, shadow_regions
from moonfleet.terrain.sky import Sky
from moonfleet.terrain.threads import cores

from ..errors import BenchError
from .registry import Bar, Row, Tell, at_least, at_most

Array = NDArray[np.float64]

REGIONS_FILE: Final = "LOLA_PSR_75S.csv"  # LOLA's permanently shadowed regions south of 75 S
FOLDER_VARIABLE: Final = "MOONFLEET_REFERENCE"
POLEWARD_DEG: Final = -84.0
LARGEST: Final = 12
CRATERS: Final = ("shoemaker", "haworth", "faustini")
CRATER_PERCENT: Final = 5.0
MEDIAN_PERCENT: Final = 10.0
HALF_WIDTH_M: Final = 281_600.0  # [m] of the ground whose shadow is found: 84 S and 100 km around it
FINER: Final = 2  # cells of that ground per cell of the grid, each way

YEAR_CELLS: Final = 1024
YEAR_CELL_M: Final = 20.0
YEAR_STEPS: Final = 8766
YEAR_S: Final = 60.0  # [s] wall time on two cores
YEAR_GB: Final = 2.0
MEAN_OFF: Final = 0.01  # [-] most that a cell's mean may be off the sum over hours
SAME_NIGHTS: Final = 99.0  # [%] least share of cells whose longest night is that of the plain walk
SAMPLE: Final = 2048  # cells that numpy walks through


class Region(NamedTuple):
    """A published region of permanent shadow beside ours."""

    name: str
    lon_deg: float
    lat_deg: float
    published_km2: float
    ours_km2: float

    @property
    def error_percent(self) -> float:
        """Ours over the published area, less one [%]."""
        return 100.0 * (self.ours_km2 / self.published_km2 - 1.0)


def reference_file(name: str) -> Path:
    """Return a published table: in the folder that MOONFLEET_REFERENCE names, else in ../shared/data beside the repository.

    Raises `BenchError` where it is not there.
    """
    given = os.environ.get(FOLDER_VARIABLE)
    folder = Path(given) if given else Path(__file__).resolve().parents[3] / "shared" / "data"
    path = folder / name
    if not path.is_file():
        raise BenchError(f"{path}: not there; {FOLDER_VARIABLE} must name the folder that holds the published {name}")
    return path


def published_regions() -> list[tuple[str, float, float, float]]:
    """Return name, longitude, latitude [deg], area [km2] of the largest published regions, largest first."""
    with reference_file(REGIONS_FILE).open(newline="", encoding="utf-8") as text:
        rows = [
            (row["PSR_ID"], float(row["longitude"]), float(row["latitude"]), float(row["area"]))
            for row in csv.DictReader(text)
        ]
    return sorted((row for row in rows if row[2] < POLEWARD_DEG), key=lambda row: -row[3])[:LARGEST]


def smooth_ground() -> HeightGrid:
    """Return the ground around the pole on half the shipped grid's cells, cubic splines through its heights.

    Flat facets between cells of 1600 m would lie below every rim that runs between two of them.
    """
    coarse = regional_grid()
    ref = GeoRef.centred(0.0, 0.0, 2.0 * HALF_WIDTH_M, coarse.ref.cell_m / FINER)
    x, y = ref.xy(*np.mgrid[: ref.rows, : ref.cols])
    z = ndimage.map_coordinates(coarse.elevation_m.astype(np.float64), coarse.ref.rowcol(x, y), order=3)
    return HeightGrid(z.astype(np.float32), ref)


def compare_shadows(tell: Tell) -> list[Region]:
    """Return the largest published regions beside ours, on the ground of the shipped grid.

    A published region is compared with the patch under its centroid, or the nearest one. Patches that touch by a corner
    are one; a patch that belongs to several of the published regions is shared out in proportion to them; other pieces of
    a region that is in pieces here do not count.
    """
    published = published_regions()
    ground = smooth_ground()
    tell(f"horizons of {ground.ref.rows} x {ground.ref.cols} cells around the pole")
    horizon = Horizon(compute_horizon(ground, 360, 0.0, regional_grid()), 0.0)
    mask = permanent_shadow(ground.ref, horizon)
    area = {region.label: region.area_km2 for region in shadow_regions(mask, ground.ref)}
    label = label_cells(mask, diagonal=True)
    rows, cols = np.nonzero(label)
    patch: list[int] = []
    for _, lon, lat, _ in published:
        row, col = ground.ref.cell_of(*polar_xy(lon, lat))
        near = int(np.argmin((rows - row) ** 2 + (cols - col) ** 2))
        patch.append(int(label[rows[near], cols[near]]))
    of_patch = {n: sum(row[3] for row, m in zip(published, patch, strict=True) if m == n) for n in patch}
    return [
        Region(known_as(name, lon, lat), lon, lat, km2, area[n] * km2 / of_patch[n])
        for (name, lon, lat, km2), n in zip(published, patch, strict=True)
    ]


def known_as(name: str, lon_deg: float, lat_deg: float) -> str:
    """Return the crater's name if the region's middle lies within a quarter of a degree of one of the three, else ``name``."""
    x, y = polar_xy(lon_deg, lat_deg)
    for crater in CRATERS:
        place = named_place(crater)
        at_x, at_y = polar_xy(place.lon_deg, place.lat_deg)
        if np.hypot(x - at_x, y - at_y) < 7_600.0:
            return crater.title()
    return name


def shadow_table(regions: list[Region]) -> str:
    """Return the comparison as a Markdown table."""
    lines = ["| region | longitude | latitude | published km2 | here km2 | error |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {r.name} | {r.lon_deg:.1f} | {r.lat_deg:.2f} | {r.published_km2:.1f} | {r.ours_km2:.1f} | {r.error_percent:+.1f} % |"
        for r in regions
    ]
    off = np.abs([r.error_percent for r in regions])
    return "\n".join([*lines, f"| median of the {len(regions)} | | | | | {np.median(off):.1f} % |"])


def shadow(tell: Tell) -> list[Row]:
    """Areas of permanent shadow on the shipped grid beside LOLA's published table."""
    regions = compare_shadows(tell)
    for line in shadow_table(regions).splitlines():
        tell(line)
    by_name = {region.name.lower(): region for region in regions}
    missing = [crater for crater in CRATERS if crater not in by_name]
    if missing:
        raise BenchError(f"{REGIONS_FILE}: no region at {', '.join(missing)}; is it the published table?")
    rows = [
        at_most(
            "terrain.3",
            f"permanent shadow in {by_name[crater].name}: {by_name[crater].ours_km2:.1f} km2, off by",
            abs(by_name[crater].error_percent),
            "%",
            CRATER_PERCENT,
            peer=f"LOLA {by_name[crater].published_km2:.1f} km2",
            ratio=by_name[crater].ours_km2 / by_name[crater].published_km2,
        )
        for crater in CRATERS
    ]
    median = float(np.median([abs(region.error_percent) for region in regions]))
    what = f"median error over the {LARGEST} largest poleward of {-POLEWARD_DEG:g} S"
    return [*rows, at_most("terrain.3", what, median, "%", MEDIAN_PERCENT, peer="LOLA")]


def year(tell: Tell) -> list[Row]:
    """A year of hours of 1024 x 1024 cells, in a process of its own so that its memory is its own."""
    tell(f"{YEAR_CELLS} x {YEAR_CELLS} cells, {YEAR_STEPS} hours, and {SAMPLE} cells of them with numpy")
    done = subprocess.run([sys.executable, "-m", __name__, "--year"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchError(f"the year of hours failed: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    found: dict[str, float] = json.loads(done.stdout)
    ours, peer = found["ours_ns"], found["numpy_ns"]
    return [
        at_most(
            "terrain.5",
            f"mean light and longest night, {YEAR_CELLS}^2 cells x {YEAR_STEPS} h, wall time on {found['cores']:.0f} cores",
            found["wall_s"],
            "s",
            YEAR_S,
            peer=f"numpy {peer:.1f} ns per cell and hour of CPU, here {ours:.2f}",
            ratio=peer / ours,
        ),
        at_most("terrain.5", "memory of the process, horizons included", found["memory_gb"], "GB", YEAR_GB),
        at_most("terrain.5", "mean light of a cell, off the sum over hours by", found["mean_off"], "", MEAN_OFF),
        at_least(
            "terrain.5", "cells whose longest night is that of the plain walk", found["same_nights"], "%", SAME_NIGHTS
        ),
    ]


def measure_year() -> dict[str, float]:
    """Time the year and the plain walk through it in this process."""
    ref, horizon = year_horizons()
    sky, t0 = Sky(*ref.lonlat()), utc_to_tdb("2029-01-01T00:00:00")
    light_year(ref, horizon, sky, t0, t0 + 36_000.0)  # compiles, and takes the ephemeris of these years in
    began, cpu = time.perf_counter(), time.process_time()
    whole = light_year(ref, horizon, sky, t0, t0 + 3600.0 * YEAR_STEPS)
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    memory = peak_memory_gb()
    pick = np.linspace(0, YEAR_CELLS**2 - 1, SAMPLE).astype(np.int64)
    rows, cols = np.divmod(pick, YEAR_CELLS)
    began = time.process_time()
    mean, night = plain_year(ref, horizon, sky, rows, cols, t0)
    plain = time.process_time() - began
    return {
        "wall_s": wall,
        "memory_gb": memory,
        "cores": float(cores()),
        "ours_ns": 1e9 * cpu / (YEAR_CELLS**2 * YEAR_STEPS),
        "numpy_ns": 1e9 * plain / (SAMPLE * YEAR_STEPS),
        "mean_off": float(np.abs(whole.mean_lit[rows, cols] - mean).max()),
        "same_nights": 100.0 * float((whole.longest_night_s[rows, cols] == night).mean()),
    }


def peak_memory_gb() -> float:
    """Return the most memory that this process has had [GB]; from /proc, for rusage also counts who started it."""
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return float(line.split()[1]) * 1024.0 / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0 / 1e9


def year_horizons() -> tuple[GeoRef, Horizon]:
    """Return a site at 88.8 S 123.4 E and its horizons; those of every second row and column, each used for four cells."""
    region = regional_grid()
    ref = GeoRef.centred(*polar_xy(123.4, -88.8), YEAR_CELLS * YEAR_CELL_M, YEAR_CELL_M)
    half = GeoRef(ref.x_left, ref.y_top, 2.0 * YEAR_CELL_M, YEAR_CELLS // 2, YEAR_CELLS // 2)
    cube = compute_horizon(region.resample(half), 360, 2.0, region)
    whole = np.empty((360, *ref.shape), dtype=np.int16)
    for row in (0, 1):
        for col in (0, 1):
            whole[:, row::2, col::2] = cube
    return ref, Horizon(whole, 2.0)


def plain_year(
    ref: GeoRef, horizon: Horizon, sky: Sky, rows: NDArray[np.int64], cols: NDArray[np.int64], t0: float
) -> tuple[Array, Array]:
    """Return mean light and longest night [s] of some cells with plain numpy, hour by hour."""
    seen = sky.sample(t0 + 3600.0 * np.arange(YEAR_STEPS))
    edges = 0.001 * horizon.millideg[:, rows, cols].astype(np.float64)
    x, y = ref.xy(rows, cols)
    east, north = (x - ref.centre[0]) / MOON_RADIUS_M, (y - ref.centre[1]) / MOON_RADIUS_M
    total, run, longest = np.zeros(rows.size), np.zeros(rows.size), np.zeros(rows.size)
    for az, el, radius in zip(seen.sun_az_deg, seen.sun_el_deg, seen.sun_radius_deg, strict=True):
        place = az * horizon.azimuths / 360.0
        a = int(place) % horizon.azimuths
        edge = edges[a] + (place - int(place)) * (edges[(a + 1) % horizon.azimuths] - edges[a])
        here = el + np.degrees(east * np.sin(np.radians(az)) + north * np.cos(np.radians(az)))
        height = np.clip((here - edge) / radius, -1.0, 1.0)
        lit = 0.5 + (np.arcsin(height) + height * np.sqrt(1.0 - height * height)) / np.pi
        total += lit
        run = np.where(lit < DARK_BELOW, run + 1.0, 0.0)
        np.maximum(longest, run, out=longest)
    return total / YEAR_STEPS, 3600.0 * longest


BARS: dict[str, Bar] = {"terrain.3": shadow, "terrain.5": year}


def main() -> None:
    """Write the table of shadows, or with ``--year`` the measures of the year as JSON, to the standard output."""
    if sys.argv[1:] == ["--year"]:
        sys.stdout.write(json.dumps(measure_year()) + "\n")
    else:
        sys.stdout.write(shadow_table(compare_shadows(lambda _: None)) + "\n")


if __name__ == "__main__":
    main()
