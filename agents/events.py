"""The event log: one typed, append-only table per run; metrics, report, replay and exports are computed from it.

On disk it is a Parquet dataset, a folder of part files, each written aside, synced and renamed, so that a killed run
leaves whole parts only. The digest is over the rows, not over the files: it does not depend on how they were cut.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from .errors import EventError

FOLDER = "events.parquet"


class Field(NamedTuple):
    """One column of the log: its Arrow type and what it means."""

    type: pa.DataType
    meaning: str


FIELDS: dict[str, Field] = {
    "scenario": Field(pa.string(), "name of the scenario"),
    "seed": Field(pa.int64(), "root seed of the run"),
    "t0_utc": Field(pa.string(), "mission start, UTC"),
    "site_key": Field(pa.string(), "key of the site the run was made on"),
    "sun_az_deg": Field(pa.float64(), "Sun at the site centre, grid azimuth [deg]"),
    "sun_el_deg": Field(pa.float64(), "Sun at the site centre, elevation [deg]"),
    "earth_el_deg": Field(pa.float64(), "Earth at the site centre, elevation [deg]"),
    "relay_el_deg": Field(pa.float64(), "relay orbiter at the site centre, elevation [deg]"),
    "archive_mbit": Field(pa.float64(), "data in the archive on Earth [Mbit]"),
    "x_m": Field(pa.float64(), "place, polar stereographic x [m]"),
    "y_m": Field(pa.float64(), "place, polar stereographic y [m]"),
    "to_x_m": Field(pa.float64(), "destination x [m]"),
    "to_y_m": Field(pa.float64(), "destination y [m]"),
    "battery_wh": Field(pa.float64(), "energy in the battery [Wh]"),
    "battery_frac": Field(pa.float64(), "energy in the battery over its capacity"),
    "temp_k": Field(pa.float64(), "temperature of the electronics box [K]"),
    "lit": Field(pa.float64(), "sunlit fraction of the solar disc at the robot"),
    "solar_w": Field(pa.float64(), "electrical power from the panels [W]"),
    "load_w": Field(pa.float64(), "electrical power drawn [W]"),
    "activity": Field(pa.string(), "what the robot does"),
    "link": Field(pa.int64(), "links up: 1 station, 2 relay, 4 Earth, added"),
    "data_mbit": Field(pa.float64(), "data on board [Mbit]"),
    "odometer_m": Field(pa.float64(), "distance driven [m]"),
    "action": Field(pa.string(), "the choice made at a decision step"),
    "job": Field(pa.string(), "id of a job"),
    "value": Field(pa.float64(), "value earned"),
    "reason": Field(pa.string(), "why"),
    "message": Field(pa.string(), "words for a person"),
    "length_m": Field(pa.float64(), "length of a route [m]"),
    "wkt": Field(pa.string(), "geometry, well-known text in site x, y"),
    "radius_m": Field(pa.float64(), "radius of a keep-out, clearance not included [m]"),
    "confidence": Field(pa.float64(), "the detector's confidence, 0..1"),
    "height_m": Field(pa.float64(), "height of a rock [m]"),
    "up": Field(pa.bool_(), "True when a link or a subsystem comes up, False when it goes down"),
    "peer": Field(pa.string(), "the other end of a link: station, relay or earth; of a message: who sent it"),
    "by": Field(pa.string(), "the robot that gives the job, or that leads now: the station or a leader"),
    "term": Field(pa.int64(), "number of a leader's term"),
    "members": Field(pa.int64(), "robots that a leader hears, itself included"),
    "delivered": Field(pa.int64(), "messages with something new that arrived"),
    "missed": Field(pa.int64(), "messages that were lost on the way; they are sent again"),
    "dark": Field(pa.bool_(), "True when the robot's ground goes dark, False when it is lit again"),
}

KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "mission_started": ("the run begins", ("scenario", "seed", "t0_utc", "site_key")),
    "sky": ("once a decision step", ("sun_az_deg", "sun_el_deg", "earth_el_deg", "relay_el_deg", "archive_mbit")),
    "status": (
        "a robot's state, once a decision step",
        (
            *("x_m", "y_m", "battery_wh", "battery_frac", "temp_k", "lit", "solar_w", "load_w"),
            *("activity", "link", "data_mbit", "odometer_m"),
        ),
    ),
    "action": ("a robot's choice differs from its last", ("action", "job")),
    "job_assigned": ("the station or a leader gives a job to a robot that it hears", ("job", "by")),
    "job_started": ("a robot begins to work on a job", ("job",)),
    "job_done": ("a job's effort is complete", ("job", "value")),
    "job_failed": ("a robot gives a job up", ("job", "reason")),
    "route": ("a global route was planned", ("job", "length_m", "wkt")),
    "keepout": ("a rock the robot saw and keeps away from", ("x_m", "y_m", "radius_m", "confidence")),
    "rock_contact": ("wheels or belly touched a rock (truth)", ("x_m", "y_m", "height_m")),
    "plan_failed": ("planning failed", ("reason", "message")),
    "hop": ("a hopper takes off", ("x_m", "y_m", "to_x_m", "to_y_m")),
    "link": ("a robot's link comes or goes", ("up", "peer")),
    "outage": ("the scenario cuts links, or gives them back (up)", ("up", "message")),
    "radio": ("messages between robots, station, relay and Earth, once a decision step", ("delivered", "missed")),
    "heard": ("a message arrives; `@relay` and `@earth` are mailboxes (only logged when traced)", ("peer",)),
    "leader_elected": (
        "a robot leads from now on: the station again, or one of those out of its reach",
        ("term", "members"),
    ),
    "leader_left": ("a robot has heard of another leader (by) and leads no more", ("by",)),
    "fault": (
        "a subsystem fails, or works again (up): `mobility`, `power`, `comm`, `payload` or `thermal`; `stuck` is the soil's",
        ("up", "reason"),
    ),
    "night": ("the robot's ground goes dark or is lit again", ("dark",)),
    "landed": ("a robot has landed, and is part of the mission from now on", ("x_m", "y_m")),
    "lost": ("a robot is lost", ("reason",)),
    "mission_ended": ("the run ends", ("reason", "archive_mbit", "value")),
}

SCHEMA = pa.schema(
    [
        pa.field("seq", pa.int64(), nullable=False),
        pa.field("t_s", pa.int64(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("robot", pa.string()),
        *(pa.field(name, field.type) for name, field in FIELDS.items()),
    ]
)

Value = float | int | str | bool | None
Column = NDArray[Any]
HEAD = ("seq", "t_s", "kind", "robot")  # columns that every event has


class Rows(NamedTuple):
    """Events of one kind and one time, one per robot, as columns; a NaN is no value."""

    first: int  # seq of the first
    t_s: int
    kind: str
    robots: list[str]
    columns: dict[str, Column]  # [n] each

    def events(self) -> list[dict[str, Value]]:
        """The same, one by one."""
        values = {name: [None if v != v else v for v in column.tolist()] for name, column in self.columns.items()}
        return [
            {"seq": self.first + n, "t_s": self.t_s, "kind": self.kind, "robot": robot}
            | {name: column[n] for name, column in values.items()}
            for n, robot in enumerate(self.robots)
        ]


class EventLog:
    """Collects events in memory and writes them as numbered parts.

    With ``folder=None`` they stay in ``pending``; with ``keep=False`` as well they are only counted. ``count`` is the
    number of events ever appended, the ``seq`` of the next one.
    """

    def __init__(self, folder: Path | None = None, *, keep: bool = True) -> None:
        self.folder = folder
        self.count = 0
        self.keep = keep
        self._waiting: list[dict[str, Value] | Rows] = []
        if folder is not None:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise EventError(f"{folder}: the event log cannot be made ({error.strerror})") from error

    @property
    def pending(self) -> list[dict[str, Value]]:
        """Events not yet written, one by one, in order."""
        out: list[dict[str, Value]] = []
        for entry in self._waiting:
            out += entry.events() if isinstance(entry, Rows) else [entry]
        return out

    def append(self, kind: str, t_s: int, robot: str | None = None, **values: Value) -> None:
        """Append one event.

        Raises
        ------
        EventError
            ``kind`` is unknown or ``values`` are not exactly the columns of that kind.
        """
        check_columns(kind, values.keys())
        if self.keep or self.folder is not None:
            self._waiting.append({"seq": self.count, "t_s": int(t_s), "kind": kind, "robot": robot, **values})
        self.count += 1

    def append_rows(self, kind: str, t_s: int, robots: Sequence[str], **columns: Column) -> None:
        """Append one event of each of ``robots`` [n], their values as ``columns`` [n]; a NaN is no value. Copies them.

        Raises
        ------
        EventError
            ``kind`` is unknown, ``columns`` are not exactly those of that kind, or one is not [n].
        """
        check_columns(kind, columns.keys())
        for name, column in columns.items():
            if column.shape != (len(robots),):
                raise EventError(f"event {kind}: {name} of shape {column.shape}: must be ({len(robots)},)")
        if self.keep or self.folder is not None:
            own = {name: column.copy() for name, column in columns.items()}
            self._waiting.append(Rows(self.count, int(t_s), kind, list(robots), own))
        self.count += len(robots)

    def flush(self) -> None:
        """Write what is pending as the next part (nothing when nothing is pending or there is no folder)."""
        if self.folder is None or not self._waiting:
            return
        self._write(as_table(self._waiting))
        self._waiting.clear()

    def _write(self, table: pa.Table) -> None:
        """Write a part aside, then move it in place."""
        folder = self.folder or Path()
        final = folder / f"part-{table['seq'][0].as_py():09d}.parquet"
        aside = final.with_suffix(".tmp")
        try:
            with open(aside, "wb") as file:
                pq.write_table(table, file, compression="zstd")
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, final)
            sync_folder(folder)
        except OSError as error:
            raise EventError(f"{final}: cannot be written ({error.strerror or error})") from error

    def rewind(self, count: int) -> None:
        """Forget every event from ``seq`` ``count`` on, on disk too: a resumed run writes them anew, the same.

        Raises
        ------
        EventError
            Fewer than ``count`` events are on disk, or a part cannot be read.
        """
        if self.folder is None:
            raise EventError("rewind: this log has no folder")
        for aside in self.folder.glob("*.tmp"):
            aside.unlink()
        kept = 0
        for part in parts(self.folder):
            table = read_part(part)
            first = int(part.stem.split("-")[1])
            if first >= count:
                part.unlink()
                continue
            if first != kept:
                raise EventError(f"{part}: starts at event {first}, expected {kept}: a part is missing")
            if first + table.num_rows > count:
                self._write(table.slice(0, count - first))  # replaces the part in one move: a kill here loses nothing
                kept = count
                continue
            kept += table.num_rows
        if kept != count:
            raise EventError(f"{self.folder}: holds {kept} events, the checkpoint wants {count}: the run is damaged")
        self._waiting = []
        self.count = count


def check_columns(kind: str, names: AbstractSet[str]) -> None:
    """Raise `EventError` unless ``kind`` is known and ``names`` are exactly its columns."""
    known = KINDS.get(kind)
    if known is None:
        raise EventError(f"event kind {kind!r}: unknown; known: {', '.join(KINDS)}")
    if names != set(known[1]):
        raise EventError(f"event {kind}: columns {sorted(names)} given, {sorted(known[1])} wanted")


def as_table(entries: Sequence[dict[str, Value] | Rows]) -> pa.Table:
    """Events, single ones and rows of them, as one table of the log's schema."""
    sizes = [len(entry.robots) if isinstance(entry, Rows) else 1 for entry in entries]
    starts = np.cumsum([0, *sizes]).tolist()
    columns = {field.name: np.full(starts[-1], None, dtype=object) for field in SCHEMA}
    for entry, at, after in zip(entries, starts, starts[1:], strict=False):
        if isinstance(entry, Rows):
            columns["seq"][at:after] = np.arange(entry.first, entry.first + after - at)
            columns["t_s"][at:after], columns["kind"][at:after] = entry.t_s, entry.kind
            columns["robot"][at:after] = entry.robots
        values = entry.columns if isinstance(entry, Rows) else entry
        for name, value in values.items():
            columns[name][at:after] = value
    arrays = [pa.array(columns[field.name], type=field.type, from_pandas=True) for field in SCHEMA]  # NaN: no value
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def parts(folder: Path) -> list[Path]:
    """Part files of a log, in order."""
    return sorted(folder.glob("part-*.parquet"))


def read_part(path: Path) -> pa.Table:
    """Read one part, checked against the schema; `EventError` when it is damaged."""
    try:
        with open(path, "rb") as file:  # opened here: Arrow takes no path that is not UTF-8
            table = pq.read_table(file, schema=SCHEMA)
    except (pa.ArrowException, OSError) as error:
        raise EventError(f"{path}: not a readable part of an event log ({type(error).__name__})") from error
    return table


def read_events(run_dir: Path) -> pa.Table:
    """Read the whole event log of a run folder, in order of ``seq``; `EventError` when there is none or it is damaged."""
    folder = Path(run_dir) / FOLDER
    found = parts(folder)
    if not found:
        raise EventError(f"{folder}: no event log there")
    return pa.concat_tables([read_part(part) for part in found])


def digest(table: pa.Table) -> str:
    """SHA-256 over the rows in order, each as canonical JSON without its nulls (floats in shortest exact form)."""
    sha = hashlib.sha256()
    for batch in table.to_batches(max_chunksize=65_536):
        for row in batch.to_pylist():
            kept = {name: value for name, value in row.items() if value is not None}
            sha.update(json.dumps(kept, sort_keys=True, separators=(",", ":")).encode())
            sha.update(b"\n")
    return sha.hexdigest()
