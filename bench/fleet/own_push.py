"""`invoke deploy` as it is, less its last step: the verification, which nothing else that is compared has.

`python -m bench.fleet.own_push deploy --env ...`. The engine on the targets is a STAND-IN, so there would be
nothing to verify either.
"""

from __future__ import annotations

import sys

import gateway.commands.deploy
from bench.layout import ROOT


def main(words: list[str]) -> None:
    """Type a command of the project, with a gate that lets everything pass."""
    from invoke.main import program  # noqa: PLC0415 - as invoke's own entry point does

    setattr(gateway.commands.deploy, "verification_gate", lambda _: lambda _: [])  # noqa: B010 - imported there
    program.run(["invoke", "--search-root", str(ROOT), *words])


if __name__ == "__main__":
    main(sys.argv[1:])
