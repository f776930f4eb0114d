"""A process that has never seen the run: takes up saved missions and goes on with them.

``python -m tests.continue_saved SITE CHANGES FOLDER STEPS`` reads every ``step-N.mission`` of a folder, goes on for so many
steps or to the end, and prints {N: [events made, their digest, digest of the state at the end]} as JSON.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa

from moonfleet.agents.checkpoint import flatten
from moonfleet.agents.events import FOLDER, EventLog, digest, read_events
from moonfleet.agents.fleet import LocalFleet
from moonfleet.agents.mission import MissionSpec
from moonfleet.agents.mission_loop import MissionLoop
from moonfleet.agents.world_file import restore_mission
from moonfleet.terrain.site import open_site
from tests.missions import small_mission


def state_digest(loop: MissionLoop) -> str:
    """SHA-256 over every array of a mission's state."""
    sha = hashlib.sha256()
    for name, array in sorted(flatten(loop.get_state()).items()):  # pyright: ignore[reportArgumentType]
        sha.update(f"{name} {array.dtype} {array.shape}\n".encode())
        sha.update(array.tobytes())
    return sha.hexdigest()


def go_on(mission: MissionSpec, path: Path, steps: int) -> tuple[int, str, str]:
    """Take up one saved mission and go on for ``steps`` steps, or to the end."""
    with tempfile.TemporaryDirectory() as folder:
        loop = MissionLoop(mission, LocalFleet(mission), EventLog(Path(folder) / FOLDER))
        restore_mission(loop, path)
        before = loop.log.count
        for _ in range(steps):
            if loop.finished:
                break
            loop.step()
        loop.log.flush()
        made = read_events(Path(folder)) if loop.log.count > before else None
    return loop.log.count - before, "" if made is None else digest(made), state_digest(loop)


def part_digest(table: pa.Table, since: int, count: int) -> str:
    """Digest of ``count`` events from number ``since`` on."""
    return digest(table.slice(since, count)) if count else ""


def main() -> None:
    """See the module."""
    site, changes, folder, steps = sys.argv[1:]
    given: dict[str, Any] = json.loads(changes)
    mission = small_mission(open_site(Path(site)), **given)
    done = {
        path.stem.split("-")[1]: go_on(mission, path, int(steps)) for path in sorted(Path(folder).glob("*.mission"))
    }
    sys.stdout.write(json.dumps(done))


if __name__ == "__main__":
    main()
