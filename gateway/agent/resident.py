"""The agent, kept on a host that has a release: the next command neither sends nor compiles it again.

It lies beside the journal, in a folder of root's alone, under a name made of its sources and Python's version; the
lines that start it (gateway/transport/bundle.py) take it only if it is their own user's and nobody else's to read.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import CodeType

from .store import Store


def keep(store: Store, target: Path) -> None:
    """Keep the zip that this program runs from at `target`, what was used of it compiled; the only one there.

    Does nothing on a host without a release, nor when it was started from there and had nothing to compile. A disk
    that does not take it is no failure: the next command sends it again, or compiles what is missing.
    """
    loader = globals()["__loader__"]
    archive, fresh_code = Path(loader.archive), getattr(loader, "fresh", {})
    if not store.state.is_dir():
        return
    with contextlib.suppress(OSError):
        if target.exists() and target.samefile(archive) and not fresh_code:
            return
        target.parent.mkdir(mode=0o700, exist_ok=True)
        # A name of its own: two commands may end at once, and none is to put there what the other has begun to write.
        fresh = target.with_name(f".{target.name}.{os.getpid()}.new")
        fresh.unlink(missing_ok=True)
        try:
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(compiled(archive, fresh_code))
                file.flush()
                os.fsync(file.fileno())
            for other in target.parent.iterdir():
                if other not in (fresh, target):
                    other.unlink()
            fresh.replace(target)
        finally:
            fresh.unlink(missing_ok=True)


def compiled(archive: Path, known: Mapping[str, CodeType]) -> bytes:
    """Return the zip with the code of the modules that are in use beside their sources, and nothing packed.

    `known` is the code that this program compiled already; what the zip has of earlier commands stays. The code is
    marked as not to be compared with its source (PEP 552): the name of the zip says what it holds.
    """
    import importlib.util
    import io
    import zipfile

    head = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8)
    buffer = io.BytesIO()
    with zipfile.ZipFile(archive) as given, zipfile.ZipFile(buffer, "w") as bundle:
        names = frozenset(given.namelist())
        for name in given.namelist():
            data = given.read(name)
            bundle.writestr(zipfile.ZipInfo(name), data)
            module = name[: -len(".py")].replace("/__init__", "").replace("/", ".")
            if name.endswith(".py") and f"{name}c" not in names and module in sys.modules:
                code = known.get(module) or compile(data, name, "exec", dont_inherit=True)
                bundle.writestr(zipfile.ZipInfo(f"{name}c"), head + marshal.dumps(code.replace(co_filename=name)))
    return buffer.getvalue()
