"""Putting one run's results into the documentation: its rows, its drawings, and its tables on the page."""

from __future__ import annotations

import shutil
from pathlib import Path

from bench.layout import PAGE, PUBLISHED
from bench.plot import COMPARISON, LONG_RUNS
from bench.results import ROWS

REPORT = "report.md"
FILES = {
    ROWS: "Raw rows: [rows.jsonl]({}).",
    COMPARISON: "![The four ways side by side]({})",
    LONG_RUNS: "![The climb, and memory over the long run]({})",
}
BEGIN, END = "<!-- results: written by the benchmark -->", "<!-- end of results -->"


def publish(folder: Path, page: Path = PAGE, published: Path = PUBLISHED) -> None:
    """Copy a run's rows and drawings below docs/, and replace what stands between the marks of the page."""
    published.mkdir(parents=True, exist_ok=True)
    links = []
    for name, link in FILES.items():
        if (folder / name).is_file():
            shutil.copy(folder / name, published / name)
            links.append(link.format(f"{published.relative_to(page.parent).as_posix()}/{name}"))
    results = "\n\n".join([*links, (folder / REPORT).read_text()])
    page.write_text(with_results(page.read_text(), results))


def with_results(page: str, results: str) -> str:
    """Return the page with other results between its marks; raises ValueError when it has no marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("the page has no marks between which results go")
    return f"{before}{BEGIN}\n\n{results.strip()}\n\n{END}{after}"
