"""`moonfleet doctor`: what this machine has, what is missing, and what each missing thing would give."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CORE = (
    "numpy",
    "numba",
    "scipy",
    "shapely",
    "opencv-python-headless",
    "gymnasium",
    "ray",
    "rasterio",
    "pyproj",
    "pyerfa",
    "pydantic",
    "pyyaml",
    "typer",
    "rich",
    "pyarrow",
)
EXTRAS = {
    "rl": ("torch", "stable-baselines3", "sb3-contrib", "pettingzoo"),
    "dev": ("pytest", "hypothesis", "ruff", "pyright", "import-linter", "psutil"),
}
MEMORY_GB = 3.0  # a mission with its Ray processes stays under this
DISK_GB = 1.0  # for built sites and runs


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report; ``state`` is ok, warn (works with less) or bad (a mission cannot run)."""

    what: str
    state: str
    words: str


def examine() -> list[Finding]:
    """Look at this machine; each check that fails by itself becomes a finding, never an exception."""
    checks: tuple[Callable[[], list[Finding]], ...] = (
        _python,
        _machine,
        _core,
        _extras,
        _ground,
        _cache,
        _ray,
        _browser,
    )
    out: list[Finding] = []
    for check in checks:
        try:
            out += check()
        except Exception as error:
            out.append(
                Finding(check.__name__.strip("_"), "warn", f"could not be checked: {type(error).__name__}: {error}")
            )
    return out


def _python() -> list[Finding]:
    ok = sys.version_info >= (3, 11)
    return [
        Finding(
            "Python",
            "ok" if ok else "bad",
            f"{platform.python_version()} on {platform.system()} {platform.machine()}"
            + ("" if ok else "; 3.11 or newer is needed"),
        )
    ]


def _machine() -> list[Finding]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return [
        Finding(
            "CPU cores",
            "ok" if cores >= 2 else "warn",
            f"{cores}" + ("" if cores >= 2 else "; 2 or more make a mission quicker"),
        ),
        Finding(
            "memory",
            "ok" if memory >= MEMORY_GB else "warn",
            f"{memory:.1f} GB; a mission takes up to {MEMORY_GB:g} GB",
        ),
    ]


def _versions(names: tuple[str, ...]) -> tuple[dict[str, str], list[str]]:
    have: dict[str, str] = {}
    lack: list[str] = []
    for name in names:
        try:
            have[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            lack.append(name)
    return have, lack


def _install(extra: str = "") -> str:
    """Return the command that installs moonfleet with an extra: in a clone, the pinned set of the clone."""
    option = f"[{extra}]" if extra else ""
    clone = Path(__file__).resolve().parent.parent
    if not ((clone / "setup.cfg").is_file() and (clone / "constraints.txt").is_file()):
        return f"pip install 'moonfleet{option}'"
    python = Path(sys.executable)
    shown = python.relative_to(clone) if python.is_relative_to(clone) else python
    return f"{shown} -m pip install -e '.{option}' -c constraints.txt (in {clone})"


def _core() -> list[Finding]:
    have, lack = _versions(CORE)
    if lack:
        return [Finding("packages", "bad", f"missing: {', '.join(lack)}; {_install()}")]
    shown = ", ".join(
        f"{name} {have[name]}" for name in ("numpy", "numba", "opencv-python-headless", "ray", "gymnasium")
    )
    return [Finding("packages", "ok", f"all {len(CORE)} there: {shown} ...")]


def _extras() -> list[Finding]:
    out: list[Finding] = []
    for extra, names in EXTRAS.items():
        _, lack = _versions(names)
        words = "all there" if not lack else f"missing: {', '.join(lack)}; {_install(extra)}"
        out.append(Finding(f"extra [{extra}]", "ok" if not lack else "warn", words))
    return out


def _ground() -> list[Finding]:
    from moonfleet.terrain.catalogue import regional_grid

    ref = regional_grid().ref
    return [Finding("elevation grid", "ok", f"{ref.rows} x {ref.cols} cells of {ref.cell_m:g} m around the south pole")]


def _cache() -> list[Finding]:
    from moonfleet.terrain.site import cache_folder

    folder = cache_folder()
    there = next(p for p in (folder, *folder.parents) if p.exists())
    free = shutil.disk_usage(there).free / 1e9
    if not os.access(there, os.W_OK):
        return [Finding("site cache", "bad", f"{folder} cannot be written; set MOONFLEET_CACHE to a folder that can")]
    sites = len(list(folder.glob("**/site.json"))) if folder.is_dir() else 0
    return [
        Finding(
            "site cache",
            "ok" if free >= DISK_GB else "warn",
            f"{folder}: {sites} built site{'s' * (sites != 1)}, {free:.0f} GB free",
        )
    ]


def _ray() -> list[Finding]:
    if importlib.util.find_spec("ray") is None:
        return [Finding("Ray", "warn", "missing: only --backend local works")]
    shm = Path("/dev/shm")
    free = shutil.disk_usage(shm).free / 1e9 if shm.is_dir() else 0.0
    if free < 0.3:
        return [Finding("Ray", "warn", f"/dev/shm has {free:.2f} GB free; Ray is slow below 0.3 GB")]
    address = os.environ.get("RAY_ADDRESS")
    note = "; RAY_ADDRESS is set but not used: name a cluster with --address" if address else ""
    return [Finding("Ray", "ok", f"{importlib.metadata.version('ray')}, {free:.1f} GB shared memory{note}")]


def _browser() -> list[Finding]:
    found = next(
        (name for name in ("chromium", "chromium-browser", "google-chrome", "firefox") if shutil.which(name)), None
    )
    return [Finding("browser", "ok" if found else "warn", found or "none found; open report.html on another machine")]
