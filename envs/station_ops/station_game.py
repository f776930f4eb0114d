"""What both games of StationOps are: a team with masks, an hour a step, and a picture of each world that was looked at."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.site import Site

from ..game import Game
from ..same_options import told_keys, told_level
from .generator import HOUR_S
from .levels import Fleet, Level
from .rewards import TERMS

if TYPE_CHECKING:
    from .picture import Scene, StationPicture


class StationGame(Game):
    """W worlds of StationOps, however they are stepped."""

    name: ClassVar[str] = "StationOps"
    step_s: ClassVar[float] = float(HOUR_S)
    terms: ClassVar[tuple[str, ...]] = TERMS
    team: ClassVar[bool] = True
    masked: ClassVar[bool] = True

    level: Level
    fleet: Fleet
    sites: tuple[Site, ...]

    def __init__(self) -> None:
        self._pictures: dict[int, StationPicture] = {}

    def world_options(self) -> Mapping[str, object]:
        """See `Game.world_options`."""
        kinds = [spec.kind for spec in self.fleet.specs]
        own = {"fleet": kinds, "site": told_keys(site.key for site in self.sites), "event_log": False}
        return {"mission": None, **told_level(self.level), **own}

    @abstractmethod
    def scene(self, world: int) -> Scene:
        """Return what a picture of a world shows."""

    def picture(self, world: int) -> NDArray[np.uint8]:
        """See `Game.picture`."""
        from .picture import StationPicture

        scene = self.scene(world)
        if world not in self._pictures:
            self._pictures[world] = StationPicture(scene.mission.site)
            self._pictures[world].restart(scene)
        return self._pictures[world].draw(scene)

    def show_anew(self, world: int) -> None:
        """Let the picture of a world begin again, if there is one."""
        if world in self._pictures:
            self._pictures[world].restart(self.scene(world))
