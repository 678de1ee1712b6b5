"""`python -m lab.counted FILE verb ...`: an operator's command that notes how often it asked each host.

FILE gets a line of JSON for each conversation, when it is closed: the host and the round trips.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from invoke.main import program

from gateway.transport.conversation import Conversation
from lab.layout import ROOT


def main(file: Path, words: list[str]) -> None:
    """Type a command of the project and note its conversations."""
    close = Conversation.close

    def noted(self: Conversation) -> None:
        """Note and close."""
        with file.open("a") as notes:
            notes.write(json.dumps({"host": self.host, "round_trips": self.round_trips}) + "\n")
        close(self)

    Conversation.close = noted  # type: ignore[method-assign]
    program.run(["invoke", "--search-root", str(ROOT), *words])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
