"""``moonfleet see``: what is written and printed, and that nothing a user gives ends in a traceback."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from moonfleet.experiments import see_example
from tests.autonomy import crater_scenes
from tests.experiments.pictures import put
from tests.experiments.test_cli import call


@pytest.fixture
def small_example(monkeypatch: pytest.MonkeyPatch) -> None:
    image = see_example.example_picture(side_m=40.0)
    monkeypatch.setattr(see_example, "example_picture", lambda: image)


@pytest.mark.usefixtures("small_example")
def test_example_is_rendered_and_seen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, summary = tmp_path / "new" / "seen", tmp_path / "summary.json"
    code, out, err = call(capsys, "see", "--example", "--out", str(folder), "--json", str(summary))
    assert code == 0
    assert "example.png: 400 x 400 px" in out
    assert "rocks" in out
    assert "craters" in out
    assert "looking for hazards" in err
    assert {path.name for path in folder.iterdir()} == {"example.png", "example-seen.png", "example-seen.geojson"}
    told = json.loads(summary.read_text())
    found = json.loads((folder / "example-seen.geojson").read_text())
    assert told["rocks"]["count"] == sum(f["properties"]["kind"] == "rock" for f in found["features"]) > 20
    assert (told["sun_az_deg"], told["sun_el_deg"], told["pixel_m"]) == (60.0, 10.0, [0.1, 0.1])
    drawn = cv2.imread(str(folder / "example-seen.png"))
    assert drawn is not None
    assert drawn.shape[1] == 1200


def test_quiet_says_only_the_paths(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "mine.jpg", crater_scenes.take(2, 200.0).image)
    assert call(capsys, "see", "mine.jpg", "--quiet") == (0, "mine-seen.png\nmine-seen.geojson\n", "")


def test_words_about_what_is_missing_and_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = crater_scenes.take(2, 200.0).image
    path = put(tmp_path / "mine.png", np.dstack([image] * 3))
    _, out, _ = call(capsys, "see", str(path), "--out", str(tmp_path), "--sun-az", "20")
    words = " ".join(out.split())
    assert "colour picture: turned to grey" in words
    assert "craters only: rocks need --gsd and --sun-el too" in words
    assert "--sun-az 20, but craters in the picture are lit from about" in words


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "which picture? Give an IMAGE or --example, not both"),
        (("a.png", "--example"), "which picture? Give an IMAGE or --example, not both"),
        (("a.png", "--sun-az", "nan"), "--sun-az = nan: must be -360 to 360 degrees"),
        (("a.png", "--min-confidence", "2"), "--min-confidence = 2: must be 0 to 1"),
        (("a.png", "--min-size", "0"), "--min-size = 0: must be above 0 metres"),
    ],
)
def test_bad_options_are_told(
    arguments: tuple[str, ...],
    words: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = call(capsys, "see", *arguments)
    assert code == 2
    assert err.startswith(f"Error: {words}")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = put(tmp_path / "mine.png", np.full((40, 40), 90, np.uint8))
    (tmp_path / "mine-seen.geojson").mkdir()
    code, _, err = call(capsys, "see", str(path), "--out", str(tmp_path), "--quiet")
    assert (code, err.count("Error: ")) == (2, 1)
    assert "mine-seen.geojson cannot be written" in err
    code, _, err = call(
        capsys, "see", str(path), "--out", str(tmp_path / "b"), "--json", str(tmp_path / "none" / "x"), "--quiet"
    )
    assert (code, "--json" in err) == (2, True)
