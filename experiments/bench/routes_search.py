"""Routes, grid search: exact beside scikit-image and scipy, and how fast beside MCP_Geometric, dijkstra3d and pyastar2d in turns.

The ground is that of sites: the shipped grid of the pole with seeded relief and rocks, and what a metre of it costs a rover. dijkstra3d and
pyastar2d stand in environments of their own in the cache folder and are asked path by path between ours. dijkstra3d moves over the same
neighbours but pays a cell's cost on entering it, whatever the length of the step, and pyastar2d too: neither finds the way that is cheapest
by the documented cost, and the bench tells what theirs cost.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from moonfleet.autonomy.errors import NoRoute
from moonfleet.autonomy.landmarks import Landmarks
from moonfleet.autonomy.search import SearchGrid, distance_field, distance_matrix, shortest_path
from moonfleet.autonomy.traversability import DriveLimits, drive_cost
from moonfleet.terrain.cache_folder import cache_folder
from moonfleet.terrain.seeds import stream
from moonfleet.terrain.site_layers import ground_layers
from moonfleet.terrain.site_recipe import SiteRecipe

from ..errors import BenchError
from .peer_python import python_with
from .registry import Bar, Row, Tell, at_most

EXACT_BAR, FAST_BAR = "routes.1", "routes.2"
CELL_M: Final = 20.0
ROVER: Final = DriveLimits(max_slope_deg=20.0, speed_m_s=0.05)
EXACT: Final = 1e-6  # relative
QUERIES: Final = 100  # on each grid
FIELDS: Final = 4
SIZES: Final = (1024, 2048)
LANDMARKS: Final = {1024: 16, 2048: 32}
PAIRS: Final = 20
ROUNDS: Final = 2  # of every path; the least CPU time counts, a peer's too
POINTS: Final = 50
MATRIX_ROUNDS: Final = 3
FIRST_MCP, FIRST_D3D, GUIDED_PYASTAR, GUIDED_D3D, FIELD_MCP, MEMORY, TWO_CORES = 8.0, 2.0, 3.0, 6.0, 2.5, 0.25, 1.8
PACKAGES: Final = {"dijkstra3d": ("dijkstra3d==1.15.2", "numpy"), "pyastar2d": ("pyastar2d==1.1.4", "numpy")}
MODES: Final = ("dijkstra3d", "dijkstra3d-compass", "dijkstra3d-bidirectional", "pyastar2d")
# A fresh process that makes one field and says how much memory [bytes] it took at most, over what it had before.
MEMORY_RUN = """
import sys
import numpy as np
from pathlib import Path
from moonfleet.experiments.bench.routes_search import field_by, status_bytes
who, cost, row, col = sys.argv[1], np.load(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
field_by(who, np.ones((9, 9), np.float32), 4, 4)
Path("/proc/self/clear_refs").write_text("5")
before = status_bytes("VmRSS:")
field_by(who, cost, row, col)
print(status_bytes("VmHWM:") - before)
"""

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
Pair = tuple[tuple[int, int], tuple[int, int]]


def site_cost(cells: int, lat_deg: float, lon_deg: float, seed: int) -> F32:
    """Return what ground of ``cells`` x ``cells`` near the pole costs a rover [s/m]."""
    recipe = SiteRecipe("bench", lon_deg, lat_deg, cells * CELL_M, CELL_M, seed, 8)
    layers: Any = ground_layers(recipe)
    return drive_cost(layers["slope"], layers["rock_cover"], ROVER)


def graph_of(cost: F32, corner_cutting: bool = True) -> Any:
    """Return scipy's graph of the documented cost, each edge once."""
    rows, cols = cost.shape
    at = np.arange(cost.size, dtype=np.int32).reshape(cost.shape)
    sources, targets, weights = [], [], []
    for dr, dc in ((0, 1), (1, 0), (1, 1), (1, -1)):
        here = (slice(0, rows - dr), slice(max(-dc, 0), cols - max(dc, 0)))
        there = (slice(dr, rows), slice(max(dc, 0), cols + min(dc, 0)))
        step = np.hypot(dr, dc) * 0.5 * (cost[here].astype(np.float64) + cost[there])
        free = np.isfinite(step)
        if dr and dc and not corner_cutting:
            free &= np.isfinite(cost[here[0], there[1]]) & np.isfinite(cost[there[0], here[1]])
        sources.append(at[here][free])
        targets.append(at[there][free])
        weights.append(step[free])
    joined = np.concatenate(weights), (np.concatenate(sources), np.concatenate(targets))
    return coo_array(joined, (cost.size, cost.size)).tocsr()


def mcp_of(cost: F32) -> F64:
    """Return the grid as MCP_Geometric wants it: negative where impassable."""
    return np.where(np.isfinite(cost), cost, -1.0).astype(np.float64)


def mainland(cost: F32) -> NDArray[np.int64]:
    """Return the cells [n, 2] of the largest passable area."""
    labelled: Any = ndimage.label(np.isfinite(cost), np.ones((3, 3)))
    areas = labelled[0]
    sizes = np.bincount(areas.reshape(-1))
    sizes[0] = 0
    return np.argwhere(areas == int(np.argmax(sizes)))


def pairs_on(cost: F32, count: int, seed: int) -> list[Pair]:
    """Return random pairs of cells that a way joins."""
    cells = mainland(cost)
    rng = stream(seed, "bench/route pairs")
    chosen = cells[rng.integers(0, len(cells), (count, 2))]
    return [((int(a[0]), int(a[1])), (int(b[0]), int(b[1]))) for a, b in chosen]


def exact(tell: Tell) -> list[Row]:
    """Costs of 500 paths beside MCP_Geometric, with and without landmarks, and fields beside scipy."""
    from skimage.graph import MCP_Geometric

    rng = stream(7, "bench/route grids")
    noise = rng.uniform(0.5, 20.0, (200, 260)).astype(np.float32)
    noise[rng.random(noise.shape) < 0.35] = np.inf
    wide = np.exp(rng.normal(0.0, 2.5, (240, 240))).astype(np.float32)
    grids = {
        "site at 89 S": site_cost(256, -89.0, 0.0, 3),
        "site at 86 S": site_cost(256, -86.0, 120.0, 4),
        "site at 84 S": site_cost(256, -84.0, -60.0, 5),
        "noise with walls": noise,
        "costs over five powers of ten": wide,
    }
    paths = guided = fields = 0.0
    asked = joined = 0
    for name, cost in grids.items():
        tell(f"{QUERIES} paths and {2 * FIELDS} fields on {name}")
        ready, landmarks, theirs_on = SearchGrid(cost), Landmarks.build(cost, 8), mcp_of(cost)
        free = np.argwhere(np.isfinite(cost))
        for a, b in free[rng.integers(0, len(free), (QUERIES, 2))]:
            start, goal = (int(a[0]), int(a[1])), (int(b[0]), int(b[1]))
            theirs = float(MCP_Geometric(theirs_on).find_costs([start], [goal])[0][goal])
            paths = max(paths, _off(_cost(cost, start, goal, None), theirs))
            guided = max(guided, _off(_cost(ready, start, goal, landmarks), theirs))
            asked += 1
            joined += int(np.isfinite(theirs))
        for corner_cutting in (True, False):
            graph = graph_of(cost, corner_cutting)
            for at in free[rng.integers(0, len(free), FIELDS)]:
                index = int(at[0]) * cost.shape[1] + int(at[1])
                theirs_all = dijkstra(graph, directed=False, indices=index).reshape(cost.shape)
                ours_all = distance_field(cost, at, corner_cutting=corner_cutting)
                if not (np.isfinite(ours_all) == np.isfinite(theirs_all)).all():
                    fields = np.inf
                reached = np.isfinite(theirs_all) & (theirs_all > 0.0)
                fields = max(fields, float(np.abs(ours_all[reached] / theirs_all[reached] - 1.0).max(initial=0.0)))
    what = f"{asked} paths ({joined} with a way) beside MCP_Geometric: largest relative difference"
    return [
        at_most(EXACT_BAR, what, paths, "", EXACT),
        at_most(EXACT_BAR, "the same with landmarks", guided, "", EXACT),
        at_most(EXACT_BAR, "fields beside scipy's Dijkstra, corners cut and not", fields, "", EXACT),
    ]


def _cost(cost: F32 | SearchGrid, start: tuple[int, int], goal: tuple[int, int], landmarks: Landmarks | None) -> float:
    try:
        return shortest_path(cost, start, goal, landmarks=landmarks).cost
    except NoRoute:
        return np.inf


def _off(ours: float, theirs: float) -> float:
    """Return the relative difference, 0 if neither found a way, inf if one did."""
    if ours == theirs:
        return 0.0
    return abs(ours - theirs) / max(theirs, 1e-300) if np.isfinite(theirs) and np.isfinite(ours) else np.inf


class Peer:
    """A peer in a process of its own that answers path by path."""

    def __init__(self, mode: str, costs: Path, stack: ExitStack) -> None:
        name = mode.split("-")[0]
        python = python_with(cache_folder() / "peers" / PACKAGES[name][0].replace("==", "-"), PACKAGES[name], name)
        clock = Path(__file__).parent / "route_peers" / "clock.py"
        command = [str(python), str(clock), mode, str(costs)]
        self.mode = mode
        self.process: subprocess.Popen[str] = stack.enter_context(
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        )

    def path(self, start: tuple[int, int], goal: tuple[int, int]) -> tuple[float, float]:
        """Return CPU seconds and the cost of the peer's path."""
        if self.process.stdin is None or self.process.stdout is None:
            raise BenchError(f"{self.mode}: its pipes are closed")
        self.process.stdin.write(f"{start[0]} {start[1]} {goal[0]} {goal[1]}\n")
        self.process.stdin.flush()
        said = self.process.stdout.readline().split()
        if len(said) != 2:
            raise BenchError(f"{self.mode}: stopped while asked for the way from {start} to {goal}")
        return float(said[0]), float(said[1])


class Race(NamedTuple):
    """Least CPU time [s] of every pair, by who ran; and what the ways cost in all."""

    seconds: dict[str, F64]
    costs: dict[str, float]


def fast(tell: Tell) -> list[Row]:
    """Paths, fields and a matrix, CPU time beside the peers."""
    rows: list[Row] = []
    for cells in SIZES:
        cost = site_cost(cells, -89.0, 0.0, 3)
        tell(f"{cells}^2: {np.isfinite(cost).mean():.0%} passable, {np.nanmin(cost):.1f} s/m at least")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "cost.npy"
            np.save(path, cost)
            rows += paths(cost, path, tell)
            rows += field(cost, path, tell)
    return [*rows, matrix(site_cost(SIZES[0], -89.0, 0.0, 3), tell)]


def paths(cost: F32, file: Path, tell: Tell) -> list[Row]:
    """First queries and queries with landmarks beside the peers."""
    n = f"{cost.shape[0]}^2"
    even = np.ones((64, 64), np.float32)
    shortest_path(even, (0, 0), (63, 63), landmarks=Landmarks.build(even, 2))  # compiles
    begin = time.process_time()
    landmarks = Landmarks.build(cost, LANDMARKS[cost.shape[0]])
    built = time.process_time() - begin
    tell(f"{n}: {landmarks.tables.shape[1]} landmarks in {built:.2f} s CPU, {landmarks.nbytes / 1e6:.0f} MB")
    race = run_race(cost, file, landmarks, tell)
    mean = {who: 1e3 * float(times.mean()) for who, times in race.seconds.items()}
    for who, ms in mean.items():
        tell(f"{n}: {who:28s} {ms:8.2f} ms, ways cost {race.costs[who] / race.costs['MCP_Geometric']:.4f} of the least")
    rows = [_faster(f"first query, {n}, mean of {PAIRS} pairs", "ours", "MCP_Geometric", FIRST_MCP, mean)]
    third = [mode for mode in mean if mode.startswith("dijkstra3d")]
    if third:
        best = min(third, key=lambda mode: mean[mode])
        rows.append(_faster(f"first query, {n}", "ours", best, FIRST_D3D, mean))
        rows.append(_faster(f"with landmarks, {n}", "ours with landmarks", best, GUIDED_D3D, mean))
    if "pyastar2d" in mean:
        rows.append(_faster(f"with landmarks, {n}", "ours with landmarks", "pyastar2d", GUIDED_PYASTAR, mean))
    for name in PACKAGES:
        if not any(who.startswith(name) for who in mean):
            rows.append(Row(FAST_BAR, f"{name}, {n}", "not installable here", "", "measured", False))
    rows.append(Row(FAST_BAR, f"landmarks, {n}: build, CPU", built, "s", "told", True))
    rows.append(Row(FAST_BAR, f"landmarks, {n}: memory", landmarks.nbytes / 1e6, "MB", "told", True))
    return rows


def _faster(what: str, ours: str, peer: str, limit: float, mean: dict[str, float]) -> Row:
    ratio = mean[peer] / mean[ours]
    return Row(
        FAST_BAR, what, mean[ours], "ms", f">= {limit:g} x", ratio >= limit, f"{peer}: {mean[peer]:.1f} ms", ratio
    )


def run_race(cost: F32, file: Path, landmarks: Landmarks, tell: Tell) -> Race:
    """Ask everyone for every pair in turns."""
    from skimage.graph import MCP_Geometric

    pairs = pairs_on(cost, PAIRS, cost.shape[0])
    ready, signed = SearchGrid(cost), mcp_of(cost)

    def mcp(start: tuple[int, int], goal: tuple[int, int]) -> float:
        search = MCP_Geometric(signed)
        found = float(search.find_costs([start], [goal])[0][goal])
        search.traceback(goal)
        return found

    runners: dict[str, Callable[[tuple[int, int], tuple[int, int]], tuple[float, float]]] = {
        "ours": lambda a, b: _clocked(lambda: shortest_path(cost, a, b).cost),
        "ours with landmarks": lambda a, b: _clocked(lambda: shortest_path(ready, a, b, landmarks=landmarks).cost),
        "MCP_Geometric": lambda a, b: _clocked(lambda: mcp(a, b)),
    }
    with ExitStack() as stack:
        peers: list[Peer] = []
        for mode in MODES:
            try:
                peers.append(Peer(mode, file, stack))
            except BenchError as error:
                tell(f"{mode}: left out: {error}")
        runners |= {peer.mode: peer.path for peer in peers}
        seconds = {who: np.full(len(pairs), np.inf) for who in runners}
        costs = {who: np.zeros(len(pairs)) for who in runners}
        for turn in range(ROUNDS):
            for i, pair in enumerate(pairs):
                for who, ask in runners.items():
                    if turn and who == "MCP_Geometric" and cost.shape[0] > SIZES[0]:
                        continue  # a second each
                    spent, costs[who][i] = ask(*pair)
                    seconds[who][i] = min(seconds[who][i], spent)
        for peer in peers:
            if peer.process.stdin is not None:
                peer.process.stdin.close()
    return Race(seconds, {who: float(each.sum()) for who, each in costs.items()})


def _clocked(ask: Callable[[], float]) -> tuple[float, float]:
    begin = time.process_time()
    found = ask()
    return time.process_time() - begin, found


def field(cost: F32, file: Path, tell: Tell) -> list[Row]:
    """A full field: CPU time beside MCP_Geometric and scipy in turns, memory beside scipy's."""
    from skimage.graph import MCP_Geometric

    n = f"{cost.shape[0]}^2"
    goal = pairs_on(cost, 1, 5)[0][0]
    signed, graph = mcp_of(cost), graph_of(cost)
    index = goal[0] * cost.shape[1] + goal[1]
    seconds = {who: np.inf for who in ("ours", "MCP_Geometric", "scipy")}
    for _ in range(ROUNDS):
        runs: dict[str, Callable[[], float]] = {
            "ours": lambda: float(distance_field(cost, goal)[goal]),
            "MCP_Geometric": lambda: float(MCP_Geometric(signed).find_costs([goal])[0][goal]),
            "scipy": lambda: float(dijkstra(graph, directed=False, indices=index)[index]),
        }
        for who, run in runs.items():
            seconds[who] = min(seconds[who], _clocked(run)[0])
    memory: dict[str, float] = {}
    for who in ("ours", "scipy"):
        command = [sys.executable, "-c", MEMORY_RUN, who, str(file), *map(str, goal)]
        memory[who] = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    mean = {who: 1e3 * s for who, s in seconds.items()}
    tell(f"{n} field: " + ", ".join(f"{who} {ms:.0f} ms" for who, ms in mean.items()))
    share = memory["ours"] / memory["scipy"]
    return [
        _faster(f"full field, {n}", "ours", "MCP_Geometric", FIELD_MCP, mean),
        Row(
            FAST_BAR, f"full field, {n}: memory", memory["ours"] / 1e6, "MB", f"<= {MEMORY:g} of scipy's", share <= MEMORY,
            f"scipy: {memory['scipy'] / 1e6:.0f} MB", share,
        ),
    ]  # fmt: skip


def field_by(who: str, cost: F32, row: int, col: int) -> F64:
    """Return the field of one goal by ours or by scipy, its graph included."""
    if who == "ours":
        return distance_field(cost, (row, col))
    return dijkstra(graph_of(cost), directed=False, indices=row * cost.shape[1] + col)


def status_bytes(name: str) -> int:
    """Return a size of this process as Linux tells it."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise BenchError(f"/proc/self/status: no line {name}; this kernel does not say how much memory is used")


def matrix(cost: F32, tell: Tell) -> Row:
    """A matrix of points on one core and on two, wall time in turns, and the same bytes."""
    points = np.array([a for a, _ in pairs_on(cost, POINTS, 11)])
    grid = SearchGrid(cost)
    wall, found = {1: np.inf, 2: np.inf}, {}
    for _ in range(MATRIX_ROUNDS):
        for workers in wall:
            begin = time.perf_counter()
            found[workers] = distance_matrix(grid, points, workers=workers).tobytes()
            wall[workers] = min(wall[workers], time.perf_counter() - begin)
    tell(f"{POINTS} points: {wall[1]:.2f} s on one core, {wall[2]:.2f} s on two, same bytes: {found[1] == found[2]}")
    ratio = wall[1] / wall[2]
    what = f"{POINTS}-point matrix, {cost.shape[0]}^2, two cores beside one, same bytes"
    same = found[1] == found[2]
    return Row(FAST_BAR, what, ratio if same else 0.0, "x", f">= {TWO_CORES:g}", same and ratio >= TWO_CORES)


BARS: dict[str, Bar] = {EXACT_BAR: exact, FAST_BAR: fast}
