"""Work in threads: how many, in what order they tell, and what becomes of an error."""

from __future__ import annotations

import pytest

from moonfleet.terrain.threads import cores, for_each


def test_fewer_threads_on_request_never_more_than_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    most = cores()
    assert most >= 1
    for wish, threads in (("1", 1), ("9999", most), ("0", 1), ("many", most)):
        monkeypatch.setenv("NUMBA_NUM_THREADS", wish)
        assert cores() == threads


@pytest.mark.parametrize("threads", [None, 1, 5])
def test_every_piece_once_and_progress_in_order(threads: int | None) -> None:
    done = [0] * 20
    told: list[tuple[int, int]] = []

    def work(i: int) -> None:
        done[i] += 1

    for_each(work, 20, threads, lambda k, n: told.append((k, n)))
    assert done == [1] * 20
    assert told == [(k, 20) for k in range(1, 21)]


def test_an_error_in_a_piece_comes_out() -> None:
    def work(i: int) -> None:
        if i == 3:
            raise ValueError("piece 3")

    with pytest.raises(ValueError, match="piece 3"):
        for_each(work, 6, 2)
