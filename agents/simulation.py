"""A simulation: one mission run to its end in a run folder, on this process or on Ray, stopped and resumed at will."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from moonfleet.autonomy.policy import Policy
from moonfleet.terrain.clock import tdb_to_utc
from moonfleet.terrain.errors import did_you_mean

from . import checkpoint, events
from .cluster import check_labels, cluster
from .errors import CheckpointError, MissionError
from .events import EventLog
from .fleet import Fleet, LocalFleet
from .mission import MissionSpec, mission_key
from .mission_loop import MissionLoop

Backend = Literal["local", "ray"]


class StepInfo(NamedTuple):
    """Progress after a decision step."""

    step: int
    steps: int
    t_s: int
    utc: str
    lit: float  # share of the robots on the ground that stand in sunlight
    jobs_done: int
    jobs_total: int
    n_events: int
    lost: int


class Simulation:
    """Runs ``mission`` in ``run_dir``. Make a new one, or continue with ``resume=True`` from the newest whole checkpoint.

    ``policies`` (robot's name -> policy) take the place of the rule-based one, on either backend. A policy must answer by the
    observation alone: what it keeps in itself is not in a checkpoint. ``labels`` are those of the cluster's nodes on which
    alone actors may live. ``keep_checkpoints`` is how many of the newest stay, None for all. ``notes`` tells, after a
    resume, of damaged checkpoints that were passed over.
    """

    def __init__(
        self,
        mission: MissionSpec,
        run_dir: Path,
        backend: Backend = "ray",
        address: str | None = None,
        policies: Mapping[str, Policy] | None = None,
        labels: Mapping[str, str] | None = None,
        keep_checkpoints: int | None = checkpoint.KEPT,
    ) -> None:
        if backend not in ("local", "ray"):
            raise MissionError(f"backend = {backend!r}: must be 'local' or 'ray'")
        if address is not None and backend != "ray":
            raise MissionError(f"--address {address!r}: only goes with --backend ray")
        if labels and backend != "ray":
            raise MissionError(f"labels = {dict(labels)!r}: only go with the backend 'ray'")
        if keep_checkpoints is not None and keep_checkpoints < 1:
            raise MissionError(f"keep_checkpoints = {keep_checkpoints}: must be >= 1, or None for all")
        self.labels, self.keep_checkpoints = dict(labels or {}), keep_checkpoints
        self.mission, self.run_dir, self.backend, self.address = mission, Path(run_dir), backend, address
        self.policies = by_index(mission, policies or {})
        self.notes: list[str] = []

    @contextmanager
    def fleet(self) -> Iterator[Fleet]:
        """The minds, on the chosen backend, for as long as the context is open."""
        if self.backend == "local":
            yield LocalFleet(self.mission, self.policies)
            return
        with cluster(self.address):
            from .ray_fleet import RayFleet

            check_labels(self.labels)
            fleet = RayFleet(self.mission, self.policies, **({"labels": self.labels} if self.labels else {}))
            try:
                yield fleet
            finally:
                fleet.close()

    def run(self, on_step: Callable[[StepInfo], None] | None = None, *, resume: bool = False) -> MissionLoop:
        """Run to the end, calling ``on_step`` after every decision step.

        An exception that ``on_step`` raises (Ctrl-C too) stops the run after a checkpoint has been written.

        Raises
        ------
        CheckpointError
            ``resume`` and nothing to resume from.
        """
        with self.fleet() as fleet:
            log = EventLog(self.run_dir / events.FOLDER)
            loop = MissionLoop(self.mission, fleet, log)
            saved_at = self.take_up(loop, log) if resume else 0
            between = True  # the loop stands between two steps: its state is whole
            try:
                while not loop.finished:
                    between = False
                    loop.step()
                    between = True
                    if loop.finished or loop.steps_done % self.mission.checkpoint_every == 0:
                        self.save(loop)
                        saved_at = loop.steps_done
                    if on_step is not None:
                        on_step(self.info(loop))
            except BaseException:
                if between and loop.steps_done > saved_at:
                    self.save(loop)
                raise
        return loop

    def save(self, loop: MissionLoop) -> None:
        """Write the events so far, then a checkpoint that counts them."""
        loop.log.flush()
        checkpoint.save(
            self.run_dir,
            checkpoint.Checkpoint(
                loop.steps_done,
                loop.log.count,
                loop.get_state(),  # pyright: ignore[reportArgumentType]
                mission_key(self.mission),
            ),
            self.keep_checkpoints,
        )

    def take_up(self, loop: MissionLoop, log: EventLog) -> int:
        """Continue from the newest whole checkpoint; returns its step. A run killed before its first starts afresh."""
        saved, self.notes = checkpoint.newest(self.run_dir)
        if saved is None:
            if self.notes:
                raise CheckpointError(f"{self.run_dir}: no whole checkpoint is left:\n" + "\n".join(self.notes))
            log.rewind(0)
            return 0
        if saved.mission != mission_key(self.mission):
            raise CheckpointError(
                f"{self.run_dir}: this run was begun with another mission; its scenario has been changed since. Change it "
                "back, or start a new run (only robots_per_actor and checkpoint_every_steps may change)"
            )
        try:
            loop.set_state(saved.state)  # pyright: ignore[reportArgumentType]
        except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
            raise CheckpointError(
                f"{self.run_dir}: the checkpoint of step {saved.step} does not fit this mission or this version of "
                f"moonfleet ({type(error).__name__}: {error})"
            ) from error
        log.rewind(saved.events)
        return saved.step

    def info(self, loop: MissionLoop) -> StepInfo:
        """Progress now."""
        ground = [index for index, spec in enumerate(self.mission.specs) if spec.role != "orbiter"]
        lit = float((loop.world.state.lit[0, ground] > 0.5).mean()) if ground else 0.0
        return StepInfo(
            step=loop.steps_done,
            steps=self.mission.steps,
            t_s=loop.t_s,
            utc=tdb_to_utc(self.mission.t0 + loop.t_s),
            lit=lit,
            jobs_done=int(loop.ops.done.sum()),
            jobs_total=len(self.mission.jobs),
            n_events=loop.log.count,
            lost=int(loop.ops.lost.sum()),
        )


def by_index(mission: MissionSpec, policies: Mapping[str, Policy]) -> dict[int, Policy]:
    """Policies by the robots' index in the fleet; `MissionError` for a name that is not in it, or what cannot act."""
    names = [member.name for member in mission.fleet]
    for name, policy in policies.items():
        if name not in names:
            raise MissionError(
                f"policies[{name!r}]: no robot of the fleet has this name.{did_you_mean(str(name), names)}"
            )
        if not isinstance(policy, Policy):
            raise MissionError(f"policies[{name!r}] = {policy!r}: has no method act(observation)")
    return {names.index(name): policy for name, policy in policies.items()}
