"""What the report's map shows: pictures of the ground and its light, and the things that stand and move on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from moonfleet.terrain.site import Site

from .metrics import JobRecord, RunMetrics, numbers, of_kind, of_robot
from .page import data_uri
from .report_svg import robot_colour
from .scenario import group_points
from .scenario_model import Scenario

FRAMES = 60  # light pictures over the mission at most
FRAME_CELLS = 300  # cells a side of a light picture at most
NEAR_ROUTE_M = 40.0  # [m] a robot farther from its route than this is not drawn along it
MAX_KEEPOUTS = 20_000  # drawn; more would only slow the page down

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class MapPictures:
    """Pictures of one site as PNG bytes, all over the same ``bounds`` (xmin, ymin, xmax, ymax in metres)."""

    bounds: Box
    lon_deg: float
    ground: bytes
    light: bytes
    frames: tuple[tuple[int, bytes], ...] = field(default=())  # (seconds since start, shadow as a dark overlay)
    light_high: float = 1.0  # share of sunlight that the brightest colour of ``light`` stands for


def take_pictures(site: Site, times_s: np.ndarray, sun_az_deg: np.ndarray, sun_el_deg: np.ndarray) -> MapPictures:
    """Return hillshade and slope-free ground, mean light, and the shadows at up to `FRAMES` moments."""
    from moonfleet.terrain.maps import hillshade, light_map, png_bytes

    relief = hillshade(site.grid)
    warm = np.array([1.0, 0.985, 0.955])
    ground = np.clip(62.0 + 0.76 * relief[..., None].astype(np.float64) * warm, 0, 255).astype(np.uint8)
    mean = np.asarray(site.mean_lit, dtype=np.float32)
    high = max(0.05, float(np.quantile(mean, 0.998)))
    return MapPictures(
        bounds=tuple(float(v) for v in site.ref.bounds),  # type: ignore[arg-type]
        lon_deg=float(site.ref.lonlat()[0]),
        ground=png_bytes(ground),
        light=png_bytes(light_map(site.grid, mean, high)),
        frames=shadow_frames(site, times_s, sun_az_deg, sun_el_deg),
        light_high=high,
    )


def shadow_frames(
    site: Site, times_s: np.ndarray, sun_az_deg: np.ndarray, sun_el_deg: np.ndarray
) -> tuple[tuple[int, bytes], ...]:
    """Return the shadow on the ground at evenly spread moments, as a transparent dark-blue overlay."""
    from moonfleet.terrain.horizon import Horizon
    from moonfleet.terrain.light import lit_map
    from moonfleet.terrain.maps import png_bytes

    if times_s.size == 0:
        return ()
    factor = max(1, -(-max(site.ref.rows, site.ref.cols) // FRAME_CELLS))
    rows, cols = site.ref.rows // factor, site.ref.cols // factor
    cells = np.ascontiguousarray(site.horizon.millideg[:, : rows * factor : factor, : cols * factor : factor])
    xmin, _, _, ymax = site.ref.bounds
    ref = type(site.ref)(float(xmin), float(ymax), site.ref.cell_m * factor, rows, cols)
    horizon = Horizon(cells, site.horizon.observer_m)
    out: list[tuple[int, bytes]] = []
    for i in np.unique(np.linspace(0, times_s.size - 1, min(FRAMES, times_s.size)).round().astype(int)):
        lit = lit_map(ref, horizon, float(sun_az_deg[i]), float(sun_el_deg[i]), 0.267)
        picture = np.zeros((rows, cols, 4), dtype=np.uint8)
        picture[..., :3] = (14, 20, 44)
        picture[..., 3] = (np.round((1.0 - lit) * 4.0) * 42.0).astype(np.uint8)
        out.append((int(times_s[i]), png_bytes(picture)))
    return tuple(out)


def map_payload(
    table: pa.Table, metrics: RunMetrics, scenario: Scenario | None, pictures: MapPictures | None
) -> dict[str, object]:
    """Return what the page's script draws, as plain JSON data; coordinates are metres from the map's middle, rounded."""
    box = pictures.bounds if pictures is not None else bounds_of(table)
    cx, cy = (box[0] + box[2]) / 2.0, (box[1] + box[3]) / 2.0
    sky = of_kind(table, "sky")
    return {
        "box": [round(box[0] - cx, 2), round(box[1] - cy, 2), round(box[2] - cx, 2), round(box[3] - cy, 2)],
        "centre": [round(cx, 1), round(cy, 1)],
        "northDeg": round(pictures.lon_deg if pictures is not None else 0.0, 2),
        "ground": data_uri(pictures.ground, "image/png") if pictures is not None else None,
        "light": data_uri(pictures.light, "image/png") if pictures is not None else None,
        "frames": [[t, data_uri(png, "image/png")] for t, png in pictures.frames] if pictures is not None else [],
        "t0": metrics.t0_utc,
        "duration": metrics.duration_s,
        "sky": {
            "t": sky["t_s"].to_pylist(),
            "az": _round(numbers(sky, "sun_az_deg"), 2),
            "el": _round(numbers(sky, "sun_el_deg"), 3),
        },
        "robots": [_robot(of_robot(table, name), name, i, cx, cy) for i, name in enumerate(metrics.robots)],
        "places": _places(scenario, metrics, cx, cy),
        "keepouts": _keepouts(table, metrics, cx, cy),
        "contacts": _points(of_kind(table, "rock_contact"), cx, cy),
        "hops": _hops(of_kind(table, "hop"), cx, cy),
        "routes": _routes(of_kind(table, "route"), metrics, cx, cy),
    }


def bounds_of(table: pa.Table) -> Box:
    """Return a square around everything in the events, for a report whose site is not at hand."""
    x, y = numbers(table, "x_m"), numbers(table, "y_m")
    x, y = x[np.isfinite(x)], y[np.isfinite(y)]
    if x.size == 0:
        return (-500.0, -500.0, 500.0, 500.0)
    half = max(float(np.ptp(x)), float(np.ptp(y)), 200.0) * 0.6
    cx, cy = float(x.min() + x.max()) / 2.0, float(y.min() + y.max()) / 2.0
    return (cx - half, cy - half, cx + half, cy + half)


def _robot(rows: pa.Table, name: str, index: int, cx: float, cy: float) -> dict[str, object]:
    status = of_kind(rows, "status")
    x, y = numbers(status, "x_m") - cx, numbers(status, "y_m") - cy
    lost = of_kind(rows, "lost")
    bends = track_bends(rows)
    return {
        "name": name,
        "colour": robot_colour(index),
        "ground": bool(np.isfinite(x).any()),
        "t": status["t_s"].to_pylist(),
        "x": _round(x, 2),
        "y": _round(y, 2),
        "battery": _round(numbers(status, "battery_frac"), 3),
        "activity": [str(a).lower() for a in status["activity"].to_pylist()],
        "bends": {str(i): _round((xy - np.array([cx, cy])).ravel(), 1) for i, xy in bends.items()},
        "lost": int(lost["t_s"][0].as_py()) if lost.num_rows else None,
    }


def track_bends(rows: pa.Table) -> dict[int, np.ndarray]:
    """Return where a robot went between two hourly reports: status index -> xy float64 [n, 2] of the route's bends before it.

    Positions are logged once per decision step; in between, the robot follows the route it had logged before.
    """
    import shapely

    out: dict[int, np.ndarray] = {}
    line, index = None, -1
    last = np.full(2, np.nan)
    for row in of_kind(rows, "status", "route").select(["kind", "x_m", "y_m", "wkt"]).to_pylist():
        if row["kind"] == "route":
            line = shapely.from_wkt(row["wkt"]) if row["wkt"] else None
            continue
        index += 1
        here = np.array([row["x_m"], row["y_m"]], dtype=np.float64)
        if line is not None and np.hypot(*(here - last)) > 5.0:
            ends = shapely.points([last, here])
            at, off = shapely.line_locate_point(line, ends), shapely.distance(line, ends)
            if at[1] > at[0] and off.max() < NEAR_ROUTE_M:
                vertices = shapely.get_coordinates(line)
                along = shapely.line_locate_point(line, shapely.points(vertices))
                between = vertices[(along > at[0] + 1.0) & (along < at[1] - 1.0)]
                if between.size:
                    out[index] = between
        last = here
    return out


def _places(scenario: Scenario | None, metrics: RunMetrics, cx: float, cy: float) -> list[dict[str, object]]:
    """Markers: the lander, havens and jobs; a robot's parking place needs none."""
    if scenario is None:
        return []
    spots: dict[str, tuple[float, float]] = {}
    for place, block in scenario.places.items():
        if block.xy_m is not None:
            points = block.xy_m if isinstance(block.xy_m[0], tuple) else (block.xy_m,)
            spots.update(zip(group_points(place, block), points, strict=True))  # type: ignore[arg-type]
    out: list[dict[str, object]] = []
    lander = next((m for m in scenario.fleet if m.name == scenario.station), scenario.fleet[0])
    if lander.at in spots:
        out.append(_marker("lander", lander.name, spots[lander.at], cx, cy, "the station"))
    for haven in scenario.havens:
        names = group_points(haven, scenario.places[haven]) if haven in scenario.places else (haven,)
        out += [
            _marker("haven", n, spots[n], cx, cy, "well-lit waiting place")
            for n in names
            if n in spots and n != lander.at
        ]
    lives = {job.job: job_life(job) for job in metrics.jobs}
    from .scenario import job_ids, job_points

    ids = job_ids(scenario)
    for block in scenario.jobs:
        for ident, point in zip(ids[block.id], job_points(scenario, block), strict=True):
            if point in spots:
                out.append({**_marker("job", ident, spots[point], cx, cy, block.kind), "life": lives.get(ident, [])})
    return out


def job_life(job: JobRecord) -> list[tuple[int, str]]:
    """Return when a job was given, begun and ended [s], in order, each with the state it was in from then on."""
    times = ((job.assigned_s, "assigned"), (job.started_s, "started"), (job.ended_s, job.state))
    return sorted(((t, state) for t, state in times if t is not None), key=lambda one: one[0])


def _marker(kind: str, name: str, xy: tuple[float, float], cx: float, cy: float, note: str) -> dict[str, object]:
    return {"kind": kind, "name": name, "x": round(xy[0] - cx, 2), "y": round(xy[1] - cy, 2), "note": note}


def _keepouts(table: pa.Table, metrics: RunMetrics, cx: float, cy: float) -> dict[str, object]:
    rows = of_kind(table, "keepout").slice(0, MAX_KEEPOUTS)
    order = {name: i for i, name in enumerate(metrics.robots)}
    return {
        "t": rows["t_s"].to_pylist(),
        "x": _round(numbers(rows, "x_m") - cx, 2),
        "y": _round(numbers(rows, "y_m") - cy, 2),
        "r": _round(numbers(rows, "radius_m"), 2),
        "c": _round(numbers(rows, "confidence"), 2),
        "by": [order.get(name, 0) for name in rows["robot"].to_pylist()],
    }


def _points(rows: pa.Table, cx: float, cy: float) -> list[list[object]]:
    xs, ys = _round(numbers(rows, "x_m") - cx, 2), _round(numbers(rows, "y_m") - cy, 2)
    return [list(one) for one in zip(rows["t_s"].to_pylist(), xs, ys, rows["robot"].to_pylist(), strict=True)]


def _hops(rows: pa.Table, cx: float, cy: float) -> list[list[object]]:
    ends = zip(_round(numbers(rows, "to_x_m") - cx, 2), _round(numbers(rows, "to_y_m") - cy, 2), strict=True)
    return [[*one, *end] for one, end in zip(_points(rows, cx, cy), ends, strict=True)]


def _routes(rows: pa.Table, metrics: RunMetrics, cx: float, cy: float) -> list[dict[str, object]]:
    """The last route planned for each (robot, job), as a flat list x0, y0, x1, y1 ..."""
    import shapely

    last: dict[tuple[object, object], dict[str, object]] = {}
    order = {name: i for i, name in enumerate(metrics.robots)}
    for row in rows.select(["t_s", "robot", "job", "wkt"]).to_pylist():
        if row["wkt"]:
            line = shapely.from_wkt(row["wkt"]).simplify(5.0)
            xy = shapely.get_coordinates(line) - np.array([cx, cy])
            key = (row["robot"], row["job"])
            last[key] = {"t": row["t_s"], "by": order.get(row["robot"], 0), "xy": _round(xy.ravel(), 1)}
    return list(last.values())


def _round(values: np.ndarray | Sequence[float], digits: int) -> list[float | None]:
    return [round(v, digits) if np.isfinite(v) else None for v in np.asarray(values, dtype=np.float64).tolist()]
