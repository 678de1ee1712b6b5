"""Values of a wrong kind, and values that cannot be."""

from __future__ import annotations

from tests.unit.inventory.bad_inputs.case import ALL, variables

VALUES = {
    "text for a number": variables("\nports: {ui: many}\n", f"{ALL}:2", "`ports.ui`", "whole number", '"many"'),
    "port too high": variables("ports:\n  ui: 70000\n", f"{ALL}:2", "`ports.ui`", "at most 65535", "70000"),
    "truth for a number": variables("ports: {ui: yes}\n", f"{ALL}:1", "`ports.ui`", "number", "true"),
    "number for a text": variables("upstream: {ref: 5}\n", f"{ALL}:1", "`upstream.ref`", "a text", "quotes", "5"),
    "text for a truth": variables("connection: {become: perhaps}\n", f"{ALL}:1", "true or false"),
    "one of two words": variables("postgres: {mode: shared}\n", f"{ALL}:1", "`bundled` or `external`"),
    "nothing given": variables("admin:\n  name:\n", f"{ALL}:2", "`admin.name`", "a text", "not empty"),
    "mapping for a text": variables("admin: {name: {a: b}}\n", f"{ALL}:1", "`admin.name`", "a mapping"),
    "text for a list": variables("roles: app\n", f"{ALL}:1", "`roles`", "a list"),
    "unknown role": variables("roles: [db]\n", f"{ALL}:1", "`roles`", "`data`, `app` or `edge`"),
    "memory without unit": variables("jawn: {memory: '512'}\n", f"{ALL}:1", "`jawn.memory`", "512m or 2g"),
    "memory below Docker's": variables("jawn: {memory: 0m}\n", f"{ALL}:1", "`jawn.memory`", "at least 6m"),
    "processors not finite": variables("jawn: {cpus: .inf}\n", f"{ALL}:1", "finite"),
    "memory of the gateway below Docker's": variables("keys: {memory: 1m}\n", f"{ALL}:1", "`keys.memory`", "6m"),
    "more memory for the mirror than the gateway has": variables(
        "recorder: {mirror: 600m}\n", f"{ALL}:1", "`recorder.mirror` is 600m", "`gateway.memory`"
    ),
    "e-mail without host": variables("admin: {email: me}\n", f"{ALL}:1", "`admin.email`", "e-mail"),
    "recipient not of age": variables("secrets: {recipients: [ssh-rsa]}\n", f"{ALL}:1", "age1..."),
    "relative directory": variables("directory: opt\n", f"{ALL}:1", "`directory`", "absolute path"),
    "environment value of a wrong kind": variables(
        "jawn:\n  environment:\n    A: [1]\n", f"{ALL}:3", "`jawn.environment.A`", "a text, a number, true or false"
    ),
    "environment name": variables(
        "jawn:\n  environment:\n    A-B: 1\n", f"{ALL}:3", "`A-B`", "name of an environment variable"
    ),
}
