"""Bad pictures: arrays and files by the thousand end in a typed error or an answer; a wrong Sun is believed less; memory holds."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Final

import numpy as np

from .fuzz_runs import ANSWER, BAD, CRASH, LEAK, TYPED, run_apart
from .registry import Bar, Row, Tell, at_least, at_most
from .share_interval import wilson

BAR = "hazards.7"
CASES: Final[dict[str, int]] = {"rocks": 3000, "craters": 3000, "files": 3000, "command": 600}
WORDS: Final = {
    "rocks": "bad arrays to detect_rocks",
    "craters": "bad arrays to detect_craters",
    "files": "bad files to see",
    "command": "bad files to moonfleet see",
}
SCENES: Final = 12  # rendered pictures of other seeds than any that a detector was fitted on
FIRST_SEED: Final = 9_000
SUNS_DEG: Final = (5.0, 10.0, 20.0)  # [deg] elevations
OFF_DEG: Final = (90.0, 180.0, 270.0)
MEMORY_MB: Final = 1500.0
SIDE_M: Final = 60.0


def robust(tell: Tell) -> list[Row]:
    """Count the outcomes, then look at what a wrong Sun does, and at the memory that the largest picture takes."""
    rows: list[Row] = []
    for which, count in CASES.items():
        rows.append(fuzz_row(which, count, tell))
    return [*rows, *wrong_sun(tell), memory_row(tell)]


def fuzz_row(which: str, count: int, tell: Tell) -> Row:
    """Return how many cases of one kind ended in anything but an answer or a typed error."""
    found = run_apart(which, 0, count)
    total: Counter[str] = Counter()
    for name, outcomes in found.items():
        total.update(outcomes)
        if set(outcomes) & {CRASH, BAD, LEAK}:
            tell(f"{which}: {name}: {outcomes}")
    for name, outcomes in sorted(found.items()) if which == "files" else []:
        tell(f"{which}: {name}: " + ", ".join(f"{number} {outcome}" for outcome, number in sorted(outcomes.items())))
    wrong = sum(total[one] for one in (CRASH, BAD, LEAK)) + count - sum(total.values())
    words = f"{WORDS[which]}: {count} ({total[TYPED]} typed errors, {total[ANSWER]} answers), all else"
    return at_most(BAR, words, wrong, "", 0)


def wrong_sun(tell: Tell) -> list[Row]:
    """Return how confidence falls when the Sun is given wrong, how often that is noticed, and how often a right one is doubted."""
    from ..see_example import SUN_AZ_DEG, example_picture

    mean: dict[float, list[float]] = {0.0: [], **{off: [] for off in OFF_DEG}}
    raw: dict[float, list[float]] = {off: [] for off in mean}
    noticed: dict[float, list[bool]] = {off: [] for off in mean}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(SCENES):
            for el in SUNS_DEG:
                az = (SUN_AZ_DEG + 77.0 * number) % 360.0
                path = Path(folder) / "a.png"
                image = example_picture(FIRST_SEED + number, SIDE_M, sun_az_deg=az, sun_el_deg=el)
                write(path, image)
                for off in mean:
                    one, plain, warned = seen_with(path, az + off, el)
                    mean[off].append(one)
                    raw[off].append(plain)
                    noticed[off].append(warned)
    right = float(np.mean(mean[0.0]))
    rows: list[Row] = []
    for off in OFF_DEG:
        wrong = float(np.mean(mean[off]))
        tell(
            f"Sun {off:.0f} deg off: mean confidence {wrong:.3f} (the detector alone {np.mean(raw[off]):.3f}), right {right:.3f}; "
            f"noticed in {np.mean(noticed[off]):.0%}"
        )
        rows.append(at_most(BAR, f"confidence of rocks, Sun {off:.0f} deg off over right", wrong / right, "", 0.5))
    every = [one for off in OFF_DEG for one in noticed[off]]
    rows.append(
        at_least(BAR, f"wrong Sun noticed ({len(every)} pictures {interval(every)})", float(np.mean(every)), "", 0.9)
    )
    doubted = noticed[0.0]
    rows.append(
        at_most(
            BAR, f"right Sun doubted ({len(doubted)} pictures {interval(doubted)})", float(np.mean(doubted)), "", 0.05
        )
    )
    return rows


def interval(hits: list[bool]) -> str:
    """Return the 95 % interval of a share in words."""
    low, high = wilson(sum(hits), len(hits))
    return f"95 % {low:.3f}..{high:.3f}"


def seen_with(path: Path, az_deg: float, el_deg: float) -> tuple[float, float, bool]:
    """Return the mean confidence of rocks, the same before ``see`` doubts the Sun, and whether it does."""
    from ..see import SeeOptions, see
    from ..see_example import GSD_M

    seen = see(path, SeeOptions(az_deg % 360.0, el_deg, GSD_M, min_confidence=0.1))
    confidence = np.zeros(0) if seen.rocks is None else seen.rocks.confidence
    warned = any("lit from" in words for words in seen.warnings)
    mean = float(confidence.mean()) if len(confidence) else 0.0
    return mean, mean / seen.sun_trust, warned


def write(path: Path, image: np.ndarray) -> None:
    """Write a picture."""
    import cv2

    path.write_bytes(cv2.imencode(path.suffix, image)[1].tobytes())


def memory_row(tell: Tell) -> Row:
    """Return the most memory that ``see`` takes for a picture as wide as allowed, most of it of one grey, a part of it ground."""
    from ..picture_checks import SIDE_MAX
    from ..see_example import example_picture

    ground = example_picture(FIRST_SEED, 100.0)
    with tempfile.TemporaryDirectory() as folder:
        image = np.full((SIDE_MAX, SIDE_MAX), 110, np.uint8)
        image[:1000] = np.tile(ground, (1, SIDE_MAX // 1000))
        path = Path(folder) / "a.png"
        write(path, image)
        del image
        size = path.stat().st_size / 1e6
        code = (
            "import resource, sys; from pathlib import Path; from moonfleet.experiments.see import SeeOptions, see; "
            f"see(Path({str(path)!r}), SeeOptions(60.0, 10.0, 0.1)); "
            "sys.stdout.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    peak = int(done.stdout) / (1024.0**2 if sys.platform == "darwin" else 1024.0)
    tell(f"{SIDE_MAX} x {SIDE_MAX} px, a file of {size:.0f} MB: {peak:.0f} MB")
    return at_most(BAR, f"peak memory for {SIDE_MAX} x {SIDE_MAX} px", peak, "MB", MEMORY_MB)


BARS: dict[str, Bar] = {BAR: robust}
