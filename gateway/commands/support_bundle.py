"""`invoke doctor --bundle`: what somebody who is to help needs to see, in one file, without any secret."""

from __future__ import annotations

import io
import json
import re
import tarfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from gateway.agent.redaction import HIDDEN, hider
from gateway.commands.fleet_state import observe
from gateway.commands.project import identity_path, vault_path
from gateway.commands.status import host_status
from gateway.console import say
from gateway.inventory import Inventory
from gateway.private_file import write_private
from gateway.transport.conversation import AgentError
from gateway.transport.fleet import connected, on_all
from gateway.vault import Vault, open_vault

# What looks like somebody's key: clients' own are in no vault, and a program may print what it was sent.
_KEYS = re.compile(r"\b(?:sk|ms|pk|rk)-[A-Za-z0-9_-]{12,}|(?<=[Bb]earer )[A-Za-z0-9._~+/=-]{8,}")
README = """What `invoke doctor --bundle` collected of the environment {environment}.

status.json           every host's state as `invoke status` tells it
<host>/snapshot.json  what the host is and runs, its history, its lease
<host>/logs/          the last lines of each container
<host>/containers/    why each container is as it is
<host>/release/       the files of the release that runs
<host>/*.txt          Docker, disk, memory, versions

Secrets are replaced by {hidden}. Look before you give it away all the same: logs may name people and addresses.
"""


def bundle(inventory: Inventory, path: Path, as_json: bool) -> dict[str, Any]:
    """Write the support bundle of the selected hosts to `path`, readable by its owner only; return what is in it.

    A host that cannot be asked is in it with the reason. Raises ConfigurationError when the secrets
    cannot be opened: what is not known cannot be taken out.
    """
    vault = open_vault(vault_path(inventory), identity_path(inventory))
    unreachable: dict[str, Exception] = {}
    with connected(inventory, unreachable.update) as conversations:
        observed = observe(inventory, conversations, on_failure=unreachable.update)
        collected, failures = on_all(
            list(conversations), lambda name: conversations[name].request("support", project=inventory.project)
        )
    unreachable |= failures
    texts = {"README.txt": README.format(environment=inventory.environment, hidden=HIDDEN)}
    texts["status.json"] = as_text({name: host_status(seen) for name, seen in observed.items()})
    for name, error in unreachable.items():
        texts[f"{name}/unreachable.txt"] = f"{error}\n"
    for name, seen in observed.items():
        texts[f"{name}/snapshot.json"] = as_text({key: value for key, value in seen.items() if key != "contents"})
    for name, files in collected.items():
        texts |= {f"{name}/{file}": text for file, text in files.items()}
    write_private(path, packed(redacted(texts, vault)), replace=False)
    result = {
        "environment": inventory.environment, "file": str(path), "files": sorted(texts),
        "unreachable": {name: str(error) for name, error in unreachable.items()},
    }  # fmt: skip
    if not as_json:
        for error in unreachable.values():
            say(str(error) if not isinstance(error, AgentError) else f"{error.host}: {error.message}", "red")
        say(
            f"{path}: {len(texts)} files of {len(observed)} hosts, secrets replaced; look through it before you send it"
        )
    return result


def redacted(texts: Mapping[str, str], vault: Vault) -> dict[str, str]:
    """Return the texts without any secret of the vault, in any form, and without what looks like a client's key."""
    redact = redactor(secret.reveal() for secret in vault.all_values)
    return {name: redact(text) for name, text in texts.items()}


def redactor(secrets: Iterable[str]) -> Callable[[str], str]:
    """Return a function that takes secrets, and what looks like a client's key, out of a text."""
    hidden = hider(secrets)
    return lambda text: _KEYS.sub(HIDDEN, hidden(text))


def packed(texts: Mapping[str, str]) -> bytes:
    """Return the texts as a compressed tar whose files lie in one folder."""
    buffer = io.BytesIO()
    now = int(time.time())
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in sorted(texts.items()):
            content = text.encode(errors="replace")
            entry = tarfile.TarInfo(f"support/{name}")
            entry.size, entry.mode, entry.mtime = len(content), 0o600, now
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def as_text(value: Any) -> str:
    """Return data as JSON that people can read."""
    return json.dumps(value, indent=2, default=str)
