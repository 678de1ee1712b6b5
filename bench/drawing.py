"""Sheets to draw on, as SVG. Only the benchmarks' own virtual environments have matplotlib."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any


def sheet(rows: int, columns: int, inches: tuple[float, float]) -> Any:
    """Return a figure and its panels."""
    matplotlib: Any = importlib.import_module("matplotlib")
    matplotlib.use("svg")
    matplotlib.rcParams.update(
        {"svg.hashsalt": "bench", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    )
    plots: Any = importlib.import_module("matplotlib.pyplot")
    return plots.subplots(rows, columns, figsize=inches, layout="constrained")


def save(figure: Any, file: Path) -> Path:
    """Write a figure so that the same figure gives the same file."""
    figure.savefig(file, metadata={"Date": None})
    return file
