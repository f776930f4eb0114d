"""Figures of a campaign: means and intervals by the book, and words for them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from moonfleet.experiments.campaign_figures import FIGURES, Figure, by_variant, estimate, shown
from moonfleet.experiments.campaign_pictures import bin_edges, forest, histogram, ticks

VALUE, SHARE = FIGURES[0], next(figure for figure in FIGURES if figure.name == "no_loss")


def rows(values: list[float], losses: int = 0) -> list[dict[str, object]]:
    return [{"value": value, "losses": losses, "variant": number % 2} for number, value in enumerate(values)]


def test_the_interval_of_a_mean_is_students() -> None:
    values = [3.0, 7.0, 8.0, 1.0, 4.0]
    found = estimate(VALUE, rows(values))
    low, high = stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=stats.sem(values))
    assert found.low == pytest.approx(low)
    assert found.high == pytest.approx(high)
    assert (found.runs, found.least, found.most) == (5, 1.0, 8.0)


def test_few_runs_say_little() -> None:
    assert math.isinf(estimate(VALUE, rows([3.0])).high)
    assert shown(VALUE, estimate(VALUE, rows([3.0]))) == "3.00"
    assert shown(VALUE, estimate(VALUE, [])) == "-"
    assert shown(SHARE, estimate(SHARE, rows([1.0] * 10))) == "100% (72-100)"
    assert shown(VALUE, estimate(VALUE, rows([100.0, 300.0]))) == "200 ± 1271"


def test_rows_go_to_their_combinations() -> None:
    assert [len(group) for group in by_variant(rows([1.0] * 5), 3)] == [3, 2, 0]


@pytest.mark.parametrize("values", [[5.0], [5.0] * 9, [0.0, 1.0, 1.0, 3.0], [0.1, 0.7, 12.5], [-3.0, 1e9]])
def test_pictures_hold_every_run(values: list[float]) -> None:
    ordered = np.sort(values)
    edges = bin_edges(ordered, whole=all(float(v).is_integer() for v in ordered))
    assert np.histogram(ordered, edges)[0].sum() == len(values)
    assert "nan" not in histogram(VALUE, rows(values))


def test_a_combination_without_runs_has_a_row_all_the_same() -> None:
    drawn = forest(VALUE, ["a=1", "a=2", "a=3"], by_variant(rows([1.0, 2.0]), 3))
    assert drawn.count('class="row"') == 3
    assert "nan" not in drawn
    share = Figure("x", "x", "", lambda row: True, share=True)
    assert "nan" not in forest(share, ["a"], [[]])


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.0, 395.0), (-4.0, 17.0), (1e-6, 3e-6), (0.0, 3.0)])
def test_ticks_are_few_and_inside(low: float, high: float) -> None:
    found = ticks(low, high)
    assert 2 <= len(found) <= 8
    assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in found)
