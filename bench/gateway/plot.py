"""The figures of a run as drawings (SVG): the comparison, the climb, memory over time.

Runs in the benchmark's own virtual environment, which has matplotlib:
`python -m bench.gateway.plot <folder with rows.jsonl>`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.drawing import save, sheet
from bench.figures import Row, grouped
from bench.gateway.report import own_processor_us, summary
from bench.gateway.targets import EDGE_PARTS, HELICONE_PARTS, OWN_PARTS
from bench.results import ROWS, of_kind, read

COMPARISON, LONG_RUNS = "comparison.svg", "long-runs.svg"
LINKS = {
    ROWS: "Raw rows: [rows.jsonl]({}).",
    COMPARISON: "![The four ways side by side]({})",
    LONG_RUNS: "![The climb, and memory over the long run]({})",
}
_COLORS = {"direct": "#8a8a8a", "edge": "#1f6fb2", "inline": "#d9822b", "litellm": "#7a4fa3"}


def draw(folder: Path) -> list[Path]:
    """Draw what there are rows for, into the folder of the rows, and return the files."""
    rows = read(folder)
    drawn = []
    if compared := summary(of_kind(rows, "comparison")):
        drawn.append(save(_comparison(compared), folder / COMPARISON))
    steps, endurance = of_kind(rows, "step"), of_kind(rows, "endurance")
    if steps and endurance:
        drawn.append(save(_long_runs(steps, endurance[0]), folder / LONG_RUNS))
    return drawn


def _comparison(rows: Sequence[Row]) -> Any:
    """Return bars of median, p99, throughput and processor time, side by side for each case; axes are logarithmic."""
    figure, panels = sheet(2, 2, (10, 7))
    shown: tuple[tuple[str, Callable[[Row], float]], ...] = (
        ("median, ms", lambda row: row["median_ms"]),
        ("99th percentile, ms", lambda row: row["p99_ms"]),
        ("requests/s", lambda row: row["throughput"]),
        ("CPU of the way's own parts, µs/request", lambda row: own_processor_us(row, OWN_PARTS[row["target"]])),
    )
    cases = list(dict.fromkeys(row["case"] for row in rows))
    for panel, (title, value) in zip(panels.flat, shown, strict=True):
        for number, ((target,), group) in enumerate(grouped(rows, "target").items()):
            places = [cases.index(row["case"]) + (number - 1.5) * 0.2 for row in group]
            bars = panel.bar(places, [max(value(row), 1e-3) for row in group], 0.19, color=_COLORS[target],
                             label=group[0]["label"])  # fmt: skip
            labels = [_short(value(row)) for row in group]
            panel.bar_label(bars, labels=labels, fontsize=6, rotation=90, padding=2)
        panel.set(yscale="log", title=title, xlabel="connections")
        panel.set_xticks(range(len(cases)), cases)
        panel.margins(y=0.2)
    panels.flat[3].set_ylim(bottom=10)
    figure.legend(*panels.flat[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def _long_runs(steps: Sequence[Row], endurance: Row) -> Any:
    """Return the climb (who uses the processors at which rate) and memory over the long run."""
    figure, (climb, memory) = sheet(1, 2, (10, 4))
    rates = [row["throughput"] for row in steps]
    names = ["gateway", "recorder", *HELICONE_PARTS, "provider"]
    shares = [[row["processor_us"].get(name, 0) * row["throughput"] / 1e6 for row in steps] for name in names]
    shares.append([row["load_processor_us"] * row["throughput"] / 1e6 for row in steps])
    climb.stackplot(rates, shares, labels=[*names, "load"], alpha=0.8)
    climb.plot(rates, [row["machine_busy"] for row in steps], color="black", label="whole machine")
    for row in steps:
        color = "green" if row["held"] else "red"
        climb.plot(row["throughput"], 0, marker="o" if row["held"] else "x", color=color, clip_on=False)
    climb.set(title="processors in use (o: every request recorded)", xlabel="requests/s")
    climb.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    for part in EDGE_PARTS:
        samples = endurance["memory_samples"]
        memory.plot([one["seconds"] for one in samples], [one[part] for one in samples], label=part)
    memory.axvline(endurance["seconds"], color="grey", linestyle=":", label="last request")
    memory.set(title=f"resident memory over {endurance['sent']:,} requests, MB", xlabel="seconds", ylim=0)
    memory.legend(fontsize=7)
    return figure


def _short(value: float) -> str:
    """Return a number as it stands over a bar; nothing for 0."""
    return "" if not value else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    print(*draw(Path(sys.argv[1])), sep="\n")
