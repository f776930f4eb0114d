"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer

from .errors import OptionError


class BackendName(StrEnum):
    """Where the robots' minds run."""

    ray = "ray"
    local = "local"


Backend = Annotated[
    BackendName,
    typer.Option(help="Spread the work over Ray, or keep it on this machine without. Same events either way."),
]
Address = Annotated[
    str | None,
    typer.Option(help="HOST:PORT of a running Ray head; without it a local one is started.", metavar="HOST:PORT"),
]
Labels = Annotated[
    list[str] | None,
    typer.Option(
        "--label", help="Use only nodes of the cluster that carry this label; may be given again.", metavar="KEY=VALUE"
    ),
]
Open = Annotated[
    bool | None,
    typer.Option(
        "--open/--no-open", help="Open the report in a browser when done; left out: where there is a desktop."
    ),
]


def labels_of(words: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Read the ``KEY=VALUE`` words of ``--label``. Raises `OptionError`."""
    found: dict[str, str] = {}
    for word in words:
        key, sign, value = word.partition("=")
        if not sign or not key or not value:
            raise OptionError(f"--label {word!r}: must be KEY=VALUE, for example zone=east")
        found[key] = value
    return tuple(found.items())


def kept_checkpoints(word: str) -> int | None:
    """Read ``--keep-checkpoints``: a number, or None for ``all``. Raises `OptionError`."""
    if word == "all":
        return None
    if not (word.isascii() and word.isdigit()) or int(word) < 1:
        raise OptionError(f"--keep-checkpoints = {word}: must be a whole number >= 1, or all")
    return int(word)
