"""The command: help with examples, lists, progress off a terminal, exit codes, and a quick start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from moonfleet import __version__
from moonfleet.agents.catalogue import load_catalogue, robot_spec
from moonfleet.experiments import run as run_module
from moonfleet.experiments.bench.registry import Row, at_least, at_most, holds, select, write_rows
from moonfleet.experiments.cli import app, main
from moonfleet.experiments.doctor import examine
from moonfleet.experiments.errors import BenchError
from moonfleet.experiments.scenario import shipped_scenarios

COMMANDS = (
    "run",
    "resume",
    "report",
    "see",
    "robots",
    "route",
    "campaign",
    "replay",
    "train",
    "evaluate",
    "scenarios",
    "doctor",
    "bench",
)


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    said = capsys.readouterr()
    return int(stop.value.code or 0), said.out, said.err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, command, "--help")
    assert code == 0
    assert f"Example: moonfleet {command}" in out
    assert [group.name for group in app.registered_groups] == ["site"]
    assert {one.name or getattr(one.callback, "__name__", "") for one in app.registered_commands} == set(COMMANDS)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "--version")[:2] == (0, f"moonfleet {__version__}\n")


def test_unknown_command_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(capsys, "rn")
    assert code == 2
    assert "rn" in err


def test_lists(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = call(capsys, "scenarios")
    assert all(name in out for name in shipped_scenarios())
    _, out, _ = call(capsys, "robots")
    assert all(kind in out for kind in load_catalogue())
    assert "[kg]" in out, "units are no markup"


def test_one_robot_in_full_and_one_of_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "robots", "viper-rover")
    assert code == 0
    assert all(
        words in out for words in ("VIPER class", "range in the dark", "night survived", "NASA VIPER fact sheets")
    )
    mine = robot_spec("scout").model_dump(mode="json") | {"kind": "mine", "title": "A rover of my own"}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(mine), encoding="utf-8")
    assert "A rover of my own" in call(capsys, "robots", "mine", "--catalogue", str(tmp_path))[1]
    assert "mine" in call(capsys, "robots", "--catalogue", str(tmp_path))[1]


def test_doctor_finds_a_machine_that_can_run_missions(capsys: pytest.CaptureFixture[str]) -> None:
    assert {f.what for f in examine()} >= {"Python", "memory", "packages", "elevation grid", "site cache", "Ray"}
    assert "bad" not in {f.state for f in examine()}
    assert "extra [rl]" in call(capsys, "doctor")[1]


def test_run_prints_progress_result_and_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = shipped_scenarios()["first-light"].read_text().replace("duration_days: 2", "duration_days: 0.125")
    (tmp_path / "short.yaml").write_text(text.replace("perception: rendered", "perception: statistical"))
    code, out, _ = call(
        capsys, "run", str(tmp_path / "short.yaml"), "--backend", "local", "--out", str(tmp_path / "run")
    )
    assert code == 0
    assert "100%" in out
    assert "jobs 0/4" in out or "jobs 1/4" in out
    assert "surveyor" in out
    assert str(tmp_path / "run" / "report.html") in out
    (tmp_path / "run" / "report.html").unlink()
    code, out, _ = call(capsys, "report", str(tmp_path / "run"))
    assert (code, out.strip()) == (0, str(tmp_path / "run" / "report.html"))
    assert (tmp_path / "run" / "report.html").is_file()


def test_ctrl_c_says_how_to_go_on(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise run_module.Interrupted(Path("runs/x-1-1"))

    monkeypatch.setattr(run_module, "run_scenario", stopped)
    code, _, err = call(capsys, "run", "first-light")
    assert code == 130
    assert "moonfleet resume runs/x-1-1" in err


def test_the_command_starts_without_heavy_libraries() -> None:
    heavy = ("ray", "cv2", "numba", "torch", "plotly", "rasterio", "pyarrow", "numpy")
    code = f"import sys, moonfleet.experiments.cli; print([n for n in {heavy!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_bench_rows() -> None:
    assert at_most("a.1", "x", 2.0, "s", 3.0).ok
    assert not at_least("a.1", "x", 2.0, "s", 3.0).ok
    assert holds("a.1", "x", True).shown() == "yes"
    assert set(select("house")) == {f"house.{i}" for i in range(1, 8)}
    assert list(select("house.5")) == ["house.5"]
    with pytest.raises(BenchError, match="house"):
        select("hous")


def test_bench_json_has_the_agreed_keys(tmp_path: Path) -> None:
    import json

    row = Row("house.1", "x", 1.5, "s", "<= 2", True, "peer", 0.75)
    write_rows([row], tmp_path / "rows.json")
    wanted = {"bar": "house.1", "what": "x", "value": 1.5, "unit": "s", "target": "<= 2", "ok": True}
    assert json.loads((tmp_path / "rows.json").read_text()) == [wanted]
    with pytest.raises(BenchError, match="cannot be written"):
        write_rows([row], tmp_path / "none" / "rows.json")
