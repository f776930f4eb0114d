"""What every page that this room writes is made of: parts from files, data for its script, pictures inside, one file."""

from __future__ import annotations

import base64
import os
from importlib.resources import files
from pathlib import Path


def part(name: str) -> str:
    """Return the text of a page part that ships beside this module (a style, a script)."""
    return (files("moonfleet.experiments") / name).read_text(encoding="utf-8")


def data_script(ident: str, payload: str) -> str:
    """Return JSON text as an element that the page's script reads by its id, and that cannot end early."""
    safe = payload.replace("</", "<\\/")
    return f'<script type="application/json" id="{ident}">{safe}</script>'


def data_uri(data: bytes, kind: str) -> str:
    """Return a file of a MIME type as an address that holds it."""
    return f"data:{kind};base64," + base64.b64encode(data).decode("ascii")


def write_page(path: Path, page: str) -> Path:
    """Write a page whole or not at all, and return its path. Raises `OSError`."""
    aside = path.with_suffix(".tmp")
    aside.write_text(page, encoding="utf-8")
    os.replace(aside, path)
    return path
