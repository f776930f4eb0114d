"""``moonfleet train`` and ``moonfleet evaluate``: learn a policy in an environment, and see what policies are worth there."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .cli_site import EXIT_INTERRUPTED, PIPE_COLUMNS
from .errors import OptionError

if TYPE_CHECKING:
    from rich.table import Table

    from .evaluate import Scores
    from .train_checkpoint import Progress

DEFAULT_MINUTES = 10.0
WORLDS_AT_ONCE = 64
ENV_HELP = "An environment: its id, just its name ('PolarTraverse'), or MODULE:CLASS of the batched face of your own."

Env = Annotated[str, typer.Argument(help=ENV_HELP, metavar="ENV")]
Threads = Annotated[int, typer.Option(help="Threads that step the worlds; the result is the same.", min=1, max=1024)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress; only the result.")]


def train(
    env: Env,
    level: Annotated[str, typer.Option(help="Level of difficulty: easy, default or hard.")] = "easy",
    minutes: Annotated[
        float | None, typer.Option(help="Stop after so many minutes of learning. Default 10.", min=0.0, metavar="N")
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(help="Stop after so many agent-steps, or minutes if they end first.", min=1, metavar="N"),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Root seed; the same seed and steps give the same policy.", min=0, max=2**31 - 2)
    ] = 0,
    worlds: Annotated[int, typer.Option(help="Worlds side by side.", min=1, max=4096)] = 16,
    threads: Threads = 1,
    out: Annotated[Path | None, typer.Option(help="Folder; default runs/<env>-<level>-<seed>.", metavar="DIR")] = None,
    quiet: Quiet = False,
) -> None:
    """Learn a policy with PPO (Stable-Baselines3, default settings); all robots share one network.

    Stopped or killed, the same command goes on; with more minutes or steps it learns on.
    """
    from rich.console import Console

    from .part_done import part_done
    from .problems import find_problem
    from .train import Plan
    from .train import train as learn

    problem = find_problem(env)
    folder = out or Path("runs") / f"{problem.short.lower()}-{level}-{seed}"
    limit = DEFAULT_MINUTES if minutes is None and steps is None else minutes
    console = Console()
    try:
        with part_done(console, quiet=quiet) as shown:
            done = learn(
                problem,
                Plan(problem.env_id, level, seed, worlds),
                folder,
                minutes=limit,
                steps=steps,
                threads=threads,
                heard=lambda progress, part: shown(part, learned_words(progress)),
            )
    except KeyboardInterrupt:
        sys.stderr.write(f"Stopped. The same command goes on from the last checkpoint in {folder}\n")
        sys.exit(EXIT_INTERRUPTED)
    if quiet:
        typer.echo(str(folder))
        return
    console.print(learned_words(done.progress), highlight=False, markup=False, soft_wrap=True)
    words = f"policy  {folder}\ntry     moonfleet evaluate {env} --level {level} --policy {folder} --policy random"
    console.print(words, highlight=False, markup=False, soft_wrap=True)


def learned_words(progress: Progress) -> str:
    """Return a line on what was learned so far."""
    episodes = sum(update.episodes for update in progress.updates)
    score = "" if progress.recent is None else f", mean score of the last of them {progress.recent:.4g}"
    return f"{progress.steps:,} steps, {episodes:,} episodes{score}, {progress.seconds / 60.0:.1f} min"


def evaluate(
    env: Env,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            help="random, greedy, planner, careful or keeper (whichever the environment has), or the folder of a training. Given again, "
            "all are put to the same episodes. Default random.",
            metavar="NAME_OR_PATH",
        ),
    ] = None,
    level: Annotated[str, typer.Option(help="Level of difficulty: easy, default or hard.")] = "default",
    episodes: Annotated[int, typer.Option(help="Episodes in all, rounded up to as many for every seed.", min=1)] = 100,
    seeds: Annotated[int, typer.Option(help="Root seeds, from --seed on; the 95 % interval is over them.", min=1)] = 5,
    seed: Annotated[int, typer.Option(help="First root seed.", min=0)] = 0,
    sample: Annotated[
        bool,
        typer.Option(
            "--sample", help="Trained policies take actions by the chances they learned, not the best-rated one."
        ),
    ] = False,
    threads: Threads = 1,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write the figures and all scores to this file.", metavar="FILE")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Put policies to the same episodes: mean score with its 95 % interval, and what each term of the reward made of it."""
    from rich.console import Console

    from .evaluate import play
    from .part_done import part_done
    from .problems import find_problem

    if json_file is not None:
        _writable(json_file)
    problem, names = find_problem(env), policy or ["random"]
    seeds = min(seeds, episodes)
    each = -(-episodes // seeds)
    game = problem.game(min(WORLDS_AT_ONCE, seeds * each), level=level, threads=threads)
    console = Console()
    if not console.is_terminal:
        console.width = PIPE_COLUMNS
    found = {name: problem.policy(name, game, seed, sample=sample) for name in names}
    told: dict[str, Scores] = {}
    with part_done(console, quiet=quiet) as shown:
        for name, one in found.items():

            def heard(done: int, of: int, name: str = name) -> None:
                """Show how far all policies together are."""
                shown((len(told) + done / of) / len(found), f"{name}: {done} of {of} episodes")

            told[name] = play(game, one, range(seed, seed + seeds), each, told=heard)
    console.print(score_table(f"{problem.env_id}, level {level}, {seeds} x {each} episodes", told))
    if json_file is not None:
        figures = {name: scores.to_json() for name, scores in told.items()}
        _write(json_file, {"env": problem.env_id, "level": level, "policies": figures})


def score_table(title: str, told: Mapping[str, Scores]) -> Table:
    """Return a table with a row a policy."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, title=title, title_justify="left")
    terms = list(next(iter(told.values())).terms)
    for head in ("policy", "score (95 %)", *terms, "steps", "ended early"):
        table.add_column(head, justify="left" if head == "policy" else "right", overflow="fold")
    for name, scores in told.items():
        made = [f"{values.mean():.4g}" for values in scores.terms.values()]
        table.add_row(
            name, scores.interval.shown(), *made, f"{scores.steps.mean():.0f}", f"{scores.terminated.mean():.0%}"
        )
    return table


def _writable(path: Path) -> None:
    """See that a file can be written, before the work and not after it; raises `OptionError`."""
    if not path.parent.is_dir() or path.is_dir():
        raise OptionError(f"--json = {path}: must be a file in a folder that is there")


def _write(path: Path, told: object) -> None:
    """Write JSON; raises `OptionError` where that cannot be done."""
    try:
        path.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise OptionError(f"--json = {path}: cannot be written: {error.strerror}") from error
