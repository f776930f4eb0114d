"""Where moonfleet keeps what it has built or fetched."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return where sites are kept: ``MOONFLEET_CACHE``, else ``~/.cache/moonfleet``."""
    given = os.environ.get("MOONFLEET_CACHE")
    return Path(given) if given else Path.home() / ".cache" / "moonfleet"
