"""The benches and their rows. A bench is one or more modules of this package with ``BARS``: bar -> function that returns its rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from moonfleet.terrain.errors import did_you_mean

from ..errors import BenchError

BENCHES: Mapping[str, tuple[str, ...]] = {  # bench -> the modules that hold its bars
    "envs": (
        "envs_conformance",
        "envs_leaks",
        "envs_learning",
        "envs_same",
        "envs_speed",
        "envs_memory",
    ),
    "fleet": (
        "fleet_belief",
        "fleet_bytes",
        "fleet_decisions",
        "fleet_kills",
        "fleet_restore",
        "fleet_scale",
        "fleet_world",
    ),
    "hazards": (
        "hazards_craters",
        "hazards_footprint",
        "hazards_landing",
        "hazards_loop",
        "hazards_robust",
        "hazards_rocks",
        "hazards_stereo",
    ),
    "house": ("house",),
    "routes": (
        "routes_anyangle",
        "routes_light",
        "routes_many",
        "routes_risk",
        "routes_search",
    ),
    "terrain": ("terrain_ground", "terrain_horizon", "terrain_light", "terrain_site", "terrain_sky"),
}
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Row:
    """One measured claim. ``target`` is in words (``<= 120``), ``ok`` whether ``value`` meets it; a peer is who else was measured."""

    bar: str
    what: str
    value: float | int | str | bool
    unit: str
    target: str
    ok: bool
    peer: str = ""
    ratio: float | None = None

    def shown(self) -> str:
        """Return the value as printed."""
        if isinstance(self.value, bool):
            return "yes" if self.value else "no"
        return f"{self.value:.4g}" if isinstance(self.value, float) else str(self.value)

    def ratio_shown(self) -> str:
        """Return the ratio to the peer as printed."""
        return "" if self.ratio is None else f"{self.ratio:.2f}"

    def to_json(self) -> dict[str, object]:
        """Return the row as its JSON object."""
        return {
            "bar": self.bar,
            "what": self.what,
            "value": self.value,
            "unit": self.unit,
            "target": self.target,
            "ok": self.ok,
        }


Bar = Callable[[Tell], list[Row]]


def at_most(
    bar: str, what: str, value: float, unit: str, limit: float, *, peer: str = "", ratio: float | None = None
) -> Row:
    """Return a row whose value must not be above ``limit``."""
    return Row(bar, what, value, unit, f"<= {limit:g}", bool(value <= limit), peer, ratio)


def at_least(bar: str, what: str, value: float, unit: str, limit: float) -> Row:
    """Return a row whose value must not be below ``limit``."""
    return Row(bar, what, value, unit, f">= {limit:g}", bool(value >= limit))


def holds(bar: str, what: str, value: bool) -> Row:
    """Return a row that is a plain yes or no."""
    return Row(bar, what, bool(value), "", "yes", bool(value))


def all_bars() -> dict[str, Bar]:
    """Return every bar of every bench; a bar that several modules have rows for has them all."""
    bars: dict[str, Bar] = {}
    for modules in BENCHES.values():
        found: dict[str, Bar] = {}
        for module in modules:
            for bar, rows in import_module(f"{__package__}.{module}").BARS.items():
                found[bar] = both(found[bar], rows) if bar in found else rows
        bars |= dict(sorted(found.items()))
    return bars


def both(first: Bar, second: Bar) -> Bar:
    """Return a bar with the rows of two modules, each of which measures a part of it."""
    return lambda tell: [*first(tell), *second(tell)]


def select(name: str | None) -> dict[str, Bar]:
    """Return the bars called ``name``, or of the bench called ``name``, or all.

    Raises
    ------
    BenchError
        There is no such bench or bar.
    """
    bars = all_bars()
    if name is None:
        return bars
    chosen = {bar: function for bar, function in bars.items() if name in (bar, bar.split(".")[0])}
    if not chosen:
        raise BenchError(f"bench = {name!r}: no such bench.{did_you_mean(name, [*BENCHES, *bars])}")
    return chosen


def run_benches(name: str | None, tell: Tell) -> list[Row]:
    """Run the chosen bars in order and return their rows; ``tell`` hears what is going on."""
    rows: list[Row] = []
    for bar, function in select(name).items():
        tell(f"{bar} ...")
        rows += function(tell)
    return rows


def write_rows(rows: list[Row], path: Path) -> None:
    """Write rows as a JSON list of objects."""
    try:
        path.write_text(json.dumps([row.to_json() for row in rows], indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise BenchError(f"--json = {path}: cannot be written: {error.strerror}") from error
