"""A text that never prints itself."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

REDACTED = "[redacted]"


class Secret:
    """A secret text, shown as `[redacted]` by str, repr, format, YAML, JSON and tracebacks.

    Only `reveal` gives the text; only the code that writes it into `.env`, a request or the vault
    calls it. Two secrets compare in constant time.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself."""
        return self._text

    def fingerprint(self, key: bytes) -> str:
        """Return eight hex digits that change with the text and mean nothing without `key`."""
        return hmac.new(key, self._text.encode(), hashlib.sha256).hexdigest()[:8]

    def __str__(self) -> str:
        return REDACTED

    def __repr__(self) -> str:
        return REDACTED

    def __format__(self, specification: str) -> str:
        return format(REDACTED, specification)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str | tuple[Any, ...]:
        """Refuse to be pickled: a pickle would carry the text in the clear."""
        raise TypeError("a Secret cannot be pickled")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Let pydantic accept a Secret or a text, and serialize it redacted."""
        return core_schema.no_info_plain_validator_function(
            lambda value: value if isinstance(value, cls) else cls(str(value)),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda _: REDACTED),
        )
