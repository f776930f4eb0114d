"""The layout of a site folder: which arrays it holds, and how it is told from a damaged, half-written or older one.

======================  =======  ==========  ======================================================================
file                    dtype    shape       what
======================  =======  ==========  ======================================================================
``elevation.npy``       float32  [R, C]      metres above the sphere of 1 737.4 km
``slope.npy``           float32  [R, C]      degrees
``rock_cover.npy``      float32  [R, C]      share of the ground covered by rocks
``mean_lit.npy``        float32  [R, C]      share of the Sun's disc, mean over one year
``longest_night.npy``   float32  [R, C]      longest time of that year without Sun [s]
``permanent_shadow.npy``  uint8  [R, C]      1 where the Sun never shines
``earth_visible.npy``   float32  [R, C]      share of that year in which the Earth's centre stands above the terrain
``horizon.npy``         int16    [A, R, C]   0.001 deg, grid azimuth ``360 a / A``, for an eye 2 m above ground
``horizon_10m.npy``     int16    [A, R, C]   the same for an eye at 10 m; one such file per further mast
``site.json``                                version, key, recipe, place, size and SHA-256 of each array, and a digest
                                             of all this (``self``), so that an edited description is noticed
======================  =======  ==========  ======================================================================
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from .errors import SiteDamaged, SiteError
from .grid import GeoRef
from .site_recipe import EYE_M, SiteRecipe

VERSION = 3  # of the layout of the folder; what decides its content is in the key
FACTS = "site.json"
LAYERS = {
    "elevation": "<f4",
    "slope": "<f4",
    "rock_cover": "<f4",
    "mean_lit": "<f4",
    "longest_night": "<f4",
    "permanent_shadow": "|u1",
    "earth_visible": "<f4",
}
MAX_FACTS_BYTES = 1_000_000
NPY_HEADER_BYTES = 128  # of an array file, before its data


class ArraySpec(NamedTuple):
    """What one array file holds."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def file_bytes(self) -> int:
        """Size of the file."""
        return NPY_HEADER_BYTES + int(np.prod(self.shape, dtype=np.int64)) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What site.json says."""

    key: str
    recipe: SiteRecipe
    ref: GeoRef
    sizes: Mapping[str, int]  # of the array files [bytes]
    sha256: Mapping[str, str]


def horizon_name(mast_m: float) -> str:
    """Return the name of the horizon array of a mast.

    >>> horizon_name(2.0), horizon_name(10.0)
    ('horizon', 'horizon_10m')
    """
    return "horizon" if mast_m == EYE_M else f"horizon_{mast_m:g}m"


def array_specs(recipe: SiteRecipe) -> dict[str, ArraySpec]:
    """Return the arrays of a recipe's site, name -> dtype and shape."""
    shape = recipe.ref.shape
    specs = {name: ArraySpec(dtype, shape) for name, dtype in LAYERS.items()}
    for mast in recipe.masts_m:
        specs[horizon_name(mast)] = ArraySpec("<i2", (recipe.azimuths, *shape))
    return specs


def write_facts(folder: Path, recipe: SiteRecipe, key: str, sha256: Mapping[str, str]) -> None:
    """Write site.json for the arrays that lie in ``folder`` with these checksums."""
    arrays = {
        name: {"bytes": (folder / f"{name}.npy").stat().st_size, "sha256": sha256[name]} for name in array_specs(recipe)
    }
    facts: dict[str, object] = {
        "version": VERSION,
        "key": key,
        "recipe": recipe.to_json(),
        "ref": asdict(recipe.ref),
        "arrays": arrays,
    }
    facts["self"] = _self_digest(facts)
    (folder / FACTS).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def _self_digest(facts: Mapping[str, object]) -> str:
    rest = {name: value for name, value in facts.items() if name != "self"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def read_facts(folder: Path) -> SiteFacts:
    """Return what site.json says; raises `SiteDamaged` if it is missing, of another version, edited or out of its mind."""
    file = folder / FACTS
    try:
        if file.stat().st_size > MAX_FACTS_BYTES:
            raise SiteDamaged(f"{file}: larger than 1 MB; not a site description.")
        facts = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise SiteDamaged(f"{file}: cannot be read ({error}); allowed: a folder made by build_site.") from error
    version = facts.get("version") if isinstance(facts, dict) else None
    if version != VERSION:
        raise SiteDamaged(f"{file}: version {version!r}; allowed: {VERSION}. Build the site again.")
    if facts.get("self") != _self_digest(facts):
        raise SiteDamaged(f"{file}: was changed after it was written (its own digest differs). Build the site again.")
    try:
        g = cast(dict[str, float], facts["ref"])
        arrays = cast(dict[str, dict[str, object]], facts["arrays"])
        found = SiteFacts(
            key=str(facts["key"]),
            recipe=SiteRecipe.from_json(facts["recipe"]),
            ref=GeoRef(float(g["x_left"]), float(g["y_top"]), float(g["cell_m"]), int(g["rows"]), int(g["cols"])),
            sizes={name: int(cast(int, entry["bytes"])) for name, entry in arrays.items()},
            sha256={name: str(entry["sha256"]) for name, entry in arrays.items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, SiteError) as error:
        raise SiteDamaged(f"{file}: {error!r} is missing or of the wrong kind; build the site again.") from error
    if found.ref.shape != found.recipe.ref.shape:
        raise SiteDamaged(f"{file}: ref {found.ref.shape} does not fit the recipe, {found.recipe.ref.shape}.")
    return found


def map_array(folder: Path, name: str, spec: ArraySpec, size: int) -> NDArray[np.generic]:
    """Memory-map one array after its size, dtype and shape were checked; read-only, a plain ndarray.

    Raises `SiteDamaged`.
    """
    file = folder / f"{name}.npy"
    try:
        found = file.stat().st_size
        if found != size:
            raise SiteDamaged(f"{file}: {found} bytes; allowed: {size}, as site.json says. Build the site again.")
        array = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise SiteDamaged(f"{file}: cannot be read ({error}); build the site again.") from error
    if array.shape != spec.shape or array.dtype != np.dtype(spec.dtype) or not array.flags.c_contiguous:
        raise SiteDamaged(
            f"{file}: {array.dtype} {array.shape}; allowed: {spec.dtype} {spec.shape}. Build the site again."
        )
    return array.view(np.ndarray)


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a whole file, hex."""
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
