"""Times as people read them."""

from __future__ import annotations

from datetime import datetime, timedelta


def minute_of(utc: str, between: str = " ") -> str:
    """Return an ISO time to the nearest minute; steps are whole seconds of TDB, and those drift by a millisecond or two.

    >>> minute_of("2030-01-19T04:59:59.999Z")
    '2030-01-19 05:00'
    """
    moment = datetime.fromisoformat(utc.replace("Z", "+00:00")) + timedelta(seconds=30)
    return f"{moment:%Y-%m-%d}{between}{moment:%H:%M}"
