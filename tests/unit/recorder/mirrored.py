"""What the gateway leaves of what passed, made by hand: files of exchanges, and lines of the access log."""

from __future__ import annotations

import fcntl
import json
import os
import time
import uuid

HEAD = {
    "id": "id-1",
    "key": "Bearer sk-helicone-a",
    "provider": "openai",
    "kind": "openai",
    "url": "https://provider.example/v1/chat/completions",
    "encoding": "",
}


def part(letter, content=b""):
    content = content.encode() if isinstance(content, str) else content
    return f"{letter}{len(content):08x}".encode() + content


def request(body=b'{"model":"m"}', started=1.0, headers=(), **changes):
    """Return the request's side of a file; `headers` are pairs of names and values."""
    words = [str(round(started * 1000)), *{**HEAD, **changes}.values()]
    head = part("H", "\0".join([*words, *(word for pair in headers for word in pair)]))
    return head + (part("Q", body) if body else b"")


def response(body=b'{"id":1}', status="200", kind="application/json", encoding="", first=1.5):
    """Return the answer's side of a file, whole."""
    pieces = part("F", str(round(first * 1000))) + part("R", body) if body else b""
    return part("A", f"{status}\0{kind}\0{encoding}") + pieces + part("E")


class Envoy:
    """One Envoy that writes below `folder` and into the access log `path`, until it ends."""

    def __init__(self, folder, path):
        self.path = path
        self.folder = folder / str(uuid.uuid4())
        self.folder.mkdir(parents=True)
        self.lock = os.open(self.folder, os.O_RDONLY)
        fcntl.flock(self.lock, fcntl.LOCK_EX)

    def leave(self, identity, content=None):
        """Write the file of an exchange and return its name as the access log says it."""
        name = str(uuid.uuid4())
        (self.folder / name).write_bytes(request(id=identity) + response() if content is None else content)
        return f"{self.folder.name}/{name}"

    def log(self, *entries):
        """Write lines, each of an id and the name of its file, or of more."""
        line = {
            "recorded": "yes", "start": f"{time.time():.3f}", "ms": 3, "status": 200, "provider": "openai",
            "path": "/v1/x", "flags": "-",
        }  # fmt: skip
        with self.path.open("a") as file:
            file.writelines(json.dumps({**line, **entry}) + "\n" for entry in entries)

    def passed(self, *ids):
        """Let whole exchanges pass."""
        self.log(*({"id": identity, "exchange": self.leave(identity)} for identity in ids))

    def end(self):
        """End, however: the kernel gives the lock back."""
        os.close(self.lock)
        self.lock = None

    def runs(self):
        """Return whether it has not ended."""
        return self.lock is not None


def new_ids(how_many):
    return [str(uuid.uuid4()) for _ in range(how_many)]
