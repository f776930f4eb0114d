"""What a bench takes from the repository's tests: slow references and training, which the installed package does not have."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

from ..errors import BenchError

ROOT = Path(__file__).resolve().parents[2]


def from_tests(name: str, bar: str, why: str) -> ModuleType:
    """Return a module of the tests.

    Raises
    ------
    BenchError : outside a checkout, or without what the module needs; names the ``bar`` and says ``why`` it is wanted.
    """
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    try:
        return importlib.import_module(f"tests.{name}")
    except ImportError as error:
        raise BenchError(
            f"bench = {bar}: runs in a checkout of the repository with the dev extra, {why}: {error}"
        ) from error
