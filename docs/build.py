"""Write the reference pages from the code they describe: ``make docs``.

``python docs/build.py --check`` writes nothing and fails when a committed page is not what the code says now.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import importlib.util
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

DOCS = Path(__file__).parent
FOLDER = DOCS / "reference"
MEANINGS = DOCS / "meanings.yaml"
ROBOTS_FRAME = DOCS / "robots_frame.txt"  # the words around the machines in docs/robots.md
COMMAND = (sys.executable, "-m", "moonfleet.experiments.cli")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table; bars and line breaks inside cells are escaped."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        cells = [str(cell).replace("|", "\\|").replace("\n", " ") for cell in row]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def prose(text: str | None) -> str:
    """Return a docstring as Markdown: ``code`` marks become single ones, indentation goes."""
    lines = [line.strip() for line in (text or "").strip().splitlines()]
    return "\n".join(lines).replace("``", "`")


def fenced(text: str | None) -> str:
    """Return a docstring as it stands, in a block: its tables are aligned."""
    return f"```text\n{inspect.cleandoc(text or '')}\n```\n"


def first_line(text: str | None) -> str:
    """Return the first line of a docstring."""
    return prose(text).partition("\n")[0]


def constraints_of(schema: dict[str, object]) -> str:
    """Return the type and limits of one property of a JSON schema, in words."""
    if "anyOf" in schema:
        options = schema["anyOf"]
        assert isinstance(options, list)
        return " or ".join(text for option in options if (text := constraints_of(option)) != "null")
    if "$ref" in schema:
        return f"block `{str(schema['$ref']).rsplit('/', 1)[-1]}`"
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        assert isinstance(values, list)
        return " or ".join(f"`{value}`" for value in values)
    words = str(schema.get("type", "any"))
    if words == "array":
        items = schema.get("items")
        inner = constraints_of(items) if isinstance(items, dict) else "number"
        words = f"list of {schema['maxItems']} {inner}" if "prefixItems" in schema else f"list of {inner}"
    if words == "object" and isinstance(schema.get("additionalProperties"), dict):
        inner_schema = schema["additionalProperties"]
        assert isinstance(inner_schema, dict)
        words = f"mapping of name to {constraints_of(inner_schema)}"
    signs = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    limits = [f"{sign} {number(schema[key])}" for key, sign in signs.items() if key in schema]
    return f"{words} {', '.join(limits)}".strip()


def number(value: object) -> str:
    """Return a limit as people write it."""
    if isinstance(value, int) and value >= 2**20 and value & (value - 1) == 0:
        return f"2^{value.bit_length() - 1}"
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def default_of(field: dict[str, object]) -> str:
    """Return the default of one property of a JSON schema, or nothing."""
    default = field.get("default")
    return "" if default in (None, "", [], {}) else f"`{default}`"


def key_table(schema: dict[str, object], meanings: dict[str, str], where: str) -> str:
    """Return the keys of one block with what each means; every key needs a meaning, every meaning a key."""
    properties = schema["properties"]
    assert isinstance(properties, dict)
    if properties.keys() != meanings.keys():
        raise SystemExit(f"{MEANINGS.name}, {where}: {', '.join(sorted(properties.keys() ^ meanings.keys()))}")
    required = schema.get("required", [])
    assert isinstance(required, list)
    rows = [
        (
            f"`{name}`",
            constraints_of(field),
            "required" if name in required else default_of(field),
            meanings[name],
        )
        for name, field in properties.items()
    ]
    return table(("key", "value", "default", "meaning"), rows)


def robots_page() -> str:
    """The keys of a robot file."""
    from moonfleet.agents.catalogue import RobotSpec

    meanings = yaml.safe_load(MEANINGS.read_text(encoding="utf-8"))["robot"]
    return (
        "# The robot file\n\n"
        "One file per kind; [the catalogue](../robots.md) shows those that are shipped, and how to add one. "
        "Units are in the names of the keys, otherwise SI.\n\n"
        "## Keys of a robot file\n\n" + key_table(RobotSpec.model_json_schema(), meanings, "robot")
    )


def catalogue_page() -> str:
    """The robot catalogue, in docs/robots.md: machines by role with what follows from their figures, and how to add one."""
    from moonfleet.agents.catalogue import load_catalogue
    from moonfleet.experiments.robot_tables import HEAD, by_role, overview_row

    parts: list[str] = []
    for title, specs in by_role(load_catalogue()).items():
        rows = [(f"`{row[0]}`", *row[1:]) for row in map(overview_row, specs)]
        shown = [f"- `{spec.kind}`: {spec.title}. *{'; '.join(spec.sources)}.*" for spec in specs]
        parts += [f"## {title}\n", table(HEAD, rows), "\n".join(shown) + "\n"]
    frame = ROBOTS_FRAME.read_text(encoding="utf-8")
    return frame.replace("<!-- the machines -->", "\n".join(parts).rstrip("\n"))


def events_page() -> str:
    """The event log."""
    from moonfleet.agents import events

    columns = [
        ("`seq`", "int64", "number of the event, from 0"),
        ("`t_s`", "int64", "time since the start of the mission [s]"),
        ("`kind`", "string", "one of the kinds above"),
        ("`robot`", "string", "name of the robot, if it is about one"),
        *((f"`{name}`", field.type, field.meaning) for name, field in events.FIELDS.items()),
    ]
    kinds = [
        (f"`{kind}`", meaning, ", ".join(f"`{name}`" for name in names))
        for kind, (meaning, names) in events.KINDS.items()
    ]
    return (
        f"# The event log\n\n{prose(events.__doc__)}\n\n"
        "`moonfleet.read_events(run_folder)` gives it as a pyarrow table.\n\n"
        "## Kinds\n\n"
        + table(("kind", "when", "columns it fills"), kinds)
        + "\n## Columns\n\n"
        + table(("column", "type", "meaning"), columns)
    )


def scenario_page() -> str:
    """The scenario file."""
    from moonfleet.experiments import scenario_model
    from moonfleet.experiments.scenario import load_scenario, shipped_scenarios

    parts = ["# The scenario file\n", prose(scenario_model.__doc__) + "\n"]
    shown = [(f"`{name}`", " ".join(load_scenario(name).description.split())) for name in shipped_scenarios()]
    parts += ["## Shipped scenarios\n", table(("name", "what it is"), shown)]
    first = shipped_scenarios()["first-light"].read_text(encoding="utf-8").strip()
    parts += ["## A whole one\n", "`moonfleet run my.yaml` runs a file of your own. This is `first-light`:\n"]
    parts += [f"```yaml\n{first}\n```\n"]
    meanings = yaml.safe_load(MEANINGS.read_text(encoding="utf-8"))["scenario"]
    for path, block in scenario_model.BLOCKS.items():
        where = ".".join(path)
        title = f"`{where}`" if path else "The file"
        parts += [f"## {title}\n", prose(block.__doc__) + "\n"]
        parts += [key_table(block.model_json_schema(), meanings[where], f"scenario {where!r}")]
    return "\n".join(parts)


def observation_page() -> str:
    """What a policy sees and may do."""
    from moonfleet.autonomy import observation

    def rows(columns: Iterable[observation.Column], start: int) -> list[tuple[object, ...]]:
        return [
            (i, f"`{c.name}`", c.unit, f"{c.scale:g}", f"{c.offset:g}", f"{c.low:g} .. {c.high:g}", c.note)
            for i, c in enumerate(columns, start)
        ]

    head = ("index", "column", "unit", "scale", "offset", "range", "meaning")
    parts = [
        "# The observation of a station's robot\n",
        prose(observation.__doc__) + "\n",
        f"A vector of {observation.SIZE} numbers and a mask of {observation.N_ACTIONS} actions: "
        + ", ".join(f"`{name}`" for name in observation.ACTION_NAMES)
        + ".\n",
    ]
    for title, part, width in (
        ("Own state", observation.OWN, None),
        ("Forecast", observation.FORECAST, None),
        (f"The first of {observation.K_JOBS} job slots", observation.JOBS, observation.JOB_WIDTH),
        (f"The first of {observation.K_OTHERS} slots of other robots", observation.OTHERS, observation.OTHER_WIDTH),
    ):
        stop = part.stop if width is None else part.start + width
        parts += [f"## {title}\n", table(head, rows(observation.COLUMNS[part.start : stop], part.start))]
    return "\n".join(parts)


def help_text(*words: str) -> str:
    """Return what the command says with ``--help``."""
    plain = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    done = subprocess.run([*COMMAND, *words, "--help"], capture_output=True, text=True, check=True, env=plain)
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    return "\n".join(lines).strip("\n")


def command_page() -> str:
    """The command line."""
    top = help_text()
    parts = ["# The command\n", f"```text\n{top}\n```\n"]
    for name in commands_of(top):
        text = help_text(name)
        parts += [f"## moonfleet {name}\n", f"```text\n{text}\n```\n"]
        for inner in commands_of(text):
            parts += [f"### moonfleet {name} {inner}\n", f"```text\n{help_text(name, inner)}\n```\n"]
    return "\n".join(parts)


def commands_of(text: str) -> list[str]:
    """Return the names of the commands that a help text lists."""
    _, found, listed = text.partition("─ Commands ─")
    return re.findall(r"^\W*([a-z][a-z-]+) {2,}\S", listed, flags=re.MULTILINE) if found else []


def options(kind: Callable[..., object]) -> str:
    """Return what ``gymnasium.make`` takes for an environment: its docstring, and the defaults of its constructor."""
    defaults = ", ".join(
        f"{name}={value.default!r}"
        for name, value in inspect.signature(kind).parameters.items()
        if value.default is not inspect.Parameter.empty
    )
    return fenced(kind.__doc__) + f"\nDefaults: `{defaults}`\n"


def environments_page() -> str:
    """The Gymnasium environments."""
    import moonfleet.envs

    parts = [
        "# The environments\n",
        "[The guide](../environments.md) says how they are used.\n",
        fenced(moonfleet.envs.__doc__),
    ]
    for env_id, faces in moonfleet.envs.ENVIRONMENTS.items():
        parts += [f"## {env_id}\n", *environment_parts(faces.solo)]
    return "\n".join(parts)


def environment_parts(entry: str) -> list[str]:
    """Return what is said of one environment, from the files of its folder: options, levels, reward, observation, actions."""
    module, _, name = entry.partition(":")
    folder = f"moonfleet.envs.{module.rpartition('.')[0]}"
    kind = getattr(importlib.import_module(f"moonfleet.envs.{module}"), name)
    files = {word: part_of(folder, word) for word in ("levels", "rewards", "spaces")}
    parts = [options(getattr(kind, "GAME", kind))]
    levels = getattr(files["levels"], "LEVELS", None)
    if levels:
        parts += ["### Levels\n", level_table(levels)]
    if files["rewards"]:
        parts += ["### Reward\n", fenced(files["rewards"].__doc__)]
    if files["spaces"]:
        parts += ["### Observation\n", prose(files["spaces"].__doc__) + "\n"]
        features = getattr(files["spaces"], "FEATURES", None)
        own = "One row per robot: [the observation of a station's robot](observation.md).\n"
        parts.append(own if features is None else feature_table(features))
        actions = getattr(files["spaces"], "ACTIONS", None)
        if actions:
            parts += ["### Actions\n", action_table(actions)]
    return parts


def part_of(folder: str, word: str) -> ModuleType | None:
    """Return a file of an environment's folder, if it has it."""
    found = importlib.util.find_spec(f"{folder}.{word}")
    return importlib.import_module(f"{folder}.{word}") if found else None


def span(first: int, count: int) -> str:
    """Return which indices are meant."""
    return f"{first}" if count == 1 else f"{first} .. {first + count - 1}"


def feature_table(features: Iterable[Any]) -> str:
    """Return the table of an observation: rows with name, size, low, high and meaning."""
    rows: list[tuple[object, ...]] = []
    start = 0
    for f in features:
        rows.append((span(start, f.size), f"`{f.name}`", f"{f.low:g} .. {f.high:g}", f.meaning))
        start += f.size
    return table(("index", "feature", "range", "meaning"), rows)


def action_table(actions: Sequence[Any]) -> str:
    """Return the table of actions: rows with name, first, count, meaning and what else they hold."""
    more = [field for field in actions[0]._fields if field not in ("name", "first", "count", "meaning")]
    rows = [
        (span(a.first, a.count), f"`{a.name}`", a.meaning, *(str(getattr(a, field)) for field in more)) for a in actions
    ]
    return table(("action", "name", "meaning", *more), rows)


def level_table(levels: Mapping[str, Any]) -> str:
    """Return what each level of difficulty sets."""
    fields = [field.name for field in dataclasses.fields(next(iter(levels.values())))]
    rows = [(f"`{field}`", *(value_text(getattr(level, field)) for level in levels.values())) for field in fields]
    return table(("option", *levels), rows)


def value_text(value: object) -> str:
    """Return a value of a level in few words."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return changes_text(value)
    if isinstance(value, tuple) and len(set(value)) < len(value) > 4:
        return ", ".join(f"{value.count(one)} x {one}" for one in dict.fromkeys(value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def changes_text(value: Any) -> str:
    """Return the fields of a dataclass that are not as by default."""
    fields = dataclasses.fields(value)
    given = {field.name: getattr(value, field.name) for field in fields}
    told = [f"{field.name} {given[field.name]}" for field in fields if given[field.name] != field.default]
    return ", ".join(told) or "as by default"


def python_page() -> str:
    """The public names of the package."""
    import moonfleet

    rows: list[tuple[str, str]] = []
    for name in moonfleet.__all__:
        value = getattr(moonfleet, name)
        if callable(value):
            call = str(inspect.signature(value)) if inspect.isfunction(value) else ""
            call = re.sub(r"(: |-> )'([^']*)'", r"\1\2", call)  # annotations are text
            rows.append((f"`{name}{call}`", first_line(value.__doc__)))
    return (
        "# Public names\n\n"
        "`import moonfleet` loads none of them; each loads when it is first used. `help(moonfleet.NAME)` says the rest.\n\n"
        + table(("name", "what it is"), rows)
    )


PAGES: dict[str, Callable[[], str]] = {
    "command.md": command_page,
    "scenario.md": scenario_page,
    "robots.md": robots_page,
    "events.md": events_page,
    "environments.md": environments_page,
    "observation.md": observation_page,
    "python.md": python_page,
}


def index_page() -> str:
    """The list of the pages."""
    rows = [(f"[{name.removesuffix('.md')}]({name})", first_line(make.__doc__)) for name, make in PAGES.items()]
    return "# Reference\n\nWritten by `make docs` from the code; do not edit.\n\n" + table(("page", "about"), rows)


def pages() -> dict[Path, str]:
    """Return every page by its file: the reference, and the pages of docs/ that are written from the code too."""
    made = {FOLDER / "README.md": index_page(), **{FOLDER / name: make() for name, make in PAGES.items()}}
    made[DOCS / "robots.md"] = catalogue_page()
    return {path: text.rstrip("\n") + "\n" for path, text in made.items()}


def main() -> int:
    """Write the pages, or compare them with what is there."""
    parser = argparse.ArgumentParser(description=first_line(__doc__))
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a page is not current")
    check = parser.parse_args().check
    made = pages()
    found = {*FOLDER.glob("*.md"), *(path for path in made if path.is_file())}
    there = {path: path.read_text(encoding="utf-8") for path in found}
    stale = sorted(path for path in made.keys() | there.keys() if made.get(path) != there.get(path))
    names = ", ".join(str(path.relative_to(DOCS)) for path in stale)
    if check:
        print(f"not current: {names}; run `make docs`" if stale else "all pages are current")
        return 1 if stale else 0
    FOLDER.mkdir(exist_ok=True)
    for path in stale:
        if path in made:
            path.write_text(made[path], encoding="utf-8")
        else:
            path.unlink()
    print(f"{DOCS}: {len(made)} pages, {len(stale)} changed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
