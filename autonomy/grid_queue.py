"""The queue of the grid searches: buckets of one width, and in the lowest of them a heap, or no order where none is needed.

Entries of later buckets lie unsorted in linked lists out of one pool, so that putting one in costs the same however long the queue
is; only the entries of the bucket that is being worked off are ever compared (Cherkassky, Goldberg and Silverstein's heap on top of
buckets, 1999). A bucket narrower than the cheapest step needs no heap for Dijkstra (Dial 1969). Buckets are a ring of ``RING``; what
lies beyond its end waits in the last one and is dealt out again when that is reached.

Every array has a fixed size while a kernel runs; a kernel that finds too little room says so and is run on with more.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

from .heap import heap_push

RING: Final = 1 << 14  # buckets
ROOM: Final = 1 << 13  # entries at the start
FAR: Final = 9.0e15  # the last bucket: beyond it all are one
# places in a queue's numbers: lowest bucket, entries in lists, first free entry, free entries, entries in the heap, expansions
LOWEST, LISTED, FREE, LEFT, HEAPED, EXPANDED = range(6)

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]


class BucketQueue:
    """The arrays of one queue, kept from search to search."""

    def __init__(self) -> None:
        self.head: Ints = np.full(RING, -1, np.int32)
        self.key: Floats = np.empty(ROOM)
        self.item: Ints = np.empty(ROOM, np.int32)
        self.after: Ints = np.empty(ROOM, np.int32)
        self.heap_key: Floats = np.empty(2 * ROOM)
        self.heap_item: Ints = np.empty(2 * ROOM, np.int32)
        self.numbers: NDArray[np.int64] = np.zeros(6, np.int64)

    def clear(self) -> None:
        """Empty the queue."""
        self.head.fill(-1)
        room = self.key.size
        self.after[:-1] = np.arange(1, room, dtype=np.int32)
        self.after[-1] = -1
        self.numbers[:] = 0
        self.numbers[LEFT] = room

    def grow(self) -> None:
        """Double the room, keep the entries."""
        room = self.key.size
        self.key = np.concatenate((self.key, np.empty(room)))
        self.item = np.concatenate((self.item, np.empty(room, np.int32)))
        self.after = np.concatenate((self.after, np.arange(room + 1, 2 * room + 1, dtype=np.int32)))
        self.after[-1] = self.numbers[FREE]
        self.numbers[FREE] = room
        self.numbers[LEFT] += room
        self.heap_key = np.concatenate((self.heap_key, np.empty(self.heap_key.size)))
        self.heap_item = np.concatenate((self.heap_item, np.empty(self.heap_item.size, np.int32)))

    def start(self, key: float, items: NDArray[np.int64]) -> None:
        """Empty the queue, then put ``items`` in with one key, the lowest there will be."""
        self.clear()
        while self.heap_item.size < items.size + 8:
            self.grow()
        self.heap_key[: items.size] = key  # equal keys are a heap in any order
        self.heap_item[: items.size] = items
        self.numbers[HEAPED] = items.size


@kernel
def open_next(
    head: Ints,
    key: Floats,
    item: Ints,
    after: Ints,
    heap_key: Floats,
    heap_item: Ints,
    numbers: NDArray[np.int64],
    base: float,
    per_width: float,
    ordered: bool,
) -> None:
    """Go on to the next bucket that holds anything, and move its entries to the (empty) heap; none move if they belong later.

    A key belongs to bucket ``(key - base) * per_width``. There must be an entry, and room in the heap for all.
    """
    mask = head.size - 1
    cur = numbers[0] + 1
    while head[cur & mask] < 0:
        cur += 1
    first = head[cur & mask]
    head[cur & mask] = -1
    found, least = 0, FAR
    entry = first
    while entry >= 0:
        found += 1
        least = min(least, (key[entry] - base) * per_width)
        entry = after[entry]
    if found == numbers[1]:
        cur = max(cur, np.int64(least))  # all there is lies beyond the ring: leap
    entry, free, size, listed, left = first, numbers[2], numbers[4], numbers[1], numbers[3]
    while entry >= 0:
        following = after[entry]
        belongs = np.int64(min((key[entry] - base) * per_width, FAR))
        if belongs <= cur:
            if ordered:
                heap_push(heap_key, heap_item, size, float(key[entry]), int(item[entry]))
            else:
                heap_key[size] = key[entry]
                heap_item[size] = item[entry]
            size += 1
            after[entry] = free
            free = entry
            listed -= 1
            left += 1
        else:
            slot = min(belongs, cur + mask) & mask
            after[entry] = head[slot]
            head[slot] = entry
        entry = following
    numbers[0], numbers[1], numbers[2], numbers[3], numbers[4] = cur, listed, free, left, size
