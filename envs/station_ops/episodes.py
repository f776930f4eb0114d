"""Which episode a world of StationOps plays: the part of a saved state that says so, the same for both of its games."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.mission import MissionSpec, mission_key

from ..errors import EnvOptionError, EnvStateError, need_count, need_date, need_number, need_seed, need_state
from ..faces import LAST_EPISODE
from ..game import Episode, State

LATEST_S = 3.2e9  # [s] past J2000: as far as the clock goes
PLAYED = ("station.root", "station.number", "station.t0", "station.mission", "station.masked")


class Played(NamedTuple):
    """What a saved state says of its episode."""

    episode: Episode
    t0: float  # [s TDB past J2000]
    masked: int  # masked actions of the last step


def fixed_date(episode: Episode) -> float | None:
    """Return the start that reset was asked for [s TDB past J2000], if any."""
    given = episode.options
    return need_date("options['t0_utc']", given["t0_utc"]) if "t0_utc" in given else None


def played_state(episode: Episode, mission: MissionSpec, masked: int) -> State:
    """Return what a saved state says of its episode."""
    return {
        "station.root": np.array(str(episode.root)),
        "station.number": np.array(episode.number),
        "station.t0": np.array(mission.t0),
        "station.mission": np.array(mission_key(mission)),
        "station.masked": np.array(masked),
    }


def read_played(state: Mapping[str, NDArray[np.generic]], robots: int) -> Played:
    """Return what the saved state of a fleet of ``robots`` says of its episode.

    Raises
    ------
    EnvStateError
        It says nothing that could be so.
    """
    need_state(state, PLAYED)
    given: Mapping[str, Any] = state
    try:
        root = need_seed("station.root", int(str(given["station.root"])))
        number = need_count("station.number", int(given["station.number"]), 0, LAST_EPISODE)
        masked = need_count("station.masked", int(given["station.masked"]), 0, robots)
        t0 = need_number("station.t0", float(given["station.t0"]), -LATEST_S, LATEST_S)
    except (EnvOptionError, TypeError, ValueError, OverflowError) as error:
        raise EnvStateError(f"set_state: {error}") from error
    return Played(Episode(root, number), t0, masked)


def need_mission(state: Mapping[str, NDArray[np.generic]], mission: MissionSpec) -> None:
    """Raise `EnvStateError` unless ``mission`` is the one of the saved state."""
    if mission_key(mission) != str(state["station.mission"]):
        raise EnvStateError("set_state: the state is of another mission; use an environment with the same options.")
