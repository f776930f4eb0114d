"""What an import costs, and by which name things are imported."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import moonfleet

HEAVY = ("ray", "cv2", "numba", "torch", "plotly", "rasterio", "gymnasium", "shapely", "scipy", "pyarrow", "pydantic")


def loaded_by(statement: str, watched: tuple[str, ...]) -> list[str]:
    """Which of the watched modules a new interpreter holds after the statement."""
    code = f"import json, sys\n{statement}\nprint(json.dumps([m for m in {watched!r} if m in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_import_moonfleet_loads_nothing_heavy() -> None:
    """Not even numpy, so that it cannot cost more than numpy does."""
    assert loaded_by("import moonfleet", (*HEAVY, "numpy")) == []


def test_errors_cost_nothing() -> None:
    assert loaded_by("from moonfleet import MoonfleetError", HEAVY) == []


@pytest.mark.parametrize("name", moonfleet.__all__)
def test_public_name_resolves(name: str) -> None:
    value = getattr(moonfleet, name)
    assert name in dir(moonfleet)
    assert name == "__version__" or value.__name__ == name


def test_public_names_are_written_alike_for_type_checkers(root: Path) -> None:
    tree = ast.parse((root / "moonfleet" / "__init__.py").read_text(encoding="utf-8"))
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    typed = {alias.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    [home] = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "_HOME"
    ]
    assert typed == home
    assert sorted(moonfleet.__all__) == sorted([*home, "__version__"])


def test_unknown_public_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Wrld'"):
        moonfleet.Wrld  # noqa: B018


def test_no_bare_room_imports(root: Path, rooms: tuple[str, ...]) -> None:
    """``import terrain`` would make a second copy of every module in it."""
    found: list[str] = []
    for folder in (*rooms, "moonfleet/__init__.py", "tests", "docs"):
        top = root / folder
        for path in [top] if top.is_file() else sorted(top.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and node.level == 0:
                    names = [node.module or ""]
                else:
                    continue
                found += [f"{path.relative_to(root)}:{node.lineno} {n}" for n in names if n.split(".")[0] in rooms]
    assert found == []


def test_rooms_import_each_other_by_full_name(trees: dict[str, ast.Module], root: Path) -> None:
    """Relative imports stay inside a room."""
    found: list[str] = []
    for path, tree in trees.items():
        depth = len(Path(path).parts) - 1  # folders between the repository and the file
        found += [
            f"{path}:{node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.level > max(depth, 1)
        ]
    assert found == []
