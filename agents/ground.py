"""What the physics needs to know of the ground: the layers of a site, in the one form that the kernel takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
    low: NDArray[np.int16]  # [azimuths, rows, cols] 0.001 deg, horizons of the lowest eye
    middle: NDArray[np.int16]  # of a higher eye, or the same again
    high: NDArray[np.int16]  # of the highest eye, or the same again
    frame: NDArray[np.float64]  # [5] x_left, y_top, cell, centre x, centre y, m


def ground_layers(site: Ground, heights_m: Sequence[float] = ()) -> tuple[GroundLayers, tuple[int, ...]]:
    """Return the layers of ``site``, and for each height of an eye [m] which horizons are its: 0 low, 1 middle, 2 high.

    An eye takes the highest horizons that the site has at or below it, at least the lowest; a fleet uses three heights at most, the
    lowest of the site and the two highest it needs. Memory-mapped layers stay mapped, nothing is copied that has its right type.
    """
    ref = site.ref
    known: Mapping[float, HorizonLayer] = getattr(site, "horizons", None) or {0.0: site.horizon}
    own = next((eye for eye, layer in known.items() if layer is site.horizon), min(known))
    known = {eye: layer for eye, layer in known.items() if eye >= own}
    wanted = sorted({_at_or_below(known, height) for height in heights_m} - {own})[-2:]
    used = [own, *wanted]
    planes = [_plain(known[eye].millideg, np.int16) for eye in used]
    planes += planes[-1:] * (3 - len(planes))
    layers = GroundLayers(
        _plain(site.grid.elevation_m, np.float32),
        _plain(site.slope_deg, np.float32),
        *planes,
        np.array([ref.x_left, ref.y_top, ref.cell_m, *ref.centre]),
    )
    return layers, tuple(used.index(_at_or_below(used, height)) for height in heights_m)


def _at_or_below(eyes: Iterable[float], height_m: float) -> float:
    return max((eye for eye in eyes if eye <= height_m), default=min(eyes))


def _plain(array: NDArray[np.generic], dtype: type[T]) -> NDArray[T]:
    plain = np.ascontiguousarray(array, dtype=dtype).view(np.ndarray)[...]
    plain.flags.writeable = False
    return plain
