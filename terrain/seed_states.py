"""The first words of many named streams at once: what `numpy.random.SeedSequence` says of each, without making an object of each.

The hash is that of the C++ header ``randutils.hpp`` (O'Neill 2015) as numpy has it; numpy promises that its words never change.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from .kernel import kernel, leaf_kernel

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

POOL = 4  # words that all entropy is mixed into
LOW = 0xFFFFFFFF
INIT_A, MULT_A, INIT_B, MULT_B = 0x43B0D7E5, 0x931E8875, 0x8B51F9DD, 0x58F38DED
MIX_LEFT, MIX_RIGHT = 0xCA01F9DD, 0x4973F715


@leaf_kernel
def _times(a: int, b: int) -> int:
    """Return the low 32 bits of a product of words: in halves of the second, which stay within 63 bits."""
    return (a * (b & 0xFFFF) + ((a * (b >> 16) & 0xFFFF) << 16)) & LOW


@leaf_kernel
def _hashed(value: int, constant: int, factor: int) -> tuple[int, int]:
    """Return the hash of a word, and the constant that the next one is hashed with."""
    after = _times(constant, factor)
    value = _times(value ^ constant, after)
    return value ^ (value >> 16), after


@leaf_kernel
def _mixed(x: int, y: int) -> int:
    both = (_times(x, MIX_LEFT) - _times(y, MIX_RIGHT)) & LOW
    return both ^ (both >> 16)


@kernel
def _fill(roots: Ints, episodes: Ints, purpose: int, out: Words) -> None:
    entropy, pool = np.zeros(9, np.int64), np.zeros(POOL, np.int64)
    for n in range(roots.size):
        # the root filled up to a pool, then world 0, the episode in one word or two, no robot, the purpose
        entropy[0], entropy[1] = roots[n] & LOW, roots[n] >> 32
        entropy[5] = episodes[n] & LOW
        size = 6
        if episodes[n] > LOW:
            entropy[size] = episodes[n] >> 32
            size += 1
        entropy[size], entropy[size + 1] = 0, purpose
        size += 2
        constant = INIT_A
        for k in range(POOL):
            pool[k], constant = _hashed(entropy[k], constant, MULT_A)
        for source in range(POOL):
            for goal in range(POOL):
                if source != goal:
                    word, constant = _hashed(pool[source], constant, MULT_A)
                    pool[goal] = _mixed(pool[goal], word)
        for source in range(POOL, size):
            for goal in range(POOL):
                word, constant = _hashed(entropy[source], constant, MULT_A)
                pool[goal] = _mixed(pool[goal], word)
        constant = INIT_B
        for k in range(out.shape[1]):
            low, constant = _hashed(pool[2 * k % POOL], constant, MULT_B)
            high, constant = _hashed(pool[(2 * k + 1) % POOL], constant, MULT_B)
            out[n, k] = np.uint64(low) | (np.uint64(high) << np.uint64(32))


def episode_words(roots: Ints, purpose: str, episodes: Ints, count: int) -> Words:
    """Return ``sequence(root, purpose, episode=episode).generate_state(count, np.uint64)`` of each of n, uint64 [n, count].

    ``roots`` and ``episodes`` int64 [n], none negative.
    """
    out = np.empty((len(roots), count), np.uint64)
    _fill(roots, episodes, zlib.crc32(purpose.encode()), out)
    return out
