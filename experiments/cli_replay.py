"""``moonfleet replay``: how everything stood at a moment of a run."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .cli_site import EXIT_INTERRUPTED, PIPE_COLUMNS
from .minutes import minute_of

if TYPE_CHECKING:
    from rich.table import Table

    from .replay import Replay

EXIT_DIFFERS = 1


def replay(
    run_dir: Annotated[Path, typer.Argument(help="Folder of a run, finished or not.", metavar="RUN")],
    to: Annotated[
        str | None, typer.Option(help="UTC date or time: 2031-03-02 or 2031-03-02T12:00.", metavar="MOMENT")
    ] = None,
    at_step: Annotated[int | None, typer.Option(help="Number of decision steps since the start.", min=0)] = None,
    save: Annotated[
        Path | None, typer.Option(help="Write the state of the World at that moment to this file.", metavar="FILE")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the state as JSON.")] = False,
) -> None:
    """Say how every robot stood at a moment of a run, and whether the run makes the same events again on the way there.

    It begins at the newest checkpoint before the moment ('moonfleet run --keep-checkpoints all' keeps all) or at the start,
    and writes nothing into the run.
    """
    from rich.console import Console
    from rich.progress import Progress

    from .replay import replay_run

    try:
        with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
            task = bar.add_task("replaying", total=None)
            found = replay_run(
                run_dir,
                to=to,
                at_step=at_step,
                progress=lambda step, last: bar.update(task, completed=step, total=last),
            )
    except KeyboardInterrupt:
        sys.stderr.write("Stopped; the run is as it was.\n")
        sys.exit(EXIT_INTERRUPTED)
    if save is not None:
        from moonfleet.agents.world_file import save_world

        save_world(found.loop.world, save)
    if as_json:
        typer.echo(json.dumps(found.to_dict(), indent=2))
    else:
        console = Console()
        if not console.is_terminal:
            console.width = PIPE_COLUMNS
        for words in told(found):
            console.print(words, highlight=False, markup=False, soft_wrap=True)
        console.print(state_table(found))
        done = f"{len(found.jobs_done)} of {len(found.loop.mission.jobs)} jobs done"
        console.print(f"{done}, {found.archive_mbit / 1000:.2f} Gbit on Earth", highlight=False)
        if save is not None:
            console.print(f"World saved  {save}", highlight=False, markup=False, soft_wrap=True)
    if found.difference is not None:
        raise typer.Exit(EXIT_DIFFERS)


def told(found: Replay) -> list[str]:
    """Return what there is to say about the way to the moment."""
    start = f"from the checkpoint of step {found.from_step}" if found.from_step else "from the start"
    lines = [*found.notes, f"{found.run_dir}: {minute_of(found.utc)} UTC, step {found.step}, {start}"]
    if found.difference is not None:
        lines.append(f"NOT the run that was logged: {found.difference.words()}")
    else:
        more = f"; {found.beyond} more that the run has not logged yet" if found.beyond else ""
        lines.append(f"{found.compared} events made again on the way, the same as logged{more}")
    return lines


def state_table(found: Replay) -> Table:
    """Return a row per robot."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    table.add_column("robot", no_wrap=True)
    for head in ("x, m", "y, m", "battery", "temp", "light"):
        table.add_column(head, justify="right", no_wrap=True)
    for head in ("activity", "job", "links"):
        table.add_column(head)
    for head in ("data", "driven"):
        table.add_column(head, justify="right", no_wrap=True)
    for one in found.robots:
        table.add_row(
            one.robot,
            "-" if one.x_m is None else f"{one.x_m:.1f}",
            "-" if one.y_m is None else f"{one.y_m:.1f}",
            f"{one.battery_frac:.0%}",
            f"{one.temp_k:.0f} K",
            f"{one.lit:.0%}",
            Text(f"lost: {one.lost}", style="bold red") if one.lost else Text(one.activity),
            one.job or "",
            " ".join(one.links),
            f"{one.data_mbit:.0f} Mbit",
            f"{one.odometer_m / 1000:.2f} km",
        )
    return table
