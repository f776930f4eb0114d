"""What decides a site: the recipe, and the key under which the built site is kept.

The key is a digest of the recipe, of the source files that make the layers (`MAKERS`), and of the bytes of every elevation
file that takes part. So a site that was built by other code, or from a file that was changed in place since, has another
key and is never taken for the one asked for. The version number of a site folder speaks only of its layout.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import cast

from .dem_digest import dem_digest
from .errors import SiteError
from .grid import GeoRef, polar_xy
from .ground_style import CALIBRATED, GroundStyle

MIN_SITE_M = 1_000.0  # [m] smallest site
EYE_M = 2.0  # [m] height of the eye of the horizon that every site has
LIT_YEAR = ("2029-01-01T00:00:00", "2030-01-01T00:00:00")  # the year of mean_lit, longest_night and earth_visible
MAX_MAST_M = 1_000.0  # [m] highest mast
MAX_HORIZON_BYTES = 4 * 1024**3
# every module of this room that has a say in what the layers hold; a test compares it with what the makers import
MAKERS = (
    "clock", "constants", "craters", "dem_checks", "dem_cylinder", "dem_header", "dem_io", "dem_warp", "exposure", "far_field",
    "grid", "ground_style", "horizon", "kernel", "lattice", "light", "light_year", "look", "near_field", "orientation",
    "pds_label", "region", "relief", "rocks", "seeds", "shadow", "site_ground", "site_layers", "sky", "sweep", "synthesis",
    "synthetic_region", "threads", "turned", "visibility",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SiteRecipe:
    """All that decides a site: the same recipe gives the same bytes. Angles [deg], lengths [m].

    The ground comes from the shipped grid, refined; or from ``dem``, an elevation file of your own; or, ``synthetic``, from
    the seed alone. ``style`` says how rough, cratered and rocky seeded ground is. ``regions``: elevation files around the
    site, finer than the shipped grid, for its far horizons. ``masts_m``: heights of the eyes that horizons are kept for;
    the one of 2 m is always among them. Raises `SiteError` for values out of range.
    """

    name: str
    lon_deg: float
    lat_deg: float
    size_m: float = 12_000.0
    cell_m: float = 20.0
    seed: int = 1
    azimuths: int = 180
    dem: Path | None = None
    style: GroundStyle = CALIBRATED
    synthetic: bool = False
    regions: tuple[Path, ...] = ()
    masts_m: tuple[float, ...] = (EYE_M,)

    def __post_init__(self) -> None:
        _check("name", self.name, 0 < len(self.name) <= 80, "1 to 80 characters")
        _check("lon_deg", self.lon_deg, -360.0 <= self.lon_deg <= 360.0, "-360 to 360")
        _check("lat_deg", self.lat_deg, -90.0 <= self.lat_deg <= -60.0, "-90 to -60 (south-polar)")
        _check("cell_m", self.cell_m, 5.0 <= self.cell_m <= 100.0, "5 to 100")
        _check("size_m", self.size_m, MIN_SITE_M <= self.size_m <= 200_000.0, f"{MIN_SITE_M:g} to 200000")
        _check("seed", self.seed, 0 <= self.seed < 2**63, "a whole number from 0")
        _check("azimuths", self.azimuths, 8 <= self.azimuths <= 1440, "8 to 1440")
        _check("dem", str(self.dem), self.dem is None or not self.synthetic, "none for synthetic ground")
        regions = [str(path) for path in self.regions]
        _check("regions", regions, not (regions and self.synthetic), "none for synthetic ground")
        for mast in self.masts_m:
            _check("masts_m", mast, 0.0 <= mast <= MAX_MAST_M, f"heights of 0 to {MAX_MAST_M:g} m")
        object.__setattr__(self, "regions", tuple(Path(path) for path in self.regions))
        object.__setattr__(self, "masts_m", tuple(sorted({EYE_M, *(float(mast) for mast in self.masts_m)})))
        cells = round(self.size_m / self.cell_m)
        need = cells * cells * self.azimuths * 2 * len(self.masts_m)
        _check("size_m", self.size_m, need <= MAX_HORIZON_BYTES, f"horizons up to 4 GiB ({need / 1024**3:.1f} here)")

    @property
    def ref(self) -> GeoRef:
        """Georeference of the site."""
        return GeoRef.centred(*polar_xy(self.lon_deg, self.lat_deg), self.size_m, self.cell_m)

    def to_json(self) -> dict[str, object]:
        """Plain values, for site.json; `from_json` gives back an equal recipe."""
        return {
            **asdict(self),
            "dem": None if self.dem is None else str(self.dem),
            "regions": [str(path) for path in self.regions],
            "masts_m": list(self.masts_m),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, object]) -> SiteRecipe:
        """Return the recipe of `to_json`'s values. Raises `SiteError` for a missing, unknown or misshapen one."""
        names = {one.name for one in fields(cls)}
        if set(values) != names:
            odd = ", ".join(sorted(set(values) ^ names))
            raise SiteError(f"site recipe: {odd}: missing or unknown; allowed: {', '.join(sorted(names))}.")
        try:
            dem, synthetic = values["dem"], values["synthetic"]
            if not isinstance(synthetic, bool):
                raise TypeError(f"synthetic: {synthetic!r}")
            return cls(
                name=_text(values["name"]),
                lon_deg=_number(values["lon_deg"]),
                lat_deg=_number(values["lat_deg"]),
                size_m=_number(values["size_m"]),
                cell_m=_number(values["cell_m"]),
                seed=_whole(values["seed"]),
                azimuths=_whole(values["azimuths"]),
                dem=None if dem is None else Path(_text(dem)),
                style=GroundStyle(**{k: _number(v) for k, v in cast(dict[str, object], values["style"]).items()}),
                synthetic=synthetic,
                regions=tuple(Path(_text(path)) for path in cast(Sequence[object], values["regions"])),
                masts_m=tuple(_number(mast) for mast in cast(Sequence[object], values["masts_m"])),
            )
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            raise SiteError(f"site recipe: {error}; allowed: the values that a recipe writes.") from error

    def key(self) -> str:
        """Return the SHA-256 (20 hex digits) of the recipe, of the code of its makers and of its elevation files.

        Raises a `DemError` child for a file that is missing.
        """
        from .catalogue import REGIONAL_DEM  # with the raster libraries, which opening a site does not need

        values = self.to_json()
        values["dem"] = None
        values["regions"] = [dem_digest(path) for path in self.regions]
        values["ground"] = None if self.synthetic else dem_digest(self.dem or REGIONAL_DEM)
        values["surroundings"] = None if self.synthetic else dem_digest(REGIONAL_DEM)
        values["lit_year"] = LIT_YEAR
        values["makers"] = makers_digest()
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:20]


@lru_cache(maxsize=1)
def makers_digest() -> str:
    """Return the SHA-256 of the source files in `MAKERS`, as they were when first asked for in this process."""
    digest = hashlib.sha256()
    for name in MAKERS:
        source = Path(__file__).with_name(f"{name}.py").read_bytes()
        digest.update(f"{name} {len(source)}\n".encode())
        digest.update(source)
    return digest.hexdigest()


def _check(name: str, value: object, ok: bool, allowed: str) -> None:
    if not ok:
        raise SiteError(f"site.{name}: {value!r}; allowed: {allowed}.")


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise TypeError(f"{value!r} is not a finite number")
    return float(value)


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{value!r} is not a whole number")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value
