"""What the planner is told of a machine."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.agents.catalogue import load_catalogue, robot_spec
from moonfleet.agents.errors import RobotError
from moonfleet.agents.travel import machine_limits, site_cost, site_traversability
from moonfleet.autonomy.traversability import DriveLimits, Reason, traversability
from moonfleet.terrain.site import Site


def test_every_machine_that_drives_may_drive_on_level_ground_and_up_to_its_slope() -> None:
    slope = np.array([[0.0, 0.0, 0.0]], np.float32)
    for kind, spec in load_catalogue().items():
        if spec.speed_m_s == 0.0:
            with pytest.raises(RobotError, match=kind):
                machine_limits(spec)
            continue
        slope[0, 1:] = spec.max_slope_deg - 0.1, spec.max_slope_deg + 0.1
        layers = traversability(slope, np.zeros_like(slope), np.zeros_like(slope), machine_limits(spec))
        assert [Reason(k) for k in layers.reason[0]] == [Reason.PASSABLE, Reason.PASSABLE, Reason.SLOPE]


def test_limits_are_those_of_the_catalogue() -> None:
    spec = robot_spec("viper-rover")
    limits = machine_limits(spec)
    assert (limits.width_m, limits.step_m, limits.speed_m_s) == (spec.width_m, spec.obstacle_m, spec.speed_m_s)
    assert 40.0 < limits.stability_deg < 60.0


def test_a_site_has_layers_that_agree_with_its_drive_cost_where_it_is_smooth(small_site: Site) -> None:
    spec = robot_spec("viper-rover")
    layers = site_traversability(small_site, machine_limits(spec))
    cost = site_cost(small_site, DriveLimits(spec.max_slope_deg, spec.speed_m_s))
    assert site_traversability(small_site, machine_limits(spec)) is layers
    free = np.isfinite(layers.time_s_m)
    assert np.isfinite(cost[free]).all()
    smooth = free & (layers.tilt_deg < 0.1)
    np.testing.assert_allclose(layers.time_s_m[smooth], cost[smooth], rtol=0.02)
    rough = free & (layers.tilt_deg > 1.0)
    assert (layers.time_s_m[rough] >= cost[rough] * 0.999).all()
