"""Where the light in a picture comes from, by the picture's own word, and what becomes of a Sun that it contradicts.

Two witnesses. Craters have a bright and a dark wall, which tells the direction where nobody knows it. Rocks are a bright face before
a shadow: looked for with the light from other sides, they become fewer and less sure, unless the given side was wrong.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.craters_seen import SUN_SURE, light_direction
from moonfleet.autonomy.rocks_seen import detect_rocks

from .see_tiles import exposed

ASKEW_DEG: Final = 30.0  # a given Sun further than this from the light of the craters is told
WRONG_DEG: Final = 45.0  # and further than this, what is seen with it is trusted less
WRONG_TRUST: Final = 0.3  # confidence is multiplied by this then
TURNS_DEG: Final = (90.0, 135.0, 180.0, 225.0, 270.0)  # other lights that rocks are asked about
TURN_MIN: Final = (
    1.1  # summed confidence over that of the given light; 0.3-0.9 in 50 rendered pictures when it is right
)
ROCKS_MIN: Final = 5.0  # summed confidence below which rocks say nothing
ROCK_PARTS: Final = 3  # parts of the picture that are asked

Part = tuple[NDArray[np.float32], NDArray[np.bool_]]  # grey values and which of them are known


def light_in(parts: list[Part]) -> float | None:
    """Return the light's azimuth clockwise from the top [deg] that the craters in parts of a picture agree on, None if they do not."""
    east = north = 0.0
    for grey, known in parts:
        if _plain(grey, known):
            continue
        az, sure = light_direction(grey if known.all() else np.where(known, grey, np.float32(np.nan)))
        if sure > 0.0:
            east, north = east + sure * math.sin(math.radians(az)), north + sure * math.cos(math.radians(az))
    if math.hypot(east, north) < SUN_SURE * max(len(parts), 1):
        return None
    return math.degrees(math.atan2(east, north)) % 360.0


def better_for_rocks(parts: list[Part], scale: float, cell_m: float, az_deg: float, el_deg: float) -> float | None:
    """Return a direction at least a right angle off ``az_deg`` that explains the rocks better, None if there is none.

    ``scale`` exposes the grey values as `detect_rocks` wants them; ``cell_m`` is the size of a pixel [m].
    """
    total = dict.fromkeys((0.0, *TURNS_DEG), 0.0)
    step = max(1, len(parts) // ROCK_PARTS)
    for grey, known in parts[step // 2 :: step]:
        if not _plain(grey, known):
            image = exposed(grey, scale)
            for turn in total:
                found = detect_rocks(
                    image, cell_m, az_deg + turn, el_deg, known, min_diameter_m=2.0 * cell_m, min_confidence=0.1
                )
                total[turn] += float(found.confidence.sum())
    best = max(total, key=lambda turn: total[turn])
    if total[best] < ROCKS_MIN or total[best] < TURN_MIN * total[0.0]:
        return None
    return (az_deg + best) % 360.0


def light_to_use(
    given: float | None, craters: float | None, rocks: float | None
) -> tuple[float | None, list[str], list[str], float]:
    """Return the Sun's azimuth to use, what to say, what to warn of, and what confidence is multiplied by.

    ``craters`` and ``rocks`` are the witnesses' azimuths [deg], None where they say nothing (rocks: nothing else than ``given``).
    """
    if given is None and craters is None:
        return None, ["the picture does not show where the light comes from: every direction was tried"], [], 1.0
    if given is None:
        return craters, [f"light from {craters:.0f} deg, read from the picture itself"], [], 1.0
    off = 0.0 if craters is None else abs((given - craters + 180.0) % 360.0 - 180.0)
    words: list[str] = []
    if off > ASKEW_DEG:
        words.append(f"--sun-az {given:g}, but craters in the picture are lit from about {craters:.0f} deg")
    if rocks is not None:
        words.append(f"--sun-az {given:g}, but rocks in the picture look as if lit from the side of {rocks:.0f} deg")
    if off <= WRONG_DEG and rocks is None:
        return given, [], words, 1.0
    return (
        given,
        [],
        [
            *words,
            f"what is seen with this Sun is given {WRONG_TRUST:g} of its confidence; correct --sun-az, or leave it out for craters",
        ],
        WRONG_TRUST,
    )


def _plain(grey: NDArray[np.float32], known: NDArray[np.bool_]) -> bool:
    return not known.any() or not np.ptp(grey[known]) > 0.0
