"""Our search against scikit-image's MCP_Geometric, which has the same documented cost."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.autonomy.search import distance_field, shortest_path

graph = pytest.importorskip("skimage.graph", reason="scikit-image comes with the [dev] extra")


@pytest.mark.parametrize("seed", range(4))
def test_costs_equal_mcp_geometric(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cost = rng.uniform(0.5, 6.0, (120, 90)).astype(np.float32)
    cost[rng.random(cost.shape) < 0.1 * seed] = np.inf
    cost[3, 4] = 1.0
    peer = graph.MCP_Geometric(np.where(np.isfinite(cost), cost, -1.0).astype(np.float64))
    theirs, _ = peer.find_costs([(3, 4)])
    ours = distance_field(cost, (3, 4))
    reached = np.isfinite(theirs)
    assert (np.isfinite(ours) == reached).all()
    np.testing.assert_allclose(ours[reached], theirs[reached], rtol=1e-6)
    for row, col in rng.choice(np.argwhere(reached), 25):
        assert shortest_path(cost, (3, 4), (row, col)).cost == pytest.approx(theirs[row, col], rel=1e-6)
