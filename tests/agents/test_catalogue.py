"""The robot catalogue: what ships is sound, what a user adds is checked, and every complaint says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from moonfleet.agents.catalogue import RobotSpec, load_catalogue, robot_spec
from moonfleet.agents.errors import RobotError, UnknownRobot, field_path

GOOD = robot_spec("yutu-rover").model_dump(mode="json") | {"kind": "mine"}


def complaint(tmp_path: Path, name: str = "mine", **changes: object) -> str:
    """Write a catalogue file with some keys changed (``...`` removes one) and return the error it gives."""
    data = {key: value for key, value in (GOOD | changes).items() if value is not ...}
    (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(RobotError) as caught:
        load_catalogue(tmp_path)
    return str(caught.value).replace(str(tmp_path), "robots")


def test_every_shipped_machine_has_its_sources_and_survives_on_its_own_power() -> None:
    kinds = load_catalogue()
    assert {"viper-rover", "yutu-rover", "ce7-lander", "ce7-hopper", "grader", "excavator", "queqiao2", "scout"} <= set(
        kinds
    )
    for spec in kinds.values():
        assert spec.sources, spec.kind
        assert spec.solar_w_1au > spec.idle_w + spec.comm_w, f"{spec.kind} cannot charge while it talks"
        if spec.speed_m_s > 0:
            assert spec.camera is not None, f"{spec.kind} drives blind"
            assert spec.solar_w_1au > 0.9 * (spec.idle_w + spec.drive_w), f"{spec.kind} drives on its battery alone"


def test_figures_from_the_sources() -> None:
    viper, yutu = robot_spec("viper-rover"), robot_spec("yutu-rover")
    assert (viper.mass_kg, viper.solar_w_1au) == (430.0, 450.0)
    assert (yutu.mass_kg, yutu.obstacle_m, yutu.max_slope_deg) == (140.0, 0.2, 20.0)
    assert yutu.rate_relay_mbps == 0.285


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"battery_wh": -5}, "robots/mine.yaml: battery_wh = -5: must be > 0"),
        ({"battery_wh": "big"}, "robots/mine.yaml: battery_wh = 'big': must be a number"),
        ({"battery_wh": ...}, "robots/mine.yaml: battery_wh: missing; it must be given"),
        ({"max_slope_deg": 55}, "robots/mine.yaml: max_slope_deg = 55: must be <= 40"),
        ({"hops": 1.5}, "robots/mine.yaml: hops = 1.5: must be a whole number"),
        ({"rhu_w": float("nan")}, "robots/mine.yaml: rhu_w = nan: must be a finite number"),
        ({"role": "submarine"}, "must be one of 'rover', 'lander', 'hopper', 'orbiter' or 'construction'"),
        ({"camera": {"height_m": 1.5, "range_m": 0, "fov_deg": 90}}, "mine.yaml: camera.range_m = 0: must be > 0"),
        (
            {"temp_survive_k": 300.0},
            "robots/mine.yaml: temp_survive_k = 300: must be below temp_op_min_k = 258",
        ),
        ({"kind": "other"}, "robots/mine.yaml: kind = 'other': must be 'mine', the name of the file"),
        ({"sources": []}, "robots/mine.yaml: sources = []: "),
        ({"battery_wh": 1e300}, "robots/mine.yaml: battery_wh = 1e+300: must be <= 1000000000.0"),
        ({"speed_m_s": 1e-300}, "speed_m_s = 1e-300: must be 0 or >= 0.001"),
    ],
)
def test_a_bad_value_is_named_with_its_place_and_what_is_allowed(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    assert message in complaint(tmp_path, **changes)


def test_figures_that_overflow_the_physics_are_refused(tmp_path: Path) -> None:
    assert "battery_wh = 1e-300: must be >= 1e-06" in complaint(tmp_path, battery_wh=1e-300)
    assert "must cool in at most 1e+09 s" in complaint(tmp_path, heat_capacity_j_k=1e8, conductance_w_k=0.01)


def test_a_misspelt_key_gets_the_nearest_name(tmp_path: Path) -> None:
    text = complaint(tmp_path, batery_wh=5)
    assert text.startswith("robots/mine.yaml: batery_wh: unknown key. Did you mean 'battery_wh'?")


def test_all_problems_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    assert len(complaint(tmp_path, battery_wh=-1, mass_kg=0, idle_w=...).splitlines()) == 3


def test_a_shipped_kind_is_not_overwritten(tmp_path: Path) -> None:
    text = complaint(tmp_path, "viper-rover", kind="viper-rover")
    assert text == "robots/viper-rover.yaml: kind = 'viper-rover': is in the shipped catalogue; give yours another name"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must be a mapping of keys to values, not NoneType"),
        (b"kind: [", "not valid YAML"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"x" * 200_000, "larger than 100000 bytes"),
        (b"!!python/object/apply:os.getcwd []", "not valid YAML"),
        (b"mass_kg: 0x_", "holds a value that cannot be read"),
        (b"title: 2031-13-45", "holds a value that cannot be read: month"),
        (b"mass_kg: " + b"9" * 6000, "holds a value that cannot be read"),
        pytest.param(b"[" * 2_000 + b"]" * 2_000, "nested too deeply", id="nested too deeply"),
        (b"title: &a [1, 1]\nmass_kg: [*a, *a]", "aliases are not allowed"),
    ],
)
def test_a_file_that_is_no_robot(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "mine.yaml").write_bytes(content)
    with pytest.raises(RobotError, match=message):
        load_catalogue(tmp_path)


def test_a_user_adds_a_machine_with_a_file_and_no_code(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(GOOD | {"mass_kg": 77.0}), encoding="utf-8")
    assert robot_spec("mine", tmp_path).mass_kg == 77.0
    assert "viper-rover" in load_catalogue(tmp_path)
    assert "mine" not in load_catalogue()


def test_an_unknown_kind_gets_the_nearest_one(tmp_path: Path) -> None:
    with pytest.raises(UnknownRobot, match=r"'yutu-roverr' is not in the catalogue. Did you mean 'yutu-rover'\?"):
        robot_spec("yutu-roverr")
    with pytest.raises(RobotError, match="must be a folder"):
        load_catalogue(tmp_path / "nowhere")


def test_a_spec_cannot_be_changed() -> None:
    spec: RobotSpec = robot_spec("scout")
    with pytest.raises(ValueError, match="frozen"):
        spec.mass_kg = 1.0  # type: ignore[misc]


def test_field_path() -> None:
    assert field_path(("fleet", 2, "camera", "range_m")) == "fleet[2].camera.range_m"
