"""Conversations with many hosts at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from gateway.errors import GatewayError, UnreachableError
from gateway.inventory.model import Host, Inventory
from gateway.transport.bundle import command
from gateway.transport.conversation import Conversation
from gateway.transport.streams import LocalStream, SshStream, Stream

Result = TypeVar("Result")
Conversations = Mapping[str, Conversation]
CONNECTIONS_AT_ONCE = 32  # handshakes are bound by this machine's processors; more at once only queue


def converse(host: Host, inventory: Inventory) -> Conversation:
    """Connect to a host, start its agent and name the environment. Raises UnreachableError, ConfigurationError."""
    root = f"{host.variables.directory}/{inventory.environment}"
    conversation = Conversation(host.name, _stream(host, inventory, command(root)))
    try:
        conversation.request("open", root=root)
    except BaseException:
        conversation.close()
        raise
    return conversation


def _stream(host: Host, inventory: Inventory, words: str) -> Stream:
    """Return the stream to a command on a host, which is run through sudo where the inventory says so."""
    settings = host.variables.connection
    if settings.transport == "local":
        return LocalStream(f"sudo -n {words}" if settings.become and os.geteuid() else words)
    from gateway.transport.ssh import open_transport  # noqa: PLC0415 - Fabric is slow to import

    transport = open_transport(host, inventory.environment, inventory.path.parents[1], inventory.path / "known_hosts")
    try:
        return SshStream(transport, f"sudo -n {words}" if settings.become else words)
    except OSError as error:
        raise UnreachableError(
            str(error), where=f"{host.name}: start the agent", unaffected="nothing was changed",
            next_step="look at sshd's log on the host",
        ) from None  # fmt: skip


def on_all(names: Sequence[str], work: Callable[[str], Result]) -> tuple[dict[str, Result], dict[str, Exception]]:
    """Run `work` for every host at once; return what it gave and what it raised, by host in the given order.

    Ctrl-C lets what has begun on a host come to its end and begins nothing more; a second one stops the waiting.
    """
    results: dict[str, Result] = {}
    failures: dict[str, Exception] = {}
    with ThreadPoolExecutor(max_workers=max(1, min(CONNECTIONS_AT_ONCE, len(names)))) as pool:
        try:
            for name, future in [(name, pool.submit(work, name)) for name in names]:
                try:
                    results[name] = future.result()
                except Exception as error:  # noqa: BLE001 - collected: the caller shows the failures of all hosts
                    failures[name] = error
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return results, failures


@contextmanager
def connected(
    inventory: Inventory, on_failure: Callable[[dict[str, Exception]], None]
) -> Iterator[dict[str, Conversation]]:
    """Yield the conversations with the selected hosts and close them at the end.

    Hosts that could not be reached are handed to `on_failure`, which raises if the command needs them.
    """
    conversations, failures = on_all(inventory.selected, lambda name: converse(inventory.hosts[name], inventory))
    try:
        if failures:
            on_failure(failures)
        yield conversations
    finally:
        for conversation in conversations.values():
            conversation.close()


def need_all(failures: dict[str, Exception]) -> None:
    """Raise one error for all hosts that failed: the only one itself, or a list under the first one's kind."""
    errors = list(failures.values())
    for error in errors:
        if not isinstance(error, GatewayError):
            raise error
    first = errors[0]
    if len(errors) == 1 or not isinstance(first, GatewayError):
        raise first
    message = f"{len(errors)} hosts failed:\n" + "\n".join(f"  {error}" for error in errors)
    raise type(first)(
        message, where=", ".join(failures), unaffected="the other hosts; nothing was changed",
        next_step="do what stands under each of them, then type the command again",
    )  # fmt: skip
