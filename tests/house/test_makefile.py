"""The chores: every target is explained, and a Python that is too old is refused with a clear word."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", *words], cwd=root, capture_output=True, text=True, timeout=60)


def targets(root: Path) -> list[str]:
    phony = re.search(r"^\.PHONY:(.*)$", (root / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert phony is not None
    return phony.group(1).split()


def test_help_names_every_target(root: Path) -> None:
    shown = make(root).stdout
    assert make(root, "help").stdout == shown
    assert [t for t in targets(root) if not re.search(rf"^  make {t}\s+\S", shown, flags=re.MULTILINE)] == []


def test_every_target_can_be_made(root: Path, tmp_path: Path) -> None:
    for target in targets(root):
        done = make(root, "--dry-run", f"VENV={tmp_path / 'venv'}", target)
        assert done.returncode == 0, done.stderr


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="tests run in one process")
def test_groups_of_tests_stay_together(request: pytest.FixtureRequest) -> None:
    """Some pairs of pytest and pytest-xdist forget about groups without a word; kernels are then compiled by every process."""
    assert request.node.nodeid.endswith(".py")


def test_old_python_is_refused(root: Path, tmp_path: Path) -> None:
    old = tmp_path / "python3.9"
    old.write_text('#!/bin/sh\nif [ "$1" = -V ]; then echo Python 3.9.2; exit 0; fi\nexit 1\n')
    old.chmod(0o755)
    done = make(root, f"PYTHON={old}", f"VENV={tmp_path / 'venv'}", "run")
    assert done.returncode != 0
    assert "moonfleet needs Python 3.11 or newer" in done.stderr
    assert "Python 3.9.2" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "venv" / ".made").exists()
