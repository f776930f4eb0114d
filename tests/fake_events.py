"""A made-up event log with the columns of the real one: seven robots, one lunar day, for metrics and report tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from moonfleet.agents.events import FOLDER, EventLog

ROBOTS = ("lander", "mapper", "driller", "hopper", "grader-a", "grader-b", "relay")
CENTRE = (30_400.0, -20_000.0)


def _lit(hour: int) -> float:
    return 0.0 if 300 <= hour < 410 else 1.0


def write_fake_run(run_dir: Path, *, steps: int = 709, seed: int = 7) -> Path:
    """Write ``run_dir/events.parquet`` and return ``run_dir``."""
    draw = np.random.default_rng(seed)
    log = EventLog(run_dir / FOLDER)
    log.append("mission_started", 0, scenario="pathfinder", seed=seed, t0_utc="2030-01-05T00:00:00Z", site_key="abc123")
    xy = {name: np.array(CENTRE) + 30.0 * i for i, name in enumerate(ROBOTS)}
    goal = {"mapper": np.array(CENTRE) + [1500, 900], "driller": np.array(CENTRE) + [-1200, 1400]}
    odometer, battery, archive = dict.fromkeys(ROBOTS, 0.0), dict.fromkeys(ROBOTS, 0.9), 0.0
    for i, name in enumerate(("mapper", "driller", "grader-a", "grader-b")):
        log.append("job_assigned", 0, name, job=f"job-{min(i, 2)}", by="station")
        log.append(
            "route",
            0,
            name,
            job=f"job-{i}",
            length_m=1800.0,
            wkt="LINESTRING (30400 -20000, 31000 -19600, 31900 -19100)",
        )
    for hour in range(1, steps + 1):
        t = hour * 3600
        lit = _lit(hour)
        for name in ROBOTS:
            if name in goal and 5 < hour < 40:
                step = (goal[name] - xy[name]) * 0.12
                xy[name] = xy[name] + step
                odometer[name] += float(np.hypot(*step))
                for _ in range(3):
                    x, y = xy[name] + draw.normal(0, 25, 2)
                    log.append(
                        "keepout",
                        t - 600,
                        name,
                        x_m=float(x),
                        y_m=float(y),
                        radius_m=float(draw.uniform(0.2, 1.2)),
                        confidence=0.8,
                    )
            battery[name] = float(np.clip(battery[name] + (0.03 if lit else -0.008), 0.0, 1.0))
            if hour in (300, 410):
                log.append("night", t, name, dark=hour == 300)
            if name != "relay" and hour % 12 == 0:
                log.append("link", t, name, up=hour % 24 == 0, peer="relay")
            log.append(
                "status",
                t,
                name,
                x_m=float(xy[name][0]),
                y_m=float(xy[name][1]),
                battery_wh=1000.0 * battery[name],
                battery_frac=battery[name],
                temp_k=250.0 + 30.0 * battery[name],
                lit=lit,
                solar_w=200.0 * lit,
                load_w=60.0,
                activity="work" if lit else "hibernate",
                link=1 + (2 if hour % 24 < 12 else 0) + (4 if name == "lander" else 0),
                data_mbit=10.0,
                odometer_m=odometer[name],
            )
        if hour == 45:
            log.append("job_started", t, "mapper", job="job-0")
        if hour == 60:
            log.append("job_done", t, "mapper", job="job-0", value=20.0)
            log.append("job_failed", t, "driller", job="job-1", reason="no route")
            log.append("rock_contact", t, "driller", x_m=30_000.0, y_m=-19_000.0, height_m=0.21)
        if hour == 90:
            log.append("hop", t, "hopper", x_m=30_490.0, y_m=-19_910.0, to_x_m=31_490.0, to_y_m=-20_910.0)
        if hour == 500:
            log.append("lost", t, "grader-b", reason="frozen")
        archive += 8.0 if hour % 24 < 12 else 0.0
        log.append(
            "sky",
            t,
            sun_az_deg=hour * 360 / 709,
            sun_el_deg=1.5 * np.cos(hour / 110),
            earth_el_deg=4.0 * np.sin(hour / 104),
            relay_el_deg=20.0,
            archive_mbit=archive,
        )
    log.append("mission_ended", steps * 3600, reason="complete", archive_mbit=archive, value=20.0)
    log.flush()
    return run_dir
