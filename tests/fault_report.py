"""The table of a run: which promise was tried, how often, what is promised, and what was seen.

A test says with `@pytest.mark.fault("F3")` which promises it proves. With the fixture `injected` it tells how often
it injected the fault, and counts client requests that failed and records that were lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from tests.promises import PROMISES

Counts = Callable[..., None]
_COUNTED = ("times", "failed_requests", "lost_records")


class FaultReport:
    """Gathers the outcomes of the tests that prove a promise; works with tests that run in other processes."""

    def __init__(self) -> None:
        self.reports: list[pytest.TestReport] = []

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Let each report carry the promises that its test proves. Raises KeyError for one that nobody made."""
        for item in items:
            for mark in item.iter_markers("fault"):
                item.user_properties += [("fault", name) for name in mark.args if PROMISES[name]]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the report of a test's own part, or of what kept it from running."""
        if proven(report) and (report.when == "call" or report.outcome != "passed"):
            self.reports.append(report)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table, if anything was tried in the lab: the unit tests by themselves are no proof."""
        if any(report.nodeid.startswith("tests/lab/") for report in self.reports):
            terminalreporter.section("promises under failure")
            for line in table(self.reports):
                terminalreporter.write_line(line)


def proven(report: pytest.TestReport) -> list[str]:
    """Return the promises that a report's test proves."""
    return [str(value) for name, value in report.user_properties if name == "fault"]


def table(reports: Iterable[pytest.TestReport]) -> list[str]:
    """Return the rows, one for each promise, and what was counted over all of them."""
    kept = list(reports)
    lines = []
    for name, promise in PROMISES.items():
        own = [report for report in kept if name in proven(report)]
        bad = [report for report in own if report.outcome == "failed"]
        times = sum(counted(report, "times") or 1 for report in own if report.when == "call")
        seen = f"NOT HELD: {', '.join(report.nodeid for report in bad)}" if bad else "held" if times else "not tried"
        lines.append(f"{name:4} {seen:10} {times:5} times  injected: {promise.injected}")
        lines.append(f"{'':28}promised: {promise.holds}")
    failed, lost = (sum(counted(report, name) for report in kept) for name in _COUNTED[1:])
    return [*lines, f"client requests that failed: {failed}; records that were lost: {lost}"]


def counted(report: pytest.TestReport, what: str) -> int:
    """Return what a test counted under a name, 0 if it counted nothing."""
    return sum(int(str(value)) for name, value in report.user_properties if name == what)


@pytest.fixture
def injected(request: pytest.FixtureRequest) -> Counts:
    """Let a test tell how often it injected its fault, and what it counted."""

    def tell(times: int = 0, failed_requests: int = 0, lost_records: int = 0) -> None:
        """Add to the counts of this test."""
        counts = zip(_COUNTED, (times, failed_requests, lost_records), strict=True)
        request.node.user_properties += [(name, count) for name, count in counts if count]

    return tell
