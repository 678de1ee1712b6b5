"""One host with all three roles, and that host is this machine, reached without SSH."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from gateway.agent.docker_setup import PLUGIN
from lab.layout import INVENTORY, PROVIDER_ADDRESS, PROVIDER_PORT, PUSH_REGISTRY, REGISTRY
from tests.lab.command import ROOT, Result, containers_here, here, http, invoke, secret
from tests.lab.relay import own_address, relay
from tests.readme import PROVIDERS, REQUESTS, key_of, typed

ENVIRONMENT = ROOT / "inventory" / "solo"
PROJECT = "helicone-solo"
OURS = f"--filter label=com.docker.compose.project={PROJECT}"
SERVICES = {
    "db", "clickhouse", "object-store", "egress", "jawn", "web", "door", "edge", "gateway", "keys", "recorder"
}  # fmt: skip
GATEWAY, UI = "http://127.0.0.1:8787", "http://127.0.0.1:3000"


@dataclass(frozen=True)
class Solo:
    """The environment as it was first deployed."""

    release: str
    settings: dict


def solo(verb: str, *words: str) -> Result:
    """Type a command for the environment solo, which must succeed."""
    result = invoke(verb, "--env", "solo", *words)
    assert result.code == 0, result.text
    return result


def remove() -> None:
    """Remove all that a deploy of the environment leaves in this machine's Docker, and the environment."""
    here(f"docker ps -aq {OURS} | xargs -r docker rm --force --volumes")
    here(f"docker network ls -q {OURS} | xargs -r docker network rm")
    here(f"docker volume ls -q {OURS} | xargs -r docker volume rm")
    here("rm -f /etc/init.d/helicone-solo /etc/rc?.d/*helicone-solo /etc/systemd/system/helicone-solo.service")
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)


def images() -> set[str]:
    """Return what this machine's Docker has under the names by which the environment pulls."""
    listing = here("docker image ls --digests --format '{{.Repository}}@{{.Digest}}'")
    return {line for line in listing.split() if line.startswith(PUSH_REGISTRY)}


def describe(folder: Path, provider: str) -> dict:
    """Write the environment: the hosts of `local`, with the lab's images and limits, kept below `folder`."""
    settings = yaml.safe_load((INVENTORY / "group_vars" / "all.yml").read_text())
    del settings["connection"], settings["docker"]
    settings |= {
        "images": {key: name.replace(REGISTRY, PUSH_REGISTRY) for key, name in settings["images"].items()},
        "directory": str(folder / "hosts"),
        "secrets": {"identity": str(folder / "age.key")},
        "providers": {
            "openai": {"base_url": f"{provider}/v1"},
            "modelscope": {"base_url": f"{provider}/modelscope/v1"},
        },
        "edge": {**settings["edge"], "tls": {"mode": "off"}},
        "deploy": {"settle_seconds": 1},
        "backup": {"enabled": False},  # this machine's own timers are no place for a test
        "firewall": {"mode": "off"},  # nor are its rules
    }
    (ENVIRONMENT / "group_vars").mkdir(parents=True)
    shutil.copy(ROOT / "inventory" / "local" / "hosts.yml", ENVIRONMENT)
    (ENVIRONMENT / "group_vars" / "all.yml").write_text(yaml.safe_dump(settings))
    return settings


@pytest.fixture(scope="module")
def environment(deployed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict]:
    """Describe the environment and take all traces of it away afterwards; yield its settings."""
    remove()
    for port in (8787, 3000):
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                pytest.skip(f"port {port} of this machine is taken")
    before, missing = images(), [path for path in (PLUGIN, *PLUGIN.parents) if not path.exists()]
    # Docker keeps its networks apart, so the lab's provider is reached by way of this machine's own address.
    address = own_address(PROVIDER_ADDRESS)
    folder = tmp_path_factory.mktemp("solo")
    try:
        with relay(address, (PROVIDER_ADDRESS, PROVIDER_PORT)) as port:
            yield describe(folder, f"http://{address}:{port}")
    finally:
        remove()
        shutil.rmtree(folder)
        here(f"docker rmi {' '.join(sorted(images() - before))} || true")
        for path in missing:  # what a deploy installs on a machine without Compose
            with contextlib.suppress(OSError):  # never made, or somebody else's by now
                path.unlink() if path == PLUGIN else path.rmdir()


@pytest.fixture(scope="module")
def installed(environment: dict) -> Solo:
    """Type what a fresh machine needs: digests, then a deploy."""
    solo("images.lock")
    result = solo("deploy", "--yes", "--json").data()
    assert result["outcome"] == "deployed"
    return Solo(result["release"], environment)


def test_the_request_of_the_welcome_is_answered_and_recorded(installed):
    curl = solo("welcome", "--json").data()["curl"]
    done = subprocess.run(["/bin/sh", "-c", curl], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("HTTP/1.1 200 "), done.stdout
    assert f" {GATEWAY}/v1/chat/completions " in curl
    identifier = re.search(r"(?im)^helicone-id: (\S+)", done.stdout)
    assert identifier, done.stdout
    key = f"Bearer {secret('helicone_api_key', 'solo')}"
    query = {"filter": {"request_response_rmt": {"request_id": {"equals": identifier[1]}}}, "limit": 1, "offset": 0}
    for _ in range(240):
        status, _, text = http("POST", f"{UI}/jawn/v1/request/query-clickhouse", query, Authorization=key)
        assert status == 201, text
        if json.loads(text)["data"]:
            break
        time.sleep(0.5)
    assert [row["response_status"] for row in json.loads(text)["data"]] == [200]


@pytest.mark.parametrize(("language", "text"), REQUESTS)
def test_the_requests_of_the_readme_work_as_they_stand(installed, language, text):
    before = asked_of_providers()
    done = typed(language, text, secret("helicone_api_key", "solo"))
    assert done.returncode == 0, done.stderr
    assert "STAND-IN" in done.stdout
    name = PROVIDERS[key_of(text)]
    assert asked_of_providers() == {**before, name: before.get(name, 0) + 1}


def asked_of_providers() -> dict[str, int]:
    """Return how often each of the lab's providers was asked."""
    found: dict[str, int] = json.loads(http("GET", f"http://{PROVIDER_ADDRESS}:{PROVIDER_PORT}/lab/hits")[2])[
        "providers"
    ]
    return found


def test_deploying_again_changes_nothing(installed):
    before = containers_here(PROJECT)
    assert set(before) == SERVICES
    assert "no changes" in solo("deploy", "--yes").out
    assert containers_here(PROJECT) == before


def test_only_the_edge_is_published_and_on_loopback_alone(installed):
    listing = here(f"docker ps {OURS} --format '{{{{.Ports}}}}'")
    published = {port for port in re.split(r"[,\s]+", listing) if "->" in port}
    assert published == {"127.0.0.1:8787->8787/tcp", "127.0.0.1:3000->3000/tcp"}


def test_signing_in_on_the_ui_port_opens_the_first_organization(installed):
    words = {"email": "admin@example.com", "password": secret("admin_password", "solo")}
    status, headers, text = http("POST", f"{UI}/api/auth/sign-in/email", words, Origin=UI)
    assert status == 200, text
    cookie = headers["set-cookie"].partition(";")[0]
    _, _, session = http("GET", f"{UI}/api/auth/get-session", Cookie=cookie)
    assert json.loads(session)["user"]["email"] == words["email"]
    assert json.loads(http("GET", f"{UI}/api/auth/get-session")[2]) is None
    status, _, organizations = http("GET", f"{UI}/jawn/v1/organization", Cookie=cookie)
    assert status == 200, organizations
    assert len(json.loads(organizations)["data"]) == 1
    assert http("GET", f"{UI}/jawn/v1/organization")[0] in (401, 403, 500)


def test_one_variable_restarts_jawn_alone_and_a_rollback_takes_it_back(installed):
    before = containers_here(PROJECT)
    assert solo("deploy", "--yes", "--json", "--set", "jawn.environment.MARK=1").data()["outcome"] == "deployed"
    changed = containers_here(PROJECT)
    assert {service for service in SERVICES if changed[service] != before[service]} == {"jawn"}
    solo("rollback", "--yes")
    host = solo("status", "--json").data()["hosts"]["localhost"]
    assert (host["state"], host["release"]) == ("ok", installed.release)
    back = containers_here(PROJECT)
    assert {service for service in SERVICES if back[service] != changed[service]} == {"jawn"}
    report = solo("verify", "--json").data()
    assert report["hosts"]["localhost"] == report["passed"] >= 100


def test_the_folder_of_the_host_is_where_the_inventory_says(installed):
    folder = Path(installed.settings["directory"]) / "solo"
    assert (folder / "current").resolve().parent == folder / "releases"
    assert (folder / "current" / ".env").stat().st_mode & 0o777 == 0o600
