"""What the physics needs to know of the ground: the layers of a site, in the one form that the kernel takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.sky import Sky

from .errors import WorldError

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


class GroundStack(NamedTuple):
    """The layers of G grounds of one shape and size under one sky, as `GroundLayers` has those of one."""

    elevation: NDArray[np.float32]  # [G, rows, cols] m
    slope: NDArray[np.float32]  # [G, rows, cols] deg
    low: NDArray[np.int16]  # [G, azimuths, rows, cols] 0.001 deg
    middle: NDArray[np.int16]
    high: NDArray[np.int16]
    frame: NDArray[np.float64]  # [5] x_left, y_top, cell, centre x, centre y, m


def stacked_layers(sites: Sequence[Ground], heights_m: Sequence[float] = ()) -> tuple[GroundStack, tuple[int, ...]]:
    """Return the layers of grounds that share one georeference, and for each height of an eye the horizons that are its.

    Those of a single ground are not copied. Raises `WorldError` where the grounds differ in more than their relief.
    """
    if not sites:
        raise WorldError("site: is an empty list; a World needs at least one ground")
    known = [ground_layers(site, heights_m) for site in sites]
    layers, eyes = known[0]
    for n, (site, (other, other_eyes)) in enumerate(zip(sites, known, strict=True)):
        if site.ref != sites[0].ref:
            raise WorldError(f"site[{n}]: has the georeference {site.ref}: must be that of site[0], {sites[0].ref}")
        if other.low.shape != layers.low.shape or other_eyes != eyes:
            raise WorldError(
                f"site[{n}]: has horizons {other.low.shape} for eyes {other_eyes}: must be those of site[0], {layers.low.shape} for {eyes}"
            )
    # an eye without horizons of its own shares those of another: the stack of them too
    low = _stack([one.low for one, _ in known])
    middle = low if layers.middle is layers.low else _stack([one.middle for one, _ in known])
    high = middle if layers.high is layers.middle else _stack([one.high for one, _ in known])
    heights, slopes = _stack([one.elevation for one, _ in known]), _stack([one.slope for one, _ in known])
    return GroundStack(heights, slopes, low, middle, high, layers.frame), eyes


def _stack(arrays: Sequence[NDArray[T]]) -> NDArray[T]:
    stack = arrays[0][None] if len(arrays) == 1 else np.stack(arrays)
    stack.flags.writeable = False
    return stack


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
    low, middle, high = [*planes, planes[-1], planes[-1]][:3]
    layers = GroundLayers(
        _plain(site.grid.elevation_m, np.float32),
        _plain(site.slope_deg, np.float32),
        low,
        middle,
        high,
        np.array([ref.x_left, ref.y_top, ref.cell_m, *ref.centre]),
    )
    return layers, tuple(used.index(_at_or_below(used, height)) for height in heights_m)


def _at_or_below(eyes: Iterable[float], height_m: float) -> float:
    return max((eye for eye in eyes if eye <= height_m), default=min(eyes))


def _plain(array: NDArray[np.generic], dtype: type[T]) -> NDArray[T]:
    plain = np.ascontiguousarray(array, dtype=dtype).view(np.ndarray)[...]
    plain.flags.writeable = False
    return plain
