"""The same seed plays the same episode: beside others, alone, later, after longer ones, in any autoreset mode."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from .compare import kept, need_same, row
from .play import Outcome, draw_actions, go_on, play
from .subject import Subject, Vector, fail, mode_of

GLOBAL: Any = importlib.import_module("numpy.random")  # the generator that nobody may use: what is looked for
KEPT_TERMS = "reward_terms"  # stays at the top level in mode SameStep


def check_seeding(subject: Subject) -> str | None:
    """The same seed gives the same bytes, twice over and in a fresh environment; another seed gives others."""
    env, twin = subject.make(), subject.make()
    first = [kept(outcome) for outcome in play(env, subject.seed, subject.steps)]
    for step, outcome in enumerate(play(twin, subject.seed, subject.steps)):
        _need_outcome(outcome, first[step], "a second environment, same seed", step)
    for step, outcome in enumerate(play(env, subject.seed, subject.steps)):
        _need_outcome(outcome, first[step], "the same environment, seeded again", step)
    other = [kept(outcome) for outcome in play(env, subject.seed + 1000, 3, actions_seed=subject.seed)]
    if all(_bits(one[0]) == _bits(two[0]) for one, two in zip(other, first, strict=False)):
        raise fail("another seed shows the very same observations")
    env.close()
    twin.close()
    return None


def check_global_random(subject: Subject) -> str | None:
    """Neither reads nor moves numpy's global generator."""
    env, twin = subject.make(), subject.make()
    first = [kept(outcome) for outcome in play(env, subject.seed, 5)]
    GLOBAL.seed(4)
    before = _global_state()
    for step, outcome in enumerate(play(twin, subject.seed, 5)):
        _need_outcome(outcome, first[step], "after numpy.random.seed", step)
    after = _global_state()
    if before != after:
        raise fail("numpy's global generator was used")
    return None


def check_episode_length(subject: Subject) -> str | None:
    """Later episodes do not depend on how long earlier ones ran."""
    short, long = subject.make(), subject.make()
    short.reset(seed=subject.seed)
    long.reset(seed=subject.seed)
    for _ in go_on(short, subject.seed, 1, 1):
        pass
    limit = 12 if mode_of(long) == AutoresetMode.DISABLED else 7
    rested = 0
    for outcome in go_on(long, subject.seed, 1, limit):
        rested += 1
        if (np.asarray(outcome.terminated) | np.asarray(outcome.truncated)).any():
            break  # an episode that ends by itself would be counted
    for world, (one, other) in enumerate(((short.reset(), long.reset()),)):
        need_same(one[0], other[0], f"the second episode after 1 and after {rested} steps: observation", step=world)
    both = zip(go_on(short, subject.seed, 1, subject.steps), go_on(long, subject.seed, 1, subject.steps), strict=True)
    for step, (one, other) in enumerate(both, 1):
        if np.asarray(one.terminated | one.truncated).all() and mode_of(short) == AutoresetMode.DISABLED:
            break
        _need_outcome(one, other, f"the second episode after 1 and after {rested} steps", step)
    return None


def check_number_of_worlds(subject: Subject) -> str | None:
    """A world plays the same alone and beside others."""
    many = subject.make(2 * subject.worlds + 1)
    runs = [kept(outcome) for outcome in play(many, subject.seed, subject.steps)]
    few = subject.make()
    for step, outcome in enumerate(play(few, subject.seed, subject.steps)):
        for world in range(subject.worlds):
            _need_row(outcome, world, runs[step], world, f"beside {2 * subject.worlds} others", step)
    alone = subject.make(1)
    for step, outcome in enumerate(play(alone, subject.seed, subject.steps)):
        _need_row(outcome, 0, runs[step], 0, "alone", step)
    for env in (many, few, alone):
        env.close()
    return None


def check_threads(subject: Subject) -> str | None:
    """The number of threads changes no bit."""
    two = subject.try_make(threads=2)
    if two is None:
        return "no option threads"
    one = subject.make(threads=1)
    both = zip(play(one, subject.seed, subject.steps), play(two, subject.seed, subject.steps), strict=True)
    for step, (first, second) in enumerate(both):
        _need_outcome(second, first, "two threads against one", step)
    return None


def check_copy(subject: Subject) -> str | None:
    """With ``copy=False`` the same numbers come in arrays that are used again, and still nothing else is overwritten."""
    reused = subject.try_make(copy=False)
    if reused is None:
        return "no option copy"
    both = zip(
        play(subject.make(), subject.seed, subject.steps), play(reused, subject.seed, subject.steps), strict=True
    )
    for step, (first, second) in enumerate(both):
        _need_outcome(second, first, "copy=False against copy=True", step)
    return None


def check_batched_equals_single(subject: Subject) -> str | None:
    """World i is, to the bit, a single environment seeded seed + i: observations, rewards, flags, masks, infos."""
    if subject.single is None:
        return "no single environment given"
    env = subject.make()
    for step, (ours, theirs) in enumerate(_beside_sync(subject, env, mode_of(env))):
        _need_like_sync(ours, theirs, mode_of(env), step)
    env.close()
    return None


def check_next_step(subject: Subject) -> str | None:
    """Mode NextStep does what gymnasium's SyncVectorEnv does over single environments."""
    return _check_mode(subject, AutoresetMode.NEXT_STEP)


def check_same_step(subject: Subject) -> str | None:
    """Mode SameStep does what gymnasium's SyncVectorEnv does, final observations and infos included."""
    return _check_mode(subject, AutoresetMode.SAME_STEP)


def check_disabled(subject: Subject) -> str | None:
    """Mode Disabled: worlds that are done rest until ``reset_mask`` begins them, and only them."""
    env = subject.try_make(autoreset_mode=AutoresetMode.DISABLED.value)
    if env is None:
        return "no option autoreset_mode"
    if subject.single is None:
        return "no single environment given"
    sync = SyncVectorEnv([subject.single] * subject.worlds, autoreset_mode=AutoresetMode.DISABLED)
    ours, theirs = env.reset(seed=subject.seed), sync.reset(seed=subject.seed)
    need_same(ours[0], theirs[0], "Disabled: observation", step=0)
    resets = 0
    for step in range(1, subject.steps + 1):
        actions = draw_actions(env.single_action_space, env.num_envs, subject.seed, step)
        one, other = Outcome(*env.step(actions)), Outcome(*sync.step(actions))
        _need_like_sync(one, other, AutoresetMode.DISABLED, step)
        over = one.terminated | one.truncated
        if over.any():
            resets += 1
            again, mine = sync.reset(options={"reset_mask": over}), env.reset(options={"reset_mask": over.copy()})
            need_same(mine[0], again[0], "Disabled: observation after reset_mask", step=step)
    _check_rest(subject, env)
    if not resets:
        return f"no episode ended in {subject.steps} steps"
    return None


SAME_CHECKS = (
    check_seeding,
    check_global_random,
    check_episode_length,
    check_number_of_worlds,
    check_threads,
    check_copy,
    check_batched_equals_single,
    check_next_step,
    check_same_step,
    check_disabled,
)


def _check_mode(subject: Subject, mode: AutoresetMode) -> str | None:
    """Compare a mode with gymnasium's own vectorisation."""
    env = subject.try_make(autoreset_mode=mode.value)
    if env is None:
        return "no option autoreset_mode"
    if subject.single is None:
        return "no single environment given"
    if mode_of(env) != mode:
        raise fail(f"asked for mode {mode.value}, metadata declares {mode_of(env).value}")
    ends = 0
    for step, (ours, theirs) in enumerate(_beside_sync(subject, env, mode)):
        _need_like_sync(ours, theirs, mode, step)
        if step:
            ends += int((ours.terminated | ours.truncated).sum())
    env.close()
    return None if ends else f"no episode ended in {subject.steps} steps"


def _beside_sync(subject: Subject, env: Vector, mode: AutoresetMode) -> Any:
    """Play ``env`` beside gymnasium's SyncVectorEnv of single environments."""
    sync = SyncVectorEnv([subject.single] * subject.worlds, autoreset_mode=mode)  # pyright: ignore[reportArgumentType]
    steps = subject.steps
    if mode == AutoresetMode.DISABLED:
        steps = 1
    yield from zip(play(env, subject.seed, steps), play(sync, subject.seed, steps), strict=True)
    sync.close()


def _need_like_sync(ours: Outcome, theirs: Outcome, mode: AutoresetMode, step: int) -> None:
    """Compare with what gymnasium's SyncVectorEnv returned; infos as far as both tell."""
    for name in ("observation", "reward", "terminated", "truncated"):
        need_same(getattr(ours, name), getattr(theirs, name), f"{mode.value} against single: {name}", step=step)
    _need_infos_like(ours.infos, theirs.infos, f"{mode.value} against single: infos", step, mode)


def _need_infos_like(
    ours: Mapping[str, Any],
    theirs: Mapping[str, Any],
    what: str,
    step: int,
    mode: AutoresetMode,
    more_told: bool = False,
) -> None:
    """Compare the infos that both have, where their masks are set; ``more_told``: ours may be of more worlds."""
    for name, value in theirs.items():
        if name.startswith("_"):
            continue
        if name not in ours:
            if np.asarray(value).dtype == object and name != "final_obs":
                continue  # text, which arrays of many worlds do not carry
            raise fail(f"{what}[{name!r}] is missing", step=step)
        mask = np.asarray(theirs[f"_{name}"])
        more = more_told or (name == KEPT_TERMS and mode == AutoresetMode.SAME_STEP)
        if more:
            if (mask & ~np.asarray(ours[f"_{name}"])).any():
                raise fail(f"{what}['_{name}'] lacks worlds", step=step)
        else:
            need_same(np.asarray(ours[f"_{name}"]), mask, f"{what}['_{name}']", step=step)
        if isinstance(value, Mapping):
            _need_infos_like(ours[name], value, f"{what}[{name!r}]", step, mode, more)
            continue
        for world in np.flatnonzero(mask).tolist():
            need_same(row(ours[name], world), row(value, world), f"{what}[{name!r}]", step=step, world=world)


def _check_rest(subject: Subject, env: Vector) -> None:
    """Mode Disabled: a world that is done earns nothing and shows the same until it is begun again."""
    observation, _ = env.reset(seed=subject.seed)
    resting = np.zeros(env.num_envs, np.bool_)
    for step in range(1, subject.steps + 1):
        before = kept(observation)
        actions = draw_actions(env.single_action_space, env.num_envs, subject.seed, step)
        try:
            observation, reward, terminated, truncated, _ = env.step(actions)
        except (ValueError, AssertionError) as error:
            if resting.any():
                return  # it refuses to go on before its worlds are begun again, as gymnasium's own does
            raise fail(f"Disabled: a step is refused, though every world is under way: {error}", step=step) from error
        for world in np.flatnonzero(resting).tolist():
            need_same(
                row(observation, world), row(before, world), "Disabled: a resting world shows", step=step, world=world
            )
            if reward[world] != 0.0 or terminated[world] or truncated[world]:
                raise fail("Disabled: a resting world earns, or ends again", step=step, world=world)
        resting |= terminated | truncated
        if resting.all():
            return


def _need_outcome(got: Outcome, expected: Outcome, what: str, step: int) -> None:
    """Compare two outcomes, infos included."""
    need_same(got._asdict(), Outcome(*expected)._asdict(), f"{what}: result", step=step)


def _need_row(got: Outcome, world: int, expected: Outcome, other: int, what: str, step: int) -> None:
    """Compare one world of two outcomes."""
    fields = ("observation",) if step == 0 else ("observation", "reward", "terminated", "truncated")
    wanted = Outcome(*expected)
    for name in fields:
        one, two = row(getattr(got, name), world), row(getattr(wanted, name), other)
        need_same(one, two, f"{what}: {name}", step=step, world=world)


def _global_state() -> tuple[bytes, object]:
    """Return what numpy's global generator stands at."""
    state = GLOBAL.get_state()
    return state[1].tobytes(), state[2]


def _bits(value: Any) -> bytes:
    """Return the bytes of a nested observation."""
    if isinstance(value, Mapping):
        return b"".join(_bits(value[name]) for name in sorted(value))
    return np.ascontiguousarray(value).tobytes()
