"""Editing the secrets in an editor."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway import vault_edit
from gateway.errors import ConfigurationError
from gateway.rotation import made_anew, rotated
from gateway.secret import Secret
from gateway.vault import ensure_vault, open_vault, save_vault
from gateway.vault_edit import describe_edit, edit_vault, file_system_of

MEMORY = "/dev/shm"  # noqa: S108  # memory, and what the editor is given is private in it
pytestmark = pytest.mark.skipif(file_system_of(Path(MEMORY)) != "tmpfs", reason="no file system in memory")


class Desk:
    """A vault, and an editor that runs a few lines of Python on the text."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = (folder / "secrets.yml.age", folder / "age.key")
        self.vault, _ = ensure_vault(*self.files)

    def environment(self, code: str) -> dict[str, str]:
        """Return an environment whose editor runs `code` with the file as `path` and its content as `text`."""
        script = self.folder / "editor.py"
        script.write_text("import pathlib, sys, os\npath = pathlib.Path(sys.argv[1])\ntext = path.read_text()\n" + code)
        return {**os.environ, "VISUAL": "", "EDITOR": f"{sys.executable} '{script}'", "XDG_RUNTIME_DIR": ""}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Give a vault and an editor."""
    return Desk(tmp_path)


def leftovers() -> set[Path]:
    """Return what editing may have left in memory."""
    return set(Path(MEMORY).glob("helicone-secrets-*"))


def test_a_changed_value_is_saved(desk: Desk) -> None:
    before = leftovers()
    code = "path.write_text(text.replace('provider_api_key: \"\"', 'provider_api_key: sk-mine'))"
    changed = edit_vault(*desk.files, environment=desk.environment(code))
    assert changed == ["provider_api_key"]
    assert describe_edit(desk.files[0], changed).startswith("saved; changed: provider_api_key. Put ")
    assert describe_edit(desk.files[0], changed).endswith(f"{desk.files[0].name} under version control.")
    assert open_vault(*desk.files)["provider_api_key"].reveal() == "sk-mine"
    assert leftovers() == before


def test_what_a_rotation_saves_while_the_editor_is_open_stays(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or old values would be back in force with the next deploy, and nobody would be told."""
    code = "path.write_text(text.replace('provider_api_key: \"\"', 'provider_api_key: sk-mine'))"
    run_editor = vault_edit._run_editor  # noqa: SLF001 - the moment in which it is open

    def rotate(name: str, value: str) -> None:
        def run(*words: object) -> None:
            after = rotated(open_vault(*desk.files), {name: Secret(value)}, datetime.now(UTC))
            save_vault(desk.files[0], after, desk.files[1])
            run_editor(*words)  # type: ignore[arg-type]

        monkeypatch.setattr(vault_edit, "_run_editor", run)

    fresh = made_anew("postgres_password").reveal()
    rotate("postgres_password", fresh)
    assert edit_vault(*desk.files, environment=desk.environment(code)) == ["provider_api_key"]
    saved = open_vault(*desk.files)
    assert [saved[name].reveal() for name in ("postgres_password", "provider_api_key")] == [fresh, "sk-mine"]
    assert list(saved.notes.previous) == ["postgres_password"]

    rotate("provider_api_key", "sk-theirs")
    code = "path.write_text(text.replace('sk-mine', 'sk-ours'))"
    with pytest.raises(ConfigurationError, match="provider_api_key while the editor was open"):
        edit_vault(*desk.files, environment=desk.environment(code))
    assert open_vault(*desk.files)["provider_api_key"].reveal() == "sk-theirs"


def test_unchanged_text_is_not_written(desk: Desk) -> None:
    before = desk.files[0].read_bytes()
    changed = edit_vault(*desk.files, environment=desk.environment(""))
    assert changed == []
    assert describe_edit(desk.files[0], changed) == "nothing was changed"
    assert desk.files[0].read_bytes() == before


def test_a_removed_line_is_generated_anew(desk: Desk) -> None:
    code = "path.write_text(''.join(l for l in text.splitlines(True) if not l.startswith('admin_password')))"
    assert edit_vault(*desk.files, environment=desk.environment(code)) == ["admin_password"]
    assert open_vault(*desk.files)["admin_password"] != desk.vault["admin_password"]


def test_an_editor_that_saves_by_renaming(desk: Desk) -> None:
    code = "new = path.with_name('x')\nnew.write_text(text)\nnew.rename(path)\npath.with_name('y~').touch()"
    before = leftovers()
    assert edit_vault(*desk.files, environment=desk.environment(code)) == []
    assert leftovers() == before


def test_the_text_is_in_memory_and_private(desk: Desk) -> None:
    note = desk.folder / "seen"
    code = (
        "modes = [f'{place.stat().st_mode & 0o777:o}' for place in (path, path.parent)]\n"
        f"pathlib.Path({str(note)!r}).write_text(' '.join([str(path), *modes]))"
    )
    edit_vault(*desk.files, environment=desk.environment(code))
    name, mode, folder_mode = note.read_text().split()
    assert name.startswith(f"{MEMORY}/")
    assert (mode, folder_mode) == ("600", "700")


def test_invalid_text_is_not_saved(desk: Desk) -> None:
    before = desk.files[0].read_bytes()
    code = "path.write_text('admin_password: minioadmin')"
    with pytest.raises(ConfigurationError, match="`admin_password` is a publicly known default"):
        edit_vault(*desk.files, environment=desk.environment(code))
    assert desk.files[0].read_bytes() == before


def test_the_operator_may_go_back_to_the_editor(desk: Desk) -> None:
    code = "path.write_text(text + 'x: y\\n' if 'x: y' not in text else text.replace('x: y', ''))"
    errors: list[str] = []

    def again(error: ConfigurationError) -> bool:
        errors.append(error.message)
        return True

    assert edit_vault(*desk.files, environment=desk.environment(code), again=again) == []
    assert errors == ["unknown secret `x`"]


@pytest.mark.parametrize(
    ("code", "words"),
    [("sys.exit(3)", "exit code 3"), ("path.unlink()", "gone"), ("path.write_bytes(b'\\xff')", "not UTF-8")],
)
def test_a_failing_editor_changes_nothing(desk: Desk, code: str, words: str) -> None:
    before = desk.files[0].read_bytes(), leftovers()
    with pytest.raises(ConfigurationError, match=words):
        edit_vault(*desk.files, environment=desk.environment(code))
    assert (desk.files[0].read_bytes(), leftovers()) == before


@pytest.mark.parametrize("editor", ["no-such-editor", "'unclosed", " "])
def test_no_editor(desk: Desk, editor: str) -> None:
    with pytest.raises(ConfigurationError, match="no editor"):
        edit_vault(*desk.files, environment={"EDITOR": editor})


def test_without_memory_editing_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault_edit, "file_system_of", lambda _: "ext4")
    with pytest.raises(ConfigurationError, match="no file system in memory"):
        edit_vault(*desk.files, environment=desk.environment("sys.exit(9)"))


def test_the_first_edit_makes_the_vault(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "one")
    other = (tmp_path / "two" / "secrets.yml.age", desk.files[1])
    assert edit_vault(*other, environment=desk.environment("assert 'admin_password' in text")) == []
    assert other[0].exists()
