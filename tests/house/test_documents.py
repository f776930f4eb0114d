"""What the documents say works: their commands exist, their examples run, their links lead somewhere.

Every fenced block of README, CONTRIBUTING and docs/ is read by its language. ``bash`` and ``console`` hold commands
(in ``console`` those after ``$``), ``python`` holds programs. Anything else (``text``, ``yaml``) is only shown. A block
under the comment ``<!-- not run: why -->`` is read but not run. The blocks of one document run in order, in one empty
folder, so that a later one may use what an earlier one left there.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    p for p in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))) if p.is_file()
]
FENCE = re.compile(r"(?P<before>[^\n]*)\n(?P<indent> *)```(?P<language>\w*)\n(?P<body>.*?)\n(?P=indent)```", re.DOTALL)
# commands that a document may show and that are not ours to test
OTHERS = {"git", "cd", "pip", "python3", "ls", "open", "bash", "source", "."}

GROUPS = {"site"}  # commands of ``moonfleet`` that have commands of their own


@dataclass(frozen=True)
class Block:
    """One fenced block: where it stands, its language, its text, and whether it is to be run."""

    document: Path
    line: int
    language: str
    body: str
    run: bool

    @property
    def place(self) -> str:
        """``README.md:12``."""
        return f"{self.document.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True)
class Command:
    """One command line of a block."""

    block: Block
    words: tuple[str, ...]


def blocks(document: Path) -> Iterator[Block]:
    """Every fenced block of a document."""
    text = "\n" + document.read_text(encoding="utf-8")
    for match in FENCE.finditer(text):
        line = text.count("\n", 0, match.start("body"))
        run = "<!-- not run:" not in match["before"]
        yield Block(document, line, match["language"], match["body"], run)


def commands(block: Block) -> Iterator[Command]:
    """Every command of a ``bash`` or ``console`` block."""
    if block.language not in {"bash", "console", "sh", "shell"}:
        return
    for line in block.body.replace("\\\n", " ").splitlines():
        text = line.strip()
        if block.language == "console":
            if not text.startswith("$ "):
                continue
            text = text[2:]
        words = shlex.split(text, comments=True)
        if words:
            yield Command(block, tuple(words))


BLOCKS = [block for document in DOCUMENTS for block in blocks(document)]
COMMANDS = [command for block in BLOCKS for command in commands(block)]


def of(program: str) -> list[pytest.ParameterSet]:
    """The commands of one program, each with its place as the test's name."""
    found = [c for c in COMMANDS if c.words[0] == program]
    return [pytest.param(c, id=f"{c.block.place} {' '.join(c.words)}") for c in found]


@cache
def help_of(*words: str) -> str:
    """What ``moonfleet WORDS --help`` says."""
    done = subprocess.run([*MOONFLEET, *words, "--help"], capture_output=True, text=True, timeout=120, env=wide())
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


MOONFLEET = (sys.executable, "-m", "moonfleet.experiments.cli")


def wide() -> dict[str, str]:
    """An environment in which help pages are not broken at 80 columns, and have no colours."""
    return {**os.environ, "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}


def test_blocks_are_read_as_promised(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```console\n$ moonfleet run x --seed 7  # why\nshown\n```\n\n"
        "<!-- not run: needs a cluster -->\n```bash\nmoonfleet run x \\\n  --address h:1\n```\n\n```python\nx = 1\n```\n"
    )
    first, second, third = blocks(page)
    assert [c.words for c in commands(first)] == [("moonfleet", "run", "x", "--seed", "7")]
    assert [c.words for c in commands(second)] == [("moonfleet", "run", "x", "--address", "h:1")]
    assert [block.run for block in (first, second, third)] == [True, False, True]
    assert (third.language, third.body, third.line) == ("python", "x = 1", 13)


def test_readme_opens_with_the_two_commands() -> None:
    head = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:40]
    assert any(line.startswith("make run") for line in head)
    assert any(line.startswith("make test") for line in head)


def test_every_command_is_known() -> None:
    strange = [f"{c.block.place}: {c.words[0]}" for c in COMMANDS if c.words[0] not in {"make", "moonfleet", *OTHERS}]
    assert strange == []


@pytest.mark.parametrize("command", of("make"))
def test_make_target_exists(command: Command, tmp_path: Path) -> None:
    words = ["make", "--dry-run", f"VENV={tmp_path / 'venv'}", *command.words[1:]]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", of("moonfleet"))
def test_command_and_its_options_exist(command: Command) -> None:
    names = [word for word in command.words[1:2] if not word.startswith("-")]
    if names in ([group] for group in GROUPS):
        names = [word for word in command.words[1:3] if not word.startswith("-")]
    text = help_of(*names)
    options = [word.partition("=")[0] for word in command.words[1:] if word.startswith("--")]
    assert [option for option in options if option not in text] == []


@pytest.mark.parametrize("block", [pytest.param(b, id=b.place) for b in BLOCKS if b.language == "python"])
def test_python_block_is_a_program(block: Block) -> None:
    compile(block.body, block.place, "exec")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: str(d.relative_to(ROOT)))
def test_links_lead_to_files(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text) + re.findall(r'(?:src|href)="([^"#]+)"', text)
    missing = [t for t in targets if "://" not in t and not (document.parent / t).exists()]
    assert missing == []


def programs(document: Path) -> Iterator[tuple[Block, list[str]]]:
    """What a document's blocks would start, in order."""
    for block in BLOCKS:
        if block.document != document or not block.run:
            continue
        if block.language == "python":
            yield block, [sys.executable, "-c", block.body]
        for command in commands(block):
            if command.words[0] == "moonfleet":
                yield block, [*MOONFLEET, *command.words[1:]]


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.parametrize("document", [d for d in DOCUMENTS if any(programs(d))], ids=lambda d: str(d.relative_to(ROOT)))
def test_document_runs(document: Path, tmp_path: Path) -> None:
    """Every program and every ``moonfleet`` command of the document, as a reader would start them."""
    for block, words in programs(document):
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=900)
        shown = " ".join(words) if words[1] != "-c" else block.body
        assert done.returncode == 0, f"{block.place}\n{shown}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"


@pytest.mark.slow
def test_reference_pages_are_current() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "build.py"), "--check"],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
