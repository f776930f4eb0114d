"""Whether somebody sits in front, and a page put before them."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def has_screen() -> bool:
    """Whether somebody sits in front: a terminal, and a desktop for the browser's window."""
    desktop = sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return sys.stdout.isatty() and desktop


def open_page(path: Path) -> None:
    """Open a page in the browser."""
    import webbrowser

    webbrowser.open(path.resolve().as_uri())
