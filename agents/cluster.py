"""Starting or joining a Ray cluster: always the one the user named, never one that an old run left behind."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from .errors import ClusterError

CONNECT_S = 5.0  # an address that does not accept a connection for so long does not answer
OBJECT_STORE_BYTES = 256 * 1024 * 1024  # messages are small: the site is memory-mapped, not stored
CLIENT_SCHEME = "ray://"


def check_address(address: str) -> None:
    """Raise `ClusterError` unless ``address`` is ``HOST:PORT`` (or ``ray://HOST:PORT``) and something listens there."""
    bare = address.removeprefix(CLIENT_SCHEME)
    host, _, port = bare.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ClusterError(f"--address {address!r}: must be HOST:PORT of a Ray head, for example 10.0.0.5:6379")
    try:
        with socket.create_connection((host, int(port)), timeout=CONNECT_S):
            pass
    except OSError as error:
        raise ClusterError(
            f"--address {address!r}: no Ray head answers there ({error.strerror or error}); start one with "
            "'ray start --head --port=6379', or leave --address out to start a local one"
        ) from error


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
            ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ClusterError(f"Ray cluster {address or 'local'}: could not be reached or started: {error}") from error
    try:
        yield
    finally:
        ray.shutdown()
