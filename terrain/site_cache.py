"""What lies in the cache: built sites and how they stand, and builds that were stopped."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .cache_folder import cache_folder
from .errors import SiteDamaged, SiteError
from .site import Site, open_site
from .site_lock import SiteBusy, locked

State = Literal["ready", "stale", "damaged", "stopped", "building"]


@dataclass(frozen=True, slots=True)
class CachedSite:
    """One folder of the cache. ``site`` is None where it cannot be opened; ``why`` says what is wrong with it."""

    path: Path
    state: State
    why: str
    size_bytes: int
    site: Site | None = None


def cached_sites(cache: Path | None = None) -> list[CachedSite]:
    """Return every site folder of the cache, by name.

    ``ready``; ``stale``: whole, but built by other code or from an elevation file that has changed or gone since, so that
    `build_site` no longer takes it; ``damaged``; ``stopped``: a build that goes on when
    it is asked for again; ``building``: one that goes on now, in another process.
    """
    return list(_look(Path(cache) if cache is not None else cache_folder()))


def _look(root: Path) -> Iterator[CachedSite]:
    folder = root / "sites"
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if not path.is_dir() or ".old" in path.name:
            continue
        size = sum(file.stat().st_blocks * 512 for file in path.iterdir() if file.is_file())
        if path.suffix == ".part":
            try:
                with locked(path, wait=False):
                    yield CachedSite(path, "stopped", "goes on when the same site is built again", size)
            except SiteBusy:
                yield CachedSite(path, "building", "by another process, now", size)
            continue
        try:
            site = open_site(path)
        except SiteDamaged as error:
            yield CachedSite(path, "damaged", str(error).removeprefix(f"{path}/"), size)
            continue
        try:
            current = site.recipe.key() == site.key
            why = "" if current else "built by another version of the code, or from a file that has changed"
        except SiteError as error:
            current, why = False, str(error)
        yield CachedSite(path, "ready" if current else "stale", why, size, site)


def remove_site(path: Path) -> None:
    """Remove one site folder or stopped build; who has it open keeps it. Raises `SiteBusy` while it is being built."""
    with locked(path, wait=False):
        shutil.rmtree(path, ignore_errors=True)


def prune_sites(cache: Path | None = None) -> list[CachedSite]:
    """Remove the stale and damaged sites and the stopped builds of the cache; return what was removed."""
    gone = [one for one in cached_sites(cache) if one.state in ("stale", "damaged", "stopped")]
    for one in gone:
        remove_site(one.path)
    return gone
