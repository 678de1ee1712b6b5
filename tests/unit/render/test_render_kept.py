"""Merged definitions that are kept: the same as Compose's, encrypted, and never out of date."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.errors import ConfigurationError
from gateway.render import kept, merge

COMPOSE = b"services:\n  a:\n    image: registry/a:1\n    environment:\n      WORD: ${WORD}\n"
FILES = {"compose.upstream.yml": COMPOSE, "compose.override.yml": b"services: {}\n", ".env": b'WORD="value-sentinel"\n'}
KEY = b"k" * 32


@pytest.fixture
def runs(monkeypatch):
    """Count how often Compose is run."""
    made = []

    def counted(*arguments):
        made.append(arguments)
        return merge.merged_definition(*arguments)

    monkeypatch.setattr(kept, "merged_definition", counted)
    return made


def merged(folder, key=KEY, **files):
    return kept.KeptMerges(folder, key).merged("test", "/nowhere", {**FILES, **files})


def test_a_second_command_needs_no_compose(tmp_path, runs):
    first = merged(tmp_path)
    assert first["services"]["a"]["environment"] == {"WORD": "value-sentinel"}
    assert merged(tmp_path) == first
    assert len(runs) == 1


@pytest.mark.parametrize("name", FILES)
def test_what_changes_is_merged_anew(tmp_path, runs, name):
    merged(tmp_path)
    merged(tmp_path, **{name: FILES[name] + b"# changed\n"})
    assert len(runs) == 2


def test_nobody_without_the_vault_reads_it(tmp_path, runs):
    merged(tmp_path)
    (file,) = tmp_path.iterdir()
    assert b"sentinel" not in file.read_bytes()
    assert b"WORD" not in file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o600
    merged(tmp_path, key=b"another" * 5)
    assert len(runs) == 2


@pytest.mark.parametrize("damage", [b"", b"torn", b"\0" * 500])
def test_a_file_that_is_no_good_is_made_anew(tmp_path, runs, damage):
    first = merged(tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(damage)
    assert merged(tmp_path) == first
    assert len(runs) == 2
    assert merged(tmp_path) == first
    assert len(runs) == 2


def test_a_folder_that_cannot_be_written_to_costs_only_time(tmp_path, runs):
    (tmp_path / "file").touch()
    assert merged(tmp_path / "file" / "below")["services"]["a"]["image"] == "registry/a:1"


def test_old_ones_go(tmp_path, runs):
    merged(tmp_path)
    (old,) = tmp_path.iterdir()
    os.utime(old, (0, time.time() - kept.KEPT_SECONDS - 60))
    merged(tmp_path, **{".env": b'WORD="other"\n'})
    assert not old.exists()


def test_hosts_that_ask_at_the_same_time_share_one_run(tmp_path, runs):
    merges = kept.KeptMerges(tmp_path, KEY)
    with ThreadPoolExecutor(max_workers=8) as pool:
        found = list(pool.map(lambda _: merges.merged("test", "/nowhere", FILES), range(8)))
    assert found == [merged(tmp_path)] * 8
    assert len(runs) == 1


def test_a_failure_is_not_kept(tmp_path, runs):
    merges = kept.KeptMerges(tmp_path, KEY)
    for where in ("one", "other"):
        with pytest.raises(ConfigurationError, match=where):
            merges.merged("test", "/nowhere", {**FILES, ".env": b""}, (), where)
    assert len(runs) == 2
