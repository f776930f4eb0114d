"""Worlds and missions in files: taken up they go on with the same bytes; a file that is not whole is refused by name."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moonfleet.agents.array_file import HEAD, MAGIC, ArrayFileError, read_arrays, write_arrays
from moonfleet.agents.catalogue import robot_spec
from moonfleet.agents.errors import CheckpointError, WorldError
from moonfleet.agents.events import EventLog
from moonfleet.agents.fleet import LocalFleet
from moonfleet.agents.mission_loop import MissionLoop
from moonfleet.agents.state import Activity
from moonfleet.agents.world import World
from moonfleet.agents.world_file import branch, restore_mission, restore_world, save_mission, save_world
from moonfleet.terrain.clock import utc_to_tdb
from moonfleet.terrain.site import Site
from tests.missions import small_mission

T0 = utc_to_tdb("2030-06-10T00:00:00")
KINDS = ("ce7-lander", "viper-rover", "yutu-rover")


def a_world(site: Site, worlds: int = 1, kinds: tuple[str, ...] = KINDS, tick_s: float = 60.0) -> World:
    start = np.tile(np.array(site.ref.centre), (worlds, len(kinds), 1))
    return World(site, [robot_spec(kind) for kind in kinds], start, T0, station=0, tick_s=tick_s)


def live(world: World, ticks: int) -> None:
    """Drive and work for a while."""
    x, y = world.site.ref.centre
    for w in range(world.worlds):
        world.set_leg(w, 1, [(x + 60.0, y + 40.0), (x + 200.0, y)])
        world.set_activity(w, 2, Activity.WORK, work_w=30.0, data_mbps=0.5)
    world.tick(ticks)


def same(one: World, other: World) -> bool:
    mine, theirs = one.get_state(), other.get_state()
    return mine.keys() == theirs.keys() and all(mine[k].tobytes() == theirs[k].tobytes() for k in mine)


@pytest.fixture(scope="module")
def world_bytes(small_site: Site, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    world = a_world(small_site)
    live(world, 30)
    return save_world(world, tmp_path_factory.mktemp("world") / "a.world").read_bytes()


def test_a_world_goes_on_from_its_file_with_the_same_bytes(small_site: Site, tmp_path: Path) -> None:
    world = a_world(small_site, worlds=3)
    live(world, 47)
    path = save_world(world, tmp_path / "noon.world")
    other = a_world(small_site, worlds=3)
    restore_world(other, path)
    assert same(world, other)
    for one in (world, other):
        one.tick(200)
    assert same(world, other)
    assert not list(tmp_path.glob("*.tmp"))


def test_a_mission_goes_on_from_its_file_with_the_same_events(small_site: Site, tmp_path: Path) -> None:
    mission = small_mission(small_site, duration_s=6 * 3600)

    def begin() -> MissionLoop:
        return MissionLoop(mission, LocalFleet(mission), EventLog(tmp_path / f"log{len(list(tmp_path.iterdir()))}"))

    loop = begin()
    for _ in range(3):
        loop.step()
    path = save_mission(loop, tmp_path / "step3.mission")
    loop.log.flush()
    again = begin()
    restore_mission(again, path)
    assert (again.steps_done, again.log.count) == (3, loop.log.count)
    while not loop.finished:
        assert loop.step() == again.step()
    assert loop.log.count == again.log.count
    assert (
        save_mission(again, tmp_path / "b.mission").read_bytes()
        == save_mission(loop, tmp_path / "c.mission").read_bytes()
    )
    mission = small_mission(small_site, duration_s=6 * 3600, seed=9)
    other = begin()
    with pytest.raises(CheckpointError, match="of another mission"):
        restore_mission(other, path)
    with pytest.raises(CheckpointError, match="not a 'mission'"):
        restore_mission(again, save_world(again.world, tmp_path / "a.world"))


@pytest.mark.parametrize(
    ("made", "name"),
    [
        (lambda site: a_world(site, worlds=2), "worlds"),
        (lambda site: a_world(site, kinds=("ce7-lander", "viper-rover", "grader")), "robots"),
        (lambda site: a_world(site, tick_s=30.0), "tick_s"),
    ],
)
def test_a_state_is_not_taken_up_by_another_world(
    small_site: Site, tmp_path: Path, made: Callable[[Site], World], name: str
) -> None:
    path = save_world(a_world(small_site), tmp_path / "a.world")
    other = made(small_site)
    before = other.get_state()
    with pytest.raises(WorldError, match=f"of another World: {name} = "):
        restore_world(other, path)
    assert all(before[key].tobytes() == value.tobytes() for key, value in other.get_state().items())


def test_missing_cut_and_foreign_files_are_told_apart(small_site: Site, world_bytes: bytes, tmp_path: Path) -> None:
    world, path = a_world(small_site), tmp_path / "a.world"
    with pytest.raises(WorldError, match="cannot be read"):
        restore_world(world, path)
    for content, words in (
        (b"", "cut short"),
        (world_bytes[:20], "cut short"),
        (world_bytes[:-1], "cut short"),
        (world_bytes + b"x", "damaged: has"),
        (b"PK\x03\x04" + world_bytes[4:], "not a file of moonfleet"),
        (world_bytes[:8] + struct.pack("<I", 9) + world_bytes[12:], "format 9, this moonfleet reads format 1"),
        (world_bytes[:12] + struct.pack("<I", 2**32 - 1) + world_bytes[16:], "header cannot be 4294967295 bytes"),
    ):
        path.write_bytes(content)
        with pytest.raises(WorldError, match=words):
            restore_world(world, path)


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_flipped_byte_anywhere_is_noticed_and_changes_nothing(
    small_site: Site, world_bytes: bytes, tmp_path: Path, data: st.DataObject
) -> None:
    content = bytearray(world_bytes)
    for _ in range(data.draw(st.integers(1, 3), label="flips")):
        content[data.draw(st.integers(0, len(content) - 1), label="at")] ^= data.draw(st.integers(1, 255), label="by")
    if bytes(content) == world_bytes:
        return
    path = tmp_path / "a.world"
    path.write_bytes(content)
    world = a_world(small_site)
    before = world.get_state()
    with pytest.raises(WorldError):
        restore_world(world, path)
    assert all(before[key].tobytes() == value.tobytes() for key, value in world.get_state().items())


@given(content=st.binary(max_size=200))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_an_answer_or_a_typed_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.world"
    for head in (b"", MAGIC + struct.pack("<I", 1)):
        path.write_bytes(head + content)
        with pytest.raises(ArrayFileError):
            read_arrays(path, "world")


@pytest.mark.parametrize(
    "listed",
    [
        [["x", "<f8", [2**62, 2**62]]],
        [["x", "<f8", [0, 2**40, 2**40]]],
        [["x", "<f8", [-1]]],
        [["x", "<f8", [True]]],
        [["x", "|O", [1]]],
        [["x", "<f8", []], ["x", "<f8", []]],
        [["x", "<f8"]],
        7,
    ],
)
def test_a_header_that_asks_for_what_cannot_be_is_refused_before_anything_is_allocated(
    tmp_path: Path, listed: object
) -> None:
    header = json.dumps({"kind": "world", "facts": {}, "arrays": listed}).encode()
    data = bytes(16)
    sha = hashlib.sha256(struct.pack("<II", 1, len(header)) + header + data).digest()
    path = tmp_path / "a.world"
    path.write_bytes(HEAD.pack(MAGIC, 1, len(header), sha) + header + data)
    with pytest.raises(ArrayFileError):
        read_arrays(path, "world")


def test_arrays_come_back_as_they_were(tmp_path: Path) -> None:
    arrays = {
        "none": np.zeros((0, 3)), "scalar": np.array(5), "flags": np.array([True, False]), "big": np.arange(6, dtype=">i4"),
        "turned": np.arange(6.0).reshape(2, 3).T, "nan": np.array([np.nan, -0.0]),
    }  # fmt: skip
    back = read_arrays(write_arrays(tmp_path / "a", "test", {"n": 1}, arrays), "test")
    assert back.facts == {"n": 1}
    for name, array in arrays.items():
        np.testing.assert_array_equal(back.arrays[name], array)
        assert back.arrays[name].flags.writeable
    with pytest.raises(ArrayFileError, match="must be boolean, integer or float"):
        write_arrays(tmp_path / "b", "test", {}, {"words": np.array(["a"])})
    with pytest.raises(ArrayFileError, match="cannot be written"):
        write_arrays(tmp_path / "nowhere" / "b", "test", {}, {})


def test_branches_begin_where_the_source_stands_and_part_by_what_they_are_told(small_site: Site) -> None:
    mission = a_world(small_site)
    live(mission, 20)
    tries = a_world(small_site, worlds=3)
    branch(mission, tries)
    tries.set_activity(0, 1, Activity.HOLD)
    tries.set_activity(1, 1, Activity.HIBERNATE)
    tries.tick(60)
    mission.tick(60)
    assert tries.state.x[2, 1] == mission.state.x[0, 1]
    assert tries.state.battery_wh[2, 1] == mission.state.battery_wh[0, 1]
    assert len({float(tries.state.energy_out_wh[w, 1]) for w in range(3)}) == 3
    branch(tries, tries, 1)
    assert len({float(tries.state.energy_out_wh[w, 1]) for w in range(3)}) == 1
    with pytest.raises(WorldError, match="w = 3"):
        branch(tries, tries, 3)
    with pytest.raises(WorldError, match="branch: of another World: robots"):
        branch(a_world(small_site, kinds=("ce7-lander", "grader")), tries)
