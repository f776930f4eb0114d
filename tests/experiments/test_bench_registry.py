"""Bars that several modules measure together."""

from __future__ import annotations

from moonfleet.experiments.bench.registry import all_bars, both, holds


def test_a_bar_of_two_modules_has_the_rows_of_both() -> None:
    bar = both(lambda tell: [holds("a.1", "one", True)], lambda tell: [holds("a.1", "two", False)])
    assert [row.what for row in bar(print)] == ["one", "two"]


def test_every_bar_has_its_name_from_its_bench() -> None:
    assert {"fleet.4", "fleet.5"} <= set(all_bars())
