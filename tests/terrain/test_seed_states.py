"""Words of many streams at once are those of one stream after the other."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from moonfleet.terrain.seed_states import episode_words
from moonfleet.terrain.seeds import sequence

numbers = st.one_of(st.integers(0, 9), st.integers(2**32 - 2, 2**32 + 2), st.integers(0, 2**63 - 1))


@settings(deadline=None)
@given(st.lists(st.tuples(numbers, numbers), max_size=6), st.text(max_size=8), st.integers(1, 5))
def test_words_are_those_of_numpy(named: list[tuple[int, int]], purpose: str, count: int) -> None:
    roots, episodes = (np.array([one[k] for one in named], np.int64) for k in range(2))
    want = [sequence(root, purpose, episode=episode).generate_state(count, np.uint64) for root, episode in named]
    got = episode_words(roots, purpose, episodes, count)
    np.testing.assert_array_equal(got, np.reshape(np.array(want, np.uint64), (len(named), count)))
