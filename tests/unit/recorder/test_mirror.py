"""Which files of the mirror no line will come for."""

from __future__ import annotations

import os

import pytest

from gateway.recorder.mirror import Mirror
from tests.unit.recorder.mirrored import Envoy


@pytest.fixture
def envoy(tmp_path):
    return Envoy(tmp_path / "mirror", tmp_path / "access.log")


@pytest.fixture
def mirror(tmp_path, envoy, clock):
    return Mirror(tmp_path / "mirror", clock)


def left(mirror):
    return [name for name, _ in mirror.left(mirror.gone())]


def test_only_what_was_seen_unchanged_for_longer_than_envoy_allows(mirror, envoy, clock):
    silent, growing = envoy.leave("silent"), envoy.leave("growing")
    for _ in range(3):
        assert left(mirror) == []
        clock.now += 600
        with (envoy.folder.parent / growing).open("ab") as file:
            file.write(b"more")
    assert left(mirror) == [silent]
    clock.now += 1201
    assert sorted(left(mirror)) == sorted([silent, growing])


def test_the_time_of_the_last_byte_is_told_and_decides_nothing(mirror, envoy, clock):
    name = envoy.leave("old")
    os.utime(envoy.folder.parent / name, (1, 1))
    assert left(mirror) == []
    clock.now += 1201
    assert list(mirror.left(set())) == [(name, 1.0)]


def test_a_sweep_that_is_not_finished_forgets_nothing(mirror, envoy, clock):
    names = {envoy.leave("a"), envoy.leave("b"), envoy.leave("c")}
    assert left(mirror) == []
    clock.now += 1201
    first, _ = next(mirror.left(set()))
    mirror.remove([first])
    assert set(left(mirror)) == names - {first}


def test_no_more_is_remembered_than_there_are_files(mirror, envoy):
    for _ in range(20):
        name = envoy.leave("soon over")
        assert left(mirror) == []
        mirror.remove([name])
    assert left(mirror) == []
    assert mirror._seen == {}  # noqa: SLF001 - memory, which nothing else shows
