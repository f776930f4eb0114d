"""The one door for randomness: a tree of numpy seed sequences.

A stream is named by (root seed, world, episode, robot, purpose, index). Two different names give independent streams, and a
stream never depends on how many numbers another has drawn, on the worker that draws, or on what ran before.
"""

from __future__ import annotations

import zlib

import numpy as np


def sequence(
    root_seed: int, purpose: str, *, world: int = 0, episode: int = 0, robot: int = -1, index: tuple[int, ...] = ()
) -> np.random.SeedSequence:
    """Return the seed sequence of one named stream; ``robot=-1`` means "no robot", ``index`` is free (tick, tile...).

    Index entries may be negative (tile rows west of the pole are): they are folded to 32-bit words.
    """
    key = (world, episode, robot + 1, zlib.crc32(purpose.encode()), *(int(i) & 0xFFFFFFFF for i in index))
    return np.random.SeedSequence(entropy=root_seed, spawn_key=key)


def stream(
    root_seed: int, purpose: str, *, world: int = 0, episode: int = 0, robot: int = -1, index: tuple[int, ...] = ()
) -> np.random.Generator:
    """Return a fresh generator of one named stream (see `sequence`)."""
    seeds = sequence(root_seed, purpose, world=world, episode=episode, robot=robot, index=index)
    return np.random.Generator(np.random.PCG64(seeds))
