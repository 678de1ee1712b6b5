"""`python -m lab.shifted SECONDS verb ...`: a command typed on a controller whose clock is off by so many seconds."""

from __future__ import annotations

import sys
import time

from invoke.main import program

from lab.layout import ROOT


def main(seconds: float, words: list[str]) -> None:
    """Type a command of the project by a clock that is wrong."""
    right = time.time
    time.time = lambda: right() + seconds
    program.run(["invoke", "--search-root", str(ROOT), *words])


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2:])
