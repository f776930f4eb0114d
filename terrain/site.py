"""A site: one square of the Moon with everything the fleet's physics asks of it, kept as one folder of plain arrays.

`moonfleet.terrain.site_folder` says which arrays. A folder is complete or it is not there: it grows beside its place and is
renamed. Arrays are memory-mapped, so all processes of a node share them; opening one reads only the description.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from .cache_folder import cache_folder
from .errors import SiteDamaged
from .grid import Float32Grid, GeoRef, HeightGrid
from .ground_style import CALIBRATED, GroundStyle
from .horizon import Horizon
from .local_ground import LocalGround
from .site_folder import array_specs, horizon_name, map_array, read_facts, sha256_of
from .site_recipe import EYE_M, LIT_YEAR, SiteRecipe
from .sky import Sky

__all__ = ["LIT_YEAR", "Site", "SiteRecipe", "build_site", "cache_folder", "open_site", "recipe_of_dem", "verify_site"]

Progress = Callable[[str, float], object]  # stage, share done 0..1


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """One site, opened from its folder; immutable. Arrays are read-only memory maps, ``[row, col]``, row 0 at +y."""

    name: str
    seed: int
    key: str
    recipe: SiteRecipe
    ref: GeoRef
    grid: HeightGrid
    slope_deg: Float32Grid  # [R, C]
    rock_cover: Float32Grid  # [R, C] 0..1
    horizons: dict[float, Horizon]  # height of the eye [m] -> horizon
    mean_lit: Float32Grid  # [R, C] 0..1
    longest_night_s: Float32Grid  # [R, C]
    permanent_shadow: NDArray[np.uint8]  # [R, C] 1: never lit
    earth_visible: Float32Grid  # [R, C] 0..1
    sky: Sky
    ground: LocalGround
    path: Path

    @property
    def horizon(self) -> Horizon:
        """The horizon of an eye 2 m above ground."""
        return self.horizons[EYE_M]

    def __reduce__(self) -> tuple[Callable[[Path], Site], tuple[Path]]:
        return open_site, (self.path,)


def open_site(path: Path) -> Site:
    """Open a site folder; cheap.

    Raises `SiteDamaged`, with the reason, if it is incomplete, edited, of the wrong size or of another version. Flipped
    bytes inside an array are found by `verify_site`, which reads them all.
    """
    path = Path(path)
    facts = read_facts(path)
    recipe, ref = facts.recipe, facts.ref
    specs = array_specs(recipe)
    maps = {name: map_array(path, name, spec, facts.sizes.get(name, -1)) for name, spec in specs.items()}
    grid = HeightGrid(cast(Float32Grid, maps["elevation"]), ref)
    cover = cast(Float32Grid, maps["rock_cover"])
    return Site(
        name=recipe.name,
        seed=recipe.seed,
        key=facts.key,
        recipe=recipe,
        ref=ref,
        grid=grid,
        slope_deg=cast(Float32Grid, maps["slope"]),
        rock_cover=cover,
        horizons={mast: Horizon(cast(NDArray[np.int16], maps[horizon_name(mast)]), mast) for mast in recipe.masts_m},
        mean_lit=cast(Float32Grid, maps["mean_lit"]),
        longest_night_s=cast(Float32Grid, maps["longest_night"]),
        permanent_shadow=cast(NDArray[np.uint8], maps["permanent_shadow"]),
        earth_visible=cast(Float32Grid, maps["earth_visible"]),
        sky=Sky(*ref.lonlat()),
        ground=LocalGround(grid, cover, recipe.seed, recipe.style),
        path=path,
    )


def verify_site(path: Path) -> None:
    """Raise `SiteDamaged` if any array's SHA-256 differs from the one in site.json; reads the whole folder."""
    path = Path(path)
    open_site(path)
    facts = read_facts(path)
    for name in array_specs(facts.recipe):
        found = sha256_of(path / f"{name}.npy")
        if found != facts.sha256.get(name):
            raise SiteDamaged(
                f"{path}/{name}.npy: SHA-256 {found[:12]}.. differs from site.json. Build the site again."
            )


def build_site(recipe: SiteRecipe, cache: Path | None = None, progress: Progress | None = None) -> Site:
    """Return the site of a recipe, built on first use and kept in the cache folder.

    Safe when several processes ask at once: one builds, the others wait and open. A build that was stopped, even by
    kill -9, goes on where it was and ends with the same bytes. A damaged or older folder is built again.

    Raises
    ------
    SiteError
        A recipe that cannot be built (or a `DemError` child), a cache that cannot be written, or a disk without room.
    """
    from .site_build import site_folder, write_site  # with the raster libraries, which opening a site does not need

    folder = site_folder(recipe, cache)
    try:
        return open_site(folder)
    except SiteDamaged:
        write_site(recipe, folder, _usable, progress)
    return open_site(folder)


def _usable(folder: Path) -> bool:
    try:
        open_site(folder)
    except SiteDamaged:
        return False
    return True


def recipe_of_dem(
    path: Path,
    *,
    name: str | None = None,
    lonlat: tuple[float, float] | None = None,
    size_m: float | None = None,
    cell_m: float = 20.0,
    seed: int = 1,
    azimuths: int = 180,
    style: GroundStyle = CALIBRATED,
    regions: Sequence[Path] = (),
    masts_m: Sequence[float] = (),
) -> SiteRecipe:
    """Return the recipe of a user's file: the size asked for, or the largest square up to 12 km that has data.

    Around ``lonlat`` [deg], or the middle of the file. Raises a `DemError` child for a file that cannot be used.
    """
    from .site_ground import largest_site

    path = Path(path)
    lon, lat, largest = largest_site(path, lonlat, 12_000.0 if size_m is None else size_m, cell_m)
    size = largest if size_m is None else size_m
    return SiteRecipe(
        name or path.stem[:80], lon, lat, size, cell_m, seed, azimuths, path.resolve(), style,
        regions=tuple(Path(region).resolve() for region in regions), masts_m=tuple(masts_m),
    )  # fmt: skip
