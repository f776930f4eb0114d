"""Styles of made ground."""

from __future__ import annotations

import pytest

from moonfleet.terrain.errors import SiteError
from moonfleet.terrain.ground_style import CALIBRATED, GroundStyle


def test_the_default_is_the_calibrated_ground() -> None:
    assert GroundStyle() == CALIBRATED == GroundStyle(1.0, 1.0, 1.0)


@pytest.mark.parametrize("field", ["roughness", "crater_density", "rock_abundance"])
@pytest.mark.parametrize("value", [-0.1, 4.5, float("nan"), float("inf")])
def test_values_out_of_range_are_refused(field: str, value: float) -> None:
    with pytest.raises(SiteError, match=rf"site\.style\.{field}: .*allowed: 0 to 4"):
        GroundStyle(**{field: value})
