"""`python -m bench.gateway`: run the benchmark. See docs/performance-gateway.md."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import results
from bench.gateway import endurance, environment, litellm_proxy, provider, recorded
from bench.gateway.comparison import cases, compare
from bench.gateway.layout import PAGE, VIRTUAL_ENVIRONMENT
from bench.gateway.measurement import Machine
from bench.gateway.parts import Part
from bench.gateway.plot import LINKS
from bench.gateway.report import report
from bench.gateway.short import run_short
from bench.gateway.targets import Target, targets
from bench.layout import ROOT
from bench.progress import say
from bench.publish import REPORT, publish
from bench.shell import bridge_address
from gateway.errors import GatewayError


def options(words: list[str]) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m bench.gateway", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a minute; judges counts, without LiteLLM and drawings")
    parser.add_argument("--publish", metavar="FOLDER", type=Path, help="put the results of a run into docs/, and end")
    parser.add_argument("--rounds", type=int, default=4, help="of the comparison; each begins with another way")
    parser.add_argument("--count", type=int, default=10000, help="requests of a measurement")
    parser.add_argument("--seconds", type=float, default=20, help="after which a measurement ends, if it comes earlier")
    parser.add_argument("--endurance", type=int, default=100000, help="requests of the long run; 0 leaves it out")
    parser.add_argument("--endurance-rate", type=float, default=1000)
    parser.add_argument("--rates", default="500,1000,1500,2000,2500,3000,3500,4000,5000", help="of the climb, or empty")
    parser.add_argument("--step-seconds", type=float, default=10)
    parser.add_argument("--wait", type=float, default=1800, help="seconds to wait until records are delivered")
    parser.add_argument("--no-litellm", action="store_true")
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    """Run what was asked for and return the exit code: 0, or 1 if counts do not add up."""
    chosen = options(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is removed
    if chosen.publish:
        publish(chosen.publish, PAGE, LINKS)
        return 0
    try:
        with contextlib.ExitStack() as stack:
            address = bridge_address()
            stack.enter_context(provider.running(address))
            say("deploying the environment `bench` onto this machine")
            stack.enter_context(environment.deployed())
            ways = targets(address, environment.helicone_key())
            return short(ways) if chosen.short else full(chosen, address, ways)
    except GatewayError as error:
        print(error, file=sys.stderr)
        return error.exit_code


def short(ways: tuple[Target, ...]) -> int:
    """Run the short form, keep nothing, and say what did not add up."""
    with tempfile.TemporaryDirectory(prefix="helicone-bench-rows-") as folder:
        problems = run_short(Machine((), Path(folder)), ways, say)
    say("; ".join(problems) or "sent = recorded, 0 failed")
    return 1 if problems else 0


def full(chosen: argparse.Namespace, address: str, ways: tuple[Target, ...]) -> int:
    """Run everything, keep the rows, and write report and drawings beside them."""
    folder = results.new_folder()
    with contextlib.ExitStack() as stack:
        processes: tuple[Part, ...] = ()
        if chosen.no_litellm:
            ways = tuple(way for way in ways if way.name != "litellm")
        else:
            say("starting LiteLLM's proxy")
            processes = (stack.enter_context(litellm_proxy.running(address)),)
        facts = {"litellm": "not run" if chosen.no_litellm else litellm_proxy.version(), **environment.versions()}
        results.keep(folder, results.machine(**facts))
        machine = Machine(processes, folder)
        for row in compare(machine, ways, cases(chosen.count, chosen.seconds), chosen.rounds, say):
            results.keep(folder, {"kind": "comparison", **row})
    long_runs(chosen, Machine((), folder), next(way for way in ways if way.name == "edge"))
    results.keep(folder, {"kind": "recorder", "state": recorded.last_state(60)})
    (folder / REPORT).write_text(report(results.read(folder)))
    if shutil.which("python", path=VIRTUAL_ENVIRONMENT / "bin"):
        python = str(VIRTUAL_ENVIRONMENT / "bin" / "python")
        subprocess.run([python, "-m", "bench.gateway.plot", str(folder)], cwd=ROOT, check=True)
    say(f"report: {(folder / REPORT).relative_to(ROOT)}")
    return 0


def long_runs(chosen: argparse.Namespace, machine: Machine, edge: Target) -> None:
    """Climb through the rates, and send the long run."""
    rates = [float(rate) for rate in chosen.rates.split(",") if rate]
    for row in endurance.climb(machine, edge, rates, chosen.step_seconds, chosen.wait, say):
        results.keep(machine.folder, row)
    if chosen.endurance:
        say(f"{chosen.endurance:,} requests at {chosen.endurance_rate:,.0f}/s")
        row = endurance.endure(machine, edge, chosen.endurance, chosen.endurance_rate, chosen.wait)
        results.keep(machine.folder, row)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
