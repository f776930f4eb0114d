"""A cached kernel is compiled anew when any kernel file changes."""

from __future__ import annotations

import pytest

from moonfleet.terrain import kernel as module


@module.kernel
def twice(x: float) -> float:
    return 2.0 * x


def test_the_cache_is_stamped_with_all_kernel_files(monkeypatch: pytest.MonkeyPatch) -> None:
    def stamp() -> object:
        return module.kernel(twice.py_func)._cache._cache_file._source_stamp  # type: ignore[attr-defined]

    before = stamp()
    assert stamp() == before
    monkeypatch.setattr(module, "kernel_stamp", lambda: "another content")
    assert stamp() != before


def test_the_stamp_covers_every_room_with_kernels() -> None:
    assert len(module.kernel_stamp()) == 64
    assert twice(3.0) == 6.0
