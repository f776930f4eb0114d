"""Published elevation models by name: fetched once, checked, and kept in the cache.

Nothing is fetched unless `fetch_dem` is called. A file counts as good once ``NAME.sha256`` stands beside it: its checksum,
compared again on each later use. Where the publisher gives a checksum, the file must have it; where none is published, the
file must be complete and a readable elevation model of the stated cell size before its checksum is recorded.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pooch

from .cache_folder import cache_folder
from .dem_header import measure, opened
from .errors import DemError, FetchDamaged, FetchError, FetchOffline, FetchRefused
from .products import Product, ProductFile, find_product, products
from .transfer import Resume

__all__ = ["Product", "fetch_dem", "fetched", "products"]

CELL_TOLERANCE = 0.01  # share by which a file's cell may differ from the product's
Progress = Callable[[str, int, int | None], object]  # file name, bytes there, bytes in all if known


def dem_folder() -> Path:
    """Return where fetched elevation files are kept: ``dems`` in the cache folder."""
    return cache_folder() / "dems"


def fetch_dem(
    name: str,
    *,
    folder: Path | None = None,
    mirror: str | None = None,
    progress: Progress | None = None,
    more: Path | None = None,
) -> Path:
    """Return the local file of a published elevation model, fetched if it is not there yet.

    ``folder``: where to keep it, else ``dems`` in the cache folder. ``mirror``: a URL or folder that has the files under
    their own names, else ``MOONFLEET_MIRROR``, else the publisher. ``progress`` is told (file name, bytes there, bytes in
    all or None). ``more``: products of your own, see `products`. Broken transfers go on where they ended; of several
    processes one fetches and the others wait. Raises a `FetchError` child.
    """
    key, product = find_product(name, more)
    root = Path(folder) if folder is not None else dem_folder()
    base = mirror or os.environ.get("MOONFLEET_MIRROR") or ""
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _locked(root / f".{key}.lock"):
            fresh = [file for file in product.files if not (root / file.name).exists()]
            for file in product.files:
                if file in fresh:
                    _bring(file, root, base, progress)
                else:
                    _check_kept(file, root / file.name)
            if not fetched(key, root, more):
                _accept(product, root, fresh)
    except OSError as error:
        raise FetchError(
            f"{root}: cannot be written ({error}); allowed: a writable folder, set MOONFLEET_CACHE to one."
        ) from error
    return root / product.files[0].name


def fetched(name: str, folder: Path | None = None, more: Path | None = None) -> bool:
    """Whether all files of a product are in the folder and have been checked once. Raises `FetchError` for its name."""
    root = Path(folder) if folder is not None else dem_folder()
    files = [root / file.name for file in find_product(name, more)[1].files]
    return all(file.is_file() and _note_of(file).is_file() for file in files)


def _bring(file: ProductFile, root: Path, base: str, progress: Progress | None) -> None:
    """Fetch one file into the folder; nothing stands under its name until its checksum, if one is published, is right."""
    url = _url(file, base)
    target = root / file.name

    def tell(done: int, total: int | None) -> None:
        if progress is not None:
            progress(file.name, done, total)

    known = None if file.sha256 is None else f"sha256:{file.sha256}"
    try:
        with _silent_pooch():
            resume = Resume(root / f"{file.name}.part", tell)
            # pooch's protocol of a downloader gives the parameters other names than pooch's own downloaders have
            pooch.retrieve(url, known, file.name, root, downloader=resume)  # pyright: ignore[reportArgumentType]
    except FetchOffline as error:
        raise FetchOffline(
            f"{error} Without a network: fetch {file.url} on another machine, put it there as {target} and call again; or "
            "name a mirror (a URL or a folder with the file in it): --mirror or MOONFLEET_MIRROR."
        ) from error
    except FetchRefused as error:
        raise FetchRefused(
            f"{error} It may have moved: look at the product's page, put the file there as {target} by hand, or name a "
            "mirror: --mirror or MOONFLEET_MIRROR."
        ) from error
    except ValueError as error:  # pooch's word for a wrong checksum; it has removed what came
        raise FetchDamaged(
            f"{url}: what came does not have the published checksum sha256:{file.sha256}; it was removed. "
            "Fetch again, or from another mirror."
        ) from error
    size = target.stat().st_size
    if file.bytes is not None and size != file.bytes:
        target.unlink()
        raise FetchDamaged(f"{url}: {size} bytes came; published are {file.bytes}. What came was removed: fetch again.")


def _url(file: ProductFile, base: str) -> str:
    """Return where a file is asked for: the publisher, a mirror's URL, or a mirror's folder as a file URL."""
    if not base:
        return file.url
    if "://" in base:
        return f"{base.rstrip('/')}/{file.name}"
    folder = Path(base).expanduser().resolve()
    if not folder.is_dir():
        raise FetchError(
            f"mirror = {base!r}: no such folder; allowed: a URL (https://...) or a folder with the files in it."
        )
    return (folder / file.name).as_uri()


def _check_kept(file: ProductFile, path: Path) -> None:
    """Raise `FetchDamaged` unless a file that is there is what was published, or what it was when it was fetched."""
    if not path.is_file():
        raise FetchDamaged(f"{path}: not a file; allowed: {file.name} of the product. Remove it and fetch again.")
    size = path.stat().st_size
    if file.bytes is not None and size != file.bytes:
        raise FetchDamaged(f"{path}: {size} bytes; published are {file.bytes}. Delete it to fetch it again.")
    note = _note_of(path)
    recorded = note.read_text(encoding="utf-8", errors="replace").split(" ")[0].strip() if note.is_file() else None
    if recorded is None and file.sha256 is None:
        return  # put there by hand: to be looked at as a whole
    digest = _sha256(path)
    if file.sha256 is not None and digest != file.sha256:
        raise FetchDamaged(
            f"{path}: its checksum is sha256:{digest}, published is sha256:{file.sha256}. Delete it to fetch it again."
        )
    if recorded is not None and digest != recorded:
        raise FetchDamaged(
            f"{path}: changed since it was fetched: its checksum is sha256:{digest}, {note.name} says sha256:{recorded}. "
            f"Delete both to fetch it again; if you changed it on purpose, delete {note.name} only."
        )


def _accept(product: Product, root: Path, fresh: list[ProductFile]) -> None:
    """Look at a product as a whole, then record its checksums; what was just fetched and is no elevation is removed."""
    path = root / product.files[0].name
    try:
        with opened(path) as raster:
            info, _ = measure(raster)
            rows, cols = info.shape
            for row in (0, rows // 2, rows - 1):  # a file cut short has its header but not its end
                raster.read(row, 0, 1, cols)
        if abs(info.cell_m / product.cell_m - 1.0) > CELL_TOLERANCE:
            raise FetchDamaged(f"{path}: cells of {info.cell_m:g} m; {product.title} has {product.cell_m:g} m.")
    except (DemError, FetchDamaged) as error:
        for file in fresh:
            (root / file.name).unlink(missing_ok=True)
        end = "What came was removed: fetch again, or from another mirror." if fresh else "Delete it to fetch it again."
        raise FetchDamaged(f"{path}: not the elevation model that was asked for: {error} {end}") from error
    for file in product.files:
        kept = root / file.name
        part = _note_of(kept).with_suffix(".sha256.part")
        part.write_text(f"{_sha256(kept)}  {file.name}\n", encoding="utf-8")  # as sha256sum writes and reads it
        part.replace(_note_of(kept))


def _note_of(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Hold an exclusive lock that the system lets go when the process ends, however it ends."""
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def _silent_pooch() -> Iterator[None]:
    """Keep pooch from writing to the terminal: progress is told to the caller."""
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
