"""What runs on the host: started as it is on a host, and its parts."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from gateway.agent.engine import HASH_LABEL
from gateway.verify.onhost import containers, listening, questions
from gateway.verify.onhost.s3_signature import signed_headers
from gateway.verify.onhost_bundle import look_command

ORDER: dict[str, Any] = {"project": "helicone-none", "defaults": [], "ports": [], "published": [], "questions": []}


def inspected(service: str, **changes: Any) -> dict[str, Any]:
    """Return what the engine says of a container."""
    return {
        "Id": f"{service}0123456789", "Name": f"/helicone-test-{service}-1", "Mounts": [], "RestartCount": 0,
        "State": {"Status": "running", "Running": True, "ExitCode": 0, "Pid": os.getpid(), "StartedAt": "2026-01-01"},
        "Config": {
            "Image": "i", "Env": changes.pop("Env", []),
            "Labels": {"com.docker.compose.service": service, HASH_LABEL: "h"},
        },
        "HostConfig": {
            "RestartPolicy": {"Name": "always"}, "Memory": 1, "LogConfig": {"Type": "json-file", "Config": None},
            "Privileged": False, "NetworkMode": "n", "PortBindings": {}, **changes,
        },
        "NetworkSettings": {"Networks": {"n": {"IPAddress": "127.0.0.1"}}},
    }  # fmt: skip


def test_the_program_travels_and_says_what_is_wrong_without_an_engine(tmp_path: Path) -> None:
    command = look_command(ORDER).replace(
        "from gateway.verify.onhost.program",
        f'import gateway.agent.engine as e; e.SOCKET = "{tmp_path}/none"; from gateway.verify.onhost.program',
    )
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["problem"].startswith("Docker Engine does not answer")


def test_the_command_fits_into_one_argument() -> None:
    assert len(look_command({**ORDER, "questions": [{"kind": "x" * 100}] * 100})) < 131_072  # MAX_ARG_STRLEN


@pytest.mark.parametrize(
    ("engine_says", "check_passes", "told"),
    [("starting", True, "healthy"), ("starting", False, "starting"), ("unhealthy", True, "unhealthy"), ("", True, "")],
)
def test_a_container_that_the_engine_has_not_checked_yet_is_asked(
    monkeypatch: pytest.MonkeyPatch, engine_says: str, check_passes: bool, told: str
) -> None:
    """Right after a deploy the engine's first look is up to an interval away."""
    container = inspected("db")
    container["State"]["Health"] = {"Status": engine_says} if engine_says else None
    monkeypatch.setattr(containers.engine, "passes_own_check", lambda _: check_passes)
    assert containers.describe(container, [])["health"] == told


def test_values_do_not_leave_the_host_and_defaults_are_found() -> None:
    environment = [
        "POSTGRES_PASSWORD=testpassword", "URL=postgres://u:minioadmin@db/x", "POSTGRES_USER=postgres",
        'CREDS={"CLICKHOUSE_PASSWORD": "secret", "CLICKHOUSE_USER": "default"}', "API_KEY=good-and-long",
    ]  # fmt: skip
    known = ["testpassword", "minioadmin", "postgres", "secret", "default"]
    described = containers.describe(inspected("db", Env=environment), known)
    assert described["defaults"] == ["CREDS", "POSTGRES_PASSWORD", "URL"]
    assert described["environment"]["API_KEY"] == containers.value_hash("good-and-long")
    assert "good-and-long" not in json.dumps(described)


def test_processor_limits_are_read_in_both_forms() -> None:
    assert containers.describe(inspected("db", NanoCpus=1_500_000_000), [])["cpus"] == 1.5
    assert containers.describe(inspected("db", CpuQuota=50_000, CpuPeriod=100_000), [])["cpus"] == 0.5


def test_a_service_in_anothers_network_is_found_there() -> None:
    both = {"egress": inspected("egress"), "jawn": inspected("jawn", NetworkMode="container:egress0123456789")}
    both["jawn"]["NetworkSettings"]["Networks"] = {}
    assert containers.address("jawn", both) == "127.0.0.1"


def test_listeners_are_seen_and_published_ones_left_out() -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:  # noqa: S104 - closed at once
        port = server.getsockname()[1]
        (found,) = listening.of_host([port], [])
        assert (found["address"], found["port"]) == ("0.0.0.0", port)  # noqa: S104 - compared
        assert found["process"] == Path("/proc/self/comm").read_text().strip()
        assert listening.of_host([port], [["0.0.0.0", port]]) == []  # noqa: S104 - compared


def test_loopback_is_no_matter() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert listening.of_host([server.getsockname()[1]], []) == []


def test_questions_to_what_is_not_there_say_so() -> None:
    question = {"kind": "http", "service": "web", "port": 1, "path": "/", "method": "GET", "headers": {}, "body": ""}
    with pytest.raises(questions.Unanswerable, match="there is no container of web"):
        questions.ask_http(question, {})
    stopped = inspected("web")
    stopped["State"].update(Running=False, Status="exited")
    with pytest.raises(questions.Unanswerable, match="container web is exited"):
        questions.ask_http(question, {"web": stopped})


def test_a_signature_is_the_one_of_the_published_algorithm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.gmtime", lambda: (2013, 5, 24, 0, 0, 0, 4, 144, 0))
    headers = signed_headers("examplebucket.s3.amazonaws.com", "/test.txt", "us-east-1", "AKIDEXAMPLE", "wJalrXUtnFEMI")
    assert headers["x-amz-date"] == "20130524T000000Z"
    assert "Credential=AKIDEXAMPLE/20130524/us-east-1/s3/aws4_request" in headers["authorization"]
    assert "SignedHeaders=host;x-amz-content-sha256;x-amz-date" in headers["authorization"]
    again = signed_headers("examplebucket.s3.amazonaws.com", "/test.txt", "us-east-1", "AKIDEXAMPLE", "another")
    assert headers["authorization"] != again["authorization"]


def test_a_bucket_is_asked_for_without_a_list_of_what_is_in_it() -> None:
    """A list takes the bundled store seconds once there are many objects, and every deploy would fail for it."""

    class Store(BaseHTTPRequestHandler):
        """Knows one bucket, and lists none."""

        def do_HEAD(self) -> None:
            """Say whether the bucket is there."""
            self.send_response(200 if self.path == "/kept" and "Signature=" in self.headers["authorization"] else 404)
            self.end_headers()

    with HTTPServer(("127.0.0.1", 0), Store) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        names = {"B": "kept", "OTHER": "gone", "E": f"http://127.0.0.1:{server.server_port}", "A": "a", "S": "s"}
        jawn = {"jawn": inspected("jawn", Env=[f"{name}={value}" for name, value in names.items()])}
        question = {
            "endpoint": "", "endpoint_from": ["jawn", "E"], "region": "r", "bucket": ["jawn", "B"],
            "access_key": ["jawn", "A"], "secret_key": ["jawn", "S"],
        }  # fmt: skip
        assert questions.ask_bucket(question, jawn) == {"status": 200, "bucket": "kept"}
        assert questions.ask_bucket({**question, "bucket": ["jawn", "OTHER"]}, jawn)["status"] == 404
        server.shutdown()
