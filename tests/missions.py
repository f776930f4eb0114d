"""Small missions that several tests fly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from moonfleet.agents.catalogue import robot_spec
from moonfleet.agents.mission import FleetMember, MissionSpec
from moonfleet.autonomy.jobs import Job
from moonfleet.terrain.clock import utc_to_tdb
from moonfleet.terrain.places import PlaceRule, pick_places
from moonfleet.terrain.relay import queqiao2
from moonfleet.terrain.site import Site


def small_mission(site: Site, **changes: Any) -> MissionSpec:
    """A day of seven robots on a small site: survey, drill, hop, grade, observe."""
    centre = site.ref.centre
    base = pick_places(site, PlaceRule("flat", near=centre, min_m=0, max_m=900, max_slope_deg=10, apart_m=0, count=1))[
        0
    ]
    spread = PlaceRule("spread", near=base, min_m=150, max_m=900, max_slope_deg=12, apart_m=100, count=3)
    first, second, haven = pick_places(site, spread, reachable_from=base)

    def beside(dx: float, dy: float) -> tuple[float, float]:
        return base[0] + dx, base[1] + dy

    fleet = (
        FleetMember("lander", robot_spec("ce7-lander"), base),
        FleetMember("rover-1", robot_spec("viper-rover"), beside(15, 0)),
        FleetMember("rover-2", robot_spec("yutu-rover"), beside(-15, 0)),
        FleetMember("hopper", robot_spec("ce7-hopper"), beside(0, 15)),
        FleetMember("grader-1", robot_spec("grader"), beside(5, -15)),
        FleetMember("grader-2", robot_spec("grader"), beside(-5, -15)),
        FleetMember("relay", robot_spec("queqiao2"), None),
    )
    jobs = (
        Job("survey-1", "survey", first, 2.0, tool="survey", value=5.0, data_mbit=200.0),
        Job("survey-2", "survey", second, 2.0, tool="survey", value=5.0, data_mbit=200.0),
        Job("drill-1", "drill", first, 3.0, tool="drill", value=9.0, data_mbit=50.0, needs=("survey-1",)),
        Job("sample", "hop", second, 1.0, tool="hop", value=9.0, data_mbit=50.0),
        Job("pad", "grade", beside(10, 10), 4.0, tool="grade", value=7.0, crew=2),
        Job("watch", "observe", base, 10.0, tool="observe", value=2.0, data_mbit=500.0),
    )
    mission = MissionSpec(
        name="small",
        site=site,
        fleet=fleet,
        jobs=jobs,
        t0=utc_to_tdb("2030-01-01T00:00:00"),
        duration_s=86_400,
        seed=1,
        station="lander",
        havens=(("haven", haven),),
        relay=queqiao2(),
        perception="statistical",
        checkpoint_every=6,
    )
    return replace(mission, **changes)
