"""What a cached kernel was made from: its own file and every moonfleet file that this one imports, directly or not.

numba's cache looks only at the file a function stands in, and would keep old code (or an old constant) of another file that was
compiled into it. The stamp changes when any of them does, and stays when a file changes that the kernel has nothing to do with.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path

import numba

IMPORT = re.compile(rb"^[ \t]*from[ \t]+(\.+|\.*[\w.]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)", re.MULTILINE)
NAME = re.compile(rb"\w+")


@cache
def package_root() -> Path:
    """Return the folder of the package."""
    import moonfleet

    return Path(moonfleet.__file__).parent


@cache
def read_module(module: tuple[str, ...]) -> tuple[bytes, frozenset[tuple[str, ...]]]:
    """Return a digest of a module's file (path below the package, no suffix) and the modules of the package that it names in imports."""
    path = file_of(module)
    if path is None:
        return b"", frozenset()
    content = path.read_bytes()
    package = module if path.name == "__init__.py" else module[:-1]
    named: set[tuple[str, ...]] = set()
    for match in IMPORT.finditer(content):
        source, names = match.group(1).decode(), match.group(2)
        if source.startswith("."):
            dots = len(source) - len(source.lstrip("."))
            base = (*package[: len(package) - dots + 1], *(part for part in source.lstrip(".").split(".") if part))
        elif source.split(".")[0] == "moonfleet":
            base = tuple(source.split(".")[1:])
        else:
            continue
        named.add(base)
        named |= {(*base, name.decode()) for name in NAME.findall(names)}  # a name may be a module itself
    return hashlib.sha256(content).digest(), frozenset(one for one in named if one and file_of(one) is not None)


@cache
def file_of(module: tuple[str, ...]) -> Path | None:
    """Return the file of a module of the package, None where there is none."""
    path = package_root().joinpath(*module)
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    return None


def kernel_stamp(file: str | Path) -> str:
    """Return a digest of ``file`` and of every moonfleet file that it imports, directly or not; the file alone outside the package."""
    digest = hashlib.sha256(numba.__version__.encode())
    path = Path(file)
    try:
        module = path.absolute().relative_to(package_root().absolute()).with_suffix("").parts
    except ValueError:
        module = ()
    if not module or file_of(module) is None:
        digest.update(path.read_bytes())
        return digest.hexdigest()
    seen, waiting = {module}, [module]
    while waiting:
        for other in read_module(waiting.pop())[1] - seen:
            seen.add(other)
            waiting.append(other)
    for one in sorted(seen):
        digest.update("/".join(one).encode() + read_module(one)[0])
    return digest.hexdigest()
