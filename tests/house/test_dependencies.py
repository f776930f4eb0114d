"""What the rooms import is declared, what is declared is imported and pinned."""

from __future__ import annotations

import ast
import configparser
import importlib.metadata
import re
import sys
from pathlib import Path

import pytest

# modules that a declared distribution documents as its own, though another wheel carries them
CARRIED = {"pydantic-core": "pydantic"}

requirements = pytest.importorskip("packaging.requirements", reason="needs the [dev] extra")


def canonical(name: str) -> str:
    """The one spelling of a distribution's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(scope="module")
def declared(root: Path) -> dict[str, list]:
    """Requirements of the core ('') and of each extra."""
    config = configparser.ConfigParser()
    config.read(root / "setup.cfg", encoding="utf-8")
    groups = {"": config["options"]["install_requires"], **config["options.extras_require"]}
    return {
        group: [requirements.Requirement(line) for line in text.splitlines() if line and not line.startswith("#")]
        for group, text in groups.items()
    }


@pytest.fixture(scope="module")
def pins(root: Path) -> dict[str, str]:
    """Version by distribution, from constraints.txt."""
    lines = (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return {
        canonical(name): pin for name, _, pin in (line.partition("==") for line in lines if not line.startswith("#"))
    }


@pytest.fixture(scope="module")
def imports(trees: dict[str, ast.Module]) -> dict[str, set[str]]:
    """Distributions imported by the rooms: at the top of a module, and anywhere in it."""
    owners = importlib.metadata.packages_distributions()

    def names(node: ast.AST) -> list[str]:
        if isinstance(node, ast.Import):
            return [alias.name for alias in node.names]
        return [node.module or ""] if isinstance(node, ast.ImportFrom) and node.level == 0 else []

    def distributions(nodes: list[ast.AST]) -> set[str]:
        tops = {name.split(".")[0] for node in nodes for name in names(node)}
        tops -= {*sys.stdlib_module_names, "moonfleet", ""}
        found = {canonical(owners.get(top, [top])[0]) for top in tops}
        return {CARRIED.get(name, name) for name in found}

    top_level = [node for tree in trees.values() for node in tree.body]
    everywhere = [node for tree in trees.values() for node in ast.walk(tree)]
    return {"top": distributions(list(top_level)), "any": distributions(everywhere)}


def test_modules_load_with_the_core_alone(imports: dict[str, set[str]], declared: dict[str, list]) -> None:
    core = {canonical(r.name) for r in declared[""]}
    assert sorted(imports["top"] - core) == []


def test_every_import_is_declared(imports: dict[str, set[str]], declared: dict[str, list]) -> None:
    every = {canonical(r.name) for group in declared.values() for r in group}
    assert sorted(imports["any"] - every) == []


def test_every_core_dependency_is_used(imports: dict[str, set[str]], declared: dict[str, list]) -> None:
    assert sorted({canonical(r.name) for r in declared[""]} - imports["any"]) == []


def test_every_requirement_is_pinned_within_its_range(declared: dict[str, list], pins: dict[str, str]) -> None:
    wrong = [
        str(r)
        for group in declared.values()
        for r in group
        if r.name != "moonfleet" and not r.specifier.contains(pins.get(canonical(r.name), "0"))
    ]
    assert wrong == []
