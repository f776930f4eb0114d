"""The forecast of light equals looking at the horizon hour by hour."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.agents.forecast import FAR_H, Forecast
from moonfleet.autonomy.observation import WINDOWS_H
from moonfleet.terrain.clock import utc_to_tdb
from moonfleet.terrain.constants import DARK_BELOW
from moonfleet.terrain.light import disc_lit, local_elevation_deg
from moonfleet.terrain.relay import queqiao2
from moonfleet.terrain.site import Site

T0 = utc_to_tdb("2030-06-02T00:00:00")


@pytest.fixture(scope="module")
def forecast(small_site: Site) -> Forecast:
    return Forecast(small_site, T0, 30 * 86_400, queqiao2())


def hourly(site: Site, x: float, y: float, first_h: int, hours: int) -> np.ndarray:
    """Lit fraction hour by hour, straight from the site."""
    sky = site.sky.sample(T0 + 3600.0 * np.arange(first_h, first_h + hours))
    row, col = (round(float(value)) for value in site.ref.rowcol(x, y))
    cx, cy = site.ref.centre
    lit = []
    for az, el, radius in zip(sky.sun_az_deg, sky.sun_el_deg, sky.sun_radius_deg, strict=True):
        here = local_elevation_deg(float(el), float(az), x - cx, y - cy)
        lit.append(disc_lit(here, site.horizon.at(row, col, float(az)), float(radius)))
    return np.array(lit)


@pytest.mark.parametrize("start_h", [0, 50, 400])
def test_light_ahead_equals_the_hours_one_by_one(small_site: Site, forecast: Forecast, start_h: int) -> None:
    rng = np.random.default_rng(3)
    seen_dark = 0
    for row, col in rng.integers(0, 128, (12, 2)):
        x, y = (float(value) for value in small_site.ref.xy(row, col))
        lit = hourly(small_site, x, y, start_h, FAR_H)
        ahead = forecast.light(x, y, start_h * 3600)
        np.testing.assert_allclose(ahead.windows, [lit[:hours].mean() for hours in WINDOWS_H], atol=1e-6)
        dark = np.flatnonzero(lit < DARK_BELOW)
        if dark.size == 0:
            assert (ahead.dark_in_h, ahead.dark_for_h) == (FAR_H, 0.0)
            continue
        seen_dark += 1
        again = np.flatnonzero(lit[dark[0] :] >= DARK_BELOW)
        assert ahead.dark_in_h == dark[0]
        assert ahead.dark_for_h == (again[0] if again.size else FAR_H - dark[0])
        assert forecast.lit_mean(x, y, start_h * 3600) == pytest.approx(lit[:24].mean(), abs=1e-6)
    assert seen_dark > 0


def test_link_windows_open_where_the_track_is_above_the_horizon(small_site: Site, forecast: Forecast) -> None:
    x, y = small_site.ref.centre
    opens, lasts = forecast.relay_window(x, y, 0)
    row, col = forecast.cell(x, y)
    look = queqiao2().look(T0 + 3600.0 * np.arange(48), small_site.sky.lon_deg, small_site.sky.lat_deg)
    above = [small_site.horizon.at(row, col, az) < el for az, el in zip(look.az_deg, look.el_deg, strict=True)]
    assert above.index(True) == opens
    assert all(above[int(opens) : int(opens + lasts)])
    assert opens + lasts == 48 or not above[int(opens + lasts)]


def test_a_forecast_near_the_end_of_the_almanac_is_still_one(small_site: Site, forecast: Forecast) -> None:
    ahead = forecast.light(*small_site.ref.centre, 30 * 86_400 + 400 * 3600)
    assert np.isfinite(ahead.windows).all()
    assert 0 <= ahead.dark_in_h <= FAR_H
