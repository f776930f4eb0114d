"""Progress of work that knows what part of it is done: a bar in a terminal, a line at each tenth elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

LINES = 10  # at most, where there is no terminal
Shown = Callable[[float, str], None]  # takes the part done, 0..1, and words


@contextmanager
def part_done(console: Console, *, quiet: bool) -> Iterator[Shown]:
    """Give a function that shows ``(part, words)``."""
    if quiet:
        yield lambda part, words: None
    elif console.is_terminal:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(compact=True),
        )
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("", total=1.0)
            yield lambda part, words: bar.update(task, completed=part, description=words)
    else:
        told = [0]

        def line(part: float, words: str) -> None:
            """Print a line when another tenth is done."""
            if int(part * LINES) > told[0]:
                told[0] = int(part * LINES)
                console.print(f"{part:4.0%}  {words}", markup=False, highlight=False, soft_wrap=True)

        yield line
