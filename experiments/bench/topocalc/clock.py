"""Run by topocalc's own Python: CPU seconds of ``horizon`` per azimuth, a line of output each.

    python clock.py HEIGHTS.npy CELL_M AZIMUTH_DEG...

Azimuths are clockwise from north; topocalc counts from south, west negative.
"""

import sys
import time

import numpy as np
from topocalc.horizon import horizon  # pyright: ignore[reportMissingImports, reportUnknownVariableType]

heights, cell_m = np.load(sys.argv[1]).astype(np.float64), float(sys.argv[2])
for azimuth in map(float, sys.argv[3:]):
    begin = time.process_time()
    horizon((180.0 - azimuth + 180.0) % 360.0 - 180.0, heights, cell_m)
    sys.stdout.write(f"{time.process_time() - begin}\n")
