"""``moonfleet robots``: the machines of the catalogue, and one of them in full."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .cli_site import PIPE_COLUMNS

if TYPE_CHECKING:
    from rich.console import RenderableType

    from moonfleet.agents.catalogue import RobotSpec


def robots(
    kind: Annotated[
        str | None, typer.Argument(help="One machine, in full; all when left out.", metavar="[KIND]")
    ] = None,
    catalogue: Annotated[
        Path | None, typer.Option(help="Folder of robot files of your own, beside the shipped ones.", metavar="DIR")
    ] = None,
) -> None:
    """List the robot catalogue; or say what one machine is, what follows from its figures, and where they come from."""
    from rich.console import Console

    from moonfleet.agents.catalogue import load_catalogue, robot_spec

    shown = overview(load_catalogue(catalogue)) if kind is None else sheet(robot_spec(kind, catalogue))
    console = Console()
    if not console.is_terminal:
        console.width = PIPE_COLUMNS
    console.print(shown)


def overview(kinds: Mapping[str, RobotSpec]) -> RenderableType:
    """Return the table of the catalogue, by role."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from .robot_tables import HEAD, by_role, overview_row

    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for head in HEAD:
        table.add_column(
            Text(head),
            justify="left" if head in ("kind", "tools") else "right",
            no_wrap=head in ("kind", "radio [Mbit/s]"),
        )
    for title, specs in by_role(kinds).items():
        table.add_row(Text(title.split()[0], style="bold cyan"))
        for spec in specs:
            table.add_row(*(Text(cell) for cell in overview_row(spec)))
    notes = Text(
        "dark: from a full battery down to the reserve · night survived: asleep, until it freezes; any: radioisotope heat is enough · "
        "radio: station/relay/Earth · moonfleet robots KIND says more",
        style="dim",
    )
    return Group(table, notes)


def sheet(spec: RobotSpec) -> RenderableType:
    """Return one machine in full."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from .robot_tables import robot_sheet

    table = Table.grid(padding=(0, 2))
    for title, lines in robot_sheet(spec):
        if title:
            table.add_row("")
            table.add_row(Text(title, style="bold"))
        for what, value in lines:
            table.add_row(Text(what, style="dim"), Text(value))
    return Group(Text(spec.title, style="bold"), "", table)
