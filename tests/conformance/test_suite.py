"""The suite that ships, over every registered environment that has a native batch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from moonfleet.envs import VECTOR_ENTRY_POINTS
from moonfleet.envs.testing import ALL_GAME_CHECKS, FOREIGN_CHECKS, Check, registered_subject

CHECKS = (*ALL_GAME_CHECKS, *FOREIGN_CHECKS)


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("env_id", sorted(VECTOR_ENTRY_POINTS))
def test_conformance(env_id: str, check: Check) -> None:
    check(registered_subject(env_id, worlds=3, steps=40))


def test_a_script_without_a_guard_is_told_so(tmp_path: Path) -> None:
    """The process that takes up a state reads the script again, and would begin the checks anew."""
    script = tmp_path / "flat.py"
    script.write_text(
        "from moonfleet.envs.testing import Subject\n"
        "from moonfleet.envs.testing.state_checks import check_state_in_another_process\n"
        "from tests.walk_game import WalkVector\n"
        "check_state_in_another_process(Subject(vector=WalkVector, single=None, worlds=2, steps=10))\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert 'call the checks below `if __name__ == "__main__":`' in done.stderr
