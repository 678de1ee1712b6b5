"""Every runbook: the thing is broken, looks as the page says, and is over once its commands were typed."""

from __future__ import annotations

import shlex
import shutil
import socket
import ssl
import subprocess
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pyrage
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lab.containers import remove_container
from lab.hosts import find_host, host_container
from lab.keys import host_key
from lab.layout import IMAGES, KNOWN_HOSTS, UPSTREAM_REPOSITORY
from tests.lab.changing import deploy_until, host_variables
from tests.lab.command import ADDRESSES, ROOT, authorities, invoke, lab, on_host, secret
from tests.lab.following import follow, looks, operators_machine, over
from tests.lab.runbook import TYPED
from tests.lab.test_backup import CONTAINER, REPOSITORY, ask, backup, postgres, recorded
from tests.lab.test_keys import ask as status_of
from tests.lab.test_keys import settled

pytestmark = pytest.mark.usefixtures("machine")

HOSTS = ("app1", "app2")
PLACE = "/etc/helicone/tls"


@pytest.fixture(scope="module", autouse=True)
def machine(as_found_in_the_end: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Sit down at a machine that has what an operator's has."""
    with operators_machine(tmp_path_factory.mktemp("tools")):
        yield
    assert invoke("lab.up").code == 0  # which pins the hosts' keys, should a test have ended before it did


def stop(host: str, service: str) -> None:
    """Stop a service as somebody does by mistake: Docker leaves it stopped."""
    on_host(host, f"docker stop -t 2 $({CONTAINER}={service})")


def send(host: str = "app1") -> str:
    """Send a completion, which has to be answered, and return its id."""
    identifier, status = ask(host, secret("helicone_api_key"))
    assert status == 200
    return identifier


def test_a_gateway_that_somebody_stopped():
    stop("app1", "gateway")
    looks("gateway-unreachable")
    with pytest.raises(OSError, match="refused"):
        send("app1")
    send("app2")  # the other one goes on
    result = follow("gateway-unreachable", TYPED, HOST="app1")
    assert "start" in result.out
    follow("gateway-unreachable", "If the gateway runs and still nobody gets in", HOST="app1")
    over("gateway-unreachable")


@pytest.mark.long
def test_a_gateway_whose_docker_is_down():
    stop("app2", "gateway")  # Docker, killed by its init script, would wait at its start for the gateway to drain
    on_host("app2", "service docker stop")
    try:
        send("app1")
        follow("gateway-unreachable", "If Docker does not run on the host", HOST="app2")
    finally:
        on_host("app2", "service docker start", check=False)
    send("app2")
    over("gateway-unreachable")


@pytest.mark.long
def test_requests_that_jawn_does_not_take():
    for host in HOSTS:
        stop(host, "jawn")
    sent = [send(host) for host in HOSTS]  # answered all the same
    looks("requests-not-in-the-ui")
    follow("requests-not-in-the-ui", TYPED)
    assert recorded(sent) == set(sent)
    follow("requests-not-in-the-ui", "If status says that every record is in Helicone")
    over("requests-not-in-the-ui")


@pytest.mark.long
def test_a_web_that_knows_nothing_of_being_self_hosted():
    script = (
        "import json, subprocess\n"
        "run = lambda *words: subprocess.run(words, check=True, capture_output=True, text=True).stdout\n"
        "(made,) = json.loads(run('docker', 'inspect', 'helicone-lab-web-1'))\n"
        "config, host = made['Config'], made['HostConfig']\n"
        "words = ['docker', 'run', '--detach', '--name', 'helicone-lab-web-1', '--restart', 'unless-stopped']\n"
        "for name, value in config['Labels'].items():\n"
        "    if name.startswith('com.docker.compose.') and not name.endswith('.config-hash'):\n"
        "        words += ['--label', f'{name}={value}']\n"
        "for one in config['Env']:\n"
        "    if not one.startswith(('NEXT_PUBLIC_IS_ON_PREM=', 'NEXT_PUBLIC_APP_URL=', 'APP_URL=')):\n"
        "        words += ['--env', one]\n"
        "for inside, places in (host['PortBindings'] or {}).items():\n"
        "    for place in places:\n"
        "        words += ['--publish', '%s:%s:%s' % (place['HostIp'], place['HostPort'], inside)]\n"
        "words += ['--network', host['NetworkMode'], '--network-alias', 'web', config['Image'], *config['Cmd']]\n"
        "run('docker', 'rm', '--force', 'helicone-lab-web-1')\n"
        "run(*words)\n"
    )
    on_host("app1", f"python3 -c {shlex.quote(script)}")
    time.sleep(2)
    looks("ui-redirects")
    send("app1")
    follow("ui-redirects", TYPED)
    follow("ui-redirects", "If the address is another one of yours", HOST="app1")
    over("ui-redirects")


def test_a_disk_without_room():
    """The environment's folder on the data host lies on a small disk of its own, with a forgotten file on it."""
    folder = "/opt/helicone/lab"
    small = "mkdir -p /tmp/small && mount -t tmpfs -o size=1100m tmpfs /tmp/small"
    on_host("data1", f"{small} && cp -a {folder}/. /tmp/small && mount --bind /tmp/small {folder}")
    on_host("data1", f"head -c 200M /dev/zero >{folder}/forgotten.sql")
    try:
        looks("disk-full")
        send("app1")
        follow("disk-full", TYPED, HOST="data1", FILE=f"{folder}/forgotten.sql")
        follow("disk-full", "If it is the data itself", HOST="data1")
        over("disk-full")
    finally:
        # What was written and removed meanwhile stays so.
        gone = f"cd {folder}/releases && for one in *; do [ -e /tmp/small/releases/$one ] || rm -rf $one; done"
        on_host("data1", f"rm -f {folder}/forgotten.sql; umount {folder}; {gone}; cp -a /tmp/small/. {folder}")
        on_host("data1", "umount -l /tmp/small")


def test_a_postgresql_that_is_down():
    stop("data1", "db")
    looks("postgres-down")
    sent = [send(host) for host in HOSTS]
    follow("postgres-down", TYPED)
    over("postgres-down")
    assert recorded(sent) == set(sent)


@pytest.mark.long
def test_a_clickhouse_that_is_down():
    stop("data1", "clickhouse")
    looks("clickhouse-down")
    sent = [send(host) for host in HOSTS]
    follow("clickhouse-down", TYPED)
    over("clickhouse-down")
    assert recorded(sent) == set(sent)


@pytest.fixture
def committed(tmp_path: Path) -> Path:
    """Keep the project in version control, as an operator of the lab would, with the tools in place."""
    repository = tmp_path / "project"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(repository)], check=True)
    for name in ("known_hosts", "images.lock.yml", "secrets.yml.age"):
        shutil.copy(ROOT / "inventory/lab" / name, repository / "inventory/lab" / name)
    variables = repository / "inventory/lab/group_vars/all.yml"
    kept = [line for line in variables.read_text().splitlines() if "identity_file:" not in line]
    variables.write_text("\n".join(line for line in kept if line != "connection:") + "\n")
    (repository / ".lab").mkdir()
    (repository / ".lab/upstream.git").symlink_to((ROOT / ".lab/upstream.git").resolve())
    shutil.copy(ROOT / ".lab/ca.crt", repository / ".lab/ca.crt")
    (repository / ".venv").symlink_to((ROOT / ".venv").resolve())  # what bootstrap would make again takes a minute
    identity = ("-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
    for words in (("add", "--all", "--force", "inventory", ".lab", ".venv"), ("commit", "--quiet", "-m", "as it is")):
        subprocess.run(["git", "-C", str(repository), *identity, *words], check=True)
    return repository


def test_another_machine_takes_over_when_the_controller_dies_in_the_middle_of_a_deploy(committed: Path, tmp_path: Path):
    deploy_until(("switch to",), "--set", f"jawn.environment.LAB_MARK=lost-{time.monotonic_ns()}")
    copies = tmp_path / "safe"
    copies.mkdir()
    shutil.copy(ROOT / ".lab/age.key", copies)
    shutil.copy(ROOT / ".lab/id_ed25519", copies)
    home, desk = tmp_path / "home", tmp_path / "desk"
    home.mkdir()
    desk.mkdir()
    follow("lost-controller", TYPED, folder=desk, home=home, REPOSITORY=str(committed), COPY=str(copies))
    over("lost-controller", folder=desk / "helicone", home=home)
    assert lab("plan").out.strip().startswith("no changes")


def take_away(name: str) -> None:
    """Remove a host with all that is on it, and its SSH key."""
    remove_container(host_container(find_host(name), ()))
    for path in (host_key(name), Path(f"{host_key(name)}.pub")):
        path.unlink()


def install_anew() -> None:
    """Let new machines be installed in the place of those that are gone; who they are is not known to the inventory."""
    pinned = KNOWN_HOSTS.read_text()
    result = invoke("lab.up")
    assert result.code == 0, result.text
    KNOWN_HOSTS.write_text(pinned)


@pytest.mark.long
def test_an_edge_and_app_host_that_is_lost():
    send("app1")
    take_away("app1")
    try:
        looks("lost-host")
        send("app2")
        follow("lost-host", "If you want to go on without it for now", OTHERS="app2,data1")
    finally:
        install_anew()
    assert "host key changed" in lab("status").text
    follow("lost-host", TYPED, HOST="app1")
    authorities.cache_clear()  # it has a new one
    sent = send("app1")
    over("lost-host")
    assert recorded([sent]) == {sent}


def test_a_clients_key_that_leaked(tmp_path: Path):
    leaked = lab("apikey.create", "--name", f"leaked-{uuid.uuid4().hex[:8]}").out.strip()
    settled(200, leaked, "app1")
    file = tmp_path / "leaked.txt"
    file.write_text(leaked + "\n")
    name = f"fresh-{uuid.uuid4().hex[:8]}"
    made = follow("leaked-key", "If it is a client's Helicone key", NAME=name, FILE=str(file)).out.split()
    for host in HOSTS:
        settled(401, leaked, host)
        assert status_of(next(word for word in made if word.startswith("sk-helicone-")), host) == 200
    over("leaked-key")
    lab("apikey.revoke", "--key", name, "--yes")


def test_the_environments_own_key_and_a_providers_that_leaked(tmp_path: Path):
    old = secret("helicone_api_key")
    follow("leaked-key", "If it is the environment's own Helicone key")
    for host in HOSTS:
        settled(401, old, host)
    file, vault = tmp_path / "new.txt", ROOT / "inventory/lab/secrets.yml.age"
    before = vault.read_bytes()
    file.write_text(f"sk-{uuid.uuid4().hex}\n")
    try:
        follow("leaked-key", "If it is a provider's key", FILE=str(file))
        assert secret("provider_api_key") == file.read_text().strip()
        over("leaked-key")
    finally:
        vault.write_bytes(before)  # the lab has none


@pytest.mark.long
def test_an_age_identity_that_leaked():
    identity, vault = ROOT / ".lab/age.key", ROOT / "inventory/lab/secrets.yml.age"
    leaked = next(line for line in identity.read_text().splitlines() if line.startswith("AGE"))
    old = {name: secret(name) for name in ("postgres_password", "helicone_api_key", "better_auth_secret")}
    follow("leaked-key", "If it is your age identity, or somebody had the secrets open")
    assert [name for name, value in old.items() if secret(name) == value] == []
    assert identity.stat().st_mode & 0o777 == 0o600
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(vault.read_bytes(), [pyrage.x25519.Identity.from_str(leaked)])
    over("leaked-key")


@pytest.fixture
def upstream(tmp_path: Path) -> list[str]:
    """Return the settings of a version with migrations more, whose image fails at the second of them."""
    folder = tmp_path / "upstream"
    git = [
        "git",
        "-C",
        str(folder),
        "-c",
        "user.name=T",
        "-c",
        "user.email=t@example.com",
        "-c",
        "commit.gpgsign=false",
    ]
    subprocess.run(["git", "clone", "--quiet", str(UPSTREAM_REPOSITORY), str(folder)], check=True)
    shutil.copytree(IMAGES / "migrations-next" / "more", folder, dirs_exist_ok=True)
    subprocess.run([*git, "add", "--all"], check=True)
    subprocess.run([*git, "commit", "--quiet", "-m", "migrations more"], check=True)
    subprocess.run([*git, "tag", "next"], check=True)
    wanted = (f"upstream.repo={folder}", "upstream.ref=next", "images.migrations=registry.lab:5000/migrations:broken")
    return [word for one in wanted for word in ("--set", one)]


@pytest.mark.long
def test_a_migration_that_fails_half_way_and_the_way_back_by_hand(upstream: list[str]):
    sent = send()
    assert recorded([sent]) == {sent}
    kept = backup()
    failed = lab("deploy", "--yes", *upstream)
    assert failed.code == 5, failed.text
    looks("failed-migration", printed={"invoke deploy --env mine": failed.text})
    follow("failed-migration", TYPED)
    follow("failed-migration", "If it ended with 6, or the old version does not work with what was applied", ID=kept)
    assert postgres("select count(*) from flyway_schema_history where script like '%_next-%'") == ["0"]
    assert recorded([sent], 0) == {sent}
    over("failed-migration")


@pytest.mark.long
def test_an_authority_of_an_edges_own_that_is_gone(tmp_path: Path):
    volume = "/var/lib/docker/volumes/helicone-lab-certificates/_data"
    trusted = authorities()
    on_host("app1", f"rm -rf {volume}/caddy/pki")
    looks("certificate")
    follow("certificate", TYPED, HOST="app1")
    file = ROOT / "helicone-ca.pem"
    try:
        follow("certificate", "If the mode is internal", HOST="app1")
        now = file.read_text()
    finally:
        file.unlink(missing_ok=True)
    assert now != trusted
    authorities.cache_clear()
    assert handshake("app1", now)
    assert not handshake("app1", trusted)
    follow("certificate", "If the mode is auto", HOST="app1")
    over("certificate")


def handshake(host: str, trusted: str) -> bool:
    """Tell whether clients who trust these certificates get a connection to a host's gateway."""
    context = ssl.create_default_context(cadata=trusted)
    try:
        with socket.create_connection((ADDRESSES[host], 8787), 10) as plain:
            context.wrap_socket(plain, server_hostname=ADDRESSES[host]).close()
    except ssl.SSLCertVerificationError:
        return False
    return True


def pair(folder: Path, days: int) -> str:
    """Write a certificate for app1 that ends in so many days, with its key; return it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    # A name of its own: OpenSSL trusts the first of several that are called the same.
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, folder.name)])
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address(ADDRESSES["app1"]))])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=90))
        .not_valid_after(now + timedelta(days=days)).add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    folder.mkdir()
    text = made.public_bytes(serialization.Encoding.PEM)
    (folder / "fullchain.pem").write_bytes(text)
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return text.decode()


def put(folder: Path) -> None:
    """Put a pair into app1's directory for certificates, where edge and gateway read it."""
    for name in ("privkey.pem", "fullchain.pem"):
        subprocess.run(["docker", "cp", "--quiet", str(folder / name), f"helicone-lab-app1:{PLACE}/{name}"], check=True)


@pytest.mark.long
def test_a_certificate_of_the_operators_that_nobody_renewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folders = {name: tmp_path / name for name in ("first", "over", "fresh")}
    ends = {"first": 30, "over": -1, "fresh": 60}
    trusted = "".join(pair(folders[name], days) for name, days in ends.items())
    (tmp_path / "trusted.pem").write_text(trusted)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))  # what this machine trusts
    on_host("app1", f"mkdir -p {PLACE}")
    put(folders["first"])
    try:
        with host_variables("app1", f"edge: {{tls: {{mode: files, directory: {PLACE}}}}}\n"):
            result = lab("deploy", "--yes")
            assert result.code == 0, result.text
            put(folders["over"])
            # Newest first: a gateway that still drains may end meanwhile.
            on_host("app1", f"docker restart -t 1 $({CONTAINER}=edge) $({CONTAINER}=gateway | head -n 1)")
            healthy = f"docker inspect --format {{{{.State.Health.Status}}}} $({CONTAINER}=gateway | head -n 1)"
            on_host("app1", f"timeout 60 sh -c 'until [ \"$({healthy})\" = healthy ]; do sleep 1; done'")
            looks("certificate")
            follow("certificate", "If the mode is files", HOST="app1", FOLDER=str(folders["fresh"]))
            over("certificate")
    finally:
        result = lab("deploy", "--yes")
        assert result.code == 0, result.text


@pytest.mark.long
def test_a_data_host_that_is_lost_with_everything_on_it(tmp_path: Path):
    name = f"client-{uuid.uuid4().hex[:8]}"
    client = lab("apikey.create", "--name", name).out.strip()
    settled(200, client, "app1")
    before = [ask(host, client)[0] for host in HOSTS]
    assert recorded(before) == set(before)
    kept = backup()
    copy = tmp_path / "copy"  # a repository on another machine would simply still be there
    subprocess.run(["docker", "cp", "--quiet", f"helicone-lab-data1:{REPOSITORY}", str(copy)], check=True)

    take_away("data1")
    try:
        looks("restore-from-nothing")
        meanwhile = [ask(host, client) for host in HOSTS]
        assert [status for _, status in meanwhile] == [200, 200]
    finally:
        install_anew()
    follow(
        "restore-from-nothing", "If the repository is a folder, and you have a copy of it", HOST="data1", COPY=str(copy)
    )
    follow("restore-from-nothing", TYPED, HOST="data1", ID=kept)
    sent = [*before, *(identifier for identifier, _ in meanwhile)]
    assert recorded(sent) == set(sent)
    for host in HOSTS:
        settled(200, client, host)
    over("restore-from-nothing")

    password = tmp_path / "password"
    password.write_text(secret("backup_password"))
    file, vault = ROOT / "inventory/lab/secrets.yml.age", tmp_path / "vault"
    known = file.read_bytes()
    file.rename(vault)
    try:
        follow("restore-from-nothing", "If secrets.yml.age is lost too", REPOSITORY=str(copy), FILE=str(password))
        assert file.read_bytes() == known
    finally:
        vault.rename(file)
    lab("apikey.revoke", "--key", name, "--yes")
