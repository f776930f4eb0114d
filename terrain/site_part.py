"""A site folder in the making: ``NAME-key.part/``, which a build that was killed takes up where it was.

All array files are made at their full size first, so that a full disk is an error at the start and not the end of the
process hours later. ``journal.json`` says what is done: the checksum of every finished layer, and the CRC-32 of every
finished azimuth of a horizon. It is written after the data it speaks of. A part whose data do not fit its journal, or
that was begun for another key, is thrown away.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from .errors import SiteError
from .site_folder import VERSION, ArraySpec, sha256_of

JOURNAL = "journal.json"
NOTE_EVERY_S = 5.0  # [s] between two notes of the azimuths that are done
SPARE_BYTES = 4 * 1024**2  # left free beside the arrays


class SitePart:
    """The folder of a site in the making. Only the process that holds the site's lock may have one."""

    def __init__(self, folder: Path, key: str, specs: Mapping[str, ArraySpec]) -> None:
        self.folder, self.key, self.specs = folder, key, specs
        self.layers: dict[str, str] = {}  # finished arrays -> SHA-256
        self.slices: dict[str, list[int]] = {}  # unfinished horizons -> CRC-32 of the azimuths that are done
        self._noted = time.monotonic()
        if not self._take_up():
            self._begin()

    def _take_up(self) -> bool:
        """Read the journal of a build that was stopped; whether its data are as it says."""
        try:
            journal = json.loads((self.folder / JOURNAL).read_text(encoding="utf-8"))
            if journal["layout"] != VERSION or journal["key"] != self.key:
                return False
            layers = {str(name): str(digest) for name, digest in journal["layers"].items()}
            slices = {str(name): [int(crc) for crc in crcs] for name, crcs in journal["azimuths"].items()}
            for name, spec in self.specs.items():
                if (self.folder / f"{name}.npy").stat().st_size != spec.file_bytes:
                    return False
                array = self.array(name)
                if name in layers and sha256_of(self.folder / f"{name}.npy") != layers[name]:
                    return False
                if any(zlib.crc32(array[a]) != crc for a, crc in enumerate(slices.get(name, []))):
                    return False
            if set(layers) - set(self.specs) or set(slices) - set(self.specs):
                return False
        except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
            return False
        self.layers, self.slices = layers, slices
        return True

    def _begin(self) -> None:
        """Make the folder anew with room for all arrays. Raises `SiteError` where the disk has no room for them."""
        shutil.rmtree(self.folder, ignore_errors=True)
        need = sum(spec.file_bytes for spec in self.specs.values()) + SPARE_BYTES
        free = shutil.disk_usage(self.folder.parent).free
        if free < need:
            raise no_room(self.folder, need, f"{free:,} bytes free")
        self.folder.mkdir()
        try:
            for name, spec in self.specs.items():
                file = self.folder / f"{name}.npy"
                np.lib.format.open_memmap(file, mode="w+", dtype=np.dtype(spec.dtype), shape=spec.shape)
                _reserve(file)
        except OSError as error:
            shutil.rmtree(self.folder, ignore_errors=True)
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise no_room(self.folder, need, os.strerror(error.errno)) from error
            raise
        self.note()

    def array(self, name: str) -> NDArray[np.generic]:
        """Return one array, memory-mapped for reading and writing. Raises `ValueError` if the file is of another kind."""
        spec = self.specs[name]
        array = np.load(self.folder / f"{name}.npy", mmap_mode="r+", allow_pickle=False)
        if array.shape != spec.shape or array.dtype != np.dtype(spec.dtype) or not array.flags.c_contiguous:
            raise ValueError(f"{name}: {array.dtype} {array.shape}")
        return array

    def has(self, *names: str) -> bool:
        """Whether these arrays are finished."""
        return all(name in self.layers for name in names)

    def put(self, layers: Mapping[str, NDArray[np.generic]]) -> None:
        """Write finished layers."""
        for name, values in layers.items():
            array = cast(np.memmap, self.array(name))
            array[...] = values
            array.flush()
            self.layers[name] = sha256_of(self.folder / f"{name}.npy")
        self.note()

    def done(self, name: str) -> int:
        """Return how many azimuths of a horizon are in place already."""
        return self.specs[name].shape[0] if name in self.layers else len(self.slices.get(name, []))

    def azimuths(self, name: str, cube: NDArray[np.int16], done: int) -> None:
        """Hear that the first ``done`` azimuths of a horizon are in ``cube``; noted every few seconds."""
        if done < len(cube) and time.monotonic() - self._noted < NOTE_EVERY_S:
            return
        cast(np.memmap, cube).flush()  # the data first, then what is said of them
        crcs = self.slices.setdefault(name, [])
        crcs += [zlib.crc32(cube[a]) for a in range(len(crcs), done)]
        self.note()

    def finish(self, name: str) -> None:
        """Take the checksum of a horizon that is done."""
        self.layers[name] = sha256_of(self.folder / f"{name}.npy")
        self.slices.pop(name, None)
        self.note()

    def note(self) -> None:
        """Write the journal, whole or not at all."""
        journal = {"layout": VERSION, "key": self.key, "layers": self.layers, "azimuths": self.slices}
        fresh = self.folder / f"{JOURNAL}.new"
        with fresh.open("w", encoding="utf-8") as handle:
            json.dump(journal, handle)
            handle.flush()
            os.fsync(handle.fileno())
        fresh.replace(self.folder / JOURNAL)
        self._noted = time.monotonic()

    def close(self, folder: Path) -> None:
        """Take the journal away from ``folder``, where the part is a whole site now."""
        (folder / JOURNAL).unlink()


def no_room(folder: Path, need: int, why: str) -> SiteError:
    """Return the error of a disk too small for a site."""
    return SiteError(
        f"{folder.parent}: the site {folder.name.removesuffix('.part')} needs {need:,} bytes ({why}); allowed: a folder "
        "with so much room (MOONFLEET_CACHE sets it), a smaller size_m, a larger cell_m or fewer azimuths."
    )


def _reserve(file: Path) -> None:
    """Take the disk space of a file now: a full disk is an `OSError` here, and the end of the process later."""
    if not hasattr(os, "posix_fallocate"):
        return
    with file.open("r+b") as handle:
        try:
            os.posix_fallocate(handle.fileno(), 0, file.stat().st_size)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
