"""The times of a run as a drawing (SVG), in the benchmark's own virtual environment, which has matplotlib.

`python -m bench.fleet.plot <folder with rows.jsonl>`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from bench.drawing import save, sheet
from bench.figures import Row, grouped
from bench.fleet.kinds import AGAIN, CHANGED, FIRST
from bench.fleet.summary import summary
from bench.results import ROWS, of_kind, read

TIMES, PREFIX = "times.svg", "fleet-"
LINKS = {ROWS: "Raw rows: [rows.jsonl]({}).", TIMES: "![Seconds over the number of hosts]({})"}
_COLORS = {
    "floor": "#8a8a8a", "own": "#1f6fb2", "fabric": "#3b9b5b", "pyinfra": "#d9822b", "mitogen": "#b55fa0",
    "ansible": "#c0392b",
}  # fmt: skip


def draw(folder: Path) -> list[Path]:
    """Draw the times into the folder of the rows, if there are any, and return the files."""
    rows = summary(of_kind(read(folder), "run"))
    return [save(_times(rows), folder / TIMES)] if rows else []


def _times(rows: Sequence[Row]) -> object:
    """Return seconds over hosts, both logarithmic: a panel for each job and distance, a line for each tool."""
    distances = sorted({row["far"] for row in rows})
    jobs = (FIRST, AGAIN, CHANGED)
    figure, panels = sheet(len(distances), len(jobs), (11, 3.4 * len(distances)))
    for panel, (far, job) in zip(panels.flat, [(far, job) for far in distances for job in jobs], strict=True):
        chosen = [row for row in rows if row["far"] is far and row["job"] == job]
        for (tool,), group in grouped(chosen, "tool").items():
            line = sorted(group, key=lambda row: int(row["hosts"]))
            hosts, seconds = [row["hosts"] for row in line], [row["seconds"] for row in line]
            panel.plot(hosts, seconds, marker="o", markersize=3, color=_COLORS[tool], label=line[0]["label"])
            panel.fill_between(hosts, seconds, [row["p95"] for row in line], color=_COLORS[tool], alpha=0.15)
        ticks = sorted({row["hosts"] for row in rows})
        panel.set(xscale="log", yscale="log", title=f"{job}, {'RTT 30 ms' if far else 'RTT 0'}", xlabel="hosts")
        panel.set_xticks(ticks, [str(tick) for tick in ticks])
        panel.minorticks_off()
        panel.grid(alpha=0.3)
    panels.flat[0].set_ylabel("seconds (line: median, shade: p95)")
    legends = [panel.get_legend_handles_labels() for panel in panels.flat]
    handles = {label: handle for legend in legends for handle, label in zip(*legend, strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=6)
    return figure


if __name__ == "__main__":
    print(*draw(Path(sys.argv[1])), sep="\n")
