"""Putting one run's results into the documentation: its rows, its drawings, and its tables on a page."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from bench.layout import PUBLISHED

REPORT = "report.md"
BEGIN, END = "<!-- results: written by the benchmark -->", "<!-- end of results -->"


def publish(folder: Path, page: Path, links: Mapping[str, str], published: Path = PUBLISHED, prefix: str = "") -> None:
    """Copy a run's rows and drawings below docs/, and replace what stands between the marks of the page.

    `links` has for each file that a run may have the Markdown that leads to it, with `{}` for its path;
    `prefix` stands before the names of the copies.
    """
    published.mkdir(parents=True, exist_ok=True)
    shown = []
    for name, link in links.items():
        if (folder / name).is_file():
            shutil.copy(folder / name, published / f"{prefix}{name}")
            shown.append(link.format(f"{published.relative_to(page.parent).as_posix()}/{prefix}{name}"))
    results = "\n\n".join([*shown, (folder / REPORT).read_text()])
    page.write_text(with_results(page.read_text(), results))


def with_results(page: str, results: str) -> str:
    """Return the page with other results between its marks; raises ValueError when it has no marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("the page has no marks between which results go")
    return f"{before}{BEGIN}\n\n{results.strip()}\n\n{END}{after}"
