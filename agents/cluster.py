"""Starting or joining a Ray cluster: always the one the user named, never one that an old run left behind."""

from __future__ import annotations

import importlib
import logging
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from .errors import ClusterError

CONNECT_S = 5.0  # an address that does not accept a connection for so long does not answer
ANSWER_S = 10.0  # a busy head takes seconds to greet; without a greeting Ray itself would wait for minutes
OBJECT_STORE_BYTES = 256 * 1024 * 1024  # messages are small: the site is memory-mapped, not stored
AUTH_MODE = "RAY_AUTH_MODE"
CLIENT_SCHEME = "ray://"
HTTP2_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(
    (0, 0, 0, 4, 0, 0, 0, 0, 0)
)  # preface, empty SETTINGS (RFC 9113)
HTTP2_SETTINGS = 4  # type of the frame that every HTTP/2 server, and so every gRPC server, sends first


def check_address(address: str) -> None:
    """Raise `ClusterError` unless ``address`` is ``HOST:PORT`` (or ``ray://HOST:PORT``) and a gRPC server answers there."""
    bare = address.removeprefix(CLIENT_SCHEME)
    host, _, port = bare.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        raise ClusterError(f"--address {address!r}: must be HOST:PORT of a Ray head, for example 10.0.0.5:6379")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_S) as line:
            greeted = os.environ.get("RAY_USE_TLS", "0") not in ("", "0") or greets(line)
    except (OSError, UnicodeError) as error:  # UnicodeError: a host that no name service knows how to spell
        problem = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ClusterError(
            f"--address {address!r}: no Ray head answers there ({problem}); start one with "
            "'ray start --head --port=6379', or leave --address out to start a local one"
        ) from error
    if not greeted:
        raise ClusterError(
            f"--address {address!r}: something listens there, but it is no Ray head; start one with "
            "'ray start --head --port=6379', or leave --address out to start a local one"
        )


def greets(line: socket.socket) -> bool:
    """Say whether the other end answers as a gRPC server does."""
    line.settimeout(ANSWER_S)
    answer = b""
    try:
        line.sendall(HTTP2_HELLO)
        while len(answer) < 4:
            more = line.recv(64)
            if not more:
                return False
            answer += more
    except OSError:
        return False
    return answer[3] == HTTP2_SETTINGS


def take_token(address: str) -> None:
    """Show the cluster at ``address`` this user's Ray token if it asks for one.

    Ray makes a token when a local cluster is first started, and from then on `ray start` asks for it, but `ray.init` shows it
    only where ``RAY_AUTH_MODE=token`` is set. What the user has set is kept.
    """
    if AUTH_MODE in os.environ or address.startswith(CLIENT_SCHEME):
        return
    raylet: Any = importlib.import_module("ray._raylet")
    exceptions: Any = importlib.import_module("ray.exceptions")
    if not all(hasattr(raylet, name) for name in ("Config", "GcsClient")):  # another Ray: `ray.init` says what is wrong
        return
    try:
        raylet.GcsClient(address=address)
    except getattr(exceptions, "AuthenticationError", ()):
        os.environ[AUTH_MODE] = "token"
        raylet.Config.initialize("")
    except (OSError, RuntimeError, ValueError, exceptions.RayError):
        return


@contextmanager
def cluster(address: str | None = None) -> Iterator[None]:
    """Join the cluster at ``address``, or start one of our own on this machine; leave or stop it at the end.

    A cluster that this process has already joined is used as it is and left running. ``RAY_ADDRESS`` and the session
    files of earlier local clusters are ignored: without ``address`` a new local cluster starts.
    """
    if address is not None:
        check_address(address)
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    if ray.is_initialized():
        yield
        return
    try:
        if address is None:
            ray.init(
                address="local",
                include_dashboard=False,
                object_store_memory=OBJECT_STORE_BYTES,
                logging_level=logging.ERROR,
                log_to_driver=False,
            )
        else:
            take_token(address)
            ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        hint = "; does it ask for another token than that of this machine (~/.ray/auth_token)?" if address else ""
        raise ClusterError(
            f"Ray cluster {address or 'local'}: could not be reached or started: {error}{hint}"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def matching_nodes(labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the living nodes of the cluster that carry all of ``labels``. Use it inside `cluster`."""
    import ray

    alive = [node for node in ray.nodes() if node["Alive"]]
    return [node for node in alive if all(node.get("Labels", {}).get(key) == value for key, value in labels.items())]


def cores_of(labels: Mapping[str, str]) -> int:
    """Return how many cores the nodes with these labels have now."""
    return int(sum(node["Resources"].get("CPU", 0) for node in matching_nodes(labels)))


def check_labels(labels: Mapping[str, str]) -> None:
    """Raise `ClusterError` when no living node carries all of ``labels``: Ray itself would wait for one for ever."""
    if not labels or matching_nodes(labels):
        return
    wanted = ", ".join(f"{key}={value}" for key, value in labels.items())
    known = {
        f"{key}={value}"
        for node in matching_nodes({})
        for key, value in node.get("Labels", {}).items()
        if not key.startswith("ray.io/node-id")
    }
    raise ClusterError(
        f"--label {wanted}: no node of the cluster carries it; known: {', '.join(sorted(known)) or 'none'} "
        "('ray start --labels=\"key=value\"' gives a node labels)"
    )
