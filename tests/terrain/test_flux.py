"""Incident power on panels, against the geometry drawn with vectors."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.terrain.clock import utc_to_tdb
from moonfleet.terrain.errors import SkyError
from moonfleet.terrain.flux import (
    facing_cosine,
    incident_w_m2,
    on_horizontal,
    on_tilted,
    on_tracking,
    on_vertical,
    panel_power_w,
    suns,
)
from moonfleet.terrain.sky import Sky, SkyTable

T = utc_to_tdb("2029-11-20T00:00:00Z") + 86_400.0 * np.arange(30)
SEEN = Sky(123.4, -88.8).sample(T)
LIT = np.linspace(0.0, 1.0, T.size)


@pytest.mark.parametrize(("tilt", "facing"), [(0.0, 0.0), (90.0, 77.0), (35.0, 250.0), (180.0, 10.0)])
def test_planes_against_vectors(tilt: float, facing: float) -> None:
    az, el = np.radians(SEEN.sun_az_deg), np.radians(SEEN.sun_el_deg)
    sun = np.stack([np.cos(el) * np.sin(az), np.cos(el) * np.cos(az), np.sin(el)])
    b, f = np.radians(tilt), np.radians(facing)
    normal = np.array([np.sin(b) * np.sin(f), np.sin(b) * np.cos(f), np.cos(b)])
    expected = SEEN.flux_w_m2 * LIT * np.maximum(normal @ sun, 0.0)
    assert on_tilted(SEEN, LIT, tilt, facing) == pytest.approx(expected, abs=1e-9)


def test_named_mounts_are_tilted_planes_or_better() -> None:
    assert (on_horizontal(SEEN, LIT) == on_tilted(SEEN, LIT, 0.0, 123.0)).all()
    assert (on_vertical(SEEN, LIT, 40.0) == on_tilted(SEEN, LIT, 90.0, 40.0)).all()
    assert on_tracking(SEEN, LIT) == pytest.approx(SEEN.flux_w_m2 * LIT)
    turning = on_vertical(SEEN, LIT)
    assert turning == pytest.approx(on_tracking(SEEN, LIT), rel=0.01)  # the Sun is never higher than 3 deg here
    for facing in (0.0, 100.0, 200.0, 300.0):
        assert (on_vertical(SEEN, LIT, facing) <= turning + 1e-9).all()
    assert (turning <= on_tracking(SEEN, LIT)).all()


def test_cells_by_times_come_back_as_cells_by_times() -> None:
    lit = np.stack([LIT, LIT[::-1]])
    both = on_vertical(SEEN, lit, 10.0)
    assert both.shape == (2, T.size)
    assert (both[1] == on_vertical(SEEN, LIT[::-1], 10.0)).all()


def test_upright_panel_at_the_pole_beats_the_level_one() -> None:
    noon = SkyTable(*(np.array([v]) for v in (90.0, 1.5, 0.27, 1361.0, 0.0, 0.0)))
    assert on_horizontal(noon, [1.0])[0] == pytest.approx(1361.0 * np.sin(np.radians(1.5)))
    assert on_vertical(noon, [1.0], 90.0)[0] == pytest.approx(1361.0, rel=0.001)
    assert on_vertical(noon, [1.0], 270.0)[0] == 0.0
    assert on_vertical(noon, [0.5], 90.0)[0] == pytest.approx(0.5 * on_vertical(noon, [1.0], 90.0)[0])


def test_scalar_laws() -> None:
    assert suns(1361.0) == 1.0
    assert incident_w_m2(1361.0, 0.5, 0.5) == pytest.approx(340.25)
    assert panel_power_w(100.0, 2 * 1361.0, 0.25, 0.5) == pytest.approx(25.0)
    assert facing_cosine(0.0, -1.0, 0.0, 0.0) == 0.0
    assert facing_cosine(350.0, 0.0, 90.0, -10.0) == pytest.approx(1.0)


def test_wrong_shares_and_angles_are_refused() -> None:
    with pytest.raises(SkyError, match=r"lit: shape \(3,\) for 30 times"):
        on_tracking(SEEN, [0.0, 1.0, 1.0])
    with pytest.raises(SkyError, match="outside 0"):
        on_horizontal(SEEN, LIT + 0.5)
    with pytest.raises(SkyError, match=r"tilt -1.0, facing 0.0; allowed: tilt 0..180"):
        on_tilted(SEEN, LIT, -1.0, 0.0)
