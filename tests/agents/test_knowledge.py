"""News travels only by being told, and what two boards make together does not depend on who tells first."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.agents.knowledge import NEVER_S, Knowledge

STATION, RELAY = 0, 3  # of three robots; then the mailboxes


def test_nobody_hears_of_work_without_being_told() -> None:
    knowledge = Knowledge.blank(robots=3, jobs=2)
    knowledge.note_self(1, 3600.0, np.array([5.0, 6.0, 0.7]), job=0)
    knowledge.note_work(1, 0, 900.0, done=False)
    assert knowledge.own[1].progress_s[0] == 900.0
    assert knowledge.station.progress_s[0] == 0.0
    assert knowledge.station.heard_s[1] == NEVER_S
    assert not knowledge.tell(STATION, 2)
    assert knowledge.own[2].worker[1] == -1


def test_the_next_one_hears_it_from_whoever_was_told() -> None:
    knowledge = Knowledge.blank(robots=3, jobs=2)
    knowledge.note_self(1, 3600.0, np.array([5.0, 6.0, 0.7]), job=0)
    knowledge.note_work(1, 0, 900.0, done=True)
    assert knowledge.tell(1, RELAY)
    knowledge.note_self(2, 7200.0, np.array([1.0, 1.0, 0.5]), job=-1)
    assert knowledge.tell(RELAY, 2)
    assert not knowledge.tell(RELAY, 2)
    assert knowledge.own[2].done.tolist() == [True, False]
    assert knowledge.own[2].robots[1].tolist() == [5.0, 6.0, 0.7]
    assert knowledge.own[2].heard_s.tolist() == [NEVER_S, 3600.0, 7200.0]


def test_what_is_done_stays_done_and_progress_never_falls() -> None:
    knowledge = Knowledge.blank(robots=2, jobs=1)
    knowledge.note_work(0, 0, 900.0, done=True)
    knowledge.note_work(1, 0, 300.0, done=False)
    assert not knowledge.tell(1, 0)
    assert knowledge.own[0].progress_s[0] == 900.0
    assert knowledge.own[0].done[0]


def test_the_word_of_a_higher_term_holds_though_it_is_older() -> None:
    knowledge = Knowledge.blank(robots=3, jobs=2)
    knowledge.note_leader(1, 2, 3600.0)
    knowledge.own[1].assigned[2] = 1
    knowledge.note_given(1, [2], 3600.0)
    knowledge.own[STATION].assigned[2] = 0
    knowledge.note_given(STATION, [2], 7200.0)  # it has not heard of the second term
    knowledge.tell(1, STATION)
    assert knowledge.station.assigned[2] == 1
    assert knowledge.leader[STATION] == 1
    knowledge.note_leader(STATION, 3, 7500.0)
    knowledge.own[STATION].assigned[2] = 0
    knowledge.note_given(STATION, [2], 7500.0)
    knowledge.tell(STATION, 1)
    assert knowledge.own[1].assigned[2] == 0
    assert knowledge.leader[1] == STATION


def test_state_comes_back_as_it_was_and_boards_handed_out_stay_true() -> None:
    knowledge = Knowledge.blank(robots=2, jobs=3)
    knowledge.note_self(1, 60.0, np.array([1.0, 2.0, 0.3]), job=2)
    knowledge.note_work(1, 2, 5.0, done=False)
    knowledge.tell(1, 0)
    other = Knowledge.blank(robots=2, jobs=3)
    board = other.station
    other.set_state(knowledge.get_state())
    for name, array in knowledge.get_state().items():
        np.testing.assert_array_equal(other.get_state()[name], array)
    assert board.worker.tolist() == [-1, 2]
    with pytest.raises(ValueError, match="shape"):
        Knowledge.blank(robots=3, jobs=3).set_state(knowledge.get_state())
