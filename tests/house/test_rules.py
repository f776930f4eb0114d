"""Rules of the five rooms that no linter of ours knows, each read from the syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

MAX_LINES = 600
SEEDS = "terrain/seeds.py"
KERNEL = ("terrain/kernel.py", "terrain/forced_kernel.py")


def dotted(node: ast.AST) -> str:
    """The text of a dotted name, numpy written out: ``np.random.seed`` -> ``numpy.random.seed``; else ''."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    parts.append("numpy" if node.id == "np" else node.id)
    return ".".join(reversed(parts))


def imported(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and full name of everything that a module imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def calls(tree: ast.Module) -> Iterator[tuple[ast.Call, str]]:
    """Every call and the dotted name of what it calls."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node, dotted(node.func)


def prints(path: str, tree: ast.Module) -> Iterator[int]:
    """Print and breakpoint: the library is silent, the command writes through its console."""
    yield from (node.lineno for node, name in calls(tree) if name in {"print", "breakpoint", "input"})


def asserts(path: str, tree: ast.Module) -> Iterator[int]:
    """``python -O`` drops asserts, and a user's mistake deserves a typed error."""
    yield from (node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert))


def other_doors_to_randomness(path: str, tree: ast.Module) -> Iterator[int]:
    """Only seeds.py makes generators; elsewhere numpy.random is good for type hints."""
    yield from (line for line, name in imported(tree) if name.split(".")[0] in {"random", "secrets"})
    if path != SEEDS:
        hints = {"numpy.random", "numpy.random.Generator", "numpy.random.SeedSequence"}
        yield from (
            node.lineno
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and (name := dotted(node)).startswith("numpy.random")
            and name not in hints
        )
        yield from (node.lineno for node, name in calls(tree) if name in hints)
        yield from (line for line, name in imported(tree) if name.startswith("numpy.random") and name not in hints)


def code_read_from_files(path: str, tree: ast.Module) -> Iterator[int]:
    """Nothing read from a file runs code."""
    banned = {"pickle", "cloudpickle", "dill", "marshal", "shelve", "joblib"}
    yield from (line for line, name in imported(tree) if name.split(".")[0] in banned or name.startswith("ray.cloudp"))
    for node, name in calls(tree):
        if name in {"eval", "exec", "compile", "pandas.read_pickle", "ray.cloudpickle.loads"}:
            yield node.lineno
        for keyword in node.keywords:
            off = isinstance(keyword.value, ast.Constant) and keyword.value.value is False
            if (keyword.arg == "allow_pickle" and not off) or (keyword.arg == "weights_only" and off):
                yield node.lineno


def yaml_that_makes_objects(path: str, tree: ast.Module) -> Iterator[int]:
    """Of yaml's loaders only the safe ones (or one derived from them)."""
    unsafe = {"full_load", "full_load_all", "unsafe_load", "unsafe_load_all", "Loader", "FullLoader", "UnsafeLoader"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and dotted(node) in {f"yaml.{name}" for name in unsafe}:
            yield node.lineno
        if isinstance(node, ast.Call) and dotted(node.func) in {"yaml.load", "yaml.load_all", "yaml.compose"}:
            loader = [*node.args[1:], *(k.value for k in node.keywords if k.arg == "Loader")]
            if not loader or "Safe" not in ast.dump(loader[0]) + "".join(
                ast.dump(c) for c in ast.walk(tree) if isinstance(c, ast.ClassDef) and c.name == dotted(loader[0])
            ):
                yield node.lineno
    yield from (line for line, name in imported(tree) if name in {f"yaml.{n}" for n in {*unsafe, "load", "load_all"}})


def compilers_beside_the_kernel(path: str, tree: ast.Module) -> Iterator[int]:
    """Hot functions are compiled through terrain/kernel.py and forced_kernel.py, so that caching, nogil and arithmetic are the same."""
    if path not in KERNEL:
        jits = {"numba.njit", "numba.jit", "numba.vectorize", "numba.guvectorize", "numba.stencil", "numba.cfunc"}
        yield from (line for line, name in imported(tree) if name in jits)
        yield from (n.lineno for n in ast.walk(tree) if isinstance(n, ast.Attribute) and dotted(n) in jits)


def wall_clock_in_the_physics(path: str, tree: ast.Module) -> Iterator[int]:
    """Same seed, same bytes: what the Moon and the robots do never asks what time it is here."""
    if path.split("/")[0] in {"terrain", "autonomy", "envs"} and "bench" not in path:
        clocks = {"time.time", "datetime.now", "datetime.datetime.now", "datetime.utcnow", "datetime.today"}
        yield from (node.lineno for node, name in calls(tree) if name in clocks)


def swallowed_errors(path: str, tree: ast.Module) -> Iterator[int]:
    """``except: pass`` and its kin hide what went wrong."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            wide = node.type is None or dotted(node.type) in {"Exception", "BaseException"}
            if wide and all(isinstance(s, ast.Pass) for s in node.body):
                yield node.lineno


def stubs(path: str, tree: ast.Module) -> Iterator[int]:
    """A function that is not there yet."""
    yield from (
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise) and "NotImplementedError" in ast.dump(node)
    )


RULES = [
    prints,
    asserts,
    other_doors_to_randomness,
    code_read_from_files,
    yaml_that_makes_objects,
    compilers_beside_the_kernel,
    wall_clock_in_the_physics,
    swallowed_errors,
    stubs,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule(rule: Callable[[str, ast.Module], Iterator[int]], trees: dict[str, ast.Module]) -> None:
    found = [f"{path}:{line}" for path, tree in trees.items() for line in sorted(set(rule(path, tree)))]
    assert found == [], rule.__doc__


# one line that breaks each rule, and one like it that is allowed
EXAMPLES = {
    "prints": ("print(1)", "console.print(1)"),
    "asserts": ("assert x", "check(x)"),
    "other_doors_to_randomness": ("np.random.normal()", "rng: np.random.Generator"),
    "code_read_from_files": ("np.load(p, allow_pickle=True)", "np.load(p, allow_pickle=False)"),
    "yaml_that_makes_objects": ("yaml.load(f, Loader=yaml.Loader)", "yaml.load(f, Loader=yaml.SafeLoader)"),
    "compilers_beside_the_kernel": ("f = numba.njit(g)", "n = numba.prange(3)"),
    "wall_clock_in_the_physics": ("t = time.time()", "t = time.perf_counter()"),
    "swallowed_errors": ("try:\n f()\nexcept Exception:\n pass", "try:\n f()\nexcept KeyError:\n pass"),
    "stubs": ("raise NotImplementedError", "raise SiteError"),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule_sees_what_it_should(rule: Callable[[str, ast.Module], Iterator[int]]) -> None:
    bad, good = EXAMPLES[rule.__name__]
    assert list(rule("terrain/example.py", ast.parse(bad)))
    assert not list(rule("terrain/example.py", ast.parse(good)))


def test_files_are_short(trees: dict[str, ast.Module], root: Path) -> None:
    long = {path: n for path in trees if (n := len((root / path).read_text().splitlines())) > MAX_LINES}
    assert long == {}


def test_nothing_is_left_to_do(trees: dict[str, ast.Module], root: Path) -> None:
    words = ("TO" + "DO", "FIX" + "ME", "XX" + "X")
    found = [
        f"{path}:{number}"
        for path in trees
        for number, line in enumerate((root / path).read_text().splitlines(), 1)
        if any(word in line for word in words)
    ]
    assert found == []
