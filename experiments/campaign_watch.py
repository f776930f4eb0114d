"""How a campaign shows its progress: a live table in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from .campaign_figures import FIGURES, by_variant, estimate, shown
from .campaign_plan import CampaignPlan
from .progress import STAGES

ROWS = 12  # combinations shown while a campaign runs
TABLE_S = 1.0  # [s] between two makings of the live table
LABEL = 36  # columns that the name of a combination may take before it is broken
LINE_EVERY = 0.05  # share of the runs between two lines where there is no terminal
LIVE = ("value", "jobs_done", "all_done", "no_loss", "driven", "archive")


@dataclass(slots=True)
class Progress:
    """How far a campaign is. ``before`` runs had ended when it was taken up."""

    plan: CampaignPlan
    rows: Sequence[Mapping[str, Any]]
    failed: int
    running: int
    before: int
    began: float = field(default_factory=time.monotonic)
    stopping: bool = False

    @property
    def ended(self) -> int:
        """Runs that ended, well or not."""
        return len(self.rows) + self.failed

    def left_s(self) -> float:
        """Seconds to go at the rate so far; not-a-number before the first run has ended."""
        fresh = self.ended - self.before
        if fresh <= 0:
            return math.nan
        return (time.monotonic() - self.began) / fresh * (self.plan.total - self.ended)


class CampaignWatcher(Protocol):
    """Someone who is told how a campaign gets on."""

    def stage(self, name: str, fraction: float) -> None:
        """Hear of preparations: what is being done and how far it is, 0..1."""
        ...

    def progress(self, now: Progress) -> None:
        """Hear that something has changed, or that a moment has passed."""
        ...


class SilentCampaign:
    """Nothing at all."""

    def __enter__(self) -> SilentCampaign:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def stage(self, name: str, fraction: float) -> None:
        """Ignore it."""

    def progress(self, now: Progress) -> None:
        """Ignore it."""


def clock(seconds: float) -> str:
    """Return a duration as ``2 h 05 min``, ``3 min 20 s`` or ``12 s``.

    >>> clock(7500), clock(200), clock(12.4)
    ('2 h 05 min', '3 min 20 s', '12 s')
    """
    if not math.isfinite(seconds):
        return "-"
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 60} min {whole % 60:02d} s" if whole >= 60 else f"{whole} s"


def counts(now: Progress) -> str:
    """Return done, failed, running and time left in one line."""
    failed = f" · {now.failed} failed" if now.failed else ""
    words = f"{len(now.rows)} of {now.plan.total} runs done{failed} · {now.running} running"
    return words + (" · stopping after these" if now.stopping else f" · {clock(now.left_s())} left")


def estimates_table(
    plan: CampaignPlan, rows: Sequence[Mapping[str, Any]], *, limit: int | None = None, names: Sequence[str] = ()
) -> Table:
    """Return a row per combination: how many runs, and the headlines with their 95 % intervals."""
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    figures = [figure for figure in FIGURES if not names or figure.name in names]
    if plan.sweep:
        longest = max(len(plan.label(number)) for number in range(len(plan.combinations[:limit])))
        table.add_column("combination", overflow="fold", min_width=min(longest, LABEL))
    table.add_column("runs", justify="right", no_wrap=True)
    for figure in figures:
        table.add_column(figure.title, justify="right", no_wrap=True)
    groups = by_variant(rows, len(plan.combinations))
    for number, group in enumerate(groups[:limit]):
        cells = [shown(figure, estimate(figure, group)) for figure in figures]
        table.add_row(*([plan.label(number)] if plan.sweep else []), str(len(group)), *cells)
    if limit is not None and len(groups) > limit:
        table.caption = f"and {len(groups) - limit} combinations more"
    return table


class LiveCampaign:
    """A live table; use as a context manager."""

    def __init__(self, console: Console) -> None:
        self.live = Live(Text(""), console=console, refresh_per_second=4, transient=True)
        self.table: Table | None = None
        self.made, self.of = 0.0, -1  # when the table was made, and of how many runs

    def __enter__(self) -> LiveCampaign:
        self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.live.stop()

    def stage(self, name: str, fraction: float) -> None:
        """Show a preparation."""
        self.live.update(Text(f"{STAGES.get(name, name)} {fraction:.0%}"))

    def progress(self, now: Progress) -> None:
        """Show the counts, a bar, and the headlines so far."""
        bar = ProgressBar(total=now.plan.total, completed=now.ended, width=40)
        parts: list[RenderableType] = [Text(counts(now), style="bold"), bar]
        if len(now.rows) != self.of and time.monotonic() - self.made > TABLE_S:
            began = time.monotonic()
            self.table = estimates_table(now.plan, now.rows, limit=ROWS, names=LIVE)
            self.of, self.made = len(now.rows), began
        if self.table is not None:
            parts.append(self.table)
        self.live.update(Group(*parts))


class LineCampaign:
    """A line when a preparation begins and about every 5 % of the runs."""

    def __init__(self, console: Console) -> None:
        self.console, self.slot, self.last_stage, self.failed = console, -1, "", 0

    def __enter__(self) -> LineCampaign:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def say(self, words: str) -> None:
        """Print one line."""
        self.console.print(words, markup=False, highlight=False, soft_wrap=True)

    def stage(self, name: str, fraction: float) -> None:
        """Print a preparation once."""
        if name not in (self.last_stage, "done"):
            self.last_stage = name
            self.say(f"{STAGES.get(name, name)} ...")

    def progress(self, now: Progress) -> None:
        """Print a line when another 5 % are done."""
        slot = int(now.ended / now.plan.total / LINE_EVERY)
        if slot > self.slot and now.ended > now.before:
            self.slot = slot
            means = "".join(
                f" · {figure.title} {shown(figure, estimate(figure, now.rows))}"
                for figure in FIGURES
                if figure.name in ("value", "all_done", "no_loss") and now.rows
            )
            self.say(f"{now.ended / now.plan.total:4.0%}  {counts(now)}{means}")


def campaign_watcher(console: Console, *, quiet: bool) -> LiveCampaign | LineCampaign | SilentCampaign:
    """Return the watcher that suits where the output goes."""
    if quiet:
        return SilentCampaign()
    return LiveCampaign(console) if console.is_terminal else LineCampaign(console)
