"""Before and after a step of many missions: are the choices allowed, what was gained, who is at the end."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

FINE, NO_CHOICE, NOT_BEGUN = range(3)


@kernel
def check_choices(
    worlds: Ints, choices: Ints, count: int, lost: Bools, landed: Bools, begun: Bools
) -> tuple[int, int, int]:  # fmt: skip
    """Return whether the ``choices`` [W, R] of ``worlds`` are less than ``count`` where robots are there, and missions begun.

    `FINE`, `NO_CHOICE` or `NOT_BEGUN`, then world and robot that say so first.
    """
    blank = -1
    for w in worlds:
        if not begun[w] and blank < 0:
            blank = w
        for r in range(choices.shape[1]):
            if landed[w, r] and not lost[w, r] and not 0 <= choices[w, r] < count:
                return NO_CHOICE, w, r
    return (FINE, 0, 0) if blank < 0 else (NOT_BEGUN, blank, 0)


@kernel
def note_score(
    value: Floats, archive: Floats, lost: Bools, value_then: Floats, archive_then: Floats, lost_then: Ints
) -> None:
    """Note the score so far of every world [W]."""
    for w in range(value.size):
        value_then[w], archive_then[w], lost_then[w] = value[w], archive[w], 0
        for r in range(lost.shape[1]):
            lost_then[w] += int(lost[w, r])


@kernel
def count_gains(
    value: Floats, archive: Floats, lost: Bools, value_then: Floats, archive_then: Floats, lost_then: Ints
) -> None:
    """Turn the score so far, as `note_score` left it, into what has come on top of it."""
    for w in range(value.size):
        value_then[w], archive_then[w] = value[w] - value_then[w], archive[w] - archive_then[w]
        more = -lost_then[w]
        for r in range(lost.shape[1]):
            more += int(lost[w, r])
        lost_then[w] = more


@kernel
def find_ends(
    lost: Bools, ground: Bools, steps_done: Ints, steps: Ints, all_lost: Bools, finished: Bools
) -> None:  # fmt: skip
    """Fill whether every robot on the ``ground`` [R] is lost, and whether that or the end of the time has come, bool [W] each."""
    for w in range(lost.shape[0]):
        gone = True
        for r in range(ground.size):
            gone = gone and (lost[w, r] or not ground[r])
        all_lost[w] = gone
        finished[w] = gone or steps_done[w] >= steps[w]
