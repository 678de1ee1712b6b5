"""What an image is built from, and when its hash changes."""

import io
import tarfile
from pathlib import Path

import pytest

from gateway.errors import ConfigurationError
from lab import contexts


def make_image(directory: Path, **files: str) -> Path:
    image = directory / "thing"
    image.mkdir(parents=True)
    for name, text in {"Dockerfile": "FROM helicone-lab/bookworm\n", **files}.items():
        (image / name).write_text(text)
    return image


def test_parents_are_from_lines_and_copies_once_each() -> None:
    text = "FROM helicone-lab/bookworm AS one\nFROM helicone-lab/host\nCOPY --from=helicone-lab/host /a /b\n"
    assert contexts.parents(text) == ("bookworm", "host")


def test_parents_ignore_other_images_and_mentions_in_comments() -> None:
    assert contexts.parents("# FROM helicone-lab/x\nFROM scratch\nRUN echo helicone-lab/web\n") == ()


def test_requirements_keep_options_and_drop_comments() -> None:
    assert contexts.requirements("# why\nchdb==3.6.0 --no-deps  # big\n\nx\n") == (
        ("chdb==3.6.0", "--no-deps"),
        ("x",),
    )


def test_hash_follows_content_mode_name_and_parent(tmp_path: Path) -> None:
    file = tmp_path / "run"
    file.write_text("one")
    hashes = [contexts.content_hash({"run": file}, {"base": "1"})]
    hashes.append(contexts.content_hash({"run": file}, {"base": "2"}))
    hashes.append(contexts.content_hash({"walk": file}, {"base": "1"}))
    file.chmod(0o755)
    hashes.append(contexts.content_hash({"run": file}, {"base": "1"}))
    file.write_text("two")
    hashes.append(contexts.content_hash({"run": file}, {"base": "1"}))
    assert len(set(hashes)) == 5


def test_hash_ignores_times_and_places(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_text("same")
    second.write_text("same")
    assert contexts.content_hash({"x": first}, {}) == contexts.content_hash({"x": second}, {})


def test_context_holds_sources_without_lists_and_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = make_image(tmp_path, server="s", **{"wheels.txt": "# none\n"})
    (image / "__pycache__").mkdir()
    (image / "__pycache__" / "x.pyc").write_text("")
    monkeypatch.setattr(contexts, "IMAGES", tmp_path)
    monkeypatch.setattr(contexts, "WHEELS", tmp_path / "wheels")
    assert sorted(contexts.context_files("thing")) == ["Dockerfile", "server"]


def test_missing_program_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_image(tmp_path, **{"binaries.txt": "no-such-program\n"})
    monkeypatch.setattr(contexts, "IMAGES", tmp_path)
    with pytest.raises(ConfigurationError, match="no-such-program"):
        contexts.context_files("thing")


def test_missing_image_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contexts, "IMAGES", tmp_path)
    with pytest.raises(ConfigurationError, match="Dockerfile"):
        contexts.context_files("thing")


def test_archive_has_fixed_times_and_keeps_executable_bits(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o700)
    stream = io.BytesIO()
    contexts.write_context({"bin/script": script}, stream)
    stream.seek(0)
    with tarfile.open(fileobj=stream) as archive:
        entry = archive.getmember("bin/script")
    assert (entry.mode, entry.mtime, entry.uid) == (0o755, 0, 0)
