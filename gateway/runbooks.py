"""Which page of docs/runbooks/ is about what a command found."""

from __future__ import annotations

import re
from collections.abc import Iterable

FOLDER = "docs/runbooks"


def _down(service: str) -> str:
    """Return a pattern for what status and checks say of a service that does not run."""
    return rf"\b{service} \((it is|not there)|container {service} is|container of {service}\b"


# By the sentences of checks, states and causes; what other things follow from stands first.
_PAGES = (
    ("lost-host", r"no connection:|its host key changed|host key \S+ is not pinned"),
    ("disk-full", r"of disk are free|[Nn]o space left|the spool was full|MB are taken by waiting"),
    ("postgres-down", rf"PostgreSQL does not (answer|accept)|{_down('db')}"),
    ("clickhouse-down", rf"ClickHouse does not answer|{_down('clickhouse')}"),
    ("failed-migration", r"\bthe ledgers?\b|migrations (were|had been) applied|migrated in part|upgrade was cut off"),
    ("ui-redirects", r"Helicone's cloud|web sends / to|web answers /signin with 3|the UI sends browsers to"),
    ("certificate", r"certificate ends|CERTIFICATE_VERIFY_FAILED"),
    ("gateway-unreachable", rf":\d+ gives no answer|{_down('gateway')}|{_down('door')}"),
    (
        "requests-not-in-the-ui",
        rf"not recorded|records? wait|pass unrecorded|without a record|recorder (last|has not) said|{_down('jawn')}",
    ),
)


def about(sentences: Iterable[str]) -> list[str]:
    """Return the paths of the pages about these sentences, each once, causes before what follows from them."""
    texts = list(sentences)
    return [f"{FOLDER}/{page}.md" for page, pattern in _PAGES if any(re.search(pattern, text) for text in texts)]
