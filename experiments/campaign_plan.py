"""What a campaign is: one scenario, the combinations swept over it, and the seeds that each is flown with.

A campaign's folder holds its plan (``campaign.json``) and the resolved scenario of each combination, so that the folder
alone is enough to go on. Run ``k * V + v`` is seed ``seed_from + k`` of combination ``v`` of ``V``: a campaign can be made
longer without renumbering, and every combination meets the same seeds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

from .campaign_sweep import Sweep, Value, combinations, variant
from .errors import CampaignError
from .run_folder import write_text
from .scenario import dump_scenario, load_scenario, with_seed
from .scenario_model import Scenario

PLAN, SCENARIOS = "campaign.json", "scenarios"
FORMAT = 1
MAX_RUNS = 10_000_000
KeepEvents = Literal["none", "failed", "all"]


class Job(NamedTuple):
    """One run of a campaign: its number, the combination it flies, its seed."""

    run: int
    variant: int
    seed: int


@dataclass(frozen=True, slots=True)
class CampaignPlan:
    """A campaign. ``key`` names all that decides its results but the number of runs."""

    scenario: str
    key: str
    moonfleet: str
    runs: int  # per combination
    seed_from: int
    sweep: Sweep
    keep_events: KeepEvents

    @property
    def keys(self) -> tuple[str, ...]:
        """The swept keys."""
        return tuple(key for key, _ in self.sweep)

    @property
    def combinations(self) -> list[tuple[Value, ...]]:
        """The swept values of every combination."""
        return combinations(self.sweep)

    @property
    def total(self) -> int:
        """Number of runs in all."""
        return self.runs * len(self.combinations)

    def jobs(self) -> Iterator[Job]:
        """Every run, in order of its number."""
        count = len(self.combinations)
        for run in range(self.runs * count):
            yield Job(run, run % count, self.seed_from + run // count)

    def label(self, number: int) -> str:
        """Name a combination by its values, for tables: ``battery_wh=900, perception=rendered``."""
        values = self.combinations[number]
        return ", ".join(f"{key.rsplit('.', 1)[-1]}={value}" for key, value in zip(self.keys, values, strict=True))


def make_plan(
    scenario: Scenario, runs: int, seed_from: int, sweep: Sweep, keep_events: KeepEvents, site: str | None
) -> CampaignPlan:
    """Check the numbers of a campaign and give it its key.

    Raises
    ------
    CampaignError
        Numbers out of range, or sweeps that do not fit the scenario.
    """
    from moonfleet import __version__

    if not 1 <= runs <= MAX_RUNS:
        raise CampaignError(f"--runs = {runs}: must be 1 to {MAX_RUNS}")
    if not 0 <= seed_from < 2**63 - runs:
        raise CampaignError(f"--seed-from = {seed_from}: must be >= 0, and all seeds below 2^63")
    if keep_events not in ("none", "failed", "all"):
        raise CampaignError(f"--keep-events = {keep_events}: must be none, failed or all")
    whole = [dump_scenario(with_seed(scenario, 0)), site, seed_from, sweep, __version__]
    key = hashlib.sha256(json.dumps(whole).encode()).hexdigest()
    return CampaignPlan(scenario.name, key, __version__, runs, seed_from, sweep, keep_events)


def resolve(
    plan: CampaignPlan, scenario: Scenario, site: str | None, progress: Callable[[str, float], None]
) -> list[Scenario]:
    """Return the resolved scenario of every combination: sites are built, places are coordinates."""
    from .mission_build import build_mission

    checked = [variant(scenario, plan.keys, values) for values in plan.combinations]
    return [build_mission(one, site=site, progress=progress).scenario for one in checked]


def write_plan(folder: Path, plan: CampaignPlan, scenarios: list[Scenario] | None = None) -> None:
    """Write the plan; with ``scenarios`` (once) the resolved scenarios before it, so that a plan never lacks them."""
    if scenarios is not None:
        (folder / SCENARIOS).mkdir(exist_ok=True)
        for number, scenario in enumerate(scenarios):
            write_text(scenario_path(folder, number), dump_scenario(scenario))
    write_text(folder / PLAN, json.dumps({"format": FORMAT, **asdict(plan)}, indent=2, allow_nan=False) + "\n")


def scenario_path(folder: Path, number: int) -> Path:
    """Where the resolved scenario of a combination lies."""
    return folder / SCENARIOS / f"{number:04d}.yaml"


def is_campaign(folder: Path) -> bool:
    """Say whether a folder holds a campaign."""
    try:
        return (folder / PLAN).is_file()
    except OSError:  # a name too long, say
        return False


def read_plan(folder: Path) -> CampaignPlan:
    """Read the plan of a campaign's folder.

    Raises
    ------
    CampaignError
        No campaign there, a damaged plan, one of another format, or one begun by another version of moonfleet.
    """
    path = folder / PLAN
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["format"] != FORMAT:
            raise CampaignError(f"{path}: format {data['format']!r}: this moonfleet reads format {FORMAT}")
        sweep = tuple((str(key), tuple(values)) for key, values in data["sweep"])
        return CampaignPlan(
            scenario=str(data["scenario"]),
            key=str(data["key"]),
            moonfleet=str(data["moonfleet"]),
            runs=int(data["runs"]),
            seed_from=int(data["seed_from"]),
            sweep=sweep,
            keep_events=data["keep_events"],
        )
    except FileNotFoundError:
        raise CampaignError(f"{folder}: no campaign there; {PLAN} is missing") from None
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise CampaignError(f"{path}: damaged ({type(error).__name__}: {error})") from error


def read_scenarios(folder: Path, plan: CampaignPlan) -> list[Scenario]:
    """Read the resolved scenarios of a campaign, one per combination."""
    return [load_scenario(scenario_path(folder, number)) for number in range(len(plan.combinations))]


def open_sites(scenarios: list[Scenario], progress: Callable[[str, float], None]) -> None:
    """Build each site of resolved scenarios that is not in the cache, once, before many processes ask for it.

    Raises
    ------
    RunFolderError
        A ground is no longer what it was: another elevation file, or another version of moonfleet.
    """
    from moonfleet.terrain.site import build_site

    from .mission_build import check_key, recipe_of

    seen: set[str] = set()
    for scenario in scenarios:
        if scenario.resolved is None:
            raise CampaignError(
                f"scenario {scenario.name!r} of the campaign is not resolved: its file has been changed"
            )
        if scenario.resolved.site_key not in seen:
            seen.add(scenario.resolved.site_key)
            check_key(scenario, build_site(recipe_of(scenario), progress=progress))


def continued(old: CampaignPlan, new: CampaignPlan, folder: Path) -> CampaignPlan:
    """Return the plan with which the campaign in ``folder`` goes on: its own, longer if more runs are asked for.

    Raises
    ------
    CampaignError
        It is another campaign.
    """
    if old.key != new.key:
        differs = [
            f"{name} = {getattr(old, name)!r}, not {getattr(new, name)!r}"
            for name in ("scenario", "seed_from", "sweep", "moonfleet")
            if getattr(old, name) != getattr(new, name)
        ]
        raise CampaignError(
            f"{folder}: holds another campaign ({'; '.join(differs) or 'its scenario file or site has changed'}); "
            "choose another --out, or go on with that one: --resume"
        )
    return replace(old, runs=max(old.runs, new.runs), keep_events=new.keep_events)
