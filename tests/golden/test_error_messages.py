"""Every error a user can cause says the same words, release after release: compared with ``error_messages.txt`` to the letter.

After a wanted change run ``MOONFLEET_UPDATE_GOLDEN=1 pytest tests/golden`` and read the difference.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from moonfleet.experiments.cli import main
from moonfleet.experiments.scenario import shipped_scenarios

GOLDEN = Path(__file__).with_name("error_messages.txt")
LUNAR = "+proj=stere +lat_0=-90 +lon_0=0 +k=1 +x_0=0 +y_0=0 +R=1737400 +units=m +no_defs"
Case = Callable[[Path], list[str]]  # folder -> arguments of the command
CASES: dict[str, Case] = {}


def case(function: Case) -> Case:
    CASES[function.__name__] = function
    return function


def scenario(folder: Path, *changes: tuple[str, str], base: str = "first-light") -> str:
    text = shipped_scenarios()[base].read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def run(folder: Path, *changes: tuple[str, str]) -> list[str]:
    return ["run", scenario(folder, *changes), "--backend", "local"]


def dem(
    folder: Path, values: np.ndarray, *, crs: str = LUNAR, cell_m: float = 20.0, nodata: float | None = None
) -> Path:
    path = folder / "mine.tif"
    rows, cols = values.shape
    profile = {
        "driver": "GTiff",
        "width": cols,
        "height": rows,
        "count": 1,
        "dtype": "float32",
        "crs": crs,
        "nodata": nodata,
    }
    with rasterio.open(path, "w", transform=from_origin(29_000.0, -19_000.0, cell_m, cell_m), **profile) as file:
        file.write(values.astype(np.float32), 1)
    return path


def hills(cells: int = 150) -> np.ndarray:
    y, x = np.mgrid[0:cells, 0:cells]
    return 1200.0 + 20.0 * np.sin(x / 20.0) * np.cos(y / 25.0)


def on_dem(path: Path) -> list[str]:
    return ["run", "first-light", "--backend", "local", "--site", str(path)]


@case
def unknown_scenario(folder: Path) -> list[str]:
    return ["run", "pathfindr"]


@case
def scenario_file_missing(folder: Path) -> list[str]:
    return ["run", str(folder / "none.yaml")]


@case
def scenario_file_empty(folder: Path) -> list[str]:
    (folder / "empty.yaml").write_text("")
    return ["run", str(folder / "empty.yaml")]


@case
def scenario_not_yaml(folder: Path) -> list[str]:
    (folder / "broken.yaml").write_text("name: [first\nseed: 1\n")
    return ["run", str(folder / "broken.yaml")]


@case
def scenario_not_text(folder: Path) -> list[str]:
    (folder / "picture.yaml").write_bytes(b"\x89PNG\r\n")
    return ["run", str(folder / "picture.yaml")]


@case
def scenario_key_misspelt(folder: Path) -> list[str]:
    return run(folder, ("duration_days", "duration_dys"))


@case
def scenario_key_twice(folder: Path) -> list[str]:
    return run(folder, ("seed: 1\narea", "seed: 1\nseed: 2\narea"))


@case
def unknown_robot_kind(folder: Path) -> list[str]:
    return run(folder, ("robot: viper-rover", "robot: viper-rovr"))


@case
def catalogue_folder_missing(folder: Path) -> list[str]:
    return run(folder, ("area_m", "catalogue: ./my_robots\narea_m"))


@case
def catalogue_with_a_bad_file(folder: Path) -> list[str]:
    (folder / "my_robots").mkdir()
    (folder / "my_robots" / "mine.yaml").write_text("kind: mine\nrole: rovr\n")
    return ["robots", "--catalogue", "my_robots"]


@case
def unknown_kind_of_the_command(folder: Path) -> list[str]:
    return ["robots", "haulr"]


@case
def robot_of_the_scenario_misspelt(folder: Path) -> list[str]:
    sizes = (
        "tools: [survey], sources: [me], title: Mine, mass_kg: 9, width_m: 1, idle_w: 9, hibernate_w: 1, battery_wh: 9"
    )
    heat = "heat_capacity_j_k: 9, conductance_w_k: 1, temp_op_min_k: 250, temp_survive_k: 220, storage_mbit: 9"
    return run(folder, ("area_m", f"robots: {{mine: {{role: rover, {sizes}, {heat}, solar_w_1u: 9}}}}\narea_m"))


@case
def negative_battery(folder: Path) -> list[str]:
    return run(folder, ("robot: viper-rover,", "robot: viper-rover, overrides: {battery_wh: -5},"))


@case
def override_misspelt(folder: Path) -> list[str]:
    return run(folder, ("robot: viper-rover,", "robot: viper-rover, overrides: {batery_wh: 5000},"))


@case
def duplicate_robot_name(folder: Path) -> list[str]:
    return run(folder, ("name: driller", "name: surveyor"))


@case
def unknown_place(folder: Path) -> list[str]:
    return run(folder, ("at: ramp-2", "at: ramp-3"))


@case
def unknown_pick_rule(folder: Path) -> list[str]:
    return run(folder, ("pick: spread", "pick: sprad"))


@case
def unknown_job_kind(folder: Path) -> list[str]:
    return run(folder, ("kind: drill", "kind: dril"))


@case
def job_nobody_can_do(folder: Path) -> list[str]:
    return run(folder, ("kind: drill", "kind: sinter"))


@case
def cyclic_prerequisites(folder: Path) -> list[str]:
    return run(folder, ("effort_h: 2,", "effort_h: 2, needs: [drill],"))


@case
def unknown_prerequisite(folder: Path) -> list[str]:
    return run(folder, ("needs: [survey-1]", "needs: [surveys-1]"))


@case
def no_lander(folder: Path) -> list[str]:
    return run(folder, ("robot: ce7-lander", "robot: scout"), ("station: station\n", ""))


@case
def bad_date(folder: Path) -> list[str]:
    return run(folder, ("2029-07-06", "2029-13-06"))


@case
def bad_seed_in_scenario(folder: Path) -> list[str]:
    return run(folder, ("seed: 1\narea", "seed: one\narea"))


@case
def seed_too_large(folder: Path) -> list[str]:
    return [*run(folder), "--seed", str(2**63)]


@case
def scenario_with_a_tag(folder: Path) -> list[str]:
    return run(folder, ("area_m: 1500", "area_m: !!int 1500"))


@case
def steps_do_not_divide(folder: Path) -> list[str]:
    return run(folder, ("physics_tick_s: 60", "physics_tick_s: 70"))


@case
def two_faults_at_once(folder: Path) -> list[str]:
    return run(folder, ("duration_days: 2", "duration_days: 0"), ("effort_h: 5", "effort_h: -5"))


@case
def start_impassable(folder: Path) -> list[str]:
    return run(folder, ("robot: viper-rover,", "robot: viper-rover, overrides: {max_slope_deg: 0.01},"))


@case
def place_outside_the_site(folder: Path) -> list[str]:
    return run(folder, ("lander: {pick: flat, max_m: 1500, max_slope_deg: 6}", "lander: {offset_m: [9000, 0]}"))


@case
def site_smaller_than_the_fleets_area(folder: Path) -> list[str]:
    return run(folder, ("area_m: 1500", "area_m: 9000"))


@case
def unknown_site(folder: Path) -> list[str]:
    return ["run", "first-light", "--backend", "local", "--site", "shakleton"]


@case
def dem_missing(folder: Path) -> list[str]:
    return on_dem(folder / "none.tif")


@case
def dem_empty(folder: Path) -> list[str]:
    (folder / "mine.tif").write_bytes(b"")
    return on_dem(folder / "mine.tif")


@case
def dem_truncated(folder: Path) -> list[str]:
    path = dem(folder, hills())
    path.write_bytes(path.read_bytes()[:20_000])
    return on_dem(path)


@case
def dem_not_lunar(folder: Path) -> list[str]:
    return on_dem(dem(folder, hills(), crs="EPSG:3031"))


@case
def dem_geographic(folder: Path) -> list[str]:
    return on_dem(dem(folder, hills(), crs="+proj=longlat +R=1737400 +no_defs", cell_m=0.001))


@case
def dem_with_holes(folder: Path) -> list[str]:
    values = hills()
    values[::5, ::5] = -9999.0
    return on_dem(dem(folder, values, nodata=-9999.0))


@case
def dem_not_the_moons_heights(folder: Path) -> list[str]:
    return on_dem(dem(folder, hills() + 90_000.0))


@case
def dem_smaller_than_the_fleets_area(folder: Path) -> list[str]:
    return on_dem(dem(folder, hills(60)))


@case
def output_unwritable(folder: Path) -> list[str]:
    (folder / "file").write_text("in the way")
    return ["run", "first-light", "--backend", "local", "--out", str(folder / "file" / "run")]


@case
def output_exists(folder: Path) -> list[str]:
    (folder / "run").mkdir()
    return ["run", "first-light", "--backend", "local", "--out", str(folder / "run")]


@case
def output_holds_a_run(folder: Path) -> list[str]:
    (folder / "run").mkdir()
    (folder / "run" / "scenario.yaml").write_text("name: x\n")
    return ["run", "first-light", "--backend", "local", "--out", str(folder / "run")]


@case
def resume_nothing(folder: Path) -> list[str]:
    return ["resume", str(folder / "none")]


@case
def resume_finished(folder: Path) -> list[str]:
    (folder / "run").mkdir()
    (folder / "run" / "summary.json").write_text(json.dumps({}))
    return ["resume", str(folder / "run")]


@case
def resume_damaged_no_scenario(folder: Path) -> list[str]:
    (folder / "run" / "events.parquet").mkdir(parents=True)
    return ["resume", str(folder / "run")]


@case
def resume_damaged_events(folder: Path) -> list[str]:
    (folder / "run" / "events.parquet").mkdir(parents=True)
    scenario(folder)
    text = (folder / "mine.yaml").read_text() + "resolved: {moonfleet: 0.1.0, site_key: abc}\n"
    (folder / "run" / "scenario.yaml").write_text(text)
    (folder / "run" / "events.parquet" / "part-000000000.parquet").write_bytes(b"PAR1 cut off")
    return ["resume", str(folder / "run"), "--backend", "local"]


@case
def report_of_nothing(folder: Path) -> list[str]:
    return ["report", str(folder / "none")]


@case
def ray_address_does_not_answer(folder: Path) -> list[str]:
    return ["run", "first-light", "--address", "127.0.0.1:1"]


@case
def ray_address_malformed(folder: Path) -> list[str]:
    return ["run", "first-light", "--address", "somewhere"]


@case
def address_without_ray(folder: Path) -> list[str]:
    return ["run", "first-light", "--backend", "local", "--address", "127.0.0.1:1"]


@case
def unknown_bench(folder: Path) -> list[str]:
    return ["bench", "hous"]


def see(path: Path, *options: str) -> list[str]:
    return ["see", str(path), "--out", str(path.parent), "--quiet", *options]


def picture(folder: Path, name: str = "mine.png", side: int = 64) -> Path:
    y, x = np.mgrid[0:side, 0:side]
    cv2.imwrite(str(folder / name), (100.0 + 50.0 * np.sin(x / 3.0) * np.cos(y / 4.0)).astype(np.uint8))
    return folder / name


@case
def see_nothing(folder: Path) -> list[str]:
    return ["see"]


@case
def picture_missing(folder: Path) -> list[str]:
    return see(folder / "none.png")


@case
def picture_is_a_folder(folder: Path) -> list[str]:
    (folder / "mine.png").mkdir()
    return see(folder / "mine.png")


@case
def picture_empty(folder: Path) -> list[str]:
    (folder / "mine.png").write_bytes(b"")
    return see(folder / "mine.png")


@case
def picture_is_text(folder: Path) -> list[str]:
    (folder / "mine.png").write_text("not a picture\n")
    return see(folder / "mine.png")


@case
def picture_png_truncated(folder: Path) -> list[str]:
    path = picture(folder)
    path.write_bytes(path.read_bytes()[:-700])
    return see(path)


@case
def picture_png_changed(folder: Path) -> list[str]:
    path = picture(folder)
    data = bytearray(path.read_bytes())
    data[200] ^= 255
    path.write_bytes(bytes(data))
    return see(path)


@case
def picture_jpeg_truncated(folder: Path) -> list[str]:
    path = picture(folder, "mine.jpg", 200)
    path.write_bytes(path.read_bytes()[:-2000])
    return see(path)


@case
def picture_tiff_truncated(folder: Path) -> list[str]:
    path = picture(folder, "mine.tif")
    path.write_bytes(path.read_bytes()[:1000])
    return see(path)


@case
def picture_tiny(folder: Path) -> list[str]:
    return see(picture(folder, side=20))


@case
def picture_huge(folder: Path) -> list[str]:
    (folder / "mine.pgm").write_bytes(b"P5 30000 40 255\n" + bytes(30_000 * 40))
    return see(folder / "mine.pgm")


@case
def picture_empty_of_values(folder: Path) -> list[str]:
    return see(dem(folder, np.full((40, 40), np.nan)))


@case
def see_sun_too_high(folder: Path) -> list[str]:
    return see(picture(folder), "--sun-el", "95")


@case
def see_sun_below_the_ground(folder: Path) -> list[str]:
    return see(picture(folder), "--sun-el", "-3")


@case
def see_pixels_without_size(folder: Path) -> list[str]:
    return see(picture(folder), "--gsd", "0")


@case
def see_rocks_without_the_sun(folder: Path) -> list[str]:
    return see(picture(folder), "--only", "rocks", "--gsd", "0.1")


@case
def see_size_in_unknown_pixels(folder: Path) -> list[str]:
    return see(picture(folder), "--min-size", "3")


def fly_many(*more: str) -> list[str]:
    return ["campaign", "first-light", "--runs", "2", "--backend", "local", "--out", "many", *more]


@case
def campaign_sweep_of_nothing(folder: Path) -> list[str]:
    return fly_many("--sweep", "duration_days")


@case
def campaign_sweep_of_an_unknown_key(folder: Path) -> list[str]:
    return fly_many("--sweep", "fleet.drillr.overrides.battery_wh=900,1200")


@case
def campaign_sweep_of_a_bad_value(folder: Path) -> list[str]:
    return fly_many("--sweep", "fleet.driller.overrides.battery_wh=900,-1")


@case
def campaign_sweep_of_the_seed(folder: Path) -> list[str]:
    return fly_many("--sweep", "seed=1,2")


@case
def campaign_label_without_ray(folder: Path) -> list[str]:
    return fly_many("--label", "zone=east")


@case
def campaign_resume_of_nothing(folder: Path) -> list[str]:
    return ["campaign", "many", "--resume"]


@case
def campaign_resume_with_another_sweep(folder: Path) -> list[str]:
    return ["campaign", "many", "--resume", "--sweep", "duration_days=1,2"]


@case
def label_without_a_value(folder: Path) -> list[str]:
    return ["run", "first-light", "--label", "zone"]


@case
def keep_no_checkpoints(folder: Path) -> list[str]:
    return ["run", "first-light", "--backend", "local", "--keep-checkpoints", "0"]


@case
def replay_of_nothing(folder: Path) -> list[str]:
    return ["replay", "runs/nothing", "--at-step", "3"]


def read_golden() -> dict[str, str]:
    if not GOLDEN.is_file():
        return {}
    blocks = GOLDEN.read_text(encoding="utf-8").split("\n## ")[1:]
    return {name: text.strip("\n") for name, _, text in (block.partition("\n") for block in blocks)}


def spoken(arguments: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    said = capsys.readouterr()
    assert stop.value.code == 2, said
    assert "Traceback" not in said.err
    return said.err.replace(str(folder), "<TMP>").strip("\n")


@pytest.mark.parametrize("name", CASES)
def test_message(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    before = set(tmp_path.rglob("*"))
    arguments = CASES[name](tmp_path)
    made = set(tmp_path.rglob("*")) - before
    message = spoken(arguments, tmp_path, capsys)
    assert message.startswith("Error: ")
    left = {p for p in set(tmp_path.rglob("*")) - before - made if p.suffix != ".xml" and p.name != "runs"}
    assert not left, "a run that never began leaves nothing behind"
    golden = read_golden()
    if os.environ.get("MOONFLEET_UPDATE_GOLDEN"):
        golden[name] = message
        head = "Error messages, one per case of test_error_messages.py; <TMP> stands for a folder.\n"
        GOLDEN.write_text(
            head + "".join(f"\n## {key}\n{golden[key]}\n" for key in CASES if key in golden), encoding="utf-8"
        )
    assert message == golden.get(name)


def test_every_message_is_of_a_case_and_there_are_enough() -> None:
    assert read_golden().keys() == CASES.keys()
    assert len(CASES) >= 20
