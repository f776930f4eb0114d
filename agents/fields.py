"""Fields of ways that many missions share: seconds to a place from every cell of its site, each made once and kept."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.traversability import DriveLimits
from moonfleet.terrain.site import Site

from .mission_zones import MissionZones
from .travel import travel_field

Key = tuple[int, int, tuple[int, int], MissionZones | None]  # ground, class of machines, cell, zones


class Fields:
    """The fields of a few sites for a few classes of machines, numbered as they are asked for.

    ``table`` float32 [F, cells] grows by doubling and then is another array: who keeps it must ask again after `number`. Rows that are
    there stay as they are.
    """

    def __init__(self, sites: Sequence[Site], classes: Sequence[DriveLimits]) -> None:
        self.sites, self.classes = tuple(sites), tuple(classes)
        self._cells = max(site.ref.rows * site.ref.cols for site in sites)
        self.table: NDArray[np.float32] = np.empty((1, self._cells), dtype=np.float32)
        self._numbers: dict[Key, int] = {}
        self._used = 0
        self._lock = threading.Lock()

    def number(self, ground: int, drive_class: int, cell: tuple[int, int], zones: MissionZones | None = None) -> int:
        """Number of the field of a cell (row, col) of a site, -1 where the cell itself is impassable."""
        key = (ground, drive_class, cell, zones)
        found = self._numbers.get(key)
        if found is not None:
            return found
        field = travel_field.__wrapped__(self.sites[ground], self.classes[drive_class], cell, zones)
        with self._lock:
            number = -1 if field is None else self._used
            if field is not None:
                if self._used == len(self.table):
                    more = np.empty((2 * self._used, self._cells), dtype=np.float32)
                    more[: self._used] = self.table
                    self.table = more
                self.table[number, : field.size] = field.reshape(-1)
                self._used += 1
            self._numbers[key] = number
        return number

    def field(
        self, ground: int, drive_class: int, cell: tuple[int, int], zones: MissionZones | None = None
    ) -> NDArray[np.float32] | None:
        """The field of a cell of a site, float32 [R, C], not to be written to; None where the cell itself is impassable."""
        number, shape = self.number(ground, drive_class, cell, zones), self.sites[ground].ref.shape
        return None if number < 0 else self.table[number, : shape[0] * shape[1]].reshape(shape)


@lru_cache(maxsize=4)
def shared_fields(sites: tuple[Site, ...], classes: tuple[DriveLimits, ...]) -> Fields:
    """The fields of these sites and classes, the same object for whoever asks: they are large, and the same for all missions."""
    return Fields(sites, classes)
