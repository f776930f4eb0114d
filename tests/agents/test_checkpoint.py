"""Checkpoints come back as they were, and damage is noticed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from moonfleet.agents.checkpoint import FOLDER, KEPT, Checkpoint, flatten, load, nest, newest, save
from moonfleet.agents.errors import CheckpointError

STATE = {"world": {"x": np.arange(6.0).reshape(2, 3)}, "minds": {"0": {"task": np.array([1, -1])}}, "t": np.array(5)}


def test_state_comes_back_as_it_was(tmp_path: Path) -> None:
    back = load(save(tmp_path, Checkpoint(24, 100, STATE)))
    assert (back.step, back.events) == (24, 100)
    flat, before = flatten(back.state), flatten(STATE)
    assert flat.keys() == before.keys()
    for key, value in before.items():
        assert flat[key].dtype == value.dtype
        np.testing.assert_array_equal(flat[key], value)


def test_nest_is_the_inverse_of_flatten() -> None:
    assert flatten(nest(flatten(STATE))).keys() == flatten(STATE).keys()  # type: ignore[arg-type]


def test_only_the_newest_few_are_kept(tmp_path: Path) -> None:
    for step in range(KEPT + 2):
        save(tmp_path, Checkpoint(step, step, STATE))
    assert len(list((tmp_path / FOLDER).iterdir())) == 2 * KEPT
    found, passed = newest(tmp_path)
    assert found is not None
    assert found.step == KEPT + 1
    assert passed == []


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(tmp_path: Path) -> None:
    save(tmp_path, Checkpoint(1, 10, STATE))
    last = save(tmp_path, Checkpoint(2, 20, STATE)).with_suffix(".npz")
    content = bytearray(last.read_bytes())
    content[len(content) // 2] ^= 1
    last.write_bytes(bytes(content))
    found, passed = newest(tmp_path)
    assert found is not None
    assert found.step == 1
    assert len(passed) == 1
    assert "SHA-256" in passed[0]


def test_damaged_later_ones_do_not_push_out_the_one_just_written(tmp_path: Path) -> None:
    for step in (6, 12, 18, 24):
        save(tmp_path, Checkpoint(step, step, STATE), kept=None)
    for step in (18, 24):
        (tmp_path / FOLDER / f"step-{step:08d}.npz").write_bytes(b"cut")
    assert newest(tmp_path)[0] is not None
    save(tmp_path, Checkpoint(13, 13, STATE), kept=1)
    found, passed = newest(tmp_path)
    assert found is not None
    assert (found.step, len(passed)) == (13, 2)


def test_truncated_foreign_and_missing_files_are_errors(tmp_path: Path) -> None:
    manifest = save(tmp_path, Checkpoint(1, 10, STATE))
    head = json.loads(manifest.read_text())
    manifest.with_suffix(".npz").unlink()
    with pytest.raises(CheckpointError, match="cannot be read"):
        load(manifest)
    manifest.write_text(json.dumps(head | {"version": 99}))
    with pytest.raises(CheckpointError, match="version 99"):
        load(manifest)
    manifest.write_text("{")
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        load(manifest)


def test_pickled_arrays_are_refused(tmp_path: Path) -> None:
    with pytest.raises((CheckpointError, ValueError)):
        save(tmp_path, Checkpoint(1, 1, {"bad": np.array([{"a": 1}], dtype=object)}))


@pytest.mark.parametrize("change", [{"events": 9}, {"step": 2}, {"mission": "another"}])
def test_a_changed_manifest_is_noticed(tmp_path: Path, change: dict[str, object]) -> None:
    manifest = save(tmp_path, Checkpoint(1, 10, STATE, "one"))
    assert load(manifest).mission == "one"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | change))
    with pytest.raises(CheckpointError, match="SHA-256"):
        load(manifest)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"version": 2, "step": 1e400}', "null", ""])
def test_a_manifest_that_is_none_is_passed_over(tmp_path: Path, text: str) -> None:
    save(tmp_path, Checkpoint(1, 10, STATE))
    save(tmp_path, Checkpoint(2, 20, STATE)).write_text(text)
    found, passed = newest(tmp_path)
    assert found is not None
    assert (found.step, len(passed)) == (1, 1)


def test_a_checkpoint_that_cannot_be_written_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("in the way")
    with pytest.raises(CheckpointError, match="cannot be written"):
        save(tmp_path, Checkpoint(1, 10, STATE))
