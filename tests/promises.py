"""What holds under failure, row by row: docs/reliability.md states it, tests marked `fault` prove it."""

from __future__ import annotations

from typing import NamedTuple


class Promise(NamedTuple):
    """One row: what goes wrong, and what holds then."""

    injected: str
    holds: str


PROMISES = {
    "F1": Promise(
        "the connection is cut at any byte of an upload, and after the switch was ordered",
        "the host is fully on the old or fully on the new release, `status` says on which; the next deploy converges",
    ),
    "F2": Promise(
        "the connection stalls without an end",
        "the command ends by its keepalives, the lease by its own time",
    ),
    "F3": Promise(
        "the control node is killed, at step boundaries and at random moments; the host's power goes at any write",
        "the host finishes or undoes alone and gives its lease back; the next command leads to all new or all old",
    ),
    "F4": Promise(
        "Ctrl-C, once and twice",
        "once: what has begun is finished, then all hosts go back; twice: the hosts not waited for are named",
    ),
    "F5": Promise(
        "two deploys start at the same moment, of one environment or of two on one host",
        "exactly one wins; the other ends with code 4 and says who, since when and what",
    ),
    "F6": Promise(
        "the disk is full, or fills up inside the upload or a pull",
        "preflight refuses when space is short; otherwise the old release runs on and nothing is left over",
    ),
    "F7": Promise(
        "Docker is down or dies inside a switch, Compose is missing or too old",
        "a sentence and an exit code before anything is switched; or the host is named, and the next deploy settles it",
    ),
    "F8": Promise(
        "a service does not start, is unhealthy, or dies within its first seconds",
        "the host goes back to the release before, verified; if that fails too, it is named as in doubt",
    ),
    "F9": Promise(
        "one host of several fails in a deploy",
        "the hosts that were switched go back too",
    ),
    "F10": Promise(
        "a release is damaged on its way or on the disk: any byte, any truncation, its manifest",
        "it is refused before the switch",
    ),
    "F11": Promise(
        "the controller's or the host's clock is off by a day",
        "order and leases do not change",
    ),
    "F12": Promise(
        "the host is restarted between upload and switch, and after the switch",
        "it comes back on the same release, verified",
    ),
    "F13": Promise(
        "files are edited by hand, containers are stopped, added or made of other images",
        "each is named, with what mends it; a deploy puts it right",
    ),
    "F14": Promise(
        "a host does not answer, or its key is another",
        "a row of its own and exit code 3; nothing was sent to it, the others are not touched",
    ),
    "F15": Promise(
        "secrets and variables hold quotes, `$`, `#`, newlines, any UTF-8; a default password is used",
        "the value in the container is the one that was given; the default is refused",
    ),
    "F16": Promise(
        "a migration fails half-way, or outlasts the health timeout",
        "it is never killed; the old version serves again with its data, restored from the set that was taken before",
    ),
    "F17": Promise(
        "a backup is damaged, goes wrong, or is restored and the power goes",
        "it is marked bad, the newest proven one stays; the stores hold all of the old or all of the restored data",
    ),
    "F18": Promise(
        "an upgrade skips a hard stop",
        "it is refused, with the next version that may be deployed",
    ),
    "F19": Promise(
        "the registry is down",
        "images that are on the host under their digest are used",
    ),
    "F20": Promise(
        "a host greets with noise, has a slow shell, an odd locale and umask, and no root login",
        "every command works",
    ),
    "F21": Promise(
        "jawn, the recorder, a store or the whole data host is down under load; releases are deployed under load",
        "no client request fails, and every request is recorded, once, with its own time",
    ),
}
