"""Who flies the runs of a campaign: this process, worker processes of this machine, or Ray tasks; one interface."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from moonfleet.terrain.threads import cores

from .campaign_plan import Job, KeepEvents
from .campaign_run import Outcome, fly
from .campaign_worker import receive, send

TRIES = 3  # times a run is given out whose process died under it
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
STOP_S = 5.0  # a worker that is told to go has so long


class Crew(Protocol):
    """Takes runs and gives back what became of them, in any order."""

    @property
    def room(self) -> int:
        """How many runs it takes at once."""
        ...

    def take(self, job: Job) -> None:
        """Take a run."""
        ...

    def wait(self, seconds: float) -> list[Outcome]:
        """Return the runs that ended, waiting for the first for at most so long."""
        ...


class OneCrew:
    """The campaign's own process, one run after the other."""

    room = 1

    def __init__(self, scenarios: Sequence[str], keep: KeepEvents) -> None:
        self.scenarios = scenarios
        self.keep: KeepEvents = keep
        self.jobs: list[Job] = []

    def take(self, job: Job) -> None:
        """See `Crew.take`."""
        self.jobs.append(job)

    def wait(self, seconds: float) -> list[Outcome]:
        """See `Crew.wait`; flies one run, whatever it takes."""
        job = self.jobs.pop(0)
        return [fly(job, self.scenarios[job.variant], self.keep)]


class ProcessCrew:
    """Worker processes of this machine, each kept to one core. One that dies takes no other run with it."""

    def __init__(self, scenarios: Sequence[str], keep: KeepEvents, workers: int) -> None:
        self.scenarios, self.keep, self.room = scenarios, keep, workers
        self.jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self.ended: queue.SimpleQueue[Outcome | BaseException] = queue.SimpleQueue()
        self.processes: dict[int, subprocess.Popen[bytes]] = {}
        self.closing = False
        self.threads = [threading.Thread(target=self._serve, args=(n,), daemon=True) for n in range(workers)]
        for thread in self.threads:
            thread.start()

    def take(self, job: Job) -> None:
        """See `Crew.take`."""
        self.jobs.put(job)

    def wait(self, seconds: float) -> list[Outcome]:
        """See `Crew.wait`."""
        found: list[Outcome] = []
        try:
            one = self.ended.get(timeout=seconds)
            while True:
                if isinstance(one, BaseException):
                    raise one
                found.append(one)
                one = self.ended.get_nowait()
        except queue.Empty:
            return found

    def _serve(self, number: int) -> None:
        """Feed one worker process, made anew when it dies."""
        while (job := self.jobs.get()) is not None:
            try:
                self.ended.put(self._fly(number, job))
            except BaseException as error:
                if not self.closing:
                    self.ended.put(error)
                return

    def _fly(self, number: int, job: Job) -> Outcome:
        began, code = time.perf_counter(), None
        for _ in range(TRIES):
            process = self.processes.get(number)
            if process is None:
                process = self.processes[number] = start_worker()
            try:
                send(process.stdin, {"job": list(job), "scenario": self.scenarios[job.variant], "keep": self.keep})
                return receive(process.stdout)
            except (OSError, EOFError):
                code = process.wait()
                del self.processes[number]
                if self.closing:
                    raise
        words = f"its process died {TRIES} times in a row, the last time with exit code {code}"
        return Outcome(job, None, time.perf_counter() - began, 0.0, "WorkerDied", words)

    def close(self) -> None:
        """Send the workers away; those in the middle of a run are stopped."""
        self.closing = True
        for _ in self.threads:
            self.jobs.put(None)
        for process in list(self.processes.values()):
            process.kill()
            process.wait()
        for thread in self.threads:
            thread.join(STOP_S)


def start_worker() -> subprocess.Popen[bytes]:
    """Start a worker process in a session of its own, so that Ctrl-C is the campaign's to answer."""
    command = [sys.executable, "-m", "moonfleet.experiments.campaign_worker"]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, start_new_session=True, env=os.environ | ONE_THREAD)


class RayCrew:
    """Ray tasks over a cluster, one core each. A task whose process or node dies is given out again by Ray."""

    def __init__(
        self, scenarios: Sequence[str], keep: KeepEvents, workers: int | None, labels: Mapping[str, str]
    ) -> None:
        import ray

        from moonfleet.agents.cluster import check_labels

        self.ray, self.workers = ray, workers
        self.keep: KeepEvents = keep
        check_labels(labels)
        options: dict[str, Any] = {
            "num_cpus": 1,
            "max_retries": TRIES - 1,
            **({"label_selector": dict(labels)} if labels else {}),
        }
        self.labels = labels
        self.remote = ray.remote(fly_on_ray).options(**options)  # pyright: ignore
        self.scenarios = [ray.put(text) for text in scenarios]
        self.flying: dict[Any, Job] = {}
        self.seen = time.monotonic()
        self.began: dict[Any, float] = {}

    @property
    def room(self) -> int:
        """Cores of the nodes alive now, or as many as were asked for."""
        from moonfleet.agents.cluster import cores_of

        return self.workers or max(1, cores_of(self.labels))

    def take(self, job: Job) -> None:
        """See `Crew.take`."""
        reference = self.remote.remote(job, self.scenarios[job.variant], self.keep)
        self.flying[reference] = job
        self.began[reference] = time.perf_counter()

    def wait(self, seconds: float) -> list[Outcome]:
        """See `Crew.wait`. Raises `ClusterError` when no node is left to fly."""
        from moonfleet.agents.ray_fleet import WATCH_S, check_nodes

        ready, _ = self.ray.wait(list(self.flying), num_returns=len(self.flying), timeout=0)
        if not ready:
            ready, _ = self.ray.wait(list(self.flying), num_returns=1, timeout=seconds)
        if ready:
            self.seen = time.monotonic()
        elif time.monotonic() - self.seen > WATCH_S:
            self.seen = time.monotonic()
            check_nodes()
        return [self._outcome(reference) for reference in ready]

    def _outcome(self, reference: Any) -> Outcome:
        from ray.exceptions import RayError

        job, began = self.flying.pop(reference), self.began.pop(reference)
        try:
            return self.ray.get(reference)
        except RayError as error:
            words = " ".join(str(error).split())
            return Outcome(job, None, time.perf_counter() - began, 0.0, type(error).__name__, words[:2000])

    def close(self) -> None:
        """Stop the tasks that are still flying: a cluster that was joined goes on without us."""
        for reference in self.flying:
            self.ray.cancel(reference, force=True)


def fly_on_ray(job: Job, scenario: str, keep: KeepEvents) -> Outcome:
    """`fly`, as a Ray task."""
    from .campaign_run import one_thread

    one_thread()
    return fly(job, scenario, keep)


@contextmanager
def crew_of(
    backend: str,
    scenarios: Sequence[str],
    keep: KeepEvents,
    *,
    workers: int | None,
    address: str | None,
    labels: Mapping[str, str],
) -> Iterator[Crew]:
    """Make the crew of a campaign, and send it home at the end."""
    if backend == "ray":
        from moonfleet.agents.cluster import cluster

        with cluster(address):
            crew = RayCrew(scenarios, keep, workers, labels)
            try:
                yield crew
            finally:
                crew.close()
        return
    count = workers or cores()
    if count == 1:
        yield OneCrew(scenarios, keep)
        return
    pool = ProcessCrew(scenarios, keep, count)
    try:
        yield pool
    finally:
        pool.close()
