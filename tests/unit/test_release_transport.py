"""A release on its way: what is packed is what is unpacked, and nothing that was damaged is ever switched to."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.agent import stage as module
from gateway.agent.failure import StepFailed
from gateway.agent.store import Store
from gateway.agent.switch import switch
from tests.examples import examples
from tests.unit.agent.power import quick_disk
from tests.unit.situations import release

NAME = "7-aaaaaaaaaaaa"
FOLDERS = st.lists(st.text("abcXYZ.-_é", min_size=1, max_size=6).filter(lambda name: name.strip(".")), max_size=2)
NAMES = st.tuples(FOLDERS, st.text("abcXYZ.-_ é", min_size=1, max_size=120).filter(lambda name: name.strip(". ")))
FILES = st.dictionaries(
    NAMES.map(lambda parts: "/".join([*(f"{one}.d" for one in parts[0]), parts[1]])).filter(
        lambda name: name != "manifest.json"
    ),
    st.text(max_size=40),
    max_size=5,
)


@pytest.fixture(scope="module")
def disk():
    with quick_disk() as folder:
        yield folder


@pytest.fixture
def store(disk):
    made = Store(str(disk / "trial"))
    yield made
    for path in made.releases.iterdir():
        module.shutil.rmtree(path)


def stage_again(store, archive, sent=None):
    """Stage over whatever an example before has left."""
    store.create()
    for path in store.releases.iterdir():
        module.shutil.rmtree(path)
    module.stage(store, NAME, archive, hashlib.sha256(sent or archive).hexdigest())


def held(store):
    folder = store.releases / NAME
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    del files["manifest.sha256"]
    return files


@pytest.mark.usefixtures("store")
@settings(max_examples=examples(60))
@given(files=FILES)
def test_what_is_packed_is_what_is_unpacked(disk, files):
    store = Store(str(disk / "trial"))
    made = release(files=files)
    stage_again(store, made.pack(NAME))
    found = held(store)
    found.pop("manifest.json")
    assert found == {name: text.encode() for name, text in files.items()}
    assert store.manifest(NAME) == {**made.manifest, "release": NAME}
    assert store.check(NAME) == []


MADE = release(files={".env": 'PASSWORD="x"\n', "compose.override.yml": "a: 1\n", "edge/envoy.yaml": "é" * 700})
WHOLE = MADE.pack(NAME)


def refused(disk, archive):
    """Tell whether a damaged archive is refused and leaves nothing."""
    store = Store(str(disk / "trial"))
    with pytest.raises(StepFailed):
        stage_again(store, archive, WHOLE)
    return list(store.releases.iterdir()) == []


@pytest.mark.usefixtures("store")
@settings(max_examples=examples(100))
@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
@pytest.mark.fault("F10")
def test_any_flipped_byte_is_refused_on_arrival(disk, place, change):
    archive = bytearray(WHOLE)
    archive[place] ^= change
    assert refused(disk, bytes(archive))


@pytest.mark.usefixtures("store")
@settings(max_examples=examples(50))
@given(st.integers(0, len(WHOLE) - 1))
@pytest.mark.fault("F10")
def test_any_truncation_is_refused_on_arrival(disk, size):
    assert refused(disk, WHOLE[:size])


@pytest.mark.usefixtures("store")
@settings(max_examples=examples(100))
@given(st.sampled_from([*MADE.files, "manifest.json"]), st.data())
@pytest.mark.fault("F10")
def test_any_byte_that_is_flipped_later_is_refused_before_the_switch(disk, name, data):
    store = Store(str(disk / "trial"))
    stage_again(store, WHOLE)
    path = store.releases / NAME / name
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    request = {"project": "trial", "release": NAME, "secrets": {}}
    with pytest.raises(StepFailed, match=r"checksum of|not complete") as caught:
        switch(store, request, lambda **_: None)
    assert caught.value.step in ("switch", "release")
    assert (store.current(), store.lines("journal")) == (None, [])


@pytest.mark.usefixtures("store")
@settings(max_examples=examples(100))
@given(st.binary(max_size=3000))
def test_what_is_no_release_at_all_is_refused(disk, archive):
    store = Store(str(disk / "trial"))
    with pytest.raises(StepFailed):
        stage_again(store, archive)
    assert list(store.releases.iterdir()) == []
