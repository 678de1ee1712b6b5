"""How the agent's modules come out of the zip that it runs from: each is looked for and compiled once.

Python's own importer of zips makes the code of a module twice, the first time only to learn the name of its file.
"""

from __future__ import annotations

import gc
import sys
from types import CodeType
from zipimport import zipimporter

_OBJECTS = 50_000  # made since the last search for cycles: a look at a host, or a switch, makes fewer and ends


class Once(zipimporter):
    """Imports from one folder of a zip, and remembers what it had to compile."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.known: dict[str, CodeType] = {}
        self.fresh: dict[str, CodeType] = {}

    def get_code(self, fullname: str) -> CodeType:
        """Return a module's code; what comes from its source is in `fresh` from then on."""
        code = self.known.get(fullname) or super().get_code(fullname)
        self.known[fullname] = code
        if code.co_filename.startswith(self.archive):  # a zip that was made on this host names files by themselves
            self.fresh[fullname] = code
        return code

    def get_filename(self, fullname: str) -> str:
        """Return where a module's source is in the zip."""
        return f"{self.archive}/{self.prefix}{fullname.rpartition('.')[2]}.py"


def main() -> None:
    """Import the rest of the agent through `Once`, and let it serve."""
    gc.set_threshold(_OBJECTS)
    folder = sys.modules[__package__].__path__[0]
    sys.path_importer_cache[folder] = Once(folder)
    from .session import main as serve  # noqa: PLC0415 - from here on modules come through it

    serve()
