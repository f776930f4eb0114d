"""The layout of what a robot of a station knows when it decides: one vector, every column with a name.

The vector has four parts, `OWN`, `FORECAST`, `JOBS` (`K_JOBS` slots) and `OTHERS` (`K_OTHERS` slots). Who fills it writes physical
values into a float64 row by `INDEX` and calls `encode`; who reads it uses `INDEX` (stored numbers) or `decode` (physical ones).
Stored = (physical - offset) / scale, clipped to the column's [low, high]. "frac" is a fraction of the robot's full battery or store.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel, leaf_kernel

from .jobs import JobKind

K_JOBS = 8
K_OTHERS = 8
WINDOWS_H = (1, 3, 6, 12, 24, 48)  # [h] lengths of the forecast windows, each starting now
ACTIVITIES = ("hold", "drive", "work", "charge", "hibernate", "relay", "hop", "lost")  # same order as agents' Activity
N_KINDS = len(JobKind)

GO_ON, HOLD, CHARGE, HIBERNATE, RELAY, JOB0 = range(6)
N_ACTIONS = JOB0 + K_JOBS
ACTION_NAMES = ("go_on", "hold", "charge", "hibernate", "relay", *(f"job{k}" for k in range(K_JOBS)))


class Column(NamedTuple):
    """One column: stored = (physical - offset) / scale, clipped to [low, high]."""

    name: str
    unit: str
    scale: float
    note: str
    offset: float = 0.0
    low: float = 0.0
    high: float = 1.0


_FAR_H = 480.0  # [h] the longest look ahead that any column can say; "never seen coming" is written as this

_OWN = (
    Column("x", "m", 1000.0, "east-ish grid offset from the station", low=-20.0, high=20.0),
    Column("y", "m", 1000.0, "grid offset from the station", low=-20.0, high=20.0),
    Column("battery_frac", "1", 1.0, "charge"),
    Column("reserve_frac", "1", 1.0, "charge never to be planned away"),
    Column("temp", "K", 100.0, "inside temperature", offset=273.15, low=-3.0, high=3.0),
    Column("data_frac", "1", 1.0, "how full the data store is"),
    Column("lit", "1", 1.0, "part of the Sun's disc seen now"),
    Column("idle_rate", "frac/h", 0.1, "net drain awake and standing in the dark", high=10.0),
    Column("hibernate_rate", "frac/h", 0.1, "net drain hibernating in the dark", high=10.0),
    Column("charge_rate", "frac/h", 0.1, "net gain standing in full Sun", high=10.0),
    *(Column(f"is_{name}", "0/1", 1.0, f"activity is {name.upper()}") for name in ACTIVITIES),
    Column("has_job", "0/1", 1.0, "a job is in hand (driving to it or working)"),
    Column("progress", "1", 1.0, "done part of the job in hand"),
    Column("at_haven", "0/1", 1.0, "stands in its haven"),
    Column("link_station", "0/1", 1.0, "hears the station"),
    Column("link_relay", "0/1", 1.0, "hears the relay orbiter"),
    Column("link_earth", "0/1", 1.0, "sees the Earth"),
    Column("hops_left", "1", 1.0, "flights left", high=10.0),
    Column("time_left", "1", 1.0, "part of the mission still to come"),
)

_FORECAST = (
    *(Column(f"lit_{h}h", "1", 1.0, f"lit part of the next {h} h, here") for h in WINDOWS_H),
    *(Column(f"haven_lit_{h}h", "1", 1.0, f"lit part of the next {h} h, at the haven") for h in WINDOWS_H),
    Column("dark_in", "h", 48.0, "time to the next darkness here (0 when dark now)", high=10.0),
    Column("dark_for", "h", 48.0, "what that darkness will last from its start or from now", high=10.0),
    Column("haven_dark_in", "h", 48.0, "time to the next darkness at the haven", high=10.0),
    Column("haven_dark_for", "h", 48.0, "what that darkness will last", high=10.0),
    Column("haven_travel", "h", 10.0, "drive to the haven", high=10.0),
    Column("haven_energy", "frac", 1.0, "net energy of that drive", high=10.0),
    Column("station_link_in", "h", 48.0, "time to the next station link (0 when up)", high=10.0),
    Column("station_link_for", "h", 48.0, "what it will last", high=10.0),
    Column("relay_link_in", "h", 48.0, "time to the next relay link", high=10.0),
    Column("relay_link_for", "h", 48.0, "what it will last", high=10.0),
    Column("earth_link_in", "h", 48.0, "time to the next sight of the Earth", high=10.0),
    Column("earth_link_for", "h", 48.0, "what it will last", high=10.0),
    Column("sun_el", "deg", 10.0, "Sun above the horizontal", low=-1.0, high=1.0),
    Column("sun_sin", "1", 1.0, "sine of the Sun's grid azimuth", low=-1.0),
    Column("sun_cos", "1", 1.0, "cosine of the Sun's grid azimuth", low=-1.0),
)

_JOB = (
    Column("valid", "0/1", 1.0, "the slot holds a job"),
    Column("kind", "index", float(N_KINDS), "index in JobKind"),
    Column("value", "1", 10.0, "score when done", high=10.0),
    Column("travel", "h", 10.0, "way there", high=10.0),
    Column("energy", "frac", 1.0, "net energy of the way there and the work", high=10.0),
    Column("home_energy", "frac", 1.0, "net energy from there to the haven", high=10.0),
    Column("effort", "h", 10.0, "robot-hours still to do", high=10.0),
    Column("lit_24h", "1", 1.0, "lit part of the next 24 h, there"),
    Column("ready", "0/1", 1.0, "all it needs is done"),
    Column("open", "0/1", 1.0, "its window is open"),
    Column("closes_in", "h", 48.0, "time to the end of its window", high=10.0),
    Column("others", "robots", 1.0, "others on it", high=8.0),
    Column("mine", "0/1", 1.0, "the station gave it to me"),
)

_OTHER = (
    Column("known", "0/1", 1.0, "the slot holds a robot that was ever heard"),
    Column("dx", "m", 1000.0, "its place from mine, as last heard", low=-20.0, high=20.0),
    Column("dy", "m", 1000.0, "its place from mine, as last heard", low=-20.0, high=20.0),
    Column("battery_frac", "1", 1.0, "its charge, as last heard"),
    Column("age", "h", 24.0, "how old that news is", high=10.0),
)


def _named(prefix: str, columns: tuple[Column, ...]) -> tuple[Column, ...]:
    return tuple(column._replace(name=f"{prefix}.{column.name}") for column in columns)


COLUMNS: tuple[Column, ...] = (
    *_named("own", _OWN),
    *_named("forecast", _FORECAST),
    *(column for k in range(K_JOBS) for column in _named(f"jobs[{k}]", _JOB)),
    *(column for k in range(K_OTHERS) for column in _named(f"others[{k}]", _OTHER)),
)
SIZE = len(COLUMNS)
INDEX: dict[str, int] = {column.name: i for i, column in enumerate(COLUMNS)}

OWN = slice(0, len(_OWN))
FORECAST = slice(OWN.stop, OWN.stop + len(_FORECAST))
JOBS = slice(FORECAST.stop, FORECAST.stop + K_JOBS * len(_JOB))
OTHERS = slice(JOBS.stop, SIZE)
JOB_WIDTH = len(_JOB)
OTHER_WIDTH = len(_OTHER)

SCALE: NDArray[np.float64] = np.array([column.scale for column in COLUMNS])
OFFSET: NDArray[np.float64] = np.array([column.offset for column in COLUMNS])
LOW: NDArray[np.float32] = np.array([column.low for column in COLUMNS], dtype=np.float32)
HIGH: NDArray[np.float32] = np.array([column.high for column in COLUMNS], dtype=np.float32)

# offsets inside one slot, e.g. vector[JOBS].reshape(K_JOBS, JOB_WIDTH)[:, JOB_COLUMN["value"]]
JOB_COLUMN: dict[str, int] = {column.name: i for i, column in enumerate(_JOB)}
OTHER_COLUMN: dict[str, int] = {column.name: i for i, column in enumerate(_OTHER)}


class Observation(NamedTuple):
    """What a policy sees: ``vector`` float32 [SIZE] and ``mask`` bool [N_ACTIONS], True where an action is allowed."""

    vector: NDArray[np.float32]
    mask: NDArray[np.bool_]


def job_slot(k: int) -> slice:
    """Return the columns of job slot ``k`` (0-based)."""
    return slice(JOBS.start + k * JOB_WIDTH, JOBS.start + (k + 1) * JOB_WIDTH)


def other_slot(k: int) -> slice:
    """Return the columns of slot ``k`` of the other robots (0-based)."""
    return slice(OTHERS.start + k * OTHER_WIDTH, OTHERS.start + (k + 1) * OTHER_WIDTH)


def blank(*shape: int) -> NDArray[np.float64]:
    """Return physical rows float64 [..., SIZE] in which nothing is known: zeros, temperature and waiting times at rest."""
    row = np.zeros((*shape, SIZE))
    row[...] = _BLANK
    return row


def encode(physical: NDArray[np.float64]) -> NDArray[np.float32]:
    """Turn physical values float64 [..., SIZE] into stored ones float32; NaN becomes the column's nearest to 0."""
    rows = np.ascontiguousarray(physical, dtype=np.float64).reshape(-1, SIZE)
    out = np.empty((1, *rows.shape), dtype=np.float32)
    _encode_rows(rows, out)
    return out.reshape(physical.shape)


@leaf_kernel
def encode_row(rows: NDArray[np.float64], n: int, out: NDArray[np.float32], i: int, j: int) -> None:
    """Store physical values ``rows[n]`` in ``out[i, j]``; see `encode`."""
    for k in range(SIZE):
        value = np.float32((rows[n, k] - OFFSET[k]) / SCALE[k])
        value = np.float32(0.0) if value != value else value
        out[i, j, k] = min(max(value, LOW[k]), HIGH[k])


@kernel
def _encode_rows(rows: NDArray[np.float64], out: NDArray[np.float32]) -> None:
    for n in range(rows.shape[0]):
        encode_row(rows, n, out, 0, n)


def decode(vector: NDArray[np.float32]) -> NDArray[np.float64]:
    """Turn stored values [..., SIZE] back into physical ones (what was clipped stays clipped)."""
    return vector.astype(np.float64) * SCALE + OFFSET


def column_table() -> str:
    """Return the layout as a Markdown table, one line per column; the slots of jobs and others are shown once."""
    lines = ["| columns | name | unit | scale | range stored | meaning |", "|---|---|---|---|---|---|"]
    for i, column in enumerate(COLUMNS):
        if i >= JOBS.start and not column.name.startswith(("jobs[0]", "others[0]")):
            continue
        at, name = str(i), column.name
        if column.name.startswith("jobs[0]"):
            at, name = f"{i} + {JOB_WIDTH} k", column.name.replace("[0]", "[k]")
        elif column.name.startswith("others[0]"):
            at, name = f"{i} + {OTHER_WIDTH} k", column.name.replace("[0]", "[k]")
        scale = f"{column.scale:g}" if column.offset == 0.0 else f"{column.scale:g} from {column.offset:g}"
        span = f"{column.low:g} .. {column.high:g}"
        lines.append(f"| {at} | `{name}` | {column.unit} | {scale} | {span} | {column.note} |")
    return "\n".join(lines)


def _blank_row() -> NDArray[np.float64]:
    row = OFFSET.copy()
    for name in ("dark_in", "haven_dark_in", "station_link_in", "relay_link_in", "earth_link_in"):
        row[INDEX[f"forecast.{name}"]] = _FAR_H
    return row


_BLANK: NDArray[np.float64] = _blank_row()
