"""The wedge of ground a mast camera sees."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.autonomy.camera import MastCamera
from moonfleet.terrain.grid import GeoRef


@pytest.mark.parametrize("heading", [0.0, 90.0, 215.0])
@pytest.mark.parametrize("fov", [60.0, 120.0, 200.0])
def test_mask_and_points_agree(heading: float, fov: float) -> None:
    camera = MastCamera(height_m=1.5, range_m=20.0, fov_deg=fov, cell_m=0.5)
    ref = GeoRef.centred(3.0, -4.0, 60.0, 0.5)
    mask = camera.mask(ref, (3.0, -4.0), heading)
    area = np.pi * (20.0**2 - camera.near_m**2) * fov / 360.0
    assert mask.sum() * 0.25 == pytest.approx(area, rel=0.03)
    row, col = np.nonzero(mask)
    x, y = ref.xy(row, col)
    assert camera.sees(x, y, (3.0, -4.0), heading).all()


def test_looks_where_the_heading_points() -> None:
    camera = MastCamera()
    assert camera.sees(np.array([10.0, -10.0]), np.array([0.0, 0.0]), (0.0, 0.0), 90.0).tolist() == [True, False]
    assert MastCamera(fov_deg=360.0).sees(np.array([-10.0]), np.array([0.0]), (0.0, 0.0), 90.0).all()
