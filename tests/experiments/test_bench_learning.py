"""The bench of learning: what it judges by, and that results of other code are not taken for its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from moonfleet.experiments.bench import envs_learning as bench
from moonfleet.experiments.errors import BenchError
from moonfleet.experiments.policies import AnyAllowed
from moonfleet.experiments.problems import Problem
from tests import walk_game


@pytest.fixture
def walk() -> Problem:
    made: dict[str, type[AnyAllowed]] = {name: AnyAllowed for name in ("random", "greedy", "planner")}
    return Problem(walk_game.ENV, walk_game.ENV, made)


def filled(file: Path, learned: float, simple: float, best: float) -> bench.Results:
    """Results in which everybody earned about the same on every seed."""
    results = bench.Results(file)
    for seed in bench.SEEDS:
        told = {"scores": [[learned + seed]], "mean": learned + seed, "agent_steps": 400_000, "minutes": 2.0}
        results.put(f"k/easy/PPO-{seed}", told)
    for level in ("easy", "default"):
        for name, score in (("random", simple), ("greedy", simple), ("planner", best)):
            results.put(f"k/{level}/{name}", {"scores": [[score], [score + 0.5]], "mean": score})
    return results


def test_it_is_judged_by_intervals_and_shares(walk: Problem, tmp_path: Path) -> None:
    rows = bench.rows(walk, "k", filled(tmp_path / "a.json", 10.0, 3.0, 20.0))
    assert [row.ok for row in rows] == [True] * 4
    rows = bench.rows(walk, "k", filled(tmp_path / "b.json", 2.0, 3.0, 7.0))
    assert [row.ok for row in rows] == [False] * 4, "intervals that touch, and a share of 0.45"
    lines = bench.table((walk,), {walk.env_id: "k"}, filled(tmp_path / "c.json", 10.0, 3.0, 20.0))
    assert len({line.count("|") for line in lines}) == 1
    assert "planner: 20.25 (20 .. 20.5)" in lines[2]


def test_an_environment_without_a_planner_is_missed(walk: Problem, tmp_path: Path) -> None:
    bare = Problem(walk.env_id, walk.entry, {})
    results = filled(tmp_path / "a.json", 10.0, 3.0, 20.0)
    assert not any(row.ok for row in bench.rows(bare, "k", results)[1:])


def test_results_are_kept_and_damaged_ones_refused(tmp_path: Path) -> None:
    file = tmp_path / "new" / "results.json"
    bench.Results(file).put("a", {"scores": [[1.0, 3.0]], "mean": 2.0})
    assert bench.Results(file).interval("a").mean == 2.0
    file.write_text("{")
    with pytest.raises(BenchError, match="remove it"):
        bench.Results(file)


def test_minutes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOONFLEET_LEARN_ENVS", walk_game.ENV)
    assert bench.setting().minutes == bench.MOST_MINUTES
    for word in ("16", "0", "many"):
        monkeypatch.setenv("MOONFLEET_LEARN_MINUTES", word)
        with pytest.raises(BenchError, match=f"= {word}"):
            bench.setting()


@pytest.mark.rl
def test_one_learner_and_one_baseline(walk: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sb3_contrib", reason="needs the [rl] extra")
    monkeypatch.setattr(bench, "STEPS", 2048)
    told = bench.learn_one(walk.env_id, 1, str(tmp_path / "run"), 1.0)
    assert (told["agent_steps"], len(told["scores"][0])) == (2048, bench.EPISODES)
    other = bench.judge("random", walk.env_id, "easy")
    assert len(other["scores"]) == len(bench.SEEDS)
    json.dumps([told, other])


def test_results_of_other_limits_or_code_are_not_taken(walk: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    key = bench.code_key(walk, 15.0)
    assert bench.code_key(walk, 15.0) == key
    assert bench.code_key(walk, 10.0) != key
    monkeypatch.setattr(bench, "STEPS", 1)
    assert bench.code_key(walk, 15.0) != key
