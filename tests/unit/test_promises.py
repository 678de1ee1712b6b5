"""The page of promises, the promises and the tests that prove them are the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.fault_report import FaultReport, table
from tests.promises import PROMISES

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| (F\d+) \| (.*?) \| (.*?) \| (.*?) \|$", re.MULTILINE)
MARK = re.compile(r"pytest\.mark\.fault\(([^)]*)\)")


def marked() -> dict[str, set[str]]:
    """Return by promise the files whose tests say that they prove it."""
    found: dict[str, set[str]] = {name: set() for name in PROMISES}
    for path in ROOT.glob("tests/**/test_*.py"):
        for names in MARK.findall(path.read_text()):
            for name in re.findall(r'"(F\d+)"', names):
                found[name].add(str(path.relative_to(ROOT)))
    return found


def test_the_page_states_each_promise_and_links_every_test_that_proves_it():
    rows = {name: rest for name, *rest in ROW.findall((ROOT / "docs" / "reliability.md").read_text())}
    assert list(rows) == list(PROMISES)
    for name, (injected, holds, links) in rows.items():
        assert (injected, holds) == PROMISES[name]
        assert set(re.findall(r"\]\(\.\./(tests/[^)]+)\)", links)) == marked()[name], name


def test_each_promise_has_a_test():
    assert [name for name, files in marked().items() if not files] == []


def report(test: str, outcome: str = "passed", **counted: int) -> pytest.TestReport:
    """Return the report of a test that proves F1."""
    properties = [("fault", "F1"), *counted.items()]
    return pytest.TestReport(test, (test, 1, test), {}, outcome, None, "call", user_properties=properties)  # type: ignore[arg-type]


def test_the_table_counts_over_all_tests_of_a_promise():
    reports = [
        report("tests/lab/a.py::one", times=4),
        report("tests/unit/b.py::two", failed_requests=3, lost_records=1),
    ]
    lines = table(reports)
    assert lines[0].split()[:4] == ["F1", "held", "5", "times"]
    assert PROMISES["F1"].holds in lines[1]
    assert lines[2].split()[:3] == ["F2", "not", "tried"]
    assert lines[-1] == "client requests that failed: 3; records that were lost: 1"


def test_a_promise_that_one_test_breaks_is_not_held():
    lines = table([report("tests/lab/a.py::one"), report("tests/lab/a.py::two", "failed")])
    assert "NOT HELD: tests/lab/a.py::two" in lines[0]


def test_a_mark_for_a_promise_that_nobody_made_is_an_error():
    nobody = "F99"

    class Item:
        """A test with a mark."""

        user_properties: list[object] = []  # noqa: RUF012 - a stand-in

        def iter_markers(self, _name: str) -> list[pytest.Mark]:
            """Return the mark."""
            return [pytest.mark.fault(nobody).mark]

    with pytest.raises(KeyError, match="F99"):
        FaultReport().pytest_collection_modifyitems([Item()])  # type: ignore[list-item]
