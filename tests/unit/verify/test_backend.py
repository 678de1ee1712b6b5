"""The backend against this machine's shell."""

from __future__ import annotations

from pathlib import Path

from gateway.verify.backend import SYSTEM_COMMANDS, ConversationBackend, file_commands, host_over
from tests.unit.verify.made_up import FakeConversation


def test_testinfra_modules_work_over_the_conversation(tmp_path: Path) -> None:
    file = tmp_path / "it's a file"
    file.write_text("text")
    file.chmod(0o640)
    host = host_over("app1", FakeConversation())
    found = host.file(str(file))
    assert found.exists
    assert found.mode == 0o640
    assert found.sha256sum == "982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1"
    assert host.run("printf %s", "a b").stdout == "a b"
    assert host.run("false").rc == 1


def test_a_command_is_sent_once(tmp_path: Path) -> None:
    conversation = FakeConversation()
    host = host_over("app1", conversation)
    path = str(tmp_path)
    assert host.file(path).mode == host.file(path).mode
    assert conversation.commands.count(f"stat -Lc %a {path}") == 1


def test_commands_run_ahead_need_no_message_of_their_own(tmp_path: Path) -> None:
    conversation = FakeConversation()
    host = host_over("app1", conversation)
    (tmp_path / "file").write_text("text")
    path = str(tmp_path / "file")
    backend = host.backend
    assert isinstance(backend, ConversationBackend)
    backend.ahead([*SYSTEM_COMMANDS, *file_commands(path), "exit 3"])
    file = host.file(path)
    assert (file.exists, file.uid) == (True, 0)
    assert len(file.sha256sum) == 64
    assert host.run("exit 3").rc == 3
    assert backend.messages == 1
