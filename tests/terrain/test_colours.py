"""Colours that every eye can order, and values on their scales."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.terrain import colours
from moonfleet.terrain.errors import SiteError


@pytest.mark.parametrize("name", sorted(colours.ANCHORS))
def test_lightness_runs_evenly_one_way(name: str) -> None:
    lightness = colours.to_oklab(colours.colour_table(name))[:, 0]
    steps = np.diff(lightness) * np.sign(lightness[-1] - lightness[0])
    assert steps.min() > -0.003  # rounding to 8 bits
    assert np.percentile(steps, 95) < 2.5 * abs(lightness[-1] - lightness[0]) / 255
    assert abs(lightness[-1] - lightness[0]) > 0.6


def test_unknown_colour_map_is_named_with_the_nearest() -> None:
    with pytest.raises(SiteError, match="Did you mean 'slope'"):
        colours.colour_table("slop")


def test_paint_spans_low_to_high_and_marks_the_unknown() -> None:
    image = colours.paint([[-9.0, 0.0, 1.0, 9.0, np.nan]], "light", 0.0, 1.0)
    table = colours.colour_table("light")
    assert image.tolist() == [
        [table[0].tolist(), table[0].tolist(), table[255].tolist(), table[255].tolist(), list(colours.UNKNOWN)]
    ]
    assert colours.paint([[3.0]], "grey", 3.0, 3.0).shape == (1, 1, 3)


def test_a_scale_is_straight_between_its_values() -> None:
    assert colours.Scale.even(2.0, 6.0).place([0.0, 2.0, 3.0, 6.0, 9.0]).tolist() == [0.0, 0.0, 0.25, 1.0, 1.0]
    bent = colours.Scale((0.0, 15.0, 365.0), (0.0, 0.5, 1.0))
    assert bent.place([[7.5, 190.0]]).tolist() == [[0.25, 0.75]]
    assert np.isnan(bent.place(np.nan))
