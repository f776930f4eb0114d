"""Learnable, not trivial: PPO beside random and greedy where it is easiest; both of them beside the best baseline on the default level.

A learner is trained with each of `SEEDS` and plays the episodes of the root seed of the same number, by the chances that it learned;
everyone else plays the same ones.
Intervals are 95 % bootstraps over the seeds. Each result is written down as soon as it is there, with a hash of the code that
made it: a bench that was stopped goes on, and nothing old is shown as new. Three environment variables set how::

    MOONFLEET_LEARN_FOLDER=runs/bench-learning  MOONFLEET_LEARN_MINUTES=15  MOONFLEET_LEARN_ENVS=PolarTraverse,StationOps
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..bootstrap import Interval, interval_of
from ..errors import BenchError
from ..evaluate import play
from ..problems import RANDOM, Problem, find_problem
from ..run_folder import write_text
from ..train import Plan, train
from .registry import Bar, Row, Tell

BAR: Final = "envs.5"
SEEDS: Final = range(5)
EPISODES: Final = 20  # of each seed
WORLDS: Final = 50
EASY, DEFAULT = "easy", "default"
GREEDY: Final = "greedy"
SIMPLE: Final = (RANDOM, GREEDY)
LEARNED: Final = "PPO"
MOST_MINUTES: Final = 15.0
STEPS: Final = 400_000  # agent-steps of a training, if the minutes allow
PROCESSES: Final = 2
SHARE: Final = 0.4  # of the best baseline's score: what random and greedy must stay below


@dataclass(frozen=True, slots=True)
class Setting:
    """What the environment variables say."""

    folder: Path
    minutes: float
    problems: tuple[Problem, ...]


def setting() -> Setting:
    """Return what the environment variables say. Raises `BenchError` or `OptionError` for what they may not."""
    import moonfleet.envs

    word = os.environ.get("MOONFLEET_LEARN_MINUTES", str(MOST_MINUTES))
    try:
        minutes = float(word)
    except ValueError:
        minutes = np.nan
    if not 0.0 < minutes <= MOST_MINUTES:
        raise BenchError(f"MOONFLEET_LEARN_MINUTES = {word}: must be a number above 0, at most {MOST_MINUTES:g}")
    names = os.environ.get("MOONFLEET_LEARN_ENVS")
    chosen = names.split(",") if names else list(moonfleet.envs.ENTRY_POINTS)
    folder = Path(os.environ.get("MOONFLEET_LEARN_FOLDER", "runs/bench-learning"))
    return Setting(folder, minutes, tuple(find_problem(name) for name in chosen))


class Results:
    """Scores by name, in a JSON file that is whole whenever the process dies."""

    def __init__(self, file: Path) -> None:
        self.file = file
        try:
            self.told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        except (OSError, ValueError) as error:
            raise BenchError(f"{file}: cannot be read; remove it to begin anew: {error}") from error

    def put(self, key: str, scores: Mapping[str, Any]) -> None:
        """Write a result down."""
        self.told[key] = dict(scores)
        self.file.parent.mkdir(parents=True, exist_ok=True)
        write_text(self.file, json.dumps(self.told, indent=1) + "\n")

    def interval(self, *keys: str) -> Interval:
        """Return mean and interval of the scores of ``keys``, the seeds of all of them together."""
        return interval_of(np.concatenate([np.array(self.told[key]["scores"], np.float64) for key in keys]))


def code_key(problem: Problem, minutes: float) -> str:
    """Return a hash of the code and the limits that an environment's scores follow from, to tell old results from new ones."""
    import moonfleet.agents
    import moonfleet.envs

    module = problem.entry.partition(":")[0]
    envs, agents = (Path(str(room.__file__)).parent for room in (moonfleet.envs, moonfleet.agents))
    own = envs.joinpath(*module.split(".")[2:-1])
    files = [*envs.glob("*.py"), *agents.rglob("*.py"), *agents.rglob("*.yaml"), *own.rglob("*.py")]
    files += [
        Path(__file__).parents[1] / name
        for name in ("train.py", "evaluate.py", "rows_env.py", "reward_scale.py", "trained.py")
    ]
    whole = hashlib.sha256(repr((minutes, STEPS, EPISODES, list(SEEDS))).encode())
    for file in sorted(set(files)):
        whole.update(file.read_bytes())
    return whole.hexdigest()[:12]


def learn_one(env_id: str, seed: int, folder: str, minutes: float) -> dict[str, Any]:
    """Train with one seed on the easiest level and return the scores of its episodes; run in a process of its own."""
    problem = find_problem(env_id)
    done = train(problem, Plan(env_id, EASY, seed), Path(folder), minutes=minutes, steps=STEPS)
    game = problem.game(EPISODES, level=EASY)
    told = play(game, done.policy.sampled(seed), [seed], EPISODES).to_json()
    return told | {"agent_steps": done.progress.steps, "minutes": done.progress.seconds / 60.0}


def judge(name: str, env_id: str, level: str) -> dict[str, Any]:
    """Return the scores of a baseline on the episodes of all seeds; run in a process of its own."""
    problem = find_problem(env_id)
    game = problem.game(WORLDS, level=level)
    return play(game, problem.policy(name, game), list(SEEDS), EPISODES).to_json()


def learning(tell: Tell) -> list[Row]:
    """Play and learn all that is not there yet, then judge it."""
    given = setting()
    results = Results(given.folder / "results.json")
    keys = {problem.env_id: f"{problem.short}/{code_key(problem, given.minutes)}" for problem in given.problems}
    with ProcessPoolExecutor(PROCESSES, get_context("spawn")) as pool:
        waiting = {}
        for problem in given.problems:
            key = keys[problem.env_id]
            for level in (DEFAULT, EASY):
                for name in baselines(problem):
                    if f"{key}/{level}/{name}" not in results.told:
                        waiting[pool.submit(judge, name, problem.env_id, level)] = f"{key}/{level}/{name}"
        for problem in given.problems:
            key = keys[problem.env_id]
            for seed in SEEDS:
                at = f"{key}/{EASY}/{LEARNED}-{seed}"
                folder = str(given.folder / at.replace("/", "-"))
                if at not in results.told:
                    waiting[pool.submit(learn_one, problem.env_id, seed, folder, given.minutes)] = at
        for one in as_completed(waiting):
            results.put(waiting[one], one.result())
            tell(f"  {waiting[one]}: {results.told[waiting[one]]['mean']:.4g}")
    for line in table(given.problems, keys, results):
        tell(line)
    return [row for problem in given.problems for row in rows(problem, keys[problem.env_id], results)]


def baselines(problem: Problem) -> list[str]:
    """Return the names of all policies to compare with."""
    return [RANDOM, *(name for name in problem.baselines if name != RANDOM)]


def learned_keys(key: str) -> list[str]:
    """Return where the results of the learners are."""
    return [f"{key}/{EASY}/{LEARNED}-{seed}" for seed in SEEDS]


def best_of(problem: Problem, key: str, results: Results) -> tuple[str, float]:
    """Return name and mean score of the best baseline on the default level, random and greedy aside."""
    means = {
        name: results.interval(f"{key}/{DEFAULT}/{name}").mean for name in baselines(problem) if name not in SIMPLE
    }
    if not means:
        return "no planner or keeper", np.nan
    name = max(means, key=lambda name: means[name])
    return name, means[name]


def rows(problem: Problem, key: str, results: Results) -> list[Row]:
    """Return the rows of one environment."""
    learned = results.interval(*learned_keys(key))
    out: list[Row] = []
    for name in SIMPLE:
        if name not in baselines(problem):
            out.append(Row(BAR, f"{problem.short}: {name}", "not there", "", "measured", False))
            continue
        other = results.interval(f"{key}/{EASY}/{name}")
        what = f"{problem.short}, {EASY}: PPO over {len(SEEDS)} seeds beside {name}, intervals apart"
        out.append(Row(BAR, what, learned.shown(), "", f"> {other.shown()}", learned.low > other.high))
    best, score = best_of(problem, key, results)
    for name in SIMPLE:
        if name in baselines(problem):
            share = results.interval(f"{key}/{DEFAULT}/{name}").mean / score if score > 0.0 else np.nan
            what = f"{problem.short}, {DEFAULT}: {name} as a share of {best} ({score:.4g})"
            out.append(Row(BAR, what, share, "", f"< {SHARE:g}", bool(share < SHARE)))
    return out


def table(problems: tuple[Problem, ...], keys: Mapping[str, str], results: Results) -> list[str]:
    """Return the Markdown table of all scores, as the docs show it."""
    heads = ("environment", "level", *SIMPLE, "planner or keeper", LEARNED, "thousand agent-steps, minutes")
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for problem in problems:
        key = keys[problem.env_id]
        best, _ = best_of(problem, key, results)
        learners = [results.told[one] for one in learned_keys(key)]
        steps, minutes = (float(np.mean([one[name] for one in learners])) for name in ("agent_steps", "minutes"))
        spent = f"{steps / 1e3:.0f}, {minutes:.1f}"
        for level in (EASY, DEFAULT):
            cells = [
                results.interval(at).shown() if (at := f"{key}/{level}/{name}") in results.told else "-"
                for name in (*SIMPLE, best)
            ]
            cells[2] = f"{best}: {cells[2]}" if best in problem.baselines else "-"
            ppo = (results.interval(*learned_keys(key)).shown(), spent) if level == EASY else ("", "")
            lines.append(f"| {' | '.join((f'`{problem.short}`', level, *cells, *ppo))} |")
    return lines


BARS: dict[str, Bar] = {BAR: learning}
