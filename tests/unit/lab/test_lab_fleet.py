"""The jobs of `lab.up`, and what the lab says of its parts."""

import threading
from pathlib import Path

import pytest
from rich.console import Console

from gateway.errors import ConfigurationError
from lab import builds
from lab.bases import BASES
from lab.exclusive import exclusive
from lab.fleet import PartState, fleet_jobs
from lab.layout import ALL_IMAGES, PUBLISHED
from lab.parts import parts
from lab.progress import Reporter
from lab.report import states_as_data, status_table

PARENTS = {
    "host-docker": "host",
    "jawn-broken": "jawn",
    "jawn-next": "jawn",
    "jawn-unhealthy": "jawn",
    "web-next": "web",
    "migrations-next": "migrations",
    "migrations-broken": "migrations-next",
    "migrations-slow": "migrations-next",
    "envoy": "python",
    "envoy-next": "envoy",
}


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ALL_IMAGES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text(f"FROM helicone-lab/{PARENTS.get(name, 'bookworm')}\n")
    monkeypatch.setattr(builds, "IMAGES", tmp_path)
    return tmp_path


@pytest.mark.usefixtures("sources")
def test_every_job_comes_after_known_jobs_and_the_lock_after_all_pushes() -> None:
    jobs = {job.name: job for job in fleet_jobs(ALL_IMAGES)}
    assert {name for job in jobs.values() for name in job.after} <= set(jobs)
    assert set(jobs["image lock"].after) == {f"push {name}" for name in PUBLISHED}
    assert jobs["image jawn-next"].after == ("image jawn",)


@pytest.mark.usefixtures("sources")
def test_the_bare_host_waits_for_the_image_without_docker() -> None:
    jobs = {job.name: job for job in fleet_jobs(ALL_IMAGES)}
    assert "image host" in jobs["host app2"].after
    assert "image host-docker" in jobs["host app1"].after


def test_a_missing_source_is_named_before_anything_runs(sources: Path) -> None:
    (sources / "web" / "Dockerfile").unlink()
    with pytest.raises(ConfigurationError, match="web"):
        fleet_jobs(ALL_IMAGES)


def test_an_unknown_parent_is_named(sources: Path) -> None:
    (sources / "web" / "Dockerfile").write_text("FROM helicone-lab/node\n")
    with pytest.raises(ConfigurationError, match="node"):
        fleet_jobs(ALL_IMAGES)


def test_the_browser_is_built_for_its_own_test_and_never_by_lab_up() -> None:
    assert "browser" not in ALL_IMAGES
    jobs = builds.Builder().jobs(["browser"])
    assert [job.name for job in jobs] == [*(f"image {base}" for base in BASES), "image browser"]


def test_helicone_and_the_provider_are_stand_ins_and_the_stores_are_real() -> None:
    marks = {part.name: part.mark for part in parts()}
    assert {name for name, mark in marks.items() if mark == "STAND-IN"} == {
        "jawn",
        "web",
        "migrations",
        "provider",
        "upstream",
    }
    assert marks["postgres"] == "real"


def test_the_table_shows_stand_ins_and_states() -> None:
    console = Console(width=160)
    with console.capture() as captured:
        console.print(status_table([PartState(part, "missing" if part.container else "") for part in parts()]))
    provider = next(line for line in captured.get().splitlines() if "provider" in line)
    assert "STAND-IN" in provider
    assert "missing" in provider


def test_the_states_as_data_say_what_stands_in() -> None:
    told = {one["name"]: one for one in states_as_data([PartState(part, "running") for part in parts()])["parts"]}
    assert told["provider"]["stand_in"]
    assert not told["registry"]["stand_in"]
    assert told["app1"] == {
        "name": "app1", "state": "running", "address": "172.30.87.11", "stand_in": False,
        "played_by": "Debian 12, login root, Docker Engine",
    }  # fmt: skip


def test_a_second_command_waits_for_the_first(tmp_path: Path) -> None:
    lines: list[str] = []
    said, order = threading.Event(), []

    def write(line: str) -> None:
        lines.append(line)
        said.set()

    reporter = Reporter(write=write)

    def second() -> None:
        with exclusive(tmp_path / "lock", reporter):
            order.append("second")

    with exclusive(tmp_path / "lock", reporter):
        waiting = threading.Thread(target=second)
        waiting.start()
        assert said.wait(60)
        order.append("first")
    waiting.join(timeout=60)
    assert order == ["first", "second"]
    assert lines == ["waiting for another lab command to end"]
