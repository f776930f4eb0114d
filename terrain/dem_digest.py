"""What an elevation file holds, as one digest: of every byte, kept for large files so that they are read once.

A digest is taken of the whole file and not of samples of it: one mended cell is another ground. Files of a few hundred
megabytes cost a second or so, therefore the digest of a large file is kept in the cache folder beside the file's path,
size, inode and times of change, and is taken anew when any of those is another.
"""

from __future__ import annotations

import hashlib
import json
import os
from functools import lru_cache
from pathlib import Path

from .cache_folder import cache_folder
from .errors import DemMissing, DemUnreadable

KEEP_BYTES = 32 * 1024**2  # digests of files from this size are kept on disk
COMPANIONS = (".aux.xml", ".tfw", ".prj", ".hdr", ".msk")  # georeference and masks beside a raster
Stamp = tuple[str, int, int, int, int]


def dem_digest(path: Path) -> str:
    """Return the SHA-256 of an elevation file and of the files that belong to it: a label's image, say.

    Raises `DemMissing` or `DemUnreadable`.
    """
    path = Path(path)
    beside = [path.with_name(f"{stem}{end}") for stem in (path.stem, path.name) for end in COMPANIONS]
    files = dict.fromkeys([*_parts(path), *(file for file in beside if file.is_file())])
    digests = [file_digest(file) for file in files]
    return digests[0] if len(digests) == 1 else hashlib.sha256(" ".join(digests).encode()).hexdigest()


def _parts(path: Path) -> list[Path]:
    """Return the file itself and those it points to."""
    if not path.is_file():
        return [path]
    import rasterio  # opening a site does not need it
    from rasterio.errors import RasterioError

    from .dem_header import dem_files

    if path.suffix.lower() != ".vrt":
        return list(dem_files(path))
    try:
        with rasterio.open(path) as data:
            return [path, *sorted(Path(file) for file in data.files if Path(file) != path)]
    except RasterioError as error:
        raise DemUnreadable(f"{path}: cannot be read as a virtual raster: {error}.") from error


def file_digest(path: Path) -> str:
    """Return the SHA-256 of one file. Raises `DemMissing` or `DemUnreadable`."""
    try:
        if not path.is_file():
            what = "a folder" if path.is_dir() else "no such file"
            raise DemMissing(f"{path}: {what}; allowed: an elevation file.")
        return digest_of(_stamp(path))
    except OSError as error:
        raise DemUnreadable(f"{path}: cannot be read ({error}).") from error


def _stamp(path: Path) -> Stamp:
    facts = path.stat()
    return str(path.resolve()), facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino


@lru_cache(maxsize=256)
def digest_of(stamp: Stamp) -> str:
    """Return the SHA-256 of a file as it was at ``stamp``; of a large one, out of the cache folder if it is there."""
    if stamp[1] < KEEP_BYTES:
        return _read(stamp)
    note = cache_folder() / "digests" / f"{hashlib.sha256(stamp[0].encode()).hexdigest()[:20]}.json"
    try:
        kept = json.loads(note.read_text(encoding="utf-8"))
        if kept["stamp"] == list(stamp) and len(str(kept["sha256"])) == 64:
            return str(kept["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        kept = None  # not kept, or not readable: taken anew
    digest = _read(stamp)
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        fresh = note.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps({"stamp": stamp, "sha256": digest}), encoding="utf-8")
        fresh.replace(note)
    except OSError:
        return digest  # a cache that cannot be written costs time and nothing else
    return digest


def _read(stamp: Stamp) -> str:
    with Path(stamp[0]).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
