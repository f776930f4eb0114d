"""A site: one square of the Moon with everything the fleet's physics asks of it, kept as one folder of plain arrays.

==================  =======  ==========  =====================================================
file                dtype    shape       what
==================  =======  ==========  =====================================================
``elevation.npy``   float32  [R, C]      metres above the sphere of 1 737.4 km
``slope.npy``       float32  [R, C]      degrees
``rock_cover.npy``  float32  [R, C]      share of the ground covered by rocks
``horizon.npy``     int16    [A, R, C]   0.001 deg, grid azimuth ``360 a / A``
``mean_lit.npy``    float32  [R, C]      share of the Sun's disc, mean over one year
``site.json``                            version, recipe, key, and size and SHA-256 of each array
==================  =======  ==========  =====================================================

A folder is complete or it is not there: it is written beside its place and renamed. Arrays are memory-mapped, so all
processes of a node share them.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from .catalogue import REGIONAL_DEM, regional_grid
from .clock import utc_to_tdb
from .errors import SiteDamaged, SiteError
from .grid import Float32Grid, GeoRef, HeightGrid, polar_xy
from .horizon import Horizon, compute_horizon
from .light_year import mean_illumination
from .local_ground import LocalGround
from .rocks import rock_cover
from .site_ground import MIN_SITE_M, dem_ground, largest_site, regional_ground
from .sky import Sky

VERSION = 2  # of the folder and of everything that decides what is in it
OBSERVER_M = 2.0  # [m] height of the eye that the horizon is for
LIT_YEAR = ("2029-01-01T00:00:00", "2030-01-01T00:00:00")  # the year that mean_lit is the mean of
MAX_HORIZON_BYTES = 4 * 1024**3
ARRAYS = {"elevation": "<f4", "slope": "<f4", "rock_cover": "<f4", "mean_lit": "<f4", "horizon": "<i2"}
Progress = Callable[[str, float], object]  # stage, share done 0..1


@dataclass(frozen=True, slots=True)
class SiteRecipe:
    """All that decides a site: the same recipe gives the same bytes. Angles [deg], lengths [m].

    ``dem``: a GeoTIFF of your own in place of the shipped grid. Raises `SiteError` for values out of range.
    """

    name: str
    lon_deg: float
    lat_deg: float
    size_m: float = 12_000.0
    cell_m: float = 20.0
    seed: int = 1
    azimuths: int = 180
    dem: Path | None = None

    def __post_init__(self) -> None:
        _check("name", self.name, 0 < len(self.name) <= 80, "1 to 80 characters")
        _check("lon_deg", self.lon_deg, -360.0 <= self.lon_deg <= 360.0, "-360 to 360")
        _check("lat_deg", self.lat_deg, -90.0 <= self.lat_deg <= -60.0, "-90 to -60 (south-polar)")
        _check("cell_m", self.cell_m, 5.0 <= self.cell_m <= 100.0, "5 to 100")
        _check("size_m", self.size_m, MIN_SITE_M <= self.size_m <= 200_000.0, f"{MIN_SITE_M:g} to 200000")
        _check("seed", self.seed, 0 <= self.seed < 2**63, "a whole number from 0")
        _check("azimuths", self.azimuths, 8 <= self.azimuths <= 1440, "8 to 1440")
        cells = round(self.size_m / self.cell_m)
        need = cells * cells * self.azimuths * 2
        _check("size_m", self.size_m, need <= MAX_HORIZON_BYTES, f"horizons up to 4 GiB ({need / 1024**3:.1f} here)")

    @property
    def ref(self) -> GeoRef:
        """Georeference of the site."""
        return GeoRef.centred(*polar_xy(self.lon_deg, self.lat_deg), self.size_m, self.cell_m)

    def to_json(self) -> dict[str, object]:
        """Plain values, for site.json."""
        values = asdict(self)
        values["dem"] = None if self.dem is None else str(self.dem)
        return values

    def key(self) -> str:
        """Return the SHA-256 (20 hex digits) of the recipe, the version and the bytes of the elevation file."""
        values = self.to_json() | {"dem": None, "version": VERSION, "observer_m": OBSERVER_M, "lit_year": LIT_YEAR}
        if self.dem is not None and not self.dem.is_file():
            dem_ground(self.dem, self.ref, self.seed)  # raises what is wrong with it
        values["ground"] = _sha256(REGIONAL_DEM if self.dem is None else self.dem)
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:20]


def _check(field: str, value: object, ok: bool, allowed: str) -> None:
    if not ok:
        raise SiteError(f"site.{field}: {value!r}; allowed: {allowed}.")


def recipe_of_dem(
    path: Path,
    *,
    name: str | None = None,
    lonlat: tuple[float, float] | None = None,
    size_m: float | None = None,
    cell_m: float = 20.0,
    seed: int = 1,
    azimuths: int = 180,
) -> SiteRecipe:
    """Return the recipe of a user's file: the size asked for, or the largest square up to 12 km that has data.

    Around ``lonlat`` [deg], or the middle of the file. Raises a `DemError` child for a file that cannot be used.
    """
    path = Path(path)
    lon, lat, largest = largest_site(path, lonlat, 12_000.0 if size_m is None else size_m, cell_m)
    size = largest if size_m is None else size_m
    return SiteRecipe(name or path.stem[:80], lon, lat, size, cell_m, seed, azimuths, path.resolve())


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """One site, opened from its folder; immutable. Arrays are read-only memory maps, ``[row, col]``, row 0 at +y."""

    name: str
    seed: int
    key: str
    ref: GeoRef
    grid: HeightGrid
    slope_deg: Float32Grid  # [R, C]
    rock_cover: Float32Grid  # [R, C] 0..1
    horizon: Horizon
    mean_lit: Float32Grid  # [R, C] 0..1
    sky: Sky
    ground: LocalGround
    path: Path

    def __reduce__(self) -> tuple[Callable[[Path], Site], tuple[Path]]:
        return open_site, (self.path,)


def cache_folder() -> Path:
    """Return where sites are kept: ``MOONFLEET_CACHE``, else ``~/.cache/moonfleet``."""
    given = os.environ.get("MOONFLEET_CACHE")
    return Path(given) if given else Path.home() / ".cache" / "moonfleet"


def open_site(path: Path) -> Site:
    """Open a site folder; cheap. Raises `SiteDamaged` if it is incomplete, of the wrong size or of another version."""
    path = Path(path)
    facts = _read_facts(path)
    try:
        g = cast(dict[str, float], facts["ref"])
        ref = GeoRef(float(g["x_left"]), float(g["y_top"]), float(g["cell_m"]), int(g["rows"]), int(g["cols"]))
        recipe = cast(dict[str, str], facts["recipe"])
        name, seed, azimuths = str(recipe["name"]), int(recipe["seed"]), int(recipe["azimuths"])
        key, observer = str(facts["key"]), float(cast(float, facts["observer_m"]))
        sizes = {k: int(v["bytes"]) for k, v in cast(dict[str, dict[str, int]], facts["arrays"]).items()}
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, SiteError) as error:
        raise SiteDamaged(
            f"{path}/site.json: {error!r} is missing or of the wrong kind; build the site again."
        ) from error
    maps: dict[str, NDArray[np.generic]] = {}
    for array, dtype in ARRAYS.items():
        shape = (azimuths, *ref.shape) if array == "horizon" else ref.shape
        maps[array] = _map(path / f"{array}.npy", sizes.get(array, -1), dtype, shape)
    grid = HeightGrid(cast(Float32Grid, maps["elevation"]), ref)
    cover = cast(Float32Grid, maps["rock_cover"])
    return Site(
        name, seed, key, ref, grid, cast(Float32Grid, maps["slope"]), cover,
        Horizon(cast(NDArray[np.int16], maps["horizon"]), observer), cast(Float32Grid, maps["mean_lit"]),
        Sky(*ref.lonlat()), LocalGround(grid, cover, seed), path,
    )  # fmt: skip


def _read_facts(path: Path) -> dict[str, object]:
    file = path / "site.json"
    try:
        if file.stat().st_size > 1_000_000:
            raise SiteDamaged(f"{file}: larger than 1 MB; not a site description.")
        facts = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise SiteDamaged(f"{file}: cannot be read ({error}); allowed: a folder made by build_site.") from error
    version = facts.get("version") if isinstance(facts, dict) else None
    if version != VERSION:
        raise SiteDamaged(f"{file}: version {version!r}; allowed: {VERSION}. Build the site again.")
    return cast(dict[str, object], facts)


def _map(file: Path, size: int, dtype: str, shape: tuple[int, ...]) -> NDArray[np.generic]:
    """Memory-map one array after its size, dtype and shape were checked; read-only, a plain ndarray."""
    try:
        found = file.stat().st_size
        if found != size:
            raise SiteDamaged(f"{file}: {found} bytes; allowed: {size}, as site.json says. Build the site again.")
        array = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise SiteDamaged(f"{file}: cannot be read ({error}); build the site again.") from error
    if array.shape != shape or array.dtype != np.dtype(dtype) or not array.flags.c_contiguous:
        raise SiteDamaged(f"{file}: {array.dtype} {array.shape}; allowed: {dtype} {shape}. Build the site again.")
    return array.view(np.ndarray)


def verify_site(path: Path) -> None:
    """Raise `SiteDamaged` if any array's SHA-256 differs from the one in site.json; reads the whole folder."""
    open_site(path)
    facts = _read_facts(Path(path))
    for array, entry in cast(dict[str, dict[str, str]], facts["arrays"]).items():
        found = _sha256(Path(path) / f"{array}.npy")
        if found != entry.get("sha256"):
            raise SiteDamaged(
                f"{path}/{array}.npy: SHA-256 {found[:12]}.. differs from site.json. Build the site again."
            )


def build_site(recipe: SiteRecipe, cache: Path | None = None, progress: Progress | None = None) -> Site:
    """Return the site of a recipe, built on first use and kept in the cache folder.

    Safe when several processes ask at once: one builds, the others wait and open. A damaged or older folder is built
    again. Raises `SiteError` (or a `DemError` child) for a recipe that cannot be built or a cache that cannot be written.
    """
    root = Path(cache) if cache is not None else cache_folder()
    key = recipe.key()
    slug = re.sub(r"[^a-z0-9]+", "-", recipe.name.lower()).strip("-")[:40] or "site"
    folder = root / "sites" / f"{slug}-{key}"
    try:
        return open_site(folder)
    except SiteDamaged:
        pass
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _locked(folder.with_name(folder.name + ".lock")):
            try:
                return open_site(folder)  # built by another process while this one waited
            except SiteDamaged:
                pass
            for left in folder.parent.glob(f"{folder.name}.part*"):  # of a build that was killed
                shutil.rmtree(left, ignore_errors=True)
            part = folder.with_name(f"{folder.name}.part{os.getpid()}")
            part.mkdir()
            try:
                _write(recipe, key, part, progress)
                if folder.exists():
                    old = folder.with_name(f"{folder.name}.part{os.getpid()}-old")
                    folder.rename(old)
                    shutil.rmtree(old, ignore_errors=True)
                part.rename(folder)
            finally:
                shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        raise SiteError(
            f"{folder}: cannot be written ({error}); allowed: a writable folder, set MOONFLEET_CACHE to one."
        ) from error
    return open_site(folder)


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Hold an exclusive lock that the system lets go when the process ends, however it ends."""
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _write(recipe: SiteRecipe, key: str, folder: Path, progress: Progress | None) -> None:
    """Compute all layers into ``folder``; site.json comes last."""

    def tell(stage: str, done: float) -> None:
        if progress is not None:
            progress(stage, done)

    ref = recipe.ref
    tell("ground", 0.0)
    if recipe.dem is None:
        grid, craters_to_m = regional_ground(ref, recipe.seed)
    else:
        grid, craters_to_m = dem_ground(recipe.dem, ref, recipe.seed)
    slope = grid.slope_deg()
    cover = rock_cover(ref, recipe.seed, slope, craters_to_m)
    tell("horizon", 0.0)
    regional = regional_grid()
    horizons = np.lib.format.open_memmap(
        folder / "horizon.npy", mode="w+", dtype=np.dtype("<i2"), shape=(recipe.azimuths, *ref.shape)
    )
    _reserve(folder / "horizon.npy")
    compute_horizon(
        grid, recipe.azimuths, OBSERVER_M, regional if regional.ref.covers(ref) else None,
        lambda done, total: tell("horizon", done / total), out=horizons,
    )  # fmt: skip
    tell("light", 0.0)
    t0, t1 = (utc_to_tdb(t) for t in LIT_YEAR)
    lit = mean_illumination(ref, Horizon(horizons, OBSERVER_M), Sky(*ref.lonlat()), t0, t1)
    horizons.flush()
    layers = {"elevation": grid.elevation_m, "slope": slope, "rock_cover": cover, "mean_lit": lit}
    for array, values in layers.items():
        np.save(folder / f"{array}.npy", np.ascontiguousarray(values, dtype=ARRAYS[array]), allow_pickle=False)
    tell("checksums", 0.0)
    facts: dict[str, object] = {
        "version": VERSION,
        "key": key,
        "recipe": recipe.to_json(),
        "observer_m": OBSERVER_M,
        "ref": asdict(ref),
        "arrays": {
            array: {"bytes": (folder / f"{array}.npy").stat().st_size, "sha256": _sha256(folder / f"{array}.npy")}
            for array in ARRAYS
        },
    }
    (folder / "site.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    tell("done", 1.0)


def _reserve(file: Path) -> None:
    """Take the disk space of a memory-mapped file now: a full disk is an `OSError` here, and the end of the process later."""
    if not hasattr(os, "posix_fallocate"):
        return
    with file.open("r+b") as handle:
        try:
            os.posix_fallocate(handle.fileno(), 0, file.stat().st_size)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise


def _sha256(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
