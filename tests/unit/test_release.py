"""A release: one content, one name, one tar."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.release import HostRelease, canonical, host_release, next_identifier, release_digest
from gateway.render.model import RenderedFile, RenderedHost, RenderedService
from gateway.upstream import Upstream
from tests.unit.situations import load, release

FILES = st.dictionaries(
    st.from_regex(r"[a-z]{1,8}(/[a-zA-Z]{1,8})?", fullmatch=True),
    st.tuples(st.binary(max_size=2000), st.sampled_from([0o600, 0o644])),
    min_size=1,
    max_size=5,
)


@given(FILES, st.randoms())
def test_the_same_content_gives_the_same_bytes_in_any_order(files, random):
    names = list(files)
    random.shuffle(names)
    shuffled = {name: files[name] for name in names}
    packs = [
        HostRelease({"b": 1, "a": 2}, {name: RenderedFile(*file) for name, file in order.items()}).pack("1-a")
        for order in (files, shuffled)
    ]
    assert packs[0] == packs[1]


@given(FILES)
def test_a_tar_holds_what_it_was_given_and_no_time_or_owner(files):
    packed = HostRelease({}, {name: RenderedFile(*file) for name, file in files.items()}).pack("1-a")
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        members = archive.getmembers()
        assert [member.name for member in members] == [*sorted(files), "manifest.json"]
        assert {(member.mtime, member.uid, member.gid) for member in members} == {(0, 0, 0)}
        for member in members[:-1]:
            assert (archive.extractfile(member).read(), member.mode) == files[member.name]


def test_the_digest_is_of_the_content_and_not_of_the_number():
    one = release()
    assert one.digest == release().digest
    assert one.digest != release(files={".env": "A=1\n"}).digest
    assert release_digest({"app1": one}) == release_digest({"app1": release()})
    assert release_digest({"app1": one}) != release_digest({"app2": one})


@pytest.mark.fault("F11")
@pytest.mark.parametrize(
    ("known", "number"), [([], 1), (["9-a", "10-b"], 11), (["lost+found"], 1), (["3-a", "x-1"], 4)]
)
def test_numbers_only_grow(known, number):
    releases = {"app1": release()}
    assert next_identifier(releases, known) == f"{number}-{release_digest(releases)}"


@given(st.dictionaries(st.text(max_size=5), st.one_of(st.integers(), st.text(max_size=5), st.booleans())))
def test_canonical_json_forgets_the_order(data):
    assert canonical(data) == canonical(dict(reversed(data.items())))


@pytest.fixture
def rendered():
    jawn = RenderedService("jawn", "app", "jawn:1@sha256:aa", "h", one_shot=False, ports=(("10.0.0.1", 8585, 8585),))
    migrations = RenderedService("migrations", "migrations", "m:1@sha256:bb", "h", one_shot=True)
    files = {".env": RenderedFile(b'PASSWORD="x"\n', 0o600)}
    return RenderedHost("app1", "helicone-trial", files, (jawn, migrations), frozenset({"PASSWORD"}))


def test_a_manifest_says_all_that_a_host_needs_and_survives_its_own_json(rendered, tmp_path):
    host = load(tmp_path).hosts["app1"]
    date = "2026-07-21T00:00:00Z"
    upstream = Upstream("c" * 40, b"", ("V1.sql",), ("schema_1.sql",), code="d" * 40, code_date=date)
    made = host_release(rendered, host, upstream)
    assert made.manifest["code"] == {"commit": "d" * 40, "date": date}
    assert json.loads(canonical(made.manifest)) == made.manifest  # or no host would ever be current
    expected = {".env": {"sha256": hashlib.sha256(b'PASSWORD="x"\n').hexdigest(), "mode": "600"}}
    assert made.manifest["files"] == expected
    assert made.manifest["secret_keys"] == ["PASSWORD"]
    assert made.manifest["migrations"]["postgres"]["files"] == ["V1.sql"]
    assert "password" not in json.dumps(made.manifest["migrations"]).lower()


def test_a_host_that_does_not_migrate_has_no_migrations(rendered, tmp_path):
    alone = RenderedHost("app1", "p", rendered.files, rendered.services[:1], rendered.secret_keys)
    made = host_release(alone, load(tmp_path).hosts["app1"], Upstream("c" * 40, b"", (), ()))
    assert made.manifest["migrations"] is None
