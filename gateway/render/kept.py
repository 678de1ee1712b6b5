"""What Compose made of a host's files, kept for the next command: running Compose is most of what rendering takes.

The definitions hold secrets, so they are encrypted with a key that comes from the vault: who cannot open that
cannot read them. The name is a keyed hash of everything that they depend on, so that nothing can be out of date.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from gateway.compose_program import compose_program
from gateway.render.merge import INPUTS, merged_definition

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

KEPT_SECONDS = 7 * 86400
_NONCE = 12  # bytes; RFC 8439


class KeptMerges:
    """Merged definitions in a folder of this machine, each made and written once."""

    def __init__(self, folder: Path, key: bytes) -> None:
        self.folder = folder
        self._key = hmac.new(key, b"merged definitions", hashlib.sha256).digest()
        self._turns: dict[str, Lock] = {}
        self._known: dict[str, Mapping[str, Any]] = {}

    def merged(
        self, project: str, directory: str, files: Mapping[str, bytes], secrets: Iterable[str] = (), where: str = ""
    ) -> Mapping[str, Any]:
        """Return what `merged_definition` returns, without running Compose if it did for the same files before.

        Hosts that ask for the same at the same time wait for one run, and share its outcome: it is not to be
        changed. A folder that cannot be written to, or a file that is no good, costs time and nothing else. Raises
        what `merged_definition` does.
        """
        name = self._name(project, directory, files)
        with self._turns.setdefault(name, Lock()):
            if name not in self._known:
                file = self.folder / name
                try:
                    self._known[name] = self._opened(file)
                except (OSError, ValueError):
                    self._known[name] = merged_definition(project, directory, files, secrets, where)
                    with contextlib.suppress(OSError):
                        self._keep(file, json.dumps(self._known[name]).encode())
            return self._known[name]

    @cached_property
    def _cipher(self) -> ChaCha20Poly1305:
        from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305  # noqa: PLC0415 - slow to import

        return ChaCha20Poly1305(self._key)

    @cached_property
    def _program(self) -> str:
        """Return what changes with another Compose."""
        status = compose_program().stat()
        return f"{status.st_size} {status.st_mtime_ns}"

    def _name(self, project: str, directory: str, files: Mapping[str, bytes]) -> str:
        parts = [self._program, project, directory, *(hashlib.sha256(files[name]).hexdigest() for name in INPUTS)]
        return hmac.new(self._key, json.dumps(parts).encode(), hashlib.sha256).hexdigest()[:40]

    def _opened(self, file: Path) -> Mapping[str, Any]:
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - slow to import

        content = file.read_bytes()
        try:
            found: Mapping[str, Any] = json.loads(
                self._cipher.decrypt(content[:_NONCE], content[_NONCE:], file.name.encode())
            )
        except InvalidTag:
            raise ValueError("torn, or somebody else's") from None
        return found

    def _keep(self, file: Path, content: bytes) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        nonce = secrets.token_bytes(_NONCE)
        fresh = file.with_name(f".{secrets.token_hex(8)}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(nonce + self._cipher.encrypt(nonce, content, file.name.encode()))
        fresh.replace(file)
        for other in self.folder.iterdir():
            if other.stat().st_mtime < time.time() - KEPT_SECONDS:
                other.unlink(missing_ok=True)
