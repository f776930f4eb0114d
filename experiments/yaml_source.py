"""YAML that remembers its lines: plain data plus the line on which each value stands, so that an error can point at it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import yaml

from .errors import ScenarioError

MAX_BYTES = 500_000  # [B] a scenario is a page or two; anything larger is not one
MAX_DEPTH = 12  # levels of nesting; a scenario has four

Key = str | int
Place = tuple[Key, ...]


class PlainLoader(yaml.SafeLoader):
    """Safe YAML whose dates stay text: the schema, not the parser, says whether they are dates."""


PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, slots=True)
class YamlSource:
    """Parsed data (dicts, lists, scalars), the line (from 1) of each path in it, the file's name, and the folder it stands in."""

    data: object = field(compare=False)  # where a scenario was read does not tell it from another
    lines: dict[Place, int] = field(compare=False)
    filename: str = field(compare=False)
    folder: Path = field(default=Path(), compare=False)

    def where(self, path: Place) -> str:
        """Return ``(file, line N)`` of the deepest known part of ``path``."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.lines:
                return f"({self.filename}, line {self.lines[path[:end]]})"
        return f"({self.filename})"


def dotted(path: Place) -> str:
    """Return a path as people write it.

    >>> dotted(("fleet", 2, "battery_wh"))
    'fleet[2].battery_wh'
    """
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else (f".{key}" if text else key)
    return text or "scenario"


def read_yaml(path: Path) -> YamlSource:
    """Read one YAML file with ``safe_load`` rules.

    Raises
    ------
    ScenarioError
        Unreadable, empty, too large, not text, not YAML, or a mapping with the same key twice.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ScenarioError(f"{path}: {size} bytes is too large for a scenario (at most {MAX_BYTES} bytes)")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{path}: is not a text file (byte {error.start} is not UTF-8)") from error
    return parse_yaml(text, path.name, path.resolve().parent)


def parse_yaml(text: str, filename: str, folder: Path = Path()) -> YamlSource:
    """Parse YAML text; see `read_yaml`."""
    loader: PlainLoader | None = None
    try:
        loader = PlainLoader(text)
        _refuse_bombs(text, filename)
        node = loader.get_single_node()
        if node is None:
            raise ScenarioError(f"{filename}: the file is empty; a scenario starts with 'name:'")
        lines: dict[Place, int] = {}
        _walk(node, (), lines, filename)
        data = loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or " ".join(str(error).split())
        raise ScenarioError(f"({filename}{line}): not valid YAML: {problem}") from error
    except ValueError as error:  # "0x_", or a whole number of thousands of digits
        problem = str(error).split(";")[0]
        raise ScenarioError(f"{filename}: holds a number that cannot be read: {problem}") from error
    finally:
        if loader is not None:
            loader.dispose()
    return YamlSource(data, lines, filename, folder)


def _refuse_bombs(text: str, filename: str) -> None:
    """Refuse aliases, with which a small file grows without bound when it is read, tags, and nesting that no scenario has."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            line = event.start_mark.line + 1
            raise ScenarioError(
                f"*{event.anchor}: YAML aliases are not allowed in a scenario ({filename}, line {line})"
            )
        if isinstance(event, yaml.ScalarEvent) and _lone_surrogate(event.value):
            line = event.start_mark.line + 1
            raise ScenarioError(f"{event.value!r}: is not text that can be written again ({filename}, line {line})")
        if getattr(event, "tag", None) is not None:
            line = event.start_mark.line + 1
            raise ScenarioError(f"({filename}, line {line}): not valid YAML for a scenario: a tag ({event.tag})")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise ScenarioError(f"{filename}: nested too deeply to be a scenario (at most {MAX_DEPTH} levels)")


def _lone_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _walk(node: yaml.Node, path: Place, lines: dict[Place, int], filename: str) -> None:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key_node, value_node in node.value:
            key = str(key_node.value)
            line = key_node.start_mark.line + 1
            if key in seen:
                raise ScenarioError(f"{dotted((*path, key))}: given twice; keep one ({filename}, line {line})")
            seen.add(key)
            lines[(*path, key)] = line
            _walk(value_node, (*path, key), lines, filename)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            lines[(*path, index)] = item.start_mark.line + 1
            _walk(item, (*path, index), lines, filename)
