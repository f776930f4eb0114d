"""The report of a campaign: one HTML file that needs no network, computed from its dataset and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

import pyarrow as pa

from .bench.share_interval import wilson
from .campaign_figures import FIGURES, Row, by_variant, estimate, shown
from .campaign_pictures import forest, histogram, number, share_bar
from .campaign_plan import CampaignPlan, scenario_path
from .campaign_results import NESTED, Failure, failure_path, kept_run
from .errors import CampaignError
from .page import part, write_page
from .report_svg import robot_colour

REPORT = "report.html"
MOST_ROWS = 400
EXTREMES = 5  # runs named at either end
MOST_LABELS = 40  # combinations that a picture can hold
STYLE = (
    "<style>.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 0 18px; } "
    "@media (max-width: 860px) { .pair { grid-template-columns: 1fr; } }</style>"
)


def write_campaign_report(
    folder: Path, plan: CampaignPlan, table: pa.Table, failures: Sequence[Failure], sha256: str
) -> Path:
    """Write ``report.html`` into a campaign's folder and return its path.

    Raises
    ------
    CampaignError
        It cannot be written.
    """
    rows: Sequence[Row] = table.drop_columns(list(NESTED)).to_pylist()
    parts = (
        header(plan, rows, failures),
        cards(rows),
        combinations_table(plan, rows),
        pictures(plan, rows),
        jobs_section(table),
        robots_section(table),
        extremes(folder, plan, rows),
        failures_section(folder, failures),
        provenance(folder, plan, rows, sha256),
    )
    page = "\n".join(
        (
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(plan.scenario)}: {len(rows)} runs · moonfleet</title>",
            part("page_style.html"),
            STYLE,
            "</head><body><main>",
            *parts,
            "<footer>Made by moonfleet. This page is complete in itself and needs no network.</footer></main></body></html>",
        )
    )
    path = folder / REPORT
    try:
        return write_page(path, page)
    except OSError as error:
        raise CampaignError(f"{path}: cannot be written: {error.strerror}") from error


def header(plan: CampaignPlan, rows: Sequence[Row], failures: Sequence[Failure]) -> str:
    """Return title and what was flown."""
    left = plan.total - len(rows) - len(failures)
    state = f' <span class="badge warm">{left} runs to go</span>' if left else ""
    seeds = f"seeds {plan.seed_from} to {plan.seed_from + plan.runs - 1}"
    over = f" of each of {len(plan.combinations)} combinations" if plan.sweep else ""
    failed = f", {len(failures)} failed" if failures else ""
    swept = "; ".join(f"{key} = {', '.join(map(str, values))}" for key, values in plan.sweep)
    return (
        f"<header><h1>{escape(plan.scenario)}: {len(rows)} runs{state}</h1>"
        f'<p class="lead">{plan.runs} runs{over}, {seeds}{failed}. {escape(swept)}</p></header>'
    )


def cards(rows: Sequence[Row]) -> str:
    """Return the headlines of all runs together."""
    items = [(shown(figure, estimate(figure, rows)), figure.title) for figure in FIGURES]
    body = "".join(
        f'<div class="card"><b><small>{escape(v)}</small></b><span>{escape(t)}</span></div>' for v, t in items
    )
    return f'<div class="cards">{body}</div>'


def combinations_table(plan: CampaignPlan, rows: Sequence[Row]) -> str:
    """Return the headlines of each combination; nothing without a sweep."""
    if not plan.sweep:
        return ""
    head = "".join(f'<th class="n">{escape(figure.title)}</th>' for figure in FIGURES)
    body = ""
    for label, group in list(zip(labels(plan), by_variant(rows, len(plan.combinations)), strict=True))[:MOST_ROWS]:
        cells = "".join(f'<td class="n">{escape(shown(figure, estimate(figure, group)))}</td>' for figure in FIGURES)
        body += f'<tr><td>{escape(label)}</td><td class="n">{len(group)}</td>{cells}</tr>'
    return (
        '<section><h2>Combinations<span class="note">means and shares with 95 % intervals; each met the same seeds</span>'
        f'</h2><div class="scroll"><table><tr><th>combination</th><th class="n">runs</th>{head}</tr>{body}</table></div></section>'
    )


def labels(plan: CampaignPlan) -> list[str]:
    """Return the names of the combinations."""
    return [plan.label(number) for number in range(len(plan.combinations))]


def pictures(plan: CampaignPlan, rows: Sequence[Row]) -> str:
    """Return the pictures: how figures are spread over the runs, or how combinations compare."""
    if not rows:
        return ""
    if not plan.sweep:
        drawn = [histogram(figure, rows) for figure in FIGURES if not figure.share]
        note = "bars: runs · line: share of runs up to a value · dot: mean and its 95 % interval"
    else:
        groups = by_variant(rows, len(plan.combinations))[:MOST_LABELS]
        drawn = [forest(figure, labels(plan)[:MOST_LABELS], groups) for figure in FIGURES]
        note = "dots: runs · in front: mean and its 95 % interval"
        if len(plan.combinations) > MOST_LABELS:
            note += f" · the first {MOST_LABELS} combinations"
    return f'<p class="keys">{note}</p><div class="pair">{"".join(drawn)}</div>'


def each(table: pa.Table, column: str) -> Iterator[Row]:
    """Yield the entries of a column of lists, run by run, without holding all runs at once."""
    for batch in table.select([column]).to_batches(max_chunksize=256):
        for row in batch.to_pylist():
            yield from row[column] or ()


def jobs_section(table: pa.Table) -> str:
    """Return in how many runs each job was done, and when."""
    done: Counter[str] = Counter()
    hours: dict[str, list[float]] = {}
    for job in each(table, "jobs"):
        hours.setdefault(job["job"], [])
        if job["state"] == "done":
            done[job["job"]] += 1
            hours[job["job"]].append(job["ended_s"] / 3600.0)
    if not hours:
        return ""
    body = ""
    for job in sorted(hours):
        share, (low, high) = done[job] / table.num_rows, wilson(done[job], table.num_rows)
        when = sorted(hours[job])
        middle = f"{when[len(when) // 2] / 24:.1f} d" if when else "–"
        body += (
            f"<tr><td>{escape(job)}</td><td>{share_bar(share, low, high)}</td>"
            f'<td class="n">{share:.0%} ({100 * low:.0f}-{100 * high:.0f})</td><td class="n">{middle}</td></tr>'
        )
    head = '<tr><th>job</th><th></th><th class="n">done in</th><th class="n">done after (median)</th></tr>'
    given, most = len(hours), max(table["jobs_total"].to_pylist(), default=0)
    left = f'<span class="note">{most - given} more were given to nobody in any run</span>' if most > given else ""
    return f'<section><h2>Jobs{left}</h2><div class="scroll"><table>{head}{body}</table></div></section>'


def robots_section(table: pa.Table) -> str:
    """Return how each robot fared over all runs."""
    names = ("lost", "odometer_m", "min_battery_frac", "min_temp_k", "longest_dark_h", "jobs_done", "contacts")
    lives: dict[str, list[Row]] = {}
    for robot in each(table, "robots"):
        lives.setdefault(robot["robot"], []).append({name: robot[name] for name in names})
    body = ""
    for index, (name, life) in enumerate(lives.items()):
        lost = sum(robot["lost"] is not None for robot in life)
        low, high = wilson(lost, len(life))
        charge = [robot["min_battery_frac"] for robot in life if robot["min_battery_frac"] is not None]
        cold = [robot["min_temp_k"] for robot in life if robot["min_temp_k"] is not None]
        cells = (
            f"{lost / len(life):.0%} ({100 * low:.0f}-{100 * high:.0f})",
            f"{sum(robot['odometer_m'] for robot in life) / len(life) / 1000:.2f} km",
            f"{min(charge):.0%}" if charge else "–",
            f"{min(cold):.0f} K" if cold else "–",
            f"{max(robot['longest_dark_h'] or 0.0 for robot in life):.0f} h",
            f"{sum(robot['jobs_done'] for robot in life) / len(life):.2f}",
            f"{sum(robot['contacts'] for robot in life) / len(life):.2f}",
        )
        dot = f'<i class="dot" style="background:{robot_colour(index)}"></i>'
        body += f"<tr><td>{dot}{escape(name)}</td>" + "".join(f'<td class="n">{cell}</td>' for cell in cells) + "</tr>"
    heads = ("lost in", "driven (mean)", "lowest charge", "coldest", "longest dark", "jobs (mean)", "rocks hit (mean)")
    head = "<tr><th>robot</th>" + "".join(f'<th class="n">{one}</th>' for one in heads) + "</tr>"
    return f"<section><h2>Robots</h2><table>{head}{body}</table></section>" if body else ""


def extremes(folder: Path, plan: CampaignPlan, rows: Sequence[Row]) -> str:
    """Return the runs that earned least and most, and how to fly each alone."""
    order = sorted(rows, key=lambda row: (row["value"], row["run"]))
    chosen = order if len(order) <= 2 * EXTREMES else [*order[:EXTREMES], *order[-EXTREMES:]]
    body = ""
    for row in chosen:
        alone = f"moonfleet run {scenario_path(folder, row['variant'])} --seed {row['seed']}"
        kept = kept_run(folder, row["run"])
        again = f"moonfleet report {kept}" if kept.is_dir() else alone
        name = f" · {plan.label(row['variant'])}" if plan.sweep else ""
        body += (
            f"<tr><td>{row['run']}{escape(name)}</td><td class='n'>{number(row['value'])}</td>"
            f"<td class='n'>{row['jobs_done']} of {row['jobs_total']}</td><td class='n'>{row['losses']}</td>"
            f"<td><code>{escape(again)}</code></td></tr>"
        )
    head = "<tr><th>run</th><th class='n'>value</th><th class='n'>jobs</th><th class='n'>lost</th><th>alone</th></tr>"
    return f"<section><h2>Least and most value</h2><table>{head}{body}</table></section>" if body else ""


def failures_section(folder: Path, failures: Sequence[Failure]) -> str:
    """Return the runs that failed."""
    if not failures:
        return ""
    body = "".join(
        f"<tr><td>{one.job.run}</td><td class='n'>{one.job.seed}</td><td><span class='badge bad'>{escape(one.error_type)}</span></td>"
        f"<td>{escape(one.message[:300])}</td><td class='n'>{one.step}</td>"
        f"<td><code>{escape(str(failure_path(folder, one.job.run).with_suffix('.txt')))}</code></td></tr>"
        for one in failures[:MOST_ROWS]
    )
    head = "<tr><th>run</th><th class='n'>seed</th><th>error</th><th></th><th class='n'>after step</th><th>traceback</th></tr>"
    note = '<span class="note">--retry-failed gives them another try</span>'
    return f"<section><h2>Failed runs{note}</h2><div class='scroll'><table>{head}{body}</table></div></section>"


def provenance(folder: Path, plan: CampaignPlan, rows: Sequence[Row], sha256: str) -> str:
    """Return what made this campaign and how to go on with it."""
    items = {
        "scenario": escape(plan.scenario),
        "run by": f"moonfleet {escape(plan.moonfleet)}",
        "campaign key": f"<code>{escape(plan.key)}</code>",
        "SHA-256 of the results": f"<code>{escape(sha256)}</code> (sorted by run, without wall times)",
        "processor time": f"{sum(row['cpu_s'] or 0.0 for row in rows) / 3600:.2f} h in all",
        "go on": f"<code>{escape(f'moonfleet campaign {folder} --resume')}</code>, longer with <code>--runs</code>",
    }
    body = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in items.items())
    return f'<section id="provenance"><h2>Where this comes from</h2><dl>{body}</dl></section>'
