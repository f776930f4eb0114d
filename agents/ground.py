"""What the physics needs to know of the ground: the layers of a site, in the one form that the kernel takes."""

from __future__ import annotations

from typing import NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.sky import Sky

T = TypeVar("T", bound=np.generic)


class HorizonLayer(Protocol):
    """Terrain horizon of a site: elevation angles in thousandths of a degree, int16 [azimuths, rows, cols]."""

    @property
    def millideg(self) -> NDArray[np.int16]:
        """The angles."""
        ...


class Ground(Protocol):
    """What the World needs of a site (`moonfleet.terrain.site.Site` has it all)."""

    @property
    def ref(self) -> GeoRef:
        """Georeference of every layer."""
        ...

    @property
    def grid(self) -> HeightGrid:
        """Elevation."""
        ...

    @property
    def slope_deg(self) -> NDArray[np.float32]:
        """Slope, float32 [rows, cols]."""
        ...

    @property
    def horizon(self) -> HorizonLayer:
        """Terrain horizon."""
        ...

    @property
    def sky(self) -> Sky:
        """The sky over the site's centre."""
        ...


class GroundLayers(NamedTuple):
    """The layers as read-only plain arrays: always the same types, or numba would compile the physics again."""

    elevation: NDArray[np.float32]  # [rows, cols] m
    slope: NDArray[np.float32]  # [rows, cols] deg
    millideg: NDArray[np.int16]  # [azimuths, rows, cols] 0.001 deg
    frame: NDArray[np.float64]  # [5] x_left, y_top, cell, centre x, centre y, m


def ground_layers(site: Ground) -> GroundLayers:
    """Return the layers of ``site``; memory-mapped ones stay mapped, nothing is copied that has its right type."""
    ref = site.ref
    return GroundLayers(
        _plain(site.grid.elevation_m, np.float32),
        _plain(site.slope_deg, np.float32),
        _plain(site.horizon.millideg, np.int16),
        np.array([ref.x_left, ref.y_top, ref.cell_m, *ref.centre]),
    )


def _plain(array: NDArray[np.generic], dtype: type[T]) -> NDArray[T]:
    plain = np.ascontiguousarray(array, dtype=dtype).view(np.ndarray)[...]
    plain.flags.writeable = False
    return plain
