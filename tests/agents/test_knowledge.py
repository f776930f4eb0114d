"""News travels only by contact."""

from __future__ import annotations

import numpy as np

from moonfleet.agents.knowledge import NEVER_S, Knowledge


def test_nobody_hears_of_work_without_a_contact() -> None:
    knowledge = Knowledge.blank(robots=3, jobs=2)
    knowledge.note_self(1, 3600.0, np.array([5.0, 6.0, 0.7]), job=0)
    knowledge.note_work(1, 0, 900.0, done=False)
    assert knowledge.own[1].progress_s[0] == 900.0
    assert knowledge.station.progress_s[0] == 0.0
    assert knowledge.station.heard_s[1] == NEVER_S
    knowledge.copy_board(2)
    assert knowledge.own[2].worker[1] == -1


def test_a_contact_tells_the_station_and_the_next_one_hears_it_from_there() -> None:
    knowledge = Knowledge.blank(robots=3, jobs=2)
    knowledge.note_self(1, 3600.0, np.array([5.0, 6.0, 0.7]), job=0)
    knowledge.note_work(1, 0, 900.0, done=True)
    knowledge.exchange(1)
    knowledge.note_self(2, 7200.0, np.array([1.0, 1.0, 0.5]), job=-1)
    knowledge.exchange(2)
    knowledge.copy_board(2)
    assert knowledge.own[2].done.tolist() == [True, False]
    assert knowledge.own[2].robots[1].tolist() == [5.0, 6.0, 0.7]
    assert knowledge.own[2].heard_s.tolist() == [NEVER_S, 3600.0, 7200.0]


def test_state_comes_back_as_it_was() -> None:
    knowledge = Knowledge.blank(robots=2, jobs=3)
    knowledge.note_self(1, 60.0, np.array([1.0, 2.0, 0.3]), job=2)
    knowledge.note_work(1, 2, 5.0, done=False)
    knowledge.exchange(1)
    other = Knowledge.blank(robots=2, jobs=3)
    other.set_state(knowledge.get_state())  # type: ignore[arg-type]
    assert other.station.to_arrays().keys() == knowledge.station.to_arrays().keys()
    for mine, theirs in zip([other.station, *other.own], [knowledge.station, *knowledge.own], strict=True):
        for name, array in theirs.to_arrays().items():
            np.testing.assert_array_equal(mine.to_arrays()[name], array)
