"""The suite that ships, over every registered environment that has a native batch."""

from __future__ import annotations

import pytest

from moonfleet.envs import VECTOR_ENTRY_POINTS
from moonfleet.envs.testing import ALL_GAME_CHECKS, FOREIGN_CHECKS, Check, registered_subject

CHECKS = (*ALL_GAME_CHECKS, *FOREIGN_CHECKS)


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("env_id", sorted(VECTOR_ENTRY_POINTS))
def test_conformance(env_id: str, check: Check) -> None:
    check(registered_subject(env_id, worlds=3, steps=40))
