"""Building a site into the cache: one process builds, the others wait; what was stopped goes on where it was."""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from .cache_folder import cache_folder
from .errors import SiteError
from .grid import HeightGrid
from .horizon import Horizon
from .site_folder import array_specs, horizon_name, write_facts
from .site_layers import GROUND_NAMES, LIGHT_STAGES, far_rings, ground_layers, mast_horizon
from .site_lock import locked
from .site_part import SitePart, no_room
from .site_recipe import EYE_M, SiteRecipe

Progress = Callable[[str, float], object]  # stage, share done 0..1


def site_folder(recipe: SiteRecipe, cache: Path | None = None) -> Path:
    """Return where the site of a recipe is, or will be, kept."""
    root = Path(cache) if cache is not None else cache_folder()
    slug = re.sub(r"[^a-z0-9]+", "-", recipe.name.lower()).strip("-")[:40] or "site"
    return root / "sites" / f"{slug}-{recipe.key()}"


def write_site(
    recipe: SiteRecipe, folder: Path, usable: Callable[[Path], bool], progress: Progress | None = None
) -> None:
    """Build the site of a recipe into ``folder`` unless ``usable`` says that it is there.

    One process builds; the others wait for its lock and find the site. A build that was killed goes on from what lies in
    ``NAME-key.part``. A damaged or older folder is replaced; who has it open keeps it.

    Raises
    ------
    SiteError
        A recipe that cannot be built (or a `DemError` child), a folder that cannot be written, or a disk without room:
        the message says which folder and how many bytes.
    """
    key = folder.name.rpartition("-")[2]
    part_folder = folder.with_name(folder.name + ".part")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(folder):
            if usable(folder):
                return
            for left in folder.parent.glob(f"{folder.name}.old*"):
                shutil.rmtree(left, ignore_errors=True)
            part = SitePart(part_folder, key, array_specs(recipe))
            fill(recipe, part, progress or _silent)
            if folder.exists():
                folder.rename(folder.with_name(folder.name + ".old"))
            part_folder.rename(folder)
            part.close(folder)
            shutil.rmtree(folder.with_name(folder.name + ".old"), ignore_errors=True)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            need = sum(spec.file_bytes for spec in array_specs(recipe).values())
            raise no_room(part_folder, need, str(error)) from error
        raise SiteError(
            f"{folder}: cannot be written ({error}); allowed: a writable folder, set MOONFLEET_CACHE to one."
        ) from error


def fill(recipe: SiteRecipe, part: SitePart, tell: Progress) -> None:
    """Compute what ``part`` does not have yet; site.json comes last."""
    ref = recipe.ref
    tell("ground", 0.0)
    if not part.has(*GROUND_NAMES):
        part.put(ground_layers(recipe))
    grid = HeightGrid(cast(NDArray[np.float32], part.array("elevation")), ref)
    masts = (EYE_M, *(mast for mast in recipe.masts_m if mast != EYE_M))
    far = far_rings(recipe) if not part.has(*(horizon_name(mast) for mast in masts)) else []
    for number, mast in enumerate(masts):
        name = horizon_name(mast)
        if part.has(name):
            continue
        cube = cast(NDArray[np.int16], part.array(name))
        first = part.done(name)
        tell("horizon", (number + first / recipe.azimuths) / len(masts))

        def heard(
            done: int, total: int, name: str = name, cube: NDArray[np.int16] = cube, number: int = number
        ) -> None:
            part.azimuths(name, cube, done)
            tell("horizon", (number + done / total) / len(masts))

        mast_horizon(recipe, grid, mast, far, cube, first, heard)
        part.finish(name)
    horizon = Horizon(cast(NDArray[np.int16], part.array("horizon")), EYE_M)
    for stage, names, make in LIGHT_STAGES:
        if not part.has(*names):
            tell(stage, 0.0)
            part.put(make(ref, horizon, lambda share, stage=stage: tell(stage, share)))
    tell("checksums", 0.0)
    write_facts(part.folder, recipe, part.key, part.layers)
    tell("done", 1.0)


def _silent(stage: str, share: float) -> None:
    """Hear nothing."""
