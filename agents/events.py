"""The event log: one typed, append-only table per run; metrics, report, replay and exports are computed from it.

On disk it is a Parquet dataset, a folder of part files, each written aside, synced and renamed, so that a killed run
leaves whole parts only. The digest is over the rows, not over the files: it does not depend on how they were cut.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

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
    "up": Field(pa.bool_(), "True when a link comes up, False when it goes down"),
    "peer": Field(pa.string(), "the other end of a link: station, relay or earth; of a message: who sent it"),
    "by": Field(pa.string(), "the robot that gives the job: the station or a leader"),
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
    "night": ("the robot's ground goes dark or is lit again", ("dark",)),
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


class EventLog:
    """Collects events in memory and writes them as numbered parts.

    With ``folder=None`` they stay in ``pending``; with ``keep=False`` as well they are only counted. ``count`` is the
    number of events ever appended, the ``seq`` of the next one.
    """

    def __init__(self, folder: Path | None = None, *, keep: bool = True) -> None:
        self.folder = folder
        self.count = 0
        self.keep = keep
        self.pending: list[dict[str, Value]] = []
        if folder is not None:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise EventError(f"{folder}: the event log cannot be made ({error.strerror})") from error

    def append(self, kind: str, t_s: int, robot: str | None = None, **values: Value) -> None:
        """Append one event.

        Raises
        ------
        EventError
            ``kind`` is unknown or ``values`` are not exactly the columns of that kind.
        """
        known = KINDS.get(kind)
        if known is None:
            raise EventError(f"event kind {kind!r}: unknown; known: {', '.join(KINDS)}")
        if values.keys() != set(known[1]):
            raise EventError(f"event {kind}: columns {sorted(values)} given, {sorted(known[1])} wanted")
        if self.keep or self.folder is not None:
            self.pending.append({"seq": self.count, "t_s": int(t_s), "kind": kind, "robot": robot, **values})
        self.count += 1

    def flush(self) -> None:
        """Write what is pending as the next part (nothing when nothing is pending or there is no folder)."""
        if self.folder is None or not self.pending:
            return
        table = pa.Table.from_pylist(self.pending, schema=SCHEMA)
        final = self.folder / f"part-{int(self.pending[0]['seq'] or 0):09d}.parquet"
        aside = final.with_suffix(".tmp")
        try:
            with open(aside, "wb") as file:
                pq.write_table(table, file, compression="zstd")
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, final)
            sync_folder(self.folder)
        except OSError as error:
            raise EventError(f"{final}: cannot be written ({error.strerror or error})") from error
        self.pending.clear()

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
                self.pending = table.slice(0, count - first).to_pylist()
                self.flush()  # replaces the part in one move: a kill here loses nothing
                kept = count
                continue
            kept += table.num_rows
        if kept != count:
            raise EventError(f"{self.folder}: holds {kept} events, the checkpoint wants {count}: the run is damaged")
        self.pending = []
        self.count = count


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
