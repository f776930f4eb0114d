"""Mail of many missions, faster: while nobody writes on a board, what the boards know of each other is kept as sets of bits.

A board is a list of facts, and of each fact the greater one holds (`knowledge`). Where the boards of a world differ in a fact, each step
from one of its values to the next greater is a *cell*: a board has it, or it has not. The cells that a board has are a set; to join
two boards is the union of their sets, and they say the same when the sets are the same. Cells that the same boards have at the
beginning go the same ways ever after: they share a *bit*. So a message costs two operations on one number, and the facts are written
once, when the next note is made (`write_out`).

Rounds, losses and versions are those of `mail.deliver`, number by number; tests hold them together.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.forced_kernel import forced_kernel
from moonfleet.terrain.kernel import kernel, leaf_kernel

from .faults import uniform
from .knowledge import MAILBOXES, later
from .mail import WORD, Desk, see_later_news

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

BITS: Final = 62  # of a set


class Gossip(NamedTuple):
    """What is known of the boards of one world."""

    has: Ints  # [N] the bits of each board
    had: Ints  # [N] as the round began
    first: Ints  # [N] as the boards stand written
    holders: Ints  # [62] set of the nodes that had each bit at first
    fact: Ints  # [cells] which fact: progress of jobs, jobs done, notes of robots, jobs given to robots, who leads
    bit: Ints  # [cells]
    source: Ints  # [cells] a node whose board has this value
    counts: Ints  # [3] bits, cells, nodes in contact
    who: Ints  # [N] nodes in contact with any other, in their order; the others neither tell nor hear anything


@kernel
def make_gossip(robots: int, jobs: int) -> Gossip:
    """Room for one world."""
    nodes = robots + MAILBOXES
    cells = (2 * jobs + 2 * robots + 1) * (nodes - 1)
    sets, cell = np.zeros((3, nodes), np.int64), np.zeros((3, cells), np.int64)
    return Gossip(
        sets[0], sets[1], sets[2], np.zeros(BITS, np.int64), cell[0], cell[1], cell[2], np.zeros(3, np.int64), np.zeros(nodes, np.int64)
    )  # fmt: skip


# -- from boards to sets ---------------------------------------------------------------------------------------------


@forced_kernel
def find_company(desk: Desk, gossip: Gossip) -> None:
    """Find who is in contact with anybody."""
    gossip.counts[2] = 0
    for node in range(desk.near.shape[0]):
        near = 0
        for word in range(desk.near.shape[1]):
            near |= desk.near[node, word]
        if near != 0:
            gossip.who[gossip.counts[2]] = node
            gossip.counts[2] += 1


@forced_kernel
def add_cell(fact: int, holders: int, source: int, gossip: Gossip) -> bool:
    """Add a cell that the nodes of the set ``holders`` have; False where there is no bit left for it."""
    bit, bits = 0, gossip.counts[0]
    while bit < bits and gossip.holders[bit] != holders:
        bit += 1
    if bit == bits:
        if bits == BITS:
            return False
        gossip.holders[bit] = holders
        gossip.counts[0] += 1
        for k in range(gossip.counts[2]):
            gossip.has[gossip.who[k]] |= ((holders >> gossip.who[k]) & 1) << bit
    at = gossip.counts[1]
    gossip.fact[at], gossip.bit[at], gossip.source[at] = fact, bit, source
    gossip.counts[1] += 1
    return True


@forced_kernel
def add_column(floats: Floats, w: int, column: int, fact: int, gossip: Gossip) -> bool:
    """Add the cells of a fact that is greater where the number in its ``column`` is."""
    low, high = np.inf, -np.inf
    for k in range(gossip.counts[2]):
        value = floats[w, gossip.who[k], column]
        low, high = min(low, value), max(high, value)
    if low == high:
        return True
    lowest, upper, highest, source = 0, 0, 0, -1
    for k in range(gossip.counts[2]):
        node = gossip.who[k]
        value = floats[w, node, column]
        lowest += int(value == low)
        upper += int(value == high)
        highest |= int(value == high) << node
        source = node if value == high else source
    if lowest + upper == gossip.counts[2]:  # one step: nothing lies between
        return add_cell(fact, highest, source, gossip)
    while True:
        above, source = np.inf, -1
        for k in range(gossip.counts[2]):
            value = floats[w, gossip.who[k], column]
            if low < value < above:
                above, source = value, gossip.who[k]
        if source < 0:
            return True
        holders = 0
        for k in range(gossip.counts[2]):
            holders |= int(floats[w, gossip.who[k], column] >= above) << gossip.who[k]
        if not add_cell(fact, holders, source, gossip):
            return False
        low = above


@forced_kernel
def add_word(floats: Floats, ints: Ints, w: int, term: int, giver: int, when: int, fact: int, gossip: Gossip) -> bool:
    """Add the cells of a leader's word, whose columns are ``term`` and ``giver`` of the integers and ``when`` of the floats."""
    low, other = gossip.who[0], False
    for k in range(1, gossip.counts[2]):
        node = gossip.who[k]
        other |= ints[w, node, term] != ints[w, low, term]
        other |= ints[w, node, giver] != ints[w, low, giver]
        other |= floats[w, node, when] != floats[w, low, when]
    if not other:
        return True
    for k in range(1, gossip.counts[2]):
        node = gossip.who[k]
        if later(
            ints[w, low, term], ints[w, low, giver], floats[w, low, when], ints[w, node, term], ints[w, node, giver],
            floats[w, node, when],
        ):  # fmt: skip
            low = node
    while True:
        source = -1
        for k in range(gossip.counts[2]):
            node = gossip.who[k]
            above = later(
                ints[w, node, term], ints[w, node, giver], floats[w, node, when], ints[w, low, term], ints[w, low, giver],
                floats[w, low, when],
            )  # fmt: skip
            if above and (
                source < 0
                or later(
                    ints[w, source, term], ints[w, source, giver], floats[w, source, when], ints[w, node, term], ints[w, node, giver],
                    floats[w, node, when],
                )
            ):  # fmt: skip
                source = node
        if source < 0:
            return True
        holders = 0
        for k in range(gossip.counts[2]):
            node = gossip.who[k]
            below = later(
                ints[w, source, term], ints[w, source, giver], floats[w, source, when], ints[w, node, term], ints[w, node, giver],
                floats[w, node, when],
            )  # fmt: skip
            holders |= int(not below) << node
        if not add_cell(fact, holders, source, gossip):
            return False
        low = source


@forced_kernel
def same_word(floats: Floats, ints: Ints, w: int, term: int, giver: int, when: int, gossip: Gossip) -> bool:
    """Whether the word in these columns is, on every board, that in the columns before them."""
    other = False
    for k in range(gossip.counts[2]):
        node = gossip.who[k]
        other |= ints[w, node, term] != ints[w, node, term - 1]
        other |= ints[w, node, giver] != ints[w, node, giver - 1]
        other |= floats[w, node, when] != floats[w, node, when - 1]
    return not other


@forced_kernel
def repeat_cells(first: int, last: int, fact: int, gossip: Gossip) -> None:
    """Add the cells ``first`` to ``last`` once more, for another fact."""
    for cell in range(first, last):
        at = gossip.counts[1]
        gossip.fact[at], gossip.bit[at], gossip.source[at] = fact, gossip.bit[cell], gossip.source[cell]
        gossip.counts[1] += 1


@leaf_kernel
def read_in(floats: Floats, ints: Ints, done: Bools, w: int, desk: Desk, gossip: Gossip) -> bool:
    """Make the sets of the boards of world ``w``; False where they differ in too many ways (or there are too many of them)."""
    jobs = done.shape[2]
    robots = gossip.has.size - MAILBOXES
    if gossip.has.size > BITS:
        return False
    find_company(desk, gossip)
    for node in range(gossip.has.size):
        gossip.has[node] = 0
    gossip.counts[0] = gossip.counts[1] = 0
    fits = True
    for n in range(jobs + robots):
        column, fact = (n, n) if n < jobs else (3 * robots + n, jobs + n)
        fits = fits and add_column(floats, w, column, fact, gossip)
    for job in range(jobs):
        holders, number, source = 0, 0, -1
        for k in range(gossip.counts[2]):
            node = gossip.who[k]
            has = done[w, node, job]
            holders |= int(has) << node
            number += int(has)
            source = node if has else source
        if 0 < number < gossip.counts[2]:
            fits = fits and add_cell(jobs + job, holders, source, gossip)
    start, end = 0, 0  # cells of the word to the robot before
    for r in range(robots + 1):  # the last is who leads
        term, giver, given, fact = 2 * robots + r, 3 * robots + r, jobs + 5 * robots + r, 2 * jobs + robots + r
        if r == robots:
            term, giver = 4 * robots, 4 * robots + 1
        first = gossip.counts[1]
        if 0 < r < robots and same_word(floats, ints, w, term, giver, given, gossip):
            repeat_cells(start, end, fact, gossip)
        else:
            fits = fits and add_word(floats, ints, w, term, giver, given, fact, gossip)
        start, end = first, gossip.counts[1]
    for node in range(gossip.has.size):
        gossip.first[node] = gossip.has[node]
    return fits


# -- rounds ----------------------------------------------------------------------------------------------------------


@forced_kernel
def anything_to_tell(desk: Desk) -> bool:
    """Whether anybody in contact has what the other has not heard."""
    bits = 0
    for receiver in range(desk.near.shape[0]):
        for word in range(desk.near.shape[1]):
            bits |= desk.near[receiver, word] & desk.news[receiver, word]
    return bits != 0


@forced_kernel
def pass_on(
    version: Ints, taken: Ints, loss: Floats, post: Ints, w: int, key: int, number: int, desk: Desk, gossip: Gossip
) -> None:  # fmt: skip
    """Round ``number`` of world ``w``, as `mail.deliver`, on the sets of ``gossip``."""
    has, had = gossip.has, gossip.had
    for node in range(has.size):
        had[node] = has[node]
    for k in range(gossip.counts[2]):
        receiver = gossip.who[k]
        for word in range(desk.near.shape[1]):
            bits, sender, heard = desk.near[receiver, word] & desk.news[receiver, word], word * WORD, 0
            while bits != 0:
                if bits & 1:
                    alike = had[sender] == had[receiver]
                    lost = not alike and uniform(key, sender, receiver, number) < loss[w, receiver, sender]
                    if not alike:
                        post[w, int(lost)] += 1
                    if not lost:
                        taken[w, receiver, sender] = desk.was[sender]
                        heard |= 1 << (sender - word * WORD)
                        has[receiver] |= had[sender]
                bits, sender = bits >> 1, sender + 1
            desk.news[receiver, word] &= ~heard
        if has[receiver] != had[receiver]:
            version[w, receiver] += 1
    see_later_news(version, taken, w, desk)


# -- from sets to boards ---------------------------------------------------------------------------------------------


@leaf_kernel
def write_out(floats: Floats, ints: Ints, done: Bools, w: int, gossip: Gossip) -> None:
    """Write on the boards of world ``w`` what they have heard since `read_in`.

    Lower values go first: whose board they are read from has not been written over by then.
    """
    jobs = done.shape[2]
    robots = gossip.has.size - MAILBOXES
    got = 0
    for node in range(gossip.has.size):
        gossip.had[node] = gossip.has[node] & ~gossip.first[node]
        got |= gossip.had[node]
    for cell in range(gossip.counts[1]):
        bit, fact, by = gossip.bit[cell], gossip.fact[cell], gossip.source[cell]
        if (got >> bit) & 1 == 0:
            continue
        for k in range(gossip.counts[2]):
            to = gossip.who[k]
            if (gossip.had[to] >> bit) & 1 == 0:
                continue
            if fact < jobs:
                floats[w, to, fact] = floats[w, by, fact]
            elif fact < 2 * jobs:
                done[w, to, fact - jobs] = True
            elif fact < 2 * jobs + robots:
                r = fact - 2 * jobs
                place, heard, since = jobs + 3 * r, jobs + 3 * robots + r, jobs + 4 * robots + r
                floats[w, to, heard] = floats[w, by, heard]
                floats[w, to, since] = floats[w, by, since]
                floats[w, to, place] = floats[w, by, place]
                floats[w, to, place + 1] = floats[w, by, place + 1]
                floats[w, to, place + 2] = floats[w, by, place + 2]
                ints[w, to, r] = ints[w, by, r]
            elif fact < 2 * jobs + 2 * robots:
                r = fact - 2 * jobs - robots
                given = jobs + 5 * robots + r
                floats[w, to, given] = floats[w, by, given]
                ints[w, to, robots + r] = ints[w, by, robots + r]
                ints[w, to, 2 * robots + r] = ints[w, by, 2 * robots + r]
                ints[w, to, 3 * robots + r] = ints[w, by, 3 * robots + r]
            else:
                floats[w, to, jobs + 6 * robots] = floats[w, by, jobs + 6 * robots]
                ints[w, to, 4 * robots] = ints[w, by, 4 * robots]
                ints[w, to, 4 * robots + 1] = ints[w, by, 4 * robots + 1]
