"""Terrain, bar 7: a built site opens in milliseconds, and eight processes that read one hold it in memory once."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import BenchError
from .registry import Bar, Row, Tell, at_most

OPEN_MS = 50.0
SHARED = 1.3  # memory of all readers over the memory of one
READERS = 8
OPENINGS = 5  # fresh processes that open the site; the median counts
SIZE_M, AZIMUTHS = 8_000.0, 360  # 400 x 400 cells: 115 MB of horizons
# imports, opens, says how long each took; reads every byte; waits to be measured
READER = """
import json, sys, time
a = time.perf_counter()
from pathlib import Path
import numpy as np
from moonfleet.terrain.site import open_site
from moonfleet.experiments.bench.terrain_site import anonymous_bytes
b = time.perf_counter()
before = anonymous_bytes("self")
c = time.perf_counter()
site = open_site(Path(sys.argv[1]))
d = time.perf_counter()
total = sum(int(plane.sum(dtype=np.int64)) for one in site.horizons.values() for plane in one.millideg)
layers = (site.grid.elevation_m, site.slope_deg, site.rock_cover, site.mean_lit, site.longest_night_s,
          site.permanent_shadow, site.earth_visible)
total += sum(float(layer.sum()) for layer in layers)
print(json.dumps({"import_s": b - a, "open_ms": 1e3 * (d - c), "before": before}), flush=True)
sys.stdin.read()
"""


class Reading(NamedTuple):
    """One process that has read the whole site. Proportional set sizes [bytes]: a page of n processes counts 1/n in each."""

    open_ms: float
    import_s: float
    mapped: int  # of the site's files
    heap: int  # what opening and reading took beside them
    whole: int  # of the whole process


def anonymous_bytes(pid: int | str) -> int:
    """Return the memory of a process that no file backs."""
    return _rollup(pid, "Anonymous:")


def _rollup(pid: int | str, name: str) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise BenchError(f"/proc/{pid}/smaps_rollup: no line {name}; this kernel does not say how memory is shared")


def mapped_bytes(pid: int, folder: Path) -> int:
    """Return the proportional set size of all files of ``folder`` that a process has mapped."""
    total, inside = 0, False
    for line in Path(f"/proc/{pid}/smaps").read_text(encoding="utf-8", errors="replace").splitlines():
        first = line.split(maxsplit=1)[0]
        if not first.endswith(":"):  # the head of a mapping
            inside = str(folder) in line
        elif inside and first == "Pss:":
            total += int(line.split()[1]) * 1024
    return total


def readers(folder: Path, count: int) -> list[Reading]:
    """Start ``count`` processes that read the whole site, and measure all of them while they all live."""
    with ExitStack() as stack:
        alive = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", READER, str(folder)],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                )
            )
            for _ in range(count)
        ]  # fmt: skip
        said: list[dict[str, float]] = []
        for process in alive:
            line = process.stdout.readline() if process.stdout is not None else ""
            if not line:
                raise BenchError(f"terrain.7: a reader of {folder} ended with exit code {process.wait()}")
            said.append(json.loads(line))
        return [
            Reading(
                float(words["open_ms"]),
                float(words["import_s"]),
                mapped_bytes(process.pid, folder),
                anonymous_bytes(process.pid) - int(words["before"]),
                _rollup(process.pid, "Pss:"),
            )
            for process, words in zip(alive, said, strict=True)
        ]


def shared(tell: Tell) -> list[Row]:
    """Time to open a site, and the memory of eight readers against that of one."""
    from moonfleet.terrain.catalogue import named_place
    from moonfleet.terrain.site import SiteRecipe, build_site

    if not Path("/proc/self/smaps_rollup").is_file():
        raise BenchError("terrain.7: needs /proc/PID/smaps_rollup (Linux) to tell shared memory from private")
    place = named_place("connecting-ridge")
    with tempfile.TemporaryDirectory() as cache:
        tell(f"building a site of {SIZE_M / 1000:g} km with {AZIMUTHS} azimuths")
        recipe = SiteRecipe("bench-shared", place.lon_deg, place.lat_deg, SIZE_M, azimuths=AZIMUTHS)
        folder = build_site(recipe, cache=Path(cache)).path
        tell(f"opening it in {OPENINGS} fresh processes, then in {READERS} at once")
        alone = [reading for _ in range(OPENINGS) for reading in readers(folder, 1)]
        together = readers(folder, READERS)
    one_site = float(np.median([r.mapped + r.heap for r in alone]))
    all_site = float(sum(r.mapped + r.heap for r in together))
    one_map, all_map = float(np.median([r.mapped for r in alone])), float(sum(r.mapped for r in together))
    one_whole, all_whole = float(np.median([r.whole for r in alone])), float(sum(r.whole for r in together))
    words = f"memory that {READERS} readers take for the site"
    return [
        at_most(
            "terrain.7", "first opening of a built site in a fresh process, imports apart",
            float(np.median([r.open_ms for r in alone])), "ms", OPEN_MS,
        ),
        _shown("the imports before it", float(np.median([r.import_s for r in alone])), "s"),
        at_most("terrain.7", f"{words} (files mapped and heap) over that of one", all_site / one_site, "x", SHARED),
        _shown(f"{words}, its mapped files alone, over one", all_map / one_map, "x"),
        _shown("one reader: its site", one_site / 1e6, "MB"),
        _shown("one reader: its whole process, interpreter and libraries included", one_whole / 1e6, "MB"),
        _shown(f"{READERS} readers: their whole processes over that of one", all_whole / one_whole, "x"),
    ]  # fmt: skip


def _shown(what: str, value: float, unit: str) -> Row:
    return Row("terrain.7", what, value, unit, "shown", True)


BARS: dict[str, Bar] = {"terrain.7": shared}
