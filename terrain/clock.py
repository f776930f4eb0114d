"""Time at the door: UTC text in and out, seconds of TDB past J2000 inside.

>>> round(utc_to_tdb("2000-01-01T11:58:55.816Z"), 3) + 0.0
0.0
>>> tdb_to_utc(utc_to_tdb("2029-01-05T00:00:00"))
'2029-01-05T00:00:00Z'
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import cast

import erfa

from .constants import DAY_S, TT_MINUS_TAI_S
from .errors import SkyError

J2000 = datetime(2000, 1, 1, 12)
FIRST_YEAR, LAST_YEAR = 1973, 2099  # whole leap seconds begin 1972; the ephemeris series end 2100


def tdb_minus_tt(t: float) -> float:
    """Return TDB - TT [s] at ``t`` [s TDB past J2000]; the two main terms, good to 30 us (Fairhead and Bretagnon 1990)."""
    mean_anomaly = math.radians(357.53 + 0.985_600_28 * t / DAY_S)
    return 0.001_657 * math.sin(mean_anomaly) + 0.000_014 * math.sin(2.0 * mean_anomaly)


def utc_to_tdb(utc: str) -> float:
    """Return seconds of TDB past J2000 of an ISO 8601 UTC time; a text without an offset is UTC.

    Rounded to whole microseconds, so that a round second of UTC has one value. Raises `SkyError` for a text that is no
    time, or a year outside 1973-2099. Leap seconds after the newest one known are taken as none.
    """
    try:
        moment = datetime.fromisoformat(utc.strip())
    except ValueError:
        raise SkyError(f"time {utc!r}: not an ISO 8601 UTC time; write it like '2029-01-05T00:00:00Z'.") from None
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise SkyError(f"time {utc!r}: year {moment.year} is outside {FIRST_YEAR}..{LAST_YEAR}.")
    tt = (moment - J2000) / timedelta(microseconds=1) * 1e-6 + _tai_minus_utc(moment) + TT_MINUS_TAI_S
    return round(tt + tdb_minus_tt(tt), 6) + 0.0


def tdb_to_utc(t: float) -> str:
    """Return the ISO 8601 UTC text of ``t`` [s TDB past J2000], ending in Z, with milliseconds only where it has some."""
    if not math.isfinite(t) or abs(t) > 3.2e9:
        raise SkyError(f"time {t!r} s past J2000: not a time between {FIRST_YEAR} and {LAST_YEAR}.")
    tai = J2000 + timedelta(seconds=t - tdb_minus_tt(t) - TT_MINUS_TAI_S)
    moment = tai - timedelta(seconds=_tai_minus_utc(tai))
    moment = tai - timedelta(seconds=_tai_minus_utc(moment))
    milliseconds = round((moment - J2000) / timedelta(milliseconds=1))
    moment = J2000 + timedelta(milliseconds=milliseconds)
    return moment.isoformat(timespec="milliseconds" if milliseconds % 1000 else "seconds") + "Z"


def _tai_minus_utc(moment: datetime) -> float:
    seconds, _status = cast(tuple[float, int], erfa.ufunc.dat(moment.year, moment.month, moment.day, 0.0))
    return float(seconds)
