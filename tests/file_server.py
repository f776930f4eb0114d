"""A small HTTP server for tests of fetching: it can drop the line, lie about lengths, forget Range, and counts requests."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Behaviour:
    """What the server has and how it behaves; changed by a test while it runs."""

    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True  # understands Range
    etag: str | None = '"one"'
    modified: str | None = "Tue, 01 Jan 2030 00:00:00 GMT"
    drops: list[int] = field(default_factory=list)  # bytes after which the next answers break off
    statuses: list[int] = field(default_factory=list)  # refusals given first
    says_length: bool = True
    heeds_if_range: bool = True
    wrong_start: int = 0  # partial answers begin this many bytes off
    asked: list[tuple[str, str | None]] = field(default_factory=list)  # path, Range
    url: str = ""


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers GET out of a `Behaviour`."""

    behaviour: Behaviour

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""

    def do_GET(self) -> None:
        """Send a file, or a part of it."""
        b = self.behaviour
        b.asked.append((self.path, self.headers.get("Range")))
        if b.statuses:
            self.send_error(b.statuses.pop(0))
            return
        body = b.files.get(self.path.rpartition("/")[2])
        if body is None:
            self.send_error(404)
            return
        start, wanted, mark = 0, self.headers.get("Range"), self.headers.get("If-Range")
        unchanged = mark in (None, b.etag, b.modified) or not b.heeds_if_range
        if wanted and b.ranges and unchanged:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(body):
                self.send_error(416)
                return
            start += b.wrong_start
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            self.send_response(200)
        if b.says_length:
            self.send_header("Content-Length", str(len(body) - start))
        for name, value in (("ETag", b.etag), ("Last-Modified", b.modified)):
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        rest = body[start:]
        if b.drops:
            rest = rest[: b.drops.pop(0)]
        self.wfile.write(rest)
        self.wfile.flush()
        self.close_connection = True


@contextmanager
def serving(behaviour: Behaviour) -> Iterator[Behaviour]:
    """Serve on a free port of this machine, in a thread."""
    handler = type("ThisHandler", (Handler,), {"behaviour": behaviour})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    behaviour.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield behaviour
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
