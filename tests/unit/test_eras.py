"""Hard stops: an upgrade that would skip one is refused, with the version that is allowed next."""

from __future__ import annotations

import pytest

from gateway.eras import Era, load_eras, moments, passed, problem, refuse_skipped_stop
from gateway.errors import ConfigurationError
from tests.unit.situations import PROJECT, load, service

OCTOBER = Era(
    name="october", commit="a" * 40, date="2025-10-22T03:31:06Z", changed="tables go", here="look", source="x.sql",
    hard_stop={"stop_at": "b" * 40, "date": "2025-10-22T01:42:50Z", "because": "nobody copies them"},
)  # fmt: skip
NOVEMBER = Era(
    name="november", commit="c" * 40, date="2025-11-01T00:00:00Z", changed="more goes", here="look", source="y.sql",
    hard_stop={"stop_at": "d" * 40, "date": "2025-10-31T00:00:00Z", "because": "of it"},
)  # fmt: skip
BROKEN = Era(
    name="broken", commit="e" * 40, date="2025-08-16T00:00:00Z", changed="it asks", here="nothing", source="z",
    unusable_until={"commit": "f" * 40, "date": "2025-08-21T00:00:00Z", "because": "it waits for ever"},
)  # fmt: skip
ERAS = (BROKEN, OCTOBER, NOVEMBER)
AUGUST, SEPTEMBER, NEW = "2025-08-11T00:00:00Z", "2025-09-08T00:00:00Z", "2026-07-21T00:00:00Z"


def manifest(date="", **images):
    services = [{**service(name), "image": image} for name, image in images.items()]
    return {"code": {"commit": "0" * 40, "date": date}, "services": services}


@pytest.mark.fault("F18")
def test_a_skipped_hard_stop_is_refused_with_the_next_allowed_version():
    message, next_step = problem(ERAS, AUGUST, NEW)
    assert "october" in message
    assert "nobody copies them" in message
    assert "b" * 40 in next_step
    assert "passed_stops: [october]" in next_step


@pytest.mark.parametrize(
    ("running", "candidate", "skipped"),
    [
        (AUGUST, SEPTEMBER, ""),
        (AUGUST, "2025-10-22T01:42:50Z", ""),
        ("2025-10-22T01:42:50Z", "2025-10-22T03:31:06Z", ""),
        ("2025-10-22T01:42:50Z", NEW, "november"),
        ("2025-10-22T01:42:49Z", "2025-10-22T03:31:06Z", "october"),
        (NEW, NEW, ""),
        (NEW, AUGUST, ""),
        ("", NEW, ""),
    ],
)
def test_the_stop_itself_may_be_deployed_and_left_and_a_first_deploy_skips_nothing(running, candidate, skipped):
    found = problem(ERAS, running, candidate)
    assert (found is not None) == bool(skipped)
    assert found is None or skipped in found[0]


def test_a_stop_that_was_seen_to_leaves_the_next_one():
    assert "november" in problem(ERAS, AUGUST, NEW, ["october"])[0]
    assert problem(ERAS, AUGUST, NEW, ["october", "november"]) is None


@pytest.mark.parametrize("running", ["", AUGUST, NEW])
def test_a_version_that_cannot_work_is_refused_wherever_one_comes_from(running):
    message, next_step = problem(ERAS, running, "2025-08-20T23:59:59Z")
    assert "waits for ever" in message
    assert "f" * 40 in next_step
    assert problem(ERAS, running, "2025-08-21T00:00:00Z") is None


def test_what_lies_between_two_versions():
    assert passed(ERAS, SEPTEMBER, NEW) == [OCTOBER, NOVEMBER]
    assert passed(ERAS, NEW, SEPTEMBER) == []


def test_versions_are_read_from_code_and_from_dated_tags_of_helicone_alone():
    assert moments([manifest(SEPTEMBER, jawn="helicone/jawn:v2025.08.11-1@sha256:1", clickhouse="ch:v2020.01.01")]) == [
        "2025-08-11T23:59:59Z", SEPTEMBER
    ]  # fmt: skip
    assert moments([manifest(jawn="registry:5000/jawn:mine")]) == []
    assert moments([{"services": []}]) == []


def test_a_deploy_that_skips_a_stop_is_refused_and_one_that_was_seen_to_is_not(tmp_path):
    wanted = [manifest(NEW), manifest(NEW, web="helicone/web:v2026.07.21")]
    refuse_skipped_stop(PROJECT, load(tmp_path), [], wanted)
    refuse_skipped_stop(PROJECT, load(tmp_path), [manifest(NEW)], wanted)
    with pytest.raises(ConfigurationError, match="legacy-tables") as caught:
        refuse_skipped_stop(PROJECT, load(tmp_path), [manifest(NEW), manifest(AUGUST)], wanted)
    assert "89e75347e35e2bb6cb8911244d294b82be6afe9b" in caught.value.next_step
    assert caught.value.exit_code == 2
    done = load(tmp_path, "upstream.passed_stops=[legacy-tables]")
    refuse_skipped_stop(PROJECT, done, [manifest(AUGUST)], wanted)


def test_each_of_the_wanted_images_must_be_one_that_works(tmp_path):
    wanted = [manifest(NEW), manifest(jawn="helicone/jawn:v2025.08.20")]
    with pytest.raises(ConfigurationError, match="waits for an answer that nobody can give"):
        refuse_skipped_stop(PROJECT, load(tmp_path), [], wanted)


def test_one_image_left_behind_counts_as_the_version_that_runs(tmp_path):
    with pytest.raises(ConfigurationError, match="legacy-tables"):
        refuse_skipped_stop(
            PROJECT, load(tmp_path), [manifest(NEW, jawn="helicone/jawn:v2025.08.11-1")], [manifest(NEW)]
        )


def test_a_stop_that_is_none_cannot_be_passed(tmp_path):
    with pytest.raises(ConfigurationError, match=r"`cache-key` is no hard stop \(known: legacy-tables\)"):
        refuse_skipped_stop(PROJECT, load(tmp_path, "upstream.passed_stops=[cache-key]"), [], [manifest(NEW)])


def test_the_eras_of_the_project_are_whole_and_in_order():
    eras = load_eras(PROJECT)
    assert [era.date for era in eras] == sorted(era.date for era in eras)
    for era in eras:
        assert era.hard_stop is None or era.hard_stop.date < era.date, era.name
        assert era.unusable_until is None or era.unusable_until.date > era.date, era.name


@pytest.mark.parametrize("text", ["one: {commit: abc}\n", "one: two\n", "one:\n"])
def test_an_era_that_is_not_whole_is_named_with_its_line(tmp_path, text):
    (tmp_path / "roles" / "app").mkdir(parents=True)
    (tmp_path / "roles" / "app" / "eras.yml").write_text(f"\n{text}")
    with pytest.raises(ConfigurationError, match="the era one is not complete") as caught:
        load_eras(tmp_path)
    assert caught.value.where == "roles/app/eras.yml:2"
