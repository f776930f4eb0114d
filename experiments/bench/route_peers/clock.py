"""Run by a peer's own Python: the CPU seconds and the cost of a path for each line ``row col row col``, a line of output each.

    python clock.py PEER COSTS.npy      PEER: dijkstra3d, dijkstra3d-compass, dijkstra3d-bidirectional, pyastar2d

The cost is summed over the path's cells as the project counts it; it is nan where the peer found none.
"""

import importlib
import sys
import time

import numpy as np

name, _, option = sys.argv[1].partition("-")
# By name: the peers are of the Python that runs this file, never of the project's own.
peer = importlib.import_module(name)
cost = np.load(sys.argv[2])
if name == "pyastar2d":
    cost = np.maximum(cost / cost.min(), np.float32(1.0))  # it wants costs of 1 or more
    scale = float(np.load(sys.argv[2]).min())
else:
    scale = 1.0
for line in sys.stdin:
    a, b, c, d = map(int, line.split())
    begin = time.process_time()
    if name == "pyastar2d":
        cells = peer.astar_path(cost, (a, b), (c, d), allow_diagonal=True)
    else:
        options = {option: True} if option else {}
        cells = peer.dijkstra(cost, (a, b), (c, d), **options)
    spent = time.process_time() - begin
    total = float("nan")
    if cells is not None and len(cells):
        cells = np.asarray(cells, dtype=np.int64)
        at = cost[cells[:, 0], cells[:, 1]].astype(np.float64) * scale
        length = np.hypot(*np.diff(cells, axis=0).T)
        total = float((0.5 * (at[1:] + at[:-1]) * length).sum())
    sys.stdout.write(f"{spent} {total}\n")
    sys.stdout.flush()
