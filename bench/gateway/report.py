"""The figures of a run as Markdown: medians over rounds, ratios to the provider alone, and what they are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.figures import Row, grouped, median_row, ratio
from bench.gateway.targets import EDGE_PARTS, HELICONE_PARTS, OWN_PARTS
from bench.markdown import table
from bench.results import of_kind

BASE = "direct"
_MACHINE = ("machine", "stolen")


def report(rows: Sequence[Row]) -> str:
    """Return the whole report of a run; parts of which there are no rows are left out."""
    compared = summary(of_kind(rows, "comparison"))
    sections = [_header(of_kind(rows, "machine"))]
    if compared:
        sections += [_comparison(compared), _parts(compared), _memory(compared)]
    sections += [_steps(of_kind(rows, "step")), _endurance(of_kind(rows, "endurance"))]
    sections += [_recorder(of_kind(rows, "recorder"))]
    return "\n\n".join(section for section in sections if section) + "\n"


def summary(rows: Iterable[Row]) -> list[Row]:
    """Return one row for each case and target: medians over the rounds, sums of what was sent, failed and recorded."""
    merged = []
    for group in grouped(rows, "case", "target").values():
        row = median_row(group)
        for name in ("sent", "failed", "recorded", "rows"):
            if name in row:
                row[name] = sum(one[name] for one in group)
        merged.append({**row, "rounds": len(group)})
    return merged


def own_processor_us(row: Row, parts: Sequence[str], until: str = "processor_us") -> float:
    """Return what the named parts spent on one request of a row, in microseconds."""
    spent = row.get(until) or row["processor_us"]
    return float(sum(spent.get(part, 0.0) for part in parts))


def _header(machines: Sequence[Row]) -> str:
    if not machines:
        return ""
    one = machines[0]
    return (
        f"{one['date']}; {one['processors']} processors ({one['model']}), {one['memory_gb']} GB, Linux {one['kernel']};"
        f" commit {one.get('commit', '')}; LiteLLM {one.get('litellm', 'not run')}. jawn, with all of Helicone behind"
        " it, is a STAND-IN. Everything, the load included, runs on this one machine."
    )


def _comparison(rows: Sequence[Row]) -> str:
    lines = []
    for (case,), group in grouped(rows, "case").items():
        base = next((row for row in group if row["target"] == BASE), None)
        for row in group:
            added = f"{row['median_ms'] - base['median_ms']:+.2f}" if base else ""
            times = f"{ratio(row['median_ms'], base['median_ms']):.1f}" if base else ""
            share = f"{ratio(row['throughput'], base['throughput']):.2f}" if base else ""
            found = f"{row['recorded']:,} of {row['sent']:,}" if "recorded" in row else "-"
            lines.append([
                row["label"], str(case), f"{row['median_ms']:.2f}", added, times, f"{row['first_median_ms']:.2f}",
                f"{row['p99_ms']:.2f}", f"{row['throughput']:,.0f}", share,
                f"{own_processor_us(row, OWN_PARTS[row['target']]):,.0f}", str(row["failed"]), found,
            ])  # fmt: skip
    head = (
        "way", "connections", "median ms", "over direct ms", "times direct", "first byte ms", "p99 ms", "requests/s",
        "share of direct", "own CPU µs/request", "failed", "recorded",
    )  # fmt: skip
    rounds = rows[0]["rounds"]
    return f"### Side by side\n\nMedians over {rounds} rounds, counts summed over them.\n\n{table(head, lines)}"


def _parts(rows: Sequence[Row]) -> str:
    """Return who spends the processor time of the ways that record, with one row for each case."""
    chosen = [row for row in rows if row["target"] in ("edge", "inline", "litellm", BASE)]
    names = [
        name
        for name in dict.fromkeys(name for row in chosen for name in row["processor_us"])
        if name not in _MACHINE and any(row["processor_us"].get(name, 0) >= 1 for row in chosen)
    ]
    lines = [
        [row["label"], str(row["case"]), *(f"{row['processor_us'].get(name, 0):,.0f}" for name in names),
         f"{row['load_processor_us']:,.0f}", f"{row['processor_us']['machine']:,.0f}"]
        for row in chosen
    ]  # fmt: skip
    text = (
        "Processor time of each part until the last answer, in µs for each request. `machine` is everything, the"
        " kernel's network included. The recorder, jawn and the stores go on delivering afterwards."
    )
    return f"### Where the processor time goes\n\n{text}\n\n" + table(
        ("way", "connections", *names, "load", "machine"), lines
    )


def _memory(rows: Sequence[Row]) -> str:
    last = {row["target"]: row for row in rows}
    parts = list(dict.fromkeys(part for name in last for part in OWN_PARTS[name]))
    peak = {
        part: max(row["memory_mb"].get(part, 0.0) for row in rows if part in OWN_PARTS[row["target"]]) for part in parts
    }
    lines = [
        [row["label"], f"{sum(peak[part] for part in OWN_PARTS[name]):,.0f}",
         ", ".join(f"{part} {peak[part]:,.0f}" for part in OWN_PARTS[name])]
        for name, row in last.items() if OWN_PARTS[name]
    ]  # fmt: skip
    return "### Resident memory\n\n" + table(("way", "MB", "of which"), lines)


def _steps(rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    names = [*EDGE_PARTS, *HELICONE_PARTS, "provider"]
    lines = []
    for row in rows:
        rate = row["throughput"] / 1e6  # requests per microsecond: µs per request become processors
        shares = [f"{row['processor_us'].get(name, 0) * rate:.2f}" for name in names]
        lines.append([
            f"{row['rate']:,.0f}", f"{row['throughput']:,.0f}", f"{row['median_ms']:.2f}", f"{row['p99_ms']:.2f}",
            str(row["failed"]), f"{row['recorded']:,} of {row['sent']:,}", "yes" if row["held"] else "no", *shares,
            f"{row['load_processor_us'] * rate:.2f}", f"{row['machine_busy']:.2f}",
            f"{row['delivered_per_second']:,.0f}",
        ])  # fmt: skip
    best = max((row["rate"] for row in rows if row["held"]), default=0)
    head = (
        "wanted/s", "answered/s", "median ms", "p99 ms", "failed", "recorded", "held", *names, "load", "machine",
        "delivered/s",
    )  # fmt: skip
    return (
        f"### The highest rate that is recorded whole: {best:,.0f} requests/s\n\nColumns from `gateway` to `machine`"
        f" are processors in use while the load was on; `delivered/s` is how fast the records reached the store."
        f"\n\n{table(head, lines)}"
    )


def _endurance(rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    row = rows[0]
    samples = row["memory_samples"]
    lines = [
        [part, f"{samples[0][part]:.1f}", f"{max(sample[part] for sample in samples):.1f}", f"{samples[-1][part]:.1f}",
         f"{row['growth_mb'][part]:+.1f}"]
        for part in EDGE_PARTS
    ]  # fmt: skip
    head = ("part", "MB at first", "at most", "at the end", "last fifth over second fifth of the load")
    after = f"{row['recorded_after_seconds']:,.0f} s after the last answer"
    delivered = (
        f"all delivered {after}"
        if row["recorded"] >= row["sent"]
        else f"{row['recorded']:,} were delivered {after}, and the recorder held the others when it ended, see below"
    )
    return (
        f"### {row['sent']:,} requests at {row['rate']:,.0f}/s\n\nFailed {row['failed']}; median"
        f" {row['median_ms']:.2f} ms, p99 {row['p99_ms']:.2f} ms; {delivered}.\n\n{table(head, lines)}"
    )


def _recorder(rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    said = rows[-1]["state"]
    names = ("taken_total", "done_total", "waiting", "dropped_total", "refused_total", "gaps_total")
    return "The recorder's own account at the end: " + ", ".join(f"{name} {said[name]:,}" for name in names) + "."
