"""Job lists: their order, and every way they can be wrong."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from moonfleet.autonomy.errors import JobError
from moonfleet.autonomy.jobs import Job, JobKind, check_jobs, find_cycle

LOOK = Job("look", JobKind.SURVEY, (0.0, 0.0), 2.0)
DIG = Job("dig", JobKind.EXCAVATE, (1.0, 0.0), 8.0, tool="blade", needs=("look",))
SINTER = Job("sinter", JobKind.SINTER, (1.0, 0.0), 8.0, needs=("dig", "look"))


def test_kinds_are_read_from_text() -> None:
    assert Job("a", "drill", (0.0, 0.0), 1.0).kind is JobKind.DRILL  # type: ignore[arg-type]
    with pytest.raises(JobError, match=r"job 'a': kind: unknown job kind 'dril'\. Did you mean 'drill'\?"):
        Job("a", "dril", (0.0, 0.0), 1.0)  # type: ignore[arg-type]


def test_windows() -> None:
    job = replace(LOOK, window_s=(10.0, 20.0))
    assert [job.open_at(t) for t in (9.9, 10.0, 19.9, 20.0)] == [False, True, True, False]
    assert LOOK.open_at(1e9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": ""}, r"jobs\[1\]\.id: empty"),
        ({"id": "look"}, r"jobs\[1\]\.id: 'look' is already the name of jobs\[0\]"),
        ({"needs": ("lok",)}, r"jobs\[1\]\.needs\[0\]: no job is called 'lok'\. Did you mean 'look'"),
        ({"effort_h": 0.0}, r"jobs\[1\]\.effort_h: 0\.0 h; must be above 0"),
        ({"effort_h": math.nan}, r"jobs\[1\]\.effort_h"),
        ({"value": -1.0}, r"jobs\[1\]\.value: -1\.0"),
        ({"data_mbit": math.inf}, r"jobs\[1\]\.data_mbit"),
        ({"crew": 0}, r"jobs\[1\]\.crew: 0"),
        ({"window_s": (5.0, 5.0)}, r"jobs\[1\]\.window_s: opens 5\.0 s, closes 5\.0 s"),
        ({"xy": (math.nan, 0.0)}, r"jobs\[1\]\.xy: x is nan"),
        ({"tool": "blad"}, r"jobs\[1\]\.tool: .*'blad'\. Did you mean 'blade'"),
        ({"needs": ("sinter",)}, r"jobs\[1\]\.needs: .*dig -> sinter -> dig"),
        ({"needs": ("dig",)}, r"jobs\[1\]\.needs: .*dig -> dig"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(JobError, match=message):
        check_jobs([LOOK, replace(DIG, **change), SINTER], tools=["blade", "drill"])


def test_a_long_chain_is_no_cycle() -> None:
    chain = [replace(LOOK, id=str(i), needs=(str(i + 1),) if i < 3000 else ()) for i in range(3001)]
    assert find_cycle(chain) == []
    check_jobs(chain, tools=[])
