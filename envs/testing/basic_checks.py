"""Spaces, shapes, bounds, infos, errors: what a learner relies on without asking."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector.utils import batch_space
from gymnasium.wrappers.vector import DictInfoToList

from .compare import kept, need_same
from .play import Outcome, draw_actions, go_on, play
from .subject import Mask, Subject, Vector, fail, has, mode_of

REFUSALS = (ValueError, TypeError, gymnasium.error.Error)  # what an error that names its cause may be


def check_spaces(subject: Subject) -> str | None:
    """The declared spaces fit each other, observations are bounded, the autoreset mode is declared."""
    env = subject.make()
    mode_of(env)
    if env.num_envs != subject.worlds:
        raise fail(f"num_envs is {env.num_envs}, asked for {subject.worlds}")
    for name in ("observation_space", "action_space"):
        single, batched = getattr(env, f"single_{name}"), getattr(env, name)
        if batched != batch_space(single, env.num_envs):
            raise fail(f"{name} is {batched}, not the batch of single_{name} {single}")
    for name, box in _boxes(env.single_observation_space).items():
        if not (np.isfinite(box.low).all() and np.isfinite(box.high).all()):
            raise fail(f"{name} of the observation has no finite bounds: {box}")
    env.close()
    return None


def check_results(subject: Subject) -> str | None:
    """Every result has the declared shape and type, lies within its bounds and is never NaN; no world both ends and times out."""
    env = subject.make()
    for step, outcome in enumerate(play(env, subject.seed, subject.steps)):
        _need_inside(env.single_observation_space, outcome.observation, env.num_envs, step)
        if step:
            _need_flags(outcome, env.num_envs, step)
    env.close()
    return None


def check_infos(subject: Subject) -> str | None:
    """Infos are arrays [W, ...] with masks, as gymnasium's wrappers read them; the reward is the sum of ``reward_terms``."""
    env = subject.make()
    for step, outcome in enumerate(play(env, subject.seed, subject.steps)):
        _need_infos(outcome.infos, env.num_envs, "infos", step)
        terms = outcome.infos.get("reward_terms")
        if terms is not None and step:
            added = np.sum([value for name, value in terms.items() if not name.startswith("_")], axis=0)
            if not np.allclose(added, outcome.reward, rtol=1e-9, atol=1e-9):
                world = int(np.argmax(np.abs(added - outcome.reward)))
                raise fail(
                    f"reward_terms add up to {added[world]}, the reward is {outcome.reward[world]}",
                    world=world,
                    step=step,
                )
    env.close()
    listed = DictInfoToList(subject.make())
    _, infos = listed.reset(seed=subject.seed)
    if len(infos) != subject.worlds:
        raise fail(f"gymnasium's DictInfoToList makes {len(infos)} infos of {subject.worlds} worlds")
    listed.step(draw_actions(listed.single_action_space, subject.worlds, subject.seed, 1))
    listed.close()
    return None


def check_masks(subject: Subject) -> str | None:
    """Each agent has an allowed action at any time, masks are said alike everywhere, and allowed actions are carried out."""
    from .play import allowed_actions, masks_seen

    env = subject.make()
    observation, _ = env.reset(seed=subject.seed)
    if masks_seen(env, observation) is None:
        env.close()
        return "no masks"
    for step in range(1, subject.steps + 1):
        masks = masks_seen(env, observation)
        if masks is None:
            raise fail("the masks are gone", step=step - 1)
        _need_choice(masks, step - 1)
        if isinstance(observation, Mapping) and "action_mask" in observation:
            told = np.asarray(observation["action_mask"])
            if not np.isin(told, (0, 1)).all():
                raise fail(f"action_mask holds {np.unique(told).tolist()}, need 0 and 1", step=step - 1)
            if has(env, "action_masks"):
                called = np.asarray(env.action_masks()).reshape(masks.shape)  # pyright: ignore[reportAttributeAccessIssue]
                need_same(called, masks, "action_masks() against the observation's action_mask", step=step - 1)
        observation, *_ = env.step(allowed_actions(env.single_action_space, masks, subject.seed, step))
    env.close()
    return None


def check_buffers(subject: Subject) -> str | None:
    """What a step returned is not overwritten by later ones (observations, rewards, flags, infos), nor are actions changed."""
    modes = [env for mode in ("NextStep", "SameStep", "Disabled") if (env := subject.try_make(autoreset_mode=mode))]
    for env in modes or [subject.make()]:
        held: list[tuple[int, Outcome, Any]] = []
        steps = min(subject.steps, 40)
        reset = env.reset(seed=subject.seed)
        held.append((0, Outcome(reset[0], None, None, None, reset[1]), None))
        held[-1] = (*held[-1][:2], kept(held[-1][1]._asdict()))
        for step in range(1, steps + 1):
            actions = draw_actions(env.single_action_space, env.num_envs, subject.seed, step)
            before = actions.copy()
            try:
                outcome = Outcome(*env.step(actions))
            except (*REFUSALS, AssertionError):
                break  # mode Disabled: a world is done
            need_same(actions, before, "the actions given to step, changed by it", step=step)
            held.append((step, outcome, kept(outcome._asdict())))
        for step, outcome, copy in held:
            need_same(outcome._asdict(), copy, f"{mode_of(env).value}: changed by a later step: result", step=step)
        env.close()
    return None


def check_invalid_actions(subject: Subject) -> str | None:
    """Actions outside the space raise an error that names its cause, and change nothing."""
    env, twin = subject.make(), subject.make()
    env.reset(seed=subject.seed)
    twin.reset(seed=subject.seed)
    for actions in _wrong_actions(env):
        try:
            env.step(actions)
        except REFUSALS:
            continue
        except Exception as error:
            raise fail(f"actions {_shown(actions)}: {type(error).__name__}, need a ValueError that says why") from error
        raise fail(f"actions {_shown(actions)} were taken, although they are not in {env.action_space}")
    both = zip(go_on(env, subject.seed, 1, 5), go_on(twin, subject.seed, 1, 5), strict=True)
    for step, (one, other) in enumerate(both, 1):
        need_same(one._asdict(), other._asdict(), "after a refused action: result", step=step)
    env.close()
    twin.close()
    return None


def check_reset_options(subject: Subject) -> str | None:
    """A step before the first reset, unknown options and masks of another shape are refused; closing twice does no harm."""
    env = subject.make()
    actions = draw_actions(env.single_action_space, env.num_envs, subject.seed, 1)
    _need_refusal(lambda: env.step(actions), "a step before the first reset")
    env.reset(seed=subject.seed)
    _need_refusal(lambda: env.reset(options={"no such option": 1}), "an unknown reset option")
    wrong = np.ones(env.num_envs + 1, np.bool_)
    _need_refusal(lambda: env.reset(options={"reset_mask": wrong}), "a reset_mask of another length")
    nobody = np.zeros(env.num_envs, np.bool_)
    _need_refusal(lambda: env.reset(options={"reset_mask": nobody}), "a reset_mask without a world")
    _need_refusal(lambda: env.reset(seed=[1] * (env.num_envs + 1)), "seeds for more worlds than there are")  # pyright: ignore[reportArgumentType]
    env.close()
    env.close()
    return None


BASIC_CHECKS = (
    check_spaces,
    check_results,
    check_infos,
    check_masks,
    check_buffers,
    check_invalid_actions,
    check_reset_options,
)


def _boxes(space: gymnasium.Space[Any], name: str = "space") -> dict[str, gymnasium.spaces.Box]:
    """Return the boxes of a space by name."""
    if isinstance(space, gymnasium.spaces.Dict):
        return {k: box for key, part in space.spaces.items() for k, box in _boxes(part, key).items()}
    return {name: space} if isinstance(space, gymnasium.spaces.Box) else {}


def _need_inside(space: gymnasium.Space[Any], value: Any, worlds: int, step: int, name: str = "observation") -> None:
    """Compare an observation of all worlds with the space of one."""
    if isinstance(space, gymnasium.spaces.Dict):
        if not isinstance(value, Mapping) or set(value) != set(space.spaces):
            raise fail(f"{name} has not the parts of its space {list(space.spaces)}", step=step)
        for key, part in space.spaces.items():
            _need_inside(part, value[key], worlds, step, f"{name}[{key!r}]")
        return
    if not isinstance(space, gymnasium.spaces.Box):
        return
    seen = np.asarray(value)
    if seen.shape != (worlds, *space.shape) or seen.dtype != space.dtype:
        raise fail(f"{name}: {seen.dtype} {seen.shape}, need {space.dtype} {(worlds, *space.shape)}", step=step)
    bad = ~((seen >= space.low) & (seen <= space.high))
    if bad.any():
        at = [int(i) for i in np.argwhere(bad)[0]]
        low, high = space.low[tuple(at[1:])], space.high[tuple(at[1:])]
        raise fail(f"{name}{at[1:]} is {seen[tuple(at)]}, outside [{low}, {high}]", world=at[0], step=step)


def _need_flags(outcome: Outcome, worlds: int, step: int) -> None:
    """Check rewards and flags of one step."""
    for name, kind in (("reward", "f"), ("terminated", "b"), ("truncated", "b")):
        value = np.asarray(getattr(outcome, name))
        if value.shape != (worlds,) or value.dtype.kind != kind:
            raise fail(
                f"{name}: {value.dtype} {value.shape}, need {'float' if kind == 'f' else 'bool'} ({worlds},)", step=step
            )
    if not np.isfinite(outcome.reward).all():
        raise fail("the reward is not finite", world=int(np.argmin(np.isfinite(outcome.reward))), step=step)
    both = outcome.terminated & outcome.truncated
    if both.any():
        raise fail("terminated and truncated at once", world=int(np.argmax(both)), step=step)


def _need_infos(infos: Mapping[str, Any], worlds: int, name: str, step: int) -> None:
    """Check that infos are arrays with masks, in depth."""
    for key, value in infos.items():
        if key.startswith("_"):
            if np.asarray(value).shape != (worlds,) or np.asarray(value).dtype != np.bool_:
                raise fail(f"{name}[{key!r}] is no mask bool ({worlds},)", step=step)
            continue
        if isinstance(value, Mapping):
            _need_infos(value, worlds, f"{name}[{key!r}]", step)
        elif not isinstance(value, np.ndarray) or value.shape[:1] != (worlds,):
            raise fail(f"{name}[{key!r}] is no array whose first axis is the world", step=step)
        if f"_{key}" not in infos:
            raise fail(f"{name}[{key!r}] has no mask {'_' + key!r} beside it", step=step)


def _need_choice(masks: Mask, step: int) -> None:
    """Check that every agent has an allowed action."""
    none = ~masks.any(axis=-1)
    if none.any():
        at = [int(i) for i in np.argwhere(none)[0]]
        agent = f" of agent {at[1]}" if len(at) > 1 else ""
        raise fail(f"no action{agent} is allowed", world=at[0], step=step)


def _need_refusal(call: Any, what: str) -> None:
    """Check that a call raises an error that names its cause."""
    try:
        call()
    except (*REFUSALS, AssertionError) as error:
        if not str(error):
            raise fail(f"{what} raises {type(error).__name__} without a word") from error
        return
    except Exception as error:
        raise fail(f"{what} raises {type(error).__name__}, need a ValueError that says why") from error
    raise fail(f"{what} is taken without an error")


def _wrong_actions(env: Vector) -> list[Any]:
    """Return actions that are not in the action space."""
    space, worlds = env.single_action_space, env.num_envs
    good = draw_actions(space, worlds, 0, 0)
    wrong: list[Any] = [good[:-1], np.concatenate([good, good[:1]]), None]
    if isinstance(space, gymnasium.spaces.Box):
        last = good.astype(np.float64)
        last.reshape(-1)[-1] = np.nan
        return [*wrong, last]
    count = int(space.n) if isinstance(space, gymnasium.spaces.Discrete) else int(space.nvec.max())  # pyright: ignore[reportAttributeAccessIssue]
    high, low = good.copy(), good.copy()
    high.reshape(-1)[-1] = count
    low.reshape(-1)[-1] = -1
    return [*wrong, high, low, good + 0.5]


def _shown(actions: Any) -> str:
    """Return actions in few words."""
    text = repr(actions)
    return text if len(text) < 120 else f"{text[:117]}..."
