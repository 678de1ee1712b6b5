"""Jobs run in order, side by side, and stop at the first failure."""

import threading

import pytest

from lab.progress import Job, Reporter, describe_counts, run_jobs, wait_until


def quiet() -> tuple[Reporter, list[str]]:
    lines: list[str] = []
    return Reporter(write=lines.append), lines


def test_a_job_runs_after_what_it_names() -> None:
    order: list[str] = []

    def note(name: str) -> str:
        order.append(name)
        return "done"

    reporter, lines = quiet()
    run_jobs(
        [
            Job("c", lambda: note("c"), ("b",)),
            Job("b", lambda: note("b"), ("a",)),
            Job("a", lambda: note("a")),
        ],
        reporter,
    )
    assert order == ["a", "b", "c"]
    assert len(lines) == 3


def test_independent_jobs_run_side_by_side() -> None:
    meeting = threading.Barrier(2, timeout=60)

    def meet() -> str:
        meeting.wait()
        return "met"

    run_jobs([Job("one", meet), Job("two", meet)], quiet()[0])


def test_a_failure_is_raised_and_nothing_after_it_runs() -> None:
    ran: list[str] = []

    def fail() -> str:
        raise RuntimeError("no disk")

    def run() -> str:
        ran.append("later")
        return ""

    with pytest.raises(RuntimeError, match="no disk"):
        run_jobs([Job("first", fail), Job("later", run, ("first",))], quiet()[0])
    assert ran == []


def test_an_unknown_predecessor_is_refused_before_anything_runs() -> None:
    with pytest.raises(KeyError):
        run_jobs([Job("one", lambda: "", ("nothing",))], quiet()[0])


def test_long_work_is_not_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.progress.HEARTBEAT_SECONDS", 0.01)
    said = threading.Event()
    lines: list[str] = []

    def slow() -> str:
        said.wait(60)
        return "done"

    def write(line: str) -> None:
        lines.append(line)
        said.set()

    run_jobs([Job("slow", slow)], Reporter(write=write))
    assert lines[0].startswith("  ... slow")


def test_counts_leave_zeros_out() -> None:
    assert describe_counts({"container": 2, "image": 0}) == "2 container(s)"
    assert describe_counts({"container": 0}) == "nothing"


def test_waiting_ends_when_time_is_over() -> None:
    assert wait_until(lambda: True, seconds=0)
    assert not wait_until(lambda: False, seconds=0.02, pause=0.01)
