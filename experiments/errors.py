"""What can go wrong at the door: scenarios, run folders, benches. Each message says where, what was given, what is allowed."""

from __future__ import annotations

from moonfleet.autonomy.errors import ImageError
from moonfleet.terrain.errors import MoonfleetError


class ScenarioError(MoonfleetError):
    """A scenario that cannot be read, is not allowed by the schema, or does not fit its site."""


class RunFolderError(MoonfleetError):
    """A run folder that exists already, cannot be written, or is not a whole run."""


class RunFinishedError(RunFolderError):
    """A run that ended already and so cannot be resumed."""


class CampaignError(MoonfleetError):
    """A campaign that cannot be made or continued: another one stands in its folder, a sweep that means nothing, a damaged part."""


class ReplayError(MoonfleetError):
    """A moment that a run cannot be replayed to."""


class BenchError(MoonfleetError):
    """A bench that does not exist or cannot run here."""


class TrainingError(MoonfleetError):
    """A training that cannot begin or go on: another one stands in its folder, a library is missing, a damaged checkpoint."""


class OptionError(MoonfleetError):
    """A command-line option with a value that is not allowed."""


class PictureError(ImageError):
    """A picture file that cannot be read: missing, damaged, cut short, too small, too large; the message names the file."""
