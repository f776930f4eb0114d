"""The lock of a site in the cache: held by the one process that builds it."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import SiteError


class SiteBusy(SiteError):
    """Another process is building this site now."""


def lock_of(folder: Path) -> Path:
    """Return the lock file of a site folder or of its part. It stays, empty: to remove a lock is to break it."""
    return folder.with_name(folder.name.removesuffix(".part") + ".lock")


@contextmanager
def locked(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold a site's exclusive lock, which the system lets go when the process ends, however it ends.

    Raises `SiteBusy` if another process has it and ``wait`` is false.
    """
    with lock_of(folder).open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SiteBusy(f"{folder}: is being built by another process; allowed: wait for it to end.") from None
        yield
