"""What a machine of SiteConstruction sees and may do: one table of features, one of actions.

A machine sees one float32 vector. Every number is clipped to the bounds of its row in `FEATURES`; the bounds are those of the declared
``Box``. Ways are (x, y), east and north. It is what a crew may know: its own state, the survey that all machines make of the ground as
they change it, the design, where the others are, and the almanac of the Sun.
"""

from __future__ import annotations

import gymnasium
import numpy as np

from ..tables import Feature, MaskedAction, box_of, offsets, size_of, slice_of
from .levels import MOST_ROBOTS

PATCH_SIDE = 9  # cells around the machine: height
SLAB_SIDE = 5  # cells around the machine: sintered
MAP_SIDE = 8  # cells of the map of the whole pad
OTHERS = MOST_ROBOTS - 1
FORECAST_H = (0, 2, 6, 12, 24, 48)  # [h] edges of the forecast windows
NEAR_M = 0.2  # [m] off the design that saturates a height
WAY_CELLS = 8.0  # [cells] at which a way to the next work saturates


FEATURES: tuple[Feature, ...] = (
    Feature("tools", 4, 0.0, 1.0, "1 for each tool that it carries: dig, dump, level, sinter"),
    Feature("there", 1, 0.0, 1.0, "1 once it has landed and while it is not lost; else all the rest is 0"),
    Feature("place", 2, -1.0, 1.0, "way from the pad's middle / 32 cells"),
    Feature("on_pad", 1, 0.0, 1.0, "1 on the pad"),
    Feature("battery", 1, 0.0, 1.0, "charge / capacity"),
    Feature("load", 1, 0.0, 1.0, "soil carried / what it can carry"),
    Feature("lit", 1, 0.0, 1.0, "part of the Sun's disc in sight"),
    Feature("solar", 1, 0.0, 1.0, "electrical power from the panels in the last tick (0 at reset) / their power facing the Sun at 1 au"),
    Feature("did", 4, 0.0, 1.0, "1 for what it did in the last step: drove, worked, slept, could not do as told"),
    Feature("down", 2, 0.0, 1.0, "1 for what is out of order: drive, tool"),
    Feature("here", 4, -1.0, 1.0, "of its cell: height off the design / 0.2 m; 1 if within tolerance; sintered share; loose soil / 0.2 m"),
    Feature("cut_way", 3, -1.0, 1.0, "way to the nearest free cell of the pad that is too high / 8 cells, and 1 if there is one"),
    Feature("fill_way", 3, -1.0, 1.0, "the same for one that is too low"),
    Feature("bake_way", 3, -1.0, 1.0, "the same for one that is level and not yet sintered"),
    Feature("pit_way", 2, -1.0, 1.0, "way to the pit / 32 cells"),
    Feature("base_way", 2, -1.0, 1.0, "way to its parking place / 32 cells"),
    Feature("patch", PATCH_SIDE**2, -1.0, 1.0, "height off the design / 0.2 m around it, rows from the north; 1 off the area"),
    Feature("slabs", SLAB_SIDE**2, 0.0, 1.0, "sintered share around it"),
    Feature("pad_height", MAP_SIDE**2, -1.0, 1.0, "height off the design / 0.2 m over the pad, stretched to 8 x 8"),
    Feature("pad_slabs", MAP_SIDE**2, 0.0, 1.0, "sintered share over the pad, stretched to 8 x 8"),
    Feature("others", 6 * OTHERS, -1.0, 1.0, "of each other robot: there, way / 32 cells, load, battery, 1 for a paver or -1 for a digger"),
    Feature("forecast", 5, 0.0, 1.0, "mean lit part of the Sun over the next 0-2, 2-6, 6-12, 12-24, 24-48 h"),
    Feature("job", 5, -1.0, 1.0, "volume left / at first; shares level and sintered; mean height off / 0.1 m; steps left / all"),
)  # fmt: skip


HEADINGS = 8
STEP_CELLS, LEAP_CELLS = 1, 3
REST, SLEEP, STEP, LEAP = 0, 1, 2, 2 + HEADINGS
DIG, DUMP, LEVEL, SINTER = (LEAP + HEADINGS + k for k in range(4))
TO_PAD, TO_PIT, TO_BASE, TO_CUT, TO_FILL, TO_BAKE = (SINTER + 1 + k for k in range(6))
N_ACTIONS = TO_BAKE + 1

_DRIVE = "the drive is down, or that is off the area"
ACTIONS: tuple[MaskedAction, ...] = (
    MaskedAction("rest", REST, 1, "stand awake and charge", "never"),
    MaskedAction("sleep", SLEEP, 1, "hibernate for the step", "never, once it is there"),
    MaskedAction("step", STEP, HEADINGS, "drive one cell N, NE ... NW", _DRIVE),
    MaskedAction("leap", LEAP, HEADINGS, "drive three cells N, NE ... NW", _DRIVE),
    MaskedAction("dig", DIG, 1, "fill the drum from this cell, not below the design", "no tool, tool down, full, or nothing to cut"),
    MaskedAction("dump", DUMP, 1, "empty the drum here, as far as the design lacks, else all of it", "no tool, tool down, or empty"),
    MaskedAction("level", LEVEL, 1, "push soil from high to low among the nine cells around", "no tool, tool down, or nothing to push"),
    MaskedAction("sinter", SINTER, 1, "bake this cell of the pad", "no tool, tool down, not on the pad, not level, or done"),
    MaskedAction("to_pad", TO_PAD, 1, "drive to the middle of the pad", "the drive is down, or it is there"),
    MaskedAction("to_pit", TO_PIT, 1, "drive to the pit, where soil is taken and left", "the drive is down, or it is there"),
    MaskedAction("to_base", TO_BASE, 1, "drive to its own parking place", "the drive is down, or it is there"),
    MaskedAction(
        "to_cut", TO_CUT, 1, "drive to the nearest free cell of the pad that is too high", "the drive is down, none is, or it is there"
    ),
    MaskedAction("to_fill", TO_FILL, 1, "the same for one that is too low", "the same"),
    MaskedAction("to_bake", TO_BAKE, 1, "the same for one that is level and not yet sintered", "the same"),
)  # fmt: skip


OFFSET: dict[str, int] = offsets(FEATURES)
SIZE: int = size_of(FEATURES)


def feature_slice(name: str) -> slice:
    """Return where the feature ``name`` lies in the observation (KeyError for an unknown name)."""
    return slice_of(FEATURES, name)


def observation_space() -> gymnasium.spaces.Box:
    """Return the Box of one machine's observation, float32 [SIZE], bounds as in `FEATURES`."""
    return box_of(FEATURES)


def action_space() -> gymnasium.spaces.Discrete[np.int64]:
    """Return Discrete(28), see `ACTIONS`."""
    return gymnasium.spaces.Discrete(N_ACTIONS)
