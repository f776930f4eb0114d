"""Every registered environment passes every check, in every face: gymnasium's, PettingZoo's, SB3's, RLlib's, and the batched suite."""

from __future__ import annotations

from moonfleet.envs import ENVIRONMENTS, TEAMS, VECTOR_ENTRY_POINTS
from moonfleet.envs.testing import ALL_GAME_CHECKS, FOREIGN_CHECKS, ConformanceError, registered_subject

from .registry import Bar, Row, Tell, holds

WORLDS, STEPS = 5, 80  # of each check
FACES = {  # face -> the checks of it that must have applied, not only not failed
    "single": ("check_gymnasium", "check_sb3", "check_batched_equals_single", "check_state_and_single"),
    "vector": (
        "check_next_step",
        "check_same_step",
        "check_disabled",
        "check_threads",
        "check_state_in_another_process",
    ),
}
TEAM_FACES = {"PettingZoo": ("check_pettingzoo", "check_team_face"), "RLlib": ("check_rllib",)}


def conformance(tell: Tell) -> list[Row]:
    """Run all checks on all environments; a check that fails is told and counted."""
    rows: list[Row] = []
    for env_id in ENVIRONMENTS:
        if env_id not in VECTOR_ENTRY_POINTS:
            rows.append(holds("envs.1", f"{env_id} has a native batch", False))
            continue
        subject = registered_subject(env_id, worlds=WORLDS, steps=STEPS)
        told: dict[str, str] = {}
        failed: list[str] = []
        checks = (*ALL_GAME_CHECKS, *FOREIGN_CHECKS)
        for check in checks:
            try:
                told[check.__name__] = check(subject) or "passed"
            except ConformanceError as error:
                failed.append(check.__name__)
                tell(f"  {env_id}: {check.__name__}: {error}")
        beside = {name: why for name, why in told.items() if why != "passed"}
        tell(f"  {env_id}: {len(checks)} checks, {len(failed)} failed, not applicable: {beside or 'none'}")
        passed = len(checks) - len(failed)
        rows.append(Row("envs.1", f"{env_id}: checks that do not fail", passed, "", f"{len(checks)}", not failed))
        for face, needed in {**FACES, **(TEAM_FACES if env_id in TEAMS else {})}.items():
            rows.append(holds("envs.1", f"{env_id}: {face} face", all(told.get(name) == "passed" for name in needed)))
    return rows


BARS: dict[str, Bar] = {"envs.1": conformance}
