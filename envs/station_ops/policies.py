"""Policies to compare with in StationOps: those that fly missions, each robot asked about its own row."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from moonfleet.autonomy.greedy_policy import GreedyPolicy
from moonfleet.autonomy.policy import Policy, RandomPolicy, StationKeeper

# name -> factory, called with the ``seed`` where it takes one
BASELINES: Mapping[str, Callable[..., Policy]] = {
    "random": lambda seed: RandomPolicy(seed),
    "greedy": lambda: GreedyPolicy(),
    "keeper": lambda: StationKeeper(),
}
