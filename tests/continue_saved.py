"""A process that has never seen the run: takes up saved missions and goes on with them.

``python -m tests.continue_saved SITE CHANGES FOLDER STEPS`` reads every ``step-N.mission`` of a folder, goes on for so many
steps or to the end, and prints {N: [events made, their digest, digest of the state then]} as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from moonfleet.experiments.bench.restore_again import again
from moonfleet.terrain.site import open_site
from tests.missions import small_mission


def main() -> None:
    """See the module."""
    site, changes, folder, steps = sys.argv[1:]
    given: dict[str, Any] = json.loads(changes)
    mission = small_mission(open_site(Path(site)), **given)
    done = {
        path.stem.split("-")[1]: again(mission, path, int(steps)) for path in sorted(Path(folder).glob("*.mission"))
    }
    sys.stdout.write(json.dumps(done))


if __name__ == "__main__":
    main()
