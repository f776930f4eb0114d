"""What can go wrong when a robot thinks: plans that fail, jobs that make no sense, pictures that cannot be read."""

from __future__ import annotations

from moonfleet.terrain.errors import MoonfleetError


class PlanError(MoonfleetError):
    """No plan could be made; the message names the cell and what would help."""


class StartBlocked(PlanError):
    """The start is outside the map or on ground the robot may not drive on."""


class GoalBlocked(PlanError):
    """The goal is on ground the robot may not drive on."""


class GoalOutside(PlanError):
    """The goal is not on the map."""


class NoRoute(PlanError):
    """Start and goal are both fine, but nothing passable joins them."""


class OutOfEnergy(PlanError):
    """A route exists, but the battery does not carry the robot over it and leave its reserve."""


class NoLitWindow(PlanError):
    """A route exists, but the Sun (or the Earth) is never there long enough to drive it; the message says when it next would be."""


class TooRisky(PlanError):
    """A plan exists, but none whose chance of loss stays under the bound; the message names the least chance found."""


class CostError(PlanError):
    """A cost grid that cannot be searched: wrong shape, negative cells."""


class ZoneError(PlanError):
    """Keep-out or stay-in zones that cannot be used: not polygons, not valid, not on the map."""


class PlanInterrupted(PlanError):
    """A search was cancelled or ran out of its time before anything usable was found."""


class JobError(MoonfleetError):
    """A job list that cannot be worked: the message names ``jobs[i].field``."""


class PolicyError(MoonfleetError, ValueError):
    """A policy that cannot be had: no such name, or a saved one that is damaged or made for other observations."""


class ImageError(MoonfleetError):
    """A picture that the detectors cannot read: wrong shape, type or light."""


class PatchError(MoonfleetError):
    """Points or an elevation patch from which no ground can be judged: wrong shape, cell or type, nothing known."""


class FootprintError(MoonfleetError):
    """A footprint that cannot be laid on the patch: smaller than a cell, larger than the patch, limits that are none."""


class SavedStateError(MoonfleetError):
    """Saved state (belief, driver) whose arrays do not fit together."""


class ModelError(MoonfleetError):
    """A learned model that cannot be used: a damaged file, another version, or features it was not made for."""


class LandingError(MoonfleetError):
    """A landing that cannot be planned: lander limits that make no sense, a map that does not fit."""
