"""The policies of a station's robots that ship with the package, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from moonfleet.terrain.errors import did_you_mean

from .errors import PolicyError
from .greedy_policy import GreedyPolicy
from .policy import Policy, RandomPolicy, StationKeeper

DEFAULT = "keeper"
# name -> factory(root seed, index of the robot in its fleet)
POLICIES: Mapping[str, Callable[[int, int], Policy]] = {
    "keeper": lambda seed, robot: StationKeeper(),
    "greedy": lambda seed, robot: GreedyPolicy(),
    "random": RandomPolicy,
}


def named_policy(name: str, seed: int = 0, robot: int = -1) -> Policy:
    """Return a policy by its name; those that draw numbers draw them by (``seed``, ``robot``).

    >>> type(named_policy("keeper")).__name__
    'StationKeeper'

    Raises
    ------
    PolicyError
        There is no policy of that name.
    """
    if name not in POLICIES:
        raise PolicyError(f"policy = {name!r}: must be one of {', '.join(POLICIES)}.{did_you_mean(name, POLICIES)}")
    return POLICIES[name](seed, robot)
