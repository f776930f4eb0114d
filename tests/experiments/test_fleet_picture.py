"""The picture of a fleet's plan shows every robot on the ground and in the strip."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from moonfleet.autonomy.fleet_routes import FleetRobot
from moonfleet.autonomy.fleetplan import FleetPlanner
from moonfleet.experiments.fleet_picture import fleet_picture, write_fleet_picture


def test_ground_routes_and_strip_are_drawn(tmp_path: Path) -> None:
    cost = np.ones((12, 20), dtype=np.float32)
    cost[5:7, 8:12] = np.inf
    robots = [FleetRobot(f"r{i}", cost, (1 + 3 * i, 0), (10 - 3 * i, 19), 0.4, depart_s=20.0 * i) for i in range(3)]
    plan = FleetPlanner(cost.shape, 1.0, 0.5).plan(robots)
    image = fleet_picture(plan, cost, width_px=400)
    ground, strip = image[:240], image[240:]
    assert image.shape[1:] == (400, 3) and len(strip) > 3 * 10
    assert tuple(ground[6 * 20, 10 * 20]) == (38, 34, 40)  # a wall
    for robot in robots:
        (r, c), (a, b) = robot.start_rc, robot.goal_rc
        start, goal = ground[r * 20 + 10, c * 20 + 10], ground[a * 20 + 10, b * 20 + 10]
        assert (start == goal).all() and np.ptp(start.astype(int)) > 60  # one strong colour
        assert (strip == start).all(axis=2).any()
    write_fleet_picture(plan, cost, tmp_path / "fleet.png")
    assert cv2.imread(str(tmp_path / "fleet.png")).shape == fleet_picture(plan, cost).shape
