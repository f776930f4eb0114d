"""A mission that does not fit together is refused, with the field and what is allowed."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from moonfleet.agents.catalogue import robot_spec
from moonfleet.agents.errors import MissionError
from moonfleet.agents.mission import FleetMember, check_start
from moonfleet.autonomy.errors import JobError
from moonfleet.autonomy.jobs import Job
from moonfleet.terrain.site import Site
from tests.missions import small_mission


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tick_s": 0}, "physics_tick_s = 0: must be a positive"),
        ({"drive_s": 90}, "drive_step_s = 90: must be a multiple of physics_tick_s = 60"),
        ({"decision_s": 1000}, "decision_step_s = 1000: must be a multiple of drive_step_s = 300"),
        ({"duration_s": 600}, "duration = 600 s: must be at least one decision step"),
        ({"duration_s": 5400}, "duration = 5400 s: must be a multiple of decision_step_s = 3600"),
        ({"station": "landr"}, "station = 'landr': not in the fleet. Did you mean 'lander'?"),
        ({"station": "rover-1"}, "station = 'rover-1': is a rover; the station must be a lander"),
        ({"fleet": ()}, "fleet: is empty"),
        ({"havens": (("far", (0.0, 0.0)),)}, "havens['far']"),
    ],
)
def test_what_does_not_fit_is_named(small_site: Site, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(MissionError) as caught:
        small_mission(small_site, **changes)
    assert words in str(caught.value)


def test_two_robots_of_one_name_are_refused(small_site: Site) -> None:
    fleet = small_mission(small_site).fleet
    with pytest.raises(MissionError, match=r"fleet\[7\].name = 'rover-1': already the name of fleet\[1\]"):
        small_mission(small_site, fleet=(*fleet, fleet[1]))


def test_a_start_on_steep_ground_or_outside_is_refused(small_site: Site) -> None:
    mission = small_mission(small_site)
    steep = np.unravel_index(int(np.argmax(small_site.slope_deg)), small_site.slope_deg.shape)
    x, y = (float(value) for value in small_site.ref.xy(*steep))
    for xy, words in (((x, y), "impassable cell: slope"), ((0.0, 0.0), "outside the site"), (None, "missing")):
        rover = FleetMember("rover-1", robot_spec("viper-rover"), xy)
        with pytest.raises(MissionError, match=rf"fleet\[1\].at \(rover-1\).*{words}"):
            small_mission(small_site, fleet=(mission.fleet[0], rover, *mission.fleet[2:]))


def test_a_start_on_the_very_edge_of_the_site_is_answered_like_any_other(small_site: Site) -> None:
    mission = small_mission(small_site)
    xmin, ymin, xmax, ymax = small_site.ref.bounds
    flat = dataclasses.replace(small_site, slope_deg=np.zeros_like(small_site.slope_deg))
    for xy in ((xmax, ymin), (xmin, ymax), (xmax, ymax)):
        check_start(flat, 1, FleetMember("rover-1", mission.specs[1], xy))


def test_a_job_that_nobody_has_the_tool_for_is_refused(small_site: Site) -> None:
    place = small_mission(small_site).fleet[0].xy or (0.0, 0.0)
    with pytest.raises(JobError, match="no robot of this fleet carries 'sinter'"):
        small_mission(small_site, jobs=(Job("glass", "sinter", place, 4.0, tool="sinter"),))
