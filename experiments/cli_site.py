"""``moonfleet site``: build sites, look at them, fetch elevation files, and say what is there."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from moonfleet.terrain.site import Site
    from moonfleet.terrain.site_recipe import SiteRecipe

EXIT_INTERRUPTED = 130
PIPE_COLUMNS = 140  # a table that goes into a file need not fit a screen

site_app = typer.Typer(
    name="site",
    help="Sites: the ground, its horizons and its light. Build them, look at them, fetch elevation files."
    "\n\nExample: moonfleet site build connecting-ridge --size 4km",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

Dem = Annotated[
    Path | None,
    typer.Option(help="Your own elevation file: GeoTIFF or PDS3 label, any projected lunar CRS.", metavar="FILE"),
]
Region = Annotated[
    list[Path] | None,
    typer.Option(
        help="A finer elevation file around the site for its far horizons; may be given again.", metavar="FILE"
    ),
]
Lon = Annotated[float | None, typer.Option(help="Longitude of the centre (degrees east).")]
Lat = Annotated[float | None, typer.Option(help="Latitude of the centre (degrees), south negative.")]
Synthetic = Annotated[bool, typer.Option("--synthetic", help="Ground made from the seed alone; needs no map.")]
Size = Annotated[
    str | None,
    typer.Option(
        "--size", "--size-m",
        help="Side of the square: 12km, 800m, 1500; default 12km, or what the file holds.", metavar="LENGTH",
    ),
]  # fmt: skip
Cell = Annotated[float, typer.Option("--cell-m", help="Side of a cell in metres.")]
Seed = Annotated[
    int, typer.Option(help="Seed of the detail below the measured ground; another seed is another ground.")
]
Azimuths = Annotated[int, typer.Option(help="Directions in which the horizon is kept.")]
Mast = Annotated[
    list[float] | None,
    typer.Option(
        help="Also keep horizons for an eye at this height in metres; may be given again. 2 m is always kept."
    ),
]
Roughness = Annotated[float, typer.Option(help="Multiplier of the roughness of seeded ground.")]
Density = Annotated[float, typer.Option("--crater-density", help="Multiplier of the number of seeded craters.")]
Rocks = Annotated[float, typer.Option("--rock-abundance", help="Multiplier of the ground covered by rocks.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress; only the path.")]
Folder = Annotated[str, typer.Argument(help="A site's folder, or its folder's name in the cache.", metavar="SITE")]


@site_app.command(
    epilog="Example: moonfleet site build connecting-ridge --size 4km --mast 10"
    "\n\nExample: moonfleet site build --dem LDEM_80S_20M.LBL --lon 31 --lat -84.6"
    "\n\nExample: moonfleet site build --synthetic --seed 7 --roughness 1.5"
)
def build(
    name: Annotated[
        str | None,
        typer.Argument(
            help="A place of 'moonfleet site list'; with --lon, --dem or --synthetic, just a name.", metavar="NAME"
        ),
    ] = None,
    dem: Dem = None,
    region: Region = None,
    lon: Lon = None,
    lat: Lat = None,
    synthetic: Synthetic = False,
    size: Size = None,
    cell_m: Cell = 20.0,
    seed: Seed = 1,
    azimuths: Azimuths = 360,
    mast: Mast = None,
    roughness: Roughness = 1.0,
    crater_density: Density = 1.0,
    rock_abundance: Rocks = 1.0,
    quiet: Quiet = False,
) -> None:
    """Build a site into the cache (MOONFLEET_CACHE), or find it there. A build that was stopped goes on."""
    from .site_options import SiteOptions, recipe_of_options

    recipe = recipe_of_options(
        SiteOptions(
            name=name, dem=dem, lon_deg=lon, lat_deg=lat, synthetic=synthetic, regions=tuple(region or ()), size=size,
            cell_m=cell_m, seed=seed, azimuths=azimuths, masts_m=tuple(mast or ()),
            style={"roughness": roughness, "crater_density": crater_density, "rock_abundance": rock_abundance},
        )
    )  # fmt: skip
    site = _built(recipe, quiet=quiet)
    if quiet:
        typer.echo(str(site.path))
        return
    from rich.console import Console

    from .site_tables import site_facts

    Console().print(site_facts(site))


def _built(recipe: SiteRecipe, *, quiet: bool) -> Site:
    from rich.console import Console

    from moonfleet.terrain.site import build_site

    from .progress import watcher_for

    try:
        with watcher_for(Console(stderr=True), quiet=quiet) as watcher:
            return build_site(recipe, progress=watcher.stage)
    except KeyboardInterrupt:
        _stopped(recipe)


def _stopped(recipe: SiteRecipe) -> NoReturn:
    from moonfleet.terrain.site_build import site_folder

    folder = site_folder(recipe)
    sys.stderr.write(f"Stopped. What is done lies in {folder}.part; the same command goes on from there.\n")
    sys.exit(EXIT_INTERRUPTED)


@site_app.command(
    epilog="Example: moonfleet site show connecting-ridge\n\nExample: moonfleet site show ./my-site --out ridge.html --no-open"
)
def show(
    name: Annotated[
        str, typer.Argument(help="A site's folder, a built site, or a named place (built first).", metavar="SITE")
    ],
    out: Annotated[Path | None, typer.Option(help="Page to write; default NAME.html here.", metavar="FILE")] = None,
    open_: Annotated[
        bool | None,
        typer.Option("--open/--no-open", help="Open the page in a browser; left out: where there is a desktop."),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Write a page of maps: relief, slope, light, longest night, permanent shadow, Earth."""
    from .screen import has_screen, open_page
    from .site_options import SiteOptions, find_site, recipe_of_options
    from .site_page import write_site_page

    site = find_site(name) or _built(recipe_of_options(SiteOptions(name=name)), quiet=quiet)
    path = write_site_page(
        site, out if out is not None else Path(f"{site.path.name.rpartition('-')[0] or 'site'}.html")
    )
    typer.echo(str(path))
    if open_ or (open_ is None and not quiet and has_screen()):
        open_page(path)


@site_app.command(epilog="Example: moonfleet site fetch\n\nExample: moonfleet site fetch site04 --folder ~/maps")
def fetch(
    name: Annotated[str | None, typer.Argument(help="A product; without one they are listed.", metavar="NAME")] = None,
    mirror: Annotated[
        str | None, typer.Option(help="Where else to fetch from: a URL or folder with the same files.", metavar="URL")
    ] = None,
    folder: Annotated[Path | None, typer.Option(help="Where the files go; default: the cache.", metavar="DIR")] = None,
    quiet: Quiet = False,
) -> None:
    """Fetch a published elevation file by name, checked against its checksum; say what there is without a name."""
    from rich.console import Console

    from moonfleet.terrain.fetch import fetch_dem

    if name is None:
        from .site_tables import product_table

        console = Console()
        if not console.is_terminal:
            console.width = PIPE_COLUMNS
        console.print(product_table())
        return
    from .progress import watcher_for

    with watcher_for(Console(stderr=True), quiet=quiet) as watcher:

        def heard(file: str, done: int, total: int | None) -> None:
            watcher.stage(f"fetching {file}", done / total if total else 0.0)

        path = fetch_dem(name, folder=folder, mirror=mirror, progress=heard)
    typer.echo(str(path))
    if not quiet:
        typer.echo(f"Build a site of it: moonfleet site build --dem {path} --lon LON --lat LAT", err=True)


@site_app.command("list", epilog="Example: moonfleet site list")
def list_() -> None:
    """List the named places, and the sites that are built, with what is wrong with any."""
    from rich.console import Console

    from .site_tables import built_table, place_table

    console = Console()
    if not console.is_terminal:
        console.width = PIPE_COLUMNS
    console.print(place_table())
    console.print(built_table())


@site_app.command(epilog="Example: moonfleet site verify connecting-ridge")
def verify(name: Folder) -> None:
    """Read a whole site and compare it with its checksums."""
    from moonfleet.terrain.site import verify_site

    from .site_options import folder_of

    folder = folder_of(name)
    verify_site(folder)
    typer.echo(f"{folder}: as it was built")


@site_app.command(epilog="Example: moonfleet site remove connecting-ridge\n\nExample: moonfleet site remove --stale")
def remove(
    name: Annotated[
        str | None, typer.Argument(help="A site's folder, or its folder's name in the cache.", metavar="SITE")
    ] = None,
    stale: Annotated[
        bool,
        typer.Option("--stale", help="All sites of older code or changed files, damaged ones, and stopped builds."),
    ] = False,
) -> None:
    """Remove a built site, or all that are of no use any more."""
    from moonfleet.terrain.site_cache import prune_sites, remove_site

    from .errors import OptionError
    from .site_options import folder_of

    if (name is None) != stale:
        raise OptionError("which site? Give a SITE ('moonfleet site list') or --stale, not both")
    gone = [one.path for one in prune_sites()] if name is None else [folder_of(name)]
    if name is not None:
        remove_site(gone[0])
    for folder in gone:
        typer.echo(f"removed {folder}")
