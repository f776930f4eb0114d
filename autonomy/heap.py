"""A 4-ary heap of keys and items in two arrays of any number type, for the searches' queues."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel


@kernel
def heap_push(keys: NDArray[Any], items: NDArray[Any], size: int, key: float, item: int) -> None:
    """Sift ``item`` up into a heap of ``size`` entries (the arrays must have room)."""
    at = size
    while at > 0:
        up = (at - 1) >> 2
        if keys[up] <= key:
            break
        keys[at] = keys[up]
        items[at] = items[up]
        at = up
    keys[at] = key
    items[at] = item


@kernel
def heap_drop(keys: NDArray[Any], items: NDArray[Any], size: int) -> None:
    """Remove the top of a heap of ``size`` entries; ``size - 1`` remain."""
    last = size - 1
    key, item = keys[last], items[last]
    at = 0
    while True:
        child = 4 * at + 1
        if child >= last:
            break
        best = child
        for other in range(child + 1, min(child + 4, last)):
            if keys[other] < keys[best]:
                best = other
        if keys[best] >= key:
            break
        keys[at] = keys[best]
        items[at] = items[best]
        at = best
    keys[at] = key
    items[at] = item
