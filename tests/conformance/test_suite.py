"""The suite that ships, over every registered environment that has a native batch."""

from __future__ import annotations

import pytest

from moonfleet.envs import VECTOR_ENTRY_POINTS
from moonfleet.envs.testing import ALL_GAME_CHECKS, FOREIGN_CHECKS, Check, registered_subject

# what an environment cannot do yet; strict, so that it is struck off when it can
OPEN = {
    (
        "moonfleet/StationOps-v0",
        "check_state_and_single",
    ): "the single station runs a whole mission, and its state is that of one",
}
CHECKS = (*ALL_GAME_CHECKS, *FOREIGN_CHECKS)


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("env_id", sorted(VECTOR_ENTRY_POINTS))
def test_conformance(env_id: str, check: Check, request: pytest.FixtureRequest) -> None:
    if (env_id, check.__name__) in OPEN:
        request.applymarker(pytest.mark.xfail(reason=OPEN[env_id, check.__name__], strict=True))
    check(registered_subject(env_id, worlds=3, steps=40))
