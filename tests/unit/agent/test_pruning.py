"""What is removed, and what never is."""

from __future__ import annotations

import json

import pytest

from gateway.agent import engine, pruning
from gateway.agent.store import Store


def image(name):
    return f"registry.x:5000/{name}:1@sha256:{name * 8}"


@pytest.fixture
def store(tmp_path):
    """Return the store of an environment with releases 1 to 4, of which the last is current, beside another's."""
    made = Store(str(tmp_path / "trial"))
    made.create()
    for number in range(1, 5):
        put(made, f"{number}-aaaaaaaaaaaa", "jawn" if number > 1 else "jawn-old", "web")
    made.point_to("4-aaaaaaaaaaaa")
    other = Store(str(tmp_path / "other"))
    other.create()
    put(other, "1-bbbbbbbbbbbb", "shared")
    return made


def put(store, release, *images):
    (store.releases / release).mkdir()
    manifest = {"services": [{"name": name, "image": image(name)} for name in images]}
    (store.releases / release / "manifest.json").write_text(json.dumps(manifest))


class Docker:
    """An engine with images by reference and the ids of those that containers use; `rmi` is written down."""

    def __init__(self, folder, monkeypatch):
        self.images = {name: {"Id": name, "Size": 5 << 20} for name in ("jawn", "jawn-old", "web", "shared", "foreign")}
        self.used = []
        self.notes = folder / "docker.log"
        program = folder / "docker"
        program.write_text(f'#!/bin/sh\necho "$@" >>{self.notes}\ncase "$2" in *web*) exit 1 ;; esac\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        monkeypatch.setattr(engine, "image", lambda name: self.images.get(name.partition("/")[2].partition(":")[0]))
        monkeypatch.setattr(engine, "ask", lambda path: [{"ImageID": name} for name in self.used])

    def removed(self):
        return self.notes.read_text().splitlines() if self.notes.exists() else []


@pytest.fixture
def docker(tmp_path, monkeypatch):
    return Docker(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("keep", "protected", "gone"),
    [
        (5, [], []),
        (2, [], ["1-aaaaaaaaaaaa", "2-aaaaaaaaaaaa"]),
        (1, ["2-aaaaaaaaaaaa", None], ["1-aaaaaaaaaaaa", "3-aaaaaaaaaaaa"]),
    ],
)
def test_the_newest_the_current_and_the_protected_stay(store, keep, protected, gone):
    assert pruning.old_releases(store, keep, protected) == gone
    assert pruning.remove_releases(store, keep, protected) == gone
    assert not set(gone) & set(store.release_ids())


def test_the_current_release_stays_however_old_it_is(store):
    store.point_to("1-aaaaaaaaaaaa")
    assert "1-aaaaaaaaaaaa" not in pruning.old_releases(store, 1, [])


def test_an_image_that_only_a_release_that_goes_names_is_unused(store, docker):
    assert pruning.unused_images(store, ["1-aaaaaaaaaaaa"]) == [{"image": image("jawn-old"), "bytes": 5 << 20}]
    assert pruning.unused_images(store, []) == []


def test_an_image_of_a_release_that_went_long_ago_is_remembered(store, docker):
    pruning.remove_releases(store, 3, [])
    assert pruning.unused_images(store, []) == []
    pruning.note_pulled(store, [image("jawn-old"), image("shared"), image("gone")])
    assert [one["image"] for one in pruning.unused_images(store, [])] == [image("jawn-old")]


def test_an_image_that_a_container_uses_stays(store, docker):
    docker.used = ["jawn-old"]
    assert pruning.unused_images(store, ["1-aaaaaaaaaaaa"]) == []


def test_a_release_that_cannot_be_read_might_need_any_image(store, docker, tmp_path):
    (tmp_path / "other" / "releases" / "1-bbbbbbbbbbbb" / "manifest.json").write_text("{")
    assert pruning.unused_images(store, ["1-aaaaaaaaaaaa"]) == []
    assert pruning.remove_images(store, [image("jawn-old")]) == []


def test_only_what_is_unused_now_is_removed_by_digest(store, docker):
    wanted = [image(name) for name in ("jawn", "jawn-old", "web", "shared")]
    assert pruning.remove_images(store, wanted) == []
    pruning.remove_releases(store, 3, [])
    assert pruning.remove_images(store, wanted) == [image("jawn-old")]
    assert docker.removed() == [f"rmi registry.x:5000/jawn-old@sha256:{'jawn-old' * 8}"]


def test_what_docker_refuses_is_not_called_removed(store, docker):
    for release in store.release_ids():
        put_away = store.releases / release / "manifest.json"
        put_away.write_text(json.dumps({"services": []}))
    assert pruning.remove_images(store, [image("web"), image("jawn")]) == [image("jawn")]


def test_a_removal_that_was_cut_off_leaves_no_release_in_part_and_is_made_up_for(store, monkeypatch):
    def cut(folder):
        (folder / "manifest.json").unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pruning.shutil, "rmtree", cut)
        with pytest.raises(KeyboardInterrupt):
            pruning.remove_releases(store, 3, [])
    assert store.release_ids() == [f"{number}-aaaaaaaaaaaa" for number in (2, 3, 4)]
    pruning.remove_releases(store, 3, [])
    assert sorted(path.name for path in store.releases.iterdir()) == store.release_ids()


def test_the_release_that_a_cut_off_switch_came_from_stays(store):
    store.append("journal", step="switching", release="4-aaaaaaaaaaaa", previous="1-aaaaaaaaaaaa")
    assert "1-aaaaaaaaaaaa" not in pruning.old_releases(store, 1, [])
