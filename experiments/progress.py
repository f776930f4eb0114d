"""How a run shows its progress: a live panel in a terminal, a line now and then elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from .minutes import minute_of

if TYPE_CHECKING:
    from moonfleet.agents.simulation import StepInfo

LINE_EVERY = 0.05  # share of the mission between two lines where there is no terminal
WIDE = 135  # columns of a terminal that shows the whole line beside the bar
# the stages of building a site, in the words shown; it is built once and then found in the cache
STAGES = {
    "ground": "building the site, once: ground",
    "horizon": "building the site, once: horizons",
    "light": "building the site, once: a year of light",
    "shadow": "building the site, once: permanent shadow",
    "earth": "building the site, once: a year of Earth",
    "checksums": "building the site, once: checksums",
}


def describe(info: StepInfo, *, symbols: bool, short: bool = False) -> str:
    """Return one line: time, day of the mission, light, jobs, events; ``short`` fits beside a bar into 80 columns."""
    light = ("☀" if info.lit >= 0.5 else "☾") if symbols else ("day" if info.lit >= 0.5 else "night")
    day = info.t_s / 86_400.0
    dot = "·" if symbols else "|"
    total = info.steps * info.t_s / max(1, info.step) / 86_400.0
    lost = f" {dot} {info.lost} lost" if info.lost else ""
    date, sunlit = ("", "") if short else (f"{minute_of(info.utc)} UTC {dot} ", " in sunlight")
    return (
        f"{date}day {day:4.1f} of {total:.1f} {dot} {light} {info.lit:4.0%}{sunlit} "
        f"{dot} jobs {info.jobs_done}/{info.jobs_total} {dot} {info.n_events:,} events{lost}"
    )


class TerminalWatcher:
    """A live bar; use as a context manager."""

    def __init__(self, console: Console) -> None:
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=8 if console.width < WIDE else 24),
            TaskProgressColumn(),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
        )
        self.task = self.progress.add_task("", total=1.0)
        self.now = ""
        self.symbols = console.encoding.lower().startswith("utf")
        self.short = console.width < WIDE

    def __enter__(self) -> TerminalWatcher:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def stage(self, name: str, fraction: float) -> None:
        """Show a preparation; the time left is that of its own."""
        if name != self.now:
            self.now = name
            self.progress.reset(self.task, total=1.0)
        self.progress.update(self.task, description=STAGES.get(name, name), completed=fraction, total=1.0)

    def step(self, info: StepInfo) -> None:
        """Show a decision step."""
        text = describe(info, symbols=self.symbols, short=self.short)
        self.progress.update(self.task, description=text, completed=info.step, total=info.steps)


class LineWatcher:
    """A line when a preparation begins and about every 5 % of the mission."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.shown = -1
        self.last_stage = ""

    def __enter__(self) -> LineWatcher:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def stage(self, name: str, fraction: float) -> None:
        """Print a preparation once."""
        if name not in (self.last_stage, "done"):
            self.last_stage = name
            self.console.print(f"{STAGES.get(name, name)} ...", markup=False, highlight=False, soft_wrap=True)

    def step(self, info: StepInfo) -> None:
        """Print a line when another 5 % are done."""
        slot = int(info.step / info.steps / LINE_EVERY)
        if slot > self.shown or info.step == info.steps:
            self.shown = slot
            text = f"{info.step / info.steps:4.0%}  {describe(info, symbols=self.console.encoding.lower().startswith('utf'))}"
            self.console.print(text, markup=False, highlight=False, soft_wrap=True)


class QuietWatcher:
    """Nothing at all."""

    def __enter__(self) -> QuietWatcher:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def stage(self, name: str, fraction: float) -> None:
        """Ignore it."""

    def step(self, info: StepInfo) -> None:
        """Ignore it."""


def watcher_for(console: Console, *, quiet: bool) -> TerminalWatcher | LineWatcher | QuietWatcher:
    """Return the watcher that suits where the output goes."""
    if quiet:
        return QuietWatcher()
    return TerminalWatcher(console) if console.is_terminal else LineWatcher(console)
