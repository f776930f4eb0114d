"""``moonfleet route``: how to get there, when to leave, where to wait; with a sheet to look at."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from moonfleet.terrain.site import Site

    from .progress import LineWatcher, QuietWatcher, TerminalWatcher

EXIT_INTERRUPTED = 130
FILES = ("sheet.html", "route.geojson", "plan.json")
SIZE, CELL_M, AZIMUTHS = "8km", 40.0, 180  # of a site that is built for the route: an answer in well under a minute


def route(
    name: Annotated[
        str,
        typer.Argument(
            help="A site's folder, a built site, a named place or an elevation file (built first).", metavar="SITE"
        ),
    ],
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Where it sets out: 222.4E,89.46S, or metres of the map -11100,-12140, or centre, best-lit, flat, shadow. "
            "Left out: flat ground away from the goal.",
            metavar="PLACE",
        ),
    ] = None,
    goal: Annotated[
        str | None,
        typer.Option("--to", help="Where it goes, written alike. Left out: the best-lit ground.", metavar="PLACE"),
    ] = None,
    robot: Annotated[str, typer.Option(help="A rover of the catalogue.", metavar="KIND")] = "yutu-rover",
    depart: Annotated[str, typer.Option(help="From when on it may leave, UTC.", metavar="TIME")] = "2029-01-11T00:00",
    days: Annotated[float, typer.Option(help="How far ahead is planned.", metavar="DAYS")] = 14.0,
    battery: Annotated[str, typer.Option(help="Charge at the start: 80% or 900Wh.", metavar="CHARGE")] = "100%",
    reserve: Annotated[
        str | None,
        typer.Option(help="Charge that is never touched; left out: the robot's own.", metavar="CHARGE"),
    ] = None,
    lit: Annotated[
        bool, typer.Option("--lit", help="Drive only where 30 % of the Sun's disc or more are seen.")
    ] = False,
    link: Annotated[bool, typer.Option("--link", help="Drive only in sight of the Earth.")] = False,
    haven_hours: Annotated[
        float | None,
        typer.Option(
            help="Wait in the dark only where that night is at most so long; left out: anywhere.", metavar="HOURS"
        ),
    ] = None,
    zones: Annotated[
        Path | None,
        typer.Option(
            help="GeoJSON of keep-outs, stay-in zones, hazards and corridors (docs/routes_anyangle.md).", metavar="FILE"
        ),
    ] = None,
    size: Annotated[
        str | None, typer.Option(help=f"Side of a site that is built for it; default {SIZE}.", metavar="LENGTH")
    ] = None,
    cell_m: Annotated[
        float | None, typer.Option(help=f"Side of its cells in metres; default {CELL_M:g}.", metavar="METRES")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for sheet.html, route.geojson and plan.json; default route-SITE.", metavar="DIR"),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the plan as JSON instead of a table.")] = False,
    open_: Annotated[
        bool | None,
        typer.Option("--open/--no-open", help="Open the sheet in a browser; left out: where there is a desktop."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no table; only the paths.")] = False,
) -> None:
    """Plan a rover's way over place, time and battery: when to leave, where to wait, and what it costs; write its sheet."""
    from rich.console import Console

    from .errors import OptionError
    from .progress import watcher_for
    from .route_facts import plan_json, route_geojson, write_json
    from .route_page import plan_sheet, write_sheet
    from .route_plan import RouteAsk, answer, check_ask
    from .route_table import route_table
    from .screen import has_screen, open_page

    ask = RouteAsk(start, goal, robot, depart, days, battery, reserve, lit, link, haven_hours, zones)
    check_ask(ask)
    if out is not None:
        check_folder(out)
    try:
        with watcher_for(Console(stderr=True), quiet=quiet or json_) as watcher:
            site, others = _site(name, size, cell_m, watcher)
            folder = out if out is not None else Path(f"route-{site.name.strip().lower().replace(' ', '-')}")
            check_folder(folder)
            found = answer(site, ask, watcher.stage)
            watcher.stage("drawing the sheet", 0.0)
            page = plan_sheet(found)
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        sys.exit(EXIT_INTERRUPTED)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OptionError(f"--out = {folder}: cannot be made: {error.strerror}") from error
    paths = tuple(folder / name for name in FILES)
    write_sheet(page, paths[0])
    write_json(route_geojson(found), paths[1])
    write_json(plan_json(found), paths[2])
    if json_:
        typer.echo(json.dumps(plan_json(found), indent=1))
    else:
        if not quiet:
            Console().print(route_table(found, others))
        for path in paths:
            typer.echo(str(path))
    if open_ or (open_ is None and not quiet and has_screen()):
        open_page(paths[0])


def _site(
    name: str, size: str | None, cell_m: float | None, watcher: TerminalWatcher | LineWatcher | QuietWatcher
) -> tuple[Site, int]:
    """Return the site of this name, one that is built already unless a size or a cell is asked for, and how many more have the name."""
    from moonfleet.terrain.errors import SiteError
    from moonfleet.terrain.site import build_site

    from .errors import OptionError
    from .scenario import is_file
    from .site_options import DEM_SUFFIXES, SiteOptions, find_site, recipe_of_options, sites_named

    cell = CELL_M if cell_m is None else cell_m
    path = Path(name).expanduser()
    if is_file(path):
        return build_site(
            recipe_of_options(SiteOptions(dem=path, size=size, cell_m=cell, azimuths=AZIMUTHS)), progress=watcher.stage
        ), 0
    if path.suffix.lower() in DEM_SUFFIXES:
        raise SiteError(f"{name}: no such elevation file.")
    if path.is_dir() and not (size is None and cell_m is None):
        given = f"--size = {size}" if size is not None else f"--cell-m = {cell_m:g}"
        raise OptionError(
            f"{given}: {name} is the folder of a site that has its size and cells already; leave --size and --cell-m out, or give the "
            "name of a place"
        )
    if size is None and cell_m is None and (found := find_site(name)) is not None:
        return found, 0 if path.is_dir() else len(sites_named(name)) - 1
    recipe = recipe_of_options(SiteOptions(name=name, size=size or SIZE, cell_m=cell, azimuths=AZIMUTHS))
    return build_site(recipe, progress=watcher.stage), 0


def check_folder(folder: Path) -> None:
    """Raise `OptionError` unless files can be written into a folder, which may have to be made first; nothing is made."""
    from .errors import OptionError

    try:
        if folder.exists() and not folder.is_dir():
            raise OptionError(f"--out = {folder}: is a file; choose a folder")
        there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        if not there.is_dir():
            raise OptionError(f"--out = {folder}: cannot be made: {there} is not a folder")
        if not os.access(there, os.W_OK | os.X_OK):
            raise OptionError(f"--out = {folder}: cannot be written: no permission in {there}")
        if there == folder:
            for name in FILES:
                if (folder / name).is_dir() or ((folder / name).exists() and not os.access(folder / name, os.W_OK)):
                    raise OptionError(f"--out = {folder}: {name} in it cannot be written over")
    except OSError as error:
        raise OptionError(f"--out = {str(folder)[:60]}: cannot be made: {error.strerror}") from error
