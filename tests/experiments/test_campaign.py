"""Campaigns: the runs are those made one by one, however they are spread, stopped, killed or made longer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from moonfleet.agents.events import digest, read_events
from moonfleet.experiments import campaign_crew, campaign_run
from moonfleet.experiments.campaign import (
    CampaignInterrupted,
    CampaignResult,
    Spread,
    read_campaign,
    resume_campaign,
    run_campaign,
)
from moonfleet.experiments.campaign_plan import Job, make_plan
from moonfleet.experiments.campaign_results import FOLDER, Results, read_results, results_digest
from moonfleet.experiments.campaign_run import Outcome
from moonfleet.experiments.campaign_sweep import combinations, parse_sweep, variant
from moonfleet.experiments.campaign_watch import Progress, SilentCampaign
from moonfleet.experiments.errors import CampaignError, OptionError, ScenarioError
from moonfleet.experiments.run import run_scenario
from moonfleet.experiments.scenario import dump_scenario, load_scenario
from moonfleet.experiments.scenario_model import Scenario

ONE = Spread("local", workers=1)
RUNS = 4


def short() -> Scenario:
    changes = {"duration_days": 2 / 24, "perception": "statistical"}
    return load_scenario("first-light").model_copy(update=changes)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> CampaignResult:
    out = tmp_path_factory.mktemp("campaigns") / "whole"
    return run_campaign(short(), runs=RUNS, out=out, spread=ONE, keep_events="all")


class Impatient(SilentCampaign):
    """Presses Ctrl-C once so many runs are done, once or twice."""

    def __init__(self, after: int, times: int = 1) -> None:
        self.after, self.times = after, times

    def progress(self, now: Progress) -> None:
        if len(now.rows) >= self.after and self.times:
            self.times -= 1
            os.kill(os.getpid(), signal.SIGINT)


def test_the_runs_are_those_made_one_by_one(whole: CampaignResult, tmp_path: Path) -> None:
    rows = read_campaign(whole.folder).to_pylist()
    assert [(row["run"], row["seed"]) for row in rows] == [(k, k + 1) for k in range(RUNS)]
    for row in (rows[0], rows[2]):
        alone = run_scenario(short(), backend="local", seed=row["seed"], out=tmp_path / str(row["seed"])).summary
        for name in ("events_sha256", "value", "jobs_done", "driven_m", "archive_mbit", "losses", "n_events", "ended"):
            assert row[name] == alone[name], name
        robots = {robot.pop("robot"): robot for robot in row["robots"]}
        for robot in robots.values():
            robot |= {name: dict(robot[name]) for name in ("link_h", "activity_h")}
        assert robots == alone["robots"]
        jobs = [{name: job[name] for name in row["jobs"][0]} for job in alone["jobs"]]  # type: ignore[attr-defined]
        assert row["jobs"] == jobs


def test_kept_events_are_a_run_folder(whole: CampaignResult) -> None:
    for row in whole.table.to_pylist():
        folder = whole.folder / "runs" / f"{row['run']:06d}"
        assert digest(read_events(folder)) == row["events_sha256"]
        assert load_scenario(folder / "scenario.yaml").seed == row["seed"]


@pytest.mark.parametrize("times", [1, 2])
def test_stopped_and_gone_on_with_is_the_same_campaign(whole: CampaignResult, tmp_path: Path, times: int) -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(CampaignInterrupted) as stop:
        run_campaign(short(), runs=RUNS, out=tmp_path / "c", spread=ONE, watcher=Impatient(1, times))
    assert signal.getsignal(signal.SIGINT) is before
    assert stop.value.folder == tmp_path / "c"
    done = read_campaign(tmp_path / "c").num_rows
    assert done == 2 if times == 1 else done >= 1, "the run that was flying ends first, unless it is asked twice"
    result = resume_campaign(tmp_path / "c", spread=ONE)
    assert result.sha256 == whole.sha256
    assert results_digest(read_campaign(tmp_path / "c")) == whole.sha256
    again = run_campaign(short(), runs=RUNS, out=tmp_path / "c", spread=ONE)
    assert again.table.equals(result.table), "nothing is flown twice"


def test_worker_processes_in_any_order_and_a_longer_campaign(whole: CampaignResult, tmp_path: Path) -> None:
    first = run_campaign(short(), runs=2, out=tmp_path / "c", spread=ONE)
    longer = run_campaign(short(), runs=RUNS, out=tmp_path / "c", spread=Spread("local", workers=2))
    assert longer.table.slice(0, 2).equals(first.table)
    assert longer.sha256 == whole.sha256
    with pytest.raises(CampaignError, match="it can only be made longer"):
        resume_campaign(tmp_path / "c", runs=3)
    assert resume_campaign(tmp_path / "c", runs=RUNS + 1, spread=ONE).table.num_rows == RUNS + 1


def test_a_folder_with_another_campaign_is_left_alone(whole: CampaignResult, tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match=r"holds another campaign \(seed_from = 1, not 9\)"):
        run_campaign(short(), runs=RUNS, out=whole.folder, seed_from=9, spread=ONE)
    with pytest.raises(CampaignError, match="its scenario file or site has changed"):
        run_campaign(short().model_copy(update={"area_m": 1.0}), runs=RUNS, out=whole.folder, spread=ONE)
    (tmp_path / "full").mkdir()
    with pytest.raises(Exception, match="exists already"):
        run_campaign(short(), runs=1, out=tmp_path / "full", spread=ONE)
    with pytest.raises(CampaignError, match="no campaign there"):
        resume_campaign(tmp_path / "full", spread=ONE)


def test_nothing_is_left_of_a_campaign_that_never_began(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="smaller than the fleet's area"):
        run_campaign(short(), runs=1, sweep=["area_m=1500,50000"], out=tmp_path / "c", spread=ONE)
    with pytest.raises(CampaignError, match="--runs = 0"):
        run_campaign(short(), runs=0, out=tmp_path / "c", spread=ONE)
    with pytest.raises(OptionError, match="only goes with --backend ray"):
        run_campaign(short(), runs=1, out=tmp_path / "c", spread=Spread("local", labels=(("a", "b"),)))
    assert not (tmp_path / "c").exists()


def test_the_default_folder_is_the_same_for_the_same_campaign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(campaign_run, "_fly", refuse)
    monkeypatch.setattr(campaign_crew, "fly", campaign_run.fly)
    folders = {run_campaign(short(), runs=runs, spread=ONE).folder for runs in (1, 2)}
    folders |= {run_campaign(short(), runs=1, seed_from=5, spread=ONE).folder}
    assert len(folders) == 2
    assert all(str(folder).startswith("campaigns/first-light-") for folder in folders)


def refuse(job: Job, scenario: str, folder: Path, done: list[int]) -> dict[str, object]:
    done[0] = 7
    raise ScenarioError(f"seed {job.seed} is out of luck")


def test_failed_runs_are_kept_with_their_error_and_tried_again(
    whole: CampaignResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = campaign_run._fly

    def unlucky(job: Job, scenario: str, folder: Path, done: list[int]) -> dict[str, object]:
        return refuse(job, scenario, folder, done) if job.seed in (2, 3) else real(job, scenario, folder, done)

    monkeypatch.setattr(campaign_run, "_fly", unlucky)
    result = run_campaign(short(), runs=RUNS, out=tmp_path / "c", spread=ONE)
    assert result.table["seed"].to_pylist() == [1, 4]
    failed = [(one.job.seed, one.error_type, one.step) for one in result.failures]
    assert failed == [(2, "ScenarioError", 7), (3, "ScenarioError", 7)]
    told = json.loads((tmp_path / "c" / "failed" / "000001.json").read_text())
    assert told["message"] == "seed 2 is out of luck"
    assert "in refuse" in (tmp_path / "c" / "failed" / "000001.txt").read_text()
    assert "seed 2 is out of luck" in result.report.read_text()
    assert resume_campaign(tmp_path / "c", spread=ONE).failures == result.failures, "they are not tried unasked"
    again = resume_campaign(tmp_path / "c", spread=ONE, retry_failed=True)
    assert [one.attempts for one in again.failures] == [2, 2]
    monkeypatch.setattr(campaign_run, "_fly", real)
    mended = resume_campaign(tmp_path / "c", spread=ONE, retry_failed=True)
    assert (mended.sha256, mended.failures) == (whole.sha256, ())
    assert not list((tmp_path / "c" / "failed").iterdir())


def test_a_run_whose_process_keeps_dying_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = subprocess.PIPE

    def die() -> subprocess.Popen[bytes]:
        return subprocess.Popen(["sh", "-c", "read x; exit 3"], stdin=pipe, stdout=pipe)

    monkeypatch.setattr(campaign_crew, "start_worker", die)
    crew = campaign_crew.ProcessCrew(["a scenario"], "none", 2)
    try:
        crew.take(Job(0, 0, 1))
        crew.take(Job(1, 0, 2))
        ended: list[Outcome] = []
        while len(ended) < 2:
            ended += crew.wait(5.0)
    finally:
        crew.close()
    assert {one.error_type for one in ended} == {"WorkerDied"}
    assert "died 3 times in a row, the last time with exit code 3" in ended[0].message


def test_a_scenario_that_cannot_be_flown_is_a_failure_with_its_reason() -> None:
    outcome = campaign_run.fly(Job(0, 0, 1), "name: 5", "failed")
    assert (outcome.row, outcome.error_type, outcome.events) == (None, "ScenarioError", b"")
    assert "Traceback" in outcome.trace


def test_a_run_that_has_nowhere_to_write_is_a_failure_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    outcome = campaign_run.fly(Job(0, 0, 1), dump_scenario(short()), "failed")
    assert (outcome.row, outcome.error_type) == (None, "FileNotFoundError")
    assert "nowhere" in outcome.message


def test_damage_is_told_of(whole: CampaignResult, tmp_path: Path) -> None:
    rows = read_results(whole.folder, whole.plan).to_pylist()
    results = Results(tmp_path, whole.plan)
    results.pending = rows[:2]
    results.flush()
    results.pending = rows[1:]
    results.flush()
    with pytest.raises(CampaignError, match="run 1 stands in two parts"):
        read_results(tmp_path, whole.plan)
    part = tmp_path / FOLDER / "part-000001.parquet"
    part.write_bytes(part.read_bytes()[:-20])
    with pytest.raises(CampaignError, match=r"part-000001\.parquet: not a readable part"):
        Results(tmp_path, whole.plan)
    part.unlink()
    assert Results(tmp_path, whole.plan).finished == {0, 1}
    (tmp_path / "campaign.json").write_text('{"format": 1}')
    with pytest.raises(CampaignError, match="damaged"):
        read_campaign(tmp_path)
    (tmp_path / "campaign.json").write_text('{"format": 2}')
    with pytest.raises(CampaignError, match="format 2"):
        read_campaign(tmp_path)


def test_a_new_part_never_takes_the_name_of_one_that_is_there(whole: CampaignResult, tmp_path: Path) -> None:
    rows = read_results(whole.folder, whole.plan).to_pylist()
    results = Results(tmp_path, whole.plan)
    for row in rows[:3]:
        results.pending = [row]
        results.flush()
    (tmp_path / FOLDER / "part-000001.parquet").unlink()  # damaged, and taken away as the message advises
    again = Results(tmp_path, whole.plan)
    again.pending = [rows[1]]
    again.flush()
    assert read_results(tmp_path, whole.plan).to_pylist() == rows[:3]


def test_a_campaign_of_another_version_is_not_mixed_with_this_one(whole: CampaignResult, tmp_path: Path) -> None:
    from moonfleet.experiments.campaign_plan import write_plan

    write_plan(tmp_path, replace(whole.plan, moonfleet="0.0.1"))
    with pytest.raises(CampaignError, match=r"begun with moonfleet 0\.0\.1"):
        resume_campaign(tmp_path, spread=ONE)


def test_sweeps_become_columns_and_meet_the_same_seeds(tmp_path: Path) -> None:
    sweep = ["fleet.driller.overrides.battery_wh=900,3000", "relay=queqiao2,gateway"]
    result = run_campaign(short(), runs=1, seed_from=5, sweep=sweep, out=tmp_path / "c", spread=ONE)
    rows = result.table.to_pylist()
    assert [row["seed"] for row in rows] == [5] * 4
    assert [(row["sweep.fleet.driller.overrides.battery_wh"], row["sweep.relay"]) for row in rows] == [
        (900, "queqiao2"), (900, "gateway"), (3000, "queqiao2"), (3000, "gateway"),
    ]  # fmt: skip
    assert len({row["events_sha256"] for row in rows}) == 4
    longer = resume_campaign(tmp_path / "c", runs=2, spread=ONE)
    assert longer.table["seed"].to_pylist() == [5] * 4 + [6] * 4
    assert longer.table.slice(0, 4).equals(result.table)
    assert "battery_wh=900, relay=gateway" in longer.report.read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["duration_days"], "must be KEY=VALUE"),
        (["duration_days="], "must be KEY=VALUE"),
        (["duration_days=1,1"], "has a value twice"),
        (["duration_days=1", "duration_days=2"], "given twice"),
        (["duration_days=[1,2]"], "must be a number, a word, true or false"),
        (["duration_days=1,{"], "cannot be read"),
    ],
)
def test_sweeps_that_mean_nothing_are_refused(words: list[str], message: str) -> None:
    with pytest.raises(CampaignError, match=message):
        parse_sweep(words)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("seed", "cannot be swept"),
        ("fleet[9].overrides.mass_kg", "the list has 3 entries"),
        ("fleet.drillr.overrides.mass_kg", "Did you mean 'driller'"),
        ("sitte.name", "Did you mean 'site'"),
        ("duration_days.x", "has no keys of its own"),
        ("a..b", "is no path"),
        ("places.landr.max_m", "Did you mean 'lander'"),
    ],
)
def test_a_key_that_leads_nowhere_is_refused(key: str, message: str) -> None:
    with pytest.raises(CampaignError, match=message):
        variant(short(), [key], [1])


def test_a_value_that_the_scenario_refuses_is_named() -> None:
    with pytest.raises(ScenarioError, match=r"fleet\[2\].overrides.battery_wh = -5: must be > 0"):
        variant(short(), ["fleet.driller.overrides.battery_wh"], [-5])
    with pytest.raises(ScenarioError, match=r"duration_dayz: unknown key.*Did you mean 'duration_days'"):
        variant(short(), ["duration_dayz"], [5])
    with pytest.raises(CampaignError, match="combinations: must be at most"):
        combinations((("a", tuple(range(200))), ("b", tuple(range(200)))))


def test_a_sweep_finds_the_files_beside_the_scenario(tmp_path: Path) -> None:
    corner = ((1.0, 1.0), (2.0, 1.0), (2.0, 2.0), (1.0, 1.0))
    feature = {
        "type": "Feature",
        "properties": {"zone": "keep-out"},
        "geometry": {"type": "Polygon", "coordinates": [corner]},
    }
    (tmp_path / "zones.json").write_text(json.dumps(feature), encoding="utf-8")
    text = dump_scenario(short()) + "zones:\n  - {geojson: zones.json}\n"
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    scenario = load_scenario(tmp_path / "mine.yaml")
    assert variant(scenario, ["duration_days"], [0.5]).source.folder == tmp_path


def test_a_whole_number_beyond_64_bits_is_a_column_too(whole: CampaignResult, tmp_path: Path) -> None:
    sweep = parse_sweep([f"area_m=1,{10**20}"])
    told = {"robots": {}, "counts": {}}
    results = Results(tmp_path, replace(whole.plan, sweep=sweep))
    results.add(Outcome(Job(1, 1, 1), told, 0.0, 0.0))  # type: ignore[arg-type]
    results.flush()
    assert read_results(tmp_path, results.plan)["sweep.area_m"].to_pylist() == [1e20]


def test_values_keep_their_kind() -> None:
    sweep = parse_sweep(
        ["a=1,2", "b=1,2.5", "c=x,1", "d=true,false", "start_utc=2029-07-06T00:00:00,2030-01-01T00:00:00"]
    )
    plan = make_plan(short(), 1, 1, sweep, "none", None)
    from moonfleet.experiments.campaign_results import schema

    types = [schema(plan).field(f"sweep.{key}").type for key in plan.keys]
    assert types == [pa.int64(), pa.float64(), pa.string(), pa.bool_(), pa.string()]
    assert plan.sweep[4][1][0] == "2029-07-06T00:00:00"


DRIVER = """
import sys
from pathlib import Path
from moonfleet.experiments.campaign import Spread, run_campaign
from moonfleet.experiments.scenario import load_scenario
run_campaign(load_scenario(sys.argv[1]), runs=int(sys.argv[2]), out=sys.argv[3], spread=Spread("local", workers=2))
"""


@pytest.mark.slow
def test_a_killed_campaign_loses_no_run_that_was_written(whole: CampaignResult, tmp_path: Path) -> None:
    """SIGKILL of the driver, and of a worker under it; the workers of a dead driver go too."""
    psutil = pytest.importorskip("psutil")
    (tmp_path / "short.yaml").write_text(dump_scenario(short()))
    command = [sys.executable, "-c", DRIVER, str(tmp_path / "short.yaml"), str(RUNS), str(tmp_path / "c")]
    with subprocess.Popen(command) as driver:
        workers = []
        while not list((tmp_path / "c" / FOLDER).glob("part-*.parquet")):
            assert driver.poll() is None
            if not workers and len(found := psutil.Process(driver.pid).children()) == 2:
                workers = found
                workers[0].kill()
            time.sleep(0.05)
        driver.kill()
    psutil.wait_procs(workers, timeout=30)
    assert not any(worker.is_running() for worker in workers)
    kept = read_campaign(tmp_path / "c")
    assert kept.num_rows >= 1
    result = resume_campaign(tmp_path / "c", spread=ONE)
    assert result.sha256 == whole.sha256
    for row in kept.to_pylist():
        assert result.table.slice(row["run"], 1).to_pylist() == [row], "it was not flown again"


@pytest.mark.ray
def test_ray_gives_the_same_campaign(whole: CampaignResult, tmp_path: Path, ray_cluster: None) -> None:
    with pytest.raises(CampaignInterrupted):
        run_campaign(short(), runs=RUNS, out=tmp_path / "c", spread=Spread("ray"), watcher=Impatient(1))
    result = run_campaign(short(), runs=RUNS, out=tmp_path / "c", spread=Spread("ray"))
    assert result.sha256 == whole.sha256


@pytest.mark.ray
def test_a_label_that_no_node_carries_is_told_of(tmp_path: Path, ray_cluster: None) -> None:
    from moonfleet.agents.errors import ClusterError

    with pytest.raises(ClusterError, match="--label zone=moon: no node of the cluster carries it"):
        run_campaign(short(), runs=1, out=tmp_path / "c", spread=Spread("ray", labels=(("zone", "moon"),)))


@pytest.mark.slow
@pytest.mark.ray
def test_labels_are_kept_to_and_a_run_whose_process_is_killed_is_made_again(tmp_path: Path) -> None:
    """Two nodes, one with a label, in a program of its own: a process knows one cluster."""
    pytest.importorskip("psutil")
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", "tests.ray_two_nodes", str(tmp_path)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout[done.stdout.index('{"actors') :])
    alone = run_campaign(short(), runs=3, out=tmp_path / "alone", spread=ONE)
    run = alone.table["events_sha256"][0].as_py()
    assert told == {"actors_at_home": True, "run": run, "campaign": alone.sha256, "killed": 1, "failed": 0}
