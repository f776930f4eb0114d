"""The fresh process of `fleet_restore`: takes up every saved mission of a folder and says what came of it."""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from moonfleet.agents.mission import MissionSpec
    from moonfleet.agents.mission_loop import MissionLoop


class Ahead(NamedTuple):
    """What going on from a saved step gave: number and digest of the events, digest of the state then."""

    events: int
    events_sha256: str
    state_sha256: str


def state_digest(loop: MissionLoop) -> str:
    """SHA-256 over every array of a mission's state."""
    from moonfleet.agents.checkpoint import flatten

    sha = hashlib.sha256()
    for name, array in sorted(flatten(loop.get_state()).items()):  # pyright: ignore[reportArgumentType]
        sha.update(f"{name} {array.dtype} {array.shape}\n".encode())
        sha.update(array.tobytes())
    return sha.hexdigest()


def again(mission: MissionSpec, path: Path, steps: int) -> Ahead:
    """Take up one saved mission with a new World and new minds, and go on for ``steps`` steps or to the end."""
    from moonfleet.agents.events import FOLDER, EventLog, digest, read_events
    from moonfleet.agents.fleet import LocalFleet
    from moonfleet.agents.mission_loop import MissionLoop
    from moonfleet.agents.world_file import restore_mission

    with tempfile.TemporaryDirectory() as folder:
        loop = MissionLoop(mission, LocalFleet(mission), EventLog(Path(folder) / FOLDER))
        restore_mission(loop, path)
        before = loop.log.count
        while steps > 0 and not loop.finished:
            loop.step()
            steps -= 1
        loop.log.flush()
        return Ahead(loop.log.count - before, digest(read_events(Path(folder))), state_digest(loop))


def main() -> None:
    """``python -m moonfleet.experiments.bench.restore_again FOLDER STEPS``: prints {saved step: what came of it} as JSON."""
    from ..mission_build import build_mission
    from ..scenario import load_scenario

    folder, steps = Path(sys.argv[1]), int(sys.argv[2])
    mission = build_mission(load_scenario(folder / "scenario.yaml")).mission
    found = {path.stem.split("-")[1]: again(mission, path, steps) for path in sorted(folder.glob("*.mission"))}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
