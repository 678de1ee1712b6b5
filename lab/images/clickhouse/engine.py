"""The ClickHouse engine in this process: one connection, one query at a time, data on disk."""

from __future__ import annotations

import importlib.util
import re
import sys
import threading
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# Settings of HTTP clients that would change nothing here, or that chdb answers with an error.
_IGNORED_PREFIXES = ("async_insert", "wait_for_", "enable_http", "http_", "log_", "max_execution_time")
_CODE = re.compile(r"Code: (\d+)\. ")
# DROP ... SYNC waits for a background task that chdb runs after eight minutes only.
_SYNC = re.compile(r"^(\s*DROP\s.*?)\s+(?:SYNC|NO\s+DELAY)\s*;?\s*$", re.IGNORECASE | re.DOTALL)


def quoted(value: str) -> str:
    """Return a value as a ClickHouse string literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


class QueryError(Exception):
    """What ClickHouse answered instead of a result: its error code and its text."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Engine:
    """A chdb connection on one data folder, which no other process may open meanwhile."""

    def __init__(self, folder: str, configuration: str = "") -> None:
        self._lock = threading.Lock()
        options = f"?config-file={configuration}" if configuration else ""
        self._connection: Any = _load_chdb().connect(folder + options)
        names = self._connection.query("SELECT name FROM system.settings", "TabSeparated").bytes()
        self._settings = set(names.decode().split())

    def run(
        self,
        statement: bytes,
        output_format: str,
        parameters: Mapping[str, str],
        settings: Mapping[str, str],
    ) -> bytes:
        """Run one statement with `{name:Type}` parameters and settings of this query alone.

        Unknown settings are skipped: clients send such as only a server knows. Raises QueryError.
        """
        applied = {
            name: value
            for name, value in settings.items()
            if name in self._settings and not name.startswith(_IGNORED_PREFIXES)
        }
        with self._lock:
            if self._connection is None:
                raise QueryError(236, "Code: 236. DB::Exception: the server is shutting down. (ABORTED)")
            try:
                for name, value in parameters.items():
                    self._query(f"SET param_{name} = {quoted(value)}".encode(), output_format)
                for name, value in applied.items():
                    literal = value if value.startswith("{") else quoted(value)
                    self._query(f"SET {name} = {literal}".encode(), output_format)
                return self._query(_without_sync(statement), output_format)
            finally:
                for name in applied:
                    self._query(f"SET {name} = DEFAULT".encode(), output_format)

    def close(self) -> None:
        """Wait for the running query, then close the data folder."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _query(self, statement: bytes, output_format: str) -> bytes:
        try:
            result = self._connection.query(statement.decode("utf-8", "surrogateescape"), output_format)
        except RuntimeError as error:
            text = str(error)
            found = _CODE.search(text)
            raise QueryError(int(found[1]) if found else 1002, text) from None
        return bytes(result.bytes()) if result else b""


def _without_sync(statement: bytes) -> bytes:
    if len(statement) > 2000:
        return statement
    return _SYNC.sub(r"\1", statement.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def _load_chdb() -> Any:
    """Import chdb's compiled module alone: its Python package needs pandas and pyarrow to be imported."""
    specification = importlib.util.find_spec("chdb")
    if specification is None or specification.submodule_search_locations is None:
        raise SystemExit("chdb is not installed")
    package = types.ModuleType("chdb")
    package.__path__ = list(specification.submodule_search_locations)
    sys.modules["chdb"] = package
    return importlib.import_module("chdb._chdb")
