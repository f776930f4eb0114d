"""The tables of ``moonfleet site``: places, built sites, files that can be fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from moonfleet.terrain.site import Site
    from moonfleet.terrain.site_cache import CachedSite

STATE_STYLES = {"ready": "green", "stale": "yellow", "stopped": "yellow", "building": "cyan", "damaged": "bold red"}
RIGHT = ("longitude E", "latitude", "ground", "on disk", "size", "cell")


def _table(title: str, *heads: str) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for head in heads:
        table.add_column(head, justify="right" if head in RIGHT else "left", no_wrap=head in (*RIGHT, "name", "state"))
    return table


def place_table() -> Table:
    """Return the named places."""
    from moonfleet.terrain.catalogue import NAMED_PLACES

    table = _table("Named places (moonfleet site build NAME)", "name", "kind", "longitude E", "latitude", "source")
    for name, place in NAMED_PLACES.items():
        table.add_row(name, place.kind, f"{place.lon_deg:.2f}", f"{place.lat_deg:.2f}", Text(place.source))
    return table


def built_table() -> RenderableType:
    """Return the sites of the cache, and below them what is wrong with any."""
    from moonfleet.terrain.cache_folder import cache_folder
    from moonfleet.terrain.site_cache import cached_sites

    found = cached_sites()
    table = _table(
        f"Built sites in {cache_folder() / 'sites'}", "name", "centre", "ground", "horizons", "on disk", "state"
    )
    for one in found:
        table.add_row(*_built_row(one))
    notes = [Text(f"{one.path.name}: {one.state}: {one.why}", style="dim") for one in found if one.why]
    return Group(table, *notes)


def _built_row(one: CachedSite) -> tuple[str | Text, ...]:
    state, size = Text(one.state, style=STATE_STYLES[one.state]), f"{one.size_bytes / 1e6:,.0f} MB"
    if one.site is None:
        return Text(one.path.name.removesuffix(".part").rpartition("-")[0]), "", "", "", size, state
    site = one.site
    lon, lat = site.ref.lonlat()
    masts = ", ".join(f"{mast:g}" for mast in sorted(site.horizons))
    ground = f"{site.ref.rows} x {site.ref.cell_m:g} m"
    return Text(site.name), f"{lon:.2f} E {-lat:.2f} S", ground, f"{site.horizon.azimuths} at {masts} m", size, state


def site_facts(site: Site) -> Table:
    """Return what a built site is, one fact a line."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    lon, lat = site.ref.lonlat()
    side = site.ref.rows * site.ref.cell_m / 1000.0
    size = sum(file.stat().st_size for file in site.path.iterdir()) / 1e6
    days = site.longest_night_s[site.mean_lit >= site.mean_lit.max()].min() / 86_400.0
    facts = {
        "site": site.name,
        "centre": f"{lon:.3f} E, {-lat:.3f} S",
        "ground": f"{side:g} km square, {site.ref.rows} x {site.ref.cols} cells of {site.ref.cell_m:g} m",
        "elevation": f"{site.grid.elevation_m.min():.0f} to {site.grid.elevation_m.max():.0f} m",
        "horizons": f"{site.horizon.azimuths} azimuths; eyes at {', '.join(f'{m:g}' for m in site.horizons)} m",
        "best light": f"{float(site.mean_lit.max()):.1%} of the year, longest night {days:.1f} days",
        "permanent shadow": f"{float((site.permanent_shadow > 0).mean()):.1%} of the ground",
        "Earth": f"in sight {float(site.earth_visible.mean()):.1%} of the time, at best {float(site.earth_visible.max()):.1%}",
        "folder": f"{site.path} ({size:,.0f} MB)",
    }
    for name, words in facts.items():
        table.add_row(name, Text(words))
    return table


def product_table() -> Table:
    """Return the elevation files that can be fetched."""
    from moonfleet.terrain.fetch import fetched
    from moonfleet.terrain.products import products

    heads = ("name", "size", "cell", "here", "what", "coverage")
    table = _table("Elevation files (moonfleet site fetch NAME)", *heads)
    for name, product in products().items():
        size = "" if product.size_mb is None else f"{product.size_mb:,.0f} MB"
        here = "yes" if fetched(name) else ""
        table.add_row(name, size, f"{product.cell_m:g} m", here, Text(product.title), Text(product.coverage))
    return table
