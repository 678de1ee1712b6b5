"""Names of services."""

import pytest

from gateway.commands.services import chosen_services, services_on
from gateway.errors import ConfigurationError
from tests.unit.situations import bare, container, release, running, service

RELEASE = release(service("jawn"), service("web"), service("migrations", "migrations", one_shot=True))
SEEN = {"app1": running(RELEASE, containers=[container("jawn"), container("stray")]), "data1": bare()}


def test_a_hosts_services_are_those_of_its_release_and_what_runs_besides():
    assert services_on(SEEN["app1"]) == ["jawn", "stray", "web"]
    assert services_on(SEEN["data1"]) == []


@pytest.mark.parametrize(("text", "names"), [("", []), ("jawn", ["jawn"]), (" web, jawn,", ["web", "jawn"])])
def test_several_are_separated_by_commas(text, names):
    assert chosen_services(text, SEEN, "--service") == names


@pytest.mark.parametrize(
    ("text", "message"), [("jwan", "no service `jwan`: did you mean `jawn`"), ("\x1b[31m", "no service `")]
)
def test_an_unknown_one_is_refused_with_those_there_are(text, message):
    with pytest.raises(ConfigurationError) as caught:
        chosen_services(text, SEEN, "--service")
    assert message in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert "jawn, stray, web" in caught.value.next_step
