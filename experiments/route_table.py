"""The table of ``moonfleet route``."""

from __future__ import annotations

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from .route_facts import facts_of, site_words, verdict_of
from .route_plan import RouteAnswer


def route_table(answer: RouteAnswer, others: int = 0) -> RenderableType:
    """Return the plan beside the way straight through, and below it what becomes of both; ``others``: more sites of this name."""
    start, goal = answer.ends
    ground = site_words(answer.site.ref)
    if others:
        ground += f", the latest of {others + 1} that are built; --size and --cell-m choose another"
    head = Text(f"{answer.site.name}: route of {answer.spec.kind}\nsite {ground}\nfrom {start}\nto   {goal}")
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for name in ("", "this plan", "straight through"):
        table.add_column(name)
    for name, own, other in facts_of(answer):
        table.add_row(name, Text(own, style="bold"), Text(other, style="red" if other == "never" else ""))
    words, holds = verdict_of(answer)
    return Group(head, table, Text(words, style="green" if holds else "bold red"))
