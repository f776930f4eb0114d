"""``moonfleet campaign``: many runs of a scenario into one dataset."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from .cli_options import Address, Backend, BackendName, Labels, Open, labels_of
from .cli_site import EXIT_INTERRUPTED, PIPE_COLUMNS
from .errors import OptionError
from .screen import has_screen, open_page

if TYPE_CHECKING:
    from .campaign import CampaignResult
    from .campaign_watch import CampaignWatcher

EXIT_FAILED_RUNS = 1
SHOWN_FAILURES = 5
SHOWN_COMBINATIONS = 50


class Keep(StrEnum):
    """Whose events are kept."""

    none = "none"
    failed = "failed"
    all = "all"


def campaign(
    scenario: Annotated[
        str,
        typer.Argument(
            help="A shipped scenario ('moonfleet scenarios') or a YAML file; with --resume the folder of a campaign.",
            metavar="SCENARIO",
        ),
    ],
    runs: Annotated[
        int | None, typer.Option(help="Runs of each combination of swept values. Default 100.", min=1, metavar="N")
    ] = None,
    seed_from: Annotated[
        int | None, typer.Option(help="Seed of the first run; the others count up. Default 1.", min=0, metavar="SEED")
    ] = None,
    sweep: Annotated[
        list[str] | None,
        typer.Option(
            help="Fly every combination of these values: duration_days=7,14 or fleet.driller.overrides.battery_wh=900,1200. "
            "Given several times, all are combined.",
            metavar="KEY=A,B,C",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the campaign; default campaigns/<scenario>-<key>.", metavar="DIR"),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the campaign in the folder given.")] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Give the runs that failed another try.")
    ] = False,
    keep_events: Annotated[
        Keep | None, typer.Option(help="Keep the event logs of no run, of failed ones or of all. Default none.")
    ] = None,
    backend: Backend = BackendName.ray,
    address: Address = None,
    label: Labels = None,
    workers: Annotated[
        int | None,
        typer.Option(help="Runs at once; default all cores, of the machine or of the cluster.", min=1, metavar="N"),
    ] = None,
    site: Annotated[
        str | None,
        typer.Option(
            help="Your own elevation file (any projected lunar CRS), or a named place ('moonfleet site list').",
            metavar="FILE_OR_NAME",
        ),
    ] = None,
    open_: Open = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress; only the path of the folder.")] = False,
) -> None:
    """Fly a scenario many times, with other seeds and swept values, into one dataset with a report.

    Stopped or killed, the same command goes on; each run is that of `moonfleet run SCENARIO --seed N`.
    """
    from rich.console import Console

    from .campaign import CampaignInterrupted, Spread, go_on_words, resume_campaign, run_campaign
    from .campaign_watch import campaign_watcher

    spread = Spread(backend.value, address, labels_of(label or ()), workers)
    folder = Path(scenario)
    if resume:
        given = {"--seed-from": seed_from, "--sweep": sweep, "--out": out, "--keep-events": keep_events, "--site": site}
        for name, value in given.items():
            if value is not None:
                raise OptionError(f"{name}: is not given with --resume; the campaign in {folder} has its own")

    def fly(watcher: CampaignWatcher) -> CampaignResult:
        if resume:
            return resume_campaign(folder, runs=runs, retry_failed=retry_failed, spread=spread, watcher=watcher)
        kept: Literal["none", "failed", "all"] = keep_events.value if keep_events is not None else "none"
        return run_campaign(
            scenario,
            runs=100 if runs is None else runs,
            seed_from=1 if seed_from is None else seed_from,
            sweep=sweep or (),
            out=out,
            site=site,
            keep_events=kept,
            retry_failed=retry_failed,
            spread=spread,
            watcher=watcher,
        )

    console = Console()
    if not console.is_terminal:
        console.width = PIPE_COLUMNS
    try:
        with campaign_watcher(console, quiet=quiet) as watcher:
            result = fly(watcher)
    except KeyboardInterrupt as error:
        words = f" Go on with: {go_on_words(error.folder)}" if isinstance(error, CampaignInterrupted) else ""
        _leave(f"Stopped.{words}", EXIT_INTERRUPTED)
    _tell(result, console, quiet)
    if open_ or (open_ is None and not quiet and has_screen()):
        open_page(result.report)
    if result.failures:
        raise typer.Exit(EXIT_FAILED_RUNS)


def _leave(words: str, code: int) -> NoReturn:
    sys.stderr.write(words + "\n")
    sys.exit(code)


def _tell(result: CampaignResult, console: object, quiet: bool) -> None:
    """Print the summary of a campaign."""
    from rich.console import Console

    from .campaign import go_on_words
    from .campaign_results import FAILED, FOLDER
    from .campaign_watch import LIVE, estimates_table

    if quiet or not isinstance(console, Console):
        typer.echo(str(result.folder))
        return
    failed = f", {len(result.failures)} failed" if result.failures else ""
    console.print(f"{result.plan.scenario}: {result.table.num_rows} runs{failed}", style="bold", highlight=False)
    names = LIVE if result.plan.sweep else ()  # the report has room for all of them
    console.print(estimates_table(result.plan, result.table.to_pylist(), limit=SHOWN_COMBINATIONS, names=names))

    def say(words: str) -> None:
        console.print(words, highlight=False, soft_wrap=True, markup=False)

    for one in result.failures[:SHOWN_FAILURES]:
        say(f"run {one.job.run} (seed {one.job.seed}) failed: {one.error_type}: {one.message[:200]}")
    if result.failures:
        say(f"tracebacks in   {result.folder / FAILED}; another try: {go_on_words(result.folder)} --retry-failed")
    say(f"results         {result.folder / FOLDER}")
    say(f"results sha256  {result.sha256}")
    say(f"report          {result.report}")
