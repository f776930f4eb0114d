"""Rounds on sets of bits end with the boards, versions and losses of rounds on the boards themselves, byte for byte."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

from moonfleet.agents.gossip import BITS, Gossip, anything_to_tell, make_gossip, pass_on, read_in, write_out
from moonfleet.agents.knowledge import MAILBOXES, Knowledge
from moonfleet.agents.mail import Desk, deliver, make_desk, see_contacts, see_news
from moonfleet.terrain.kernel import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
ROUNDS = 6


@kernel
def on_boards(
    f: Floats, i: Ints, d: Bools, version: Ints, taken: Ints, up: Bools, loss: Floats, post: Ints, desk: Desk, rounds: int
) -> None:  # fmt: skip
    """Rounds as a single mission makes them."""
    see_contacts(up, 0, desk)
    see_news(version, taken, 0, desk)
    for number in range(rounds):
        deliver(f, i, d, version, taken, loss, post, 0, 77, number, desk, d.shape[2], version.shape[1] - MAILBOXES)


@kernel
def on_sets(
    f: Floats, i: Ints, d: Bools, version: Ints, taken: Ints, up: Bools, loss: Floats, post: Ints, desk: Desk, gossip: Gossip, rounds: int
) -> bool:  # fmt: skip
    """The same rounds on sets; False where there are too many bits for them."""
    see_contacts(up, 0, desk)
    see_news(version, taken, 0, desk)
    if not anything_to_tell(desk):
        return True
    if not read_in(f, i, d, 0, desk, gossip):
        return False
    for number in range(rounds):
        pass_on(version, taken, loss, post, 0, 77, number, desk, gossip)
    write_out(f, i, d, 0, gossip)
    return True


def boards(rng: Generator, robots: int, jobs: int) -> Knowledge:
    """Boards of facts from a small pool, so that equal, older and newer ones meet often; what is told follows from its time."""
    know = Knowledge(robots, jobs)
    same = rng.random() < 0.5  # mostly alike, or all different
    for node in range(know.nodes):
        if same and node and rng.random() < 0.6:
            for name in ("floats", "ints", "done"):
                getattr(know, name)[node] = getattr(know, name)[node - 1]
            continue
        know.progress_s[node] = rng.integers(0, 3, jobs) * 100.0
        know.done[node] = rng.random(jobs) < 0.3
        for robot in range(robots):
            heard = int(rng.integers(-1, 3))
            if heard >= 0:
                know.heard_s[node, robot] = heard
                know.places[node, robot] = (heard * 10.0 + robot, 1.0, heard / 4.0)
                know.worker[node, robot] = (heard + robot) % (jobs + 1) - 1
                know.since_s[node, robot] = heard // 2
            term, giver, when = int(rng.integers(1, 3)), int(rng.integers(0, robots)), int(rng.integers(0, 3))
            know.term[node, robot], know.giver[node, robot], know.given_s[node, robot] = term, giver, when
            know.assigned[node, robot] = (term + giver + when + robot) % (jobs + 1) - 1
        know.lead_term[node], know.leader[node], know.beat_s[node] = rng.integers(1, 3), rng.integers(0, robots), 5.0
    know.version[:] = rng.integers(0, 4, know.nodes)
    know.taken[:] = rng.integers(-1, 4, know.taken.shape)
    return know


def both(rng: Generator, robots: int, jobs: int) -> bool:
    """Whether the rounds on sets could be made; then they are compared with those on boards."""
    know = boards(rng, robots, jobs)
    half = np.triu(rng.random((know.nodes, know.nodes)) < rng.random(), 1)
    up, loss = (half | half.T)[None], rng.random((1, know.nodes, know.nodes)) * 0.6
    ends: list[list[NDArray[np.generic]]] = []
    fits = True
    for sets in (False, True):
        f, i, d = know.floats.copy()[None], know.ints.copy()[None], know.done.copy()[None]
        version, taken = know.version.copy()[None], know.taken.copy()[None]
        post = np.zeros((1, 2), dtype=np.int64)
        desk = make_desk(robots, jobs, 0)
        if sets:
            fits = bool(on_sets(f, i, d, version, taken, up, loss, post, desk, make_gossip(robots, jobs), ROUNDS))
        else:
            on_boards(f, i, d, version, taken, up, loss, post, desk, ROUNDS)
        ends.append([f, i, d, version, taken, post])
    if fits:
        for one, other in zip(*ends, strict=True):
            assert one.tobytes() == other.tobytes()
    return fits


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.integers(0, 4))
def test_rounds_on_sets_are_rounds_on_boards(seed: int, robots: int, jobs: int) -> None:
    both(default_rng(seed), robots, jobs)


def test_few_robots_always_fit_and_many_say_so() -> None:
    assert all(both(default_rng(seed), 2, 2) for seed in range(30))
    assert not both(default_rng(1), BITS - 1, 2)


@pytest.mark.parametrize("robots", [8, 16])
def test_fleets_of_the_environments_fit_mostly(robots: int) -> None:
    fitted = [both(default_rng(seed), robots, 4) for seed in range(40)]
    assert any(fitted)
