"""When a planner must stop: out of time, or told to."""

from __future__ import annotations

import time
from collections.abc import Callable


class Clock:
    """Says when to stop."""

    def __init__(self, budget_s: float | None, cancelled: Callable[[], bool] | None) -> None:
        self._until = None if budget_s is None else time.monotonic() + budget_s
        self._cancelled = cancelled

    def over(self) -> bool:
        """Say whether the time is over or somebody cancelled."""
        if self._cancelled is not None and self._cancelled():
            return True
        return self._until is not None and time.monotonic() >= self._until
