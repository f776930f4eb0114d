"""The event log keeps what it is told, in whole parts, and its digest is of the rows alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from moonfleet.agents.errors import EventError
from moonfleet.agents.events import FIELDS, FOLDER, KINDS, EventLog, digest, parts, read_events


def fill(log: EventLog, first: int, last: int) -> None:
    for number in range(first, last):
        log.append("job_done", 60 * number, "rover", job=f"job-{number}", value=0.1 * number)


def written(run: Path, *cuts: int) -> str:
    log = EventLog(run / FOLDER)
    start = 0
    for cut in cuts:
        fill(log, start, cut)
        log.flush()
        start = cut
    return digest(read_events(run))


def test_what_is_appended_is_read_back_in_order(tmp_path: Path) -> None:
    written(tmp_path, 3, 7)
    table = read_events(tmp_path)
    assert table["seq"].to_pylist() == list(range(7))
    assert table["job"].to_pylist()[4] == "job-4"
    assert table["value"].to_pylist()[3] == 0.1 * 3
    assert table["x_m"].null_count == 7


def test_digest_does_not_depend_on_the_cuts(tmp_path: Path) -> None:
    assert written(tmp_path / "a", 2, 9) == written(tmp_path / "b", 5, 6, 9)
    assert written(tmp_path / "c", 8) != written(tmp_path / "d", 9)


@pytest.mark.parametrize("keep", [0, 1, 4, 5, 6, 9])
def test_rewound_and_continued_equals_never_stopped(tmp_path: Path, keep: int) -> None:
    whole = written(tmp_path / "whole", 4, 9, 12)
    written(tmp_path / "cut", 4, 9)
    (tmp_path / "cut" / FOLDER / "part-000000009.tmp").write_bytes(b"half a part")
    log = EventLog(tmp_path / "cut" / FOLDER)
    log.rewind(keep)
    assert log.count == keep
    fill(log, keep, 12)
    log.flush()
    assert digest(read_events(tmp_path / "cut")) == whole


def test_rewind_refuses_a_log_that_is_too_short_or_damaged(tmp_path: Path) -> None:
    written(tmp_path, 4, 9)
    folder = tmp_path / FOLDER
    with pytest.raises(EventError, match="holds 9 events, the checkpoint wants 10"):
        EventLog(folder).rewind(10)
    parts(folder)[0].write_bytes(b"PAR1 nothing")
    with pytest.raises(EventError, match="not a readable part"):
        EventLog(folder).rewind(9)


def test_unknown_kinds_and_columns_are_refused() -> None:
    log = EventLog(None)
    with pytest.raises(EventError, match="'explosion': unknown"):
        log.append("explosion", 0)
    with pytest.raises(EventError, match="job_done: columns"):
        log.append("job_done", 0, "rover", job="a")
    assert log.count == 0


def test_every_column_of_every_kind_is_in_the_schema() -> None:
    assert {column for _, columns in KINDS.values() for column in columns} == set(FIELDS)


def test_a_folder_without_a_log_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EventError, match="no event log there"):
        read_events(tmp_path)


def test_a_log_that_cannot_be_made_or_written_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EventError, match="cannot be made"):
        EventLog(tmp_path / "file")
    log = EventLog(tmp_path / "log")
    log.append("night", 0, "a", dark=True)
    (tmp_path / "log").rmdir()
    with pytest.raises(EventError, match="cannot be written"):
        log.flush()
    assert len(log.pending) == 1, "nothing is forgotten"


def test_rows_are_the_events_one_by_one(tmp_path: Path) -> None:
    columns = {"x_m": np.array([1.5, np.nan]), "activity": np.array(["hold", "drive"], dtype=object)}
    zeros = {name: np.zeros(2) for name in KINDS["status"][1] if name not in (*columns, "link")}
    both = {**zeros, **columns, "link": np.array([1, 4])}
    logs = [EventLog(tmp_path / name / FOLDER) for name in ("rows", "single")]
    for log in logs:
        fill(log, 0, 2)
    logs[0].append_rows("status", 60, ["a", "b"], **both)
    for row, robot in enumerate(("a", "b")):
        values = {name: column[row].item() if name != "activity" else column[row] for name, column in both.items()}
        logs[1].append(
            "status", 60, robot, **{name: None if value != value else value for name, value in values.items()}
        )
    for log in logs:
        fill(log, 4, 6)
    assert logs[0].pending == logs[1].pending
    assert logs[0].count == 6
    for log in logs:
        log.flush()
        assert log.pending == []
    digests = {digest(read_events(tmp_path / name)) for name in ("rows", "single")}
    assert len(digests) == 1


def test_rows_of_the_wrong_shape_or_columns_are_refused() -> None:
    log = EventLog(None)
    with pytest.raises(EventError, match="night: columns"):
        log.append_rows("night", 0, ["a"], lit=np.zeros(1))
    with pytest.raises(EventError, match=r"dark of shape \(2,\): must be \(1,\)"):
        log.append_rows("night", 0, ["a"], dark=np.zeros(2))
    assert log.count == 0
