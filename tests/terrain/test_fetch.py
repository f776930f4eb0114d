"""Fetching published elevation, against a server of this machine: what arrives, what is resumed, what is refused."""

from __future__ import annotations

import errno
import hashlib
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml

from moonfleet.terrain import transfer
from moonfleet.terrain.dem_io import read_dem
from moonfleet.terrain.errors import (
    FetchDamaged,
    FetchError,
    FetchNoSpace,
    FetchOffline,
    FetchRefused,
    SiteError,
)
from moonfleet.terrain.fetch import fetch_dem, fetched, products
from tests.file_server import Behaviour, serving
from tests.own_dem import put_dem
from tests.pds_dem import put_polar

BIG = 400  # cells a side: 640 kB


@pytest.fixture(autouse=True)
def _nearby(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy, no waiting, small blocks, and never a publisher's server."""
    for name in (
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "MOONFLEET_MIRROR",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(transfer, "CHUNK_BYTES", 16_384)
    monkeypatch.setattr(transfer.time, "sleep", lambda _s: None)


@pytest.fixture
def dem(tmp_path: Path) -> bytes:
    z = np.random.default_rng(1).normal(0.0, 50.0, (BIG, BIG)).astype(np.float32)
    return put_dem(tmp_path / "made.tif", z).read_bytes()


@pytest.fixture
def server(dem: bytes) -> Iterator[Behaviour]:
    with serving(Behaviour(files={"tile.tif": dem})) as behaviour:
        yield behaviour


def listing(tmp_path: Path, url: str, **more: Any) -> Path:
    """A file of products with one tile at ``url``; ``more`` goes to its file."""
    fields = {
        "title": "a tile", "cell_m": 20.0, "coverage": "8 km", "source": "https://example.org", "licence": "free",
        "aliases": ["the-ridge"], "files": [{"url": f"{url}/data/tile.tif", **more}],
    }  # fmt: skip
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"products": {"tile": fields}}), encoding="utf-8")
    return path


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def leftovers(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if not p.name.endswith(".lock"))


def test_fetched_once_then_kept(tmp_path: Path, server: Behaviour, dem: bytes) -> None:
    more, told = listing(tmp_path, server.url, sha256=sha256(dem), bytes=len(dem)), []
    path = fetch_dem("The Ridge", folder=tmp_path / "d", more=more, progress=lambda *a: told.append(a))
    assert path == tmp_path / "d" / "tile.tif"
    assert path.read_bytes() == dem
    assert leftovers(tmp_path / "d") == ["tile.tif", "tile.tif.sha256"]
    assert path.with_name("tile.tif.sha256").read_text("utf-8") == f"{sha256(dem)}  tile.tif\n"
    assert told[0] == ("tile.tif", 0, len(dem)) and told[-1] == ("tile.tif", len(dem), len(dem))
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert len(told) > 5
    assert fetch_dem("tile", folder=tmp_path / "d", more=more) == path
    assert len(server.asked) == 1
    assert fetched("tile", tmp_path / "d", more)


def test_default_folder_is_in_the_cache(tmp_path: Path, server: Behaviour, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOONFLEET_CACHE", str(tmp_path / "cache"))
    assert not fetched("tile", more=listing(tmp_path, server.url))
    assert fetch_dem("tile", more=listing(tmp_path, server.url)) == tmp_path / "cache" / "dems" / "tile.tif"


def test_wrong_checksum_leaves_nothing(tmp_path: Path, server: Behaviour, dem: bytes) -> None:
    wanted = sha256(b"another")
    with pytest.raises(FetchDamaged, match=rf"published checksum sha256:{wanted}; it was removed"):
        fetch_dem("tile", folder=tmp_path / "d", more=listing(tmp_path, server.url, sha256=wanted))
    assert leftovers(tmp_path / "d") == []
    with pytest.raises(FetchDamaged, match=rf"{len(dem)} bytes came; published are 17"):
        fetch_dem("tile", folder=tmp_path / "d", more=listing(tmp_path, server.url, bytes=17))
    assert leftovers(tmp_path / "d") == []


def test_changed_afterwards(tmp_path: Path, server: Behaviour) -> None:
    more = listing(tmp_path, server.url)
    path = fetch_dem("tile", folder=tmp_path / "d", more=more)
    raw = bytearray(path.read_bytes())
    raw[-7] ^= 1
    path.write_bytes(raw)
    with pytest.raises(FetchDamaged, match=r"tile\.tif: changed since it was fetched: .*tile\.tif\.sha256 says"):
        fetch_dem("tile", folder=tmp_path / "d", more=more)
    path.with_name("tile.tif.sha256").unlink()  # on purpose, then
    assert fetch_dem("tile", folder=tmp_path / "d", more=more) == path
    assert len(server.asked) == 1


def test_put_there_by_hand(tmp_path: Path, dem: bytes) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "tile.tif").write_bytes(dem)
    more = listing(tmp_path, "http://127.0.0.1:9")  # nobody there, nobody asked
    assert fetch_dem("tile", folder=tmp_path / "d", more=more).read_bytes() == dem
    assert fetched("tile", tmp_path / "d", more)
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "tile.tif").write_bytes(dem[: len(dem) // 2])
    with pytest.raises(FetchDamaged, match=r"tile\.tif: not the elevation model .*Delete it to fetch it again"):
        fetch_dem("tile", folder=tmp_path / "e", more=more)
    assert (tmp_path / "e" / "tile.tif").exists()
    with pytest.raises(FetchDamaged, match=r"its checksum is sha256:.* published is sha256:"):
        fetch_dem("tile", folder=tmp_path / "d", more=listing(tmp_path, "http://127.0.0.1:9", sha256="0" * 64))


def test_refusals(tmp_path: Path, server: Behaviour) -> None:
    server.files = {}
    with pytest.raises(FetchRefused, match=r"tile\.tif: the server answers 404; .*by hand"):
        fetch_dem("tile", folder=tmp_path / "d", more=listing(tmp_path, server.url))
    assert len(server.asked) == 1
    server.statuses = [500] * 9
    with pytest.raises(FetchRefused, match="the server answers 500, 4 times"):
        fetch_dem("tile", folder=tmp_path / "d", more=listing(tmp_path, server.url))
    assert leftovers(tmp_path / "d") == []


def test_a_server_that_is_busy_for_a_moment(tmp_path: Path, server: Behaviour, dem: bytes) -> None:
    server.statuses = [503, 429]
    assert fetch_dem("tile", folder=tmp_path / "d", more=listing(tmp_path, server.url)).read_bytes() == dem
    assert len(server.asked) == 3


def test_an_error_page_is_no_elevation(tmp_path: Path, server: Behaviour) -> None:
    server.files = {"tile.tif": b"<html>come back later</html>"}
    with pytest.raises(FetchDamaged, match=r"not the elevation model .*What came was removed"):
        fetch_dem("tile", folder=tmp_path / "d", more=listing(tmp_path, server.url))
    assert leftovers(tmp_path / "d") == []


def test_another_cell_size_is_another_product(tmp_path: Path, server: Behaviour) -> None:
    more = listing(tmp_path, server.url)
    more.write_text(more.read_text("utf-8").replace("cell_m: 20.0", "cell_m: 5.0"), encoding="utf-8")
    with pytest.raises(FetchDamaged, match=r"cells of 20 m; a tile has 5 m"):
        fetch_dem("tile", folder=tmp_path / "d", more=more)


def test_dropped_half_way_then_only_the_rest_is_asked_for(tmp_path: Path, server: Behaviour, dem: bytes) -> None:
    server.drops = [200_000, 100_000]
    assert fetch_dem("tile", folder=tmp_path / "d", more=listing(tmp_path, server.url)).read_bytes() == dem
    ranges = [wanted for _, wanted in server.asked]
    assert ranges[0] is None
    first, second = (int(str(r).removeprefix("bytes=").removesuffix("-")) for r in ranges[1:])
    assert 0 < first <= 200_000 < second <= 300_000


def test_a_later_run_goes_on_where_the_first_ended(
    tmp_path: Path, server: Behaviour, dem: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "ATTEMPTS", 1)
    server.drops, server.statuses = [300_000], []
    more = listing(tmp_path, server.url, sha256=sha256(dem))

    def drop_then_refuse(name: str, done: int, total: int | None) -> None:
        if done >= 200_000:
            server.statuses = [500] * 4

    with pytest.raises(FetchError, match=r"broke off after \d+ bytes .* are kept: fetch again"):
        fetch_dem("tile", folder=tmp_path / "d", more=more, progress=drop_then_refuse)
    have = (tmp_path / "d" / "tile.tif.part").stat().st_size
    assert 200_000 <= have <= 300_000
    assert not (tmp_path / "d" / "tile.tif").exists()
    server.statuses, server.asked = [], []
    told: list[int] = []
    fetch_dem("tile", folder=tmp_path / "d", more=more, progress=lambda _n, done, _t: told.append(done))
    assert server.asked == [("/data/tile.tif", f"bytes={have}-")]
    assert told[0] == have
    assert leftovers(tmp_path / "d") == ["tile.tif", "tile.tif.sha256"]


@pytest.mark.parametrize("marks", ["etag", "modified", "none"])
def test_resumed_by_whatever_mark_the_server_gives(tmp_path: Path, server: Behaviour, dem: bytes, marks: str) -> None:
    server.etag = '"one"' if marks == "etag" else None
    server.modified = "Tue, 01 Jan 2030 00:00:00 GMT" if marks == "modified" else None
    server.drops = [150_000]
    assert fetch_dem("tile", folder=tmp_path / "d", more=listing(tmp_path, server.url)).read_bytes() == dem
    assert [wanted is not None for _, wanted in server.asked] == [False, True]


def test_server_without_range_sends_all_again(tmp_path: Path, server: Behaviour, dem: bytes) -> None:
    server.ranges, server.drops = False, [200_000]
    assert fetch_dem("tile", folder=tmp_path / "d", more=listing(tmp_path, server.url)).read_bytes() == dem
    assert len(server.asked) == 2


@pytest.mark.parametrize("heeds", [True, False])
@pytest.mark.parametrize("longer", [True, False])
def test_file_changed_between_the_parts(
    tmp_path: Path, server: Behaviour, dem: bytes, heeds: bool, longer: bool
) -> None:
    z = np.zeros((BIG + 20 if longer else 100, BIG), dtype=np.float32)
    new = put_dem(tmp_path / "new.tif", z).read_bytes()
    server.drops, server.heeds_if_range = [200_000], heeds

    def swap(name: str, done: int, total: int | None) -> None:
        if done >= 150_000:
            server.files, server.etag = {"tile.tif": new}, '"two"'

    path = fetch_dem("tile", folder=tmp_path / "d", more=listing(tmp_path, server.url), progress=swap)
    assert path.read_bytes() == new


def test_partial_answer_that_begins_elsewhere(tmp_path: Path, server: Behaviour, dem: bytes) -> None:
    server.drops, server.wrong_start = [200_000], 5
    assert fetch_dem("tile", folder=tmp_path / "d", more=listing(tmp_path, server.url)).read_bytes() == dem


def test_length_untold(tmp_path: Path, server: Behaviour, dem: bytes) -> None:
    server.says_length = False
    assert fetch_dem("tile", folder=tmp_path / "d", more=listing(tmp_path, server.url)).read_bytes() == dem
    shutil.rmtree(tmp_path / "d")
    server.drops = [200_000]  # nobody can tell that this is not all, but the file itself
    with pytest.raises(FetchDamaged, match="not the elevation model"):
        fetch_dem("tile", folder=tmp_path / "d", more=listing(tmp_path, server.url))


def test_a_damaged_note_beside_a_part_is_no_trouble(tmp_path: Path, server: Behaviour, dem: bytes) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "tile.tif.part").write_bytes(b"x" * 1_000)
    for note in ("", "{", "[]", '{"url": 1}'):
        (tmp_path / "d" / "tile.tif.part.json").write_text(note, encoding="utf-8")
        assert fetch_dem("tile", folder=tmp_path / "d", more=listing(tmp_path, server.url)).read_bytes() == dem
        (tmp_path / "d" / "tile.tif").unlink()
        (tmp_path / "d" / "tile.tif.sha256").unlink()
        (tmp_path / "d" / "tile.tif.part").write_bytes(b"x" * 1_000)
    assert {wanted for _, wanted in server.asked} == {None}


def test_offline_says_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    more = listing(tmp_path, f"http://127.0.0.1:{port}")
    with pytest.raises(FetchOffline) as caught:
        fetch_dem("tile", folder=tmp_path / "d", more=more)
    text = str(caught.value)
    for words in (f"http://127.0.0.1:{port}/data/tile.tif", f"as {tmp_path / 'd' / 'tile.tif'}", "MOONFLEET_MIRROR"):
        assert words in text
    assert isinstance(caught.value, SiteError)


def test_mirrors(tmp_path: Path, server: Behaviour, dem: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    more = listing(tmp_path, "http://127.0.0.1:9")
    fetch_dem("tile", folder=tmp_path / "a", more=more, mirror=f"{server.url}/copies/")
    assert server.asked == [("/copies/tile.tif", None)]
    monkeypatch.setenv("MOONFLEET_MIRROR", server.url)
    fetch_dem("tile", folder=tmp_path / "b", more=more)
    assert server.asked[1] == ("/tile.tif", None)
    shared = tmp_path / "a folder"
    shared.mkdir()
    (shared / "tile.tif").write_bytes(dem)
    assert fetch_dem("tile", folder=tmp_path / "c", more=more, mirror=str(shared)).read_bytes() == dem
    with pytest.raises(FetchError, match=r"mirror = '.*nowhere': no such folder"):
        fetch_dem("tile", folder=tmp_path / "e", more=more, mirror=str(tmp_path / "nowhere"))
    (shared / "tile.tif").unlink()
    with pytest.raises(FetchRefused, match=r"tile\.tif: no such file in the mirror"):
        fetch_dem("tile", folder=tmp_path / "e", more=more, mirror=str(shared))
    assert len(server.asked) == 2


def test_two_processes_fetch_once(tmp_path: Path, server: Behaviour, dem: bytes) -> None:
    more = listing(tmp_path, server.url)
    code = (
        "import sys; from pathlib import Path; from moonfleet.terrain.fetch import fetch_dem;"
        f"fetch_dem('tile', folder=Path({str(tmp_path / 'd')!r}), more=Path({str(more)!r}))"
    )
    both = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in both:
        _, error = process.communicate(timeout=120)
        assert process.returncode == 0, error
        assert error == ""
    assert len(server.asked) == 1
    assert (tmp_path / "d" / "tile.tif").read_bytes() == dem


def test_full_disk(tmp_path: Path, server: Behaviour, dem: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _p: SimpleNamespace(free=100_000))
    with pytest.raises(FetchNoSpace, match=r"0 MB are free; 1 MB are needed. Make room"):
        fetch_dem("tile", folder=tmp_path / "d", more=listing(tmp_path, server.url))
    monkeypatch.undo()
    monkeypatch.setattr(transfer, "CHUNK_BYTES", 16_384)

    class Full:
        def write(self, _block: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        def flush(self) -> None: ...

        def close(self) -> None: ...

    real = transfer.Sink.open

    def opened(self: Any, start: int, total: int | None) -> None:
        real(self, start, total)
        self.file.close()
        self.file = Full()

    monkeypatch.setattr(transfer.Sink, "open", opened)
    with pytest.raises(FetchNoSpace, match="the disk is full after 0 bytes"):
        fetch_dem("tile", folder=tmp_path / "d", more=listing(tmp_path, server.url))


def test_folder_that_cannot_be_written(tmp_path: Path, server: Behaviour) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(FetchError, match=r"cannot be written .*set MOONFLEET_CACHE"):
        fetch_dem("tile", folder=tmp_path / "file" / "d", more=listing(tmp_path, server.url))
    assert server.asked == []


def test_label_and_image_come_together(tmp_path: Path) -> None:
    z = np.rint(100.0 * np.random.default_rng(2).normal(size=(60, 60)))
    label = put_polar(tmp_path, "LDEM_T", z, image="ldem_t.img", label="ldem_t.lbl", names_image="LDEM_T.IMG")
    files = {name: (tmp_path / name).read_bytes() for name in ("ldem_t.lbl", "ldem_t.img")}
    assert label.name == "ldem_t.lbl"
    with serving(Behaviour(files=files)) as server:
        entry = {
            "title": "grid", "cell_m": 20.0, "coverage": "pole", "source": "s", "licence": "free",
            "files": [{"url": f"{server.url}/ldem_t.lbl"}, {"url": f"{server.url}/ldem_t.img", "bytes": 7_200}],
        }  # fmt: skip
        more = tmp_path / "mine.yaml"
        more.write_text(yaml.safe_dump({"products": {"grid": entry}}), encoding="utf-8")
        path = fetch_dem("grid", folder=tmp_path / "d", more=more)
        np.testing.assert_array_equal(read_dem(path).elevation_m, z)
        assert len(server.asked) == 2
        (tmp_path / "d" / "ldem_t.img").unlink()  # half of it lost: only that half is asked for again
        fetch_dem("grid", folder=tmp_path / "d", more=more)
        assert [p for p, _ in server.asked[2:]] == ["/ldem_t.img"]


def test_unknown_names_and_bad_lists(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"'lola-5m-site1' is not .* Did you mean 'lola-5m-site11'") as caught:
        fetch_dem("lola-5m-site1", folder=tmp_path)
    assert len(str(caught.value)) < 200  # not the whole list
    bad = tmp_path / "bad.yaml"
    for text, words in (
        ("", "has no products"),
        ("a: [", "not valid YAML"),
        ("products: {Bad Name: {}}", "not a name"),
        ("products: {a: {}}", r"products\.a\.title"),
        ("products: {a: {title: t, files: [{url: 'ftp://x/y'}], cell_m: 1, coverage: c, source: s, licence: l}}",
         r"products\.a\.files\.0\.url = 'ftp://x/y': .*must be http"),
        ("products: {a: {title: t, files: [{url: 'http://x/y', sha256: z}], cell_m: 1, coverage: c, source: s, licence: l}}",
         r"products\.a\.files\.0\.sha256 = 'z'"),
        ("products: {a: {title: t, files: [{url: 'http://x/'}], cell_m: 1, coverage: c, source: s, licence: l}}", "file's name"),
        ("products: {a: {title: t, files: [{url: 'http://x/y'}], cell_m: 0, coverage: c, source: s, licence: l}}", "cell_m = 0"),
        ("products: {a: {colour: red}}", r"products\.a"),
    ):  # fmt: skip
        bad.write_text(text, encoding="utf-8")
        with pytest.raises(FetchError, match=rf"bad\.yaml: .*{words}|bad\.yaml: {words}"):
            products(bad)
    with pytest.raises(FetchError, match=r"none\.yaml: cannot be read"):
        products(tmp_path / "none.yaml")


def test_shipped_products() -> None:
    known = products()
    assert len([name for name in known if name.startswith("lola-5m-")]) == 28
    names = [*known, *(alias for product in known.values() for alias in product.aliases)]
    assert len(set(names)) == len(names)
    files = [file.name for product in known.values() for file in product.files]
    assert len(set(files)) == len(files)
    for product in known.values():
        assert all(file.url.startswith("https://") for file in product.files)
        assert product.source.startswith("https://")
        assert product.licence and product.coverage and product.cite
    grid = known["ldem-80s-20m"]
    assert [file.name for file in grid.files] == ["ldem_80s_20m.lbl", "ldem_80s_20m.img"]
    assert grid.size_mb == pytest.approx(1_848.32)
