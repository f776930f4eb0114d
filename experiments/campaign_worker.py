"""A worker process of a campaign: hears of runs on its standard input, flies them, and answers on its standard output.

A message is a line of JSON and, after it, as many raw bytes as its ``bytes`` says. A worker ends when its input does, in
the middle of a run too: nobody is left who would take its answer.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from typing import IO

from .campaign_plan import Job
from .campaign_run import Outcome, fly, one_thread


def send(pipe: IO[bytes] | None, message: dict[str, object], blob: bytes = b"") -> None:
    """Write one message. Raises `OSError` when nobody listens."""
    if pipe is None:
        raise OSError("no pipe")
    pipe.write(json.dumps({**message, "bytes": len(blob)}).encode() + b"\n" + blob)
    pipe.flush()


def receive(pipe: IO[bytes] | None) -> Outcome:
    """Read the answer of a worker. Raises `EOFError` when it has died."""
    line = pipe.readline() if pipe is not None else b""
    if pipe is None or not line.endswith(b"\n"):
        raise EOFError
    told = json.loads(line)
    blob = pipe.read(told.pop("bytes"))
    return Outcome(Job(*told.pop("job")), events=blob, **told)


def answer(outcome: Outcome) -> dict[str, object]:
    """Return an outcome as the JSON part of its message."""
    names = ("row", "wall_s", "cpu_s", "error_type", "message", "trace", "step")
    return {"job": list(outcome.job), **{name: getattr(outcome, name) for name in names}}


def main() -> None:
    """Serve until the input ends."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not end up among the answers
    heard: queue.SimpleQueue[dict[str, object]] = queue.SimpleQueue()

    def listen() -> None:
        for line in sys.stdin.buffer:
            heard.put(json.loads(line))
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    one_thread()
    while True:
        asked = heard.get()
        run, variant, seed = (int(number) for number in asked["job"])  # type: ignore[union-attr]
        outcome = fly(Job(run, variant, seed), str(asked["scenario"]), asked["keep"])  # type: ignore[arg-type]
        send(out, answer(outcome), outcome.events)


if __name__ == "__main__":
    main()
