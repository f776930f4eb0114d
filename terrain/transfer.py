"""One file over HTTP, continued where an earlier try broke off: a downloader for pooch, which itself starts anew."""

from __future__ import annotations

import errno
import json
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pooch

from .errors import FetchDamaged, FetchError, FetchNoSpace, FetchOffline, FetchRefused

CHUNK_BYTES = 1024 * 1024
TIMEOUT_S = 30.0
ATTEMPTS = 4  # in a row without a byte gained
PASSING = (408, 425, 429, 500, 502, 503, 504)  # answers that may be another one a moment later
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
Progress = Callable[[int, int | None], object]  # bytes there, bytes in all if known


class _Changed(Exception):
    """The server's file is not the one that the part was taken from."""


class Resume:
    """Fetches a URL into ``part`` and hands it over complete. Kept between runs, so that a broken transfer continues.

    Beside the part stands ``PART.json``: URL, length, ETag and Last-Modified of what it is a part of. The rest is asked for
    with Range and If-Range; a server that knows neither, or whose file has changed, sends the whole file again.
    """

    def __init__(
        self, part: Path, progress: Progress | None = None, attempts: int = ATTEMPTS, wait_s: float = 1.0
    ) -> None:
        self.part, self.note = part, part.with_name(part.name + ".json")
        self.progress, self.attempts, self.wait_s = progress, attempts, wait_s
        self.status: int | None = None

    def __call__(self, url: str, output_file: Any, _pooch: Any, check_only: bool = False) -> bool | None:
        """Bring ``url`` to the path ``output_file``. Raises a `FetchError` child."""
        if check_only:
            return True
        if urlsplit(url).scheme == "file":
            self._copy(url)
        else:
            self._get(url)
        self.part.replace(output_file)
        self.note.unlink(missing_ok=True)
        return None

    def _get(self, url: str) -> None:
        """Ask until the part is complete, or ``attempts`` requests in a row have brought nothing."""
        failed, slips, why = 0, 0, ""
        while failed < self.attempts:
            if failed:
                time.sleep(self.wait_s * 2.0 ** (failed - 1))
            noted = self._noted(url)
            before = self.part.stat().st_size if noted else 0
            if noted and noted["total"] is not None and before == noted["total"]:
                return
            try:
                if self._ask(url, before, noted):
                    return
                why = "the connection ended early"
            except _Changed:
                self._forget()
                slips += 1
                if slips > self.attempts:
                    raise FetchDamaged(f"{url}: changes while it is fetched; try again later.") from None
                continue
            except OSError as error:  # all that requests raises is one
                code = getattr(getattr(error, "response", None), "status_code", None)
                if code is not None and code not in PASSING:
                    raise FetchRefused(f"{url}: the server answers {code}; allowed: a file that is there.") from error
                why = f"the server answers {code}" if code is not None else f"{type(error).__name__}: {error}"
            gained = self.part.exists() and self.part.stat().st_size > before
            failed = 0 if gained else failed + 1
        have = self.part.stat().st_size if self.part.exists() else 0
        if have:
            raise FetchError(
                f"{url}: broke off after {have} bytes ({why}). They are kept: fetch again to go on from there."
            )
        if self.status is None:
            raise FetchOffline(f"{url}: no answer ({why}).")
        raise FetchRefused(f"{url}: {why}, {self.attempts} times.")

    def _ask(self, url: str, have: int, noted: dict[str, Any]) -> bool:
        """Send one request and write what comes; returns whether the part is now complete."""
        headers = {"Accept-Encoding": "identity"}  # a packed stream could not be continued
        if have:
            headers["Range"] = f"bytes={have}-"
            mark = noted["etag"] if str(noted["etag"] or "").startswith('"') else noted["modified"]
            if mark:
                headers["If-Range"] = str(mark)
        sink = Sink(self.part, self.progress)

        def hook(response: Any, *_args: Any, **_more: Any) -> None:
            self.status = int(response.status_code)
            if self.status == 416 and have:
                raise _Changed
            if self.status not in (200, 206):
                return
            facts = _facts(url, response.headers)
            start = 0
            if self.status == 206:
                start, facts["total"] = _content_range(url, response.headers)
                same = all(facts[key] == noted.get(key) for key in ("etag", "modified", "total"))
                if start != have or not have or not same:
                    raise _Changed
            self.note.write_text(json.dumps(facts), encoding="utf-8")
            sink.open(start, facts["total"])

        ask = pooch.HTTPDownloader(
            progressbar=False, chunk_size=CHUNK_BYTES, timeout=TIMEOUT_S, headers=headers, hooks={"response": hook}
        )
        try:
            ask(url, sink, None)  # pyright: ignore[reportArgumentType] anything with write and flush will do
        finally:
            sink.close()
        return sink.total is None or sink.done == sink.total

    def _noted(self, url: str) -> dict[str, Any]:
        """Return what the part is a part of; empty, and no part left, if it is of something else."""
        try:
            noted = json.loads(self.note.read_text(encoding="utf-8"))
            whole = noted["total"]
            known = self.part.is_file() and noted["url"] == url and {"etag", "modified"} <= set(noted)
            if known and (whole is None or self.part.stat().st_size <= int(whole)):
                return noted
        except (OSError, ValueError, KeyError, TypeError):
            pass
        self._forget()
        return {}

    def _forget(self) -> None:
        self.part.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)

    def _copy(self, url: str) -> None:
        """Copy a file of this machine."""
        source = Path(unquote(urlsplit(url).path))
        sink = Sink(self.part, self.progress)
        try:
            with source.open("rb") as file:
                sink.open(0, source.stat().st_size)
                while block := file.read(CHUNK_BYTES):
                    sink.write(block)
        except FileNotFoundError:
            raise FetchRefused(f"{source}: no such file in the mirror.") from None
        finally:
            sink.close()


class Sink:
    """The part as something to write to; a full disk is told in our own words."""

    def __init__(self, part: Path, progress: Progress | None) -> None:
        self.part, self.progress = part, progress
        self.done, self.total, self.file = 0, None, None

    done: int
    total: int | None
    file: Any

    def open(self, start: int, total: int | None) -> None:
        """Begin at byte ``start`` of ``total``."""
        need = None if total is None else total - start
        free = shutil.disk_usage(self.part.parent).free
        if need is not None and need > free:
            raise FetchNoSpace(
                f"{self.part.parent}: {free / 1e6:.0f} MB are free; {need / 1e6:.0f} MB are needed. Make room, or choose "
                "another folder (MOONFLEET_CACHE)."
            )
        self.done, self.total = start, total
        self.file = self.part.open("ab" if start else "wb")
        if self.progress is not None:
            self.progress(start, total)

    def write(self, block: bytes) -> int:
        """Append a block."""
        if self.file is None:  # the body of a refusal
            return len(block)
        try:
            self.file.write(block)
            self.file.flush()
        except OSError as error:
            if error.errno not in FULL:
                raise FetchError(f"{self.part}: cannot be written ({error}).") from error
            raise FetchNoSpace(
                f"{self.part}: the disk is full after {self.done} bytes. They are kept: make room and fetch again."
            ) from error
        self.done += len(block)
        if self.progress is not None:
            self.progress(self.done, self.total)
        return len(block)

    def flush(self) -> None:
        """Nothing: each block is flushed when it is written."""

    def close(self) -> None:
        """Close the part."""
        if self.file is not None:
            self.file.close()


def _facts(url: str, headers: Any) -> dict[str, Any]:
    """What identifies the server's file."""
    length = headers.get("Content-Length")
    total = int(length) if length is not None and length.isdigit() else None
    return {"url": url, "total": total, "etag": headers.get("ETag"), "modified": headers.get("Last-Modified")}


def _content_range(url: str, headers: Any) -> tuple[int, int | None]:
    """Return first byte and total length of a partial answer."""
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", headers.get("Content-Range", "").strip())
    if match is None:
        raise FetchRefused(
            f"{url}: a partial answer without a Content-Range; the server or a proxy before it is broken."
        )
    return int(match.group(1)), None if match.group(2) == "*" else int(match.group(2))
