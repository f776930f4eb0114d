"""The ``moonfleet`` command. Heavy libraries load inside the commands that need them, so that ``--help`` is quick."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from moonfleet.terrain.errors import MoonfleetError

from .cli_campaign import campaign
from .cli_learn import evaluate, train
from .cli_options import Address, Backend, BackendName, Labels, Open, kept_checkpoints, labels_of
from .cli_replay import replay
from .cli_robots import robots
from .cli_route import route
from .cli_see import see
from .cli_site import EXIT_INTERRUPTED, PIPE_COLUMNS, site_app
from .screen import has_screen, open_page

if TYPE_CHECKING:
    from .run import RunResult, Watcher

EXIT_BAD_INPUT = 2

app = typer.Typer(
    name="moonfleet",
    help="Autonomy for a robot fleet at the lunar south pole: run missions, look at their reports, check claims."
    "\n\nExample: moonfleet run pathfinder",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


app.add_typer(site_app, name="site")
app.command(
    epilog="Example: moonfleet see --example"
    "\n\nExample: moonfleet see descent.png --sun-az 60 --sun-el 8 --gsd 0.1"
    "\n\nExample: moonfleet see mosaic.tif --only craters --out seen"
)(see)
app.command(
    epilog="Example: moonfleet route connecting-ridge"
    "\n\nExample: moonfleet route malapert --size 6km --robot viper-rover"
    "\n\nExample: moonfleet route connecting-ridge --size 8km --from centre --to 222.4E,89.46S --robot viper-rover --haven-hours 48"
)(route)
app.command(
    epilog="Example: moonfleet robots"
    "\n\nExample: moonfleet robots viper-rover"
    "\n\nExample: moonfleet robots my-rover --catalogue my_robots"
)(robots)
app.command(
    epilog="Example: moonfleet campaign first-light --runs 500"
    "\n\nExample: moonfleet campaign pathfinder --runs 50 --sweep perception=rendered,statistical --out wide"
    "\n\nExample: moonfleet campaign wide --resume"
)(campaign)
app.command(
    epilog="Example: moonfleet replay runs/pathfinder-1-1 --to 2029-07-09"
    "\n\nExample: moonfleet replay runs/pathfinder-1-1 --at-step 120 --json"
)(replay)
app.command(
    epilog="Example: moonfleet train PolarTraverse --minutes 10"
    "\n\nExample: moonfleet train StationOps --level easy --steps 300000 --seed 1 --out runs/station"
)(train)
app.command(
    epilog="Example: moonfleet evaluate PolarTraverse --policy random --policy greedy --policy planner"
    "\n\nExample: moonfleet evaluate StationOps --policy keeper --policy runs/station --level easy --episodes 50"
)(evaluate)


KeepCheckpoints = Annotated[
    str,
    typer.Option(help="How many of the newest checkpoints stay, or 'all': a replay begins at one.", metavar="N"),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress; only the path of the run folder.")]


def main(arguments: list[str] | None = None) -> None:
    """Run the command; every error that moonfleet raises on purpose becomes one red message and exit code 2."""
    try:
        app(args=arguments, prog_name="moonfleet")
    except MoonfleetError as error:
        _fail(str(error))


def _fail(message: str) -> NoReturn:
    from rich.console import Console
    from rich.text import Text

    text = Text.assemble(("Error: ", "bold red"), (message, "red"))
    Console(stderr=True).print(text, soft_wrap=True)
    sys.exit(EXIT_BAD_INPUT)


def _interrupted(error: BaseException) -> NoReturn:
    run_dir = getattr(error, "run_dir", None)
    words = f"Stopped. Go on with: moonfleet resume {run_dir}" if run_dir is not None else "Stopped."
    sys.stderr.write(words + "\n")
    sys.exit(EXIT_INTERRUPTED)


def _version(value: bool) -> None:
    if value:
        from moonfleet import __version__

        typer.echo(f"moonfleet {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Autonomy for a robot fleet at the lunar south pole."""


@app.command(epilog="Example: moonfleet run pathfinder --backend ray --seed 7 --out runs/seven")
def run(
    scenario: Annotated[
        str, typer.Argument(help="A shipped scenario ('moonfleet scenarios') or a YAML file.", metavar="SCENARIO")
    ],
    backend: Backend = BackendName.ray,
    address: Address = None,
    label: Labels = None,
    site: Annotated[
        str | None,
        typer.Option(
            help="Your own elevation file (any projected lunar CRS), or a named place ('moonfleet site list').",
            metavar="FILE_OR_NAME",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Root seed in the stead of the scenario's; the same seed gives the same events.", min=0),
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(
            help="What every robot decides by, in the stead of the scenario's: keeper, greedy, random, or a training's folder."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Run folder to make; default runs/<scenario>-<seed>-<n>.", metavar="DIR")
    ] = None,
    keep_checkpoints: KeepCheckpoints = "3",
    open_: Open = None,
    quiet: Quiet = False,
) -> None:
    """Run a scenario to its end and write its report."""
    from .run import run_scenario

    labels, kept = dict(labels_of(label or ())), kept_checkpoints(keep_checkpoints)
    _run(
        lambda watcher: run_scenario(
            scenario,
            backend=backend.value,
            address=address,
            labels=labels,
            site=site,
            seed=seed,
            policy=policy,
            out=out,
            keep_checkpoints=kept,
            watcher=watcher,
        ),
        quiet,
        open_,
    )


@app.command(epilog="Example: moonfleet resume runs/pathfinder-1-1")
def resume(
    run_dir: Annotated[Path, typer.Argument(help="Folder of a run that was stopped or killed.", metavar="RUN")],
    backend: Backend = BackendName.ray,
    address: Address = None,
    label: Labels = None,
    keep_checkpoints: KeepCheckpoints = "3",
    open_: Open = None,
    quiet: Quiet = False,
) -> None:
    """Take up a run that was stopped or killed, from its newest checkpoint."""
    from .run import resume_run

    labels, kept = dict(labels_of(label or ())), kept_checkpoints(keep_checkpoints)
    _run(
        lambda watcher: resume_run(
            run_dir,
            backend=backend.value,
            address=address,
            labels=labels,
            keep_checkpoints=kept,
            watcher=watcher,
        ),
        quiet,
        open_,
    )


def _run(fly: Callable[[Watcher], RunResult], quiet: bool, open_: bool | None) -> None:
    from rich.console import Console

    from .progress import watcher_for
    from .tables import summary_table

    console = Console()
    if not console.is_terminal:
        console.width = PIPE_COLUMNS
    try:
        with watcher_for(console, quiet=quiet) as watcher:
            result = fly(watcher)
    except KeyboardInterrupt as error:
        _interrupted(error)
    if quiet:
        typer.echo(str(result.run_dir))
    else:
        console.print(summary_table(result.summary))
        console.print(f"events sha256  {result.summary['events_sha256']}", highlight=False, soft_wrap=True)
        console.print(f"report         {result.report}", highlight=False, soft_wrap=True, markup=False)
    if open_ or (open_ is None and not quiet and has_screen()):
        open_page(result.report)


@app.command(epilog="Example: moonfleet report runs/pathfinder-1-1 --open")
def report(
    run_dir: Annotated[Path, typer.Argument(help="Folder of a run, finished or not.", metavar="RUN")],
    open_: Open = None,
) -> None:
    """Build the report of a run again from its events."""
    from .report import write_report

    path = write_report(run_dir)
    typer.echo(str(path))
    if open_ or (open_ is None and has_screen()):
        open_page(path)


@app.command(epilog="Example: moonfleet scenarios")
def scenarios() -> None:
    """List the scenarios that come with moonfleet."""
    from rich.console import Console

    from .tables import scenario_table

    Console().print(scenario_table())


@app.command(epilog="Example: moonfleet doctor")
def doctor() -> None:
    """Say what this machine has and what is missing."""
    from rich.console import Console

    from .doctor import examine
    from .tables import doctor_table

    findings = examine()
    Console().print(doctor_table(findings))
    if any(finding.state == "bad" for finding in findings):
        raise typer.Exit(1)


@app.command(epilog="Example: moonfleet bench house --json bench.json")
def bench(
    name: Annotated[
        str | None,
        typer.Argument(help="A bench or one of its bars ('house', 'house.5'); all when left out.", metavar="[NAME]"),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write the rows to this file.", metavar="FILE")
    ] = None,
) -> None:
    """Measure what the project claims, on this machine."""
    from rich.console import Console

    from .bench.registry import run_benches, write_rows
    from .tables import bench_table

    console = Console()
    if not console.is_terminal:
        console.width = PIPE_COLUMNS
    rows = run_benches(
        name, lambda words: console.print(words, style="dim", highlight=False, markup=False, soft_wrap=True)
    )
    console.print(bench_table(rows))
    if json_file is not None:
        write_rows(rows, json_file)
    if not all(row.ok for row in rows):
        raise typer.Exit(1)


if __name__ == "__main__":
    main()
