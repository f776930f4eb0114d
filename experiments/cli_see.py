"""``moonfleet see``: the detectors on a user's own picture."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from .see import SeeOptions

EXIT_INTERRUPTED = 130


class Kinds(StrEnum):
    """What is looked for."""

    rocks = "rocks"
    craters = "craters"
    both = "both"


def see(
    image: Annotated[
        Path | None,
        typer.Argument(help="PNG, JPEG, TIFF, GeoTIFF or PGM, grey or colour, taken from above.", metavar="[IMAGE]"),
    ] = None,
    sun_az: Annotated[
        float | None,
        typer.Option(
            help="Where the Sun stands, degrees clockwise from the picture's top. Craters do without.", metavar="DEG"
        ),
    ] = None,
    sun_el: Annotated[
        float | None, typer.Option(help="How high the Sun stands over the ground, degrees.", metavar="DEG")
    ] = None,
    gsd: Annotated[
        float | None,
        typer.Option(help="Size of a pixel on the ground, metres; a GeoTIFF says it itself.", metavar="METRES"),
    ] = None,
    only: Annotated[
        Kinds, typer.Option(help="What to look for. Rocks need --sun-az, --sun-el and --gsd.")
    ] = Kinds.both,
    min_confidence: Annotated[float, typer.Option(help="Leave out what is less sure, 0 to 1.", metavar="P")] = 0.4,
    min_size: Annotated[
        float | None, typer.Option(help="Leave out what is smaller across, metres.", metavar="METRES")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the overlay and the GeoJSON.", metavar="DIR")] = Path(),
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write the summary to this file.", metavar="FILE")
    ] = None,
    example: Annotated[
        bool, typer.Option("--example", help="Render a picture (example.png) with a known Sun, and look at that.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no table; only the paths.")] = False,
) -> None:
    """Find rocks and craters in your own picture; write an overlay (PNG) and GeoJSON."""
    from rich.console import Console

    from .errors import OptionError
    from .progress import watcher_for
    from .see import SeeOptions
    from .see import see as look
    from .see_geojson import write_geojson
    from .see_overlay import write_overlay
    from .see_tables import seen_table

    if (image is None) != example:
        raise OptionError("which picture? Give an IMAGE or --example, not both")
    options = SeeOptions(sun_az, sun_el, gsd, only.value, min_confidence, min_size)
    options.check()
    if out.exists() and not out.is_dir():
        raise OptionError(f"--out = {out}: is a file; choose a folder")
    if image is None:
        image, options = _example(_folder(out), options)
    try:
        with watcher_for(Console(stderr=True), quiet=quiet) as watcher:
            seen = look(image, options, tell=watcher.stage)
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        sys.exit(EXIT_INTERRUPTED)
    folder = _folder(out)
    paths = (folder / f"{image.stem}-seen.png", folder / f"{image.stem}-seen.geojson")
    write_overlay(seen, paths[0])
    write_geojson(seen, paths[1])
    if json_file is not None:
        try:
            json_file.write_text(json.dumps(seen.to_json(), indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise OptionError(f"--json = {json_file}: cannot be written: {error.strerror}") from error
    if not quiet:
        Console().print(seen_table(seen))
    for path in paths:
        typer.echo(str(path))


def _folder(out: Path) -> Path:
    from .errors import OptionError

    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OptionError(f"--out = {out}: cannot be made: {error.strerror}") from error
    return out


def _example(folder: Path, options: SeeOptions) -> tuple[Path, SeeOptions]:
    """Write the example; returns it and the options with its Sun and pixel size where none are given."""
    from dataclasses import replace

    from . import see_example as made

    path = folder / "example.png"
    made.write_example(path)
    return path, replace(
        options,
        sun_az_deg=made.SUN_AZ_DEG if options.sun_az_deg is None else options.sun_az_deg,
        sun_el_deg=made.SUN_EL_DEG if options.sun_el_deg is None else options.sun_el_deg,
        gsd_m=made.GSD_M if options.gsd_m is None else options.gsd_m,
    )
