"""An address is taken only when a Ray head answers there: no traceback, no minutes of waiting."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
import types
from collections.abc import Iterator

import pytest

from moonfleet.agents import cluster
from moonfleet.agents.errors import ClusterError


@contextlib.contextmanager
def listener(answer: bytes | None) -> Iterator[str]:
    """A server on this machine that sends ``answer`` and hangs up; with None it says nothing and keeps the line."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        lines: list[socket.socket] = []

        def serve() -> None:
            with contextlib.suppress(OSError):
                line, _ = server.accept()
                lines.append(line)
                if answer is not None:
                    line.sendall(answer)
                    line.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join()
        for line in lines:
            line.close()


@pytest.mark.parametrize("answer", [None, b"", b"\0\0", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_what_is_no_ray_head_is_refused(answer: bytes | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "ANSWER_S", 0.2)
    with listener(answer) as address, pytest.raises(ClusterError, match="it is no Ray head"):
        cluster.check_address(address)


@pytest.mark.parametrize("host", ["a" * 300, "..", "no such host"])
def test_hosts_that_cannot_be_looked_up(host: str) -> None:
    with pytest.raises(ClusterError, match="no Ray head answers there"):
        cluster.check_address(f"{host}:6379")


def test_digits_of_other_scripts_are_no_port() -> None:
    with pytest.raises(ClusterError, match="must be HOST:PORT"):
        cluster.check_address("localhost:\u0661\u0662")


class Refused(Exception):
    """What the fake Ray raises when no token is shown."""


@pytest.mark.parametrize(
    ("asks", "mode", "then"), [(True, None, "token"), (False, None, None), (True, "disabled", "disabled")]
)
def test_a_token_is_shown_only_where_it_is_asked_for(
    asks: bool, mode: str | None, then: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    def greet(address: str) -> None:
        if asks:
            raise Refused(address)

    fake_raylet = types.SimpleNamespace(GcsClient=greet, Config=types.SimpleNamespace(initialize=told.append))
    fake_errors = types.SimpleNamespace(AuthenticationError=Refused, RayError=Refused)
    monkeypatch.setitem(sys.modules, "ray._raylet", fake_raylet)
    monkeypatch.setitem(sys.modules, "ray.exceptions", fake_errors)
    monkeypatch.setenv(cluster.AUTH_MODE, mode or "")
    if mode is None:
        monkeypatch.delenv(cluster.AUTH_MODE)
    cluster.take_token("127.0.0.1:6379")
    assert os.environ.get(cluster.AUTH_MODE) == then
    assert told == ([""] if then == "token" else [])


@pytest.mark.ray
def test_a_ray_head_is_taken(ray_cluster: None) -> None:
    import ray

    cluster.check_address(ray.get_runtime_context().gcs_address)
