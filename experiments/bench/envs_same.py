"""A batch plays what single environments play: 64 worlds, 1 000 random steps, masked actions among them, compared to the bit."""

from __future__ import annotations

from functools import partial

from moonfleet.envs import VECTOR_ENTRY_POINTS, solo_env, vector_env
from moonfleet.envs.testing import ConformanceError, Subject
from moonfleet.envs.testing.same_checks import check_batched_equals_single

from .registry import Bar, Row, Tell, holds

WORLDS, STEPS = 64, 1000


def batched_equals_single(tell: Tell) -> list[Row]:
    """Play each environment at its default level beside as many single ones, through the ends of episodes."""
    rows: list[Row] = []
    for env_id in VECTOR_ENTRY_POINTS:
        tell(f"  {env_id}: {STEPS} steps of {WORLDS} worlds beside {WORLDS} single environments")
        subject = Subject(partial(vector_env, env_id), partial(solo_env, env_id), WORLDS, STEPS)
        try:
            same = check_batched_equals_single(subject) is None
        except ConformanceError as error:
            tell(f"  {env_id}: {error}")
            same = False
        what = f"{env_id}: observations, masks, rewards, flags and infos of {WORLDS} worlds x {STEPS} steps are those of single ones"
        rows.append(holds("envs.2", what, same))
    return rows


BARS: dict[str, Bar] = {"envs.2": batched_equals_single}
