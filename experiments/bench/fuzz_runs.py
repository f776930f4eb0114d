"""Runs of bad pictures through the detectors, ``see`` and the command, in a process of their own, and what became of each."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Final

import numpy as np

from .fuzz_pictures import array_case, file_case, numbers_case

ANSWER, TYPED, CRASH, BAD, LEAK = "answer", "typed error", "crash", "bad answer", "warning"
RED: Final = "Error: "


def rocks(number: int, folder: Path) -> tuple[str, str]:
    """Look for rocks in a bad array; returns what was bad and what became of it."""
    from moonfleet.autonomy.errors import ImageError
    from moonfleet.autonomy.rocks_seen import detect_rocks

    name, image = array_case(number)
    az, el, cell = numbers_case(number)
    try:
        found = detect_rocks(image, cell, az, el, min_confidence=0.0)
    except ImageError:
        return name, TYPED
    good = all(np.isfinite(part).all() for part in found) and _chances(found.confidence)
    return name, ANSWER if good and (found.diameter_m > 0.0).all() else BAD


def craters(number: int, folder: Path) -> tuple[str, str]:
    """Look for craters in a bad array."""
    from moonfleet.autonomy.craters_seen import detect_craters
    from moonfleet.autonomy.errors import ImageError

    name, image = array_case(number)
    az, el, cell = numbers_case(number)
    try:
        found = detect_craters(image, az if number % 3 else None, el, cell, min_confidence=0.0)
    except ImageError:
        return name, TYPED
    parts = (found.col, found.row, found.half_width_px, found.half_height_px, found.diameter_m, found.depth_ratio)
    return name, ANSWER if all(np.isfinite(part).all() for part in parts) and _chances(found.confidence) else BAD


def _chances(confidence: np.ndarray) -> bool:
    return bool(((confidence >= 0.0) & (confidence <= 1.0)).all())


def files(number: int, folder: Path) -> tuple[str, str]:
    """Give a bad file to ``see``, and write what it saw."""
    from moonfleet.autonomy.errors import ImageError

    from ..see import SeeOptions, see
    from ..see_geojson import write_geojson

    name, path = file_case(number, folder)
    try:
        seen = see(path, SeeOptions(60.0, 10.0, 0.1) if number % 2 else SeeOptions())
        write_geojson(seen, folder / "out.geojson")
        json.loads((folder / "out.geojson").read_text(encoding="utf-8"))
    except ImageError:
        return name, TYPED
    finally:
        path.unlink()
    return name, ANSWER


def command(number: int, folder: Path) -> tuple[str, str]:
    """Give a bad file to the command: paths and nothing else, or exit code 2 and one line that begins with `RED`."""
    from ..cli import main

    name, path = file_case(number, folder)
    said, err = io.StringIO(), io.StringIO()
    code: object = 0
    with redirect_stdout(said), redirect_stderr(err):
        try:
            main(
                ["see", str(path), "--out", str(folder), "--quiet", "--sun-az", "60", "--sun-el", "10", "--gsd", "0.1"]
            )
        except SystemExit as stop:
            code = stop.code
    path.unlink()
    words = err.getvalue()
    if code == 2 and words.startswith(RED) and words.count("\n") == 1 and not said.getvalue():
        return name, TYPED
    return name, ANSWER if code in (0, None) and not words and said.getvalue().count("\n") == 2 else BAD


RUNS: Final[dict[str, Callable[[int, Path], tuple[str, str]]]] = {
    "rocks": rocks,
    "craters": craters,
    "files": files,
    "command": command,
}


@contextmanager
def _heard() -> Iterator[Callable[[], bytes]]:
    """Keep what is written to the process's own stderr (C libraries too); yields what was heard since the last call."""
    with tempfile.TemporaryFile() as kept:
        before = os.dup(2)
        os.dup2(kept.fileno(), 2)
        at = 0

        def heard() -> bytes:
            nonlocal at
            kept.seek(at)
            new = kept.read()
            at += len(new)
            return new

        try:
            yield heard
        finally:
            os.dup2(before, 2)
            os.close(before)


def run_here(which: str, first: int, last: int) -> dict[str, dict[str, int]]:
    """Run the cases and return how many of each kind of picture ended how."""
    import cv2

    cv2.setNumThreads(1)
    counts: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as folder, _heard() as heard, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for number in range(first, last):
            try:
                name, outcome = RUNS[which](number, Path(folder))
            except Exception as error:  # every one of them is a finding
                name, outcome = f"{which} {number}: {traceback.format_exception_only(error)[-1].strip()}", CRASH
            words = heard().decode(errors="replace") + " ".join(str(one.message) for one in warned)
            if words and outcome not in (CRASH, BAD):
                name, outcome = f"{name}: {words.strip()[-200:]}", LEAK
            warned.clear()
            counts.setdefault(name, Counter())[outcome] += 1
    return {name: dict(count) for name, count in counts.items()}


def run_apart(which: str, first: int, last: int) -> dict[str, dict[str, int]]:
    """Run the cases in a process of their own, so that even a broken C library is counted: as a crash of its cases."""
    code = "import json, sys; from moonfleet.experiments.bench.fuzz_runs import run_here; "
    code += f"sys.stdout.write(json.dumps(run_here({which!r}, {first}, {last})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode:
        return {f"process ended with {done.returncode}: {done.stderr[-200:]}": {CRASH: last - first}}
    return json.loads(done.stdout)
