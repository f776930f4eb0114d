"""An environment of its own for peers that the project never depends on: made in the cache folder, filled from the package index."""

from __future__ import annotations

import subprocess
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ..errors import BenchError

DONE: Final = "built"


def python_with(folder: Path, packages: Sequence[str], module: str) -> Path:
    """Return a Python with ``packages`` (pip's words) that imports ``module``, made under ``folder`` unless it is there.

    Raises `BenchError` where a step fails (no index, no wheel), with what it said.
    """
    python = folder / "env" / "bin" / "python"
    if (folder / DONE).exists():
        return python
    try:
        folder.mkdir(parents=True, exist_ok=True)
        venv.create(folder / "env", with_pip=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise BenchError(f"{module} under {folder}: no environment could be made: {error}") from error
    run_step(module, [str(python), "-m", "pip", "install", "-q", *packages])
    run_step(module, [str(python), "-c", f"import {module}"])
    (folder / DONE).write_text("\n".join(packages) + "\n", encoding="utf-8")
    return python


def run_step(name: str, command: list[str]) -> None:
    """Run a step of a build; raises `BenchError` with the end of what a failed one said."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchError(f"{name}: {' '.join(command[:4])} ... failed: {(done.stderr or done.stdout).strip()[-500:]}")
