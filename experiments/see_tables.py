"""The table that ``moonfleet see`` prints."""

from __future__ import annotations

import numpy as np
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from moonfleet.autonomy.craters_seen import CLASSES

from .see import F64, Seen


def seen_table(seen: Seen) -> RenderableType:
    """Return what was seen: the picture in the title, one row per kind, and below what a user should know."""
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    table.add_column("", no_wrap=True)
    for head in ("seen", "sure > 0.8", "smallest", "median", "largest"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("of these")
    metres = seen.pixel_m is not None
    if seen.craters is not None:
        c = seen.craters
        sizes = c.diameter_m if metres else 2.0 * np.sqrt(c.semi_col_px * c.semi_row_px)
        classes = ", ".join(
            f"{int((c.depth_class == i).sum())} {name}" for i, name in reversed(list(enumerate(CLASSES)))
        )
        table.add_row("craters", str(len(c.row)), str(int((c.confidence > 0.8).sum())), *_sizes(sizes, metres), classes)
    if seen.rocks is not None:
        r = seen.rocks
        high = f"{int((r.tall >= 0.3).sum())} at least 0.3 m high"
        table.add_row("rocks", str(len(r.row)), str(int((r.confidence > 0.8).sum())), *_sizes(r.diameter_m, True), high)
    title = f"{seen.path.name}: {seen.cols} x {seen.rows} px, {seen.kind}"
    notes = [Text(words, style="dim") for words in seen.notes]
    warns = [Text.assemble(("! ", "bold yellow"), (words, "yellow")) for words in seen.warnings]
    return Group(Text(title, style="bold"), table, *notes, *warns)


def _sizes(sizes: F64, metres: bool) -> tuple[str, str, str]:
    """Return the smallest, the median and the largest size as printed."""
    if not len(sizes):
        return "-", "-", "-"
    shown = [float(value) for value in np.quantile(sizes, [0.0, 0.5, 1.0])]
    small, middle, large = (f"{value:.3g} m" if metres else f"{value:.0f} px" for value in shown)
    return small, middle, large
