"""Boring for ice: holes that a rover drills, the cuttings it carries, and what it has brought to its store.

A hole takes regolith at the pace of the drill for as long as the World counts productive seconds (`WorldState.worked_s`), so
the World says what it costs. Its ice is that of `moonfleet.agents.ice` at its mouth, the same down to its bottom; the hole
reveals it. Within `APART_M` of an open hole the drill goes on in it, and one that is finished gives nothing more. Mass is conserved: what
is carried and what is stored is what came out of the holes.

The drill is of TRIDENT's class (Zacny et al. 2021, ASCEND: 1 m in about an hour, 25 mm bit); density as Carrier et al. 1991
(Lunar Sourcebook, ch. 9: 1.66 g/cm3 at 30 to 60 cm).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import leaf_kernel

from .ice import ice_fraction

HOLE_M: Final = 1.0  # [m] depth of a finished hole
PACE_M_S: Final = 1.0 / 3600.0  # [m/s] 1 m in an hour [W]
KG_PER_M: Final = 1660.0 * math.pi * 0.0125**2  # [kg/m] of cuttings: 25 mm bit in regolith of 1.66 g/cm3 [S]
APART_M: Final = 10.0  # [m] a new hole is at least this far from all others
MOST_HOLES: Final = 32  # of one world

# columns of a hole, float64 [W, MOST_HOLES, 4]
HOLE_X, HOLE_Y, DEPTH, FRACTION = range(4)
# columns of the books, float64 [W, 4], kg
CARRIED, CARRIED_ICE, STORED, STORED_ICE = range(4)

Floats = NDArray[np.float64]


class Bores:
    """The holes and samples of W worlds with one rover each."""

    holes: Floats  # [W, MOST_HOLES, 4] x [m], y [m], depth [m], mass fraction of ice
    count: NDArray[np.int64]  # [W] holes begun
    books: Floats  # [W, 4] kg carried, of it ice, stored, of it ice
    keys: NDArray[np.uint64]  # [W] of the patch field
    cache_kg: float  # what a rover can carry

    def __init__(self, worlds: int, cache_kg: float) -> None:
        self.holes = np.zeros((worlds, MOST_HOLES, 4))
        self.count = np.zeros(worlds, dtype=np.int64)
        self.books = np.zeros((worlds, 4))
        self.keys = np.zeros(worlds, dtype=np.uint64)
        self.cache_kg = float(cache_kg)

    def reset(self, worlds: NDArray[np.int64], keys: NDArray[np.uint64]) -> None:
        """Begin anew in ``worlds`` int64 [n], with new ice: ``keys`` uint64 [n]."""
        self.holes[worlds] = 0.0
        self.count[worlds] = 0
        self.books[worlds] = 0.0
        self.keys[worlds] = keys

    def missing_kg(self) -> Floats:
        """Return what the books miss: ice carried and stored less what came out of the holes, float64 [W]; 0 but for rounding.

        What a lost rover carries counts as carried.
        """
        bored = KG_PER_M * (self.holes[:, :, DEPTH] * self.holes[:, :, FRACTION]).sum(axis=1)
        return self.books[:, CARRIED_ICE] + self.books[:, STORED_ICE] - bored


@leaf_kernel
def hole_at(holes: Floats, count: int, x: float, y: float) -> int:
    """Return the hole of ``holes`` [H, 4] nearest to (x, y) within `APART_M`, -1 where a new one may be begun."""
    best, nearest = APART_M * APART_M, -1
    for k in range(count):
        dx, dy = holes[k, HOLE_X] - x, holes[k, HOLE_Y] - y
        if dx * dx + dy * dy < best:
            best, nearest = dx * dx + dy * dy, k
    return nearest


@leaf_kernel
def may_bore(holes: Floats, count: int, carried_kg: float, cache_kg: float, x: float, y: float) -> bool:
    """Return whether there is anything to drill at (x, y): room in the cache, and a hole that is not finished or can be begun."""
    if carried_kg >= cache_kg - 1e-9:
        return False
    at = hole_at(holes, count, x, y)
    return count < MOST_HOLES if at < 0 else holes[at, DEPTH] < HOLE_M - 1e-9


@leaf_kernel
def bore(
    holes: Floats,
    count: int,
    books: Floats,
    key: int,
    cold: float,
    cache_kg: float,
    x: float,
    y: float,
    worked_s: float,
) -> tuple[int, float]:
    """Drill for ``worked_s`` at (x, y) in a world's ``holes`` [H, 4]; return the number of holes then, and the ice won [kg]."""
    if worked_s <= 0.0 or not may_bore(holes, count, books[CARRIED], cache_kg, x, y):
        return count, 0.0
    at = hole_at(holes, count, x, y)
    if at < 0:
        at = count
        count += 1
        holes[at, HOLE_X], holes[at, HOLE_Y], holes[at, DEPTH] = x, y, 0.0
        holes[at, FRACTION] = ice_fraction(key, cold, x, y)
    deeper = min(PACE_M_S * worked_s, HOLE_M - holes[at, DEPTH], (cache_kg - books[CARRIED]) / KG_PER_M)
    holes[at, DEPTH] += deeper
    ice = KG_PER_M * deeper * holes[at, FRACTION]
    books[CARRIED] += KG_PER_M * deeper
    books[CARRIED_ICE] += ice
    return count, ice


@leaf_kernel
def unload(books: Floats) -> float:
    """Move what is carried into the store; return its ice [kg]."""
    ice = books[CARRIED_ICE]
    books[STORED] += books[CARRIED]
    books[STORED_ICE] += ice
    books[CARRIED], books[CARRIED_ICE] = 0.0, 0.0
    return ice
