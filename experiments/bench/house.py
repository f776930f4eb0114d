"""The house: what a fresh clone must do, measured with the installed ``moonfleet`` command itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from ..errors import BenchError
from .registry import Bar, Row, Tell, at_least, at_most, holds

SCENARIO = "pathfinder"
MISSION_S = 120.0  # [s] wall time on two cores, Ray start included
MEMORY_GB = 3.0  # [GB] all processes of the mission together
IMPORT_RATIO = 2.0  # import moonfleet over import numpy
IMPORT_RUNS = 7
HEAVY = ("ray", "cv2", "numba", "torch", "plotly", "rasterio")
GOLDEN_CASES = 20
CHECKERS = {"gymnasium": "gymnasium.utils.env_checker", "stable-baselines3": "stable_baselines3.common.env_checker"}
TIMEOUT_S = 1800.0  # [s] a run that takes longer is stuck


def mission(tell: Tell) -> list[Row]:
    """Time and memory of one mission on Ray with its own fresh cache."""
    with tempfile.TemporaryDirectory() as folder:
        tell(f"running {SCENARIO} on Ray")
        process = _start(Path(folder), "ray", seed=1, cache=Path(folder) / "cache")
        watch = MemoryWatch(process.pid)
        began = time.perf_counter()
        with watch:
            code = process.wait(TIMEOUT_S)
        wall = time.perf_counter() - began
    return [
        holds("house.1", f"{SCENARIO} exits 0", code == 0),
        at_most("house.1", f"{SCENARIO}, Ray start included", wall, "s", MISSION_S),
        at_most("house.1", "memory of all its processes (PSS)", watch.peak / 1e9, "GB", MEMORY_GB),
    ]


def hashes(tell: Tell) -> list[Row]:
    """Two runs on each backend give one hash; another seed gives another."""
    found: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for number, (backend, seed) in enumerate((("local", 1), ("local", 1), ("ray", 1), ("ray", 1), ("local", 2))):
            tell(f"running {SCENARIO} with seed {seed}, {backend}")
            found.append(_run(Path(folder) / str(number), backend, seed))
    return [
        Row(
            "house.2",
            "different hashes of local, local, ray, ray",
            len(set(found[:4])),
            "",
            "1",
            len(set(found[:4])) == 1,
        ),
        holds("house.2", "another seed gives another hash", found[4] not in found[:4]),
    ]


def killed(tell: Tell) -> list[Row]:
    """Kill -9 the driver of a run on Ray half-way, resume it on Ray, compare with a run on the local backend."""
    with tempfile.TemporaryDirectory() as folder:
        tell(f"running {SCENARIO} undisturbed")
        whole = _run(Path(folder) / "whole", "local", 1)
        tell("running it again, to be killed half-way")
        parent = Path(folder) / "cut"
        parent.mkdir()
        process = _start(parent, "ray", seed=1)
        reached = _kill_half_way(process, parent / "run")
        tell(f"killed at step {reached}; resuming")
        subprocess.run(
            [*_command(), "resume", str(parent / "run"), "--backend", "ray", "--quiet"],
            check=True,
            timeout=TIMEOUT_S,
            capture_output=True,
        )
        same = _hash(parent / "run") == whole
    return [
        at_least("house.3", "decision steps done when killed with -9", reached, "", 1),
        holds("house.3", "the resumed run has the hash of the run never killed", same),
    ]


def check_env(tell: Tell) -> list[Row]:
    """Gymnasium's and Stable-Baselines3's own checkers, each in a process that has imported nothing of ours before."""
    rows: list[Row] = []
    for env_id in ("PolarTraverse-v0", "StationOps-v0"):
        for name, module in CHECKERS.items():
            code = (
                f"import gymnasium; from {module} import check_env; "
                f"check_env(gymnasium.make('moonfleet.envs:moonfleet/{env_id}').unwrapped)"
            )
            done = subprocess.run(
                [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=300
            )
            if done.returncode != 0:
                tell(f"{env_id}, {name}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}")
            rows.append(holds("house.4", f"{env_id} passes check_env of {name}", done.returncode == 0))
    return rows


def imports(tell: Tell) -> list[Row]:
    """CPU time of ``import moonfleet`` over that of ``import numpy``, each in processes of their own."""
    ours, theirs = _import_s("moonfleet"), _import_s("numpy")
    ratio = ours / theirs
    found = _python(f"import sys, moonfleet; print([n for n in {HEAVY!r} if n in sys.modules])")
    return [
        at_most(
            "house.5",
            "import moonfleet over import numpy",
            ratio,
            "",
            IMPORT_RATIO,
            peer=f"numpy {theirs * 1e3:.0f} ms",
            ratio=ratio,
        ),
        holds("house.5", f"imports none of {', '.join(HEAVY)}", found.strip() == "[]"),
    ]


def golden(tell: Tell) -> list[Row]:
    """Number of error messages kept to the letter (the file stands in the repository's tests)."""
    path = Path(__file__).resolve().parents[2] / "tests" / "golden" / "error_messages.txt"
    count = path.read_text(encoding="utf-8").count("\n## ") if path.is_file() else 0
    if count == 0:
        tell(f"{path} is not there: run this bench in a clone of the repository")
    return [at_least("house.6", "golden error messages", count, "", GOLDEN_CASES)]


def sky(tell: Tell) -> list[Row]:
    """Ranges of Sun and Earth over 2026 to 2030 at 89.9 S against those of DE440 (SPICE, MOON_ME frame)."""
    from moonfleet.terrain.clock import utc_to_tdb
    from moonfleet.terrain.sky import Sky, sub_solar_point

    t = np.arange(utc_to_tdb("2026-01-01T00:00:00"), utc_to_tdb("2031-01-01T00:00:00"), 3600.0)
    seen, latitude = Sky(0.0, -89.9).sample(t), sub_solar_point(t)[1]
    wanted = (
        ("sub-solar latitude", latitude, -1.5880, 1.5864, 0.005, "deg"),
        ("Sun elevation at 89.9 S", seen.sun_el_deg, -1.647, 1.687, 0.005, "deg"),
        ("Earth elevation at 89.9 S", seen.earth_el_deg, -7.002, 6.710, 0.005, "deg"),
        ("Sun's angular radius", seen.sun_radius_deg, 0.2614, 0.2717, 0.0002, "deg"),
        ("solar flux", seen.flux_w_m2, 1309.9, 1415.2, 0.5, "W/m2"),
    )
    rows: list[Row] = []
    for what, values, low, high, tolerance, unit in wanted:
        off = max(abs(float(np.min(values)) - low), abs(float(np.max(values)) - high))
        peer = f"DE440 {low:g} .. {high:g}"
        rows.append(at_most("house.7", f"{what}, ends of range off by", off, unit, tolerance, peer=peer))
    return [*rows, flat_plain(t), crater_rover()]


def flat_plain(t: np.ndarray) -> Row:
    """A level plain at the pole is lit exactly while the Sun's upper limb stands above its horizon, which dips by sqrt(2 h / R)."""
    from moonfleet.terrain.constants import MOON_RADIUS_M
    from moonfleet.terrain.grid import GeoRef, HeightGrid
    from moonfleet.terrain.horizon import Horizon, compute_horizon
    from moonfleet.terrain.light import disc_lit
    from moonfleet.terrain.sky import Sky

    eye_m, cells = 2.0, 161
    grid = HeightGrid(np.zeros((cells, cells), dtype=np.float32), GeoRef.centred(0.0, 0.0, cells * 50.0, 50.0))
    horizon = Horizon(compute_horizon(grid, 72, eye_m), eye_m)
    dip_deg = float(np.degrees(np.sqrt(2.0 * eye_m / MOON_RADIUS_M)))
    seen = Sky(0.0, -90.0).sample(t)
    limb = seen.sun_el_deg + seen.sun_radius_deg
    middle = cells // 2
    wrong = 0
    for az, el, radius, top in zip(seen.sun_az_deg, seen.sun_el_deg, seen.sun_radius_deg, limb, strict=True):
        lit = disc_lit(float(el), float(horizon.at(middle, middle, float(az))), float(radius)) > 0.0
        wrong += lit != bool(top > -dip_deg) and abs(top + dip_deg) > 0.005
    return at_most("house.7", f"flat plain at the pole: hours of {t.size} lit against the limb", wrong, "h", 0)


def crater_rover() -> Row:
    """A rover on the real floor of Shackleton (no detail switched off, far field and all) gets no energy in a year."""
    from moonfleet.agents.catalogue import robot_spec
    from moonfleet.agents.world import World
    from moonfleet.terrain.catalogue import named_place
    from moonfleet.terrain.clock import utc_to_tdb
    from moonfleet.terrain.site import SiteRecipe, build_site

    place = named_place("shackleton")
    with tempfile.TemporaryDirectory() as folder:
        recipe = SiteRecipe("bench-shackleton", place.lon_deg, place.lat_deg, size_m=3_200.0, azimuths=90)
        site = build_site(recipe, cache=Path(folder))
        start = np.array([site.ref.centre])
        world = World(site, [robot_spec("yutu-rover")], start, utc_to_tdb("2029-01-01T00:00:00"))
        world.tick(366 * 1440)
        gained = float(world.state.energy_in_wh[0, 0])
    return at_most("house.7", "solar energy of a rover on Shackleton's floor in a year", gained, "Wh", 0.0)


BARS: dict[str, Bar] = {
    "house.1": mission,
    "house.2": hashes,
    "house.3": killed,
    "house.4": check_env,
    "house.5": imports,
    "house.6": golden,
    "house.7": sky,
}


class MemoryWatch:
    """Samples the memory of a process and all its descendants while in context: proportional set size, so shared pages count once."""

    def __init__(self, pid: int) -> None:
        self.pid, self.peak = pid, 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._stop.wait(0.5):
            self.peak = max(self.peak, sum(_pss(pid) for pid in family(self.pid)))


def family(pid: int) -> list[int]:
    """Return a process and its descendants, also those that were handed to another parent but kept the session."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError, ValueError):
                continue
    out = [pid]
    for one in out:
        out += [child for child, parent in parents.items() if parent == one]
    return out


def _pss(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        return 0
    return 0


def _command() -> list[str]:
    return [sys.executable, "-m", "moonfleet.experiments.cli"]


def _start(folder: Path, backend: str, seed: int, cache: Path | None = None) -> subprocess.Popen[bytes]:
    environment = dict(os.environ) | ({"MOONFLEET_CACHE": str(cache)} if cache is not None else {})
    arguments = ["run", SCENARIO, "--backend", backend, "--seed", str(seed), "--out", str(folder / "run"), "--quiet"]
    return subprocess.Popen(
        [*_command(), *arguments], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _run(folder: Path, backend: str, seed: int) -> str:
    folder.mkdir()
    if _start(folder, backend, seed).wait(TIMEOUT_S) != 0:
        raise BenchError(
            f"moonfleet run {SCENARIO} --backend {backend} --seed {seed}: failed; run it by hand to see why"
        )
    return _hash(folder / "run")


def _hash(run_dir: Path) -> str:
    return str(json.loads((run_dir / "summary.json").read_text(encoding="utf-8"))["events_sha256"])


def _kill_half_way(process: subprocess.Popen[bytes], run_dir: Path) -> int:
    """Kill the process once half of the mission's checkpoints are there; returns the step of the newest one."""
    from ..scenario import load_scenario

    half = load_scenario(SCENARIO).steps // 2
    until = time.monotonic() + TIMEOUT_S
    step = 0
    while step < half and process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
        manifests = sorted((run_dir / "checkpoints").glob("step-*.json"))
        step = int(manifests[-1].stem.split("-")[1]) if manifests else 0
    if process.poll() is not None:
        raise BenchError(f"house.3: the run ended (exit {process.returncode}) before it could be killed")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    return step


def _python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120)
    return done.stdout


def _import_s(module: str) -> float:
    code = f"import time; a = time.process_time(); import {module}; print(time.process_time() - a)"
    return float(np.median([float(_python(code)) for _ in range(IMPORT_RUNS)]))
