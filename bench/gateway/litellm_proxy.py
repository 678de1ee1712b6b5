"""LiteLLM's proxy as its documentation recommends it for production, in front of the same provider.

From https://docs.litellm.ai/docs/proxy/prod: a master key, `request_timeout: 600`, `set_verbose: False`,
`json_logs: true`, LITELLM_LOG=ERROR, LITELLM_MODE=PRODUCTION, and `disable_spend_logs` and `disable_error_logs` where
no database is used. From https://docs.litellm.ai/docs/benchmarks: "Setting workers equal to CPU count gives optimal
performance." From https://docs.litellm.ai/docs/proxy/server_tuning: Uvicorn, the default, is recommended. It has no
database, no Redis and no callback: nothing is recorded, which is less than the gateway does.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import yaml

from bench.gateway.layout import LITELLM_KEY, LITELLM_PORT, MODEL, PROVIDER_KEY, PROVIDER_PORT, VIRTUAL_ENVIRONMENT
from bench.gateway.parts import Part, family
from bench.gateway.provider import answers
from bench.layout import CACHE
from bench.shell import require, wait_for
from lab.progress import wait_until

START_SECONDS = 300
STOP_SECONDS = 20


def settings(address: str) -> dict[str, object]:
    """Return the proxy's configuration for a provider at an address of this machine."""
    provider = {
        "model": f"openai/{MODEL}",
        "api_base": f"http://{address}:{PROVIDER_PORT}/v1",
        "api_key": PROVIDER_KEY,
    }
    return {
        "model_list": [{"model_name": MODEL, "litellm_params": provider}],
        "general_settings": {"master_key": LITELLM_KEY, "disable_spend_logs": True, "disable_error_logs": True},
        "litellm_settings": {"request_timeout": 600, "set_verbose": False, "json_logs": True, "telemetry": False},
    }


def environment() -> dict[str, str]:
    """Return the recommended environment; prices come from the package and are not fetched at the start."""
    return {
        **os.environ,
        "LITELLM_MODE": "PRODUCTION",
        "LITELLM_LOG": "ERROR",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }


@contextlib.contextmanager
def running(address: str) -> Iterator[Part]:
    """Run the proxy on this machine, without a container in its way, and yield it; end all of it afterwards."""
    require(not answers(address, LITELLM_PORT), f"port {LITELLM_PORT} of this machine is taken")
    with tempfile.TemporaryDirectory(prefix="helicone-bench-litellm-") as folder:
        file = Path(folder) / "config.yaml"
        file.write_text(yaml.safe_dump(settings(address)))
        workers = str(os.cpu_count() or 1)
        words = ["litellm", "--config", str(file), "--host", address, "--port", str(LITELLM_PORT)]
        CACHE.mkdir(parents=True, exist_ok=True)
        with (CACHE / "litellm.log").open("w") as log:
            process = subprocess.Popen(
                [str(VIRTUAL_ENVIRONMENT / "bin" / words[0]), *words[1:], "--num_workers", workers],
                cwd=folder, env=environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        try:
            wait_for(
                lambda: answers(address, LITELLM_PORT) or process.poll() is not None,
                "the start of LiteLLM's proxy", START_SECONDS,
            )  # fmt: skip
            require(process.poll() is None, "LiteLLM's proxy ended at once", "read .cache/bench/litellm.log")
            yield Part("litellm", processes=(process.pid,))
        finally:
            stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process, and those of its family that outlive it."""
    members = family([process.pid])
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    for pid in members:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in members), seconds=5)


def version() -> str:
    """Return LiteLLM's version."""
    python = VIRTUAL_ENVIRONMENT / "bin" / "python"
    script = "from importlib.metadata import version; print(version('litellm'))"
    return subprocess.run([python, "-c", script], capture_output=True, text=True, check=True).stdout.strip()
