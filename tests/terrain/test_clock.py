"""UTC at the door, TDB inside."""

from __future__ import annotations

import pytest

from moonfleet.terrain.clock import tdb_minus_tt, tdb_to_utc, utc_to_tdb
from moonfleet.terrain.errors import SkyError


def test_j2000_is_zero() -> None:
    # J2000 is 2000-01-01T12:00:00 TT = 11:58:55.816 UTC; TDB - TT is below 0.1 ms there
    assert utc_to_tdb("2000-01-01T11:58:55.816Z") == pytest.approx(0.0, abs=1e-4)


def test_leap_second_is_counted() -> None:
    before, after = utc_to_tdb("2016-12-31T23:59:59Z"), utc_to_tdb("2017-01-01T00:00:00Z")
    assert after - before == pytest.approx(2.0, abs=1e-5)


def test_2029_is_tai_minus_utc_37_s() -> None:
    days = 10_596.5  # from J2000 noon to 2029-01-05 midnight
    assert utc_to_tdb("2029-01-05T00:00:00") == pytest.approx(days * 86400 + 37 + 32.184, abs=0.002)


@pytest.mark.parametrize(
    "utc", ["1975-06-01T00:00:00Z", "2017-01-01T00:00:00Z", "2029-01-05T00:00:00Z", "2098-12-31T23:59:59Z"]
)
def test_there_and_back(utc: str) -> None:
    assert tdb_to_utc(utc_to_tdb(utc)) == utc


def test_offsets_and_fractions() -> None:
    assert utc_to_tdb("2026-03-01T12:00:00.250+02:00") == utc_to_tdb("2026-03-01T10:00:00.250Z")
    assert tdb_to_utc(utc_to_tdb("2026-03-01T10:00:00.250Z")) == "2026-03-01T10:00:00.250Z"


def test_tdb_minus_tt_stays_below_2_ms() -> None:
    assert max(abs(tdb_minus_tt(day * 86400.0)) for day in range(0, 4000, 13)) < 0.002


@pytest.mark.parametrize(
    ("utc", "says"), [("soon", "not an ISO 8601"), ("1960-01-01", "1973..2099"), ("2150-01-01T00:00:00Z", "1973..2099")]
)
def test_bad_times_are_refused(utc: str, says: str) -> None:
    with pytest.raises(SkyError, match=says):
        utc_to_tdb(utc)


def test_not_a_number_is_no_time() -> None:
    with pytest.raises(SkyError, match="not a time"):
        tdb_to_utc(float("nan"))
