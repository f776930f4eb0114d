"""Draw docs/images/env_*.jpg, each environment in the middle of an episode: ``python docs/env_pictures.py [FOLDER]``.

The best policy to compare with plays; seed and step are chosen so that much is to be seen.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from moonfleet.envs.game import Episode
from moonfleet.experiments.evaluate import Stage
from moonfleet.experiments.problems import find_problem

# environment, policy, root seed, steps played
SCENES = (
    ("PolarTraverse", "planner", 7, 200),
    ("IceProspecting", "planner", 7, 199),
    ("HazardLanding", "planner", 3, 30),
    ("SiteConstruction", "planner", 7, 226),
    ("StationOps", "keeper", 7, 100),
)
QUALITY = 88  # of the JPEG, percent


def main() -> None:
    """Play and draw."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("images")
    for name, policy_name, seed, steps in SCENES:
        problem = find_problem(name)
        game = problem.game(1)
        game.begin(np.zeros(1, np.int64), [Episode(seed, 0)])
        policy, stage = problem.policy(policy_name, game), Stage(game)
        game.picture(0)  # games note a robot's way from its first picture on
        for _ in range(steps):
            game.step(stage.actions(policy), np.ones(1, np.bool_))
        pictured = game.picture(0)
        out = folder / f"env_{name.lower()}.jpg"
        cv2.imwrite(str(out), pictured[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        game.close()


if __name__ == "__main__":
    main()
