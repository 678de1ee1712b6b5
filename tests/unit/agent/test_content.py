"""What stores hold as numbers, and which differences between two looks count."""

from __future__ import annotations

import errno
import os

import pytest

from gateway.agent import content
from gateway.agent.failure import StepFailed

BEFORE = {"t": {"1": [2, "10"], "7": [1, "5"]}, "empty": {}}


def clickhouse(expected, found):
    return content.clickhouse_differences(expected, found)


def test_a_store_at_rest_is_known_to_the_row():
    manifest = content.settled(BEFORE, BEFORE)
    assert manifest["t"] == {"rows": [3, 3], "buckets": BEFORE["t"], "unsettled": []}
    assert clickhouse(manifest, BEFORE) == []


def test_one_altered_row_is_found():
    altered = {**BEFORE, "t": {"1": [1, "4"], "7": [1, "5"], "9": [1, "6"]}}
    (problem,) = clickhouse(content.settled(BEFORE, BEFORE), altered)
    assert "3 rows" in problem
    assert "2 of 1024 buckets" in problem


def test_a_lost_row_and_a_lost_table_are_found():
    manifest = content.settled(BEFORE, BEFORE)
    lost = clickhouse(manifest, {"t": {"1": [2, "10"]}})
    assert lost == [
        "ClickHouse: table empty is missing",
        "ClickHouse: t has 2 rows, the manifest says 3",
    ]


def test_what_changed_while_it_was_saved_does_not_count_and_the_rest_does():
    after = {**BEFORE, "t": {**BEFORE["t"], "7": [2, "11"], "9": [1, "3"]}}
    manifest = content.settled(BEFORE, after)
    assert manifest["t"]["rows"] == [3, 5]
    assert manifest["t"]["unsettled"] == ["7", "9"]
    assert clickhouse(manifest, BEFORE) == clickhouse(manifest, after) == []
    assert clickhouse(manifest, {**after, "t": {**after["t"], "1": [2, "99"]}}) != []
    assert clickhouse(manifest, {**after, "t": {**after["t"], "800": [1, "1"]}}) != []  # a bucket empty both times


def test_an_empty_store_passes_because_it_is_expected_to_be_empty():
    manifest = content.settled({"t": {}}, {"t": {}})
    assert clickhouse(manifest, {"t": {}}) == []
    assert clickhouse(manifest, {"t": {"1": [1, "1"]}}) != []
    assert content.postgres_differences({"public.t": [0, "0"]}, {"public.t": [0, "0"]}) == []


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"public.t": [2, "8"]}, ["2 rows, the manifest says 1"]),
        ({"public.t": [1, "8"]}, ["not the same content"]),
        ({}, ["table public.t is missing"]),
        ({"public.t": [1, "7"], "public.u": [0, "0"]}, ["public.u is not in the manifest"]),
        ({"public.t": [1, "7"]}, []),
    ],
)
def test_tables_of_postgres(found, words):
    problems = content.postgres_differences({"public.t": [1, "7"]}, found)
    assert len(problems) == len(words)
    assert all(word in problem for word, problem in zip(words, problems, strict=True))


def test_tables_of_postgres_are_asked_in_one_query_with_names_quoted():
    asked = []

    def ask(sql):
        asked.append(sql)
        return ['["public", "t"]', '["s", "a\\"b"]'] if len(asked) == 1 else ['["public.t", 3, "9"]']

    assert content.postgres(ask) == {"public.t": [3, "9"]}
    assert 'from "s"."a""b" backup_row' in asked[1]
    assert all("set timezone = 'UTC'" in sql for sql in asked)


def test_rows_of_clickhouse_are_hashed_as_text():
    answers = iter([["t"], ["3\t2\t77"]])
    asked = []

    def ask(sql):
        asked.append(sql)
        return next(answers)

    assert content.clickhouse(ask) == {"t": {"3": [2, "77"]}}
    assert "cityHash64(toString(tuple(*)))" in asked[1]


@pytest.fixture
def store(tmp_path):
    (tmp_path / "bucket" / "a").mkdir(parents=True)
    (tmp_path / "bucket" / "a" / "one").write_text("1")
    (tmp_path / "bucket" / "two").write_text("22")
    return tmp_path


def test_objects_are_compared_by_path_size_and_content(store):
    listing = [list(one) for one in content.objects(store)]
    assert listing == [["bucket/two", 2], ["bucket/a/one", 1]]
    samples = content.sampled(store, [tuple(one) for one in listing])
    assert content.object_differences(store, listing, samples) == []
    (store / "bucket" / "later").write_text("was put while the set was saved")
    assert content.object_differences(store, listing, samples) == []
    (store / "bucket" / "two").write_text("23")
    assert content.object_differences(store, listing, samples) == [
        "objects: 1 have another content, the first is bucket/two"
    ]
    (store / "bucket" / "a" / "one").unlink()
    assert "1 of 2 are missing" in content.object_differences(store, listing, samples)[0]


def test_a_folder_that_the_disk_does_not_give_is_no_missing_object(store, monkeypatch):
    give = os.scandir

    def fail(path):
        if str(path).endswith("bucket"):
            raise OSError(errno.EIO, "Input/output error")
        return give(path)

    monkeypatch.setattr(os, "scandir", fail)
    with pytest.raises(OSError, match="Input/output error"):
        content.object_differences(store, [["bucket/one", 1]], {})
    assert list(content.objects(store / "gone")) == []


def test_an_altered_or_missing_file_of_a_set_is_named(tmp_path):
    (tmp_path / "a").write_text("1")
    expected = {"a": content.file_hash(tmp_path / "a"), "b": "0"}
    assert content.file_differences(tmp_path, expected) == [
        "the file b of the set cannot be read: No such file or directory"
    ]
    (tmp_path / "a").write_text("2")
    assert "a of the set has another checksum" in content.file_differences(tmp_path, expected)[0]


def test_a_complaint_counts_what_else_is_wrong():
    content.complain("compare", "s", [])
    with pytest.raises(StepFailed, match=r"one \(and 1 more\)") as caught:
        content.complain("compare", "s", ["one", "two"])
    assert (caught.value.kind, caught.value.logs) == ("content", ["one", "two"])
