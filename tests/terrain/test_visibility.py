"""Who sees the Earth and the relay, against counting the hours."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.terrain.clock import utc_to_tdb
from moonfleet.terrain.errors import SkyError
from moonfleet.terrain.grid import GeoRef
from moonfleet.terrain.horizon import Horizon
from moonfleet.terrain.light import clearance_deg
from moonfleet.terrain.relay import queqiao2
from moonfleet.terrain.sky import Sky
from moonfleet.terrain.visibility import earth_visibility, relay_visibility
from tests.craters import crater_site

T0 = utc_to_tdb("2029-01-01T00:00:00Z")
MONTH = 28 * 86_400.0


def counted(ref: GeoRef, horizon: Horizon, az: np.ndarray, el: np.ndarray, row: int, col: int) -> float:
    """Share of samples that stand above the horizon of one cell."""
    x, y = ref.xy(row, col)
    dx, dy = x - ref.centre[0], y - ref.centre[1]
    seen = [clearance_deg(horizon.millideg, row, col, dx, dy, a, e) >= 0.0 for a, e in zip(az, el, strict=True)]
    return float(np.mean(seen))


def test_earth_against_counting() -> None:
    grid, horizon = crater_site(300.0)
    sky = Sky(*grid.ref.lonlat())
    share = earth_visibility(grid.ref, horizon, sky, T0, T0 + 4 * MONTH)
    seen = sky.sample(np.arange(T0, T0 + 4 * MONTH, 3600.0))
    cells = [(0, 0), (20, 33), (40, 40), (52, 39), (79, 10)]
    expected = [counted(grid.ref, horizon, seen.earth_az_deg, seen.earth_el_deg, r, c) for r, c in cells]
    assert [share[cell] for cell in cells] == pytest.approx(expected, abs=0.01)
    assert max(expected) > 0.45
    assert min(expected) < 0.3
    assert share.dtype == np.float32
    assert earth_visibility(grid.ref, horizon, sky, T0, T0 + 4 * MONTH, threads=1).tobytes() == share.tobytes()


def test_earth_stands_above_a_flat_horizon_near_the_pole_half_of_the_time() -> None:
    ref = GeoRef(*np.array([-50.0, 50.0]) + np.array([0.0, 3_032.0]), 100.0, 1, 1)  # 89.9 S, longitude 0
    horizon = Horizon(np.zeros((360, 1, 1), dtype=np.int16), 0.0)
    t0, t1 = (utc_to_tdb(f"{year}-01-01T00:00:00Z") for year in (2026, 2031))
    share = earth_visibility(ref, horizon, Sky(*ref.lonlat()), t0, t1)
    assert share[0, 0] == pytest.approx(0.499, abs=0.003)


def test_relay_against_counting() -> None:
    grid, horizon = crater_site(600.0)
    relay = queqiao2()
    share = relay_visibility(grid.ref, horizon, relay, T0, T0 + MONTH, 1200.0)
    look = relay.look(np.arange(T0, T0 + MONTH, 1200.0), *grid.ref.lonlat())
    cells = [(3, 3), (40, 40), (52, 39)]
    expected = [counted(grid.ref, horizon, look.az_deg, look.el_deg, r, c) for r, c in cells]
    assert [share[cell] for cell in cells] == pytest.approx(expected, abs=0.005)
    assert 0.5 < share[40, 40] < share[3, 3] < 1.0


def test_wrong_shapes_and_periods_are_refused() -> None:
    grid, horizon = crater_site(100.0)
    with pytest.raises(SkyError, match="must be the same"):
        earth_visibility(GeoRef.centred(0.0, 0.0, 100.0, 20.0), horizon, Sky(0.0, -89.0), T0, T0 + MONTH)
    with pytest.raises(SkyError, match="t0 < t1"):
        relay_visibility(grid.ref, horizon, queqiao2(), T0, T0)
