"""`doctor` over made-up hosts."""

from __future__ import annotations

import pytest

from gateway.commands import doctor as module
from gateway.commands.doctor import HERE, bundle_path, chosen, doctor
from gateway.console import Reporter
from gateway.errors import ConfigurationError, UnreachableError
from gateway.preflight import Finding
from gateway.transport import snapshot
from tests.unit.situations import bare, load

REACHED = {"system": "Debian 12", "can_install": True, "systemd": True, "files": {}}


class Talk:
    """A host without Docker that reaches what it is asked about."""

    def __init__(self, host, now):
        self.host, self.now = host, now

    def request(self, verb, **arguments):
        if verb == "snapshot":
            return bare(engine=None, compose=None, time=self.now)
        places = [{"name": name, "port": port, "problem": "", "refused": False} for name, port in arguments["places"]]
        return {**REACHED, "addresses": [self.host.private_address], "places": places}

    def close(self):
        """Do nothing."""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Return a project whose files are in order and whose host app2 cannot be reached."""
    inventory = load(tmp_path)

    def converse(host, _):
        if host.name == "app2":
            raise UnreachableError("no route", where="app2: connect", next_step="check connection.address")
        return Talk(host, 1000.0)

    monkeypatch.setattr("gateway.transport.fleet.converse", converse)
    monkeypatch.setattr(snapshot.time, "time", lambda: 1000.0)
    monkeypatch.setattr(module, "file_findings", lambda _: [])

    class Project:
        reporter = Reporter(quiet=True)

    Project.inventory = inventory
    return Project


def test_a_good_new_host_may_be_deployed_to(project):
    result = doctor(project, "app1", as_json=True)
    assert result["ok"]
    assert result["findings"] == {HERE: [], "app1": []}
    assert "no Docker yet, a deploy installs it" in result["notes"]["app1"]
    assert "nothing deployed yet" in result["notes"]["app1"]


@pytest.mark.parametrize(("trusted", "expected"), [("", []), ("a certificate", ["registry.example.com/jawn:1"])])
def test_a_registry_whose_certificate_a_deploy_brings_is_not_asked_before(project, monkeypatch, trusted, expected):
    asked = []

    class New(Talk):
        def request(self, verb, **arguments):
            if verb == "snapshot":
                return bare(time=self.now, certificates={"registry.example.com": trusted})
            if verb == "resolve":
                asked.extend(arguments["images"])
                return {}
            return super().request(verb, **arguments)

    place = {("registry.example.com", 443): "registry.example.com/jawn:1"}
    monkeypatch.setattr("gateway.transport.fleet.converse", lambda host, _: New(host, 1000.0))
    monkeypatch.setattr(module, "registries_of", lambda _: place)
    doctor(project, "app1", as_json=True)
    assert asked == expected


def test_a_host_that_cannot_be_reached_is_a_finding_and_hides_no_other(project, monkeypatch, capsys):
    monkeypatch.setattr(module, "file_findings", lambda _: [Finding("no digests", "invoke images.lock --env trial")])
    with pytest.raises(ConfigurationError, match="2 in the way") as caught:
        doctor(project, "", as_json=False)
    assert caught.value.exit_code == 2
    report = caught.value.report
    assert report["findings"]["app2"] == [{"text": "app2: connect: no route", "next_step": "check connection.address"}]
    assert report["findings"]["data1"] == []
    shown = capsys.readouterr().out
    assert "invoke images.lock --env trial" in shown
    assert "check connection.address" in shown


def test_images_without_a_digest_and_an_upstream_that_is_gone_are_found_in_the_files(project, monkeypatch):
    monkeypatch.undo()

    class Broken(project):
        @property
        def upstream(self):
            raise ConfigurationError("cannot be read", where="upstream.repo", next_step="check the address")

    first, second = module.file_findings(Broken())
    assert "images have no digest" in first.text
    assert first.next_step == "invoke images.lock --env trial"
    assert second == Finding("upstream.repo: cannot be read", "check the address")


def test_every_file_that_is_wrong_is_told_and_none_is_written(project, monkeypatch, tmp_path):
    monkeypatch.undo()
    folder = project.inventory.path
    (folder / "images.lock.yml").write_text("caddy: nothing\n")
    (folder / "secrets.yml.age").write_text("no age file")
    monkeypatch.setattr(module, "identity_path", lambda _: folder / "hosts.yml")

    class Broken(project):
        @property
        def upstream(self):
            raise ConfigurationError("cannot be read", where="upstream.repo", next_step="check the address")

    found = [one.text for one in module.file_findings(Broken())]
    assert len(found) == 3
    assert "images.lock.yml:1" in found[0]
    assert found[1] == "upstream.repo: cannot be read"
    assert sorted(path.name for path in folder.iterdir()) == ["hosts.yml", "images.lock.yml", "secrets.yml.age"]


def test_a_host_that_is_none(project):
    with pytest.raises(ConfigurationError, match="no host `app9`") as caught:
        chosen(project.inventory, "app9")
    assert "app1" in caught.value.next_step


@pytest.mark.parametrize("name", ["help.zip", "help", ""])
def test_a_bundle_has_a_name_that_says_what_it_is(name):
    with pytest.raises(ConfigurationError, match=r"does not end in \.tar\.gz"):
        bundle_path(name)


def test_a_bundle_replaces_nothing(tmp_path):
    path = tmp_path / "help.tar.gz"
    assert bundle_path(str(path)) == path
    path.write_text("mine")
    with pytest.raises(ConfigurationError, match="is there already"):
        bundle_path(str(path))
